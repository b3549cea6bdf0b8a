"""Move a picture into a folder by what it shows."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, ClassVar

from connector.actions.base import Action, Context, Location, Outcome, held, local
from connector.actions.placing import clear, take_away
from connector.actions.transfer import IntoFolder, bring, put_back, remove_unchanged
from connector.errors import ActionFailed
from connector.settings import Settings


class Move(Action[IntoFolder]):
    """Copy, verify, record, then delete exactly what was copied. A held picture becomes a file."""

    kind: ClassVar[str] = "move"
    undoable: ClassVar[bool] = True
    Params = IntoFolder

    def check(self, params: IntoFolder, settings: Settings) -> None:
        """Refuse a folder outside COLABEL_FOLDERS. Raises BadRequest."""
        params.check(settings)

    def describe(self, params: IntoFolder) -> str:
        """Return one sentence with an example of the resulting path."""
        return f"Moves the picture into {params.folder} (for example {params.preview()})."

    def execute(self, params: IntoFolder, location: Location, ctx: Context) -> Outcome:
        """Place the picture, then delete the source if it is still what was copied."""
        journal = ctx.steps("do")
        if location["kind"] == "local" and not journal.get("placed"):
            _check_deletable(Path(location["path"]))
        brought = bring(params, location, ctx, journal, moving=True)
        detail = {**brought.detail(location), "how": "written", "kept": None}
        if location["kind"] == "local":
            detail["how"] = "moved"
            if journal.get("placed"):
                detail["kept"] = _delete_source(Path(location["path"]), detail, ctx)
            else:
                detail["how"] = "already_there"
        clear(brought.path.parent, ctx.action_id)
        there = brought.path.exists()
        return Outcome(local(brought.path, brought.facts.sha256) if there else None, detail)

    def undo(
        self, params: IntoFolder, outcome_detail: dict[str, Any], location: Location, ctx: Context
    ) -> Outcome:
        """Put the file back under its old path, or remove what was written for a held picture."""
        detail = dict(outcome_detail)
        if detail["how"] == "already_there":
            return Outcome(location, detail)
        if detail["from"]["kind"] == "held":
            remove_unchanged(Path(detail["to"]), detail["sha256"], ctx)
            return Outcome(held(detail["sha256"]), {"to": dict(location), "kept": None})
        kept = put_back(detail, ctx)
        return Outcome(
            local(detail["from"]["path"], detail["sha256"]),
            {"from": detail["to"], "to": detail["from"]["path"], "kept": kept},
        )


def _check_deletable(path: Path) -> None:
    """Find out before anything is copied that the source could not be deleted afterwards."""
    if path.parent.is_dir() and not os.access(path.parent, os.W_OK | os.X_OK):
        raise ActionFailed(
            f"The folder {path.parent} is read-only, so nothing can be moved out of it; allow "
            "writing, or use the action “copy”.",
            code="read_only",
        )


def _delete_source(path: Path, detail: dict[str, Any], ctx: Context) -> str | None:
    written = Path(detail["to"])
    if path.exists() and not written.exists():
        return f"{written} has been taken away meanwhile, so {path} was left where it is."
    try:
        result = take_away(
            path, sha256=detail["sha256"], mtime_ns=detail["mtime_ns"], action_id=ctx.action_id
        )
    except ActionFailed as error:
        if error.permanent:
            # A failed move leaves one picture, not two.
            take_away(written, sha256=detail["sha256"], action_id=ctx.action_id)
            clear(written.parent, ctx.action_id)
            ctx.steps("do").note(source=None, intent=None, placed=False)
        raise
    if result == "changed":
        return f"{path} changed after it was copied, so it was left there too."
    return None


ACTION = Move()
