"""Numbers for Prometheus that requests count up; summed over the web processes."""

from __future__ import annotations

import logging

from prometheus_client import Counter

logger = logging.getLogger(__name__)

ACCEPTED = Counter("colabel_accepted", "Pictures accepted, by the way they came", ["way"])
ERRORS = Counter("colabel_errors", "Requests answered with a problem", ["status", "code"])


def count_accepted(way: str) -> None:
    """Count a picture that is now ours to answer."""
    _count(ACCEPTED, way)


def count_error(status: int, code: str) -> None:
    """Count an answer that was a problem document."""
    _count(ERRORS, str(status), code)


def _count(counter: Counter, *labels: str) -> None:
    try:
        counter.labels(*labels).inc()
    except OSError as error:
        # The numbers live in files; whatever is wrong with those must not cost anybody an answer.
        logger.warning("The counters for /metrics could not be written: %s", error)
