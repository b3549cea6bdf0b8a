"""Which actions are to be undone in bulk, and which of them cannot be, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, case, exists, func, literal, not_, null, select
from sqlalchemy.orm import Session, aliased

from connector import actions as action_kinds
from connector.db.tables import Action
from connector.db.types import Json
from connector.domain import effects
from connector.domain.action_list import ActionFilter
from connector.errors import NotFound, Unprocessable

MOST = 100_000
MOST_NAMED = 1000
# Of what could be undone and what not, as many are listed at once.
SHOWN = 100


@dataclass(frozen=True)
class Selection:
    """Actions of one workspace: those named, or those that were done and fit a filter."""

    workspace_id: str
    ids: Sequence[str] | None = None
    filter: ActionFilter | None = None

    def conditions(self, table: Any = Action) -> list[ColumnElement[bool]]:
        """Return what must hold of a row of `table`, which is the actions or an alias of them."""
        found: list[ColumnElement[bool]] = [table.workspace_id == self.workspace_id]
        if self.ids is not None:
            found.append(table.id.in_(self.ids))
        if self.filter is not None:
            found += [table.status == "done", *self.filter.conditions(table)]
        return found


@dataclass(frozen=True)
class Preview:
    """What an undo would do, by what is written down: nobody looks at the files before it does."""

    total: int
    undoable: list[str]
    undoable_count: int
    refusals: list[Json]
    refused_count: int


@dataclass(frozen=True)
class Reason:
    """Why some actions cannot be undone, and how many: by kind of action."""

    kind: str
    code: str
    detail: str
    count: int


def selection(
    session: Session,
    workspace_id: str,
    *,
    ids: Sequence[str] | None = None,
    wanted: ActionFilter | None = None,
) -> tuple[Selection, int]:
    """Return what is to be undone, and how many actions that is.

    Raises NotFound for an action that is not here, BadRequest for a kind that there is not, and
    Unprocessable when it is too much, nothing, or everything there is.
    """
    if ids is not None:
        ids = list(dict.fromkeys(ids))
        if not 1 <= len(ids) <= MOST_NAMED:
            raise _too_many(len(ids), MOST_NAMED) if ids else _nothing()
    elif wanted is None or wanted == ActionFilter():
        raise Unprocessable(
            "Say what to undo: actions by their ids, or a filter that names at least one of "
            "rule_id, classifier_id, prediction_id, kind, since and until.",
            code="empty_filter",
        )
    else:
        wanted.check()
    chosen = Selection(workspace_id, ids, None if ids is not None else wanted)
    count = session.scalar(select(func.count(Action.id)).where(*chosen.conditions())) or 0
    if ids is not None and count < len(ids):
        known = set(session.scalars(select(Action.id).where(*chosen.conditions())))
        missing = next(one for one in ids if one not in known)
        raise NotFound(f"There is no action {missing} here. Nothing was undone.")
    if not count:
        raise _nothing()
    if count > MOST:
        raise _too_many(count, MOST)
    return chosen, count


def _nothing() -> Unprocessable:
    return Unprocessable(
        "No action that was done fits this, so there is nothing to undo; GET /api/v1/actions with "
        "the same filter shows what there is.",
        code="nothing_to_undo",
    )


def _too_many(count: int, most: int) -> Unprocessable:
    return Unprocessable(
        f"At most {most:,} actions can be undone at once, and these are {count:,}; undo them in "
        "parts, the latest first.",
        code="too_many_actions",
    )


def objection(chosen: Selection) -> ColumnElement[Any]:
    """Return the code of why an action cannot be undone; null where it can."""
    kinds = action_kinds.registry()
    later = aliased(Action)
    built_on = exists().where(
        later.prediction_id == Action.prediction_id,
        later.sequence > Action.sequence,
        later.status == "done",
        later.undo_requested_at.is_(None),
        later.kind.in_([kind for kind in kinds if effects.moves(kind)]),
        not_(and_(*chosen.conditions(later))),
    )
    return case(
        (Action.status.not_in(("done", "undone")), literal("not_undoable")),
        (Action.kind.not_in([kind for kind in kinds if kinds[kind].undoable]), "not_undoable"),
        (built_on, literal("undo_later_first")),
        else_=null(),
    )


def _sentence(code: str, kind: str) -> str:
    """Say what an objection means that was made before a worker was asked."""
    if code == "undo_later_first":
        return "A later action of the same picture builds on this; undo that too, or first."
    if kind in action_kinds.registry() and action_kinds.get_action(kind).undoable:
        return "Only an action that was done can be undone, and this one was not."
    return f"An action of the kind “{kind}” cannot be undone; what it sent is sent."


def preview(session: Session, chosen: Selection, total: int) -> Preview:
    """Say which of these actions could be undone and which not, and change nothing."""
    code = objection(chosen)
    rows = select(Action.id, Action.kind, code.label("code")).where(*chosen.conditions())
    objections = rows.where(code.is_not(None))
    refused = session.scalar(select(func.count()).select_from(objections.subquery()))
    newest = Action.finished_at.desc(), Action.sequence.desc()
    possible = session.execute(rows.where(code.is_(None)).order_by(*newest).limit(SHOWN))
    objected = session.execute(objections.order_by(*newest).limit(SHOWN))
    return Preview(
        total,
        [row.id for row in possible],
        total - (refused or 0),
        [refusal(row.id, row.kind, row.code, None) for row in objected],
        refused or 0,
    )


def reasons(session: Session, chosen: Selection) -> list[Reason]:
    """Say why actions of a selection cannot be undone, the commonest reason first."""
    code = objection(chosen).label("code")
    rows = select(Action.kind, code).where(*chosen.conditions()).subquery()
    counted = (
        select(rows.c.kind, rows.c.code, func.count().label("count"))
        .where(rows.c.code.is_not(None))
        .group_by(rows.c.kind, rows.c.code)
    )
    found = [
        Reason(row.kind, row.code, _sentence(row.code, row.kind), row[2])
        for row in session.execute(counted)
    ]
    return sorted(found, key=lambda one: (-one.count, one.kind))


def of_pictures(session: Session, workspace_id: str, prediction_ids: Sequence[str]) -> list[str]:
    """Return the ids of what was done with these pictures and can be undone, those of others not.

    Of at most MOST_NAMED actions.
    """
    kinds = action_kinds.registry()
    statement = select(Action.id).where(
        Action.workspace_id == workspace_id,
        Action.prediction_id.in_(prediction_ids),
        Action.status == "done",
        Action.kind.in_([name for name, kind in kinds.items() if kind.undoable]),
    )
    return list(session.scalars(statement.order_by(Action.id).limit(MOST_NAMED)))


def refusal(action_id: str, kind: str, code: str | None, sentence: str | None) -> Json:
    """Return what is shown of an action that stays done."""
    code = code or "undo_refused"
    detail = sentence or _sentence(code, kind)
    return {"action_id": action_id, "kind": kind, "code": code, "detail": detail}
