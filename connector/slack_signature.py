"""Whether a request has come from Slack: its signature and its age, before anything in it is read.

https://docs.slack.dev/authentication/verifying-requests-from-slack
"""

from __future__ import annotations

import hashlib
import hmac
import time

from connector.errors import NotFound, Unauthorized
from connector.settings import Settings

VERSION = "v0"
SECONDS = 300


def verify(settings: Settings, body: bytes, timestamp: str, signature: str) -> None:
    """Raise unless Slack signed this body, less than five minutes ago.

    Raises NotFound (slack_not_configured) without a signing secret, Unauthorized
    (bad_slack_signature, stale_slack_request).
    """
    if not settings.slack_signing_secret:
        raise NotFound(
            "Nothing of Slack's is taken here; set COLABEL_SLACK_SIGNING_SECRET to the app's "
            "signing secret.",
            code="slack_not_configured",
        )
    told = f"{VERSION}:{timestamp}:".encode(errors="replace") + body
    secret = settings.slack_signing_secret.encode()
    right = f"{VERSION}={hmac.new(secret, told, hashlib.sha256).hexdigest()}"
    # As bytes, for texts must be ASCII to be compared.
    if not hmac.compare_digest(right.encode(), signature.encode(errors="replace")):
        raise Unauthorized(
            "Slack's signing secret has not signed this; look whether "
            "COLABEL_SLACK_SIGNING_SECRET is that of the app.",
            code="bad_slack_signature",
        )
    # Signed, so it is Slack's own; long digits are none.
    if not timestamp.isascii() or not timestamp.isdigit() or len(timestamp) > 12:
        raise _stale()
    if abs(time.time() - int(timestamp)) > SECONDS:
        raise _stale()


def _stale() -> Unauthorized:
    return Unauthorized(
        "This was signed more than five minutes ago; check the clock of this machine.",
        code="stale_slack_request",
    )
