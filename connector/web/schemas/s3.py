"""What is answered to stores that report objects."""

from __future__ import annotations

from pydantic import Field

from connector.web.schemas.base import Resource


class Reported(Resource):
    """What became of the objects of a notification."""

    accepted: list[str] = Field(description="Predictions that were made.")
    known: list[str] = Field(description="Predictions that an earlier report had made.")
    ignored: int = Field(description="Reports of nothing to take; the source's events say why.")
