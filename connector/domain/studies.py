"""Questions about pictures that a worker answers from embeddings: rehearsals, groups, what next."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from connector.db.session import want
from connector.db.tables import Classifier, Study
from connector.db.types import Json
from connector.domain import longwork, resources
from connector.domain.paging import DEFAULT_LIMIT, Page, page
from connector.errors import NotFound
from connector.ids import new_id

REHEARSAL = "rehearsal"
LABEL_NEXT = "label_next"
GROUPS = "groups"
COMPARISON = "comparison"
# One picture, only looked at: see connector.domain.glances.
GLANCE = "glance"
# Of one kind, among which one with certain parameters is looked for.
LATEST = 10

Claimed = longwork.Claimed[Study]
WORK = longwork.LongWork(
    Study,
    "study",
    f"This study ended its worker {longwork.STRIKES} times, most likely for want of memory; ask "
    "about fewer pictures.",
)


def request(session: Session, classifier: Classifier, kind: str, params: Json) -> Study:
    """Queue a study; `params` were checked by whoever asks."""
    row = Study(
        id=new_id("std"), classifier_id=classifier.id, kind=kind, params=params, status="queued"
    )
    session.add(row)
    session.flush()
    want(session, "study")
    return row


def get(session: Session, classifier: Classifier, study_id: str) -> Study:
    """Return one study. Raises NotFound."""
    row = session.get(Study, study_id)
    if row is None or row.classifier_id != classifier.id:
        raise NotFound(f"There is no study {study_id} here.")
    return row


def list_studies(
    session: Session,
    classifier: Classifier,
    *,
    kind: str | None = None,
    cursor: str | None = None,
    limit: int = DEFAULT_LIMIT,
) -> Page[Study]:
    """Return studies, newest first. Raises BadRequest for bad paging."""
    statement = select(Study).where(Study.classifier_id == classifier.id)
    if kind is not None:
        statement = statement.where(Study.kind == kind)
    return page(session, statement, Study.id, cursor=cursor, limit=limit)


def last(session: Session, classifier: Classifier, kind: str, params: Json) -> Study | None:
    """Return the newest study of that kind that was asked with these `params`."""
    statement = (
        select(Study)
        .where(Study.classifier_id == classifier.id, Study.kind == kind)
        .order_by(Study.id.desc())
        .limit(LATEST)
    )
    return next((row for row in session.scalars(statement) if row.params == params), None)


def claim(session: Session, seconds: float) -> Claimed | None:
    """Claim the oldest study that nobody holds."""
    return WORK.claim(session, seconds)


def progress(session: Session, claimed: Claimed, done: int, total: int) -> None:
    """Write how far a study is. Raises LostLease."""
    row = WORK.held(session, claimed)
    row.done, row.total = done, total


def finish(session: Session, claimed: Claimed, result: Json) -> None:
    """Keep the answer. Raises LostLease."""
    WORK.done(session, claimed).result = result


def fail(session: Session, claimed: Claimed, code: str, sentence: str) -> None:
    """Say why there is no answer. Raises LostLease."""
    WORK.fail(session, claimed, code, sentence)


def status(session: Session, study_id: str) -> str:
    """Return the status alone, for whoever waits for an answer."""
    return session.execute(select(Study.status).where(Study.id == study_id)).scalar_one()


def resource(row: Study, public_url: str) -> dict[str, Any]:
    """Return the resource as JSON values."""
    return {
        "id": row.id,
        "classifier_id": row.classifier_id,
        "kind": row.kind,
        "params": row.params,
        "status": row.status,
        "done": row.done,
        "total": row.total,
        "result": row.result,
        "error": resources.problem(row.error_code, row.error),
        "url": f"{public_url}/api/v1/classifiers/{row.classifier_id}/studies/{row.id}",
        "created_at": resources.iso(row.created_at),
        "finished_at": resources.iso(row.finished_at),
    }
