"""What actions and alerts may know of a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from connector.db.tables import Classifier, Image, Prediction


def of_predictions(
    session: Session, rows: Sequence[Prediction], public_url: str
) -> dict[str, dict[str, Any]]:
    """Return the facts by the predictions' ids, with one query; `created_at` is a datetime."""
    if not rows:
        return {}
    statement = (
        select(Prediction.id, Classifier.name, Image.media_type, Image.sha256)
        .join(Classifier, Classifier.id == Prediction.classifier_id)
        .join(Image, Image.id == Prediction.image_id)
        .where(Prediction.id.in_([row.id for row in rows]))
    )
    facts = {row.id: row for row in session.execute(statement)}
    base = f"{public_url}/api/v1/predictions"
    return {
        row.id: {
            "id": row.id,
            "label": row.label,
            "confidence": row.confidence,
            "decided_by": row.decided_by,
            "classifier_id": row.classifier_id,
            "classifier_name": facts[row.id].name,
            "name": row.name,
            "external_id": row.external_id,
            "metadata": row.meta,
            "media_type": facts[row.id].media_type,
            "sha256": facts[row.id].sha256,
            "url": f"{base}/{row.id}",
            "image_url": f"{base}/{row.id}/image",
            "created_at": row.created_at,
        }
        for row in rows
    }


def for_label(label: str | None, facts: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the picture as a person corrected it, to what is done because of that."""
    return facts if label is None else {**facts, "label": label}


def plain(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return the facts as plain JSON values, times in ISO 8601."""
    return {**facts, "created_at": facts["created_at"].isoformat(timespec="milliseconds")}
