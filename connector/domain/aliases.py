"""Reading the answers of models that still know labels by names which people changed since.

A model's labels are part of its file and never change. So a classifier keeps what happened to its
labels, in order: {"from": old name, "to": new name or None, "up_to_version": n, "at": m, "also":
[…], "made_at": time}. It holds for the versions that knew the old name, which are those up to n,
and those in `also`: trained when the change was made, registered after it. `at` is the classifier's
count of changes with this one, by which such a version is told (`covering`). A name that is given
to a new label later is not captured, because the versions that know the new label are none of
these. What people and rules said is read by its time instead (`renamed_since`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from connector.db.types import Json


def alias(old: str, new: str | None, *, up_to_version: int, at: int, made_at: datetime) -> Json:
    """Return what is kept of a label that was renamed, merged into another, or removed (None)."""
    return {
        "from": old,
        "to": new,
        "up_to_version": up_to_version,
        "at": at,
        "also": [],
        "made_at": made_at.isoformat(),
    }


def covering(aliases: Sequence[Json], number: int, changes_seen: int | None) -> list[Json]:
    """Return the aliases as they hold when version `number` is registered.

    `changes_seen` is the classifier's count of changes when the version's examples were read; what
    changed after that, the version does not know. None: the version is taken to know everything.
    """
    return [
        {**one, "also": [*one["also"], number]}
        if changes_seen is not None and changes_seen < one["at"] and not _holds(one, number)
        else one
        for one in aliases
    ]


def current_name(name: str, version: int, aliases: Sequence[Json]) -> str | None:
    """Return the present name of what `version` calls `name`; None when the label was removed."""
    current: str | None = name
    for one in aliases:
        if current == one["from"] and _holds(one, version):
            current = one["to"]
    return current


def renamed_since(name: str, moment: datetime, aliases: Sequence[Json]) -> str | None:
    """Return the present name of the label that was called `name` then; None when it was removed.

    For texts that keep their words, such as past answers, whichever version they came from.
    """
    current: str | None = name
    for one in aliases:
        if current == one["from"] and datetime.fromisoformat(one["made_at"]) > moment:
            current = one["to"]
    return current


def former_names(name: str, aliases: Sequence[Json]) -> list[str]:
    """Return the label's present name and every one that it, or what was merged into it, had."""
    names = [name]
    for one in reversed(aliases):
        if one["to"] in names and one["from"] not in names:
            names.append(one["from"])
    return names


def probabilities(
    named: Mapping[str, float], version: int, aliases: Sequence[Json]
) -> dict[str, float]:
    """Return the probabilities (0..1) of `version` by the labels' present names.

    Those of merged labels add up. What went to a label that was removed is left out and the rest is
    not scaled up: it is the model's belief that none of the labels left is right, and without it a
    picture that the model would have given to that label looked sure to be something else. So the
    sum may be below 1, and nothing is left when every label was removed: then ask a person.
    """
    result: dict[str, float] = {}
    for name, probability in named.items():
        current = current_name(name, version, aliases)
        if current is not None:
            result[current] = result.get(current, 0.0) + probability
    # Sums of rounded parts may exceed 1 by a few units in the last place.
    return {name: min(1.0, value) for name, value in result.items()}


def thresholds(
    named: Mapping[str, float | None], version: int, aliases: Sequence[Json]
) -> dict[str, float | None]:
    """Return the thresholds of `version` by the labels' present names; None: always ask.

    Of merged labels the most cautious one counts: nothing was measured for the two together.
    """
    result: dict[str, float | None] = {}
    for name, threshold in named.items():
        current = current_name(name, version, aliases)
        if current is not None:
            before = result.get(current, threshold)
            result[current] = _more_cautious(before, threshold)
    return result


def _more_cautious(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else max(one, other)


def _holds(one: Json, version: int) -> bool:
    return version <= one["up_to_version"] or version in one["also"]
