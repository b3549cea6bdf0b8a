"""How people are asked about a classifier's questions: where, and what if nobody answers."""

from __future__ import annotations

from flask import request
from flask.typing import ResponseReturnValue

from connector import slack
from connector.asks import slack_manifest, slack_messages
from connector.db.tables import Asking
from connector.domain import asking as domain
from connector.domain import asking_state, classifiers, picture_links, promises
from connector.domain.asking import Overdue, Wanted
from connector.errors import ColabelError, Unprocessable
from connector.web.services import services
from connector.web.ui import flashes, renditions
from connector.web.ui.forms import Form
from connector.web.ui.pages import Pages
from connector.web.ui.rendering import go, page
from connector.web.ui.views.classifier import own_classifier

asking = Pages("asking", __name__)
RULE = "/classifiers/<classifier_id>/asking"
# Slack shows it at some 360 points; a phone has up to three pixels a point.
PICTURE = 960


@asking.page(RULE, title="asking.title", role="member")
def show(classifier_id: str) -> ResponseReturnValue:
    """The settings that count, how it goes, and how to set Slack up where it is not."""
    return _page(classifier_id, None)


@asking.action(RULE)
def save(classifier_id: str) -> ResponseReturnValue:
    """Ask in this way from now on: this classifier, or all that have none of their own."""
    form = Form.sent()
    with services().database.read() as session:
        own_classifier(session, classifier_id)
    try:
        wanted = _wanted(form)
        with services().database.write() as session:
            row = own_classifier(session, classifier_id)
            if "for_all" in request.form:
                domain.save_default(session, row.workspace_id, wanted)
                domain.follow_default(session, row)
            else:
                domain.save(session, row, wanted)
    except ColabelError as error:
        form.refuse(error, {"unknown_label": "otherwise"})
        return _page(classifier_id, form)
    flashes.flash("asking.saved_for_all" if "for_all" in request.form else "asking.saved")
    return go("asking.show", classifier_id=classifier_id)


@asking.action(f"{RULE}/default")
def follow(classifier_id: str) -> ResponseReturnValue:
    """Ask as the workspace does."""
    with services().database.write() as session:
        domain.follow_default(session, own_classifier(session, classifier_id))
    flashes.flash("asking.follows")
    return go("asking.show", classifier_id=classifier_id)


@asking.action(f"{RULE}/test")
def test(classifier_id: str) -> ResponseReturnValue:
    """Post a message with a button into the channel, now."""
    with services().database.read() as session:
        row = own_classifier(session, classifier_id)
        found = domain.of(session, row)
        name, channel = row.name, None if found is None else found.channel
    form = None if found is None else _filled(found)
    try:
        if channel is None:
            raise Unprocessable("Choose a channel and save it first.", code="bad_asking")
        settings = services().settings
        url = f"{settings.public_url}/classifiers/{classifier_id}/asking"
        slack.post_message(settings, channel, slack_messages.trial(name, url))
    except ColabelError as error:
        form = form or Form.empty()
        form.error, form.status = error.detail, 422
        return _page(classifier_id, form)
    flashes.flash("asking.tested", channel=channel)
    return go("asking.show", classifier_id=classifier_id)


@asking.part(f"{picture_links.PATH}<signed_picture>/picture.jpg", role=None)
def picture(signed_picture: str) -> ResponseReturnValue:
    """The picture of a question, for Slack to fetch by the address in a message of ours."""
    with services().database.read() as session:
        found = picture_links.look(session, services().settings, signed_picture)
    return renditions.rendition(found, PICTURE)


def _page(classifier_id: str, form: Form | None) -> ResponseReturnValue:
    settings = services().settings
    with services().database.read() as session:
        row = own_classifier(session, classifier_id)
        state = asking_state.state(session, row)
        names = [(one.name, one.name) for one in classifiers.labels(session, row)]
    form = form or _filled(state.row)
    return page(
        "asking/show.html",
        status=form.status,
        classifier=row,
        form=form,
        state=state,
        labels=names,
        guaranteed=row.promise["kind"] in promises.GUARANTEED,
        connected=bool(settings.slack_token),
        answers=bool(settings.slack_signing_secret or settings.slack_app_token),
        mail=bool(settings.smtp_url),
        socket_manifest=slack_manifest.manifest(settings.public_url, socket=True),
        http_manifest=slack_manifest.manifest(settings.public_url, socket=False),
    )


def _filled(row: Asking | None) -> Form:
    if row is None:
        return Form.empty(most_open="5", do=domain.REMIND, enabled="on")
    policy = domain.overdue_of(row)
    return Form.empty(
        channel=row.channel or "",
        enabled="on" if row.enabled else "",
        most_open=str(row.most_open),
        overdue_hours=_shown(row.overdue_hours),
        do=policy.do,
        again_hours=_shown(policy.again_hours),
        email="on" if policy.email else "",
        pass_channel=policy.channel or "",
        percent=_shown(None if policy.min_confidence is None else 100 * policy.min_confidence),
        otherwise=policy.otherwise or "",
    )


def _shown(number: float | None) -> str:
    return "" if number is None else f"{number:g}"


def _wanted(form: Form) -> Wanted:
    percent = _number(form, "percent")
    policy = Overdue(
        do=form["do"] or domain.REMIND,
        again_hours=_number(form, "again_hours"),
        email="email" in form.values,
        channel=form["pass_channel"].strip() or None,
        min_confidence=None if percent is None else percent / 100,
        otherwise=form["otherwise"] or None,
    )
    return Wanted(
        channel=form["channel"].strip() or None,
        enabled="enabled" in form.values,
        most_open=int(_number(form, "most_open") or 0),
        overdue_hours=_number(form, "overdue_hours"),
        overdue=policy,
    )


def _number(form: Form, name: str) -> float | None:
    text = form[name].strip().replace(",", ".")
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not 0 <= value < 1e9:
        raise Unprocessable(
            f"“{text[:20]}” is not a number; write one such as 4.", code="bad_asking"
        )
    return value
