"""Which pictures a classifier never trains on: fixed for each picture by its content."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Mapping
from dataclasses import dataclass

HELD_OUT_SHARE = 0.2
# Labels with fewer pictures train on all of them: one or two held out would tell nothing.
SMALLEST_SPLIT_LABEL = 5
_LEAST_TRAINING = 2

Groups = Mapping[str, Hashable]


@dataclass(frozen=True)
class Split:
    """The two sides, as content hashes, and the labels that nothing could be held out of."""

    training: frozenset[str]
    held_out: frozenset[str]
    not_scored: tuple[str, ...]

    @property
    def swapped(self) -> tuple[str, ...]:
        """Pictures that are not on the side of their own hash: keep them with the model.

        With them, `has_learned` tells of any picture whether that model may have trained on it.
        """
        return tuple(
            sorted(
                {sha for sha in self.training if is_held_out(sha)}
                | {sha for sha in self.held_out if not is_held_out(sha)}
            )
        )


def is_held_out(sha256: str) -> bool:
    """Whether the hash of a picture's bytes puts it aside for scoring: about one in five.

    A cryptographic hash is as good as a die, so every label gives up about the same share; and
    no picture changes sides when others come, go, or change labels.
    """
    return int(sha256[:8], 16) < HELD_OUT_SHARE * 2**32


def has_learned(sha256: str, swapped: Collection[str]) -> bool:
    """Whether a model with these `swapped` pictures may have trained on a picture.

    Pictures that came later than the model count as their hash says, so the answer errs on the
    safe side: "learned" for a picture that the model has not seen, never the other way round.
    """
    return is_held_out(sha256) == (sha256 in swapped)


def unseen(held_out: Iterable[str], groups: Groups, swapped: Collection[str]) -> frozenset[str]:
    """The held-out pictures of which an earlier model learned neither themselves nor a twin.

    `swapped` is what was kept with that model; only these pictures may judge it fairly.
    """
    return frozenset(
        sha
        for members in clusters(held_out, groups)
        if not any(has_learned(member, swapped) for member in members)
        for sha in members
    )


def assign(hashes_by_label: Mapping[str, Iterable[str]], groups: Groups | None = None) -> Split:
    """Split the pictures of all labels, near-identical ones always to the same side.

    `groups` maps the hash of a picture that has near-identical ones to the name of their group,
    whatever their labels; pictures it does not name stand alone. The hash of one member decides
    for the whole group (`representative`), with one exception: a label with fewer than
    SMALLEST_SPLIT_LABEL different pictures keeps all of them for training, and so do the groups
    that they belong to. A label that has nothing held out is named in `not_scored`. Should a label
    have less than two different pictures left to train on, the two of the highest hashes train, for
    without them it could not be learned at all.
    """
    hashes = {label: set(members) for label, members in hashes_by_label.items()}
    deciding = _deciding({sha for members in hashes.values() for sha in members}, groups or {})
    distinct = {
        label: sorted({deciding[sha] for sha in members}) for label, members in hashes.items()
    }
    aside = {sha for sha in deciding.values() if is_held_out(sha)}
    for different in distinct.values():
        if len(different) < SMALLEST_SPLIT_LABEL:
            aside -= set(different)
    # Judged by one and the same state, so that the order of the labels cannot matter.
    unlearnable = [
        different[-_LEAST_TRAINING:]
        for different in distinct.values()
        if sum(sha not in aside for sha in different) < min(_LEAST_TRAINING, len(different))
    ]
    aside -= {sha for different in unlearnable for sha in different}
    held_out = frozenset(sha for sha, decider in deciding.items() if decider in aside)
    not_scored = tuple(label for label, members in hashes.items() if not members & held_out)
    return Split(frozenset(deciding) - held_out, held_out, not_scored)


def representative(members: Iterable[str]) -> str:
    """The picture that stands for a group of near-identical ones: the least hash read backwards.

    Read backwards, because `is_held_out` looks at the beginning: the least hash as such would put
    large groups aside nearly always. One more member takes its place in one of n + 1 cases only.
    """
    return min(members, key=lambda sha: sha[::-1])


def clusters(hashes: Iterable[str], groups: Groups) -> list[list[str]]:
    """The pictures in groups of near-identical ones, loners alone; all in the order of hashes."""
    members: dict[tuple[bool, Hashable], list[str]] = {}
    for sha in sorted(set(hashes)):
        key = (True, groups[sha]) if sha in groups else (False, sha)
        members.setdefault(key, []).append(sha)
    return list(members.values())


def _deciding(hashes: Iterable[str], groups: Groups) -> dict[str, str]:
    """The picture whose hash decides, for each picture."""
    return {
        sha: decider
        for members in clusters(hashes, groups)
        for decider in [representative(members)]
        for sha in members
    }
