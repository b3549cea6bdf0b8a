"""Numbers for Prometheus that requests count up; summed over the web processes."""

from __future__ import annotations

from prometheus_client import Counter

ACCEPTED = Counter("colabel_accepted", "Pictures accepted, by the way they came", ["way"])
ERRORS = Counter("colabel_errors", "Requests answered with a problem", ["status", "code"])


def count_accepted(way: str) -> None:
    """Count a picture that is now ours to answer."""
    ACCEPTED.labels(way).inc()


def count_error(status: int, code: str) -> None:
    """Count an answer that was a problem document."""
    ERRORS.labels(str(status), code).inc()
