"""What to do next, from a report: where the evidence is thin and what stands in the way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from models.wording import counted, listed

# From 5 to 20 pictures a label, errors fell by a quarter to two thirds on two real sets.
FEW = 20
_NAMED = 20


def give(
    trained: Mapping[str, int],
    not_judged: Sequence[str],
    confused: Sequence[Mapping[str, Any]],
    duplicates: Mapping[str, Any],
    suspects: int,
    calibration: Mapping[str, Any],
) -> list[dict[str, Any]]:
    """Advice as {"code", "labels", "sentence"}, what is cheapest and surest to help first."""
    found = [
        _contradictions(int(duplicates["contradictions"])),
        _suspects(suspects),
        _few(trained),
        _not_judged(not_judged),
        _confused(confused),
        _calibration(calibration),
    ]
    return [one for one in found if one is not None]


def _advice(code: str, labels: Sequence[str], sentence: str) -> dict[str, Any]:
    return {"code": code, "labels": list(labels[:_NAMED]), "sentence": sentence}


def _contradictions(count: int) -> dict[str, Any] | None:
    if not count:
        return None
    groups = counted(count, "group")
    return _advice(
        "contradictions", (), f"Settle the labels of {groups} of near-identical pictures first."
    )


def _suspects(count: int) -> dict[str, Any] | None:
    if not count:
        return None
    return _advice(
        "likely_wrong_labels", (), f"Look at {counted(count, 'label')} that may be wrong."
    )


def _few(trained: Mapping[str, int]) -> dict[str, Any] | None:
    few = sorted((n, label) for label, n in trained.items() if n < FEW)
    if not few:
        return None
    names = [label for _, label in few]
    fewest = counted(few[0][0], "picture")
    return _advice(
        "few_pictures",
        names,
        f"Add pictures of {listed(names)}: {'it has' if len(few) == 1 else 'they start at'} "
        f"{fewest} to learn from, and fewer than {FEW} show little of what there is.",
    )


def _not_judged(labels: Sequence[str]) -> dict[str, Any] | None:
    if not labels:
        return None
    return _advice(
        "not_judged",
        labels,
        f"Too few pictures of {listed(labels)} were kept aside to say how well "
        f"{'it is' if len(labels) == 1 else 'they are'} recognised; one new picture in five is.",
    )


def _confused(pairs: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    # One or two mistakes between two labels can be any two pictures.
    if not pairs or pairs[0]["count"] < 3:
        return None
    names = [pairs[0]["given"], pairs[0]["answered"]]
    return _advice(
        "confused", names, f"{pairs[0]['sentence']} Pictures that show the difference help most."
    )


def _calibration(calibration: Mapping[str, Any]) -> dict[str, Any] | None:
    if calibration["verdict"] != "too_sure":
        return None
    return _advice("too_sure", (), f"{calibration['sentence']} Ask at a higher confidence.")
