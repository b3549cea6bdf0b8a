"""The deliver job: send events to those who subscribed, signed, until they take them."""

from __future__ import annotations

import json
import logging
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from connector.db.tables import Delivery
from connector.domain import leases, outbound
from connector.domain.outbound import Parcel
from connector.domain.resources import iso
from connector.errors import ColabelError, LostLease
from connector.fetch import post
from connector.signing import signed_headers
from workers import runtime as rt_module
from workers.keeper import keep, watchdog
from workers.runtime import Runtime, runtime

logger = logging.getLogger(__name__)

AT_ONCE = 8
DEADLINE_SECONDS = 10.0
HUNG_SECONDS = 120.0


def drain() -> int:
    """Send everything that is due (the RQ job); return how many attempts were made."""
    return rt_module.drain(runtime(), "deliver", step)


def step(rt: Runtime) -> int:
    """Send up to AT_ONCE deliveries side by side; return how many were claimed."""
    with rt.database.write() as session:
        claim, parcels = outbound.claim_due(
            session, limit=AT_ONCE, seconds=rt.settings.lease_seconds
        )
    if not parcels:
        return 0
    with (
        keep(rt, Delivery, claim),
        watchdog(HUNG_SECONDS),
        ThreadPoolExecutor(AT_ONCE, thread_name_prefix="deliver") as pool,
    ):
        list(pool.map(lambda parcel: _deliver(rt, claim, parcel), parcels))
    return len(parcels)


def _deliver(rt: Runtime, claim: leases.Claim, parcel: Parcel) -> None:
    status, error, permanent = _send(rt, parcel)
    if error is not None:
        logger.warning("delivery %s to %s: %s", parcel.id, parcel.url, error)
    try:
        with rt.database.write() as session:
            outbound.record_attempt(
                session,
                claim,
                parcel.id,
                response_status=status,
                error=error,
                permanent=permanent,
            )
    except LostLease as lost:
        logger.warning(lost.detail)


def _send(rt: Runtime, parcel: Parcel) -> tuple[int | None, str | None, bool]:
    """Return (status, what went wrong, whether trying again is pointless)."""
    content = {
        "type": parcel.event_type,
        "timestamp": iso(parcel.created_at),
        "data": parcel.payload,
    }
    body = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
    try:
        response = post(
            parcel.url,
            body,
            _headers(parcel, body),
            settings=rt.settings,
            deadline=DEADLINE_SECONDS,
        )
    except ColabelError as error:
        return None, error.detail, error.permanent
    if response.ok:
        return response.status, None, False
    return response.status, f"The receiver answered {response.status}.", False


def _headers(parcel: Parcel, body: bytes) -> dict[str, str]:
    headers = {"Content-Type": "application/json; charset=utf-8", "User-Agent": "colabel"}
    moment = datetime.now(UTC)
    if parcel.secret is not None:
        return {**headers, **signed_headers(parcel.secret, parcel.event_id, moment, body)}
    # A prediction's own callback address shares no secret with us: the id is all there is.
    return {**headers, "webhook-id": parcel.event_id}
