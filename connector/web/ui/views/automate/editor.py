"""Making and changing a rule: looked ahead, rehearsed, tried, and only then in force."""

from __future__ import annotations

from typing import Any

from flask import request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from connector.alerts.trial import try_out
from connector.db.tables import Classifier, Rule
from connector.domain import (
    classifiers,
    folders,
    foreseeing,
    rule_drafts,
    source_names,
    studies,
)
from connector.domain import rules as domain
from connector.domain.conditions import When
from connector.domain.rules import CheckedAction
from connector.errors import ColabelError
from connector.web.services import services
from connector.web.ui import action_forms, flashes, rule_forms, rule_words, visitors
from connector.web.ui.forms import Form
from connector.web.ui.rendering import go, page
from connector.web.ui.rule_forms import RuleForm
from connector.web.ui.views.automate.pages import RULE, RULES, automate
from connector.web.ui.views.automate.rules import say_tried
from connector.web.ui.views.classifier import own_classifier

WHERE = {"unknown_label": "labels"}


@automate.page(f"{RULES}/new", title="rules.new", role="member")
def new_rule(classifier_id: str) -> ResponseReturnValue:
    """A rule to begin with: what the address asks for, or the draft of a rehearsal."""
    with services().database.read() as session:
        classifier = own_classifier(session, classifier_id)
        form = _draft(session, classifier)
    if form is None:
        kind = request.args.get("kind", "move")
        kind = kind if kind in dict(action_forms.kinds()) else "move"
        form = rule_forms.fresh(kind, request.args.get("label", ""))
    return _page(classifier_id, None, form)


@automate.action(f"{RULES}/new")
def draft_new(classifier_id: str) -> ResponseReturnValue:
    """Whatever the buttons of the form say."""
    return _do(classifier_id, None)


@automate.page(f"{RULE}/edit", title="rules.edit", role="member")
def edit_rule(classifier_id: str, rule_id: str) -> ResponseReturnValue:
    """The rule as it is, or the draft of a rehearsal of it."""
    with services().database.read() as session:
        classifier = own_classifier(session, classifier_id)
        row = domain.get_rule(session, classifier, rule_id)
        form = _draft(session, classifier)
    return _page(classifier_id, row, form or rule_forms.of_rule(row))


@automate.action(f"{RULE}/edit")
def draft_edit(classifier_id: str, rule_id: str) -> ResponseReturnValue:
    """Whatever the buttons of the form say."""
    with services().database.read() as session:
        row = domain.get_rule(session, own_classifier(session, classifier_id), rule_id)
    return _do(classifier_id, row)


def _draft(session: Session, classifier: Classifier) -> RuleForm | None:
    study_id = request.args.get("from")
    if not study_id:
        return None
    kept = rule_drafts.of_study(studies.get(session, classifier, study_id))
    found = rule_forms.of_kept(kept.when, kept.actions)
    found.version = kept.version
    return found


def _do(classifier_id: str, row: Rule | None) -> ResponseReturnValue:
    with services().database.read() as session:
        own_classifier(session, classifier_id)
    form, do = rule_forms.sent(), request.form.get("do", "preview")
    if rule_forms.change(form, do):
        return _page(classifier_id, row, form)
    when = rule_forms.read(form, services().settings)
    if when is None or form.wrong:
        if do == "preview":
            form.form.status = 200  # to look at what is only begun is no mistake
        return _page(classifier_id, row, form)
    try:
        return _carry_out(classifier_id, row, form, when, do)
    except ColabelError as error:
        form.form.refuse(error, WHERE)
        if row is not None and error.code == "rule_changed":
            # It was said: whoever saves once more means it.
            form.version = row.version
        return _page(classifier_id, row, form)


def _carry_out(
    classifier_id: str, row: Rule | None, form: RuleForm, when: When, do: str
) -> ResponseReturnValue:
    here = services()
    actions = domain.check_actions(here.settings, [one.given() for one in form.actions])
    if do == "test":
        return _test(classifier_id, row, form, when)
    if do == "rehearse":
        with here.database.write() as session:
            classifier = own_classifier(session, classifier_id)
            now = _unchanged(session, classifier, row, form, "rehearse once more")
            wanted = rule_drafts.draft(session, classifier, when, actions, now)
            study = rule_drafts.rehearse(session, classifier, wanted, rule_drafts.DAYS[1])
        return go("automate.rehearsal", classifier_id=classifier_id, rehearsal_id=study.id)
    if do in ("on", "off"):
        saved = _save(classifier_id, row, form, when, actions, enabled=do == "on")
        flashes.flash("rules.saved_on" if do == "on" else "rules.saved_off")
        return go("automate.show", classifier_id=classifier_id, _anchor=f"rule-{saved.rule_id}")
    return _page(classifier_id, row, form, when, actions)


def _unchanged(
    session: Session, classifier: Classifier, row: Rule | None, form: RuleForm, then: str
) -> Rule | None:
    """Return the rule as it is now. Raises Conflict where it is not what the form began with."""
    if row is None:
        return None
    now = domain.get_rule(session, classifier, row.rule_id)
    rule_drafts.check_unchanged(now, form.version, then)
    return now


def _save(
    classifier_id: str,
    row: Rule | None,
    form: RuleForm,
    when: When,
    actions: list[CheckedAction],
    *,
    enabled: bool,
) -> Rule:
    with services().database.write() as session:
        classifier = own_classifier(session, classifier_id)
        if row is None:
            return domain.create_rule(
                session, classifier, when=when, actions=actions, enabled=enabled
            )
        _unchanged(session, classifier, row, form, "save once more if this shall replace it")
        return domain.update_rule(
            session, classifier, row.rule_id, when=when, actions=actions, enabled=enabled
        )


def _test(classifier_id: str, row: Rule | None, form: RuleForm, when: When) -> ResponseReturnValue:
    with services().database.read() as session:
        name = own_classifier(session, classifier_id).name
    label = when.labels[0] if when.labels else None
    say_tried(try_out(services().settings, name, label, [one.given() for one in form.actions]))
    return _page(classifier_id, row, form)


def _page(
    classifier_id: str,
    row: Rule | None,
    form: RuleForm,
    when: When | None = None,
    actions: list[CheckedAction] | None = None,
) -> ResponseReturnValue:
    here = services()
    if when is None and not form.wrong:
        # As it stands, if it can be understood; what is only begun is not called wrong yet.
        when, actions = _understood(form)
    with here.database.read() as session:
        classifier = own_classifier(session, classifier_id)
        workspace = foreseeing.classifier_names(session, visitors.workspace_id())
        context = {
            "classifier": classifier,
            "labels": [one.name for one in classifiers.labels(session, classifier)],
            "sources": list(session.scalars(source_names.own(classifier))),
            "others": [(one, name) for one, name in workspace.items() if one != classifier_id],
        }
    ahead = None if when is None else _ahead(classifier_id, when, actions or [], workspace)
    return page(
        "automate/editor.html",
        status=form.form.status,
        rule=row,
        edited=form,
        form=form.form,
        kinds=action_forms.kinds(),
        most=domain.MAX_ACTIONS,
        source_name=source_names.shown_name,
        ahead=ahead,
        **context,
    )


def _understood(form: RuleForm) -> tuple[When | None, list[CheckedAction]]:
    copy = RuleForm(
        form.labels,
        form.sources,
        Form(dict(form.form.values)),
        [rule_forms.ActionForm(one.kind, dict(one.values)) for one in form.actions],
    )
    when = rule_forms.read(copy, services().settings)
    if when is None or copy.wrong:
        return None, []
    given = [one.given() for one in copy.actions]
    return when, domain.check_actions(services().settings, given)


def _ahead(
    classifier_id: str, when: When, actions: list[CheckedAction], names: dict[str, str]
) -> dict[str, Any] | None:
    """Return what the rule would come to for a real picture; None where it cannot be one yet."""
    here = services()
    sorted_dir = folders.sorted_dir(here.database, here.settings, visitors.workspace_id())
    with here.database.read() as session:
        classifier = own_classifier(session, classifier_id)
        try:
            draft = rule_drafts.draft(session, classifier, when, actions)
        except ColabelError:
            return None
        sources = source_names.names(session, classifier)
        look = foreseeing.latest(session, classifier, draft.when)
        found = []
        if look.row is not None:
            labels = draft.when.get("labels")
            label = labels[0] if labels and not look.fits else None
            seen = foreseeing.sight(session, look.row, here.settings, sorted_dir, label)
            found = foreseeing.foresee(draft.actions, seen)
    return {
        "when": rule_words.when(draft.when, sources),
        "does": foreseeing.told(draft.actions, names),
        "look": look,
        "found": found,
    }
