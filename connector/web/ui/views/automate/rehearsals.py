"""A rule rehearsed on past pictures, and then switched on."""

from __future__ import annotations

from typing import Any

from flask import request
from flask.typing import ResponseReturnValue

from connector.domain import foreseeing, rule_drafts, source_names, studies
from connector.domain.longwork import UNFINISHED
from connector.errors import ColabelError
from connector.web.services import services
from connector.web.ui import flashes, rule_words, visitors
from connector.web.ui.rendering import go, live, page
from connector.web.ui.views.automate.pages import TAB, automate
from connector.web.ui.views.classifier import own_classifier

ONE = f"{TAB}/rehearsals/<rehearsal_id>"
SHOWN = 60


@automate.page(ONE, title="rules.rehearsal")
def rehearsal(classifier_id: str, rehearsal_id: str) -> ResponseReturnValue:
    """What it would have done."""
    return page("automate/rehearsal.html", **_seen(classifier_id, rehearsal_id))


@automate.part(f"{ONE}/state")
def rehearsal_state(classifier_id: str, rehearsal_id: str) -> ResponseReturnValue:
    """The same, for a page that waits for it."""
    return live("automate/rehearsal_body.html", **_seen(classifier_id, rehearsal_id))


@automate.action(f"{ONE}/again")
def rehearse_again(classifier_id: str, rehearsal_id: str) -> ResponseReturnValue:
    """Rehearse the same on more or fewer days."""
    text = request.form.get("days", "")
    days = int(text) if text in map(str, rule_drafts.DAYS) else rule_drafts.DAYS[1]
    with services().database.write() as session:
        classifier = own_classifier(session, classifier_id)
        draft = rule_drafts.of_study(studies.get(session, classifier, rehearsal_id))
        made = rule_drafts.rehearse(session, classifier, draft, days)
    return go("automate.rehearsal", classifier_id=classifier_id, rehearsal_id=made.id)


@automate.action(f"{ONE}/adopt")
def adopt(classifier_id: str, rehearsal_id: str) -> ResponseReturnValue:
    """Put the rule in force as it was rehearsed."""
    here = services()
    with here.database.read() as session:
        classifier = own_classifier(session, classifier_id)
        draft = rule_drafts.of_study(studies.get(session, classifier, rehearsal_id))
    try:
        actions = rule_drafts.recheck(here.settings, draft)
        with here.database.write() as session:
            classifier = own_classifier(session, classifier_id)
            row = rule_drafts.adopt(session, classifier, draft, actions)
    except ColabelError as error:
        flashes.say(error.detail, "bad")
        return go("automate.rehearsal", classifier_id=classifier_id, rehearsal_id=rehearsal_id)
    flashes.flash("rules.saved_on")
    return go("automate.show", classifier_id=classifier_id, _anchor=f"rule-{row.rule_id}")


def _seen(classifier_id: str, rehearsal_id: str) -> dict[str, Any]:
    with services().database.read() as session:
        classifier = own_classifier(session, classifier_id)
        study = studies.get(session, classifier, rehearsal_id)
        draft = rule_drafts.of_study(study)
        names = foreseeing.classifier_names(session, visitors.workspace_id())
        sources = source_names.names(session, classifier)
    return {
        "classifier": classifier,
        "study": study,
        "draft": draft,
        "busy": study.status in UNFINISHED,
        "result": (study.result or {}).get("rule"),
        "whole": study.result,
        "days": int(study.params["days"]),
        "choices": rule_drafts.DAYS,
        "shown": SHOWN,
        "when": rule_words.when(draft.when, sources),
        "does": foreseeing.told(draft.actions, names),
    }
