"""Taking back much at once: looked at first, then done, followed, and what stayed said."""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import timedelta
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from acting import run
from pagereading import Reader
from stage import ACTED, Stage

from connector.db import Database
from connector.db.tables import Action, Prediction, Rule, Undo
from connector.db.types import utcnow
from workers.runtime import Runtime

Readers = dict[str, Reader]


@pytest.fixture
def parts() -> Collection[str]:
    return {ACTED}


@pytest.fixture
def rule(database: Database) -> str:
    """The rule that moved two pictures, one of which was moved back."""
    with database.read() as session:
        return session.query(Rule).filter_by(current=True).one().rule_id


def following(text: str) -> str:
    """Return where the page asks for itself again."""
    found = re.search(r'hx-get="([^"]+/state[^"]*)"', text)
    assert found is not None
    return unescape(found[1])


def hidden(text: str) -> dict[str, str]:
    """Return what the form that does it holds, but for its token."""
    form = re.search(r'<form method="post" action="/activity/undo">.*?</form>', text, re.DOTALL)
    assert form is not None, text
    found = re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form[0])
    return {name: unescape(value) for name, value in found if name != "csrf"}


def statuses(database: Database) -> dict[str, str]:
    """Return how it stands with what was done with each picture, by its name."""
    with database.read() as session:
        rows = session.query(Prediction.name, Action.status).join(
            Action, Action.prediction_id == Prediction.id
        )
        return dict(rows.all())


def moved_to(database: Database, stage: Stage) -> Path:
    with database.read() as session:
        action = session.get_one(Action, stage.ids["action_id"])
        return Path(action.detail["to"])


def begin(reader: Reader, data: dict[str, Any]) -> str:
    """Have it done; return the address that follows it."""
    answer = reader.post("/activity/undo", data)
    assert answer.status_code == 303, answer.text
    return answer.headers["Location"]


def test_all_that_a_rule_did_since_is_looked_at_and_then_taken_back(
    readers: Readers, stage: Stage, rt: Runtime, database: Database, rule: str
) -> None:
    file = moved_to(database, stage)
    assert file.exists()
    since = f"{utcnow() - timedelta(hours=1):%Y-%m-%dT%H:%M}"
    text = readers["Bob"].get(f"/activity/undo?rule={rule}&since={since}").text
    assert '<strong class="sum-number">1</strong> action can be taken back.' in text
    assert "shelf-71.png" in text
    assert f"Moved to {file}" in unescape(text)
    # The one that was moved back before is not meant.
    assert "shelf-70.png" not in text
    assert (file.exists(), statuses(database)["shelf-71.png"]) == (True, "done"), "a look only"
    data = hidden(text)
    assert (data["rule"], data["since"]) == (rule, since)
    assert data["until"], "what is done from now on is not meant"
    path = begin(readers["Bob"], data)
    page = readers["Rosa"].get(path).text
    assert "Being taken back" in page
    assert "asked for by Bob" in page
    assert "what the rule “any answer: Move” did" in page
    part = following(readers["Rosa"].get(following(page)).text)
    assert readers["Rosa"].get(part).status_code == 204
    run(rt)
    assert not file.exists()
    assert statuses(database) == {"shelf-70.png": "undone", "shelf-71.png": "undone"}
    done = readers["Rosa"].get(part)
    assert done.status_code == 200
    assert '<strong class="sum-number">1</strong> taken back' in done.text
    listed = readers["Rosa"].get("/activity/undos").text
    assert f'href="{path}"' in listed
    assert "1 of 1 taken back" in listed


def test_chosen_pictures_are_looked_at_and_then_taken_back(
    readers: Readers, stage: Stage, rt: Runtime, database: Database
) -> None:
    picture = stage.ids["prediction_id"]
    listed = readers["Alice"].get("/activity").text
    assert f'type="checkbox" name="picture" value="{picture}"' in listed
    text = readers["Alice"].get(f"/activity/undo?picture={picture}").text
    data = hidden(text)
    assert data == {"picture": picture}
    path = begin(readers["Alice"], data)
    run(rt)
    assert statuses(database)["shelf-71.png"] == "undone"
    assert "Chosen pictures" in readers["Alice"].get(path).text


def test_a_file_that_was_changed_stays_and_is_said(
    readers: Readers, stage: Stage, rt: Runtime, database: Database, rule: str
) -> None:
    file = moved_to(database, stage)
    file.write_bytes(b"somebody's work")
    path = begin(readers["Alice"], hidden(readers["Alice"].get(f"/activity/undo?rule={rule}").text))
    run(rt)
    text = readers["Alice"].get(path).text
    assert "What stays as it is, and why" in text
    assert re.search(r'class="sum-number">1</strong> stays as it is', text)
    refusals = text[text.index("What stays") :]
    assert "shelf-71.png" in refusals
    assert "changed" in refusals
    assert file.read_bytes() == b"somebody's work"
    assert "1 stayed" in readers["Alice"].get("/activity/undos").text


def test_what_cannot_be_taken_back_is_said_before(
    readers: Readers, stage: Stage, database: Database, rule: str
) -> None:
    with database.write() as session:
        action = session.get_one(Action, stage.ids["action_id"])
        session.add(
            Action(
                workspace_id=action.workspace_id,
                prediction_id=action.prediction_id,
                rule_id=rule,
                rule_version=1,
                sequence=9,
                position=9,
                kind="alert",
                params={},
                status="done",
                pending=False,
                finished_at=utcnow(),
            )
        )
    text = readers["Alice"].get(f"/activity/undo?rule={rule}").text
    assert '<strong class="sum-number">1</strong> action can be taken back.' in text
    assert '<strong class="sum-number">1</strong> cannot.' in text
    assert "1 × Alert:" in text
    only = readers["Alice"].get("/activity/undo?kind=alert").text
    assert '<strong class="sum-number">0</strong>' in only
    assert '<form method="post" action="/activity/undo">' not in only, "there is nothing to do"


@pytest.mark.parametrize(
    ("query", "status", "sentence"),
    [
        ("rule=rule_nothing", 200, "Nothing to take back"),
        ("kind=tag", 200, "or all of it was taken back already"),
        ("picture=pred_nothing", 200, "Nothing was done with these pictures"),
        ("since=soon&kind=move", 422, "This is no time"),
        ("kind=burn", 400, "There is no action"),
    ],
)
def test_what_is_in_the_way_is_said_beside_the_form(
    readers: Readers, query: str, status: int, sentence: str
) -> None:
    answer = readers["Alice"].get(f"/activity/undo?{query}")
    assert answer.status_code == status
    assert sentence in answer.text
    assert '<form method="post" action="/activity/undo">' not in answer.text
    # The sentence of the API would send a person to an address of programs.
    assert "/api/v1/" not in answer.text


def test_nothing_asked_for_is_a_form_alone(readers: Readers) -> None:
    answer = readers["Alice"].get("/activity/undo")
    assert answer.status_code == 200
    assert "Show what that is" in answer.text
    assert "can be taken back" not in answer.text
    assert readers["Alice"].post("/activity/undo", {}).status_code == 422


def test_it_is_not_done_twice(
    readers: Readers, stage: Stage, rt: Runtime, database: Database, rule: str
) -> None:
    data = hidden(readers["Alice"].get(f"/activity/undo?rule={rule}").text)
    begin(readers["Alice"], data)
    run(rt)
    again = readers["Alice"].post("/activity/undo", data)
    assert again.headers["Location"] == "/activity/undos"
    assert "somebody was quicker" in readers["Alice"].get("/activity/undos").text
    with database.read() as session:
        assert session.query(Undo).count() == 2


def test_who_may_not_change_things_takes_nothing_back(
    readers: Readers, stage: Stage, database: Database, rule: str
) -> None:
    wanted = {"rule": rule}
    assert readers["Rosa"].get(f"/activity/undo?rule={rule}").status_code == 403
    assert readers["Rosa"].post("/activity/undo", wanted).status_code == 403
    chosen = {"picture": stage.ids["prediction_id"]}
    for data in (wanted, chosen):
        assert begin(readers["Charlie"], data) == "/activity/undos"
    assert statuses(database)["shelf-71.png"] == "done"
    text = readers["Charlie"].get(f"/activity/undo?picture={chosen['picture']}").text
    assert "shelf-71.png" not in text
    assert "Nothing was taken back yet" in readers["Charlie"].get("/activity/undos").text
    assert readers["Charlie"].get(f"/activity/undos/{stage.ids['undo_id']}").status_code == 404
