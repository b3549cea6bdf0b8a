"""Near-identical pictures obey the person: what was answered lately, looked up before the model.

An answer counts from the moment it is given; no training is needed for it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import func, select

from connector.db import Database
from connector.db.tables import (
    Classifier,
    Embedding,
    Example,
    Image,
    Label,
    ModelVersion,
    Prediction,
)
from connector.domain.decisions import Twin
from models import neighbours

# The newest answers of a classifier that are looked through, and of how many classifiers.
ANSWERS, CLASSIFIERS = 500, 200
ORIGINS = ("review", "audit")


@dataclass(frozen=True)
class _Answered:
    """Pictures that people answered: embeddings [N, D], their image ids and labels."""

    changes: int
    images: tuple[str, ...]
    labels: tuple[str, ...]
    vectors: npt.NDArray[np.float32]


class Twins:
    """Remembers what people answered, per classifier and backbone, until something changes."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: OrderedDict[tuple[str, str], _Answered] = OrderedDict()

    def find(
        self,
        version: ModelVersion,
        classifier: Classifier,
        rows: npt.NDArray[np.float32],
    ) -> list[Twin | None]:
        """Return for each embedding [N, D] the answered picture that it is near-identical to."""
        answered = self._answered(version.backbone_sha256, classifier)
        if not answered.images:
            return [None] * len(rows)
        found = neighbours.near_identical(rows, answered.vectors)
        return [None if i < 0 else self._twin(classifier, answered, int(i)) for i in found]

    def _answered(self, backbone: str, classifier: Classifier) -> _Answered:
        key = classifier.id, backbone
        known = self._known.get(key)
        if known is None or known.changes != classifier.changes:
            known = self._known[key] = _read(self._database, backbone, classifier)
            while len(self._known) > CLASSIFIERS:
                self._known.popitem(last=False)
        self._known.move_to_end(key)
        return known

    def _twin(self, classifier: Classifier, answered: _Answered, i: int) -> Twin:
        """Name the prediction that was answered; an audited one too."""
        statement = select(func.max(Prediction.id)).where(
            Prediction.classifier_id == classifier.id,
            Prediction.image_id == answered.images[i],
            Prediction.status == "done",
        )
        with self._database.read() as session:
            return Twin(session.scalar(statement), answered.labels[i])


def _read(database: Database, backbone: str, classifier: Classifier) -> _Answered:
    statement = (
        select(Image.id, Label.name, Embedding.vector)
        .join(Example, Example.image_id == Image.id)
        .join(Label, Label.id == Example.label_id)
        .join(Embedding, Embedding.sha256 == Image.sha256)
        .where(
            Example.classifier_id == classifier.id,
            Example.origin.in_(ORIGINS),
            Embedding.backbone == backbone,
        )
        .order_by(Example.labelled_at.desc())
        .limit(ANSWERS)
    )
    with database.read() as session:
        rows: Sequence[Any] = session.execute(statement).all()
    vectors = [np.frombuffer(row.vector, "<f4") for row in rows]
    return _Answered(
        classifier.changes,
        tuple(row.id for row in rows),
        tuple(row.name for row in rows),
        np.stack(vectors) if vectors else np.empty((0, 0), np.float32),
    )
