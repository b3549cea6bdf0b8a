"""What an alert says, whatever way it goes: one picture, or a digest of many."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any


@dataclass(frozen=True)
class Shown:
    """A picture as a message shows it. `thumbnail`: a small JPEG; `note`: why there is none."""

    name: str
    label: str
    confidence: float | None
    message: str
    url: str
    image_url: str
    thumbnail: bytes | None = None
    note: str | None = None

    @property
    def answer(self) -> str:
        """The label, and how sure the model was where a model said it."""
        if self.confidence is None:
            return self.label
        return f"{self.label} ({self.confidence:.0%})"


@dataclass(frozen=True)
class Digest:
    """How many alerts a message tells of, by label, from when to when, and where they all are."""

    id: str
    count: int
    labels: Sequence[tuple[str, int]]
    start: datetime | None
    end: datetime | None
    url: str

    @property
    def span(self) -> str:
        """From when to when, in UTC, the day once if it is the same."""
        if self.start is None or self.end is None:
            return ""
        start, end = self.start.astimezone(UTC), self.end.astimezone(UTC)
        until = f"{end:%H:%M:%S}" if start.date() == end.date() else f"{end:%Y-%m-%d %H:%M:%S}"
        return f"{start:%Y-%m-%d %H:%M:%S} to {until} UTC"


@dataclass(frozen=True)
class Message:
    """One message. `id` is the same when the same is sent again, so that receivers can tell.

    `payload` is what a program gets that is posted to.
    """

    id: str
    subject: str
    headline: str
    pictures: Sequence[Shown]
    payload: dict[str, Any]
    digest: Digest | None = None


def as_text(message: Message) -> str:
    """Return the message as plain text with links."""
    if message.digest is None:
        links = [line for one in message.pictures for line in _links(one)]
        return "\n".join([message.headline, "", *links]).rstrip() + "\n"
    digest = message.digest
    counts = [f"{count:>7,}  {label}" for label, count in digest.labels]
    first = [line for one in message.pictures for line in (f"- {one.message}", f"  {one.url}")]
    rest = digest.count - len(message.pictures)
    more = [f"and {rest:,} more."] if rest > 0 else []
    lines = [message.headline, digest.span, "", *counts, "", *first, *more]
    return "\n".join([*lines, "", f"All of them: {digest.url}"]) + "\n"


def _links(shown: Shown) -> list[str]:
    return [f"The picture: {shown.image_url}", f"All about it: {shown.url}"]
