"""What came of it: each page looked at on disk, a table, and how to go on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from connector.commands.show import table
from connector.demo.check import Found, find
from connector.demo.pages import KINDS
from connector.demo.working import Case

SHOWN = 5
HEADER = (
    "page",
    "sent",
    "lying wrong",
    "model alone",
    "asked a person",
    "upright",
    "in its folder",
)


@dataclass(frozen=True)
class Checked:
    """A page with what was found of it on disk."""

    case: Case
    found: Found

    @property
    def alone(self) -> bool:
        """Whether the models answered both questions without a person."""
        return all(one["decided_by"] == "model" for one in self.case.predictions)


def check(cases: Sequence[Case], sorted_folder: Path) -> list[Checked]:
    """Look at the files; nothing that the service says counts here."""
    return [Checked(case, find(case.page, sorted_folder)) for case in cases]


def result_table(checked: Sequence[Checked]) -> str:
    """Return the counts per kind of page, and in all."""
    rows = [(kind, *_counts([c for c in checked if c.case.page.kind == kind])) for kind in KINDS]
    return table(HEADER, [*rows, ("all", *_counts(checked))])


def _counts(checked: Sequence[Checked]) -> tuple[int, ...]:
    alone = sum(one.alone for one in checked)
    return (
        len(checked),
        sum(one.case.page.orientation != "upright" for one in checked),
        alone,
        len(checked) - alone,
        sum(one.found.orientation == "upright" for one in checked),
        sum(one.found.folder == one.case.page.kind for one in checked),
    )


def mistakes(checked: Sequence[Checked]) -> list[str]:
    """Return a sentence for each page that is not as it should be."""
    return [_mistake(one) for one in checked if not one.found.right(one.case.page)]


def _mistake(one: Checked) -> str:
    page, found = one.case.page, one.found
    if found.folder is None:
        return f"{page.name} is in no folder"
    if found.orientation is None:
        return f"{page.name} in {found.folder} is not the page that was sent"
    said = {
        prediction["label"]: prediction["confidence"] or 0.0 for prediction in one.case.predictions
    }
    parts = []
    if found.orientation != "upright":
        parts.append(f"lies with its top to “{found.orientation}”")
    if found.folder != page.kind:
        parts.append(f"is in the folder {found.folder} instead of {page.kind}")
    answers = ", ".join(f"{label} {confidence:.0%}" for label, confidence in said.items())
    return f"{page.name} {' and '.join(parts)} (the answers were: {answers})"


def lost(checked: Sequence[Checked]) -> list[str]:
    """Return the names of pages that are nowhere, or no longer what was sent: never right."""
    return [c.case.page.name for c in checked if c.found.folder is None or not c.found.orientation]


def shown_path(path: Path) -> str:
    """Return a path as it can be typed from here."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)
