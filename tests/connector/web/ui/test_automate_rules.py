"""Rules made by pages: the editor's form, what it looks ahead to, and the rule that comes of it."""

from __future__ import annotations

import re
from collections.abc import Collection
from html import unescape
from typing import Any

import pytest
from pagereading import Reader
from stage import AUTOMATED, Stage

from connector import actions as action_kinds
from connector.db import Database
from connector.db.tables import Classifier, Rule
from connector.domain import conditions, rules

Readers = dict[str, Reader]
MOVE = {"a0-kind": "move", "a0-folder": "{label}/{date:%Y-%m}", "a0-name": "{name}"}


@pytest.fixture
def parts() -> Collection[str]:
    return {AUTOMATED}


@pytest.fixture
def tab(stage: Stage) -> str:
    """The tab of the live classifier."""
    return f"/classifiers/{stage.classifiers['live']}/automate"


def send(reader: Reader, path: str, do: str, **values: Any) -> Any:
    return reader.post(path, {"do": do, **values})


def text_of(answer: Any) -> str:
    """Return what a page says, with entities and tags resolved and white space as one space."""
    found = re.sub(r"<(script|style|svg).*?</\1>", "", answer.text, flags=re.S)
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", "", found)))


def ahead_of(answer: Any) -> str:
    """Return what the card that looks ahead says."""
    found = answer.text.partition('id="ahead"')[2].partition("Before it is on")[0]
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", "", found)))


def in_force(database: Database, stage: Stage) -> list[Rule]:
    with database.read() as session:
        live = session.get_one(Classifier, stage.classifiers["live"])
        return rules.list_rules(session, live)


def test_the_form_of_each_kind_asks_for_all_that_the_action_takes(
    readers: Readers, tab: str
) -> None:
    kinds = action_kinds.registry()
    assert len(kinds) >= 6
    for kind, action in kinds.items():
        page = readers["Bob"].get(f"{tab}/rules/new?kind={kind}").text
        for name in action.Params.model_fields:
            assert f'id="f-a0-{name}"' in page, (kind, name)
            assert (
                f'for="f-a0-{name}"' in page
                or f'<label class="check"><input type="checkbox" id="f-a0-{name}"' in page
            )


def test_a_form_becomes_the_rule_that_the_api_would_have_made(
    readers: Readers, tab: str, stage: Stage, database: Database
) -> None:
    other = stage.classifiers["training"]
    answer = send(
        readers["Bob"],
        f"{tab}/rules/new",
        "on",
        label=["red", "blue"],
        min="92.5 %",
        max="99",
        decided_by="model",
        metadata="customer = acme | globex\nline = 4",
        **{
            "from": stage.ids["source_id"],
            "a0-kind": "rotate",
            "a0-degrees": "90",
            "a0-to_upright": "",
            "a1-kind": "tag",
            "a1-tags": "",
            "a1-keywords": "{label}, seen",
            "a2-kind": "alert",
            "a2-channel": "email",
            "a2-to": "kim@example.com\nsam@example.com",
            "a2-url": "https://left.over.example/",
            "a2-subject": "{label}",
            "a2-message": "{name}: {label}",
            "a2-at_most_every": "60",
            "a2-digest": "on",
            "a3-kind": "classify",
            "a3-classifier": other,
            "a4-kind": "move",
            "a4-folder": "{label}",
            "a4-name": "{stem}-{id}.{ext}",
        },
    )
    assert answer.status_code == 422, "no mail server is set"
    assert "COLABEL_SMTP_URL" in answer.text
    values = {
        "label": ["red", "blue"],
        "min": "92.5 %",
        "max": "99",
        "decided_by": "model",
        "metadata": "customer = acme | globex\nline = 4",
        "from": stage.ids["source_id"],
        "a0-kind": "rotate",
        "a0-degrees": "90",
        "a1-kind": "tag",
        "a1-keywords": "{label}, seen",
        "a2-kind": "classify",
        "a2-classifier": other,
        "a3-kind": "move",
        "a3-folder": "{label}",
        "a3-name": "{stem}-{id}.{ext}",
    }
    answer = readers["Bob"].post(f"{tab}/rules/new", {"do": "on", **values})
    assert answer.status_code == 303, text_of(answer)
    made = in_force(database, stage)[-1]
    assert answer.headers["Location"].endswith(f"/automate#rule-{made.rule_id}")
    assert conditions.of_rule(made) == {
        "labels": ["red", "blue"],
        "min_confidence": 0.925,
        "max_confidence": 0.99,
        "decided_by": "model",
        "metadata": {"customer": ["acme", "globex"], "line": "4"},
        "sources": [stage.ids["source_id"]],
    }
    assert [one["kind"] for one in made.actions] == ["rotate", "tag", "classify", "move"]
    assert [one["params"] for one in made.actions] == [
        {"degrees": 90, "to_upright": False},
        {"tags": {}, "keywords": ["{label}", "seen"]},
        {"classifier": other},
        {"folder": "{label}", "name": "{stem}-{id}.{ext}"},
    ]
    assert made.enabled
    # The form of the kept rule says the same, so that saving it unchanged changes nothing.
    page = readers["Bob"].get(f"{tab}/rules/{made.rule_id}/edit").text
    assert 'value="92.5"' in page
    assert "customer = acme | globex" in unescape(page)
    assert re.search(rf'<option value="{other}" selected>Spare parts', page)


def test_an_alert_asks_only_for_what_its_channel_needs(
    readers: Readers, tab: str, stage: Stage, database: Database
) -> None:
    values = {
        "a0-kind": "alert",
        "a0-channel": "webhook",
        "a0-to": "kim@example.com",
        "a0-slack_channel": "#scans",
        "a0-message": "{name}",
    }
    assert send(readers["Bob"], f"{tab}/rules/new", "off", **values).status_code == 303
    made = in_force(database, stage)[-1]
    assert not made.enabled
    params = made.actions[0]["params"]
    assert (params["channel"], params["message"]) == ("webhook", "{name}")
    assert not {"to", "slack_channel"} & {name for name, value in params.items() if value}


def test_what_is_wrong_stands_beside_the_field_and_nothing_is_saved(
    readers: Readers, tab: str, stage: Stage, database: Database
) -> None:
    before = len(in_force(database, stage))
    answer = send(
        readers["Bob"],
        f"{tab}/rules/new",
        "on",
        min="often",
        **{"a0-kind": "move", "a0-folder": "{colour}", "a0-name": "{name}"},
    )
    assert answer.status_code == 422
    page = answer.text
    for name in ("min", "a0-folder"):
        field = re.search(rf'<input id="f-{name}"[^>]*>', page)
        assert field is not None
        assert 'aria-invalid="true"' in field[0], field[0]
        assert f"e-{name}" in field[0]
        assert f'id="e-{name}"' in page
    assert "{colour}" in unescape(page), "what was typed is still there"
    assert "Something has to be put right first" in page
    answer = send(readers["Bob"], f"{tab}/rules/new", "on", label="purple", **MOVE)
    assert (answer.status_code, "is not a label of this classifier" in answer.text) == (422, True)
    answer = send(readers["Bob"], f"{tab}/rules/new", "on")
    assert (answer.status_code, "Add at least one action." in answer.text) == (422, True)
    # A folder elsewhere is one that whoever runs the service has to allow.
    values = MOVE | {"a0-folder": "/etc/{label}"}
    answer = send(readers["Bob"], f"{tab}/rules/new", "rehearse", **values)
    assert (answer.status_code, "COLABEL_FOLDERS" in answer.text) == (422, True)
    assert len(in_force(database, stage)) == before


def test_actions_are_added_moved_and_left_out_without_script(readers: Readers, tab: str) -> None:
    bob, path = readers["Bob"], f"{tab}/rules/new"

    def kinds(answer: Any) -> list[str]:
        assert answer.status_code == 200
        return re.findall(r'name="a\d-kind" value="(\w+)"', answer.text)

    answer = send(bob, path, "add", kind="alert", **MOVE)
    assert kinds(answer) == ["move", "alert"]
    assert 'value="{label}/{date:%Y-%m}"' in unescape(answer.text)
    two = MOVE | {"a1-kind": "alert", "a1-channel": "webhook", "a1-message": "hello"}
    answer = send(bob, path, "up-1", **two)
    assert kinds(answer) == ["alert", "move"]
    assert ">hello</textarea>" in answer.text
    assert kinds(send(bob, path, "down-0", **two)) == ["alert", "move"]
    assert kinds(send(bob, path, "remove-0", **two)) == ["alert"]
    # What no button of the page says changes nothing, and is no error either.
    assert kinds(send(bob, path, "remove-7", **two)) == ["move", "alert"]
    assert kinds(send(bob, path, "add", kind="explode", **two)) == ["move", "alert"]


def test_it_looks_ahead_with_a_picture_of_late(
    readers: Readers, tab: str, stage: Stage, database: Database
) -> None:
    answer = send(readers["Bob"], f"{tab}/rules/new", "preview", label="red", **MOVE)
    said = ahead_of(answer)
    assert "When the answer is red" in said
    assert "It holds for 2 of the latest 6 pictures." in said
    assert re.search(r"For red-\d\.png:", said)
    assert re.search(r"/red/\d{4}-\d\d/red-\d\.png", said), said
    # Nobody answered “left”-like nonsense: a label without pictures borrows the newest.
    answer = send(readers["Bob"], f"{tab}/rules/new", "preview", label="red", max="1", **MOVE)
    assert "It holds for none of the latest 6 pictures" in ahead_of(answer)
    assert re.search(r"/red/\d{4}-\d\d/", ahead_of(answer)), "as if it were red"
    # What is only begun is not called wrong, and shows no picture yet.
    begun = send(readers["Bob"], f"{tab}/rules/new", "add", kind="classify", **MOVE)
    assert begun.status_code == 200
    assert "alert bad" not in begun.text.partition("<main")[2]
    # An action that would fail says so before anything is saved.
    tags = {"a0-kind": "tag", "a0-tags": "kind = {label}", "a0-keywords": ""}
    answer = send(readers["Bob"], f"{tab}/rules/new", "preview", **tags)
    assert "this picture lies in none" in ahead_of(answer)


def test_a_test_alert_is_sent_from_the_editor_and_from_the_rule(
    readers: Readers, tab: str, stage: Stage
) -> None:
    values = {"a0-kind": "alert", "a0-channel": "webhook", "a0-message": "{label}"}
    answer = send(readers["Bob"], f"{tab}/rules/new", "test", **values)
    assert "This alert only tells those who subscribed to alerts" in answer.text
    values |= {"a0-url": "http://127.0.0.1:9/nobody"}
    answer = send(readers["Bob"], f"{tab}/rules/new", "test", **values)
    assert answer.status_code in (200, 422)
    assert re.search("The test by webhook failed|private|public", text_of(answer)), text_of(answer)
    rule = f"{tab}/rules/{stage.ids['rule_id']}"
    answer = readers["Bob"].post(f"{rule}/test-alert", follow_redirects=True)
    assert "This alert only tells those who subscribed to alerts" in answer.text


def test_a_rule_is_switched_off_and_on_and_moved(
    readers: Readers, tab: str, stage: Stage, database: Database
) -> None:
    bob, rule_id = readers["Bob"], stage.ids["rule_id"]
    answer = bob.post(f"{tab}/rules/{rule_id}/switch", {"enabled": "no"}, follow_redirects=True)
    assert "The rule is off." in answer.text
    assert not next(one for one in in_force(database, stage) if one.rule_id == rule_id).enabled
    answer = bob.post(f"{tab}/rules/{rule_id}/switch", {"enabled": "yes"}, follow_redirects=True)
    assert "holds for answers from now on" in answer.text
    order = [one.rule_id for one in in_force(database, stage)]
    assert order[0] == rule_id
    bob.post(f"{tab}/rules/{rule_id}/shift", {"way": "down"})
    assert [one.rule_id for one in in_force(database, stage)] == order[::-1]
    page = bob.get(tab).text
    assert page.index(order[1]) < page.index(order[0])
    bob.post(f"{tab}/rules/{rule_id}/shift", {"way": "up"})
    assert [one.rule_id for one in in_force(database, stage)] == order


def test_an_earlier_version_is_put_back_and_a_rule_deleted(
    readers: Readers, tab: str, stage: Stage, database: Database
) -> None:
    bob, rule_id = readers["Bob"], stage.ids["rule_id"]
    first = in_force(database, stage)[0]
    rule = f"{tab}/rules/{rule_id}"
    assert send(bob, f"{rule}/edit", "on", version="1", label="green", **MOVE).status_code == 303
    page = bob.get(rule).text
    assert "Version 2" in page
    assert "Say again what version 1 said" in page
    answer = bob.post(f"{rule}/back", {"version": "1"}, follow_redirects=True)
    assert "The rule says again what version 1 said." in answer.text
    now = in_force(database, stage)[0]
    assert (now.version, now.actions) == (3, first.actions)
    assert conditions.of_rule(now) == conditions.of_rule(first)
    answer = bob.post(f"{rule}/delete", follow_redirects=True)
    assert "The rule is gone." in answer.text
    assert rule_id not in [one.rule_id for one in in_force(database, stage)]
    # What it said stays to be read: what it did names it.
    page = bob.get(rule).text
    assert "deleted" in page
    assert f'action="{rule}/delete"' not in page


def test_who_only_reviews_sees_the_rules_and_no_button(
    readers: Readers, tab: str, stage: Stage
) -> None:
    page = readers["Rosa"].get(tab).text
    assert "When the answer is" in unescape(re.sub(r"<[^>]+>", "", page))
    main = page.partition("<main")[2]
    assert "<form" not in main
    assert "/edit" not in main
    assert readers["Rosa"].get(f"{tab}/rules/{stage.ids['rule_id']}").status_code == 200


def test_a_classifier_without_rules_says_how_to_begin(readers: Readers, stage: Stage) -> None:
    page = readers["Alice"].get(f"/classifiers/{stage.classifiers['empty']}/automate").text
    assert "Nothing happens yet" in page
    assert "Nothing is connected" in page or "no picture yet" in page
    begin = re.search(r'href="([^"]+/rules/new[^"]*)"', page)
    assert begin is not None
    answer = readers["Alice"].get(unescape(begin[1]))
    assert answer.status_code == 200
    assert "No picture was answered yet" in answer.text
