"""Turn a picture, upright or by a fixed angle, without losing anything."""

from __future__ import annotations

import hashlib
import io
import time
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field, model_validator

from connector.actions.base import (
    Action,
    ActionParams,
    Context,
    Location,
    Outcome,
    held,
    local,
)
from connector.actions.files import Facts, Source, inspect, open_regular
from connector.actions.lossless import rotate
from connector.actions.orientation import degrees_to_upright
from connector.actions.placing import exchange_content
from connector.actions.rotated import Rotated
from connector.actions.transfer import changed_since, gone_since
from connector.errors import ActionFailed, Conflict


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
    Params = RotateParams

    def follows_label(self, params: RotateParams) -> bool:
        """Only the turn upright goes by the label."""
        return params.to_upright

    def describe(self, params: RotateParams) -> str:
        """Return one sentence for the preview."""
        if params.to_upright:
            return "Turns the picture upright, as its label says, without loss."
        return f"Turns the picture {params.degrees}° clockwise without loss."

    def execute(self, params: RotateParams, location: Location, ctx: Context) -> Outcome:
        """Turn the working file. The tag or the DCT blocks are turned, see docs/actions.md."""
        degrees = params.degrees or degrees_to_upright(str(ctx.prediction.get("label") or ""))
        if degrees == 0:
            return Outcome(None, {"how": "unchanged", "degrees": 0, "note": None})
        if location["kind"] == "held":
            data = ctx.blobs.read(location["sha256"])
            result = rotate(data, degrees, max_pixels=ctx.settings.max_pixels)
            after = ctx.blobs.put(result.data)
            return Outcome(held(after), _detail(result, degrees, location["sha256"], after))
        return _rotate_file(Path(location["path"]), location, degrees, ctx)

    def undo(
        self,
        params: RotateParams,
        outcome_detail: dict[str, Any],
        location: Location,
        ctx: Context,
    ) -> Outcome:
        """Restore the original bytes, and for a file its time, if nobody has changed it."""
        before, after = outcome_detail.get("before"), outcome_detail.get("after")
        if before is None:
            return Outcome(None, {"restored": False})
        if not ctx.blobs.exists(before):
            raise Conflict(
                "The picture as it was is no longer kept, so it cannot be restored; turn it back "
                "with another “rotate”.",
                code="original_missing",
            )
        if outcome_detail.get("path") is None:
            return Outcome(held(before), {"restored": True, "before": after, "after": before})
        path = Path(outcome_detail["path"])
        _restore(path, outcome_detail, ctx)
        return Outcome(
            local(path, before),
            {"restored": True, "before": after, "after": before, "path": str(path)},
        )


def _detail(result: Rotated, degrees: int, before: str, after: str) -> dict[str, Any]:
    return {
        "how": result.how,
        "note": result.note,
        "degrees": degrees,
        "before": before,
        "after": after,
        "path": None,
    }


def _rotate_file(path: Path, location: Location, degrees: int, ctx: Context) -> Outcome:
    journal = ctx.steps("do")
    facts = inspect(path)
    if journal.get("detail") is not None and facts.sha256 == journal.get("after"):
        # An earlier attempt came as far as the exchange: turning again would be once too often.
        return Outcome(local(path, facts.sha256), journal.get("detail"))
    with open_regular(path) as stream:
        data = stream.read()
    sha256 = hashlib.sha256(data).hexdigest()
    if location.get("sha256", sha256) != sha256 or sha256 != facts.sha256:
        raise _changed(path)
    result = rotate(data, degrees, max_pixels=ctx.settings.max_pixels)
    if result.data == data:
        return Outcome(local(path, sha256), {"how": "unchanged", "degrees": degrees, "note": None})
    ctx.blobs.put(data)
    after = hashlib.sha256(result.data).hexdigest()
    detail = _detail(result, degrees, sha256, after)
    detail |= {"path": str(path), "mtime_ns": facts.mtime_ns}
    journal.note(detail=detail)
    source = _bytes_source(result.data, after, path, facts, keep_time=False)
    if not exchange_content(path, source, before=sha256, action_id=ctx.action_id, journal=journal):
        raise _changed(path)
    return Outcome(local(path, after), detail)


def _bytes_source(data: bytes, sha256: str, path: Path, facts: Facts, *, keep_time: bool) -> Source:
    # Backup tools look at the time: new content gets a new one, restored content its old one.
    mtime_ns = facts.mtime_ns if keep_time else time.time_ns()
    return Source(lambda: io.BytesIO(data), sha256, len(data), path, mtime_ns, facts.mode)


def _changed(path: Path) -> ActionFailed:
    return ActionFailed(
        f"{path} has changed since it was classified, so it was left alone; send the new picture "
        "to be classified.",
        code="file_changed",
    )


def _restore(path: Path, detail: dict[str, Any], ctx: Context) -> None:
    if not path.is_file():
        raise gone_since(path)
    facts = inspect(path)
    journal = ctx.steps("undo")
    if facts.sha256 == detail["before"] and journal.get("after") is not None:
        return
    if facts.sha256 != detail["after"]:
        raise changed_since(path)
    data = ctx.blobs.read(detail["before"])
    old = Facts(detail["before"], len(data), detail["mtime_ns"], facts.mode)
    source = _bytes_source(data, detail["before"], path, old, keep_time=True)
    if not exchange_content(
        path, source, before=facts.sha256, action_id=ctx.action_id, journal=journal
    ):
        raise changed_since(path)


ACTION = Rotate()
