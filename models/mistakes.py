"""Which pictures are behind the numbers: confusion cells, worst mistakes, hardest right answers."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

import numpy as np

from models.answers import Answers, Ints
from models.metrics import confusion
from models.wording import counted

PER_CELL = 200
# Over all cells: a list of hashes is most of a report's size, and nobody pages through thousands.
_LISTED, _CELLS = 4_000, 4_000
_WORST, _HARDEST, _PAIRS = 50, 20, 10


def confusion_cells(answers: Answers) -> dict[str, Any]:
    """The confusion matrix without its empty cells; `given` and `answered` index the labels.

    Each cell has its full `count` and lists at most PER_CELL `pictures`: mistakes from the surest,
    right answers from the least sure. Cells of mistakes come first, the largest at the front, and
    are listed before right answers where not everything can be; `cells_left_out` says how many of
    the smallest are missing.
    """
    targets, predicted = answers.targets, answers.predicted
    matrix = confusion(predicted, targets, len(answers.labels))
    filled = sorted(
        zip(*(axis.tolist() for axis in np.nonzero(matrix)), strict=True),
        key=lambda cell: (cell[0] == cell[1], -int(matrix[cell]), cell),
    )
    members = _by_cell(targets, predicted)
    room, cells = _LISTED, []
    for given, answered in filled[:_CELLS]:
        rows = members[given, answered]
        surest = rows[np.argsort(-answers.confidence[rows], kind="stable")]
        ordered = surest[::-1] if given == answered else surest
        pictures = [answers.hashes[i] for i in ordered[: min(PER_CELL, room)]]
        room -= len(pictures)
        cells.append(
            {"given": given, "answered": answered, "count": len(rows), "pictures": pictures}
        )
    return {"cells": cells, "cells_left_out": max(0, len(filled) - _CELLS)}


def _by_cell(targets: Ints, predicted: Ints) -> dict[tuple[int, int], Ints]:
    rows: dict[tuple[int, int], list[int]] = {}
    for row, cell in enumerate(zip(targets.tolist(), predicted.tolist(), strict=True)):
        rows.setdefault(cell, []).append(row)
    return {cell: np.array(members, np.int64) for cell, members in rows.items()}


def most_confused(answers: Answers) -> list[dict[str, Any]]:
    """The pairs of labels that are taken for each other most often, each with a sentence."""
    matrix = confusion(answers.predicted, answers.targets, len(answers.labels))
    pairs = [(int(matrix[a, b]), int(a), int(b)) for a, b in np.argwhere(matrix) if a != b]
    result = []
    for count, given, answered in sorted(pairs, key=lambda p: (-p[0], p[1:]))[:_PAIRS]:
        names = answers.labels[given], answers.labels[answered]
        total = int(matrix[given].sum())
        result.append(
            {
                "given": names[0],
                "answered": names[1],
                "count": count,
                "of": total,
                "sentence": f"'{names[0]}' was taken for '{names[1]}' {counted(count, 'time')} "
                f"of {total:,}.",
            }
        )
    return result


def worst(
    answers: Answers, suspects: Collection[str] = (), limit: int = _WORST
) -> list[dict[str, Any]]:
    """The surest wrong answers, the surest first; `suspect` marks labels that may be wrong."""
    wrong = np.flatnonzero(~answers.right)
    order = wrong[np.argsort(-answers.confidence[wrong], kind="stable")][:limit]
    return [_entry(answers, i, suspects) for i in order]


def hardest_right(answers: Answers) -> list[dict[str, Any]]:
    """The right answers that were least sure, the least sure first."""
    right = np.flatnonzero(answers.right)
    order = right[np.argsort(answers.confidence[right], kind="stable")][:_HARDEST]
    return [_entry(answers, i, ()) for i in order]


def _entry(answers: Answers, row: int, suspects: Collection[str]) -> dict[str, Any]:
    target = int(answers.targets[row])
    given = float(answers.probabilities[row, target]) if target >= 0 else 0.0
    return {
        "sha256": answers.hashes[row],
        "given": answers.truths[row],
        "answered": answers.labels[int(answers.predicted[row])],
        "confidence": round(float(answers.confidence[row]), 4),
        "given_probability": round(given, 4),
        "suspect": answers.hashes[row] in suspects,
    }


def near_duplicates(
    parts: Iterable[Answers], groups: Iterable[list[str]], limit: int = 100, shown: int = 10
) -> dict[str, Any]:
    """Groups of near-identical pictures, and those whose members were labelled differently."""
    truth = {sha: label for one in parts for sha, label in zip(one.hashes, one.truths, strict=True)}
    known = [[sha for sha in members if sha in truth] for members in groups]
    several = sorted((m for m in known if len(m) > 1), key=lambda m: (-len(m), m))
    contrary = [members for members in several if len({truth[sha] for sha in members}) > 1]
    return {
        "groups": len(several),
        "pictures": sum(map(len, several)),
        "contradictions": len(contrary),
        "contradicting": [
            [{"sha256": sha, "given": truth[sha]} for sha in _both_sides(members, truth, shown)]
            for members in contrary[:limit]
        ],
        "largest": [members[:shown] for members in several[: limit // 2]],
    }


def _both_sides(members: list[str], truth: dict[str, str], shown: int) -> list[str]:
    """At most `shown` members, one of each label first, so that the contradiction can be seen."""
    first = {truth[sha]: sha for sha in reversed(members)}
    rest = [sha for sha in members if sha not in first.values()]
    return [*sorted(first.values()), *rest][:shown]
