"""What did not work is done again, by the rules in force: after a disk was made free, say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy.orm import Session

from connector.db.tables import Action, Classifier, Prediction
from connector.domain import audit_log, changes, images, predictions
from connector.domain.conditions import Facts
from connector.domain.remedies import actions_of, correction
from connector.domain.rules import MAX_ACTIONS, Foreseen, Planner
from connector.errors import Conflict

# Given up on purpose: what put the picture right has decided so.
ON_PURPOSE = ("label_corrected", "put_right_refused")


def try_again(session: Session, workspace_id: str, prediction_id: str) -> list[Action]:
    """Plan again what rules wanted and could not do; a rule that was changed, as it is now.

    Nothing that was done is done twice, and what a person took back stays so. Raises NotFound, Gone
    for a picture that was deleted, and Conflict when nothing failed, something is still to be done,
    or no rule in force wants it any more.
    """
    prediction = predictions.get(session, workspace_id, prediction_id)
    classifier = changes.hold(session, prediction.classifier_id)
    session.refresh(prediction)
    rows = actions_of(session, prediction, lock=True)
    wanted = _again(session, classifier, prediction, rows)
    images.hold(session, prediction)
    corrected = correction(classifier, prediction)
    planned = Planner(session).plan_again(
        prediction, wanted, rows, label=corrected or "", after_undo=None
    )
    for row in planned:
        row.label = corrected
    kinds = {"kinds": [row.kind for row in planned]}
    audit_log.note_in(session, classifier, "prediction.actions_retried", prediction.id, after=kinds)
    session.flush()
    return planned


def failed(rows: Sequence[Action]) -> list[Action]:
    """Return those that failed and were not planned again since; `rows` in their order."""
    last = {(row.rule_id, row.position % MAX_ACTIONS): row for row in rows}
    return [
        row for row in last.values() if row.status == "failed" and row.error_code not in ON_PURPOSE
    ]


def _again(
    session: Session, classifier: Classifier, prediction: Prediction, rows: Sequence[Action]
) -> list[Foreseen]:
    if not failed(rows):
        raise Conflict("Nothing failed here, so there is nothing to try again.", code="not_failed")
    if any(row.pending for row in rows):
        raise Conflict(
            "Something is still being done with this picture; try again when that is over.",
            code="action_under_way",
        )
    facts = Facts.of(prediction)
    if (corrected := correction(classifier, prediction)) is not None:
        facts = replace(facts, label=corrected, decided_by="person")
    rules = {row.rule_id for row in failed(rows)}
    foreseen = Planner(session).foreseen(prediction.classifier_id, facts)
    again = [one for one in foreseen if one.rule.rule_id in rules and not _met(one, rows)]
    if not again:
        raise Conflict(
            "No rule in force wants this for the picture any more, so it is not done again.",
            code="not_foreseen",
        )
    return again


def _met(one: Foreseen, rows: Sequence[Action]) -> bool:
    wanted = (one.rule.rule_id, one.kind, one.params)
    return any(
        (row.rule_id, row.kind, row.params) == wanted and row.status != "failed" for row in rows
    )
