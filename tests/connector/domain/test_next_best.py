"""What would make a classifier better, the most worthwhile first."""

from __future__ import annotations

from typing import Any

from connector.domain import next_best


def told(code: str, *labels: str) -> dict[str, Any]:
    return {"code": code, "labels": list(labels), "sentence": f"{code}."}


def label(name: str, gain: float, more: int, verdict: str = "worth") -> dict[str, Any]:
    return {
        "label": name,
        "verdict": verdict,
        "more": more,
        "gain": {"value": gain},
        "sentence": f"{more} more of '{name}' would help.",
    }


def test_what_costs_least_comes_first_and_labels_by_what_a_picture_is_worth() -> None:
    report = {
        "advice": [told("likely_wrong_labels"), told("few_pictures", "dent"), told("confused")],
        "forecast": {
            "labels": [label("scratched", 0.02, 40), label("dent", 0.02, 20)],
            "next": "more",
        },
    }
    found = next_best.advice(report)
    assert [(one.code, one.labels) for one in found] == [
        ("likely_wrong_labels", ()),
        ("more_pictures", ("dent",)),
        ("more_pictures", ("scratched",)),
        ("confused", ()),
    ]
    assert found[2].more == 40


def test_where_no_label_stands_out_the_forecast_is_told() -> None:
    report = {
        "advice": [told("not_judged", "dent")],
        "forecast": {"labels": [label("dent", 0.0, 40, "enough")], "next": "Hardly helps."},
    }
    found = next_best.advice(report)
    assert [one.code for one in found] == ["not_judged", "forecast"]
    assert found[1].sentence == "Hardly helps."


def test_a_report_without_a_forecast_has_advice_alone() -> None:
    assert next_best.advice({"advice": [], "forecast": None}) == []
    many = {"advice": [told(f"code_{n}") for n in range(9)], "forecast": None}
    assert len(next_best.advice(many)) == next_best.MOST
