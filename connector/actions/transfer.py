"""What move and copy share: from a picture's location into a folder, and back."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pydantic import Field, field_validator

from connector.actions.base import ActionParams, Context, Journal, Location
from connector.actions.files import Facts, Source, inspect, make_folder, open_regular
from connector.actions.placing import clear, place, resume, take_away
from connector.actions.templates import (
    SAMPLE,
    check_template,
    render_folder,
    render_name,
    safe_part,
)
from connector.errors import ActionFailed, BadRequest, ColabelError, Conflict
from connector.settings import Settings


class IntoFolder(ActionParams):
    """Where to: templates of {label}, {date:%Y-%m}, {name}, {stem}, {ext}, {classifier}, ….

    A relative folder is made inside the workspace's own, under sorted/<classifier>/.
    """

    folder: str = Field(description="Folder, such as {label}/{date:%Y-%m}")
    name: str = Field("{name}", description="File name, such as {stem}-{id}.{ext}")

    @field_validator("folder")
    @classmethod
    def _folder(cls, value: str) -> str:
        _as_value_error(value)
        return value

    @field_validator("name")
    @classmethod
    def _name(cls, value: str) -> str:
        _as_value_error(value, one_part=True)
        return value

    def preview(self) -> str:
        """Return the path that an invoice would get, for the person who writes the rule."""
        start = "/" if self.folder.startswith("/") else f"sorted/{SAMPLE['classifier_name']}/"
        parts = render_folder(self.folder, SAMPLE)
        return start + "/".join([*parts, render_name(self.name, SAMPLE)])

    def check(self, settings: Settings) -> None:
        """Refuse a folder that this service may not write to. Raises BadRequest."""
        _root_and_rest(self.folder, SAMPLE, settings, settings.sorted_dir)


def _as_value_error(template: str, *, one_part: bool = False) -> None:
    """Pydantic collects ValueErrors; our own errors would escape half-validated."""
    try:
        check_template(template, one_part=one_part)
    except ColabelError as error:
        raise ValueError(error.detail) from error


@dataclass(frozen=True)
class Brought:
    """A file that now lies in its folder, and the state of what it was made from."""

    path: Path
    facts: Facts

    def detail(self, location: Location) -> dict[str, Any]:
        """Return before and after, as kept for people and for undo."""
        return {"from": dict(location), "to": str(self.path), **asdict(self.facts)}


def destination(params: IntoFolder, ctx: Context) -> Path:
    """Make the folder that `params` name for this picture; return it resolved."""
    root, rest = _root_and_rest(params.folder, ctx.prediction, ctx.settings, ctx.sorted_dir)
    return make_folder(root, rest)


def _root_and_rest(
    template: str, prediction: Mapping[str, Any], settings: Settings, sorted_dir: Path
) -> tuple[Path, list[str]]:
    if not template.startswith("/"):
        classifier = safe_part(str(prediction.get("classifier_name") or ""))
        return sorted_dir, [classifier, *render_folder(template, prediction)]
    # The allowed folder must stand in the template as it is: no value may have a say in it.
    template = re.sub("/+", "/", template)
    roots = [root for root in settings.folders if f"{template}/".startswith(f"{root}/")]
    if not roots:
        raise BadRequest(
            f"colabel may not write to {template}; add the folder, or one above it, to "
            "COLABEL_FOLDERS, or use a relative folder.",
            code="folder_not_allowed",
        )
    root = max(roots, key=lambda root: len(root.parts))
    return root, render_folder(template[len(str(root)) :], prediction)


def bring(
    params: IntoFolder, location: Location, ctx: Context, journal: Journal, *, moving: bool
) -> Brought:
    """Copy the picture into its folder under a free name, going on after earlier attempts.

    When a file that is to be moved lies there already under its name, it is left as it is.
    """
    noted = journal.get("source")
    if noted is not None:
        facts = Facts(**noted)
        path = resume(_source(location, ctx, facts), action_id=ctx.action_id, journal=journal)
        if path is not None:
            return Brought(path, facts)
    facts = _facts(location, ctx)
    folder = destination(params, ctx)
    name = render_name(params.name, ctx.prediction)
    if moving and location["kind"] == "local" and _same_file(Path(location["path"]), folder / name):
        return Brought(folder / name, facts)
    journal.note(source=asdict(facts), intent=None)
    source = _source(location, ctx, facts)
    path = place(source, folder, name, action_id=ctx.action_id, journal=journal, exact=False)
    if path is None:
        raise ActionFailed(f"No free name was found in {folder}.", permanent=False)
    return Brought(path, facts)


def _same_file(path: Path, other: Path) -> bool:
    return path.parent.resolve() / path.name == other


def _facts(location: Location, ctx: Context) -> Facts:
    if location["kind"] == "held":
        size = ctx.blobs.size(location["sha256"])
        return Facts(location["sha256"], size)
    path = Path(location["path"])
    facts = inspect(path)
    if location.get("sha256", facts.sha256) != facts.sha256:
        raise ActionFailed(
            f"{path} has changed since it was classified, so it was left alone; send the new "
            "picture to be classified.",
            code="file_changed",
        )
    return facts


def _source(location: Location, ctx: Context, facts: Facts) -> Source:
    if location["kind"] == "held":
        return Source(lambda: ctx.blobs.open(facts.sha256), facts.sha256, facts.size)
    path = Path(location["path"])
    return Source(
        lambda: open_regular(path), facts.sha256, facts.size, path, facts.mtime_ns, facts.mode
    )


def remove_unchanged(path: Path, sha256: str, ctx: Context) -> None:
    """Delete a file that we wrote, for undo. Raises Conflict when it is not as we left it."""
    journal = ctx.steps("undo")
    if not journal.get("removing"):
        if not os.path.lexists(path):
            raise gone_since(path)
        if inspect(path).sha256 != sha256:
            raise changed_since(path)
        journal.note(removing=True)
    if take_away(path, sha256=sha256, action_id=ctx.action_id) == "changed":
        raise changed_since(path)


def put_back(detail: dict[str, Any], ctx: Context) -> str | None:
    """Bring a moved file back to its old path; return a sentence if the moved one was kept.

    Raises Conflict when the file changed, is gone, or its old place is taken.
    """
    journal = ctx.steps("undo")
    moved, old = Path(detail["to"]), Path(detail["from"]["path"])
    source = Source(
        lambda: open_regular(moved),
        detail["sha256"],
        detail["size"],
        moved,
        detail["mtime_ns"],
        detail["mode"],
    )
    if resume(source, action_id=ctx.action_id, journal=journal) is None:
        _check_returnable(moved, old, detail["sha256"])
        folder = make_folder(old.parent, [])
        path = place(source, folder, old.name, action_id=ctx.action_id, journal=journal, exact=True)
        if path is None:
            raise _taken(old)
    result = take_away(moved, sha256=detail["sha256"], action_id=ctx.action_id)
    clear(old.parent, ctx.action_id)
    if result == "changed":
        return f"{moved} changed meanwhile and was left there."
    return None


def _check_returnable(moved: Path, old: Path, sha256: str) -> None:
    if not os.path.lexists(moved):
        raise gone_since(moved)
    if inspect(moved).sha256 != sha256:
        raise changed_since(moved)
    if os.path.lexists(old):
        raise _taken(old)


def _taken(path: Path) -> Conflict:
    return Conflict(
        f"There is another file at {path} now; move it away, then undo again.", code="name_taken"
    )


def changed_since(path: Path) -> Conflict:
    """Return the error for a file that somebody changed after the action."""
    return Conflict(
        f"{path} has changed since, so it was left alone; undo later actions on it first, or "
        "move it by hand.",
        code="file_changed",
    )


def gone_since(path: Path) -> Conflict:
    """Return the error for a file that is not where the action left it."""
    return Conflict(
        f"{path} is not there any more; undo later actions on it first, or look for it by hand.",
        code="file_missing",
    )
