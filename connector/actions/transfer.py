"""What move and copy share: from a picture's location into a folder, and back."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from pydantic import Field, field_validator

from connector.actions.base import (
    ActionParams,
    Context,
    Foresight,
    Journal,
    Location,
    Sight,
    local,
)
from connector.actions.buckets import SCHEME, folder_beside, folder_in_bucket
from connector.actions.files import Facts, Source, make_folder
from connector.actions.places import (
    Place,
    changed_since,
    gone_since,
    inspect_classified,
    place_of,
    taken,
)
from connector.actions.templates import (
    SAMPLE,
    check_template,
    render_folder,
    render_name,
    safe_part,
)
from connector.errors import ActionFailed, BadRequest, ColabelError
from connector.settings import Settings

_FACTS = tuple(one.name for one in fields(Facts))


class IntoFolder(ActionParams):
    """Where to: templates of {label}, {date:%Y-%m}, {name}, {stem}, {ext}, {classifier}, ….

    A relative folder is made inside the workspace's own, under sorted/<classifier>/; for a picture
    that lies in a bucket, beside it. s3://bucket/… names a folder in a bucket.
    """

    folder: str = Field(
        description="Folder, such as {label}/{date:%Y-%m}, or s3://bucket/{label}",
        examples=["{label}/{date:%Y-%m}"],
    )
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
        start, template = f"sorted/{SAMPLE['classifier_name']}/", self.folder
        if template.startswith(SCHEME):
            bucket, _, template = template.removeprefix(SCHEME).partition("/")
            start = f"{SCHEME}{bucket}/"
        elif template.startswith("/"):
            start = "/"
        parts = render_folder(template, SAMPLE)
        return start + "/".join([*parts, render_name(self.name, SAMPLE)])

    def foresee(self, sight: Sight) -> Foresight:
        """Return the address that this picture would get if its name is free there."""
        folder = _foreseen_folder(self.folder, sight)
        return Foresight(f"{folder}/{render_name(self.name, sight.prediction)}", folder)

    def check(self, settings: Settings) -> None:
        """Refuse a folder that this service may not write to. Raises BadRequest."""
        if self.folder.startswith(SCHEME):
            folder_in_bucket(self.folder, SAMPLE, settings)
            return
        _root_and_rest(self.folder, SAMPLE, settings, settings.sorted_dir)


def _foreseen_folder(template: str, sight: Sight) -> str:
    """Return where `destination` would put it, without making anything."""
    picture, location = sight.prediction, sight.location
    if template.startswith(SCHEME):
        place = folder_in_bucket(template, picture, sight.settings)
    elif location["kind"] == "s3" and not template.startswith("/"):
        place = folder_beside(template, location, picture)
    else:
        root, rest = _root_and_rest(template, picture, sight.settings, sight.sorted_dir)
        return "/".join([str(root).rstrip("/"), *rest])
    return f"{SCHEME}{place['bucket']}/{place['key']}".rstrip("/")


def _as_value_error(template: str, *, one_part: bool = False) -> None:
    """Pydantic collects ValueErrors; our own errors would escape half-validated."""
    try:
        check_template(template, one_part=one_part)
    except ColabelError as error:
        raise ValueError(error.detail) from error


@dataclass(frozen=True)
class Brought:
    """A file that now lies in its folder, and the state of what it was made from."""

    location: Location
    place: Place
    facts: Facts

    def detail(self, location: Location) -> dict[str, Any]:
        """Return before and after, as kept for people and for undo."""
        to = {"to": self.place.address(self.location), "placed": dict(self.location)}
        return {"from": dict(location), **to, **asdict(self.facts)}


def destination(params: IntoFolder, location: Location, ctx: Context) -> Location:
    """Return the folder that `params` name for this picture, made where folders are made."""
    if params.folder.startswith(SCHEME):
        return folder_in_bucket(params.folder, ctx.prediction, ctx.settings)
    if location["kind"] == "s3" and not params.folder.startswith("/"):
        return folder_beside(params.folder, location, ctx.prediction)
    root, rest = _root_and_rest(params.folder, ctx.prediction, ctx.settings, ctx.sorted_dir)
    return local(make_folder(root, rest))


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
    origin = place_of(location, ctx)
    noted, begun = journal.get("source"), journal.get("into")
    if noted is not None:
        facts = Facts(**noted)
        target = _place(begun or local(""), ctx)
        there = target.resume(_source(origin, location, ctx, facts), journal)
        if there is not None:
            return Brought(there, target, facts)
    facts = _facts(origin, location, ctx)
    folder = destination(params, location, ctx)
    target = _place(folder, ctx)
    name = render_name(params.name, ctx.prediction)
    if moving and _same_file(target, location, target.within(folder, name)):
        there = {**target.within(folder, name), "source_id": location.get("source_id")}
        return Brought(target.located(there, facts), target, facts)
    journal.note(source=asdict(facts), into=folder, intent=None)
    source = _source(origin, location, ctx, facts)
    there = target.put(source, folder, name, journal, exact=False)
    if there is None:
        raise ActionFailed(f"No free name was found in {target.address(folder)}.", permanent=False)
    return Brought(there, target, facts)


def _place(location: Location, ctx: Context) -> Place:
    place = place_of(location, ctx)
    if place is None:
        raise ActionFailed("The picture lies in no folder; put a “move” before this action.")
    return place


def _same_file(target: Place, location: Location, other: Location) -> bool:
    if location["kind"] != other["kind"]:
        return False
    if location["kind"] == "s3":
        return target.address(location) == target.address(other)
    path = Path(location["path"])
    return path.parent.resolve() / path.name == Path(other["path"])


def _facts(origin: Place | None, location: Location, ctx: Context) -> Facts:
    if origin is None:
        return Facts(location["sha256"], ctx.blobs.size(location["sha256"]))
    return inspect_classified(origin, location, ctx)


def _source(origin: Place | None, location: Location, ctx: Context, facts: Facts) -> Source:
    if origin is None:
        return Source(lambda: ctx.blobs.open(facts.sha256), facts.sha256, facts.size)
    return origin.source(location, facts)


def placed(detail: Mapping[str, Any]) -> Location:
    """Return where an action has put a picture; earlier releases noted the path alone."""
    return detail.get("placed") or local(detail["to"], detail["sha256"])


def remove_unchanged(path: Path, sha256: str, ctx: Context) -> None:
    """Delete a file that we wrote, for undo. Raises Conflict when it is not as we left it."""
    remove_placed(local(path, sha256), sha256, ctx)


def remove_placed(location: Location, sha256: str, ctx: Context) -> None:
    """As `remove_unchanged`, wherever it lies."""
    journal, place = ctx.steps("undo"), _place(location, ctx)
    if not journal.get("removing"):
        if not place.exists(location):
            raise gone_since(place.address(location))
        facts = place.inspect(location)
        if facts.sha256 != sha256:
            raise changed_since(place.address(location))
        journal.note(removing=True, size=facts.size)
    facts = Facts(sha256, journal.get("size") or 0)
    if place.take_away(location, facts).result == "changed":
        raise changed_since(place.address(location))


def put_back(detail: dict[str, Any], ctx: Context) -> tuple[Location, str | None]:
    """Bring a moved file back to its old place; return that, and a sentence if one was kept.

    Raises Conflict when the file changed, is gone, or its old place is taken.
    """
    journal = ctx.steps("undo")
    moved, old = placed(detail), detail["from"]
    now, before = _place(moved, ctx), _place(old, ctx)
    noted: dict[str, Any] = {name: detail.get(name) for name in _FACTS}
    facts = Facts(**noted)
    source = now.source(moved, facts)
    back = before.resume(source, journal)
    if back is None:
        _check_returnable(now, moved, before, old, facts.sha256)
        back = before.put_back(source, old, detail, journal)
        if back is None:
            raise taken(before.address(old))
    # By its content, not its time: what was moved may have been turned and turned back since.
    result = now.take_away(moved, Facts(facts.sha256, facts.size)).result
    before.clear(old)
    if result == "changed":
        return back, f"{now.address(moved)} changed meanwhile and was left there."
    return back, None


def _check_returnable(
    now: Place, moved: Location, before: Place, old: Location, sha256: str
) -> None:
    if not now.exists(moved):
        raise gone_since(now.address(moved))
    if now.inspect(moved).sha256 != sha256:
        raise changed_since(now.address(moved))
    if before.exists(old):
        raise taken(before.address(old))
