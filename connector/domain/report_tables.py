"""A report's tables for people: which labels are taken for which, and how each one does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from connector.db.tables import Classifier
from connector.domain import aliases

Report = Mapping[str, Any]
Names = Callable[[str], str]

# A matrix of more labels than this is read by nobody; those with the most mistakes are shown.
MOST_LABELS = 12
# Of the pairs that are taken for each other, for when the matrix cannot hold them all.
MOST_PAIRS = 20
SHADES = 4


@dataclass(frozen=True)
class Cell:
    """Pictures of one label (`given`) that got one answer; both are indices of the report's labels.

    `shade` is 0 for none to SHADES, by their share of the label's pictures.
    """

    given: int
    answered: int
    count: int
    shade: int

    @property
    def right(self) -> bool:
        return self.given == self.answered


@dataclass(frozen=True)
class Row:
    """One label's pictures, by what was answered."""

    name: str
    cells: list[Cell]


@dataclass(frozen=True)
class Matrix:
    """What was answered to which pictures; `left_out` labels have fewer mistakes than these."""

    names: list[str]
    rows: list[Row]
    left_out: int


@dataclass(frozen=True)
class LabelRow:
    """How one label does: learned from and judged on how many pictures, with which advice.

    `answered_right` is the share of right ones among its answers, `found` that of its pictures
    which got it; each {"value", "low", "high"}. `verdict` is enough, worth, cannot_tell (whether
    more pictures would help), few (to say how well it does at all) or none.
    """

    name: str
    pictures: int | None
    judged_on: int
    mistakes: int
    answered_right: Mapping[str, Any]
    found: Mapping[str, Any]
    verdict: str
    more: int | None
    advice: str


def present_names(classifier: Classifier, version: int) -> Names:
    """Return what turns the names that a version learned into the labels' present ones."""

    def name(label: str) -> str:
        current = aliases.current_name(label, version, classifier.aliases)
        return label if current is None else current

    return name


def matrix(report: Report, names: Names) -> Matrix:
    """Return the confusion matrix, of the labels with the most mistakes where there are many."""
    counts = {(one["given"], one["answered"]): one["count"] for one in _cells(report)}
    labels = report["labels"]
    mistakes = dict.fromkeys(range(len(labels)), 0)
    for (given, answered), count in counts.items():
        if given != answered:
            mistakes[given] += count
            mistakes[answered] += count
    worst = sorted(mistakes, key=lambda i: (-mistakes[i], i))[:MOST_LABELS]
    shown = sorted(worst)
    totals = dict.fromkeys(range(len(labels)), 0)
    for (given, _), count in counts.items():
        totals[given] += count
    rows = [
        Row(
            names(labels[given]),
            [_cell(given, answered, counts, totals[given]) for answered in shown],
        )
        for given in shown
    ]
    return Matrix([names(labels[i]) for i in shown], rows, len(labels) - len(shown))


def _cell(given: int, answered: int, counts: Mapping[tuple[int, int], int], total: int) -> Cell:
    count = counts.get((given, answered), 0)
    shade = 0 if not count else 1 + min(SHADES - 1, int(SHADES * count / max(total, 1)))
    return Cell(given, answered, count, shade)


def pairs(report: Report) -> list[Mapping[str, Any]]:
    """Return the cells of mistakes, the largest first."""
    wrong = [one for one in _cells(report) if one["given"] != one["answered"]]
    return sorted(wrong, key=lambda one: -one["count"])[:MOST_PAIRS]


def cell(report: Report, given: int, answered: int) -> Mapping[str, Any] | None:
    """Return one cell with its pictures, None where no picture is in it."""
    for one in _cells(report):
        if (one["given"], one["answered"]) == (given, answered):
            return one
    return None


def _cells(report: Report) -> list[Mapping[str, Any]]:
    cells: list[Mapping[str, Any]] = report["confusion"]["cells"]
    return cells


def label_rows(report: Report, names: Names) -> list[LabelRow]:
    """Return how each label does, those with the most mistakes first."""
    forecast = report.get("forecast") or {}
    told = {one["label"]: one for one in forecast.get("labels", ())}
    rows = [_label_row(one, told.get(one["label"]), names) for one in report["per_label"]]
    return sorted(rows, key=lambda row: (-row.mistakes, row.verdict != "few"))


def _label_row(one: Mapping[str, Any], told: Mapping[str, Any] | None, names: Names) -> LabelRow:
    verdict = "few" if not one["judged"] else "none"
    if told is not None and (one["judged"] or told["verdict"] == "worth"):
        verdict = told["verdict"]
    return LabelRow(
        name=names(one["label"]),
        pictures=one["trained_on"],
        judged_on=one["count"],
        mistakes=one["count"] - one["right"],
        answered_right=one["precision"],
        found=one["recall"],
        verdict=verdict,
        more=None if told is None else told["more"],
        advice="" if told is None else str(told["sentence"]),
    )
