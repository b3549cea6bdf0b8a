"""Draw docs/images/demo.png from a folder that `colabel demo` has filled.

Usage: python docs/demo_picture.py demo-data docs/images/demo.png
"""

from __future__ import annotations

import sys
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont, ImageOps

CELL, GAP, TOP = 96, 10, 34
COLUMNS = 6
PAPER, INK = "#e9e6df", "#222222"


def sheet(title: str, paths: list[Path]) -> Image.Image:
    """Return a contact sheet of these pictures, six in a row."""
    rows = -(-len(paths) // COLUMNS)
    size = (COLUMNS * (CELL + GAP) + GAP, rows * (CELL + GAP) + GAP + TOP)
    canvas = Image.new("RGB", size, PAPER)
    ImageDraw.Draw(canvas).text((GAP, 9), title, INK, ImageFont.load_default(15))
    for number, path in enumerate(paths):
        with Image.open(path) as picture:
            thumbnail = ImageOps.contain(
                ImageOps.exif_transpose(picture).convert("RGB"), (CELL, CELL)
            )
        row, column = divmod(number, COLUMNS)
        left = GAP + column * (CELL + GAP) + (CELL - thumbnail.width) // 2
        top = TOP + row * (CELL + GAP) + (CELL - thumbnail.height) // 2
        canvas.paste(thumbnail, (left, top))
    return canvas


def main(data: Path, out: Path) -> None:
    """Put what was sent above what came of it, folder by folder."""
    sent = sorted((data / "sent" / "1").iterdir())[: 2 * COLUMNS]
    folders = sorted(path for path in (data / "sorted" / "kind of page").iterdir() if path.is_dir())
    sheets = [sheet("sent to the webhook", sent)]
    sheets += [sheet(f"sorted/{one.name}/", sorted(one.iterdir())[:COLUMNS]) for one in folders]
    whole = Image.new("RGB", (sheets[0].width, sum(one.height for one in sheets)), PAPER)
    top = 0
    for one in sheets:
        whole.paste(one, (0, top))
        top += one.height
    whole.quantize(48).save(out, optimize=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
