"""What may be chosen between fewer mistakes and fewer questions, from a report."""

from __future__ import annotations

from typing import Any

import pytest

from connector.db.tables import Classifier
from connector.domain import promises, report_promises
from connector.errors import Unprocessable

CURVE = [
    {"threshold": 0.99, "coverage": 0.5, "error": 0.0, "upper": 0.06},
    {"threshold": 0.8, "coverage": 0.9, "error": 0.02, "upper": 0.05},
    {"threshold": 0.3, "coverage": 1.0, "error": 0.06, "upper": 0.1},
]


def told(rate: float, kept: bool, more: int | None = 0) -> dict[str, Any]:
    return {
        "rate": rate,
        "kept": kept,
        "review_share": 0.2 if kept else 1.0,
        "review_interval": [0.1, 0.3] if kept else [1.0, 1.0],
        "more_labelled": more,
        "pictures": 100,
        "answered": 80 if kept else 0,
        "wrong": 2 if kept else 0,
        "sentence": "",
    }


def report(*promised: dict[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {
        "headline": {"accuracy": {"value": 0.94, "low": 0.9, "high": 0.97}},
        "risk_coverage": {"points": CURVE, "aurc": 0.01},
    }
    return made | ({"promises": list(promised)} if promised else {})


def classifier(**promise: Any) -> Classifier:
    return Classifier(promise=promise or {"kind": "confidence"}, operating=None, field=None)


def test_choices_go_from_fewest_mistakes_to_fewest_questions() -> None:
    found = report_promises.choices(report(told(0.01, False, 300), told(0.05, True)), classifier())
    assert [one.code for one in found] == ["0.01", "0.05", "none"]
    assert (found[0].kept, found[0].more, found[0].asked, found[0].error) == (False, 300, 1.0, None)
    assert (found[1].kept, found[1].asked, found[1].error) == (True, 0.2, 0.025)
    assert found[1].automatic == pytest.approx(0.8)
    assert (found[2].asked, found[2].error) == (0.0, pytest.approx(0.06))


def test_where_nothing_is_promised_the_most_careful_possible_is_suggested() -> None:
    found = report_promises.choices(
        report(told(0.01, False), told(0.05, True), told(0.1, True)), classifier()
    )
    assert report_promises.position(classifier(), found) == 1
    none = report_promises.choices(report(told(0.01, False), told(0.05, False)), classifier())
    assert none[report_promises.position(classifier(), none)].rate == report_promises.USUAL


@pytest.mark.parametrize("kind", promises.GUARANTEED)
def test_what_is_promised_is_where_one_stands(kind: str) -> None:
    mine = classifier(kind=kind, rate=0.01)
    found = report_promises.choices(report(told(0.01, False), told(0.05, True)), mine)
    assert report_promises.position(mine, found) == 0
    nobody = classifier(kind="none")
    assert report_promises.position(nobody, found) == len(found) - 1


def test_a_rate_from_elsewhere_gets_a_place_of_its_own() -> None:
    mine = classifier(kind="error_rate", rate=0.03)
    mine.operating = {
        "version": 1,
        "kept": True,
        "review_share": 0.4,
        "review_interval": [0.3, 0.5],
        "evidence": {"answered": 60, "wrong": 3, "more_labelled": 0},
    }
    found = report_promises.choices(report(told(0.01, False), told(0.05, True)), mine)
    assert [one.code for one in found] == ["0.01", "0.03", "0.05", "none"]
    assert (found[1].asked, found[1].error) == (0.4, 0.05)


def test_an_older_report_says_about_how_it_would_be() -> None:
    found = report_promises.choices(report(), classifier())
    by_rate = {one.rate: one for one in found}
    assert by_rate[0.005].asked == pytest.approx(0.5)
    assert by_rate[0.05].asked == pytest.approx(0.1)
    assert by_rate[0.1].asked == pytest.approx(0.0)
    assert {one.kept for one in found} == {None}


@pytest.mark.parametrize(
    ("code", "more", "promise"),
    [
        ("none", {}, {"kind": "none"}),
        ("confidence", {}, {"kind": "confidence"}),
        ("0.05", {}, {"kind": "error_rate", "rate": 0.05}),
        ("0,05", {"per_label": True}, {"kind": "error_rate_per_label", "rate": 0.05}),
        ("capacity", {"questions": " 20 "}, {"kind": "capacity", "questions_per_day": 20.0}),
    ],
)
def test_a_form_asks_for_a_promise(
    code: str, more: dict[str, Any], promise: dict[str, Any]
) -> None:
    assert promises.check(report_promises.wanted(code, **more)) == promise


@pytest.mark.parametrize("code", ["", "much", "capacity"])
def test_what_is_no_number_is_refused(code: str) -> None:
    with pytest.raises(Unprocessable, match="is no number"):
        report_promises.wanted(code)
