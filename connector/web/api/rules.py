"""Rules: what is done with a picture when the answer is there."""

from __future__ import annotations

from collections.abc import Sequence

from flask.typing import ResponseReturnValue

from connector.alerts.trial import try_out
from connector.domain import conditions, resources, source_names
from connector.domain import rules as domain
from connector.web.api.common import CLASSIFIER, listed, own_classifier
from connector.web.operations import Answer, Api
from connector.web.reading import read_json
from connector.web.schemas.rules import (
    AlertTests,
    PreviewedRule,
    Rule,
    RuleCreate,
    RuleList,
    RulePreview,
    RuleUpdate,
    RuleVersions,
    WantedAction,
)
from connector.web.services import services

rules = Api("rules", __name__, tag="Rules")
COLLECTION = f"{CLASSIFIER}/rules"
ONE = f"{COLLECTION}/<rule_id>"


@rules.operation(
    "GET",
    COLLECTION,
    "List the rules in force",
    scope="read",
    answers={200: Answer("In the order in which they are tried", RuleList)},
)
def list_all(classifier_id: str) -> ResponseReturnValue:
    """All of them; there are few."""
    with services().database.read() as session:
        rows = domain.list_rules(session, own_classifier(session, classifier_id))
        return listed(resources.rule(row) for row in rows)


@rules.operation(
    "POST",
    COLLECTION,
    "Make a rule",
    scope="admin",
    model=RuleCreate,
    answers={201: Answer("Made; it holds for answers from now on", Rule)},
)
def create(classifier_id: str) -> ResponseReturnValue:
    """The label may be null: then the rule holds for every answer."""
    wanted = read_json(RuleCreate)
    actions = _checked(classifier_id, wanted.actions)
    with services().database.write() as session:
        row = domain.create_rule(
            session,
            own_classifier(session, classifier_id),
            label=wanted.label,
            when=wanted.when,
            actions=actions,
            position=wanted.position,
            enabled=wanted.enabled,
        )
        return resources.rule(row), 201


@rules.operation(
    "GET",
    ONE,
    "Show a rule",
    scope="read",
    answers={200: Answer("The version in force", Rule)},
)
def show(classifier_id: str, rule_id: str) -> ResponseReturnValue:
    """Earlier versions stay with the actions that they led to."""
    with services().database.read() as session:
        classifier = own_classifier(session, classifier_id)
        return resources.rule(domain.get_rule(session, classifier, rule_id))


@rules.operation(
    "GET",
    f"{ONE}/versions",
    "List the versions of a rule",
    scope="read",
    answers={200: Answer("The latest first", RuleVersions)},
)
def list_versions(classifier_id: str, rule_id: str) -> ResponseReturnValue:
    """Each change makes one; they stay when the rule is taken out of force."""
    with services().database.read() as session:
        classifier = own_classifier(session, classifier_id)
        return listed(
            resources.rule(row) for row in domain.list_versions(session, classifier, rule_id)
        )


@rules.operation(
    "PATCH",
    ONE,
    "Change a rule",
    scope="admin",
    model=RuleUpdate,
    answers={200: Answer("The new version, in force from now on", Rule)},
)
def change(classifier_id: str, rule_id: str) -> ResponseReturnValue:
    """What is absent or null stays as it is; only a label of null means every answer, and a label
    or a when takes the place of all conditions. Actions that are planned already are not changed.
    """
    wanted = read_json(RuleUpdate)
    changes = wanted.model_dump(exclude_unset=True)
    changes = {name: to for name, to in changes.items() if to is not None or name == "label"}
    if wanted.when is not None:
        changes["when"] = wanted.when
    if wanted.actions is not None:
        changes["actions"] = _checked(classifier_id, wanted.actions)
    with services().database.write() as session:
        classifier = own_classifier(session, classifier_id)
        row = domain.update_rule(session, classifier, rule_id, **changes)
        return resources.rule(row)


@rules.operation(
    "DELETE",
    ONE,
    "Take a rule out of force",
    scope="admin",
    answers={204: Answer("No longer in force")},
)
def delete(classifier_id: str, rule_id: str) -> ResponseReturnValue:
    """What it did stays, and can still be undone."""
    with services().database.write() as session:
        domain.delete_rule(session, own_classifier(session, classifier_id), rule_id)
    return "", 204


@rules.operation(
    "POST",
    f"{ONE}/test-alert",
    "Send a test by a rule's alerts",
    scope="admin",
    answers={200: Answer("What each channel answered, good or bad", AlertTests)},
    errors=(422,),
)
def test_alert(classifier_id: str, rule_id: str) -> ResponseReturnValue:
    """A message that says it is a test, sent now and once; no event is raised, no pause begins."""
    here = services()
    with here.database.read() as session:
        classifier = own_classifier(session, classifier_id)
        row = domain.get_rule(session, classifier, rule_id)
    tried = try_out(here.settings, classifier.name, row.label, row.actions)
    return {"items": [one.shown() for one in tried]}


@rules.operation(
    "POST",
    f"{COLLECTION}/preview",
    "Look at a rule before it is made",
    scope="read",
    model=RulePreview,
    answers={200: Answer("What it would do, in sentences", PreviewedRule)},
)
def preview(classifier_id: str) -> ResponseReturnValue:
    """Checks the rule as making it would, and changes nothing."""
    wanted = read_json(RulePreview)
    actions = _checked(classifier_id, wanted.actions)
    with services().database.read() as session:
        classifier = own_classifier(session, classifier_id)
        checked = domain.resolve_actions(session, classifier, actions)
        when = domain.checked_when(session, classifier, wanted.label, wanted.when)
        names = source_names.names(session, classifier)
    sentences = domain.describe(checked)
    return {
        "label": wanted.label,
        "when": when,
        "sentence": conditions.sentence(when, names),
        "actions": [
            {**action, "sentence": sentence}
            for action, sentence in zip(checked, sentences, strict=True)
        ],
    }


def _checked(classifier_id: str, actions: Sequence[WantedAction]) -> list[domain.CheckedAction]:
    """Check actions while no transaction is open, once it is clear that the caller may ask."""
    here = services()
    with here.database.read() as session:
        own_classifier(session, classifier_id)
    return domain.check_actions(here.settings, [action.model_dump() for action in actions])
