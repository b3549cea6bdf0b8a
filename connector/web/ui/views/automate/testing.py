"""A test picture: sent by the real road and followed step by step, or only looked at."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from flask import request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from connector.db.tables import Classifier, Source
from connector.domain import (
    accepting,
    classifiers,
    foreseeing,
    glances,
    prediction_list,
    predictions,
    rules,
    source_names,
    studies,
    trail,
    ways_in,
)
from connector.domain.classifiers import HOOK
from connector.domain.longwork import UNFINISHED
from connector.domain.prediction_list import PredictionFilter
from connector.domain.predictions import SourceRef, Submission
from connector.errors import BadRequest, ColabelError, NotFound
from connector.inbound.generic import ImageReference
from connector.web import intake
from connector.web.operations import ARCHIVE_BYTES
from connector.web.services import services
from connector.web.ui import navigation, rule_forms, rule_words, trail_steps, visitors
from connector.web.ui.forms import Form
from connector.web.ui.rendering import go, live, page
from connector.web.ui.views.automate.pages import SOURCE, TAB, automate, own_source
from connector.web.ui.views.classifier import own_classifier
from connector.web.ui.words import t

RECENT = 12
TEST = f"{TAB}/test"
PICTURE, LOOK = f"{TAB}/pictures/<prediction_id>", f"{TAB}/looks/<look_id>"


@automate.page(TEST, title="trail.test", role="member")
def test(classifier_id: str) -> ResponseReturnValue:
    """Which picture, by which way, and whether anything shall really happen."""
    form = Form.empty(source=request.args.get("source", ""), how="look")
    return _page(classifier_id, form)


@automate.action(TEST, limit=ARCHIVE_BYTES)
def send(classifier_id: str) -> ResponseReturnValue:
    """Send it, or only look at it; then follow it."""
    with services().database.read() as session:
        source = _source(session, own_classifier(session, classifier_id), request.form)
    form = Form.sent()
    try:
        if form["how"] == "look":
            study_id = _look(source, form)
            return go("automate.look", classifier_id=classifier_id, look_id=study_id)
        prediction_id = _send(source, form)
    except ColabelError as error:
        form.refuse(error, {"no_files": "file"})
        return _page(classifier_id, form)
    return go("automate.picture", classifier_id=classifier_id, prediction_id=prediction_id)


def _source(session: Session, classifier: Classifier, form: Any) -> SourceRef:
    """Return the way that was chosen; without one it is the API's own, which pages share."""
    chosen = form.get("source", "")
    if chosen:
        row = source_names.get_source(session, classifier, chosen)
    else:
        row = classifiers.source(session, classifier, classifiers.API)
    return SourceRef.of(row, classifier)


def _upload() -> tuple[bytes, str] | None:
    given = request.files.get("file")
    if given is None or not given.filename:
        return None
    return given.stream.read(), given.filename


def _look(source: SourceRef, form: Form) -> str:
    here, given = services(), _upload()
    metadata = rule_forms.read_metadata(form["metadata"])
    if given is not None:
        return glances.of_bytes(here.database, here.blobs, here.settings, source, *given, metadata)
    with here.database.write() as session:
        return glances.of_prediction(session, source, _chosen(session, source, form))


def _send(source: SourceRef, form: Form) -> str:
    here, given = services(), _upload()
    if source.paused:
        raise accepting.paused()
    metadata = rule_forms.read_metadata(form["metadata"])
    if given is None:
        with here.database.read() as session:
            chosen = _chosen(session, source, form)
            row, image = predictions.get_image(session, source.workspace_id, chosen)
            name, metadata = row.name, metadata or row.meta
        given = here.blobs.read(image.sha256), name
    data, name = given
    what = Submission(data=b"", name=name, metadata=metadata)
    way = "hook" if source.kind == HOOK else "api"
    return intake.accept(source, [ImageReference(data=data, name=name)], what, way=way)[0].id


def _chosen(session: Session, source: SourceRef, form: Form) -> str:
    """Return the picture of this classifier that was chosen. Raises BadRequest without one."""
    if not form["picture"]:
        raise BadRequest(t("trail.choose_first"), code="no_files")
    row = predictions.get(session, source.workspace_id, form["picture"])
    if row.classifier_id != source.classifier_id:
        raise NotFound(t("errors.no_page"))
    return row.id


def _page(classifier_id: str, form: Form) -> ResponseReturnValue:
    with services().database.read() as session:
        classifier = own_classifier(session, classifier_id)
        ways = ways_in.of_classifier(session, classifier)
        in_force = sum(row.enabled for row in rules.list_rules(session, classifier))
        wanted = PredictionFilter(classifier_id=classifier.id)
        recent = prediction_list.list_predictions(
            session, classifier.workspace_id, wanted, limit=RECENT
        ).items
    return page(
        "automate/test.html",
        status=form.status,
        classifier=classifier,
        form=form,
        hooks=[("", t("trail.way_api"))]
        + [(one.row.id, one.name) for one in ways if one.row.kind == HOOK],
        others=[one for one in ways if one.row.kind != HOOK],
        in_force=in_force,
        recent=[row for row in recent if row.image_deleted_at is None],
    )


@automate.page(PICTURE, title="trail.title")
def picture(classifier_id: str, prediction_id: str) -> ResponseReturnValue:
    """One picture's way, as far as it is."""
    return page("automate/trail.html", **_followed(classifier_id, prediction_id))


@automate.part(f"{PICTURE}/state")
def picture_state(classifier_id: str, prediction_id: str) -> ResponseReturnValue:
    """How far it is now."""
    return live("automate/trail_body.html", **_followed(classifier_id, prediction_id))


def _followed(classifier_id: str, prediction_id: str) -> dict[str, Any]:
    with services().database.read() as session:
        classifier = own_classifier(session, classifier_id)
        found = trail.follow(session, classifier, prediction_id)
        sources = source_names.names(session, classifier)
        names = foreseeing.classifier_names(session, visitors.workspace_id())
    return {
        "classifier": classifier,
        "trail": found,
        "steps": trail_steps.steps(found, sources, names),
        "whole": navigation.exists("journey.show"),
    }


@automate.page(LOOK, title="trail.look")
def look(classifier_id: str, look_id: str) -> ResponseReturnValue:
    """What would become of a picture."""
    return page("automate/look.html", **_looked(classifier_id, look_id))


@automate.part(f"{LOOK}/state")
def look_state(classifier_id: str, look_id: str) -> ResponseReturnValue:
    """The same, for a page that waits for it."""
    return live("automate/look_body.html", **_looked(classifier_id, look_id))


def _looked(classifier_id: str, look_id: str) -> dict[str, Any]:
    with services().database.read() as session:
        classifier = own_classifier(session, classifier_id)
        study = studies.get(session, classifier, look_id)
        if study.kind != studies.GLANCE:
            raise NotFound(t("errors.no_page"))
        sources = source_names.names(session, classifier)
        names = foreseeing.classifier_names(session, visitors.workspace_id())
    result = study.result
    held = [
        (
            one["rule_id"],
            rule_words.when(one["when"], sources),
            [{**e, "sentence": foreseeing.named(e["sentence"], names)} for e in one["effects"]],
        )
        for one in (result or {}).get("rules", ())
    ]
    return {
        "classifier": classifier,
        "study": study,
        "busy": study.status in UNFINISHED,
        "result": result,
        "rules": held,
        "source": sources.get(study.params["source_id"], ""),
    }


@automate.part(f"{SOURCE}/next", role="member")
def next_picture(classifier_id: str, source_id: str) -> ResponseReturnValue:
    """Wait for the first picture that comes by a source from now on, and lead on to it."""
    since = _since(request.args.get("since", ""))
    with services().database.read() as session:
        classifier, row = own_source(session, classifier_id, source_id)
        found = trail.newest_of(session, row, since)
    if found is not None:
        return go("automate.picture", classifier_id=classifier_id, prediction_id=found)
    return live("automate/next.html", **_awaited(classifier, row, since))


def _awaited(classifier: Classifier, row: Source, since: datetime) -> dict[str, Any]:
    return {
        "classifier": classifier,
        "row": row,
        "name": source_names.shown_name(row),
        "since": int(since.timestamp() * 1000),
    }


def _since(text: str) -> datetime:
    """Return the moment that the page says (milliseconds since 1970), else now."""
    now = datetime.now(UTC)
    if text.isdecimal() and len(text) <= 13:
        return min(now, datetime.fromtimestamp(int(text) / 1000, UTC))
    return now
