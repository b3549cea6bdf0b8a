"""What tests of undo in bulk share: asking for it, and a folder as it looks from outside."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from acting import run
from sqlalchemy import select

from connector.db.tables import Classifier, Prediction
from connector.domain import undo_selection, undos
from connector.domain.action_list import ActionFilter
from workers.runtime import Runtime

# Content and time of each file by its path.
Look = dict[str, tuple[bytes, int]]


def look(*folders: Path) -> Look:
    """Return every file below these folders, our own private ones too."""
    return {
        str(path): (path.read_bytes(), path.stat().st_mtime_ns)
        for folder in folders
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def locations(rt: Runtime) -> dict[str, Any]:
    """Return where each prediction's picture is, but for the hash that moving adds to a file's."""
    with rt.database.read() as session:
        rows = session.scalars(select(Prediction)).all()
    return {row.id: row.location.get("path") or row.location["sha256"] for row in rows}


def ask(
    rt: Runtime, classifier: Classifier, *ids: str, by: str = "Alice's key", **fields: Any
) -> str:
    """Ask for an undo of actions, or of what fits a filter; return its id."""
    with rt.database.write() as session:
        chosen, _ = undo_selection.selection(
            session,
            classifier.workspace_id,
            ids=ids or None,
            wanted=ActionFilter(**fields) if fields else None,
        )
        return undos.request(session, chosen, by).id


def shown(rt: Runtime, classifier: Classifier, undo_id: str) -> Any:
    """Return the undo as the API shows it."""
    with rt.database.read() as session:
        row = undos.get(session, classifier.workspace_id, undo_id)
        return undos.shown(session, row, "http://here")


def undone(rt: Runtime, classifier: Classifier, *ids: str, **fields: Any) -> Any:
    """Ask for an undo, have the workers do it, and return it."""
    undo_id = ask(rt, classifier, *ids, **fields)
    run(rt)
    return shown(rt, classifier, undo_id)


def tally(found: Any) -> tuple[str, int, int, int]:
    """Return an undo's status, and how many are undone, refused and waiting."""
    return found["status"], found["undone"], found["refused"], found["waiting"]
