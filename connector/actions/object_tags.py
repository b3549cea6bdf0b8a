"""Tags of an object in a bucket: merged with those it has, and taken off again.

S3 knows no condition on tags: of two that tag one object at the same moment, one can lose. In a
bucket with versions exactly the version that was classified is tagged.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connector.actions.base import Context, Location, Outcome
from connector.actions.bucket_place import BucketPlace
from connector.actions.buckets import check_key
from connector.actions.places import changed_since, gone_since, inspect_classified
from connector.errors import ActionFailed, Conflict
from connector.storage import open_objects
from connector.storage.objects import Found

MOST = 10


def add_tags(location: Location, tags: Mapping[str, str], ctx: Context) -> Outcome:
    """Give the object these tags too. Raises ActionFailed when it would have more than ten."""
    place, journal = BucketPlace(ctx), ctx.steps("do")
    objects = _objects(location, ctx)
    found = objects.head(location["key"])
    if found is None or found.etag != location.get("etag"):
        inspect_classified(place, location, ctx)
        found = _still(objects.head(location["key"]), place.address(location))
    now = objects.tags(found)
    merged = {**now, **tags}
    if len(merged) > MOST:
        raise ActionFailed(
            f"{place.address(location)} would have {len(merged)} tags, and S3 takes {MOST}; give "
            "fewer in the rule, or remove some from the object.",
            code="too_many_tags",
        )
    # What an earlier attempt noted counts where that attempt got as far as the tag.
    noted = journal.get("before") or {}
    before = {
        name: noted[name] if name in noted and now.get(name) == value else now.get(name)
        for name, value in tags.items()
    }
    journal.note(before=before)
    if merged != now:
        objects.set_tags(found, merged)
    told = {"how": "tags", "tags": dict(tags), "before": before, "path": place.address(location)}
    expected = location.get("sha256") or ctx.prediction.get("sha256")
    return Outcome(None, {**told, "placed": dict(location), "sha256": expected})


def remove_tags(detail: Mapping[str, Any], ctx: Context) -> Outcome:
    """Take the tags off again, or give them their old values; all others stay. Raises Conflict."""
    location, journal = detail["placed"], ctx.steps("undo")
    place, objects = BucketPlace(ctx), _objects(location, ctx)
    address = place.address(location)
    found = objects.head(location["key"])
    if found is None:
        raise gone_since(address)
    if found.etag != location.get("etag") and place.inspect(location).sha256 != detail["sha256"]:
        raise changed_since(address)
    now = objects.tags(found)
    wanted = dict(now)
    for name, value in detail["tags"].items():
        old = detail["before"][name]
        if now.get(name) != value and not (journal.get("removing") and now.get(name) == old):
            raise Conflict(
                f"The tag “{name}” of {address} has changed since, so its tags were left alone; "
                "set them by hand.",
                code="file_changed",
            )
        wanted.pop(name, None)
        wanted |= {} if old is None else {name: old}
    journal.note(removing=True)
    if wanted != now:
        objects.set_tags(found, wanted)
    return Outcome(None, {"restored": True, "tags": wanted, "path": address})


def _objects(location: Location, ctx: Context) -> Any:
    check_key(location["bucket"], location["key"], ctx.settings)
    return open_objects(location["bucket"])


def _still(found: Found | None, address: str) -> Found:
    if found is None:
        raise ActionFailed(
            f"{address} is being replaced; it is tried again when that is over.", permanent=False
        )
    return found
