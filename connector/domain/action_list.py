"""Which actions are meant: by what did them, to what, and when; and lists of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, exists, func, select
from sqlalchemy.orm import Session

from connector import actions as action_kinds
from connector.db.tables import Action, Prediction
from connector.domain.paging import DEFAULT_LIMIT, Page, page
from connector.errors import BadRequest

STATUSES = ("planned", "done", "failed", "undone")


@dataclass(frozen=True)
class ActionFilter:
    """Those actions of which all of this holds; None asks nothing.

    `since` and `until` (exclusive) are about when an action was carried out or given up, and about
    when it was planned while it is neither.
    """

    rule_id: str | None = None
    classifier_id: str | None = None
    prediction_id: str | None = None
    kind: str | None = None
    status: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def check(self) -> None:
        """Raise BadRequest for a kind or status that there is not."""
        if self.kind is not None:
            action_kinds.get_action(self.kind)
        if self.status is not None and self.status not in STATUSES:
            raise BadRequest(f"status is one of {', '.join(STATUSES)}.", code="bad_status")

    def conditions(self, table: Any = Action) -> list[ColumnElement[bool]]:
        """Return what must hold of a row of `table`, which is the actions or an alias of them."""
        found: list[ColumnElement[bool]] = []
        for name in ("rule_id", "prediction_id", "kind", "status"):
            if (value := getattr(self, name)) is not None:
                found.append(getattr(table, name) == value)
        if self.classifier_id is not None:
            found.append(
                exists().where(
                    Prediction.id == table.prediction_id,
                    Prediction.classifier_id == self.classifier_id,
                )
            )
        moment = func.coalesce(table.finished_at, table.created_at)
        if self.since is not None:
            found.append(moment >= self.since)
        if self.until is not None:
            found.append(moment < self.until)
        return found


def list_actions(
    session: Session,
    workspace_id: str,
    wanted: ActionFilter,
    *,
    cursor: str | None = None,
    limit: int = DEFAULT_LIMIT,
) -> Page[Action]:
    """Return a page of the workspace's actions, the last planned first. Raises BadRequest."""
    wanted.check()
    statement = select(Action).where(Action.workspace_id == workspace_id, *wanted.conditions())
    return page(session, statement, Action.id, cursor=cursor, limit=limit)
