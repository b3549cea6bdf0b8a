"""A version with a whole report, as the train worker writes one, and pictures that are behind it.

The answers are made up, in the shape of real ones; everything that is said of them is worked out by
the code that does so in service. Of the pictures that it speaks of, a few are there.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import Any

import numpy as np
from colours import LABELS, add_version, picture
from sqlalchemy.orm import Session

from connector.db.tables import Classifier, ModelVersion, TrainingRun
from connector.db.types import utcnow
from connector.domain import examples
from models import forecast, report
from models.answers import Answers
from models.track_record import TrackRecord
from workers import judge
from workers.runtime import Runtime

HELD_OUT, TRAINED = 240, 960
# How many pictures of each side are there.
REAL = 24
SUSPECTS, MISTAKES = 3, 6
FIRST_SEED = 5000


@dataclass(frozen=True)
class Shown:
    """A picture that is there, and the label that people gave it."""

    data: bytes
    label: str

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.data).hexdigest()


@dataclass(frozen=True)
class Judged:
    """A report, the record it was made from, and its pictures that are there."""

    report: dict[str, Any]
    record: TrackRecord
    pictures: tuple[Shown, ...]


@lru_cache(maxsize=4)
def judged(wrong: float = 0.035, count: int = HELD_OUT, seed: int = 7) -> Judged:
    """Make the report of a model that is wrong about so often; the same for the same values."""
    random = np.random.default_rng(seed)
    held_out, shown = _answers(random, count, wrong, FIRST_SEED, suspects=0)
    tuning, more = _answers(random, 4 * count, wrong, FIRST_SEED + 1000, suspects=SUSPECTS)
    pair = tuple(sha for sha, label in zip(tuning.hashes, tuning.truths, strict=True) if label)
    # Two of the last that are there look the same, and have different labels.
    twins = (pair[REAL - 2], pair[REAL - 1])
    record = TrackRecord(LABELS, held_out, tuning, groups=(twins,))
    suspects = {tuning.hashes[i]: LABELS[(i + 1) % 3] for i in range(SUSPECTS)}
    built = report.build(held_out, out_of_fold=tuning, groups=record.group_names, suspects=suspects)
    rows = np.eye(24)[tuning.targets] + 0.36 * random.normal(size=(len(tuning.hashes), 24))
    told = forecast.build(rows.astype(np.float32), tuning.targets, LABELS, strength=1.0)
    whole = {**built, "forecast": told, "promises": judge.choices(1, record)}
    return Judged(json.loads(json.dumps(whole)), record, (*shown, *more))


def _answers(
    random: np.random.Generator, count: int, wrong: float, seed: int, suspects: int
) -> tuple[Answers, tuple[Shown, ...]]:
    """Answers to made-up pictures, of which the first are there; mistakes come first."""
    mistaken = np.zeros(count, bool)
    mistaken[: round(wrong * count)] = True
    targets = np.arange(count) % 3
    sure = np.where(mistaken, random.beta(4, 3, count), random.beta(9, 1.1, count))
    rows = np.full((count, 3), 0.0)
    for i in range(count):
        said = (targets[i] + 1) % 3 if mistaken[i] else targets[i]
        top = 0.36 + 0.635 * sure[i]
        if i < suspects:
            top = 0.97
        rows[i] = (1 - top) / 2
        rows[i, said] = top
    shown = tuple(
        # A suspect shows what the model says; everything else what people say.
        Shown(
            picture(LABELS[(targets[i] + (i < suspects)) % 3], seed=seed + i, size=(160, 120)),
            LABELS[targets[i]],
        )
        for i in range(min(REAL, count))
    )
    invented = [hashlib.sha256(f"{seed} {i}".encode()).hexdigest() for i in range(count)]
    hashes = [one.sha256 for one in shown] + invented[len(shown) :]
    return Answers.of(LABELS, hashes, rows, targets), shown


def furnish(
    session: Session, rt: Runtime, classifier: Classifier, made: Judged | None = None
) -> Judged:
    """Give the live version that report, its record and its pictures."""
    made = made or judged()
    version = session.query(ModelVersion).filter_by(classifier_id=classifier.id, number=1).one()
    _describe(version, rt, made)
    run = _run(session, classifier, 1, promoted=True)
    version.run_id = run.id
    version.metrics = {**version.metrics, "verdict": run.message}
    for one in made.pictures:
        examples.add_example(
            session, rt.blobs, rt.settings, classifier, one.data, one.label, "lid.png", "upload"
        )
    session.refresh(classifier)
    # Learned from all of them.
    run.changes_seen = classifier.changes
    session.flush()
    return made


def turned_down(session: Session, rt: Runtime, classifier: Classifier, number: int = 2) -> None:
    """Add a version that was not taken, with a report of its own."""
    version = add_version(session, rt.blobs, classifier, number)
    _describe(version, rt, judged(0.06))
    run = _run(session, classifier, number, promoted=False)
    version.run_id = run.id
    version.metrics = {**version.metrics, "verdict": run.message}
    session.flush()


def _describe(version: ModelVersion, rt: Runtime, made: Judged) -> None:
    headline = made.report["headline"]
    version.report_sha256 = rt.blobs.put(json.dumps(made.report).encode())
    version.card = {**version.card, "record_sha256": rt.blobs.put(made.record.to_bytes())}
    version.metrics = {
        "count": headline["count"],
        "accuracy": headline["accuracy"]["value"],
        "accuracy_interval": [headline["accuracy"]["low"], headline["accuracy"]["high"]],
        "training_count": len(made.record.tuning.hashes),
    }


def _run(session: Session, classifier: Classifier, number: int, promoted: bool) -> TrainingRun:
    moment = utcnow()
    said = (
        "It is the first version, so it went live."
        if promoted
        else "It has only 94.2% right, against 96.7% by version 1, on the same 240 held-out "
        "pictures; that one stays live."
    )
    run = TrainingRun(
        classifier_id=classifier.id,
        status="done",
        reason="first_examples" if promoted else "new_labels",
        message=said,
        version=number,
        promoted=promoted,
        started_at=moment - timedelta(seconds=3),
        finished_at=moment,
    )
    session.add(run)
    session.flush()
    return run


def crowded(report: dict[str, Any]) -> dict[str, Any]:
    """Return a report of sixty labels, each taken for the next one more often than the last."""
    names = [f"kind {number}" for number in range(60)]
    cells = [
        {"given": i, "answered": (i + 1) % 60, "count": 1 + i, "pictures": []} for i in range(60)
    ]
    one = report["per_label"][0]
    per_label = [{**one, "label": name, "judged": i % 2 == 0} for i, name in enumerate(names)]
    return {
        **report,
        "labels": names,
        "confusion": {"cells": cells, "cells_left_out": 0},
        "per_label": per_label,
        "suspects": {"count": 0, "pictures": []},
        "worst_mistakes": [],
    }
