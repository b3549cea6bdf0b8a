"""Rules that are not in force yet: kept with the rehearsal that tries them, and then adopted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from connector.db.tables import Classifier, Rule, Study
from connector.db.types import Json
from connector.domain import conditions, rules, studies
from connector.domain.conditions import When
from connector.domain.rules import CheckedAction
from connector.errors import Conflict, NotFound
from connector.settings import Settings

DAYS = (7, 30, 90, 366)


@dataclass(frozen=True)
class Draft:
    """When to do what, as rules keep it; `rule_id` and `version` of the rule that it is to change.

    Both are None for a new one.
    """

    when: Json
    actions: list[Json]
    rule_id: str | None = None
    version: int | None = None


def draft(
    session: Session,
    classifier: Classifier,
    when: When,
    actions: Sequence[CheckedAction],
    rule: Rule | None = None,
) -> Draft:
    """Return checked values as a draft. Raises as `rules.create_rule`."""
    return Draft(
        rules.checked_when(session, classifier, None, when),
        rules.resolve_actions(session, classifier, actions),
        None if rule is None else rule.rule_id,
        None if rule is None else rule.version,
    )


def rehearse(session: Session, classifier: Classifier, wanted: Draft, days: float) -> Study:
    """Queue a rehearsal of the rules in force with this one among them, or in its old place."""
    tried: list[Json] = []
    about = None
    for row in rules.list_rules(session, classifier):
        if row.rule_id == wanted.rule_id:
            about = len(tried)
            tried.append({"when": wanted.when, "actions": wanted.actions})
        elif row.enabled:
            tried.append({"when": conditions.of_rule(row), "actions": row.actions})
    if about is None:
        about = len(tried)
        tried.append({"when": wanted.when, "actions": wanted.actions})
    params = {"rules": tried, "days": days, "about": about, "draft": wanted.__dict__}
    return studies.request(session, classifier, studies.REHEARSAL, params)


def of_study(study: Study) -> Draft:
    """Return the draft that a rehearsal tries. Raises NotFound for any other study."""
    kept = study.params.get("draft")
    if study.kind != studies.REHEARSAL or kept is None:
        raise NotFound("This study rehearses no rule; begin another one from the rule's page.")
    return Draft(**kept)


def recheck(settings: Settings, wanted: Draft) -> list[CheckedAction]:
    """Return a draft's actions, checked anew: the settings may have changed since.

    Before the transaction, since names are looked up. Raises what `rules.check_actions` raises.
    """
    return rules.check_actions(settings, wanted.actions)


def check_unchanged(now: Rule, version: int | None, then: str) -> None:
    """Raise Conflict (rule_changed) where the rule is not of that version any more."""
    if now.version != version:
        raise Conflict(
            f"The rule was changed meanwhile; look at what it says now, and {then}.",
            code="rule_changed",
        )


def adopt(
    session: Session, classifier: Classifier, wanted: Draft, actions: Sequence[CheckedAction]
) -> Rule:
    """Put a draft in force. Raises Conflict (rule_changed) for one of an older version."""
    when = When.model_validate(wanted.when)
    if wanted.rule_id is None:
        return rules.create_rule(session, classifier, when=when, actions=actions)
    now = rules.get_rule(session, classifier, wanted.rule_id)
    check_unchanged(now, wanted.version, "rehearse once more")
    return rules.update_rule(
        session, classifier, wanted.rule_id, when=when, actions=actions, enabled=True
    )
