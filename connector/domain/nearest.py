"""The labelled examples most like a picture, label by label, from embeddings that are kept.

What a person compares it with who is asked. Among the newest examples of a label, so that it takes
milliseconds however many there are; a picture without a kept embedding has none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from connector.db.tables import (
    Classifier,
    Embedding,
    Example,
    Image,
    Label,
    ModelVersion,
    Prediction,
)

# Of each label: so many vectors (5 kB each) are read and compared.
NEWEST = 200


@dataclass(frozen=True)
class Like:
    """A labelled example, and how like the picture it is: a cosine of centred embeddings."""

    example_id: str
    name: str
    cosine: float


def nearest(
    session: Session, prediction: Prediction, labels: Sequence[str], count: int
) -> dict[str, list[Like]]:
    """Return label -> up to `count` examples of it, the most alike first; without its own copy."""
    asked = _vector(session, prediction)
    if asked is None:
        return {}
    backbone, vector = asked
    found = {label: _newest(session, prediction, backbone, label, len(vector)) for label in labels}
    rows = [row for some in found.values() for row in some]
    if not rows:
        return {}
    # Only whoever answers questions needs it, so the web process starts without it.
    import numpy as np

    known = np.stack([np.frombuffer(row.vector, "<f4") for row in rows])
    centre = known.mean(axis=0)
    known = known - centre
    own = np.frombuffer(vector, "<f4") - centre
    lengths = np.linalg.norm(known, axis=1) * np.linalg.norm(own)
    cosines = (known @ own) / np.maximum(lengths, 1e-12)
    alike: dict[str, list[Like]] = {}
    first = 0
    for label, some in found.items():
        mine = cosines[first : first + len(some)]
        first += len(some)
        best = np.argsort(-mine, kind="stable")[:count]
        alike[label] = [Like(some[i].id, some[i].name, float(mine[i])) for i in best]
    return alike


@dataclass(frozen=True)
class _Known:
    id: str
    name: str
    vector: bytes


def _vector(session: Session, prediction: Prediction) -> tuple[str, bytes] | None:
    """Return the backbone in use and the picture's vector under it, if that is kept."""
    statement = (
        select(ModelVersion.backbone_sha256, Embedding.vector)
        .join(Classifier, Classifier.id == ModelVersion.classifier_id)
        .join(Image, Image.id == prediction.image_id)
        .join(
            Embedding,
            (Embedding.sha256 == Image.sha256)
            & (Embedding.backbone == ModelVersion.backbone_sha256),
        )
        .where(
            Classifier.id == prediction.classifier_id,
            ModelVersion.number == Classifier.live_version,
        )
    )
    row = session.execute(statement).first()
    return None if row is None else (row[0], row[1])


def _newest(
    session: Session, prediction: Prediction, backbone: str, label: str, size: int
) -> list[_Known]:
    # First which, then their vectors: else all vectors of the label would be sorted.
    newest = (
        select(Example.id, Example.name, Example.image_id)
        .join(Label, Label.id == Example.label_id)
        .where(
            Label.classifier_id == prediction.classifier_id,
            Label.name == label,
            Example.image_id != prediction.image_id,
        )
        .order_by(Example.id.desc())
        .limit(NEWEST)
        .subquery()
    )
    statement = (
        select(newest.c.id, newest.c.name, Embedding.vector)
        .join(Image, Image.id == newest.c.image_id)
        .join(Embedding, Embedding.sha256 == Image.sha256)
        .where(Embedding.backbone == backbone, Image.deleted_at.is_(None))
        .order_by(newest.c.id.desc())
    )
    rows = session.execute(statement)
    return [_Known(*row) for row in rows if len(row.vector) == size]
