"""Fine-tune a pretrained network on a few hundred pictures, within a time that is set."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from models import plans
from models.backbone import Backbone
from models.checkpoint import Checkpoint, fingerprint
from models.dataset import PictureSet
from models.errors import NotEnoughExamples
from models.fitting import fit
from models.heads import Head
from models.logistic import Ints
from models.plans import Plan
from models.schedule import Schedule
from models.tunable import Tunable
from models.tuner import Sides, Tuner

Pictures = npt.NDArray[np.uint8]

_SAVE_EVERY = 15.0
_PATIENCE = 8
_VALIDATION_SHARE = 0.15
_LEAST_VALIDATION = 10
_CHUNK = 32


@dataclass(frozen=True)
class Settings:
    """What a run may be told.

    `flips`: mirrored pictures mean the same (see `views.mirroring`); `seconds` bounds the whole
    run; `epochs` is where a fast machine stops; `device` of None is a GPU where there is one;
    `mixed` precision of None is on a GPU, and elsewhere where it is measured to be faster.
    """

    seconds: float = 240.0
    epochs: int = 30
    flips: bool = False
    seed: int = 0
    device: str | None = None
    mixed: bool | None = None


@dataclass(frozen=True)
class Progress:
    """Where a run is: share done 0..1, seconds left (an estimate), and a sentence."""

    share: float
    seconds_left: float
    message: str


@dataclass(frozen=True)
class Tuned:
    """What a run gives back.

    `backbone` serves at the same input size as the one it came from; `head` is its last layer,
    tempered on `validated_on` pictures of the training side that neither of them learned from.
    `accuracy` and `accuracy_before` are those of the tuned and of the frozen network on them.
    """

    backbone: Backbone
    head: Head
    epochs: float
    seconds: float
    validated_on: int
    accuracy: float
    accuracy_before: float
    plan: Plan


class Stopped(Exception):
    """`should_stop` said so; what was done is in the checkpoint."""


Report = Callable[[Progress], None]


def tune(
    pictures: Pictures,
    targets: Ints,
    labels: tuple[str, ...],
    base: Backbone,
    *,
    settings: Settings | None = None,
    progress: Report | None = None,
    checkpoint: Path | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> Tuned:
    """Fine-tune `base` on uint8 [N, S, S, 3] (S = base.input_size), targets [N] into `labels`.

    The head of the frozen network is fitted first and trained on together with the network. About
    15 % of the pictures are kept aside, to tell which epoch was best and how sure the answers are.
    With a `checkpoint` the same call goes on where a killed one was; the file is removed at the
    end. Raises NotEnoughExamples, and Stopped when `should_stop` says so.
    """
    run = _Run(pictures, targets, labels, base, settings or Settings(), progress)
    kept = Checkpoint(checkpoint, run.identity)
    state = kept.load()
    tuner = run.begin() if state is None else run.resume(state)
    run.optimise(tuner, kept, should_stop or (lambda: False))
    kept.remove()
    return run.result(tuner)


def set_aside(targets: Ints, seed: int) -> npt.NDArray[np.bool_]:
    """The pictures [N] to validate on: about 15 % of each label that has four or more."""
    random = np.random.default_rng(seed)
    aside = np.zeros(len(targets), bool)
    for label in np.unique(targets):
        members = random.permutation(np.flatnonzero(targets == label))
        if len(members) >= 4:
            aside[members[: max(1, round(_VALIDATION_SHARE * len(members)))]] = True
    return aside


class _Run:
    """One run: the pictures on both sides, the model, and how far it has come."""

    def __init__(
        self,
        pictures: Pictures,
        targets: Ints,
        labels: tuple[str, ...],
        base: Backbone,
        settings: Settings,
        progress: Report | None,
    ) -> None:
        self.settings, self.base, self.labels = settings, base, labels
        self.device = settings.device or ("cuda" if torch.cuda.is_available() else "cpu")
        self._report = progress or (lambda _progress: None)
        aside = set_aside(targets, settings.seed)
        if aside.sum() < _LEAST_VALIDATION:
            raise NotEnoughExamples(
                f"Fine-tuning needs {_LEAST_VALIDATION} pictures to tell when to stop, about 70 in "
                f"all; there are {len(targets)}. Label more, or use the head alone."
            )
        self.sides = Sides(
            PictureSet(pictures[~aside], targets[~aside]),
            PictureSet(pictures[aside], targets[aside]),
        )
        self.schedule = Schedule(1, settings.seconds)
        self.identity = fingerprint(
            np.ascontiguousarray(pictures).data.cast("B"),
            np.ascontiguousarray(targets).data.cast("B"),
            "\0".join(labels),
            repr((settings, base.name, self.device)),
            state=base.module.state_dict(),
        )

    def say(self, message: str) -> None:
        self._report(Progress(self.schedule.share, self.schedule.seconds_left, message))

    def begin(self) -> Tuner:
        """Put the head of the frozen network on it, and see what there is time for."""
        self.say("Looking at the pictures with the network as it is")
        model = Tunable(self.base, self.labels).to(self.device)
        vectors = _features(model, self.sides.learned, self.device)
        targets = self.sides.learned.targets.numpy()
        head = fit(vectors, targets, None, self.labels, seed=self.settings.seed).head
        model.begin_with(head, vectors)
        plan = plans.choose(
            model,
            self.base,
            self.device,
            seconds=self.settings.seconds - self.schedule.spent,
            pictures=len(self.sides.learned),
            mixed=self.settings.mixed,
        )
        tuner = self._tuner(model, plan)
        tuner.judge(0)
        return tuner

    def resume(self, state: dict[str, Any]) -> Tuner:
        """Go on from what a checkpoint holds."""
        model = Tunable(self.base, self.labels).to(self.device)
        tuner = self._tuner(model, Plan(**state["tuner"]["plan"]))
        tuner.restore(state["tuner"])
        self.schedule.done, self.schedule.before = state["done"], state["spent"]
        return tuner

    def _tuner(self, model: Tunable, plan: Plan) -> Tuner:
        flips, seed = self.settings.flips, self.settings.seed
        tuner = Tuner(model, plan, self.sides, device=self.device, flips=flips, seed=seed)
        self.schedule.steps = self.settings.epochs * tuner.steps_an_epoch
        return tuner

    def optimise(
        self, tuner: Tuner, checkpoint: Checkpoint, should_stop: Callable[[], bool]
    ) -> None:
        """Train to the end of the schedule, or until nothing has improved for long."""
        schedule, saved = self.schedule, self.schedule.spent
        patience = _PATIENCE * tuner.steps_an_epoch
        while not schedule.over and schedule.done - tuner.best.step < patience:
            tuner.step(schedule.done, schedule.rate)
            schedule.done += 1
            epoch_over = schedule.done % tuner.steps_an_epoch == 0
            if epoch_over or schedule.over:
                tuner.judge(schedule.done)
            self.say(self._message(tuner))
            stopping = should_stop()
            if epoch_over or stopping or schedule.spent - saved > _SAVE_EVERY:
                state = {"tuner": tuner.state(), "done": schedule.done, "spent": schedule.spent}
                checkpoint.save(state)
                saved = schedule.spent
            if stopping:
                raise Stopped
        # The clock may have run out between the last step and here, or patience before the clock.
        self._report(Progress(1.0, 0.0, self._message(tuner)))

    def _message(self, tuner: Tuner) -> str:
        return (
            f"Fine-tuning, pass {self.schedule.done / tuner.steps_an_epoch:.1f}: "
            f"{tuner.best.accuracy:.0%} of {len(self.sides.aside)} pictures right that it does not "
            "learn from"
        )

    def result(self, tuner: Tuner) -> Tuned:
        model, best = tuner.finish(), tuner.best
        backbone = replace(
            self.base,
            module=model.network.eval().requires_grad_(False),
            source=f"{self.base.source}, fine-tuned on {len(self.sides)} pictures",
        )
        return Tuned(
            backbone=backbone,
            head=model.head(best.temperature),
            epochs=self.schedule.done / tuner.steps_an_epoch,
            seconds=self.schedule.spent,
            validated_on=len(self.sides.aside),
            accuracy=best.accuracy,
            accuracy_before=best.accuracy_before or 0.0,
            plan=tuner.plan,
        )


@torch.no_grad()
def _features(model: Tunable, data: PictureSet, device: str) -> npt.NDArray[np.float32]:
    """The embeddings [N, D] of the network as it is."""
    parts = [model.features(planes.to(device)).cpu() for planes in data.chunks(_CHUNK)]
    return np.asarray(torch.cat(parts).numpy())
