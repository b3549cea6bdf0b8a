"""Folders of this machine as a place; the steps themselves are in `placing` and `files`."""

from __future__ import annotations

import os
from pathlib import Path

from connector.actions import placing
from connector.actions.base import Journal, Location, local
from connector.actions.files import Facts, Source, inspect, make_folder, open_regular
from connector.actions.places import Place, Taken
from connector.errors import ActionFailed


class LocalPlace(Place):
    """Paths, as {"kind": "local", "path": …}."""

    def address(self, location: Location) -> str:
        """Return the path."""
        return str(location["path"])

    def within(self, folder: Location, name: str) -> Location:
        """Join the two."""
        return local(Path(folder["path"]) / name)

    def parent(self, location: Location) -> tuple[Location, str]:
        """Split the path."""
        path = Path(location["path"])
        return local(path.parent), path.name

    def exists(self, location: Location) -> bool:
        """Links count, wherever they lead."""
        return os.path.lexists(location["path"])

    def inspect(self, location: Location) -> Facts:
        """Read and hash the file, following no link. Raises ActionFailed."""
        return inspect(Path(location["path"]))

    def located(self, location: Location, facts: Facts) -> Location:
        """Add the hash."""
        return local(location["path"], facts.sha256)

    def source(self, location: Location, facts: Facts) -> Source:
        """Return the file's bytes, times, permissions and attributes."""
        path = Path(location["path"])
        dress = (facts.object or {}).get("dress")
        return Source(
            lambda: open_regular(path),
            facts.sha256,
            facts.size,
            path,
            facts.mtime_ns,
            facts.mode,
            dress,
        )

    def check_deletable(self, location: Location) -> None:
        """Refuse a folder that may not be written to. Raises ActionFailed (code read_only)."""
        folder = Path(location["path"]).parent
        if folder.is_dir() and not os.access(folder, os.W_OK | os.X_OK):
            raise ActionFailed(
                f"The folder {folder} is read-only, so nothing can be moved out of it; allow "
                "writing, or use the action “copy”.",
                code="read_only",
            )

    def resume(self, source: Source, journal: Journal) -> Location | None:
        """Complete a half-written file that is ours."""
        path = placing.resume(source, action_id=self._ctx.action_id, journal=journal)
        return None if path is None else local(path, source.sha256)

    def put(
        self, source: Source, folder: Location, name: str, journal: Journal, *, exact: bool
    ) -> Location | None:
        """Write a private file beside it, verify it, and link it under a free name."""
        path = placing.place(
            source,
            make_folder(Path(folder["path"]), []),
            name,
            action_id=self._ctx.action_id,
            journal=journal,
            exact=exact,
        )
        return None if path is None else local(path, source.sha256)

    def take_away(self, location: Location, facts: Facts) -> Taken:
        """Delete the file if it still has this content, and this time where one is given."""
        return Taken(
            placing.take_away(
                Path(location["path"]),
                sha256=facts.sha256,
                mtime_ns=facts.mtime_ns,
                action_id=self._ctx.action_id,
            )
        )

    def exchange(
        self, location: Location, source: Source, before: Facts, journal: Journal
    ) -> Location | None:
        """Rename a private file over it."""
        exchanged = placing.exchange_content(
            Path(location["path"]),
            source,
            before=before.sha256,
            action_id=self._ctx.action_id,
            journal=journal,
        )
        return local(location["path"], source.sha256) if exchanged else None

    def clear(self, location: Location) -> None:
        """Remove the private file."""
        placing.clear(Path(location["path"]).parent, self._ctx.action_id)
