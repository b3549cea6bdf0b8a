"""Which pictures a classifier never trains on: fixed for each picture by its content."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

HELD_OUT_SHARE = 0.2
# Labels with fewer pictures train on all of them: one or two held out would tell nothing.
SMALLEST_SPLIT_LABEL = 5


@dataclass(frozen=True)
class Split:
    """The two sides, as content hashes, and the labels that nothing could be held out of."""

    training: frozenset[str]
    held_out: frozenset[str]
    not_scored: tuple[str, ...]


def is_held_out(sha256: str) -> bool:
    """Whether the hash of a picture's bytes puts it aside for scoring: about one in five.

    A cryptographic hash is as good as a die, so every label gives up about the same share; and
    no picture changes sides when others come, go, or change labels.
    """
    return int(sha256[:8], 16) < HELD_OUT_SHARE * 2**32


def assign(hashes_by_label: Mapping[str, Iterable[str]]) -> Split:
    """Split the pictures of all labels.

    The hash alone decides (`is_held_out`), with one exception: a label with fewer than
    SMALLEST_SPLIT_LABEL pictures keeps all of them for training. A label that has nothing held out
    is named in `not_scored`. Should a label have nothing but held-out pictures, the two with the
    highest hashes train, for without them it could not be learned at all.
    """
    training: set[str] = set()
    held_out: set[str] = set()
    not_scored = []
    for label, hashes in hashes_by_label.items():
        unique = sorted(set(hashes))
        aside = {sha for sha in unique if is_held_out(sha)}
        if len(unique) < SMALLEST_SPLIT_LABEL:
            aside = set()
        elif len(unique) - len(aside) < 2:
            aside -= set(unique[-2:])
        if not aside:
            not_scored.append(label)
        held_out |= aside
        training |= set(unique) - aside
    return Split(frozenset(training), frozenset(held_out), tuple(not_scored))
