"""Messages for tests: with names and labels that would like to be more than data."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from connector.alerts.message import Digest, Message, Shown

EVIL = 'x"><script>&alert</script> <!channel> <@U1> @here *b*'
START = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)


def shown(**changes: Any) -> Shown:
    values: dict[str, Any] = {
        "name": EVIL,
        "label": EVIL,
        "confidence": 0.97,
        "message": f"{EVIL} was seen",
        "url": "https://colabel.example/api/v1/predictions/pred_1",
        "image_url": "https://colabel.example/api/v1/predictions/pred_1/image",
        "thumbnail": b"\xff\xd8jpeg",
    }
    return Shown(**{**values, **changes})


def single(**changes: Any) -> Message:
    one = shown(**changes)
    return Message("act_1", f"Papers: {EVIL}", one.message, [one], {"action_id": "act_1"})


def digest(count: int = 12, pictures: int = 2, end: datetime | None = None) -> Message:
    told = Digest(
        "dig_1",
        count,
        [(EVIL, count - 1), ("letter", 1)],
        START,
        end or START.replace(minute=5),
        "https://colabel.example/api/v1/predictions?digest_id=dig_1&a=b",
    )
    first = [shown() for _ in range(pictures)]
    line = f"{EVIL}: {count} alerts"
    return Message("dig_1-1", line, line, first, {"digest_id": "dig_1"}, told)
