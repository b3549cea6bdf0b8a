"""The statements by which a picture is accepted: hot, so each is built once and says it all."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, bindparam, select
from sqlalchemy.dialects import postgresql, sqlite

from connector.db.tables import Classifier, Prediction
from connector.errors import Conflict, NotFound

_MODEL = select(Classifier.live_version, Classifier.deleted_at).where(
    Classifier.id == bindparam("classifier_id")
)
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


def insert_prediction(connection: Connection, row: Mapping[str, Any]) -> bool:
    """Write the row unless its classifier takes no pictures or its key was used; say whether.

    One statement, so that a classifier which is deleted meanwhile gets nothing more.
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
    )
    kind = postgresql if dialect == "postgresql" else sqlite
    statement = kind.insert(table).from_select(_COLUMNS, open_one, include_defaults=False)
    return statement.on_conflict_do_nothing(index_elements=_ONCE).returning(table.c.id)
