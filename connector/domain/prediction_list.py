"""Which predictions are meant: by what came in, what was answered and what was done; and lists."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, literal_column, or_, select
from sqlalchemy.orm import Session

from connector import actions as action_kinds
from connector.db.tables import Action, Classifier, Prediction, Source
from connector.domain import aliases
from connector.domain.paging import DEFAULT_LIMIT, Page, page
from connector.errors import BadRequest
from connector.ids import first_id

STATUSES = ("queued", "needs_review", "done", "failed")
ACTION_STATUSES = ("planned", "waiting", "done", "failed", "undone")
DECIDERS = ("model", "person")
MAX_TEXT = 200
# An id is made a moment before its row's time is noted.
SLACK = timedelta(minutes=1)


@dataclass(frozen=True)
class PredictionFilter:
    """Those predictions of which all of this holds; None asks nothing.

    `since` and `until` (exclusive) are about when the picture came in. `rule_id`, `action_kind` and
    `action_status` are about one and the same action. `q`: a whole id or external_id, else a part
    of the external_id or the file's name, in whatever case.
    """

    external_id: str | None = None
    classifier_id: str | None = None
    source_id: str | None = None
    status: str | None = None
    label: str | None = None
    decided_by: str | None = None
    min_confidence: float | None = None
    max_confidence: float | None = None
    since: datetime | None = None
    until: datetime | None = None
    rule_id: str | None = None
    action_kind: str | None = None
    action_status: str | None = None
    digest_id: str | None = None
    q: str | None = None

    def check(self) -> None:
        """Raise BadRequest for a status or a kind of action that there is not."""
        if self.status is not None and self.status not in STATUSES:
            raise BadRequest(f"status is one of {', '.join(STATUSES)}.", code="bad_status")
        if self.action_status is not None and self.action_status not in ACTION_STATUSES:
            known = ", ".join(ACTION_STATUSES)
            raise BadRequest(f"action_status is one of {known}.", code="bad_status")
        if self.action_kind is not None:
            action_kinds.get_action(self.action_kind)


@dataclass(frozen=True)
class Asked:
    """A filter as conditions: those by which an index leads `through`, newest first, and the rest.

    `few`: what is asked for leads to a few at once, so nobody has to look through many for them.
    """

    through: list[ColumnElement[bool]]
    rest: list[ColumnElement[bool]]
    few: bool

    @property
    def all(self) -> list[ColumnElement[bool]]:
        """All that must hold."""
        return [*self.through, *self.rest]


def asked(session: Session, workspace_id: str, wanted: PredictionFilter) -> Asked:
    """Return what must hold of a prediction of this workspace. Raises BadRequest."""
    wanted.check()
    rest, few = _answered(session, wanted), False
    if wanted.status is not None:
        rest.append(_is(Prediction.status, wanted.status))
    if wanted.rule_id or wanted.action_kind or wanted.action_status:
        rest.append(_acted(workspace_id, wanted))
        few = wanted.action_status == "failed"
    if wanted.digest_id is not None:
        told = select(Action.prediction_id).where(Action.digest_id == wanted.digest_id)
        rest.append(Prediction.id.in_(told))
        few = True
    if wanted.external_id is not None:
        rest.append(Prediction.external_id == wanted.external_id)
        few = True
    if text := (wanted.q or "").strip()[:MAX_TEXT]:
        whole = _whole(session, workspace_id, text)
        rest.append(_part(text) if whole is None else whole)
        few = few or whole is not None
    return Asked(_through(session, workspace_id, wanted, few), rest, few)


def _through(
    session: Session, workspace_id: str, wanted: PredictionFilter, few: bool
) -> list[ColumnElement[bool]]:
    """A source or classifier that is of this workspace stands for the workspace: named beside it,
    SQLite would take another index, and sort.
    """
    found: list[ColumnElement[bool]] = []
    if wanted.source_id is not None:
        found += _within(session, workspace_id, Source, wanted.source_id, Prediction.source_id)
    if wanted.classifier_id is not None:
        column = Prediction.classifier_id
        found += _within(session, workspace_id, Classifier, wanted.classifier_id, column)
    rare = wanted.status in ("failed", "needs_review")
    if not found or few or (rare and wanted.source_id is None):
        found.append(Prediction.workspace_id == workspace_id)
    if rare:
        found.append(_is(Prediction.status, wanted.status or ""))
    if wanted.since is not None:
        found.append(Prediction.id >= first_id("pred", wanted.since - SLACK))
        found.append(Prediction.created_at >= wanted.since)
    if wanted.until is not None:
        found.append(Prediction.id < first_id("pred", wanted.until + SLACK))
        found.append(Prediction.created_at < wanted.until)
    return found


def _within(
    session: Session, workspace_id: str, table: Any, row_id: str, column: Any
) -> list[ColumnElement[bool]]:
    known = select(table.id).where(table.id == row_id, table.workspace_id == workspace_id)
    # An id of nobody's here: the empty text is no id.
    return [column == (session.scalar(known) or "")]


def _is(column: Any, value: str) -> ColumnElement[bool]:
    """Compare with a word of ours, written out: SQLite knows partial indexes by that alone."""
    known = {*STATUSES, *ACTION_STATUSES}
    result: ColumnElement[bool] = column == (
        literal_column(f"'{value}'") if value in known else value
    )
    return result


def _answered(session: Session, wanted: PredictionFilter) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wanted.label is not None:
        found.append(Prediction.label.in_(_names(session, wanted)))
    if wanted.decided_by is not None:
        found.append(Prediction.decided_by == wanted.decided_by)
    if wanted.min_confidence is not None:
        found.append(Prediction.confidence >= wanted.min_confidence)
    if wanted.max_confidence is not None:
        found.append(Prediction.confidence <= wanted.max_confidence)
    return found


def _names(session: Session, wanted: PredictionFilter) -> list[str]:
    """Return the label's name, and those that it had when a classifier is named."""
    label = wanted.label or ""
    classifier = session.get(Classifier, wanted.classifier_id) if wanted.classifier_id else None
    return [label] if classifier is None else aliases.former_names(label, classifier.aliases)


def _acted(workspace_id: str, wanted: PredictionFilter) -> ColumnElement[bool]:
    asked: list[ColumnElement[bool]] = []
    if wanted.rule_id is not None:
        asked.append(Action.rule_id == wanted.rule_id)
    if wanted.action_kind is not None:
        asked.append(Action.kind == wanted.action_kind)
    if wanted.action_status == "failed":
        # Few are: so they lead to their pictures, and not each picture to its actions.
        failed = select(Action.prediction_id).where(
            Action.workspace_id == workspace_id, _is(Action.status, "failed"), *asked
        )
        return Prediction.id.in_(failed)
    if wanted.action_status is not None:
        asked.append(_is(Action.status, wanted.action_status))
    return exists().where(Action.prediction_id == Prediction.id, *asked)


def _whole(session: Session, workspace_id: str, text: str) -> ColumnElement[bool] | None:
    """Return the condition for an external_id or id that is exactly this; None: nothing is."""
    exact = and_(Prediction.workspace_id == workspace_id, Prediction.external_id == text)
    if session.scalar(select(Prediction.id).where(exact).limit(1)) is not None:
        return Prediction.external_id == text
    one = session.get(Prediction, text)
    if one is not None and one.workspace_id == workspace_id:
        return Prediction.id == text
    return None


def _part(text: str) -> ColumnElement[bool]:
    return or_(
        Prediction.name.icontains(text, autoescape=True),
        Prediction.external_id.icontains(text, autoescape=True),
    )


def list_predictions(
    session: Session,
    workspace_id: str,
    wanted: PredictionFilter | None = None,
    *,
    cursor: str | None = None,
    limit: int = DEFAULT_LIMIT,
) -> Page[Prediction]:
    """Return a page of predictions, newest first. Raises BadRequest for bad filters."""
    found = asked(session, workspace_id, wanted or PredictionFilter())
    return page(
        session, select(Prediction).where(*found.all), Prediction.id, cursor=cursor, limit=limit
    )
