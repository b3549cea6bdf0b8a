"""Back-fills: every object of a bucket in the order of its keys, a page at a time."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from connector.db.tables import Backfill
from connector.domain import accepting, backfills
from connector.domain.predictions import SourceRef
from connector.errors import ColabelError, LostLease, Unavailable
from connector.inbound import s3_settings
from connector.inbound.s3_events import NewObject, PassedOver, is_marker
from connector.storage.object_reading import ListedObject
from workers.keeper import keep

if TYPE_CHECKING:
    from workers.receive import Receiver

logger = logging.getLogger(__name__)

PAGE = 100
# Objects that are fetched at the same time: a store's answer takes longer than keeping it.
AT_ONCE = 4
SHORTEST_WAIT, LONGEST_WAIT = 2.0, 60.0


class _Stopped(Exception):
    """The walk got as far as a key, and why it stopped there."""

    def __init__(self, after: str, error: ColabelError) -> None:
        super().__init__(error.detail)
        self.after, self.error = after, error


def step(receiver: Receiver) -> bool:
    """Work on one back-fill until it is done or the process stops; False when there is none."""
    rt = receiver.rt
    with rt.database.write() as session:
        claimed = backfills.claim(session, rt.settings.lease_seconds)
    if claimed is None:
        return False
    try:
        with keep(rt, Backfill, claimed.claim):
            _walk(receiver, claimed)
    except LostLease as error:
        logger.info(error.detail)
    return True


def _walk(receiver: Receiver, claimed: backfills.Claimed) -> None:
    rt, after, failures = receiver.rt, claimed.row.after_key or "", 0
    while not rt.stopping.is_set():
        try:
            more = _page(receiver, claimed, after)
        except LostLease:
            raise
        except _Stopped as stopped:
            failures = failures + 1 if stopped.after == after else 1
            after = stopped.after
            _wait(receiver, claimed, stopped.error, failures)
            continue
        except ColabelError as error:
            failures += 1
            _wait(receiver, claimed, error, failures)
            continue
        failures = 0
        if more is None:
            return
        after = more
    with rt.database.write() as session:
        backfills.give_back(session, claimed)


def _page(receiver: Receiver, claimed: backfills.Claimed, after: str) -> str | None:
    """See to the next keys; return the last of them, None when there were no more.

    What is kept of it is one transaction behind the last object: a page that was cut off is gone
    through again, which takes nothing twice. Raises what keeps it from going on (_Stopped where
    some of the page was seen to), and LostLease.
    """
    rt, row = receiver.rt, claimed.row
    source = receiver.source(row.source_id)
    if source is None:
        with rt.database.write() as session:
            backfills.stop(session, backfills.held(session, claimed))
        return None
    if source.paused:
        raise accepting.paused()
    place = s3_settings.of(source.settings)
    listed = list(receiver.stores.list(place, row.bucket, row.prefix, after, PAGE))
    if not listed:
        with rt.database.write() as session:
            backfills.finish(session, claimed)
        return None
    seen, error = _take(receiver, source, row.bucket, listed)
    if seen:
        after = listed[len(seen) - 1].key
        with rt.database.write() as session:
            backfills.advance(session, claimed, after, Counter(seen) + Counter(seen=len(seen)))
    if error is not None:
        raise _Stopped(after, error)
    return after


def _take(
    receiver: Receiver, source: SourceRef, bucket: str, listed: Sequence[ListedObject]
) -> tuple[list[str], ColabelError | None]:
    """Return what became of the first objects, up to one that could not be taken, and why not."""

    def one(item: ListedObject) -> str | ColabelError:
        if is_marker(item.key, item.size):
            return "ignored"
        try:
            became = receiver.arrivals.take(source, NewObject(bucket, item.key, size=item.size))
        except ColabelError as error:
            return error
        if isinstance(became, PassedOver):
            return "ignored"
        return "accepted" if became.created else "known"

    seen: list[str] = []
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="backfill") as pool:
        for batch in (listed[i : i + AT_ONCE] for i in range(0, len(listed), AT_ONCE)):
            for became in pool.map(one, batch):
                if isinstance(became, ColabelError):
                    return seen, became
                seen.append(became)
            if receiver.rt.stopping.is_set():
                break
    return seen, None


def _wait(
    receiver: Receiver, claimed: backfills.Claimed, error: ColabelError, failures: int
) -> None:
    """Say why it does not go on, and wait; quotas, stores and permissions are put right later."""
    rt = receiver.rt
    if failures == 1:
        logger.warning("back-fill %s waits: %s", claimed.row.id, error.detail)
    try:
        with rt.database.write() as session:
            backfills.wait(session, claimed, error)
    except Unavailable as away:
        logger.warning("back-fill %s: %s", claimed.row.id, away.detail)
    asked = error.retry_after or 0
    rt.stopping.wait(min(max(asked, SHORTEST_WAIT * failures), LONGEST_WAIT))
