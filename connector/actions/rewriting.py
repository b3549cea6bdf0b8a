"""Give a picture other bytes where it lies, once, and the old ones back on request."""

from __future__ import annotations

import hashlib
import io
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from connector.actions.base import Context, Location, Outcome, held, local
from connector.actions.files import Facts, Source
from connector.actions.places import (
    Place,
    changed_before,
    changed_since,
    gone_since,
    inspect_classified,
    place_of,
)
from connector.errors import ActionFailed, Conflict


@dataclass(frozen=True)
class Rewritten:
    """The new file, and what to tell of how it was made."""

    data: bytes
    facts: dict[str, Any]


def rewrite(location: Location, ctx: Context, change: Callable[[bytes], Rewritten]) -> Outcome:
    """Replace the picture's bytes by what `change` makes of them; nothing if that is the same.

    The original bytes go into the blob store first, so that `restore` brings back every one of
    them. Raises ActionFailed when the file is not what was classified.
    """
    place = place_of(location, ctx)
    if place is None:
        before = location["sha256"]
        data = ctx.blobs.read(before)
        made = change(data)
        if made.data == data:
            return Outcome(None, {**made.facts, "how": "unchanged"})
        after = ctx.keep(made.data)
        return Outcome(held(after), {**made.facts, "before": before, "after": after, "path": None})
    return _rewrite_file(place, location, ctx, change)


def _rewrite_file(
    place: Place, location: Location, ctx: Context, change: Callable[[bytes], Rewritten]
) -> Outcome:
    journal = ctx.steps("do")
    now = place.inspect(location)
    if journal.get("detail") is not None and now.sha256 == journal.get("after"):
        # An earlier attempt came as far as the exchange: another one would be once too often.
        return Outcome(place.located(location, now), journal.get("detail"))
    facts = inspect_classified(place, location, ctx)
    with place.source(location, facts).open() as stream:
        data = stream.read()
    if hashlib.sha256(data).hexdigest() != facts.sha256:
        raise changed_before(place.address(location))
    made = change(data)
    if made.data == data:
        return Outcome(place.located(location, facts), {**made.facts, "how": "unchanged"})
    ctx.keep(data)
    after = hashlib.sha256(made.data).hexdigest()
    detail = {**made.facts, "before": facts.sha256, "after": after}
    detail |= {"path": place.address(location), "mtime_ns": facts.mtime_ns}
    if location["kind"] != "local":
        detail["placed"] = dict(location)
    journal.note(detail=detail)
    # Backup tools look at the time: new content gets a new one, restored content its old one.
    source = _source(location, made.data, after, facts, time.time_ns())
    there = place.exchange(location, source, facts, journal)
    if there is None:
        raise changed_before(place.address(location))
    return Outcome(there, detail)


def restore(detail: dict[str, Any], ctx: Context) -> Outcome:
    """Put the original bytes back, and for a file its time. Raises Conflict if it was changed."""
    before, after = detail.get("before"), detail.get("after")
    if before is None:
        return Outcome(None, {"restored": False})
    if not ctx.blobs.exists(before):
        raise Conflict(
            "The picture as it was is no longer kept, so it cannot be restored; change it back by "
            "hand, or send it again.",
            code="original_missing",
        )
    told = {"restored": True, "before": after, "after": before}
    if detail.get("path") is None:
        return Outcome(held(before), told)
    location = detail.get("placed") or local(detail["path"])
    place = place_of(location, ctx)
    if place is None:
        raise ActionFailed("The picture lies in no folder, so nothing was restored there.")
    back = _restore_file(place, location, detail, ctx)
    return Outcome(back, {**told, "path": detail["path"]})


def _restore_file(
    place: Place, location: Location, detail: dict[str, Any], ctx: Context
) -> Location:
    address = place.address(location)
    if not place.exists(location):
        raise gone_since(address)
    now = place.inspect(location)
    journal = ctx.steps("undo")
    if now.sha256 == detail["before"] and journal.get("after") is not None:
        return place.located(location, now)
    if now.sha256 != detail["after"]:
        raise changed_since(address)
    data = ctx.blobs.read(detail["before"])
    source = _source(location, data, detail["before"], now, detail["mtime_ns"])
    back = place.exchange(location, source, now, journal)
    if back is None:
        raise changed_since(address)
    return back


def _source(
    location: Location, data: bytes, sha256: str, facts: Facts, mtime_ns: int | None
) -> Source:
    like = Path(location["path"]) if location["kind"] == "local" else None
    return Source(lambda: io.BytesIO(data), sha256, len(data), like, mtime_ns, facts.mode)
