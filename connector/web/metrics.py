"""GET /metrics: the service's numbers for Prometheus, and who may read them."""

from __future__ import annotations

import hmac
import os
from collections.abc import Iterator
from ipaddress import ip_address

from flask import Response, request
from flask.typing import ResponseReturnValue
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import REGISTRY

from connector.errors import Forbidden, Unauthorized
from connector.web.operations import Answer, Api
from connector.web.services import services

metrics = Api("metrics", __name__, tag="Health")
# What a proxy adds: whoever it speaks for may be anybody.
PROXIED = ("Forwarded", "X-Forwarded-For", "X-Real-IP", "Via")


@metrics.operation(
    "GET",
    "/metrics",
    "Numbers for Prometheus",
    scope=None,
    answers={200: Answer("In Prometheus' text format", media_type="text/plain")},
    errors=(401, 403),
)
def show() -> ResponseReturnValue:
    """Numbers of the whole service, over all workspaces, and nothing of any of them. Needs
    `Authorization: Bearer` with COLABEL_METRICS_TOKEN; where that is not set, whoever asks from
    this machine or a private network, not through a proxy, may read them.
    """
    _let_in(services().settings.metrics_token)
    registry = CollectorRegistry()
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        ProcessCollector(registry=registry)
    else:
        registry = REGISTRY
    text = generate_latest(registry) + generate_latest(_Whole())
    return Response(text, content_type=CONTENT_TYPE_LATEST)


class _Whole:
    """The numbers of the service, as a registry collects them."""

    def collect(self) -> Iterator[Metric]:
        """Yield the families, read a few seconds ago at most."""
        yield from services().numbers.families()


def _let_in(token: str) -> None:
    """Raise Unauthorized or Forbidden for somebody who may not read the numbers."""
    if token:
        given = request.headers.get("Authorization", "")
        if not hmac.compare_digest(given.encode(), f"Bearer {token}".encode()):
            raise Unauthorized(
                "The numbers need the token that COLABEL_METRICS_TOKEN holds; send it as "
                "Authorization: Bearer TOKEN.",
                code="bad_metrics_token",
            )
    elif not _is_near(request.remote_addr) or any(name in request.headers for name in PROXIED):
        raise Forbidden(
            "The numbers are shown on this machine and in its private network only, and not "
            "through a proxy; set COLABEL_METRICS_TOKEN to read them from elsewhere.",
            code="metrics_not_public",
        )


def _is_near(address: str | None) -> bool:
    try:
        found = ip_address(address or "")
    except ValueError:
        # A Unix socket has no address: what connects to it is on this machine.
        return not address
    mapped = getattr(found, "ipv4_mapped", None)
    return (mapped or found).is_private
