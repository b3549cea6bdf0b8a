"""How much a workspace may have waiting, keep and send, so that a busy one does not fill the house.

Counting anew for every picture would cost more than accepting it. So a process counts now and then
and adds what it lets in itself; several processes together may let in a little more than allowed.
Only the rate is counted by all of them together (see connector.rates).
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil

from sqlalchemy import Connection, func, select

from connector.db import Database
from connector.db.tables import Image, Prediction
from connector.domain.images import new_bytes
from connector.errors import TooMany
from connector.rates import Rates
from connector.settings import Settings

# Seconds for which a count holds. Bytes take longer to count and change less.
WAITING_HOLDS, BYTES_HOLD = 1.0, 60.0
RETRY_WAITING, RETRY_BYTES = 15, 3600


@dataclass
class _Tally:
    value: int
    until: float


class Quotas:
    """Lets pictures of workspaces in, or says why not."""

    def __init__(
        self,
        database: Database,
        settings: Settings,
        clock: Callable[[], float] = time.monotonic,
        rates: Rates | None = None,
    ) -> None:
        self._database, self._clock = database, clock
        self._max_waiting, self._max_bytes = settings.max_waiting, settings.max_kept_bytes
        self._max_rate, self._rates = settings.max_rate, rates
        self._waiting: dict[str, _Tally] = {}
        self._bytes: dict[str, _Tally] = {}
        self._lock = threading.Lock()

    @property
    def limits_pictures(self) -> bool:
        """Say whether it matters at all how many pictures come."""
        return bool(self._max_waiting) or self._rates is not None

    @property
    def limits_bytes(self) -> bool:
        """Say whether it matters at all how large they are."""
        return bool(self._max_bytes)

    def take(self, workspace_id: str, *, pictures: int = 0, size: int = 0) -> None:
        """Let in so many new pictures to be answered, and new bytes to keep. Raises TooMany."""
        if self._max_waiting and pictures:
            self._take_waiting(workspace_id, pictures)
        if self._rates is not None and pictures:
            seconds = self._rates.take(workspace_id, pictures)
            if seconds:
                self._take_back(self._waiting, workspace_id, pictures)
                raise self._too_fast(seconds)
        if self._max_bytes and size:
            self._take_bytes(workspace_id, size)

    def take_bytes(self, workspace_id: str, pictures: Sequence[bytes]) -> None:
        """Let in those bytes that are not kept yet, each content once. Raises TooMany."""
        if self.limits_bytes and pictures:
            sizes = {hashlib.sha256(data).hexdigest(): len(data) for data in pictures}
            with self._database.reading() as connection:
                size = new_bytes(connection, workspace_id, sizes)
            self.take(workspace_id, size=size)

    def give_back(self, workspace_id: str, *, pictures: int) -> None:
        """Take back that these pictures were let in: they were repeats, or refused after all."""
        if pictures > 0:
            self._take_back(self._waiting, workspace_id, pictures)
            if self._rates is not None:
                self._rates.take(workspace_id, -pictures)

    def close(self) -> None:
        """Give the connection to Redis back."""
        if self._rates is not None:
            self._rates.client.close()

    def _too_fast(self, seconds: float) -> TooMany:
        wait = max(1, ceil(seconds))
        return TooMany(
            f"This workspace may send {self._max_rate:,} pictures a minute (COLABEL_MAX_RATE), and "
            f"these would be more. Send it again in {wait} seconds.",
            code="too_many_a_minute",
            retry_after=wait,
        )

    def _take_waiting(self, workspace_id: str, pictures: int) -> None:
        limit = self._max_waiting

        def count(connection: Connection) -> int:
            waiting = (
                select(Prediction.id)
                .where(Prediction.status == "queued", Prediction.workspace_id == workspace_id)
                .limit(limit + 1)
            )
            return connection.scalar(select(func.count()).select_from(waiting.subquery())) or 0

        if not self._fits(self._waiting, workspace_id, pictures, limit, count, WAITING_HOLDS):
            raise TooMany(
                f"{limit:,} pictures of this workspace wait to be answered, and no more may "
                f"(COLABEL_MAX_WAITING). Send it again in {RETRY_WAITING} seconds; if that happens "
                "often, start another classify worker.",
                code="too_many_waiting",
                retry_after=RETRY_WAITING,
            )

    def _take_bytes(self, workspace_id: str, size: int) -> None:
        limit = self._max_bytes

        def count(connection: Connection) -> int:
            kept = select(func.sum(Image.size)).where(
                Image.workspace_id == workspace_id, Image.deleted_at.is_(None)
            )
            return int(connection.scalar(kept) or 0)

        if not self._fits(self._bytes, workspace_id, size, limit, count, BYTES_HOLD):
            raise TooMany(
                f"This workspace may keep {limit / 1e9:g} GB of pictures (COLABEL_MAX_KEPT_BYTES) "
                "and this would be more. Delete pictures or let them go after some days "
                "(COLABEL_RETENTION_DAYS), or raise the limit.",
                code="too_many_bytes_kept",
                retry_after=RETRY_BYTES,
            )

    def _take_back(self, tallies: dict[str, _Tally], workspace_id: str, less: int) -> None:
        with self._lock:
            tally = tallies.get(workspace_id)
            if tally is not None:
                # It may have been counted anew meanwhile, without these.
                tally.value = max(0, tally.value - less)

    def _fits(
        self,
        tallies: dict[str, _Tally],
        workspace_id: str,
        more: int,
        limit: int,
        count: Callable[[Connection], int],
        holds: float,
    ) -> bool:
        now = self._clock()
        with self._lock:
            tally = tallies.get(workspace_id)
            if tally is None or now >= tally.until:
                with self._database.reading() as connection:
                    tally = _Tally(count(connection), now + holds)
                tallies[workspace_id] = tally
            if tally.value + more > limit:
                return False
            tally.value += more
            return True
