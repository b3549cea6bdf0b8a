"""All that is wrong with what was typed, each at its place."""

from __future__ import annotations

from connector.domain import rule_checking
from connector.settings import Settings


def test_each_problem_names_its_action_and_its_field(settings: Settings) -> None:
    found = rule_checking.problems(
        settings,
        [
            {"kind": "move", "params": {"folder": "{label}"}},
            {"kind": "move", "params": {"folder": "{colour}", "name": "a/b"}},
            {"kind": "rotate", "params": {}},
            {"kind": "explode", "params": {}},
            {"kind": "copy", "params": {"folder": "/etc"}},
        ],
    )
    places = [(one.action, one.field) for one in found]
    assert places == [(1, "folder"), (1, "name"), (2, ""), (3, ""), (4, "")]
    assert all(one.sentence.endswith(".") for one in found)
    assert found[1].sentence == "A file name must not contain /; put folders into “folder”."
    assert all("Value error" not in one.sentence for one in found)


def test_what_is_right_has_no_problem(settings: Settings) -> None:
    good = {"kind": "alert", "params": {"channel": "webhook"}}
    assert rule_checking.problems(settings, [good]) == []
    assert rule_checking.problems(settings, []) == []


def test_conditions_are_read_or_said_to_be_wrong_by_field() -> None:
    when, wrong = rule_checking.read_when({"labels": ["red"], "min_confidence": 0.5})
    assert when is not None
    assert (when.labels, wrong) == (["red"], {})
    when, wrong = rule_checking.read_when({"min_confidence": "often", "labels": [""]})
    assert (when, set(wrong)) == (None, {"min_confidence", "labels"})
    when, wrong = rule_checking.read_when({"min_confidence": 0.9, "max_confidence": 0.1})
    assert when is None
    assert wrong == {"": "Min_confidence is above max_confidence, so it would never hold."}
