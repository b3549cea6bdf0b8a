"""Pictures that have no label yet: kept for it, asked about, or answered by the model alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import select

from connector.db.tables import Classifier, Example, Image, ModelVersion, Prediction, Review
from connector.domain import versions
from connector.domain.training_sets import training_set
from connector.errors import Conflict
from models.errors import WeightsMissing
from models.train import Options, pretrained_backbone
from workers import vectors
from workers.backbones import KeptBackbones
from workers.classify import sessions_of
from workers.looking import look
from workers.runtime import Runtime

MOST = 10_000
_AT_ONCE = 64

Floats32 = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Candidate:
    """A picture without a label, and by which resource it gets one."""

    kind: str
    id: str
    sha256: str
    name: str

    def shown(self) -> dict[str, Any]:
        """Return what a study shows of it; `kind` is example, review or prediction."""
        return {"kind": self.kind, "id": self.id, "sha256": self.sha256, "name": self.name}


@dataclass(frozen=True)
class Seen:
    """Candidates that could be read, their embeddings [N, D], and the live version, if any."""

    candidates: tuple[Candidate, ...]
    rows: Floats32
    backbone: str
    version: ModelVersion | None


def waiting(rt: Runtime, classifier: Classifier) -> list[Candidate]:
    """Return the pictures without a label, each content once: kept ones, questions, answers."""
    labelled = (
        select(Image.sha256)
        .join(Example, Example.image_id == Image.id)
        .where(Example.classifier_id == classifier.id, Example.label_id.is_not(None))
    )
    kept = (
        select(Example.id, Image.sha256, Example.name)
        .join(Image, Image.id == Example.image_id)
        .where(Example.classifier_id == classifier.id, Example.label_id.is_(None))
        .order_by(Example.id.desc())
    )
    arrived = (
        select(Prediction.id, Image.sha256, Prediction.name)
        .join(Image, Image.id == Prediction.image_id)
        .where(Prediction.classifier_id == classifier.id, Image.sha256.not_in(labelled))
        .order_by(Prediction.id.desc())
    )
    asked = arrived.with_only_columns(Review.id, Image.sha256, Prediction.name).join(
        Review, (Review.prediction_id == Prediction.id) & (Review.state == "open")
    )
    answered = arrived.where(
        Prediction.status == "done",
        Prediction.decided_by.in_(("model", "policy")),
        Prediction.image_deleted_at.is_(None),
    )
    found: dict[str, Candidate] = {}
    with rt.database.read() as session:
        for kind, statement in (("example", kept), ("review", asked), ("prediction", answered)):
            for row in session.execute(statement.limit(MOST)):
                found.setdefault(row[1], Candidate(kind, row[0], row[1], row[2]))
    return list(found.values())[:MOST]


def look_at(
    rt: Runtime,
    classifier: Classifier,
    candidates: Sequence[Candidate],
    progress: Callable[[int, int], None],
) -> Seen:
    """Embed candidates with the live model's backbone, or a pretrained one before there is one.

    Raises Conflict (no_model) when there is neither.
    """
    version = _live(rt, classifier)
    backbone = version.backbone_sha256 if version is not None else _pretrained(rt)
    rows: dict[str, npt.NDArray[np.float32]] = {}
    for start in range(0, len(candidates), _AT_ONCE):
        part = [one.sha256 for one in candidates[start : start + _AT_ONCE]]
        seen = look(rt, sessions_of(rt), backbone, part)
        vectors.keep_rows(rt, seen.rows(backbone))
        rows |= seen.vectors
        progress(min(start + _AT_ONCE, len(candidates)), len(candidates))
    readable = tuple(one for one in candidates if one.sha256 in rows)
    stacked = np.array([rows[one.sha256] for one in readable], np.float32)
    return Seen(readable, stacked, backbone, version)


def labelled_rows(rt: Runtime, classifier: Classifier, backbone: str) -> Floats32 | None:
    """Return the kept embeddings [M, D] of labelled pictures, None without any."""
    with rt.database.read() as session:
        hashes = [one.sha256 for one in training_set(session, classifier.id).pictures]
    known = vectors.known(rt, backbone, hashes)
    return np.array(list(known.values()), np.float32) if known else None


def _live(rt: Runtime, classifier: Classifier) -> ModelVersion | None:
    with rt.database.read() as session:
        row = versions.live(session, classifier)
        if row is not None:
            session.expunge(row)
    return row


def _pretrained(rt: Runtime) -> str:
    """Return the hash of a pretrained backbone that is kept as a blob."""
    options = Options(backbone=rt.settings.backbone, weights=rt.settings.weights)
    try:
        return rt.blobs.put(pretrained_backbone(options, KeptBackbones(rt)).onnx)
    except WeightsMissing as error:
        raise Conflict(
            "Without a model and without pretrained weights nothing can tell pictures apart: "
            f"label two pictures of each label first. {error.detail}",
            code="no_model",
        ) from error
