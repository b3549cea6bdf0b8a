"""Actions listed over HTTP: in pages, by what did them and when, and only one's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from caller import Caller
from colours import picture

COPY = {"kind": "copy", "params": {"folder": "kept"}}
TURN = {"kind": "rotate", "params": {"degrees": 90}}
ROOT = "/api/v1/actions"


@pytest.fixture
def rules(as_alice: Caller, job: Any, drain: Callable[[], None]) -> list[str]:
    """The ids of two rules, a copy and a turn, that two pictures have gone through."""
    made = []
    for action in (COPY, TURN):
        wanted = {"label": None, "actions": [action]}
        made.append((as_alice.post(f"{job.path}/rules", json=wanted).json or {})["id"])
    for seed in range(2):
        as_alice.post(f"{job.path}/predictions", data=picture("red", seed=seed))
    drain()
    return made


def items(caller: Caller, query: str = "") -> list[Any]:
    response = caller.get(f"{ROOT}{query}")
    assert response.status_code == 200, response.text
    found: list[Any] = (response.json or {})["items"]
    return found


def test_actions_are_listed_newest_first_in_pages(as_alice: Caller, rules: list[str]) -> None:
    whole = items(as_alice)
    assert [one["id"] for one in whole] == sorted((one["id"] for one in whole), reverse=True)
    assert len(whole) == 4
    assert whole[0] == as_alice.get(f"{ROOT}/{whole[0]['id']}").json
    seen, cursor = [], ""
    while True:
        page = as_alice.get(f"{ROOT}?limit=3{cursor}").json or {}
        seen += page["items"]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert seen == whole


def test_actions_are_listed_by_what_is_asked_for(
    as_alice: Caller, job: Any, rules: list[str]
) -> None:
    copy, _ = rules
    whole = items(as_alice)
    one = whole[0]
    moment = quote(one["finished_at"])
    for query, expected in (
        (f"?rule_id={copy}", [a for a in whole if a["rule_id"] == copy]),
        ("?kind=rotate", [a for a in whole if a["kind"] == "rotate"]),
        (f"?classifier_id={job.id}", whole),
        ("?classifier_id=clf_none", []),
        (f"?prediction_id={one['prediction_id']}&kind={one['kind']}", [one]),
        ("?status=done", whole),
        ("?status=planned", []),
        ("?until=2020-01-01T00:00:00Z", []),
        ("?since=2020-01-01T00:00:00Z", whole),
    ):
        assert items(as_alice, query) == expected, query
    # Times are shown in milliseconds and kept in microseconds.
    assert one in items(as_alice, f"?since={moment}&status=done")


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("kind=fly", "unknown_action"),
        ("status=lost", "invalid_values"),
        ("since=yesterday", "invalid_values"),
        ("since=2026-11-25T09:00:00", "invalid_values"),
        ("until=0001-01-01T00:00:00%2B14:00", "invalid_values"),
        ("cursor=%27", "bad_cursor"),
        ("colour=red", "invalid_values"),
    ],
)
def test_what_cannot_be_asked_is_told(as_alice: Caller, query: str, code: str) -> None:
    response = as_alice.get(f"{ROOT}?{query}")
    assert response.status_code in (400, 422)
    assert (response.json or {})["code"] == code


def test_charlie_sees_none_of_alices(as_charlie: Caller, job: Any, rules: list[str]) -> None:
    assert items(as_charlie) == []
    assert items(as_charlie, f"?rule_id={rules[0]}") == []
    assert items(as_charlie, f"?classifier_id={job.id}") == []
