"""A head from embeddings: near-identical pictures found first, then fitted, or fitted again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models import fitting, orientation, views
from models.answers import Answers
from models.duplicates import THUMBNAIL, near_duplicates
from models.heads import Head
from models.training import Previous, Thumbnail, Vector

Floats32 = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

# Up to this growth since the penalty was chosen, a head is refitted with the same one.
_GROWTH = 1.25


@dataclass(frozen=True)
class Learned:
    """A head, the penalty it was fitted with, and the answers of the cross-validation for that.

    `mirrored`: whether mirror images were learned too; None where nobody asked whether they may be.
    """

    head: Head
    strength: float
    chosen_from: int
    tuning: Answers
    mirrored: bool | None = None


def learn(
    vectors: Floats32,
    targets: Ints,
    groups: Ints,
    hashes: Sequence[str],
    labels: tuple[str, ...],
    *,
    previous: Previous | None = None,
    mirror: Callable[[], Floats32] | None = None,
    seed: int = 0,
) -> Learned:
    """Fit a head to embeddings [N, D] of pictures `hashes` [N], `targets` [N] index `labels`.

    `groups` [N] are the same for near-identical pictures. From the weights of `previous`, with the
    penalty that was chosen for it, where little has changed since: that takes a second where there
    are thousands. `mirror` makes the embeddings [N, D] of the mirror images, which are learned too
    where they mean the same (`views.mirroring`). Raises NotEnoughExamples.
    """
    if previous is not None and _little_changed(previous, vectors, labels, mirror):
        if previous.mirrored and mirror is not None:
            rows = views.stack({views.WHOLE: vectors, views.MIRROR: mirror()}, targets)
            vectors, targets = rows.embeddings, rows.targets
        head = fitting.refit(vectors, targets, labels, previous.head, previous.strength)
        return Learned(
            head, previous.strength, previous.examples, previous.tuning, previous.mirrored
        )
    fit, mirrored = fitting.fit(vectors, targets, groups, labels, seed=seed), None
    if mirror is not None:
        images = mirror()
        found = views.mirroring(vectors, images, targets, labels, fit.strength, seed=seed)
        mirrored = found.allowed
        if mirrored:
            fit = views.fit(vectors, images, targets, labels, groups=groups, seed=seed)
    answered = [hashes[i] for i in fit.rows]
    tuning = Answers.of(labels, answered, fit.out_of_fold, fit.targets)
    return Learned(fit.head, fit.strength, len(targets), tuning, mirrored)


def learn_upright(
    vectors: Floats32,
    targets: Ints,
    groups: Ints,
    hashes: Sequence[str],
    *,
    recognition: int,
    seed: int = 0,
) -> Learned:
    """Learn which way is up from embeddings [N, 4 * D] of pictures' four turns.

    `targets` [N] index `orientation.LABELS`; `recognition` is what the backbone's card says. Raises
    NotEnoughExamples below two pictures.
    """
    labels = orientation.LABELS
    fit = orientation.fit(vectors, targets, groups, labels, recognition=recognition, seed=seed)
    tuning = Answers.of(labels, hashes, fit.out_of_fold, fit.targets)
    return Learned(fit.head, fit.strength, len(targets), tuning)


def _little_changed(
    previous: Previous, vectors: Floats32, labels: tuple[str, ...], mirror: object | None
) -> bool:
    same = previous.head.labels == labels and previous.head.dim == vectors.shape[1]
    asked = (previous.mirrored is None) == (mirror is None)
    return same and asked and len(vectors) <= _GROWTH * previous.examples


def near_identical(
    embeddings: Mapping[str, Vector], thumbnails: Mapping[str, Thumbnail]
) -> dict[str, int]:
    """Content hash -> number of its group, for pictures that have near-identical ones."""
    hashes = sorted(embeddings)
    # A picture that was embedded before thumbnails were kept has one that shows nothing.
    nothing = np.zeros((THUMBNAIL, THUMBNAIL), np.uint8)
    small = np.stack([thumbnails.get(sha, nothing) for sha in hashes])
    numbers = near_duplicates(rows_of(embeddings, hashes), small)
    sizes = np.bincount(numbers)
    return {
        sha: int(number) for sha, number in zip(hashes, numbers, strict=True) if sizes[number] > 1
    }


def group_numbers(hashes: Sequence[str], groups: Mapping[str, int]) -> Ints:
    """A number for each picture [N], the same within a group of near-identical ones."""
    alone = 1 + max(groups.values(), default=-1)
    return np.array([groups.get(sha, alone + i) for i, sha in enumerate(hashes)], np.int64)


def rows_of(embeddings: Mapping[str, Vector], hashes: Sequence[str]) -> Floats32:
    """The embeddings of these pictures, float32 [N, D]."""
    return np.stack([embeddings[sha] for sha in hashes]) if hashes else np.empty((0, 0), np.float32)
