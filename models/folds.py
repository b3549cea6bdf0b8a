"""Which pictures answer for which head in cross-validation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from models.errors import NotEnoughExamples

Ints = npt.NDArray[np.int64]

FOLDS = 5
# The fold of pictures that are trained on and never answered out of fold.
ALWAYS_INSIDE = -1


def check_present(sizes: Ints, labels: Sequence[str]) -> None:
    """Raise NotEnoughExamples when a label has no picture; `sizes` [K] counts them."""
    if missing := [label for label, size in zip(labels, sizes, strict=True) if not size]:
        shown = ", ".join(missing[:5]) + (", …" if len(missing) > 5 else "")
        raise NotEnoughExamples(
            f"There is no picture of {shown}: add pictures of every label or remove the label."
        )


def _first(groups: Ints) -> tuple[Ints, Ints]:
    """The first row of each picture, and for each row the number of its picture."""
    _, first, inverse = np.unique(groups, return_index=True, return_inverse=True)
    return first, inverse


def deal(targets: Ints, groups: Ints, labels: Sequence[str], seed: int) -> Ints:
    """The fold of each row [N]: per label, its pictures are shuffled and dealt out in turn.

    The only picture of a label is in the fold ALWAYS_INSIDE. Rows of one picture may have labels
    that contradict each other; they stay together. Raises NotEnoughExamples for a label without
    pictures and below two labels with two different pictures each.
    """
    check_present(np.bincount(targets, minlength=len(labels)), labels)
    first, inverse = _first(groups)
    of_group = targets[first]
    # Pictures [G] of each label [K], those included that another row calls something else.
    has = np.zeros((len(labels), len(first)), bool)
    has[targets, inverse] = True
    sizes = has.sum(axis=1)
    if (sizes >= 2).sum() < 2:
        short = int((sizes < 2).sum())
        raise NotEnoughExamples(
            "A classifier needs at least two labels with two different pictures each (near-"
            f"identical ones count as one); {short} of {len(labels)} labels have fewer: add "
            "pictures or remove labels."
        )
    rng = np.random.default_rng(seed)
    fold = np.full(len(first), ALWAYS_INSIDE)
    only = has[sizes == 1].any(axis=0)
    for label in range(len(labels)):
        members = rng.permutation(np.flatnonzero((of_group == label) & ~only))
        # Starting elsewhere for each label keeps the folds of many tiny labels the same size.
        fold[members] = (np.arange(len(members)) + label) % min(FOLDS, int(sizes.max()))
    return fold[inverse]


def subset(targets: Ints, groups: Ints, size: int, seed: int) -> npt.NDArray[np.bool_]:
    """Rows [N] of about `size` pictures, the same share of each label but ten where it has them."""
    first, inverse = _first(groups)
    if len(first) <= size:
        return np.ones(len(targets), bool)
    order = np.random.default_rng(seed).permutation(len(first))
    rank = np.empty(len(first), np.int64)
    of_group = targets[first]
    for label in np.unique(of_group):
        members = order[of_group[order] == label]
        rank[members] = np.arange(len(members))
    sizes = np.bincount(of_group)[of_group]
    share = size / len(first)
    chosen = rank < np.maximum(np.ceil(share * sizes), 2 * FOLDS)
    return np.asarray(chosen[inverse])
