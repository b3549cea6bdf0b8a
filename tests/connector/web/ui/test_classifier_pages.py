"""Making a classifier, and its first page in every state."""

from __future__ import annotations

import re

import pytest
from flask import Flask
from pagereading import Reader
from stage import Stage

from connector.db import Database
from connector.db.tables import Classifier, TrainingRun

NEW = "/classifiers/new"
SAYS = {
    "live": ("Wrong about", "Answer one question"),
    "empty": ("no pictures to learn from", "Show it pictures"),
    "collecting": ("3 labelled pictures", "Add pictures of “no”"),
    "training": ("Looking at 200 pictures", "it is learning"),
    "failed": ("Too few pictures could be read", "Show it pictures"),
}


@pytest.mark.parametrize("state", SAYS)
def test_a_classifier_says_how_it_is_and_what_to_do(
    readers: dict[str, Reader], stage: Stage, state: str
) -> None:
    page = readers["Alice"].get(f"/classifiers/{stage.classifiers[state]}").text
    for words in SAYS[state]:
        assert words in page


def test_the_list_shows_each_with_its_state(readers: dict[str, Reader]) -> None:
    page = readers["Alice"].get("/").text
    for words in ("Live", "Learning", "Training failed", "Collecting pictures", "98% right"):
        assert words in page
    assert "1 open question" in page
    assert "New classifier" in page
    assert "New classifier" not in readers["Rosa"].get("/").text
    assert "What should colabel do with your pictures?" in readers["Charlie"].get("/").text


def test_the_list_goes_on_by_cursor(readers: dict[str, Reader], database: Database) -> None:
    charlie = readers["Charlie"]
    for number in range(25):
        charlie.post(NEW, {"kind": "yes_no", "name": f"Number {number}."}, form=NEW)
    first = charlie.get("/").text
    older = re.search(r'rel="next" href="([^"]+)"', first)
    assert older is not None
    second = charlie.get(older[1]).text
    names = [set(re.findall(r">(Number \d+\.)<", page)) for page in (first, second)]
    assert [len(one) for one in names] == [24, 1]
    assert not names[0] & names[1]
    assert charlie.get("/?cursor=nonsense").status_code == 400


@pytest.mark.parametrize(
    ("kind", "recipe", "labels"),
    [
        ("sort", "sort", ["bolt", "nut", "washer"]),
        ("yes_no", "yes_no", ["no", "yes"]),
        ("orientation", "orientation", ["left", "right", "upright", "upside_down"]),
        ("watch", "yes_no", ["no", "yes"]),
    ],
)
def test_each_answer_to_the_question_makes_a_classifier(
    readers: dict[str, Reader], database: Database, kind: str, recipe: str, labels: list[str]
) -> None:
    values = {"kind": kind, "name": "Parts", "labels": "bolt, nut\nwasher;bolt"}
    made = readers["Charlie"].post(NEW, values, form=NEW)
    assert made.status_code == 303
    path = made.headers["Location"]
    page = readers["Charlie"].get(path).text
    assert "It is made" in page
    with database.read() as session:
        row = session.get_one(Classifier, path.rpartition("/")[2])
        assert row.recipe == recipe
    found = re.search(r"What it tells apart.*?</dl>", page, re.DOTALL)
    assert found is not None
    assert sorted(re.findall(r"<dt>(\w+)</dt>", found[0])) == labels


def test_a_taken_name_comes_back_with_what_was_typed(readers: dict[str, Reader]) -> None:
    page = readers["Alice"].post(
        NEW, {"kind": "watch", "name": "colours", "labels": "a, b"}, form=NEW
    )
    assert page.status_code == 409
    assert "already" in page.text
    assert 'value="colours"' in page.text
    assert re.search(r'value="watch" checked', page.text)


def test_a_live_part_is_empty_until_something_changes(
    readers: dict[str, Reader], stage: Stage, database: Database
) -> None:
    alice, classifier_id = readers["Alice"], stage.classifiers["training"]
    path = f"/classifiers/{classifier_id}/state"
    first = alice.get(path).text
    again = re.search(r'hx-get="([^"]+)"', first)
    assert again is not None
    assert "every 2s" in first
    same = alice.get(again[1].replace("&amp;", "&"))
    assert (same.status_code, same.data) == (204, b"")
    with database.write() as session:
        run = session.query(TrainingRun).filter_by(classifier_id=classifier_id).one()
        run.status, run.error, run.lease_until = "failed", "It broke.", None
    changed = alice.get(again[1].replace("&amp;", "&"))
    assert changed.status_code == 200
    assert "It broke." in changed.text
    assert "every 2s" not in changed.text


def test_training_is_asked_for(
    app: Flask, readers: dict[str, Reader], stage: Stage, database: Database
) -> None:
    path = f"/classifiers/{stage.classifiers['collecting']}"
    answer = readers["Alice"].post(f"{path}/train", form=path)
    assert answer.status_code == 303
    assert "not enough to learn from" in readers["Alice"].get(path).text
    other = f"/classifiers/{stage.classifiers['training']}"
    with database.write() as session:
        session.query(TrainingRun).delete()
    readers["Alice"].post(f"{other}/train", form=other)
    assert "It waits for its turn." in readers["Alice"].get(other).text
