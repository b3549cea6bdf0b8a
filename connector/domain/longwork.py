"""Long work: taken up one row at a time, fenced while it goes on, set aside after three crashes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from sqlalchemy import ColumnElement, and_
from sqlalchemy.orm import Session

from connector.db import tallies
from connector.db.session import want
from connector.db.tables import Backfill, Import, Study, TrainingRun
from connector.db.types import utcnow
from connector.domain import leases
from connector.errors import LostLease

STRIKES = 3
UNFINISHED = ("queued", "running")

Row = TypeVar("Row", Import, Study, TrainingRun, Backfill)


@dataclass(frozen=True)
class Claimed(Generic[Row]):
    """A piece of work that this worker holds."""

    claim: leases.Claim
    row: Row


@dataclass(frozen=True)
class LongWork(Generic[Row]):
    """One kind of long work: its table, what people call it, and why it is set aside.

    `quarantined` is the sentence for work that ended its worker too often.
    """

    table: type[Row]
    noun: str
    quarantined: str

    def unfinished(self) -> ColumnElement[bool]:
        """Return the condition of rows that are queued or under way."""
        return self.table.status.in_(UNFINISHED)

    def claim(
        self, session: Session, seconds: float, *conditions: ColumnElement[bool]
    ) -> Claimed[Row] | None:
        """Claim the oldest row that nobody holds; one that killed three workers fails instead.

        `conditions` say which rows will do.
        """
        wanted = and_(self.unfinished(), *conditions)
        while True:
            taken = leases.claim(session, self.table, wanted, limit=1, seconds=seconds)
            if not taken.ids:
                return None
            row: Row = session.get_one(self.table, taken.ids[0], populate_existing=True)
            row.strikes += 1 if taken.abandoned else 0
            if row.strikes < STRIKES:
                row.status = "running"
                session.flush()
                return Claimed(taken, row)
            self._fail(session, row, "quarantined", self.quarantined)
            session.flush()

    def held(self, session: Session, claimed: Claimed[Row]) -> Row:
        """Return the row as it is now, locked until the transaction ends. Raises LostLease."""
        if not leases.held(session, self.table, claimed.claim):
            raise LostLease(f"The {self.noun} {claimed.row.id} was taken over by another worker.")
        row: Row = session.get_one(self.table, claimed.row.id)
        return row

    def done(self, session: Session, claimed: Claimed[Row]) -> Row:
        """Close the row as done, and return it. Raises LostLease."""
        tallies.add(session, "work", what=self.noun, outcome="done")
        return self._close(self.held(session, claimed), "done")

    def fail(self, session: Session, claimed: Claimed[Row], code: str, sentence: str) -> None:
        """Say why the work came to nothing. Raises LostLease."""
        self._fail(session, self.held(session, claimed), code, sentence)

    def give_back(self, session: Session, claimed: Claimed[Row]) -> None:
        """Leave the work unfinished for whoever comes next; no strike is counted."""
        leases.release(session, self.table, claimed.claim)
        want(session, "train")

    def _fail(self, session: Session, row: Row, code: str, sentence: str) -> None:
        self._close(row, "failed")
        tallies.add(session, "work", what=self.noun, outcome="failed")
        tallies.add(session, "failures", what=self.noun, code=code, final="yes")
        row.error_code, row.error = code, sentence

    @staticmethod
    def _close(row: Row, status: str) -> Row:
        row.status, row.finished_at = status, utcnow()
        row.lease_token = row.lease_until = None
        return row
