"""An audit that finds a mistake offers to put it right, over HTTP; Charlie can do nothing of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from caller import Caller
from colours import picture
from postbox import Postbox, postbox

from connector.settings import Settings

MOVE = {"kind": "move", "params": {"folder": "{label}"}}
MAIL = {"kind": "alert", "params": {"channel": "email", "to": ["alice@example.com"]}}
PLAIN = {"subject": "A picture", "message": "There is one."}
ANY = {"kind": "alert", "params": {"channel": "email", "to": ["bob@example.com"], **PLAIN}}


@pytest.fixture
def box() -> Iterator[Postbox]:
    with postbox() as box:
        yield box


@pytest.fixture
def settings(settings: Settings, box: Postbox) -> Settings:
    return settings.model_copy(update={"smtp_url": box.url})


@pytest.fixture
def sorted_away(as_alice: Caller, job: Any, drain: Callable[[], None]) -> Any:
    """A red picture that was moved to the red ones, and is looked over by a person."""
    assert as_alice("PATCH", job.path, json={"audit_share": 1.0}).status_code == 200
    rule = {"label": None, "actions": [MOVE]}
    assert as_alice.post(f"{job.path}/rules", json=rule).status_code == 201
    sent = as_alice.post(f"{job.path}/predictions", data=picture("red")).json or {}
    drain()
    return as_alice.get(f"/api/v1/predictions/{sent['id']}").json or {}


def test_the_answer_offers_it_and_it_is_done(
    as_alice: Caller, as_bob: Caller, drain: Callable[[], None], sorted_away: Any
) -> None:
    (moved,) = sorted_away["actions"]
    answer = (
        as_bob.post(
            f"/api/v1/reviews/{sorted_away['review_id']}/answer", json={"label": "blue"}
        ).json
        or {}
    )
    offer = answer["put_right"]
    assert [one["id"] for one in offer["undo"]] == [moved["id"]]
    assert [(one["kind"], one["rule_id"]) for one in offer["would_do"]] == [
        ("move", moved["rule_id"])
    ]
    path = f"/api/v1/predictions/{sorted_away['id']}/put-right"
    assert offer["url"].endswith(path)
    assert as_bob.post(path, json={"dry_run": True}).json == offer
    assert Path(moved["detail"]["to"]).exists()
    begun = as_bob.post(path, json={})
    assert begun.status_code == 202
    said = begun.json or {}
    assert (said["label"], said["undo"]["requested_by"]) == ("blue", "Bob's key")
    assert [one["status"] for one in said["planned"]] == ["planned"]
    assert begun.headers["Location"] == said["undo"]["url"]
    assert (as_alice.post(path, json={}).json or {})["undo"]["id"] == said["undo"]["id"]
    drain()
    undo = as_alice.get(f"/api/v1/undos/{said['undo']['id']}").json or {}
    assert (undo["status"], undo["undone"], undo["label"]) == ("done", 1, "blue")
    shown = as_alice.get(f"/api/v1/predictions/{sorted_away['id']}").json or {}
    assert [one["status"] for one in shown["actions"]] == ["undone", "done"]
    assert Path(shown["location"]["path"]).parent.name == "blue"
    nothing = as_alice.post(path, json={})
    assert nothing.status_code == 200
    assert (nothing.json or {})["would_do"] == []


def test_an_answer_that_agrees_offers_nothing(as_alice: Caller, sorted_away: Any) -> None:
    path = f"/api/v1/reviews/{sorted_away['review_id']}/answer"
    assert (as_alice.post(path, json={"label": "red"}).json or {})["put_right"] is None


def test_an_answer_that_nobody_asked_about_is_corrected(
    as_alice: Caller, drain: Callable[[], None], sorted_away: Any
) -> None:
    path = f"/api/v1/predictions/{sorted_away['id']}/put-right"
    refused = as_alice.post(path, json={})
    assert (refused.status_code, (refused.json or {})["code"]) == (409, "not_corrected")
    unknown = as_alice.post(path, json={"label": "purple"})
    assert (unknown.status_code, (unknown.json or {})["code"]) == (422, "unknown_label")
    assert as_alice.post(path, json={"label": "green"}).status_code == 202
    drain()
    shown = as_alice.get(f"/api/v1/predictions/{sorted_away['id']}").json or {}
    assert (shown["label"], shown["corrected_label"]) == ("red", "green")
    assert Path(shown["location"]["path"]).parent.name == "green"


def test_an_alert_that_waits_for_its_digest_is_not_sent_for_the_wrong_label(
    as_alice: Caller, job: Any, drain: Callable[[], None], box: Postbox
) -> None:
    rule = {"label": "red", "actions": [MAIL]}
    assert as_alice.post(f"{job.path}/rules", json=rule).status_code == 201
    assert as_alice.post(f"{job.path}/rules", json={"actions": [ANY]}).status_code == 201
    for seed in (1, 2):
        sent = as_alice.post(f"{job.path}/predictions", data=picture("red", seed=seed)).json or {}
        drain()
    path = f"/api/v1/predictions/{sent['id']}"
    waiting = (as_alice.get(path).json or {})["actions"]
    assert [one["status"] for one in waiting] == ["waiting", "waiting"]
    begun = as_alice.post(f"{path}/put-right", json={"label": "blue"}).json or {}
    # The one for any label says the same of either: it stays where it is, and is not told twice.
    assert [one["id"] for one in begun["cancel"]] == [waiting[0]["id"]]
    assert begun["would_do"] == []
    drain()
    after = (as_alice.get(path).json or {})["actions"]
    assert [one["status"] for one in after] == ["undone", "waiting"]
    assert len(box.messages) == 2


def test_charlie_puts_nothing_of_alices_right(as_charlie: Caller, sorted_away: Any) -> None:
    path = f"/api/v1/predictions/{sorted_away['id']}/put-right"
    for dry_run in (True, False):
        wanted = {"label": "blue", "dry_run": dry_run}
        assert as_charlie.post(path, json=wanted).status_code == 404
