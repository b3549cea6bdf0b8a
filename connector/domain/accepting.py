"""The statements by which a picture is accepted: hot, so each is built once and says it all."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, bindparam, select
from sqlalchemy.dialects import postgresql, sqlite

from connector.db.tables import Classifier, Prediction, Source
from connector.errors import Conflict, NotFound, Unavailable

_MODEL = select(Classifier.live_version, Classifier.deleted_at).where(
    Classifier.id == bindparam("classifier_id")
)
_SOURCE = select(Source.state, Source.deleted_at).where(Source.id == bindparam("source_id"))
PAUSED_RETRY_SECONDS = 300
# The columns of a row that is accepted; all others are empty until it is answered.
_COLUMNS = (
    "id",
    "workspace_id",
    "classifier_id",
    "source_id",
    "idempotency_key",
    "request_hash",
    "image_id",
    "name",
    "external_id",
    "metadata",
    "callback_url",
    "status",
    "location",
    "suspect",
    "strikes",
    "created_at",
)
_ONCE = ("source_id", "idempotency_key")


def check_model(connection: Connection, classifier_id: str) -> None:
    """Raise NotFound for a classifier that was deleted, Conflict for one without a live model."""
    row = connection.execute(_MODEL, {"classifier_id": classifier_id}).one_or_none()
    if row is None or row.deleted_at is not None:
        raise NotFound("This classifier is no longer there; make a new one and use its address.")
    if row.live_version is None:
        raise Conflict(
            "This classifier has no model yet. Add examples and train it "
            f"(POST /api/v1/classifiers/{classifier_id}/training-runs), then send pictures.",
            code="no_model",
        )


def check_source(connection: Connection, source_id: str) -> None:
    """Raise NotFound for a source that was deleted, Unavailable for one that is paused."""
    row = connection.execute(_SOURCE, {"source_id": source_id}).one_or_none()
    if row is None or row.deleted_at is not None:
        raise NotFound("This source is no longer there; make a new one and use its address.")
    if row.state != "active":
        raise paused()


def paused() -> Unavailable:
    """Return the error of a paused source: one that senders answer by trying again later."""
    return Unavailable(
        "This source is paused and takes no pictures; its owner can resume it "
        "(PATCH its state to active, or colabel source resume). Send it again later.",
        code="source_paused",
        retry_after=PAUSED_RETRY_SECONDS,
    )


def insert_prediction(connection: Connection, row: Mapping[str, Any]) -> bool:
    """Write the row unless its way in takes no pictures or its key was used; say whether.

    One statement, so that a classifier or source which is closed meanwhile gets nothing more.
    """
    statement = _insert(connection.dialect.name)
    return connection.execute(statement, dict(row)).first() is not None


@lru_cache(maxsize=2)
def _insert(dialect: str) -> Any:
    table = Prediction.__table__
    values = [bindparam(name, type_=table.c[name].type) for name in _COLUMNS]
    open_one = select(*values).where(
        Classifier.id == bindparam("classifier_id"),
        Classifier.live_version.is_not(None),
        Classifier.deleted_at.is_(None),
        Source.id == bindparam("source_id"),
        Source.classifier_id == Classifier.id,
        Source.state == "active",
        Source.deleted_at.is_(None),
    )
    kind = postgresql if dialect == "postgresql" else sqlite
    statement = kind.insert(table).from_select(_COLUMNS, open_one, include_defaults=False)
    return statement.on_conflict_do_nothing(index_elements=_ONCE).returning(table.c.id)
