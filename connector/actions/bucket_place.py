"""Buckets as a place: every object is made under a condition, and known by our mark in it.

The scheme is that of `placing`, with what S3 has instead of links: the intended key is noted,
the object is created there only if there is none, verified, noted as placed, and only then is
the source deleted, under the condition that it is still the object that was read.
"""

from __future__ import annotations

import hashlib
import io
from dataclasses import asdict
from typing import Any

from connector.actions.base import Context, Journal, Location
from connector.actions.buckets import check_key, s3
from connector.actions.files import Facts, Source, free_names
from connector.actions.places import Place, Taken
from connector.errors import ActionFailed
from connector.storage import open_objects
from connector.storage.objects import Dress, Found


class BucketPlace(Place):
    """Objects, as {"kind": "s3", "bucket": …, "key": …, …}; only where an operator allows it."""

    def __init__(self, ctx: Context) -> None:
        super().__init__(ctx)
        # What was read last: an object is hashed first and then written elsewhere.
        self._last: tuple[str, str, Found, bytes] | None = None

    def address(self, location: Location) -> str:
        """Return s3://bucket/key."""
        return f"s3://{location['bucket']}/{location['key']}"

    def within(self, folder: Location, name: str) -> Location:
        """Join the two; a folder's key is empty or has no slash at its end."""
        key = f"{folder['key']}/{name}" if folder["key"] else name
        return {"kind": "s3", "bucket": folder["bucket"], "key": key}

    def parent(self, location: Location) -> tuple[Location, str]:
        """Split the key at its last slash."""
        folder, _, name = location["key"].rpartition("/")
        return {"kind": "s3", "bucket": location["bucket"], "key": folder}, name

    def exists(self, location: Location) -> bool:
        """Ask the store."""
        return self._head(location) is not None

    def inspect(self, location: Location) -> Facts:
        """Read and hash the object as it is now. Raises ActionFailed (code file_missing)."""
        data, found = self._read(location)
        facts = {"identity": found.identity(), "dress": asdict(found.dress)}
        return Facts(hashlib.sha256(data).hexdigest(), len(data), object=facts)

    def located(self, location: Location, facts: Facts) -> Location:
        """Add ETag, version and hash."""
        identity = (facts.object or {}).get("identity", {})
        return s3(
            location["bucket"],
            location["key"],
            version=identity.get("version"),
            etag=identity.get("etag"),
            source_id=location.get("source_id") or "",
            sha256=facts.sha256,
        )

    def source(self, location: Location, facts: Facts) -> Source:
        """Return the object's bytes, and what else it carries."""

        def opened() -> io.BytesIO:
            if self._last is not None and self._last[:2] == (location["bucket"], location["key"]):
                return io.BytesIO(self._last[3])
            return io.BytesIO(self._read(location)[0])

        dress = (facts.object or {}).get("dress")
        return Source(
            opened, facts.sha256, facts.size, None, facts.mtime_ns, facts.mode, dress=dress
        )

    def check_deletable(self, location: Location) -> None:
        """Refuse a store that could delete what came in between. Raises ActionFailed."""
        found = self._head(location)
        if found is not None:
            open_objects(location["bucket"]).check_deletable(found.key, found.version)

    def resume(self, source: Source, journal: Journal) -> Location | None:
        """Find an object that an earlier attempt made, by its mark and its content."""
        noted = journal.get("intent")
        if noted is None:
            return None
        if journal.get("placed"):
            return dict(noted)
        found = self._ours(noted, source) or self._uncovered(noted, journal)
        return None if found is None else self._note_placed(noted, found, source, journal)

    def put(
        self, source: Source, folder: Location, name: str, journal: Journal, *, exact: bool
    ) -> Location | None:
        """Create an object under a free name. Raises ActionFailed when it arrived otherwise."""
        with source.open() as stream:
            data = stream.read()
        if hashlib.sha256(data).hexdigest() != source.sha256:
            raise ActionFailed(
                "The picture changed while it was copied; it is tried again.", permanent=False
            )
        dress = Dress(**source.dress) if source.dress else _dress(self._ctx)
        for candidate in free_names(name, lambda one: self.exists(self.within(folder, one))):
            if exact and candidate != name:
                return None
            location = {**self.within(folder, candidate), "source_id": folder.get("source_id", "")}
            journal.note(intent=location)
            objects = self._objects(location)
            etag = objects.create(location["key"], data, dress, self._ctx.action_id)
            # No: taken, or made by an earlier try of this request whose answer was lost.
            found = self._ours(location, source)
            if found is not None:
                return self._note_placed(location, found, source, journal)
            if etag is not None:
                self._remove_damaged(location, etag)
                raise ActionFailed(
                    f"{self.address(location)} did not arrive as it was sent; it is tried again.",
                    permanent=False,
                )
        return None

    def put_back(
        self, source: Source, location: Location, detail: dict[str, Any], journal: Journal
    ) -> Location | None:
        """Uncover the object itself where only a marker hides it; else write it again."""
        marker, identity = detail.get("marker"), (detail.get("object") or {}).get("identity")
        objects = self._objects(location)
        if marker and identity and objects.marker(location["key"]) == marker:
            noted = {"kind": "s3", "bucket": location["bucket"], "key": location["key"]}
            noted["source_id"] = location.get("source_id") or ""
            journal.note(intent=noted, uncovering=identity)
            if objects.uncover(location["key"], marker):
                found = self._uncovered(noted, journal)
                if found is not None:
                    return self._note_placed(noted, found, source, journal)
        folder, name = self.parent(location)
        folder["source_id"] = location.get("source_id") or ""
        return self.put(source, folder, name, journal, exact=True)

    def take_away(self, location: Location, facts: Facts) -> Taken:
        """Delete the object if it is still the one of `facts`, or without an identity its bytes."""
        found = self._head(location)
        if found is None:
            return Taken("gone")
        identity = (facts.object or {}).get("identity")
        if identity is not None:
            if not found.is_same(identity):
                return Taken("changed")
        # Written anew since, as by an undo: then the bytes have to tell.
        elif found.etag != location.get("etag") and not self._has_content(
            location, found, facts.sha256, facts.size
        ):
            return Taken("changed")
        return Taken(*self._objects(location).delete(found))

    def exchange(
        self, location: Location, source: Source, before: Facts, journal: Journal
    ) -> Location | None:
        """Write the new content under the condition that the object is the one of `before`."""
        journal.note(before=before.sha256, after=source.sha256)
        with source.open() as stream:
            data = stream.read()
        carried = before.object or {}
        dress = Dress(**(source.dress or carried.get("dress") or {}))
        self._objects(location).replace(
            location["key"],
            data,
            dress,
            self._ctx.action_id,
            etag=carried["identity"]["etag"],
        )
        self._last = None
        found = self._ours(location, source)
        return None if found is None else self._located(location, found, source.sha256)

    def clear(self, location: Location) -> None:
        """Nothing is kept beside an object."""

    def _objects(self, location: Location) -> Any:
        check_key(location["bucket"], location["key"], self._ctx.settings)
        return open_objects(location["bucket"])

    def _head(self, location: Location) -> Found | None:
        found: Found | None = self._objects(location).head(location["key"])
        return found

    def _read(self, location: Location) -> tuple[bytes, Found]:
        limit = self._ctx.settings.max_upload_bytes
        answer = self._objects(location).read(location["key"], limit)
        if answer is None:
            raise ActionFailed(
                f"The object {self.address(location)} is not there any more; somebody has moved "
                "or deleted it.",
                code="file_missing",
            )
        data, found = answer
        self._last = (location["bucket"], location["key"], found, data)
        return data, found

    def _ours(self, location: Location, source: Source) -> Found | None:
        """Return the object there if this action has written it and it arrived whole."""
        found = self._head(location)
        if found is None or found.action != self._ctx.action_id:
            return None
        ours = self._has_content(location, found, source.sha256, source.size)
        return found if ours else None

    def _remove_damaged(self, location: Location, etag: str) -> None:
        found = self._head(location)
        if found is not None and (found.etag, found.action) == (etag, self._ctx.action_id):
            self._objects(location).delete(found)

    def _uncovered(self, location: Location, journal: Journal) -> Found | None:
        identity = journal.get("uncovering")
        found = self._head(location) if identity is not None else None
        return found if found is not None and found.is_same(identity) else None

    def _has_content(self, location: Location, found: Found, sha256: str, size: int) -> bool:
        """Believe the store's own SHA-256 where it has one; else read everything back."""
        if found.size != size:
            return False
        if found.sha256 is not None:
            return found.sha256 == sha256
        data, now = self._read(location)
        return now.etag == found.etag and hashlib.sha256(data).hexdigest() == sha256

    def _note_placed(
        self, location: Location, found: Found, source: Source, journal: Journal
    ) -> Location:
        placed = self._located(location, found, source.sha256)
        journal.note(placed=True, intent=placed)
        return placed

    def _located(self, location: Location, found: Found, sha256: str) -> Location:
        facts = Facts(sha256, found.size, object={"identity": found.identity()})
        return self.located(location, facts)


def _dress(ctx: Context) -> Dress:
    """What an object carries that was a file before: the kind of picture it is."""
    media_type = str(ctx.prediction.get("media_type") or "")
    return Dress({"ContentType": media_type} if media_type else {})
