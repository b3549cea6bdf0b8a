"""The pages of the sample project: letters, invoices, forms, and a few that nobody could tell."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random

from PIL import Image

from connector.demo.pages import KINDS, make_page
from connector.demo.sheet import jpeg

# Of every kind: with a label, without one, and new pages that come in once there is a model.
LABELLED, WAITING, NEW = 36, 4, 5
# So many at the beginning are right in any case.
MOST_RIGHT = 9
# New pages that are half one kind and half another: nobody could be sure.
DOUBTFUL = 6


@dataclass(frozen=True)
class Planned:
    """A page that is still to be drawn; `label` None: it waits for one."""

    name: str
    kind: str
    label: str | None = None
    other: str = ""

    def draw(self) -> bytes:
        """Return the file; the same page always gives the same bytes."""
        if not self.other:
            return make_page(self.name, self.kind, "upright", f"sample {self.name}").data
        rng = Random(f"sample {self.name}")  # noqa: S311 - chance for variety, not for secrets
        top, bottom = (
            make_page(self.name, kind, "upright", f"sample {self.name}").upright.convert("RGB")
            for kind in (self.kind, self.other)
        )
        return jpeg(_joined(top, bottom), rng)


def examples() -> list[Planned]:
    """Return the pages to learn from, the kinds in turn, and those that wait for a label."""
    labelled = [
        Planned(f"page-{number:03}.jpg", kind, kind)
        for number in range(LABELLED * len(KINDS))
        for kind in [KINDS[number % len(KINDS)]]
    ]
    waiting = [
        Planned(f"unsorted-{number:03}.jpg", KINDS[number % len(KINDS)])
        for number in range(WAITING * len(KINDS))
    ]
    return [*labelled, *waiting]


def mislabelled(pages: list[Planned], is_judged: Callable[[bytes], bool]) -> list[Planned]:
    """Return the pages with two labels wrong, one of them on a page that a model is judged by.

    Of what it has learned from, a model alone cannot say that its label is unlikely, and with more
    wrong ones among the few others it would trust itself less. They are the same each time.
    """
    labelled = [page for page in pages if page.label is not None]
    judged = next((page for page in labelled[MOST_RIGHT:] if is_judged(page.draw())), None)
    wrong = {page.name for page in (judged, labelled[-1]) if page is not None}
    return [replace(page, label=_next(page.kind)) if page.name in wrong else page for page in pages]


def _next(kind: str) -> str:
    return KINDS[(KINDS.index(kind) + 1) % len(KINDS)]


def arrivals() -> list[Planned]:
    """Return the pages that come in when there is a model, the doubtful ones among them."""
    plain = [
        Planned(f"scan-{number:03}.jpg", KINDS[number % len(KINDS)])
        for number in range(NEW * len(KINDS))
    ]
    doubtful = [
        Planned(
            f"odd-{number:03}.jpg",
            KINDS[number % len(KINDS)],
            other=KINDS[(number + 1 + number // len(KINDS)) % len(KINDS)],
        )
        for number in range(DOUBTFUL)
    ]
    return [*plain, *doubtful]


def _joined(top: Image.Image, bottom: Image.Image) -> Image.Image:
    """Return the upper half of one page over the lower half of another."""
    whole = top.copy()
    middle = top.height // 2
    lower = bottom.resize(top.size).crop((0, middle, top.width, top.height))
    whole.paste(lower, (0, middle))
    return whole
