"""Small charts: from numbers to places in a drawing, which templates make into SVG.

Drawings are 360 units wide, so that their letters are as large as the page's on a phone, too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil, log2
from typing import Any

from connector.domain.learned import Entry
from connector.domain.report_promises import Choice

Report = Mapping[str, Any]

WIDTH, HEIGHT = 360, 190
LEFT, RIGHT, TOP, BOTTOM = 40, 12, 10, 26
# Shares that an axis may end at.
ENDS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0)
# Below this share of mistakes the drawing of the choice never ends: all would look steep.
LEAST_END = 0.05
DOTS, A_ROW = 100, 25

Point = tuple[float, float]


@dataclass(frozen=True)
class Tick:
    """A line across the drawing with its text."""

    at: float
    text: str


@dataclass(frozen=True)
class Mark:
    """A point that stands for something: `kind` becomes its class, `text` is read out for it."""

    x: float
    y: float
    kind: str = ""
    text: str = ""
    low: float = 0.0
    high: float = 0.0


@dataclass(frozen=True)
class Chart:
    """Everything a template draws; paths are empty where there is nothing to draw."""

    across: list[Tick]
    up: list[Tick]
    line: str = ""
    band: str = ""
    marks: list[Mark] = field(default_factory=list)
    # A place of its own: now, in the learning curve.
    here: float | None = None

    width, height = WIDTH, HEIGHT
    left, right, top, bottom = LEFT, WIDTH - RIGHT, TOP, HEIGHT - BOTTOM


def _scale(low: float, high: float, start: float, end: float) -> Callable[[float], float]:
    span = high - low or 1.0

    def place(value: float) -> float:
        share = min(1.0, max(0.0, (value - low) / span))
        return round(start + share * (end - start), 1)

    return place


def _across(low: float, high: float) -> Callable[[float], float]:
    return _scale(low, high, LEFT, WIDTH - RIGHT)


def _up(low: float, high: float) -> Callable[[float], float]:
    return _scale(low, high, HEIGHT - BOTTOM, TOP)


def _path(points: Sequence[Point]) -> str:
    return "M" + "L".join(f"{x:g} {y:g}" for x, y in points) if points else ""


def _band(upper: Sequence[Point], lower: Sequence[Point]) -> str:
    return _path([*upper, *reversed(lower)]) + "Z" if upper else ""


def _end(highest: float) -> float:
    return next((end for end in ENDS if highest <= end), 1.0)


def _shares(low: float, high: float, place: Callable[[float], float], parts: int = 2) -> list[Tick]:
    step = (high - low) / parts
    values = [low + step * i for i in range(parts + 1)]
    return [Tick(place(value), f"{round(100 * value, 2):g} %") for value in values]


def careful(report: Report, choices: Sequence[Choice]) -> tuple[Chart, list[Mark]]:
    """Error against the share that is answered alone, and where each choice stands on it.

    The curve is what was measured, the band how bad it may be. `low` of a choice's mark is the
    height of the line of its promise.
    """
    points = report["risk_coverage"]["points"]
    errors = [p["error"] for p in points] + [one.error or 0.0 for one in choices]
    # The first few answers can be anything: their bounds would flatten everything else.
    bounds = [p["upper"] for p in points if p["coverage"] >= 0.5]
    end = _end(max([*errors, *bounds[:1], LEAST_END]))
    x, y = _across(0, 1), _up(0, end)
    line = [(x(p["coverage"]), y(p["error"])) for p in points]
    upper = [(x(p["coverage"]), y(p["upper"])) for p in points]
    chart = Chart(_shares(0, 1, x, 4), _shares(0, end, y), _path(line), _band(upper, line))
    marks = [
        Mark(
            x(one.automatic or 0.0),
            y(one.error or 0.0),
            low=y(one.rate) if one.rate is not None else y(0),
        )
        for one in choices
    ]
    return chart, marks


def reliability(report: Report) -> Chart:
    """How often answers were right against how sure the model was; the line is perfection."""
    bins = report["calibration"].get("bins", ())
    lows = [one["right"]["low"] for one in bins] + [one["confidence"] for one in bins]
    # Answers are seldom less sure than a half: where nothing is, nothing is drawn.
    low = 0.5 if min(lows, default=0.0) >= 0.5 else 0.0
    x, y = _across(low, 1), _up(low, 1)
    marks = [
        Mark(
            x(one["confidence"]),
            y(one["right"]["value"]),
            low=y(one["right"]["low"]),
            high=y(one["right"]["high"]),
        )
        for one in bins
    ]
    ends = [(x(low), y(low)), (x(1), y(1))]
    return Chart(_shares(low, 1, x), _shares(low, 1, y), line=_path(ends), marks=marks)


def learning(report: Report) -> Chart | None:
    """Mistakes against pictures learned from, measured so far and expected; None: not known."""
    forecast = report.get("forecast") or {}
    points = sorted(forecast.get("points", ()), key=lambda p: p["pictures"])
    if len(points) < 2:
        return None
    end = _end(max(p["error"]["high"] for p in points[1:]))
    first, last = points[0]["pictures"], points[-1]["pictures"]
    x, y = _across(log2(first), log2(last)), _up(0, end)

    def place(point: Mapping[str, Any], which: str) -> Point:
        return x(log2(point["pictures"])), y(point["error"][which])

    measured = [
        Mark(x(log2(p["pictures"])), y(p["measured"])) for p in points if p["measured"] is not None
    ]
    now = report["forecast"]["as_many_again"]["more"]
    sizes = sorted({first, now, 2 * now, last})
    return Chart(
        [Tick(x(log2(size)), f"{size:,}") for size in sizes],
        _shares(0, end, y),
        _path([place(p, "value") for p in points]),
        _band([place(p, "high") for p in points], [place(p, "low") for p in points]),
        measured,
        here=x(log2(now)),
    )


def versions(entries: Sequence[Entry]) -> Chart | None:
    """The share of right answers of each version, oldest first; None where there is none."""
    known = [one for one in reversed(entries) if one.accuracy is not None]
    if not known:
        return None
    lows = [one.interval[0] if one.interval else one.accuracy or 0.0 for one in known]
    low = next(value for value in (0.9, 0.75, 0.5, 0.0) if min(lows) >= value)
    first, last = known[0].number, known[-1].number
    x = _across(first - 0.5, last + 0.5)
    y = _up(low, 1)
    marks = [_version(one, x, y) for one in known]
    live = [(m.x, m.y) for m in marks if m.kind != "turned_down"]
    every = max(1, ceil((last - first + 1) / 8))
    across = [Tick(x(one.number), str(one.number)) for one in known[::every]]
    return Chart(across, _shares(low, 1, y), _path(live), marks=marks)


def _version(one: Entry, x: Callable[[float], float], y: Callable[[float], float]) -> Mark:
    value = one.accuracy or 0.0
    low, high = one.interval or (value, value)
    return Mark(x(one.number), y(value), one.state, str(one.number), y(low), y(high))


def dots(report: Report) -> list[Mark]:
    """A hundred answers: how many are wrong, how many more may be, how many are right.

    The numbers are those of the headline: about, and at the most.
    """
    accuracy = report["headline"]["accuracy"]
    if accuracy["value"] is None:
        return []
    wrong = round(DOTS * (1 - accuracy["value"]))
    most = max(wrong, ceil(round(DOTS * (1 - accuracy["low"]), 6)))
    kinds = ["wrong"] * wrong + ["maybe"] * (most - wrong) + ["right"] * (DOTS - most)
    return [Mark(7 + 14 * (i % A_ROW), 7 + 14 * (i // A_ROW), kind) for i, kind in enumerate(kinds)]
