"""One training from the first step to the last: resumable, logged, the same for the same seed."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from models import checkpoint
from models.colabel_small import ColabelSmall
from models.pretrain.course import VERSION, Course, Settings
from models.pretrain.pictures import Library

log = logging.getLogger(__name__)

_SAVE_SECONDS, _LOG_SECONDS = 60.0, 10.0


@dataclass(frozen=True)
class Step:
    """Where a training stands; `top1` and `upright` 0..1 are of held-out pictures, at times."""

    step: int
    steps: int
    loss: float
    seconds: float
    seconds_left: float
    per_second: float
    top1: float | None = None
    upright: float | None = None


def train(
    library: Library,
    settings: Settings,
    folder: Path,
    *,
    teacher: nn.Module | None = None,
    progress: Callable[[Step], None] | None = None,
) -> ColabelSmall:
    """Train to the end and return the averaged network, on the CPU.

    `folder` gets `checkpoint.pt`, from which a killed run goes on, and `log.jsonl`, one `Step` a
    line. It trains on a GPU where there is one, and in half precision where that is quick.
    """
    folder.mkdir(parents=True, exist_ok=True)
    course = Course(library, settings, teacher, "cuda" if torch.cuda.is_available() else "cpu")
    tokens = json.dumps([VERSION, asdict(settings), library.fingerprint])
    known = teacher.state_dict() if teacher is not None else {}
    kept = checkpoint.Checkpoint(
        folder / "checkpoint.pt", checkpoint.fingerprint(tokens, state=known)
    )
    if (state := kept.load()) is not None:
        course.restore(state)
        log.info("going on at step %d of %d", course.done, course.steps)
    with (folder / "log.jsonl").open("a") as lines:
        for step in _steps(course, kept):
            lines.write(json.dumps(asdict(step)) + "\n")
            lines.flush()
            if progress is not None:
                progress(step)
    averaged: ColabelSmall = course.average.cpu()
    return averaged


def _steps(course: Course, kept: checkpoint.Checkpoint) -> Iterator[Step]:
    began = told = saved = time.monotonic()
    before, first = course.spent, course.done
    losses: list[float] = []
    while course.done < course.steps:
        losses.append(course.step())
        now = time.monotonic()
        course.spent = before + now - began
        over = course.done == course.steps
        examined = over or course.done % course.views.per_pass == 0
        if now - told >= _LOG_SECONDS or examined:
            each = (now - began) / (course.done - first)
            top1, upright = course.examine(course.settings.sides[-1]) if examined else (None, None)
            yield Step(
                step=course.done,
                steps=course.steps,
                loss=float(np.mean(losses)),
                seconds=course.spent,
                seconds_left=each * (course.steps - course.done),
                per_second=course.settings.batch / each,
                top1=top1,
                upright=upright,
            )
            told, losses = time.monotonic(), []
        if now - saved >= _SAVE_SECONDS or over:
            kept.save(course.state())
            saved = now
