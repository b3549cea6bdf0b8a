"""Move a picture into a folder by what it shows."""

from __future__ import annotations

from typing import Any, ClassVar

from connector.actions.base import Action, Context, Foresight, Location, Outcome, Sight, held
from connector.actions.files import Facts
from connector.actions.places import Place, Taken, place_of
from connector.actions.transfer import Brought, IntoFolder, bring, placed, put_back, remove_placed
from connector.errors import ActionFailed
from connector.settings import Settings


class Move(Action[IntoFolder]):
    """Copy, verify, record, then delete exactly what was copied. A held picture becomes a file."""

    kind: ClassVar[str] = "move"
    undoable: ClassVar[bool] = True
    Params = IntoFolder

    def check(self, params: IntoFolder, settings: Settings) -> None:
        """Refuse a folder outside COLABEL_FOLDERS and COLABEL_RULE_BUCKETS. Raises BadRequest."""
        params.check(settings)

    def describe(self, params: IntoFolder) -> str:
        """Return one sentence with an example of the resulting path."""
        return f"Moves the picture into {params.folder} (for example {params.preview()})."

    def brief(self, params: IntoFolder) -> str:
        """Return the folder without an example."""
        return f"Moves the picture into {params.folder}."

    def foresee(self, params: IntoFolder, sight: Sight) -> Foresight:
        """Return the address that it would get."""
        return params.foresee(sight)

    def execute(self, params: IntoFolder, location: Location, ctx: Context) -> Outcome:
        """Place the picture, then delete the source if it is still what was copied."""
        journal, origin = ctx.steps("do"), place_of(location, ctx)
        if origin is not None and not journal.get("placed"):
            origin.check_deletable(location)
        brought = bring(params, location, ctx, journal, moving=True)
        detail = {**brought.detail(location), "how": "written", "kept": None}
        if origin is not None:
            detail["how"] = "moved" if journal.get("placed") else "already_there"
        if detail["how"] == "moved" and origin is not None:
            detail["kept"], detail["marker"] = _delete_source(origin, location, brought, ctx)
        brought.place.clear(brought.location)
        there = brought.place.exists(brought.location)
        return Outcome(brought.location if there else None, detail)

    def undo(
        self, params: IntoFolder, outcome_detail: dict[str, Any], location: Location, ctx: Context
    ) -> Outcome:
        """Put the file back under its old path, or remove what was written for a held picture."""
        detail = dict(outcome_detail)
        if detail["how"] == "already_there":
            return Outcome(location, detail)
        if detail["from"]["kind"] == "held":
            remove_placed(placed(detail), detail["sha256"], ctx)
            return Outcome(held(detail["sha256"]), {"to": dict(location), "kept": None})
        back, kept = put_back(detail, ctx)
        place = place_of(back, ctx)
        to = detail["to"] if place is None else place.address(back)
        return Outcome(back, {"from": detail["to"], "to": to, "kept": kept})


def _delete_source(
    origin: Place, location: Location, brought: Brought, ctx: Context
) -> tuple[str | None, str | None]:
    """Return a sentence if the source was kept, and the marker that hides it in a bucket."""
    address, written = origin.address(location), brought.location
    if origin.exists(location) and not brought.place.exists(written):
        to = brought.place.address(written)
        return f"{to} has been taken away meanwhile, so {address} was left where it is.", None
    try:
        taken = origin.take_away(location, brought.facts)
    except ActionFailed as error:
        if error.permanent:
            _take_copy_away(brought, ctx)
        raise
    return _kept(address, taken), taken.marker


def _take_copy_away(brought: Brought, ctx: Context) -> None:
    """A failed move leaves one picture, not two."""
    facts = Facts(brought.facts.sha256, brought.facts.size)
    brought.place.take_away(brought.location, facts)
    brought.place.clear(brought.location)
    ctx.steps("do").note(source=None, intent=None, placed=False)


def _kept(address: str, taken: Taken) -> str | None:
    if taken.result == "changed":
        return f"{address} changed after it was copied, so it was left there too."
    return None


ACTION = Move()
