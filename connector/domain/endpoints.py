"""How each receiver fares: failures in a row, and the circuit breaker that they open.

A receiver is a subscription, or the origin of a callback address within its workspace. Hosts are
not shared between subscriptions: thousands of them may stand behind one host of a provider.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import delete, exists, func
from sqlalchemy.orm import Session, aliased

from connector.db.insert import insert_missing
from connector.db.tables import Delivery, Endpoint

# In flight at once to one receiver; one only while its last attempt failed.
PER_ENDPOINT = 2
# Failures in a row that open the breaker.
BREAKS_AFTER = 5
FIRST_PAUSE = timedelta(seconds=30)
LONGEST_PAUSE = timedelta(hours=1)
GIVES_UP_AFTER = timedelta(days=5)

# What a delivery goes to, in rows of the previous release too.
KEY = func.coalesce(Delivery.endpoint, Delivery.webhook_id, Delivery.url)


def callback_key(workspace_id: str, url: str) -> str:
    """Return the key of a callback's receiver: no workspace slows another's callbacks down."""
    parts = urlsplit(url)
    return f"{workspace_id} {parts.scheme}://{parts.netloc.rpartition('@')[2]}".lower()


def key_of(delivery: Delivery) -> str:
    """Return the key of a delivery's receiver, the same as the column expression KEY."""
    return delivery.endpoint or delivery.webhook_id or delivery.url


def resting(moment: datetime) -> Any:
    """Return the condition that a delivery's receiver is not to be called now."""
    breaker = aliased(Endpoint)  # apart from an Endpoint that the statement joins itself
    return exists().where(breaker.key == KEY, breaker.open_until > moment)


def succeeded(session: Session, key: str) -> None:
    """Close the breaker: the receiver took something."""
    forget(session, key)


def forget(session: Session, key: str) -> None:
    """Begin anew with a receiver, as if it had never failed."""
    session.execute(delete(Endpoint).where(Endpoint.key == key))


def failed(
    session: Session, key: str, moment: datetime, retry_after: int | None = None
) -> Endpoint:
    """Count a failure; from BREAKS_AFTER in a row on, pause before a single probe.

    The pause doubles with each failure, up to an hour. A Retry-After pauses too, up to as much.
    """
    insert_missing(session, Endpoint, {"key": key, "failures": 0}, ["key"])
    row = session.get_one(Endpoint, key, with_for_update=True, populate_existing=True)
    row.failures += 1
    row.failing_since = row.failing_since or moment
    pause = timedelta(seconds=retry_after or 0)
    if row.failures >= BREAKS_AFTER:
        # The exponent is capped, for 2 to the power of a year's failures is no number of seconds.
        pause = max(pause, FIRST_PAUSE * 2 ** min(row.failures - BREAKS_AFTER, 10))
    if pause:
        row.open_until = moment + min(pause, LONGEST_PAUSE)
    session.flush()
    return row


def worn_out(row: Endpoint, moment: datetime) -> bool:
    """Say whether it has failed for so long, without one success, that it is to be disabled."""
    return row.failing_since is not None and moment - row.failing_since >= GIVES_UP_AFTER
