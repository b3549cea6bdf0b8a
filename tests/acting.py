"""What tests of actions share: rules, pictures sent in, drains run until nothing is left."""

from __future__ import annotations

from typing import Any

from colours import picture
from sqlalchemy import select

from connector.db.tables import Action, Classifier
from connector.domain import predictions, rules
from connector.domain.predictions import SourceRef, Submission
from workers import act, classify
from workers.runtime import Runtime

MOVE = {"kind": "move", "params": {"folder": "{label}"}}


def add_rule(rt: Runtime, classifier: Classifier, *actions: dict[str, Any]) -> None:
    checked = rules.check_actions(rt.settings, list(actions))
    with rt.database.write() as session:
        mine = session.get_one(Classifier, classifier.id)
        rules.create_rule(session, mine, label=None, actions=checked)


def send(rt: Runtime, source: SourceRef, colour: str = "red", **fields: Any) -> str:
    submission = Submission(picture(colour, seed=fields.pop("seed", 0)), "a.png", **fields)
    return predictions.submit(
        rt.database, rt.blobs, rt.settings, source=source, submission=submission
    ).id


def run(rt: Runtime) -> None:
    """Drain both queues until nothing is left to do now."""
    while classify.step(rt) or act.step(rt):
        pass


def actions(rt: Runtime, prediction_id: str) -> list[Action]:
    with rt.database.read() as session:
        statement = select(Action).where(Action.prediction_id == prediction_id)
        return list(session.scalars(statement.order_by(Action.sequence)))
