"""The pages of the sample project: letters, invoices, forms, and a few that nobody could tell."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import islice
from random import Random

from PIL import Image

from connector.demo.pages import KINDS, make_page
from connector.demo.sheet import jpeg

# Of every kind: with a label, without one, and new pages that come in once there is a model.
LABELLED, WAITING, NEW = 36, 4, 5
# So many at the beginning are right in any case.
MOST_RIGHT = 9
# So many labels are wrong on purpose: those of a kind that looks the least like the right one.
WRONG = 2
UNLIKE = {"letter": "form", "invoice": "form", "form": "letter"}
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
    """Return the pages with WRONG labels wrong, on none by which the model itself is judged.

    Those that a model learns from are checked against each other, and there they are found. They
    are the same each time.
    """
    labelled = (page for page in pages[MOST_RIGHT:] if page.label is not None)
    chosen = islice((page for page in labelled if not is_judged(page.draw())), WRONG)
    wrong = {page.name: UNLIKE[page.kind] for page in chosen}
    return [replace(page, label=wrong.get(page.name, page.label)) for page in pages]


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
