"""Do the pictures that come now still look like those that came before? Looked at once a day."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from sqlalchemy import select

from connector.db.session import now
from connector.db.tables import Classifier, Embedding, Image, ModelVersion, Prediction
from connector.db.types import Json
from models import drift as drifting
from workers.runtime import Runtime

EVERY = timedelta(days=1)
RECENT, BEFORE = timedelta(days=7), timedelta(days=90)
MOST = 1000


def drift(rt: Runtime, classifier: Classifier, live: ModelVersion) -> Json | None:
    """Compare the last week's pictures with those of the weeks before.

    Returns what was found the last time when that is less than a day ago, None when nothing came.
    """
    known: Json | None = (classifier.field or {}).get("drift")
    with rt.database.read() as session:
        moment = now(session)
    if known is not None and datetime.fromisoformat(known["at"]) > moment - EVERY:
        return known
    recent = _window(rt, classifier, live, moment - RECENT, moment)
    earlier = _window(rt, classifier, live, moment - BEFORE, moment - RECENT)
    if not recent or not earlier:
        return known
    found = drifting.drift(
        _vectors(earlier), _vectors(recent), _confidences(earlier), _confidences(recent)
    )
    return {
        "at": moment.isoformat(),
        "drifted": found.drifted,
        "p_value": found.p_value,
        "sentence": found.verdict,
        "most_unlike": [recent[i].id for i in found.most_unlike],
    }


def _window(
    rt: Runtime, classifier: Classifier, live: ModelVersion, start: datetime, end: datetime
) -> Sequence[Any]:
    """The newest pictures of a time, each content once, with embeddings of the live backbone."""
    statement = (
        select(Prediction.id, Prediction.confidence, Image.sha256, Embedding.vector)
        .join(Image, Image.id == Prediction.image_id)
        .join(Embedding, Embedding.sha256 == Image.sha256)
        .where(
            Prediction.classifier_id == classifier.id,
            Prediction.created_at >= start,
            Prediction.created_at < end,
            Prediction.confidence.is_not(None),
            Embedding.backbone == live.backbone_sha256,
        )
        .order_by(Prediction.id.desc())
        .limit(MOST)
    )
    with rt.database.read() as session:
        rows = session.execute(statement).all()
    return list({row.sha256: row for row in rows}.values())


def _vectors(rows: Sequence[Any]) -> np.ndarray[Any, np.dtype[np.float32]]:
    return np.stack([np.frombuffer(row.vector, "<f4") for row in rows])


def _confidences(rows: Sequence[Any]) -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.array([row.confidence for row in rows])
