"""A sheet of paper to write and draw on, and the scanner that it goes through."""

from __future__ import annotations

import io
from functools import cache
from random import Random

from PIL import Image, ImageChops, ImageDraw, ImageFont

# A4 at 75 dpi, in whole JPEG blocks (which can be turned without loss) and not.
SIZES = ((624, 880), (620, 877))
_NOISE_TILE = 1024
_DATE_TIME, _MAKE, _SOFTWARE, _ORIENTATION = 0x0132, 0x010F, 0x0131, 0x0112


@cache
def font(size: int) -> ImageFont.FreeTypeFont:
    """Return Pillow's own font, so that pages look the same on every machine."""
    found = ImageFont.load_default(size)
    if not isinstance(found, ImageFont.FreeTypeFont):
        raise RuntimeError("This Pillow was built without FreeType; install it from its wheel.")
    return found


@cache
def _width(word: str, size: int) -> float:
    return font(size).getlength(word)


class Sheet:
    """An empty page in grey, with pens. Places are pixels from the upper left corner."""

    def __init__(self, rng: Random) -> None:
        self.rng = rng
        self.width, self.height = SIZES[0] if rng.random() < 0.8 else SIZES[1]
        self.image = Image.new("L", (self.width, self.height), 255)
        self.pen = ImageDraw.Draw(self.image)
        self.ink = rng.randint(10, 70)
        self.margin = rng.randint(45, 72)

    @property
    def right(self) -> int:
        """The right edge of what is written on."""
        return self.width - self.margin

    def text(self, x: float, y: float, text: str, size: int = 12, anchor: str = "la") -> None:
        """Write one line; `anchor` is Pillow's (la: x is its left edge, ra: its right)."""
        self.pen.text((x, y), text, fill=self.ink, font=font(size), anchor=anchor)

    def lines(self, x: float, y: float, lines: list[str], size: int = 12) -> float:
        """Write lines below each other; return where the next one would begin."""
        for line in lines:
            self.text(x, y, line, size)
            y += size * 1.35
        return y

    def paragraph(self, y: float, words: str, size: int = 12) -> float:
        """Write text over the whole width, ragged at the right; return where it ends."""
        line, used = "", 0.0
        for word in words.split():
            width = _width(f"{word} ", size)
            if used + width > self.right - self.margin:
                self.text(self.margin, y, line, size)
                line, used, y = "", 0.0, y + size * 1.4
            line, used = f"{line}{word} ", used + width
        self.text(self.margin, y, line, size)
        return y + size * 1.4

    def rule(self, y: float, x0: float, x1: float, width: int = 1) -> None:
        """Draw a level line."""
        self.pen.line((x0, y, x1, y), fill=self.ink, width=width)

    def box(self, x: float, y: float, w: float, h: float, fill: int | None = None) -> None:
        """Draw a rectangle."""
        self.pen.rectangle((x, y, x + w, y + h), outline=self.ink, fill=fill)

    def scribble(self, x: float, y: float, width: float, height: float = 16) -> None:
        """Write something by hand that nobody can read."""
        points, steps = [], max(6, int(width / 7))
        for i in range(steps):
            points.append((x + width * i / steps, y + self.rng.uniform(-height / 2, height / 2)))
        self.pen.line(points, fill=self.ink, width=2, joint="curve")

    def logo(self, x: float, y: float, size: float) -> None:
        """Draw a mark such as companies have."""
        shape = self.rng.choice((self.pen.ellipse, self.pen.rectangle))
        shape((x, y, x + size, y + size), fill=self.rng.randint(60, 150))
        inner = size * self.rng.uniform(0.2, 0.35)
        shape((x + inner, y + inner, x + size - inner, y + size - inner), fill=255)


@cache
def _noise_tile() -> Image.Image:
    raw = Random(0).randbytes(_NOISE_TILE * _NOISE_TILE)  # noqa: S311 - no secret
    return Image.frombytes("L", (_NOISE_TILE, _NOISE_TILE), raw).point(lambda v: v // 18)


def scanned(sheet: Sheet, *, few_greys: bool = False) -> Image.Image:
    """Return the sheet as it comes out of a scanner: a little skewed, greyish, noisy; RGB or L.

    Some scanners write `few_greys`, to save room.
    """
    rng, size = sheet.rng, sheet.image.size
    skewed = sheet.image.rotate(
        rng.uniform(-2, 2),
        Image.Resampling.BILINEAR,
        translate=(rng.randint(-8, 8), rng.randint(-8, 8)),
        fillcolor=255,
    )
    corner = rng.randint(0, _NOISE_TILE - size[0]), rng.randint(0, _NOISE_TILE - size[1])
    noise = _noise_tile().crop((*corner, corner[0] + size[0], corner[1] + size[1]))
    grainy = ImageChops.subtract(skewed, noise)
    paper = rng.randint(222, 250)
    if few_greys:
        return grainy.point([value * paper // 255 & 0xF0 for value in range(256)])
    if rng.random() < 0.5:
        return grainy.point([value * paper // 255 for value in range(256)])
    tint = (paper, paper - rng.randint(0, 8), paper - rng.randint(4, 24))
    return Image.merge(
        "RGB", [grainy.point([value * top // 255 for value in range(256)]) for top in tint]
    )


def png(image: Image.Image) -> bytes:
    """Return the file, packed quickly rather than well."""
    out = io.BytesIO()
    image.save(out, "PNG", compress_level=3)
    return out.getvalue()


def jpeg(image: Image.Image, rng: Random) -> bytes:
    """Return the file, with EXIF or without.

    A few carry an orientation tag, with pixels that lie the other way: what is seen is `image`.
    """
    out, tags, kind = io.BytesIO(), Image.Exif(), rng.random()
    if kind < 0.35:
        tags[_MAKE], tags[_SOFTWARE] = "Example Scanners", "Flatbed 2"
        tags[_DATE_TIME] = f"2026:0{rng.randint(1, 9)}:{rng.randint(10, 28)} 09:30:00"
        tags[_ORIENTATION] = 1
    if kind < 0.07:
        tags[_ORIENTATION], image = 3, image.transpose(Image.Transpose.ROTATE_180)
    image.save(out, "JPEG", quality=rng.randint(70, 88), exif=tags, dpi=(75, 75))
    return out.getvalue()
