"""Only looking: what would become of a picture if it came in now. Nothing is done or told."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from connector.db import Database
from connector.db.session import now
from connector.db.tables import Classifier, Image, Study
from connector.domain import accepting, predictions, removals, retention, studies
from connector.domain.images import image_id
from connector.domain.predictions import SourceRef
from connector.domain.removals import Rescued
from connector.pictures import inspect, sanitize_name
from connector.settings import Settings
from connector.storage.base import Blobs


def of_bytes(
    database: Database,
    blobs: Blobs,
    settings: Settings,
    source: SourceRef,
    data: bytes,
    name: str,
    metadata: Mapping[str, Any],
) -> str:
    """Queue a look at a picture that is kept for no longer than that; return the study's id.

    Raises the errors of `connector.pictures.inspect`, Conflict (no_model), NoSpace.
    """
    info = inspect(data, settings)
    sha256, size = hashlib.sha256(data).hexdigest(), len(data)
    with database.reading() as connection:
        accepting.check_model(connection, source.classifier_id)
    blobs.put(data, sha256)

    def write(rescued: Rescued) -> str:
        with database.write() as session:
            found = image_id(session, source.workspace_id, sha256, size, info, rescued.get(sha256))
            shown = sanitize_name(name) or f"picture{info.suffix}"
            return _request(session, source, found, shown, metadata)

    return removals.put_surely(database, blobs, lambda _: data, write)


def of_prediction(session: Session, source: SourceRef, prediction_id: str) -> str:
    """Queue a look at a picture that came before, with what came with it; return the study's id.

    Raises NotFound, Gone when the picture was deleted, Conflict (no_model).
    """
    row, image = predictions.get_image(session, source.workspace_id, prediction_id)
    accepting.check_model(session.connection(), source.classifier_id)
    return _request(session, source, image.id, row.name, row.meta)


def _request(
    session: Session, source: SourceRef, image: str, name: str, metadata: Mapping[str, Any]
) -> str:
    params = {
        "image_id": image,
        "name": name,
        "metadata": dict(metadata),
        "source_id": source.id,
    }
    classifier = session.get_one(Classifier, source.classifier_id)
    return studies.request(session, classifier, studies.GLANCE, params).id


def release(database: Database, study: Study) -> None:
    """Let go of the picture unless something else needs it: an example, an earlier picture."""
    with database.write() as session:
        image = session.get_one(Image, study.params["image_id"])
        small = retention.thumbnails_of(session, [image.sha256]).values()
        contents = sorted({image.sha256, *small})
        if removals.try_alone(session, contents) == set(contents):
            retention.drop_images(session, [image.id], now(session))
