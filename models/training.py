"""What a training run takes, tells while it runs, and gives back. No torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from models import preprocess
from models.answers import Answers
from models.heads import Head
from models.preprocess import Load
from models.signature import Card
from models.track_record import TrackRecord

STEPS = (
    "weights",
    "exporting",
    "reading",
    "training",
    "embedding",
    "fitting",
    "scoring",
    "checking",
    "reporting",
)
# The recipe that learns which way is up instead of labels.
ORIENTATION = "orientation"
Vector = npt.NDArray[np.float32]
Thumbnail = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Progress:
    """Where a run is: one of STEPS, units done and units in all of that step, and a sentence.

    `remaining_seconds` estimates how long all of it still takes, where somebody can tell.
    """

    step: str
    done: int
    total: int
    message: str
    remaining_seconds: float | None = None


@dataclass(frozen=True)
class Options:
    """What a run may be told; the defaults suit everybody.

    `recipe` is the classifier's kind of job: "orientation" learns which way is up, all others learn
    labels. `backbone` and `weights` are COLABEL_BACKBONE and COLABEL_WEIGHTS; `threads` of None
    means all cores; `load` turns bytes into an array of a size; `mirror` says whether mirror images
    may be learned from where the evidence allows it; `scratch_seconds` bounds the optimisation of a
    network from scratch.
    """

    recipe: str = "sort"
    backbone: str | None = None
    weights: Path | None = None
    threads: int | None = None
    load: Load = preprocess.load
    mirror: bool = True
    scratch_seconds: float = 40.0
    seed: int = 0


@dataclass(frozen=True)
class Previous:
    """The head that answers now, to begin from: retraining then takes a second.

    `strength` is the penalty that cross-validation chose for it, `examples` how many pictures it
    chose from, and `tuning` what the heads of that cross-validation answered. `mirrored` says
    whether it learned mirror images too; None where nobody asked whether it may.
    """

    backbone_sha: str
    head: Head
    strength: float
    examples: int
    tuning: Answers
    mirrored: bool | None = None


@dataclass(frozen=True)
class Trained:
    """What a run gives back.

    `kind` says in which way it was trained: "head", "finetune", "orientation" or "scratch".
    `record` holds the answers to pictures that the model had not learned from, `unlike` what
    tells pictures that are unlike all of them (None where nothing can); `embeddings` has a vector
    for every readable picture, `mirrored` for the mirror images that were looked at, `thumbnails`
    what is known of theirs; `unreadable` lists (sha256, reason); `notice` says in sentences what
    was done in a lesser way than could be, of which `missing` is about pretrained weights alone.
    The labels of the model are `card.labels`.
    """

    kind: str
    backbone_onnx: bytes
    head: Head
    card: Card
    record: TrackRecord
    unlike: bytes | None
    metrics: dict[str, Any]
    embeddings: dict[str, Vector]
    thumbnails: dict[str, Thumbnail]
    mirrored: dict[str, Vector] = field(default_factory=dict)
    unreadable: list[tuple[str, str]] = field(default_factory=list)
    notice: str | None = None
    missing: str | None = None


Report = Callable[[Progress], None]
Cached = Callable[[str], Mapping[str, Vector]]
