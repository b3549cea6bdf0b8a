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
from models import duplicates
from workers import vectors
from workers.runtime import Runtime
from workers.vectors import Thumbnail

# The newest answers of a classifier that are looked through; how many classifiers, and how many of
# their pictures (some 7 kB each), are remembered.
ANSWERS, CLASSIFIERS, PICTURES = 500, 5_000, 40_000
ORIGINS = ("review", "audit")


@dataclass(frozen=True)
class _Answered:
    """Pictures that people answered: image ids, labels, embeddings [N, D], thumbnails.

    A picture whose thumbnail is not kept has one that shows nothing.
    """

    changes: int
    images: tuple[str, ...]
    labels: tuple[str, ...]
    vectors: npt.NDArray[np.float32]
    thumbnails: npt.NDArray[np.uint8]


class Twins:
    """Remembers what people answered, per classifier and backbone, until something changes."""

    def __init__(self, rt: Runtime) -> None:
        self._rt = rt
        self._known: OrderedDict[tuple[str, str], _Answered] = OrderedDict()

    def find(
        self,
        version: ModelVersion,
        classifier: Classifier,
        rows: npt.NDArray[np.float32],
        thumbnails: Sequence[Thumbnail | None],
    ) -> list[Twin | None]:
        """Return for each picture the answered one that it is near-identical to, if there is one.

        From their embeddings [N, D] and thumbnails.
        """
        answered = self._answered(version.backbone_sha256, classifier)
        if not answered.images:
            return [None] * len(rows)
        found = []
        for row, thumbnail in zip(rows, thumbnails, strict=True):
            alike = duplicates.twins(row, thumbnail, answered.vectors, answered.thumbnails)
            found.append(self._twin(classifier, answered, int(alike[0])) if len(alike) else None)
        return found

    def _answered(self, backbone: str, classifier: Classifier) -> _Answered:
        key = classifier.id, backbone
        known = self._known.get(key)
        if known is None or known.changes != classifier.changes:
            known = self._known[key] = _read(self._rt, backbone, classifier)
            self._known.move_to_end(key)
            self._forget()
        self._known.move_to_end(key)
        return known

    def _forget(self) -> None:
        """Let go of those that were not asked for the longest, beyond what may be remembered."""
        pictures = sum(len(one.images) for one in self._known.values())
        while len(self._known) > 1 and (len(self._known) > CLASSIFIERS or pictures > PICTURES):
            _, oldest = self._known.popitem(last=False)
            pictures -= len(oldest.images)

    def _twin(self, classifier: Classifier, answered: _Answered, i: int) -> Twin:
        """Name the prediction that was answered; an audited one too."""
        statement = select(func.max(Prediction.id)).where(
            Prediction.classifier_id == classifier.id,
            Prediction.image_id == answered.images[i],
            Prediction.status == "done",
        )
        with self._rt.database.read() as session:
            return Twin(session.scalar(statement), answered.labels[i])


def _read(rt: Runtime, backbone: str, classifier: Classifier) -> _Answered:
    statement = (
        select(Image.id, Image.sha256, Label.name, Embedding.vector)
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
    with rt.database.read() as session:
        rows: Sequence[Any] = session.execute(statement).all()
    kept = vectors.thumbnails(rt, [row.sha256 for row in rows])
    nothing = np.zeros((duplicates.THUMBNAIL, duplicates.THUMBNAIL), np.uint8)
    empty = np.empty((0, *nothing.shape), np.uint8)
    return _Answered(
        classifier.changes,
        tuple(row.id for row in rows),
        tuple(row.name for row in rows),
        np.array([np.frombuffer(row.vector, "<f4") for row in rows], np.float32),
        np.stack([kept.get(row.sha256, nothing) for row in rows]) if rows else empty,
    )
