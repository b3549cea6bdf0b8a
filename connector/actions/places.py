"""Where pictures lie as files of their own: folders of this machine, or buckets.

Both promise the same: nothing is overwritten, nothing but what was read is deleted, and after a
crash an action that is carried out again goes on where the journal says it was.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Literal, NamedTuple

from connector.actions.base import Context, Journal, Location
from connector.actions.files import Facts, Source
from connector.errors import ActionFailed, Conflict


class Taken(NamedTuple):
    """What became of a file; `marker` is the version of the delete marker that hides it."""

    result: Literal["deleted", "gone", "changed"]
    marker: str | None = None


class Place(ABC):
    """One kind of place, for one action. A `folder` is a location without a name in it."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx

    @abstractmethod
    def address(self, location: Location) -> str:
        """Return what people call it: a path, or s3://bucket/key."""

    @abstractmethod
    def within(self, folder: Location, name: str) -> Location:
        """Return where a file of this name in the folder is."""

    @abstractmethod
    def parent(self, location: Location) -> tuple[Location, str]:
        """Return a file's folder and name."""

    @abstractmethod
    def exists(self, location: Location) -> bool:
        """Say whether anything is there now."""

    @abstractmethod
    def inspect(self, location: Location) -> Facts:
        """Read and hash what is there. Raises ActionFailed (code file_missing)."""

    @abstractmethod
    def located(self, location: Location, facts: Facts) -> Location:
        """Return the location with what `inspect` told of it."""

    @abstractmethod
    def source(self, location: Location, facts: Facts) -> Source:
        """Return the bytes there, which must turn out as in `facts`, to be placed elsewhere."""

    @abstractmethod
    def check_deletable(self, location: Location) -> None:
        """Find out before anything is copied that it could not be deleted. Raises ActionFailed."""

    @abstractmethod
    def resume(self, source: Source, journal: Journal) -> Location | None:
        """Return where an earlier attempt has put `source`, completing what it began; else None."""

    @abstractmethod
    def put(
        self, source: Source, folder: Location, name: str, journal: Journal, *, exact: bool
    ) -> Location | None:
        """Put `source` there under a free name, verified; with `exact` under this one or none."""

    def put_back(
        self, source: Source, location: Location, detail: dict[str, Any], journal: Journal
    ) -> Location | None:
        """Put `source` where it was before; None when the name is taken."""
        folder, name = self.parent(location)
        return self.put(source, folder, name, journal, exact=True)

    @abstractmethod
    def take_away(self, location: Location, facts: Facts) -> Taken:
        """Delete what is there if it is as in `facts`."""

    @abstractmethod
    def exchange(
        self, location: Location, source: Source, before: Facts, journal: Journal
    ) -> Location | None:
        """Replace the content, which must be as in `before`, in one step; None if it is not."""

    @abstractmethod
    def clear(self, location: Location) -> None:
        """Remove what `put` kept beside the file for the case of a crash."""


def place_of(location: Location, ctx: Context) -> Place | None:
    """Return the kind of place of a location; None for a picture that only the service holds."""
    if location["kind"] == "held":
        return None
    if location["kind"] == "s3":
        from connector.actions.bucket_place import BucketPlace

        return BucketPlace(ctx)
    from connector.actions.local_place import LocalPlace

    return LocalPlace(ctx)


def inspect_classified(place: Place, location: Location, ctx: Context) -> Facts:
    """Read and hash what is there. Raises ActionFailed when it is not what was classified."""
    facts = place.inspect(location)
    expected = location.get("sha256")
    if expected is None and location["kind"] == "s3":
        expected = ctx.prediction.get("sha256")
    if expected not in (None, facts.sha256):
        raise changed_before(place.address(location))
    return facts


def read_picture(location: Location, ctx: Context) -> bytes:
    """Return the picture's bytes as they are now. Raises ActionFailed, NotFound, Unavailable."""
    place = place_of(location, ctx)
    if place is None:
        return ctx.blobs.read(location["sha256"])
    facts = inspect_classified(place, location, ctx)
    with place.source(location, facts).open() as stream:
        return stream.read()


def changed_before(address: str) -> ActionFailed:
    """Return the error for a file that is not what was classified."""
    return ActionFailed(
        f"{address} has changed since it was classified, so it was left alone; send the new "
        "picture to be classified.",
        code="file_changed",
    )


def changed_since(address: object) -> Conflict:
    """Return the error for a file that somebody changed after the action."""
    return Conflict(
        f"{address} has changed since, so it was left alone; undo later actions on it first, or "
        "move it by hand.",
        code="file_changed",
    )


def gone_since(address: object) -> Conflict:
    """Return the error for a file that is not where the action left it."""
    return Conflict(
        f"{address} is not there any more; undo later actions on it first, or look for it by hand.",
        code="file_missing",
    )


def taken(address: object) -> Conflict:
    """Return the error for an old place that is taken now."""
    return Conflict(
        f"There is another file at {address} now; move it away, then undo again.",
        code="name_taken",
    )
