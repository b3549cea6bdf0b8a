"""Which way is up: one score, compared over a picture's own four turns.

A picture's probabilities are the softmax of the scores of its turns, a conditional logit (McFadden
1974, "Conditional logit analysis of qualitative choice behavior"). As the same four pictures are
compared whichever way it came in, turning it only changes the places of the probabilities.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.special import softmax

from models import choice
from models.errors import ModelError
from models.fitting import Fit, temperature
from models.heads import Floats, Head

Ints = npt.NDArray[np.int64]

# How many quarter turns to the left (as of np.rot90) bring an upright picture to lie like that: the
# label says where the top of the picture points.
LIES = {"upright": 0, "left": 1, "upside_down": 2, "right": 3}
LABELS = tuple(LIES)
# What tells most with few pictures is penalised least; measured with 100 photos.
_RECOGNITION_SCALE = 5.0


def quarter_turns(labels: Sequence[str]) -> Ints:
    """How each label lies, in quarter turns to the left from upright: int64 [K] of 0..3.

    Case, spaces and hyphens do not matter. Raises ModelError for a label that names no orientation.
    """
    names = [re.sub(r"[\s_-]+", "_", label.strip().lower()) for label in labels]
    if unknown := [label for label, name in zip(labels, names, strict=True) if name not in LIES]:
        raise ModelError(
            f"These labels name no orientation: {', '.join(unknown)}; "
            f"use {', '.join(LIES)}, where left means that the top points to the left.",
            code="not_an_orientation",
        )
    return np.array([LIES[name] for name in names], np.int64)


def fit(
    embeddings: npt.NDArray[np.floating],
    targets: Ints,
    groups: Ints | None = None,
    labels: Sequence[str] = LABELS,
    *,
    recognition: int = 0,
    seed: int = 0,
) -> Fit:
    """Fit the score to pictures whose orientation is known; all may well be upright.

    `embeddings` [N, 4 * D] are those of a backbone in four turns, whose card says how many values
    of `recognition` each turn begins with; `targets` [N] index `labels`; rows of the same group [N]
    (None: each its own) stay together in cross-validation. Each picture is one instance of choice,
    whichever way it lies, and is answered once out of fold: in its own position, which by symmetry
    stands for all four. Raises NotEnoughExamples below two pictures, ModelError for other labels.
    """
    lies = quarter_turns(labels)[targets]
    turns = upright_first(embeddings, lies)
    scales = np.ones(turns.shape[2])
    scales[:recognition] = _RECOGNITION_SCALE
    chosen = choice.fit(turns, groups, scales=scales, seed=seed)
    softening = temperature(chosen.out_of_fold, np.zeros(len(targets), np.int64))
    answers = for_position(softmax(chosen.out_of_fold / softening, axis=1), lies, labels)
    rows = np.arange(len(targets))
    made = head(chosen.weights, labels, softening)
    return Fit(made, chosen.strength, answers, targets, rows)


def upright_first(embeddings: npt.NDArray[np.floating], lies: Ints) -> npt.NDArray[np.floating]:
    """The turns of pictures that lie in any way, in the order of an upright one's.

    `embeddings` [N, 4 * D] are those of a backbone in four turns; `lies` [N] are quarter turns to
    the left from upright. Returns [N, 4, D]: first the turn in which the picture stands upright.
    """
    turns = embeddings.reshape(len(embeddings), 4, -1)
    order = (np.arange(4) - lies[:, None]) % 4
    return np.take_along_axis(turns, order[:, :, None], axis=1)


def head(score: Floats, labels: Sequence[str] = LABELS, temperature: float = 1.0) -> Head:
    """The choice among four turns as an ordinary head for embeddings [N, 4 * D].

    `score` [D] weighs the embedding of one turn. A label's logit is the score of the turn that
    brings such a picture upright. `labels` may be fewer than four; the choice is then among them.
    """
    lies = quarter_turns(labels)
    if len(labels) < 2 or len(set(lies.tolist())) < len(labels):
        raise ModelError("An orientation model chooses among two to four different orientations.")
    weights = np.zeros((4, len(score), len(labels)))
    for column, lying in enumerate(lies):
        weights[-lying % 4, :, column] = score
    return Head(tuple(labels), weights.reshape(-1, len(labels)), np.zeros(len(labels)), temperature)


def for_position(choice: Floats, lies: Ints, labels: Sequence[str]) -> Floats:
    """Probabilities of turns, upright first [N, 4] -> of `labels` [N, K] for pictures that lie so.

    `lies` [N] are quarter turns to the left from upright.
    """
    columns = (lies[:, None] - quarter_turns(labels)) % 4
    # A picture shown as label `l` implies is brought upright by undoing l: what is left is where it
    # would end in the order of an upright one's turns.
    kept = np.take_along_axis(choice, columns, axis=1)
    return np.asarray(kept / kept.sum(axis=1, keepdims=True))
