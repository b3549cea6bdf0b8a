"""Pictures that came in and were seen to, in one line: for tests of what is told of them."""

from __future__ import annotations

from typing import Any

from colours import picture

from connector.domain import predictions
from connector.domain.predictions import SourceRef, Submission
from workers import act, classify
from workers.runtime import Runtime


def arrive(rt: Runtime, source: SourceRef, colour: str, *, seed: int = 0, **options: Any) -> str:
    """Hand a picture of that colour in; return its prediction's id."""
    data = picture(colour, seed=seed)
    submission = Submission(data, options.pop("name", f"{colour}-{seed}.png"), **options)
    done = predictions.submit(
        rt.database, rt.blobs, rt.settings, source=source, submission=submission
    )
    return done.id


def settle(rt: Runtime) -> None:
    """Answer and act until nothing waits."""
    while classify.step(rt) or act.step(rt):
        pass
