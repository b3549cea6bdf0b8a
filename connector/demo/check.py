"""Looks at the files on disk and says whether each page stands upright in the right folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageChops, ImageOps, ImageStat

from connector.demo.pages import TURNS, Page

_SMALL = (78, 110)
# Mean difference in grey levels; another page, or this one turned, is several times as far off.
_SAME_PAGE = 4.0


@dataclass(frozen=True)
class Found:
    """Where a page was found and how it lies there; None for what was not found."""

    folder: str | None
    orientation: str | None

    def right(self, page: Page) -> bool:
        """Whether it is where it belongs, as it should be."""
        return self.orientation == "upright" and self.folder == page.kind


def find(page: Page, sorted_folder: Path) -> Found:
    """Look for the page in all folders of `sorted_folder`, by its name and what it shows."""
    paths = sorted(sorted_folder.glob(f"*/{page.name}"))
    if len(paths) != 1:
        return Found(None, None)
    return Found(paths[0].parent.name, lies(paths[0], page.upright))


def lies(path: Path, upright: Image.Image) -> str | None:
    """Return where the top of the page points in this file; None when it is not that page.

    What counts is what a viewer shows: an orientation tag is followed.
    """
    with Image.open(path) as image:
        seen = ImageOps.exif_transpose(image).convert("L")
    wanted = upright.convert("L")
    distances = {}
    for orientation, turn in TURNS.items():
        expected = wanted if turn is None else wanted.transpose(turn)
        if expected.size == seen.size:
            distances[orientation] = _distance(expected, seen)
    best = min(distances, key=lambda name: distances[name], default=None)
    return best if best is not None and distances[best] < _SAME_PAGE else None


def _distance(a: Image.Image, b: Image.Image) -> float:
    size = _SMALL if a.width < a.height else _SMALL[::-1]
    pair = (image.resize(size, Image.Resampling.BOX) for image in (a, b))
    return ImageStat.Stat(ImageChops.difference(*pair)).mean[0]
