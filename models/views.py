"""Several views of a training picture, and whether its mirror image is still the same thing."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

from models import fitting
from models.compare import mid_p
from models.logistic import Ints

WHOLE, MIRROR = "whole", "mirror"
VIEWS = (WHOLE, MIRROR, "crop", "crop_mirror")
_CROP = 0.8
# Harm is believed sooner than is usual: a picture mirrored wrongly teaches nonsense, one not
# mirrored costs half a point.
_HARM, _UNLIKELY = 0.05, 0.1
_HARM_TO_LABEL, _UNLIKELY_OF_LABEL = 0.2, 0.05
_GUESSED = 0.01
_ENOUGH = 20
_MANY = 2000


@dataclass(frozen=True)
class Mirroring:
    """Whether mirrored pictures may be trained on, and the evidence, in a sentence.

    `errors` and `mirrored_errors` are counts among the pictures that were looked at.
    """

    allowed: bool
    count: int
    errors: int
    mirrored_errors: int
    p_value: float
    reason: str


@dataclass(frozen=True)
class Stack:
    """Rows for `fitting.fit`: embeddings [V * N, D], targets, groups and served [V * N]."""

    embeddings: npt.NDArray[np.float32]
    targets: Ints
    groups: Ints
    served: npt.NDArray[np.bool_]


def viewed(pictures: npt.NDArray[np.uint8], view: str) -> npt.NDArray[np.uint8]:
    """One of VIEWS of uint8 [N, S, S, 3]: the middle 80 %, left and right exchanged, or both."""
    if view not in VIEWS:
        raise ValueError(f"There is no view {view!r}; the views are {', '.join(VIEWS)}.")
    if view.startswith("crop"):
        side = pictures.shape[1]
        edge = round(side * (1 - _CROP) / 2)
        pictures = pictures[:, edge : side - edge, edge : side - edge]
    return np.ascontiguousarray(pictures[:, :, ::-1]) if view.endswith("mirror") else pictures


def worth_mirroring(pictures: int) -> bool:
    """Whether mirror images are worth their cost in training on so many pictures.

    Measured on three sets and two networks, 80 pictures a label, three seeds: the mirror image
    brings 0.4 points on average (up to 1.2), crops beside it take that away again. From thousands
    of pictures on, the others teach what a view could, and embedding is what takes time.
    """
    return pictures <= _MANY


def kept_as(backbone_sha: str, view: str) -> str:
    """The name under which embeddings of a view are kept: that of the backbone for whole ones."""
    if view == WHOLE:
        return backbone_sha
    return hashlib.sha256(f"{backbone_sha} {view}".encode()).hexdigest()


def stack(
    embeddings: Mapping[str, npt.NDArray[np.float32]], targets: Ints, groups: Ints | None = None
) -> Stack:
    """Put views [N, D] of the same pictures, with targets [N], together; "whole" is served.

    Its rows come first. `groups` [N] are the same for near-identical pictures (None: none are).
    """
    order = sorted(embeddings, key=lambda view: (view != WHOLE, view))
    count = len(targets)
    return Stack(
        np.concatenate([embeddings[view] for view in order]),
        np.tile(targets, len(order)),
        np.tile(np.arange(count) if groups is None else groups, len(order)),
        np.repeat([view == WHOLE for view in order], count),
    )


def fit(
    whole: npt.NDArray[np.float32],
    mirrored: npt.NDArray[np.float32] | None,
    targets: Ints,
    labels: Sequence[str],
    *,
    groups: Ints | None = None,
    seed: int = 0,
) -> fitting.Fit:
    """Fit a head to embeddings [N, D] of pictures and, unless None, of their mirror images.

    Everything else is as in `fitting.fit`, whose `rows` are those of the pictures here, too.
    """
    if mirrored is None:
        return fitting.fit(whole, targets, groups, labels, seed=seed)
    rows = stack({WHOLE: whole, MIRROR: mirrored}, targets, groups)
    return fitting.fit(
        rows.embeddings, rows.targets, rows.groups, labels, served=rows.served, seed=seed
    )


def mirroring(
    whole: npt.NDArray[np.floating],
    mirrored: npt.NDArray[np.floating],
    targets: Ints,
    labels: Sequence[str],
    strength: float,
    *,
    seed: int = 0,
) -> Mirroring:
    """Judge whether a picture's label survives mirroring, from embeddings [N, D] of both views.

    Heads that were trained on whole pictures answer held pictures and their mirror images. Where
    left and right decide, they lose most of what they get right otherwise; where not, a few per
    cent, for no network sees mirrored pictures quite alike. So harm has to be both significant
    (McNemar) and large: 5 % of all right answers, or 20 % of those to a label. Not allowed below 20
    pictures or where the heads hardly beat guessing, since then nothing could show. Raises
    NotEnoughExamples as `fitting.fit` does.
    """
    rows, own, other = fitting.answer_out_of_fold(
        whole, mirrored, targets, labels, strength, seed=seed
    )
    truth = targets[rows]
    right, still = own.argmax(axis=1) == truth, other.argmax(axis=1) == truth
    lost, p_value = _lost(right, still)
    harmed = []
    for number, label in enumerate(labels):
        lost_of_label, p_of_label = _lost(right[truth == number], still[truth == number])
        if lost_of_label >= _HARM_TO_LABEL and p_of_label < _UNLIKELY_OF_LABEL:
            harmed.append(label)
    if len(rows) < _ENOUGH or _guessed(right, truth) > _GUESSED:
        allowed, why = False, "too little is known yet to tell whether left and right matter"
    elif harmed or (lost >= _HARM and p_value < _UNLIKELY):
        of = f" for {', '.join(harmed[:3])}" if harmed else ""
        allowed, why = False, f"left and right seem to matter{of}"
    else:
        allowed, why = True, "left and right do not seem to matter"
    errors, mirrored_errors = int((~right).sum()), int((~still).sum())
    reason = (
        f"Of {len(rows)} pictures answered by heads that had not seen them, {errors} were wrong, "
        f"and {mirrored_errors} when mirrored: {why}."
    )
    return Mirroring(allowed, len(rows), errors, mirrored_errors, p_value, reason)


def _lost(right: npt.NDArray[np.bool_], still: npt.NDArray[np.bool_]) -> tuple[float, float]:
    """The net share of right answers that is lost, and how easily chance alone would lose it."""
    lost, won = int((right & ~still).sum()), int((still & ~right).sum())
    return (lost - won) / max(int(right.sum()), 1), mid_p(lost, won)


def _guessed(right: npt.NDArray[np.bool_], truth: Ints) -> float:
    """How easily one who always gives the commonest label would be right as often."""
    share = np.bincount(truth).max() / len(truth)
    return float(stats.binom.sf(right.sum() - 1, len(right), share))
