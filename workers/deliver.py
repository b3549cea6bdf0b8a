"""The deliver job: send events to those who subscribed, signed, until they take them."""

from __future__ import annotations

import logging
import time
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import replace

from sqlalchemy import select

from connector.db.tables import Delivery
from connector.domain import deliveries, leases
from connector.errors import LostLease
from connector.logs import log_context, note
from connector.sending import Parcel, send
from workers import runtime as rt_module
from workers.keeper import keep, watchdog
from workers.runtime import SHIFT_SECONDS, Runtime, runtime

logger = logging.getLogger(__name__)

AT_ONCE = 16
# The rest is for receivers that answer, however many others hang.
DOUBTFUL_AT_ONCE = AT_ONCE // 2
LOOK_AGAIN_SECONDS = 0.25
HUNG_SECONDS = 120.0


def drain() -> int:
    """Send everything that is due (the RQ job); return how many attempts were made."""
    return rt_module.drain(runtime(), "deliver", step)


def step(rt: Runtime) -> int:
    """Send what is due, up to AT_ONCE side by side; return how many attempts were made.

    A place that falls free is filled at once: nobody waits for whoever is slow to answer.
    """
    total, ends = 0, time.monotonic() + SHIFT_SECONDS
    flying: dict[Future[None], Parcel] = {}
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="deliver") as pool:
        while True:
            if not rt.stopping.is_set() and time.monotonic() < ends:
                claim, parcels = _claim(rt, list(flying.values()))
                for parcel in parcels:
                    flying[pool.submit(_deliver, rt, claim, parcel)] = parcel
                total += len(parcels)
            if not flying:
                return total
            for done in wait(flying, LOOK_AGAIN_SECONDS, FIRST_COMPLETED).done:
                del flying[done]
                done.result()


def _claim(rt: Runtime, flying: list[Parcel]) -> tuple[leases.Claim, list[Parcel]]:
    free = AT_ONCE - len(flying)
    with rt.database.read() as session:
        statement = select(Delivery.id).where(deliveries.due(session)).limit(1)
        # Looking costs no writing transaction, of which SQLite has one at a time.
        if not free or session.scalars(statement).first() is None:
            return leases.Claim((), "", frozenset()), []
    with rt.database.write() as session:
        return deliveries.claim_due(
            session,
            limit=free,
            seconds=rt.settings.lease_seconds,
            doubtful=DOUBTFUL_AT_ONCE - sum(one.doubtful for one in flying),
        )


def _deliver(rt: Runtime, claim: leases.Claim, parcel: Parcel) -> None:
    about = {"delivery_id": parcel.id, "event_type": parcel.event_type}
    about |= {"workspace_id": parcel.workspace_id}
    if parcel.prediction_id is not None:
        about["prediction_id"] = parcel.prediction_id
    with log_context(**about):
        _send(rt, claim, parcel)


def _send(rt: Runtime, claim: leases.Claim, parcel: Parcel) -> None:
    mine = replace(claim, ids=(parcel.id,))
    with keep(rt, Delivery, mine), watchdog(HUNG_SECONDS):
        outcome = send(rt.settings, parcel)
        if outcome.error is not None:
            # Without the URL: some carry a secret.
            logger.warning("delivery %s: %s", parcel.id, outcome.error)
        try:
            with rt.database.write() as session:
                row = deliveries.record_attempt(session, mine, parcel.id, outcome)
        except LostLease as lost:
            logger.warning(lost.detail)
            return
    if row.status == "delivered" and row.finished_at is not None:
        took = (row.finished_at - row.created_at).total_seconds()
        note(
            logger,
            "delivered",
            attempts=row.attempts,
            attempt_ms=outcome.duration_ms,
            took_ms=round(1000 * took),
        )
    if row.status == "cancelled" and outcome.error is not None:
        logger.warning("delivery %s is not tried again: its subscription has ended", parcel.id)
