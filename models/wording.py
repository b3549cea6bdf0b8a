"""Numbers as people say them: natural frequencies, plurals, lists of labels."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, floor, log10

from models.intervals import exact

_SHOWN = 4


def counted(count: int, singular: str, plural: str | None = None) -> str:
    """`1 picture`, `2,000 pictures`."""
    return f"{count:,} {singular if count == 1 else plural or singular + 's'}"


def listed(names: Sequence[str], shown: int = _SHOWN) -> str:
    """`'a', 'b' and 'c'`; long lists end in `and 12 more`."""
    quoted = [f"'{name}'" for name in names[:shown]]
    if len(names) > shown:
        quoted.append(f"{len(names) - shown:,} more")
    return " and ".join([", ".join(quoted[:-1]), quoted[-1]] if len(quoted) > 1 else quoted)


def scale_for(share: float, low: float, high: float) -> int:
    """Of how many to speak: 100, or more when a hundredth is too coarse for what is known."""
    for scale in (100, 1_000):
        if share * scale >= 1 and (high - low) * scale >= 2:
            return scale
    return 1_000 if share * 1_000 >= 1 else 10_000


def times_wrong(wrong: int, total: int) -> str:
    """How often answers are wrong, with the exact 95 % interval, as a sentence.

    "Wrong about 3 times in 100; between 1 and 7 with 95 % confidence, judged on 240 pictures."
    """
    if not total:
        return "There is no picture to judge by yet."
    low, high = exact(wrong, total)
    judged = counted(total, "picture")
    if not wrong:
        scale = 100 if high >= 0.01 else 1_000
        most = ceil(high * scale)
        return (
            f"No mistake in {judged}; up to {counted(most, 'time')} in {scale:,} remains possible "
            "with 95 % confidence."
        )
    share = wrong / total
    scale = scale_for(share, low, high)
    about = counted(round(share * scale), "time")
    return (
        f"Wrong about {about} in {scale:,}; between {floor(low * scale):,} and "
        f"{ceil(high * scale):,} with 95 % confidence, judged on {judged}."
    )


def tenths(share: float) -> str:
    """A difference of shares in percentage points, to a tenth below ten: `1`, `0.4`, `12`."""
    value = abs(share) * 100
    return f"{value:.0f}" if value >= 9.95 else f"{value:.1f}".removesuffix(".0")


def points(share: float) -> str:
    """`tenths` with the word: `1 point`, `0.4 points`, `12 points`."""
    text = tenths(share)
    return f"{text} {'point' if text == '1' else 'points'}"


def percent(share: float) -> str:
    """0.0213 -> "2.1 %", 0.02 -> "2 %", 0.97 -> "97 %"; more digits only where they are needed."""
    value = 100 * share
    if 0 < value < 0.01:
        return "under 0.01 %"
    digits = 0 if value >= 10 or value == 0 else 1 if value >= 0.1 else 2
    text = f"{value:.{digits}f}"
    return f"{text.rstrip('0').rstrip('.') if '.' in text else text} %"


def about(count: int) -> int:
    """Rounded up to what can honestly be said of a forecast: steps of 5, or two digits."""
    if count <= 100:
        return ceil(count / 5) * 5
    step = int(10 ** (floor(log10(count)) - 1))
    return ceil(count / step) * step
