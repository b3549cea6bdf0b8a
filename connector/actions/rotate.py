"""Turn a picture, upright or by a fixed angle, without losing anything."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field, model_validator

from connector import decoding
from connector.actions.base import (
    Action,
    ActionParams,
    Context,
    Foresight,
    Location,
    Outcome,
    Sight,
)
from connector.actions.orientation import degrees_to_upright
from connector.actions.rewriting import Rewritten, restore, rewrite
from connector.actions.rotated import Rotated, Unrotatable
from connector.decoding import Undecodable
from connector.errors import TooLarge
from connector.settings import Settings


class RotateParams(ActionParams):
    """Either a fixed turn, or the turn that the label calls for (left, right, upside_down)."""

    degrees: Literal[90, 180, 270] | None = Field(None, description="Clockwise, as it is seen")
    to_upright: bool = Field(
        False, description="Turn by the label: where the top points is brought up"
    )

    @model_validator(mode="after")
    def _one_of_them(self) -> RotateParams:
        if (self.degrees is None) == (not self.to_upright):
            raise ValueError("give either “degrees” (90, 180 or 270) or “to_upright”: true")
        return self


class Rotate(Action[RotateParams]):
    """The original bytes go into the blob store first, so that undo restores every one of them."""

    kind: ClassVar[str] = "rotate"
    undoable: ClassVar[bool] = True
    undo_takes_bytes: ClassVar[bool] = True
    Params = RotateParams

    def follows_label(self, params: RotateParams) -> bool:
        """Only the turn upright goes by the label."""
        return params.to_upright

    def describe(self, params: RotateParams) -> str:
        """Return one sentence for the preview."""
        if params.to_upright:
            return "Turns the picture upright, as its label says, without loss."
        return f"Turns the picture {params.degrees}° clockwise without loss."

    def foresee(self, params: RotateParams, sight: Sight) -> Foresight:
        """Return by how much it would be turned. Raises ActionFailed for a label of no turn."""
        label = str(sight.prediction.get("label") or "")
        degrees = params.degrees or degrees_to_upright(label)
        if degrees == 0:
            return Foresight("It stays as it is: its label says that it is upright.", "not turned")
        return Foresight(f"It is turned {degrees}° clockwise.", f"turned {degrees}°")

    def execute(self, params: RotateParams, location: Location, ctx: Context) -> Outcome:
        """Turn the working file. The tag or the DCT blocks are turned, see docs/actions.md."""
        degrees = params.degrees or degrees_to_upright(str(ctx.prediction.get("label") or ""))
        if degrees == 0:
            return Outcome(None, {"how": "unchanged", "degrees": 0, "note": None})

        def turn(data: bytes) -> Rewritten:
            result = _rotated(data, degrees, ctx.settings)
            facts = {"how": result.how, "note": result.note, "degrees": degrees}
            return Rewritten(result.data, facts)

        return rewrite(location, ctx, turn)

    def undo(
        self,
        params: RotateParams,
        outcome_detail: dict[str, Any],
        location: Location,
        ctx: Context,
    ) -> Outcome:
        """Restore the original bytes, and for a file its time, if nobody has changed it."""
        return restore(outcome_detail, ctx)


def _rotated(data: bytes, degrees: int, settings: Settings) -> Rotated:
    """Turn the bytes in a limited process. Raises Unrotatable, TooLarge, and Unavailable."""
    try:
        answer = decoding.rotate(data, settings, degrees)
    except Undecodable as error:
        kind = TooLarge if error.kind == TooLarge.__name__ else Unrotatable
        code = error.code if error.kind or error.code != error.default_code else None
        raise kind(error.detail, code=code) from error
    return Rotated(answer.data, answer.facts["how"], answer.facts["note"])


ACTION = Rotate()
