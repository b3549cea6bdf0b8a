"""What requests count up by themselves, for /metrics; summed over the web processes of this host.

Only what strangers can cause as often as they like stands here, because it must not cost the
database anything: everything else is counted there (see connector.db.tallies).
"""

from __future__ import annotations

import logging

from prometheus_client import Counter

logger = logging.getLogger(__name__)

REFUSED = Counter(
    "colabel_errors", "Requests that this host answered with a problem", ["status", "code"]
)


def count_error(status: int, code: str) -> None:
    """Count an answer that was a problem document."""
    try:
        REFUSED.labels(str(status), code).inc()
    except OSError as error:
        # The numbers live in files; whatever is wrong with those must not cost anybody an answer.
        logger.warning("The counters for /metrics could not be written: %s", error)
