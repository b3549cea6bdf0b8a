"""How the service is, over the wire."""

from __future__ import annotations

from typing import Literal

from connector.web.schemas.base import Resource


class Health(Resource):
    """The web process is up."""

    status: Literal["ok"]


class Check(Resource):
    """How one part is."""

    status: Literal["ok", "fail"]
    detail: str


class Readiness(Resource):
    """Whether pictures can be taken, and how each part is."""

    status: Literal["ready", "degraded"]
    checks: dict[str, Check]
