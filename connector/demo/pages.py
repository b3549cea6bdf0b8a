"""Office pages to sort: letters, invoices and forms, each one different, the same for a seed."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from PIL import Image

from connector.demo import words
from connector.demo.sheet import Sheet, jpeg, png, scanned

# How a page that stands upright is turned so that its top points there.
TURNS: dict[str, Image.Transpose | None] = {
    "upright": None,
    "left": Image.Transpose.ROTATE_90,
    "right": Image.Transpose.ROTATE_270,
    "upside_down": Image.Transpose.ROTATE_180,
}
ORIENTATIONS = tuple(TURNS)


@dataclass(frozen=True)
class Page:
    """A page as a file: `data` shows `upright` turned so that its top points to `orientation`."""

    name: str
    kind: str
    orientation: str
    data: bytes
    upright: Image.Image


def make_page(stem: str, kind: str, orientation: str, seed: str) -> Page:
    """Draw a page of KINDS, lying in one of ORIENTATIONS; `name` is the stem and a suffix.

    The same arguments give the same bytes.
    """
    rng = Random(f"{kind} {seed}")  # noqa: S311 - chance for variety, not for secrets
    sheet = Sheet(rng)
    KINDS_DRAWN[kind](sheet)
    few_greys = rng.random() < 0.1
    upright = scanned(sheet, few_greys=few_greys)
    turn = TURNS[orientation]
    seen = upright if turn is None else upright.transpose(turn)
    suffix, data = ("png", png(seen)) if few_greys else ("jpg", jpeg(seen, rng))
    return Page(f"{stem}.{suffix}", kind, orientation, data, upright)


def _letterhead(sheet: Sheet) -> float:
    """Draw who writes, at the top; return where it ends."""
    rng, name, size = sheet.rng, words.company(sheet.rng), sheet.rng.randint(18, 28)
    y, place = rng.uniform(30, 46), rng.choice(("left", "middle", "right"))
    mark = rng.randint(30, 50) if rng.random() < 0.7 else 0
    if mark:
        middle = sheet.width / 2 - mark / 2
        edges = {"left": sheet.margin, "middle": middle, "right": sheet.right - mark}
        sheet.logo(edges[place], y, mark)
    gap = mark + 10 if mark and place != "middle" else 0
    y_text = y + (mark + 4 if place == "middle" else 0)
    x, anchor = {
        "left": (sheet.margin + gap, "la"),
        "middle": (sheet.width / 2, "ma"),
        "right": (sheet.right - gap, "ra"),
    }[place]
    sheet.text(x, y_text, name, size, anchor)
    sheet.text(x, y_text + size * 1.2, ", ".join(words.address(rng)), 10, anchor)
    bottom = max(y + mark, y_text + size * 1.2 + 14) + 6
    if rng.random() < 0.6:
        sheet.rule(bottom, sheet.margin, sheet.right, rng.randint(1, 3))
    return bottom + rng.uniform(14, 34)


def _recipient(sheet: Sheet, y: float) -> float:
    block = [words.company(sheet.rng), words.person(sheet.rng), *words.address(sheet.rng)]
    return sheet.lines(sheet.margin, y, block[sheet.rng.randint(0, 1) :])


def _footer(sheet: Sheet) -> None:
    """Draw bank and register at the bottom, as some companies do."""
    if sheet.rng.random() < 0.5:
        return
    y = sheet.height - sheet.rng.uniform(34, 44)
    sheet.rule(y - 6, sheet.margin, sheet.right)
    for i in range(3):
        x = sheet.margin + i * (sheet.right - sheet.margin) / 3
        sheet.text(x, y, words.sentence(sheet.rng, 3), 8)


def _letter(sheet: Sheet) -> None:
    rng = sheet.rng
    y = _recipient(sheet, _letterhead(sheet)) + rng.uniform(10, 30)
    sheet.text(sheet.right, y, words.date(rng), 12, "ra")
    y += rng.uniform(24, 40)
    sheet.text(sheet.margin, y, words.sentence(rng, rng.randint(3, 6)), 15)
    y = sheet.lines(sheet.margin, y + 34, [f"Dear {words.person(rng)},"]) + 6
    size = rng.randint(11, 13)
    for _ in range(rng.randint(2, 5)):
        y = sheet.paragraph(y, words.sentence(rng, rng.randint(25, 60)), size) + 8
    y = sheet.lines(sheet.margin, y + 8, [rng.choice(("Kind regards,", "Yours sincerely,"))])
    sheet.scribble(sheet.margin + 4, y + 20, rng.uniform(70, 150), rng.uniform(16, 30))
    sheet.text(sheet.margin, y + 44, words.person(rng))
    _footer(sheet)


def _invoice(sheet: Sheet) -> None:
    rng = sheet.rng
    top = _letterhead(sheet)
    y = _recipient(sheet, top + 8)
    numbers = [f"No. {rng.randint(1000, 99999)}", words.date(rng), f"Client {rng.randint(10, 999)}"]
    for i, line in enumerate(numbers):
        sheet.text(sheet.right, top + 8 + i * 17, line, 12, "ra")
    y += rng.uniform(16, 34)
    sheet.text(sheet.margin, y, rng.choice(("INVOICE", "Invoice", "BILL")), rng.randint(20, 30))
    y = _table(sheet, y + rng.uniform(44, 58))
    y = _totals(sheet, y + 8)
    sheet.paragraph(y + rng.uniform(16, 30), words.sentence(rng, rng.randint(10, 24)), 11)
    _footer(sheet)


def _columns(sheet: Sheet) -> list[float]:
    """Return the right edges of quantity, price and amount."""
    return [sheet.right - offset for offset in (sheet.rng.uniform(150, 180), 80, 6)]


def _table(sheet: Sheet, y: float) -> float:
    rng, columns, row = sheet.rng, _columns(sheet), sheet.rng.uniform(20, 26)
    sheet.box(sheet.margin, y, sheet.right - sheet.margin, row, rng.randint(140, 210))
    for x, title in zip(columns, ("Qty", "Price", "Amount"), strict=True):
        sheet.text(x, y + 5, title, 12, "ra")
    sheet.text(sheet.margin + 6, y + 5, "Description")
    ruled, boxed, start = rng.random() < 0.6, rng.random() < 0.5, y
    for _ in range(rng.randint(5, 14)):
        y += row
        sheet.text(sheet.margin + 6, y + 5, words.item(rng))
        numbers = (str(rng.randint(1, 20)), _money(rng, 90), _money(rng, 900))
        for x, number in zip(columns, numbers, strict=True):
            sheet.text(x, y + 5, number, 12, "ra")
        if ruled:
            sheet.rule(y + row, sheet.margin, sheet.right)
    y += row
    if boxed:
        sheet.box(sheet.margin, start, sheet.right - sheet.margin, y - start)
        for x in columns[:2]:
            sheet.pen.line((x + 8, start, x + 8, y), fill=sheet.ink)
    return y


def _totals(sheet: Sheet, y: float) -> float:
    for name in ("Subtotal", "Tax 19 %", "Shipping")[: sheet.rng.randint(1, 3)]:
        sheet.text(sheet.right - 110, y, name, 12, "ra")
        sheet.text(sheet.right - 6, y, _money(sheet.rng, 900), 12, "ra")
        y += 19
    sheet.rule(y, sheet.right - 190, sheet.right, 2)
    sheet.text(sheet.right - 110, y + 6, "TOTAL", 15, "ra")
    sheet.text(sheet.right - 6, y + 6, _money(sheet.rng, 3000), 15, "ra")
    return y + 28


def _money(rng: Random, most: int) -> str:
    return f"{rng.uniform(2, most):.2f}"


def _form(sheet: Sheet) -> None:
    rng, width = sheet.rng, sheet.right - sheet.margin
    y, size = rng.uniform(34, 52), rng.randint(20, 27)
    band = rng.choice((None, rng.randint(150, 215)))
    sheet.box(sheet.margin, y, width, size * 1.9, band)
    sheet.text(sheet.margin + 10, y + size * 0.4, rng.choice(words.TITLES), size)
    sheet.text(sheet.right - 8, y + size * 0.6, f"Form {rng.randint(1, 99)}", 12, "ra")
    y = sheet.paragraph(y + size * 1.9 + 12, words.sentence(rng, rng.randint(12, 30)), 10) + 8
    for number in range(1, rng.randint(3, 4)):
        sheet.box(sheet.margin, y, width, 20, rng.randint(170, 225))
        sheet.text(sheet.margin + 6, y + 4, f"{number}. {words.sentence(rng, 2)}")
        y = _fields(sheet, y + 20) + rng.uniform(12, 22)
    y = _choices(sheet, y) + rng.uniform(12, 26)
    y = min(y + rng.uniform(20, 60), sheet.height - 70)
    for x, name in ((sheet.margin, "Place, date"), (sheet.margin + width * 0.55, "Signature")):
        sheet.rule(y, x, x + width * 0.42)
        sheet.text(x, y + 4, name, 9)
        sheet.scribble(x + 12, y - 10, rng.uniform(50, 120))


def _fields(sheet: Sheet, y: float) -> float:
    """Draw rows of boxes with the name of each in its upper corner; most are filled in."""
    rng, width = sheet.rng, sheet.right - sheet.margin
    height = rng.uniform(30, 38)
    for _ in range(rng.randint(3, 5)):
        x = float(sheet.margin)
        for share in rng.choice(((1.0,), (0.5, 0.5), (0.65, 0.35), (0.33, 0.33, 0.34))):
            sheet.box(x, y, width * share, height)
            sheet.text(x + 4, y + 2, rng.choice(words.FIELDS), 9)
            if rng.random() < 0.65:
                sheet.scribble(x + 10, y + height * 0.65, width * share * rng.uniform(0.3, 0.7), 9)
            x += width * share
        y += height
    return y


def _choices(sheet: Sheet, y: float) -> float:
    """Draw boxes to tick."""
    for _ in range(sheet.rng.randint(2, 4)):
        for x in (sheet.margin, sheet.margin + (sheet.right - sheet.margin) / 2):
            sheet.box(x, y, 11, 11)
            if sheet.rng.random() < 0.4:
                sheet.pen.line(
                    (x + 2, y + 5, x + 5, y + 10, x + 12, y - 2), fill=sheet.ink, width=2
                )
            sheet.text(x + 20, y - 1, words.sentence(sheet.rng, 4), 11)
        y += 22
    return y


KINDS_DRAWN = {"letter": _letter, "invoice": _invoice, "form": _form}
KINDS = tuple(KINDS_DRAWN)
