"""Signatures and retry times of outbound and inbound webhooks: the Standard Webhooks spec 1.0."""

from __future__ import annotations

import base64
import secrets as entropy
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from random import Random

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from connector.errors import Unauthorized

ID_HEADER = "webhook-id"
TIMESTAMP_HEADER = "webhook-timestamp"
SIGNATURE_HEADER = "webhook-signature"

# The spec's example schedule: the wait before each attempt, counted from the one before it.
RETRY_SCHEDULE: tuple[timedelta, ...] = (
    timedelta(0),
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
# Jitter only lengthens a wait, so that "5 seconds" in the docs is never less.
JITTER = 0.1
LONGEST_WAIT = timedelta(hours=24)

_PREFIX = "whsec_"
_SECRET_BYTES = 32
# What the spec allows: 192 to 512 bits.
_MIN_SECRET_BYTES = 24
_MAX_SECRET_BYTES = 64


def new_secret() -> str:
    """Return a fresh random signing secret of 256 bits, "whsec_" and base64."""
    return _PREFIX + base64.b64encode(entropy.token_bytes(_SECRET_BYTES)).decode()


def check_secret(secret: str) -> None:
    """Raise ValueError with a sentence unless `secret` is "whsec_" and base64 of 24 to 64 bytes."""
    encoded = secret.removeprefix(_PREFIX)
    try:
        key = base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
    except ValueError:
        key = b""
    if not secret.startswith(_PREFIX) or not _MIN_SECRET_BYTES <= len(key) <= _MAX_SECRET_BYTES:
        raise ValueError("A signing secret is whsec_ followed by base64 of 24 to 64 random bytes.")


def sign(secret: str | Sequence[str], message_id: str, timestamp: datetime, body: bytes) -> str:
    """Return the value of webhook-signature: one signature for each secret, space separated.

    Several secrets are for rotation: old and new are valid side by side. `timestamp` is the
    attempt's, timezone-aware. Raises ValueError for an id with a dot (the separator of what is
    signed), a naive timestamp, a bad secret, none at all, or a body that is not UTF-8.
    """
    valid = [secret] if isinstance(secret, str) else list(secret)
    if not valid:
        raise ValueError("There is no secret to sign with.")
    if "." in message_id or timestamp.tzinfo is None:
        raise ValueError("A message id has no dot, and a timestamp has a time zone.")
    for one in valid:
        check_secret(one)
    moment, text = timestamp.astimezone(UTC), body.decode()
    return " ".join(Webhook(one).sign(message_id, moment, text) for one in valid)


def signed_headers(
    secret: str | Sequence[str], message_id: str, timestamp: datetime, body: bytes
) -> dict[str, str]:
    """Return the spec's three headers for one attempt at sending `body`."""
    return {
        ID_HEADER: message_id,
        TIMESTAMP_HEADER: str(int(timestamp.timestamp())),
        SIGNATURE_HEADER: sign(secret, message_id, timestamp, body),
    }


def verify(secret: str | Sequence[str], headers: Mapping[str, str], body: bytes) -> None:
    """Check a webhook that came in: signed with one of the secrets, at most 5 minutes ago.

    Raises Unauthorized (code bad_signature) otherwise. A replay within the 5 minutes passes:
    the caller remembers webhook-id.
    """
    for one in [secret] if isinstance(secret, str) else secret:
        check_secret(one)
        try:
            Webhook(one).verify(body, dict(headers), json_parse=False)
        except (WebhookVerificationError, ValueError):
            continue
        return
    raise Unauthorized(
        "The signature of this webhook is missing, too old or does not match; sign the exact "
        "bytes of the body with the present secret, and check the sender's clock.",
        code="bad_signature",
    )


def next_attempt_at(
    attempt: int,
    now: datetime,
    *,
    rng: Random,
    retry_after: int | None = None,
    until: datetime | None = None,
) -> datetime | None:
    """Return when to try again after `attempt` attempts that ended at `now`; None to give up.

    A receiver's Retry-After (seconds) can lengthen the wait, to a day at most. After the schedule
    it is given up; with `until`, it is tried daily up to then.
    """
    if attempt < len(RETRY_SCHEDULE):
        wait = RETRY_SCHEDULE[attempt]
    elif until is not None and now + LONGEST_WAIT <= until:
        wait = LONGEST_WAIT
    else:
        return None
    wait *= 1 + JITTER * rng.random()
    if retry_after is not None:
        wait = max(wait, min(timedelta(seconds=retry_after), LONGEST_WAIT))
    return now + wait
