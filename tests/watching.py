"""A watched folder of a test's own: files dropped into it, looks at it, and what came of them."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from colours import picture
from sqlalchemy import select

from connector.db.tables import Classifier, Prediction, Source
from connector.domain import source_events, sources
from connector.domain.quotas import Quotas
from workers.runtime import Runtime
from workers.watcher import Watcher

# Two looks suffice, however soon after each other.
QUICK = {"watch_seconds": 0.000_001, "lease_seconds": 30.0}


def watchable(rt: Runtime, path: Path, **settings: Any) -> Runtime:
    """Return the runtime with `path` allowed and looks without pauses."""
    path.mkdir(exist_ok=True)
    rt.settings = rt.settings.model_copy(update={**QUICK, "folders": [path], **settings})
    return rt


@dataclass
class Inbox:
    """A source of the kind folder, and one who watches it."""

    rt: Runtime
    classifier: Classifier
    path: Path
    source_id: str = ""
    watcher: Watcher = field(init=False)

    @classmethod
    def make(cls, rt: Runtime, classifier: Classifier, path: Path, **given: Any) -> Inbox:
        """Make the source; `given`: its settings, and take_existing."""
        inbox = cls(rt, classifier, path)
        take_existing = given.pop("take_existing", False)
        with rt.database.write() as session:
            mine = session.get_one(Classifier, classifier.id)
            row = sources.create_source(
                session,
                mine,
                name="inbox",
                settings={"path": str(path), **given},
                kind="folder",
                take_existing=take_existing,
            )
            inbox.source_id = row.id
        inbox.start()
        return inbox

    def start(self) -> None:
        """Let another one watch, who knows only what the database knows."""
        quotas = Quotas(self.rt.database, self.rt.settings)
        self.watcher = Watcher(self.rt, quotas, self.source_id)

    def restart(self) -> None:
        """End the one who watches in good order, and start another."""
        self.watcher.let_go()
        self.start()

    def look(self, times: int = 3) -> None:
        """Look so often; a new file is seen, found to be the same, and taken."""
        for _ in range(times):
            self.watcher.look()

    def drop(self, name: str, colour: str = "red", seed: int = 0, **kind: Any) -> Path:
        """Put a picture into the folder, whole at once."""
        path = self.path / name
        path.parent.mkdir(exist_ok=True, parents=True)
        aside = path.parent / f".{path.name}"
        aside.write_bytes(picture(colour, seed=seed, **kind))
        return aside.rename(path)

    def predictions(self) -> list[Prediction]:
        """Return what was taken, in order."""
        with self.rt.database.read() as session:
            statement = select(Prediction).where(Prediction.source_id == self.source_id)
            return list(session.scalars(statement.order_by(Prediction.id)))

    def names(self) -> list[str]:
        """Return the names of what was taken, sorted."""
        return sorted(one.name for one in self.predictions())

    def shown(self) -> dict[str, Any]:
        """Return the source as its owner sees it, with its events."""
        with self.rt.database.read() as session:
            row = session.get_one(Source, self.source_id)
            return {
                **sources.summary(session, row, "http://here"),
                "events": source_events.shown(session, row),
            }

    def set(self, **changes: Any) -> None:
        """Change the source as its owner does."""
        with self.rt.database.write() as session:
            mine = session.get_one(Classifier, self.classifier.id)
            row = session.get_one(Source, self.source_id)
            sources.update_source(session, mine, row, **changes)


def grown_old(path: Path) -> None:
    """Return once the file is older than the steps in which its time is counted."""
    while time.time_ns() - path.stat().st_ctime_ns < 50_000_000:
        time.sleep(0.005)


def touch(path: Path) -> None:
    """Give the file another time and leave its content."""
    about = path.stat()
    os.utime(path, ns=(about.st_atime_ns, about.st_mtime_ns + 10**9))
