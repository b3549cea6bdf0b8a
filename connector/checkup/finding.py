"""One line of what was found out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Status = Literal["ok", "warn", "fail"]


@dataclass(frozen=True)
class Finding:
    """How it is, what was looked at, and a sentence with a way on."""

    status: Status
    part: str
    sentence: str
