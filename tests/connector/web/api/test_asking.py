"""How people are asked, by the API: a classifier's own way, the default, what cannot be."""

from __future__ import annotations

from typing import Any

import pytest
from caller import Caller

from connector.db import Database
from connector.db.tables import Classifier
from connector.domain import asking
from connector.domain.asking import Wanted

SETTLE = {"do": "settle", "min_confidence": 0.7, "otherwise": "blue"}


def test_it_is_set_shown_and_taken_back(
    as_alice: Caller, as_charlie: Caller, job: Any, database: Database
) -> None:
    assert (as_alice.get(job.path).json or {})["asking"] is None
    wanted = {"slack_channel": "#sorting", "overdue_hours": 4, "overdue": SETTLE}
    response = as_alice("PATCH", job.path, json={"asking": wanted})
    shown = (response.json or {})["asking"]
    assert shown["overdue"] == {**SETTLE, "again_hours": None, "email": False, "channel": None}
    assert (shown["own"], shown["slack_channel"], shown["most_open"]) == (True, "#sorting", 5)
    assert shown["error"] is None
    assert (as_alice("PATCH", job.path, json={"name": "other"}).json or {})["asking"] == shown
    with database.write() as session:
        row = session.get_one(Classifier, job.id)
        asking.save_default(session, row.workspace_id, Wanted(channel="#all"))
    taken = (as_alice("PATCH", job.path, json={"asking": None}).json or {})["asking"]
    assert (taken["own"], taken["slack_channel"]) == (False, "#all")
    assert as_charlie("PATCH", job.path, json={"asking": None}).status_code == 404


@pytest.mark.parametrize(
    ("wanted", "code"),
    [
        ({"overdue_hours": 4, "overdue": {"do": "settle"}}, "bad_asking"),
        ({"slack_channel": "a b"}, "bad_asking"),
        ({"overdue_hours": 4, "overdue": {**SETTLE, "otherwise": "purple"}}, "unknown_label"),
        ({"most_open": 51}, "invalid_values"),
        ({"overdue": {"do": "shout"}}, "invalid_values"),
    ],
)
def test_what_cannot_be_is_refused(
    as_alice: Caller, job: Any, wanted: dict[str, Any], code: str
) -> None:
    response = as_alice("PATCH", job.path, json={"asking": wanted})
    assert (response.status_code, (response.json or {})["code"]) == (422, code)


def test_a_promise_and_settling_do_not_go_together(as_alice: Caller, job: Any) -> None:
    promise = {"kind": "error_rate", "rate": 0.02}
    wanted = {"overdue_hours": 4, "overdue": SETTLE}
    response = as_alice("PATCH", job.path, json={"promise": promise, "asking": wanted})
    assert (response.json or {})["code"] == "settle_breaks_promise"
