"""Long work: one holder at a time, strikes for crashes only, and what kills workers set aside."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import update

from connector.db import Database
from connector.db.tables import Classifier, Import, TrainingRun
from connector.db.types import utcnow
from connector.domain import imports, training
from connector.domain.longwork import STRIKES, Claimed, LongWork
from connector.errors import LostLease

Work = LongWork[Any]


@pytest.fixture(params=[imports.WORK, training.WORK], ids=["import", "training run"])
def work(request: pytest.FixtureRequest) -> Work:
    return request.param


@pytest.fixture
def ids(database: Database, insects: Classifier, work: Work) -> list[str]:
    """Queue two pieces of work; return their ids, the older first."""
    with database.write() as session:
        rows = [work.table(id=f"row_{i}", classifier_id=insects.id) for i in range(2)]
        for row in rows:
            if isinstance(row, Import):
                row.label_mode = "auto"
        session.add_all(rows)
        return [row.id for row in rows]


def claim(database: Database, work: Work) -> Claimed[Any] | None:
    with database.write() as session:
        return work.claim(session, 60)


def crash(database: Database, work: Work, row_id: str) -> None:
    """Let the lease of one row run out, as when its worker was killed."""
    with database.write() as session:
        statement = update(work.table).where(work.table.id == row_id)
        session.execute(statement.values(lease_until=utcnow()))


def row(database: Database, work: Work, row_id: str) -> Import | TrainingRun:
    with database.read() as session:
        return session.get_one(work.table, row_id)


def test_what_kills_its_worker_is_set_aside_and_the_next_is_taken(
    database: Database, work: Work, ids: list[str]
) -> None:
    for _ in range(STRIKES):
        claimed = claim(database, work)
        assert claimed is not None
        assert claimed.row.id == ids[0]
        crash(database, work, ids[0])
    after = claim(database, work)
    assert after is not None
    assert after.row.id == ids[1]
    bad = row(database, work, ids[0])
    assert (bad.status, bad.error_code) == ("failed", "quarantined")
    assert str(STRIKES) in (bad.error or "")
    assert bad.finished_at is not None
    assert bad.lease_token is None
    assert claim(database, work) is None


def test_giving_back_counts_no_strike(database: Database, work: Work, ids: list[str]) -> None:
    for _ in range(STRIKES + 1):
        claimed = claim(database, work)
        assert claimed is not None
        assert claimed.row.id == ids[0]
        with database.write() as session:
            work.give_back(session, claimed)
    assert row(database, work, ids[0]).strikes == 0


def test_a_late_worker_changes_nothing(database: Database, work: Work, ids: list[str]) -> None:
    first = claim(database, work)
    assert first is not None
    crash(database, work, ids[0])
    second = claim(database, work)
    assert second is not None
    with database.write() as session:
        for late in (
            lambda: work.held(session, first),
            lambda: work.done(session, first),
            lambda: work.fail(session, first, "x", "X."),
        ):
            with pytest.raises(LostLease, match=f"{work.noun} {ids[0]}"):
                late()
        work.give_back(session, first)
    assert row(database, work, ids[0]).lease_token == second.claim.token
    with database.write() as session:
        work.done(session, second)
    now = row(database, work, ids[0])
    assert (now.status, now.lease_token, now.error_code) == ("done", None, None)
