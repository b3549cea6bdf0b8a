"""The next best thing to do with a classifier: one thing, the most pressing first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from connector.domain.overview import Glance, can_train
from connector.domain.training_sets import FEWEST, ORIENTATION

# With fewer a label, more pictures are what helps most.
FEW = 20


@dataclass(frozen=True)
class Step:
    """What to do, as a code; `values` are what its sentence names, `sentence` one from a report."""

    code: str
    values: Mapping[str, Any] = field(default_factory=dict)
    sentence: str = ""


def next_step(glance: Glance, report: Mapping[str, Any] | None = None) -> Step:
    """Return what to do next; `report` is the live version's, where there is one."""
    if not glance.examples and not glance.unlabelled and glance.live is None:
        return Step("add_pictures")
    if glance.live is None:
        return _before_the_first(glance)
    if glance.questions:
        return Step("answer", {"count": glance.questions})
    if report is not None and report.get("advice"):
        return Step("advice", sentence=str(report["advice"][0]["sentence"]))
    if glance.last_picture_at is None:
        return Step("connect")
    return Step("nothing")


def _before_the_first(glance: Glance) -> Step:
    if glance.busy:
        return Step("wait")
    if glance.run is not None and glance.run.status == "failed":
        return Step("train_again")
    if not can_train(glance):
        return _more_examples(glance)
    return Step("wait_for_training" if glance.row.auto_train else "train")


def _more_examples(glance: Glance) -> Step:
    if glance.row.recipe == ORIENTATION:
        return Step("more_upright", {"count": FEWEST - glance.examples})
    short = [name for name, count in glance.counts.items() if count < FEWEST]
    if len(glance.counts) < 2:
        return Step("more_labels")
    return Step("label", {"labels": ", ".join(f"“{name}”" for name in short[:5]), "few": FEW})
