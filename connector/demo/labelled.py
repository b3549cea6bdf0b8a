"""The demo's examples as zips of labelled folders, and the new pages that come in later."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import cycle, islice, product
from random import Random

from connector.demo.pages import KINDS, ORIENTATIONS, Page, make_page

Drawn = Callable[[int], None]


@dataclass(frozen=True)
class Plan:
    """How many pages there are of each sort."""

    turned_examples: int = 96
    kind_examples: int = 96
    new_pages: int = 60


def turned_examples(count: int, drawn: Drawn) -> bytes:
    """Return a zip of pages of all kinds, in one folder for each way they lie."""
    pages = (
        (orientation, make_page(f"page-{i:03}", kind, orientation, f"turned {i}"))
        for i, (kind, orientation) in enumerate(_mixed(count))
    )
    return _zipped(pages, drawn)


def kind_examples(count: int, drawn: Drawn) -> bytes:
    """Return a zip of upright pages, in one folder for each kind."""
    pages = (
        (kind, make_page(f"page-{i:03}", kind, "upright", f"kind {i}"))
        for i, kind in enumerate(islice(cycle(KINDS), count))
    )
    return _zipped(pages, drawn)


def new_pages(count: int, run: int) -> list[Page]:
    """Return pages that no model has seen, in random order; another run gets others."""
    lying = list(_mixed(count))
    Random(run).shuffle(lying)  # noqa: S311 - no secret
    return [
        make_page(f"scan-{run}-{i:03}", kind, orientation, f"new {run} {i}")
        for i, (kind, orientation) in enumerate(lying, 1)
    ]


def _mixed(count: int) -> Iterable[tuple[str, str]]:
    return islice(cycle(product(KINDS, ORIENTATIONS)), count)


def _zipped(pages: Iterable[tuple[str, Page]], drawn: Drawn) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for done, (label, page) in enumerate(pages, 1):
            archive.writestr(f"{label}/{page.name}", page.data)
            drawn(done)
    return out.getvalue()
