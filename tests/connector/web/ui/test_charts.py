"""Drawings: every number at its place, whatever the numbers are, and shares as people say them."""

from __future__ import annotations

import re

import pytest
from flask import Flask
from judged import judged

from connector.db.tables import Classifier
from connector.domain import report_promises
from connector.web.ui import charts
from connector.web.ui.shares import between, frequency


def places(path: str) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in re.findall(r"([\d.]+) ([\d.]+)", path)]


def inside(x: float, y: float) -> bool:
    chart = charts.Chart
    return chart.left <= x <= chart.right and chart.top <= y <= chart.bottom


def test_the_choice_is_drawn_where_its_numbers_are() -> None:
    report = judged().report
    nobody = Classifier(promise={"kind": "confidence"}, operating=None)
    found = report_promises.choices(report, nobody)
    chart, marks = charts.careful(report, found)
    assert all(inside(*one) for one in places(chart.line) + places(chart.band))
    assert all(inside(mark.x, mark.y) for mark in marks)
    # Fewer questions: farther right; the line of a laxer promise is never lower.
    assert [mark.x for mark in marks] == sorted(mark.x for mark in marks)
    lines = [mark.low for mark in marks[:-1]]
    assert lines == sorted(lines, reverse=True)
    # Everything answered alone is where the curve ends.
    assert (marks[-1].x, marks[-1].y) == pytest.approx(places(chart.line)[-1], abs=0.2)


def test_the_learning_curve_falls_and_knows_where_it_stands() -> None:
    chart = charts.learning(judged().report)
    assert chart is not None
    line = places(chart.line)
    assert all(inside(*one) for one in line)
    assert line[0][1] < line[-1][1]
    assert chart.here is not None
    assert line[0][0] < chart.here < line[-1][0]
    assert len(chart.marks) == 4
    assert charts.learning({"forecast": None}) is None
    assert charts.learning({"forecast": {"points": []}}) is None


def test_reliability_has_a_point_for_each_group() -> None:
    report = judged().report
    chart = charts.reliability(report)
    assert len(chart.marks) == len(report["calibration"]["bins"])
    assert all(mark.low >= mark.y >= mark.high for mark in chart.marks)
    assert charts.reliability({"calibration": {}}).marks == []


@pytest.mark.parametrize(
    ("value", "low", "wrong", "maybe"),
    [(1.0, 0.96, 0, 4), (0.97, 0.94, 3, 3), (0.5, 0.5, 50, 0), (0.999, 0.99, 0, 1)],
)
def test_a_hundred_dots_say_what_the_headline_says(
    value: float, low: float, wrong: int, maybe: int
) -> None:
    dots = charts.dots({"headline": {"accuracy": {"value": value, "low": low}}})
    kinds = [dot.kind for dot in dots]
    assert len(dots) == 100
    assert (kinds.count("wrong"), kinds.count("maybe")) == (wrong, maybe)
    assert charts.dots({"headline": {"accuracy": {"value": None}}}) == []


@pytest.mark.parametrize(
    ("share", "said"),
    [
        (None, "not known yet"),
        (0.0, "none"),
        (1.0, "all"),
        (0.02, "2 in 100"),
        (0.005, "5 in 1,000"),
        (0.183, "18 in 100"),
        (0.0183, "18 in 1,000"),
        (0.999, "99 in 100"),
        (0.0004, "fewer than 1 in 1,000"),
    ],
)
def test_shares_are_said_as_people_say_them(app: Flask, share: float | None, said: str) -> None:
    assert frequency(share) == said


def test_ranges_are_rounded_outwards() -> None:
    assert between(0.133, 0.231) == "13 % to 24 %"
    assert between(0.0, 1.0) == "0 % to 100 %"
    assert between(0.07, 0.14) == "7 % to 14 %"
