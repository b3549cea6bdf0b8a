"""A picture comes in: kept, written down once, and found again."""

from __future__ import annotations

import hashlib
import json
import logging
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, bindparam, select
from sqlalchemy.orm import Session

from connector.db import Database, tallies
from connector.db.tables import Classifier, Image, Prediction, Source
from connector.db.types import utcnow
from connector.domain import accepting, audit_log, decisions
from connector.domain.images import check_kept, hold, image_id
from connector.domain.removals import Rescued, put_surely
from connector.errors import Conflict, NotFound, Unprocessable
from connector.fetch import check_url
from connector.ids import new_id
from connector.logs import note
from connector.pictures import PictureInfo, inspect, sanitize_name
from connector.settings import Settings
from connector.storage.base import Blobs

logger = logging.getLogger(__name__)

MAX_EXTERNAL_ID = 200
MAX_KEY = 255
MAX_METADATA_BYTES = 16_384


@dataclass(frozen=True)
class SourceRef:
    """Which way a picture came in, and to which classifier.

    `ready`: that classifier had a live model when it was looked up, just now.
    """

    id: str
    workspace_id: str
    classifier_id: str
    ready: bool = False
    paused: bool = False
    image_field: str | None = None
    kind: str = "hook"
    settings: Mapping[str, Any] = field(default_factory=dict, compare=False)

    @classmethod
    def of(cls, source: Source, classifier: Classifier) -> SourceRef:
        """Return the reference to a source and its classifier, as they are now."""
        ready = classifier.live_version is not None and classifier.deleted_at is None
        return cls(
            source.id,
            source.workspace_id,
            classifier.id,
            ready,
            paused=source.state != "active",
            image_field=source.settings.get("image_field"),
            kind=source.kind,
            settings=source.settings,
        )


@dataclass(frozen=True)
class Submission:
    """A picture and what its sender said about it."""

    data: bytes
    name: str = ""
    idempotency_key: str | None = None
    external_id: str | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    callback_url: str | None = None
    # None: we hold it. Else the file that rules are to work on.
    location: dict[str, Any] | None = None

    def request_hash(self, sha256: str) -> str:
        """Return what tells a repeat from another request under the same key."""
        parts = [sha256, self.external_id, self.metadata, self.callback_url, self.location]
        text = json.dumps(parts, sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True)
class Accepted:
    """The prediction's id; `created` is False when the same key was used before.

    `row` holds the columns that were just written, so that showing it needs no query.
    """

    id: str
    created: bool
    row: Mapping[str, Any] | None = None


def submit(
    database: Database,
    blobs: Blobs,
    settings: Settings,
    *,
    source: SourceRef,
    submission: Submission,
    way: str = "other",
) -> Accepted:
    """Accept a picture: when this returns, its bytes are synced and its row is committed.

    `way` (api, hook, …) is counted, nothing else depends on it.
    Raises the errors of `connector.pictures.inspect`, Conflict when the classifier has no model
    yet or the key was used for something else, Unprocessable for fields out of bounds, NoSpace.
    """
    began = time.monotonic()
    _check_fields(submission, settings)
    info = inspect(submission.data, settings)
    sha256 = hashlib.sha256(submission.data).hexdigest()
    request_hash = submission.request_hash(sha256)
    known = _look(database, source, submission.idempotency_key, request_hash)
    if known is not None:
        return _told(known, source, way, began)
    blobs.put(submission.data, sha256)
    row = _row(source, submission, info, sha256, request_hash)
    size, rescued = len(submission.data), dict[str, str]()

    def write(connection: Connection) -> Accepted:
        row["image_id"] = image_id(
            connection, source.workspace_id, sha256, size, info, rescued.get(sha256)
        )
        if accepting.insert_prediction(connection, row):
            tallies.write(connection, {tallies.key("accepted", way=way): 1})
            return Accepted(row["id"], created=True, row=row)
        # Somebody was faster with the same key, or has just closed the source or the classifier.
        accepting.check_source(connection, source.id)
        accepting.check_model(connection, source.classifier_id)
        raced = _earlier(connection, source, submission.idempotency_key, request_hash)
        if raced is None:
            raise Conflict("The same key was used at the same moment; send it again.")
        return raced

    def accept(tokens: Rescued) -> Accepted:
        rescued.update(tokens)
        return database.write_together(write, job="classify")

    accepted = put_surely(database, blobs, lambda _: submission.data, accept)
    return _told(accepted, source, way, began)


def _told(accepted: Accepted, source: SourceRef, way: str, began: float) -> Accepted:
    note(
        logger,
        "accepted" if accepted.created else "accepted before",
        prediction_id=accepted.id,
        workspace_id=source.workspace_id,
        classifier_id=source.classifier_id,
        source_id=source.id,
        way=way,
        took_ms=round(1000 * (time.monotonic() - began)),
    )
    return accepted


def _look(
    database: Database, source: SourceRef, key: str | None, request_hash: str
) -> Accepted | None:
    """Find out before anything is kept that it would be for nothing, where that is not known."""
    if source.ready and key is None:
        return None
    with database.reading() as connection:
        if not source.ready:
            accepting.check_model(connection, source.classifier_id)
        return _earlier(connection, source, key, request_hash)


def _row(
    source: SourceRef,
    submission: Submission,
    info: PictureInfo,
    sha256: str,
    request_hash: str,
) -> dict[str, Any]:
    return {
        "id": new_id("pred"),
        "workspace_id": source.workspace_id,
        "classifier_id": source.classifier_id,
        "source_id": source.id,
        "idempotency_key": submission.idempotency_key,
        "request_hash": request_hash,
        "name": sanitize_name(submission.name) or f"picture{info.suffix}",
        "external_id": submission.external_id,
        "metadata": submission.metadata,
        "callback_url": submission.callback_url,
        "status": "queued",
        "location": submission.location or {"kind": "held", "sha256": sha256},
        "suspect": 0,
        "strikes": 0,
        "created_at": utcnow(),
    }


def _check_fields(submission: Submission, settings: Settings) -> None:
    if submission.external_id is not None and len(submission.external_id) > MAX_EXTERNAL_ID:
        raise Unprocessable(
            f"external_id has at most {MAX_EXTERNAL_ID} characters.", code="external_id_too_long"
        )
    key = submission.idempotency_key
    if key is not None and not 1 <= len(key) <= MAX_KEY:
        raise Unprocessable(
            f"An Idempotency-Key has 1 to {MAX_KEY} characters.", code="bad_idempotency_key"
        )
    if submission.metadata and len(json.dumps(submission.metadata)) > MAX_METADATA_BYTES:
        raise Unprocessable(
            f"metadata takes at most {MAX_METADATA_BYTES} bytes as JSON; keep a reference instead.",
            code="metadata_too_large",
        )
    if submission.callback_url is not None:
        check_url(submission.callback_url, settings=settings)


_EARLIER = select(Prediction.id, Prediction.request_hash).where(
    Prediction.source_id == bindparam("source_id"),
    Prediction.idempotency_key == bindparam("idempotency_key"),
)


def _earlier(
    connection: Connection, source: SourceRef, key: str | None, request_hash: str
) -> Accepted | None:
    if key is None:
        return None
    parameters = {"source_id": source.id, "idempotency_key": key}
    row = connection.execute(_EARLIER, parameters).one_or_none()
    if row is None:
        return None
    if row.request_hash != request_hash:
        raise Unprocessable(
            f"The Idempotency-Key “{key}” was used before for a different request ({row.id}); "
            "use a new key for a new picture.",
            code="idempotency_key_reused",
        )
    return Accepted(row.id, created=False)


def known_keys(database: Database, source: SourceRef, keys: Collection[str]) -> set[str]:
    """Return those of these idempotency keys under which a picture was accepted already."""
    if not keys:
        return set()
    statement = select(Prediction.idempotency_key).where(
        Prediction.source_id == source.id, Prediction.idempotency_key.in_(keys)
    )
    with database.reading() as connection:
        return {key for key in connection.scalars(statement) if key is not None}


def get(session: Session, workspace_id: str, prediction_id: str) -> Prediction:
    """Return one prediction. Raises NotFound, for somebody else's too."""
    row = session.get(Prediction, prediction_id)
    if row is None or row.workspace_id != workspace_id:
        raise NotFound(f"There is no prediction {prediction_id} here.")
    return row


def get_image(session: Session, workspace_id: str, prediction_id: str) -> tuple[Prediction, Image]:
    """Return a prediction and its picture as it came. Raises NotFound, Gone when it was deleted."""
    row = get(session, workspace_id, prediction_id)
    check_kept(row)
    return row, session.get_one(Image, row.image_id)


def status(session: Session, prediction_id: str) -> str:
    """Return the status alone: what waiting for an answer asks again and again."""
    return session.execute(
        select(Prediction.status).where(Prediction.id == prediction_id)
    ).scalar_one()


def retry(session: Session, workspace_id: str, prediction_id: str) -> Prediction:
    """Try a failed prediction again. Raises NotFound, Conflict when it has not failed, Gone."""
    row = get(session, workspace_id, prediction_id)
    hold(session, row)
    if row.status != "failed":
        raise Conflict(f"Only a failed prediction can be tried again; this one is {row.status}.")
    before = audit_log.brief(row, "status", "error_code")
    decisions.retry(session, row)
    audit_log.note(
        session,
        workspace_id,
        "prediction.retried",
        row.id,
        classifier_id=row.classifier_id,
        before=before,
        after=audit_log.brief(row, "status", "error_code"),
    )
    return row
