"""What a rule would come to for a real picture: looked at before anything is saved or done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from connector import actions as action_kinds
from connector.actions import Foresight, Sight
from connector.db.tables import Classifier, Prediction
from connector.db.types import Json
from connector.domain import conditions, picture_facts
from connector.domain.conditions import Facts
from connector.errors import ColabelError
from connector.settings import Settings

# How many of the latest pictures are asked whether a rule would hold for them.
LATEST = 100


@dataclass(frozen=True)
class Look:
    """Of the latest pictures, for how many a rule holds, and one of those (else the newest)."""

    seen: int
    holds: int
    row: Prediction | None
    fits: bool


def latest(session: Session, classifier: Classifier, when: Mapping[str, Any]) -> Look:
    """Look through the latest pictures that were answered."""
    statement = (
        select(Prediction)
        .where(Prediction.classifier_id == classifier.id, Prediction.status == "done")
        .order_by(Prediction.id.desc())
        .limit(LATEST)
    )
    rows = [row for row in session.scalars(statement) if row.label is not None]
    fitting = [row for row in rows if conditions.holds(when, Facts.of(row))]
    shown = next(iter(fitting or rows), None)
    return Look(len(rows), len(fitting), shown, bool(fitting))


@dataclass(frozen=True)
class Foreseen:
    """What one action says that it does, and what it would come to; or why it could not be."""

    kind: str
    sentence: str
    text: str
    group: str = ""
    fails: bool = False


def sight(
    session: Session, row: Prediction, settings: Settings, sorted_dir: Path, label: str | None
) -> Sight:
    """Return a picture to look ahead with, as if its answer were `label` (None: as it is)."""
    facts = picture_facts.of_predictions(session, [row], settings.public_url)[row.id]
    seen = picture_facts.for_label(label, facts)
    return Sight(seen, row.location, settings, sorted_dir)


def foresee(actions: Sequence[Json], seen: Sight) -> list[Foreseen]:
    """Return what each (checked) action would come to for this picture; nothing is touched.

    Each is looked at by itself, with the picture where it lies now.
    """
    return [_one(one, seen) for one in actions]


def _one(wanted: Json, seen: Sight) -> Foreseen:
    kind = action_kinds.get_action(wanted["kind"])
    params = kind.Params.model_validate(wanted["params"])
    sentence = kind.brief(params)
    try:
        found = kind.foresee(params, seen) or Foresight("")
    except ColabelError as error:
        return Foreseen(kind.kind, sentence, error.detail, error.code, fails=True)
    return Foreseen(kind.kind, sentence, found.text, found.group or sentence)


def named(sentence: str, names: Mapping[str, str]) -> str:
    """Return a sentence about an action with the names of classifiers in the place of their ids."""
    for one, name in names.items():
        sentence = sentence.replace(one, f"“{name}”")
    return sentence


def classifier_names(session: Session, workspace_id: str) -> dict[str, str]:
    """Return what the workspace's classifiers are called, by id."""
    rows = session.execute(
        select(Classifier.id, Classifier.name).where(
            Classifier.workspace_id == workspace_id, Classifier.deleted_at.is_(None)
        )
    )
    return {row.id: row.name for row in rows}


def told(actions: Sequence[Json], names: Mapping[str, str]) -> list[str]:
    """Return one short sentence per (checked) action, with classifiers by their names."""
    sentences = []
    for one in actions:
        kind = action_kinds.registry().get(one["kind"])
        if kind is None:  # of a release that knew it
            sentences.append(str(one["kind"]))
            continue
        sentences.append(named(kind.brief(kind.Params.model_validate(one["params"])), names))
    return sentences
