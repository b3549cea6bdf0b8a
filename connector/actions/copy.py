"""Copy a picture into a folder; the original stays where it is."""

from __future__ import annotations

from typing import Any, ClassVar

from connector.actions.base import Action, Context, Foresight, Location, Outcome, Sight
from connector.actions.transfer import IntoFolder, bring, placed, remove_placed
from connector.settings import Settings


class Copy(Action[IntoFolder]):
    """Write a verified copy under a free name. The picture's own location does not change."""

    kind: ClassVar[str] = "copy"
    undoable: ClassVar[bool] = True
    Params = IntoFolder

    def check(self, params: IntoFolder, settings: Settings) -> None:
        """Refuse a folder outside COLABEL_FOLDERS and COLABEL_RULE_BUCKETS. Raises BadRequest."""
        params.check(settings)

    def describe(self, params: IntoFolder) -> str:
        """Return one sentence with an example of the resulting path."""
        return f"Copies the picture into {params.folder} (for example {params.preview()})."

    def brief(self, params: IntoFolder) -> str:
        """Return the folder without an example."""
        return f"Copies the picture into {params.folder}."

    def foresee(self, params: IntoFolder, sight: Sight) -> Foresight:
        """Return the address that it would get."""
        return params.foresee(sight)

    def execute(self, params: IntoFolder, location: Location, ctx: Context) -> Outcome:
        """Place the copy, once."""
        brought = bring(params, location, ctx, ctx.steps("do"), moving=False)
        brought.place.clear(brought.location)
        return Outcome(None, {**brought.detail(location), "how": "copied"})

    def undo(
        self, params: IntoFolder, outcome_detail: dict[str, Any], location: Location, ctx: Context
    ) -> Outcome:
        """Remove the copy if nobody has changed it."""
        remove_placed(placed(outcome_detail), outcome_detail["sha256"], ctx)
        return Outcome(None, {"removed": outcome_detail["to"]})


ACTION = Copy()
