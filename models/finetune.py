"""Fine-tune a pretrained network on a few hundred pictures, within a time that is set."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from models import plans, together, views
from models.backbone import Backbone
from models.checkpoint import Checkpoint, fingerprint
from models.dataset import PictureSet
from models.errors import NotEnoughExamples
from models.heads import Head
from models.logistic import Ints
from models.plans import Plan
from models.schedule import Schedule
from models.tunable import Tunable
from models.tuner import Sides, Tuner

Pictures = npt.NDArray[np.uint8]
Vectors = npt.NDArray[np.float32]
Bools = npt.NDArray[np.bool_]

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

    `backbone` serves at the same input size as the one it came from: the fine-tuned network, beside
    the frozen one where that has a `share` in the answer. `head` is tempered on `validated_on`
    pictures of the training side; `head_unseen` has learned nothing from these, which the frozen
    half of `head` has. `accuracy` and `accuracy_before` are those of `head_unseen` and of the
    frozen network on them.
    """

    backbone: Backbone
    head: Head
    head_unseen: Head
    share: float
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
    vectors: Vectors | None = None,
    mirrored: Vectors | None = None,
    settings: Settings | None = None,
    progress: Report | None = None,
    checkpoint: Path | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> Tuned:
    """Fine-tune `base` on uint8 [N, S, S, 3] (S = base.input_size), targets [N] into `labels`.

    `vectors` are the pictures' embeddings [N, D] by `base`, made here where they are not given, and
    `mirrored` those of their mirror images, which the frozen half learns too if they are given.
    About 15 % of the pictures are kept aside, to tell which epoch was best, how sure the answers
    are, and what the frozen network should count for in them. With a `checkpoint` the same call
    goes on where a killed one was; the file is removed at the end. Raises NotEnoughExamples, and
    Stopped when `should_stop` says so.
    """
    settings = settings or Settings()
    run = _Run(pictures, targets, labels, base, vectors, mirrored, settings, progress)
    kept = Checkpoint(checkpoint, run.identity)
    state = kept.load()
    tuner = run.begin() if state is None else run.resume(state)
    run.optimise(tuner, kept, should_stop or (lambda: False))
    kept.remove()
    return run.result(tuner)


def set_aside(targets: Ints, seed: int) -> Bools:
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
        vectors: Vectors | None,
        mirrored: Vectors | None,
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
        if vectors is None:
            self.say("Looking at the pictures with the network as it is")
            vectors = _features(base, PictureSet(pictures, targets), self.device)
        self.frozen = _Frozen(vectors, mirrored, targets, aside, labels, settings.seed)
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
        """Put a last layer on it that knows nothing yet, and see what there is time for."""
        model = Tunable(self.base, self.labels).to(self.device)
        model.standardise(self.frozen.vectors_learned)
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
        model, best, frozen = tuner.finish(), tuner.best, self.frozen
        seen = _features(replace(self.base, module=model.network), self.sides.aside, "cpu")
        own, targets = model.head(best.temperature), self.sides.aside.targets.numpy()
        mix = together.weigh(
            together.answers_of(frozen.head_unseen, frozen.vectors_aside),
            together.answers_of(own, seen),
            targets,
        )
        unseen = together.joint_head(frozen.head_unseen, own, mix)
        rows = np.concatenate([frozen.vectors_aside, seen], axis=1) if mix.share else seen
        source = f"{self.base.source}, fine-tuned on {len(self.sides)} pictures"
        return Tuned(
            backbone=together.joined(self.base, model.network, mix, source),
            head=together.joint_head(frozen.head, own, mix),
            head_unseen=unseen,
            share=mix.share,
            epochs=self.schedule.done / tuner.steps_an_epoch,
            seconds=self.schedule.spent,
            validated_on=len(self.sides.aside),
            accuracy=_right(unseen, rows, targets),
            accuracy_before=_right(frozen.head_unseen, frozen.vectors_aside, targets),
            plan=tuner.plan,
        )


class _Frozen:
    """What the network as it is says: its embeddings, and heads fitted with and without `aside`."""

    def __init__(
        self,
        vectors: Vectors,
        mirrored: Vectors | None,
        targets: Ints,
        aside: Bools,
        labels: tuple[str, ...],
        seed: int,
    ) -> None:
        self.vectors_learned, self.vectors_aside = vectors[~aside], vectors[aside]
        images = None if mirrored is None else mirrored[~aside]
        unseen = views.fit(self.vectors_learned, images, targets[~aside], labels, seed=seed)
        self.head_unseen = unseen.head
        self.head = views.fit(vectors, mirrored, targets, labels, seed=seed).head


def _right(head: Head, vectors: Vectors, targets: Ints) -> float:
    return float((head.predict(vectors).argmax(axis=1) == targets).mean())


@torch.inference_mode()
def _features(base: Backbone, data: PictureSet, device: str) -> Vectors:
    """The embeddings [N, D] that a backbone gives."""
    mean = torch.tensor(base.mean).view(1, 3, 1, 1).to(device)
    std = torch.tensor(base.std).view(1, 3, 1, 1).to(device)
    network = copy.deepcopy(base.module).to(device)
    parts = [network((p.to(device) - mean) / std).float().cpu() for p in data.chunks(_CHUNK)]
    return np.asarray(torch.cat(parts).numpy())
