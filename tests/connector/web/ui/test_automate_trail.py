"""A test picture by pages: only looked at, or really sent and followed step by step."""

from __future__ import annotations

import io
import re
from collections.abc import Collection
from html import unescape
from typing import Any

import pytest
from colours import picture
from pagereading import Reader
from sqlalchemy import func, select
from stage import AUTOMATED, Stage

from connector.db import Database
from connector.db.tables import Action, Classifier, Delivery, Event, Image, Prediction, Review
from connector.domain import rules
from connector.domain.conditions import When
from connector.settings import Settings
from workers import act, classify, study
from workers.runtime import Runtime

Readers = dict[str, Reader]


@pytest.fixture
def parts() -> Collection[str]:
    return {AUTOMATED}


@pytest.fixture
def tab(stage: Stage) -> str:
    """The tab of the live classifier, which sorts what is red."""
    return f"/classifiers/{stage.classifiers['live']}/automate"


@pytest.fixture
def sorts(rt: Runtime, stage: Stage) -> str:
    """The id of a rule that moves what is red."""
    wanted = [{"kind": "move", "params": {"folder": "Done/{label}"}}]
    actions = rules.check_actions(rt.settings, wanted)
    with rt.database.write() as session:
        live = session.get_one(Classifier, stage.classifiers["live"])
        when = When.model_validate({"labels": ["red"]})
        return rules.create_rule(session, live, when=when, actions=actions).rule_id


def said(text: str) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", text)))


def send(reader: Reader, tab: str, data: bytes | None, **values: Any) -> Any:
    if data is not None:
        values["file"] = (io.BytesIO(data), "new.png")
    options = {"content_type": "multipart/form-data"}
    return reader.post(f"{tab}/test", values, **options)


def counts(database: Database) -> list[int]:
    """Count all that a picture could leave behind."""
    tables = (Prediction, Action, Event, Delivery, Review)
    with database.read() as session:
        return [session.scalar(select(func.count()).select_from(one)) or 0 for one in tables]


def test_a_look_does_nothing_and_says_what_would_be_done(
    readers: Readers, tab: str, rt: Runtime, database: Database, sorts: str, settings: Settings
) -> None:
    before, data = counts(database), picture("red", seed=930)
    answer = send(readers["Bob"], tab, data, how="look")
    path = answer.headers["Location"]
    waiting = readers["Bob"].get(path).text
    assert "The model is looking at it." in waiting
    assert f'hx-get="{path}/state' in waiting
    while study.step(rt):
        pass
    page = readers["Bob"].get(path).text
    assert "The model says red" in said(page)
    assert "What the rules would do" in page
    assert re.search(r"/Done/red/new\.png", page)
    assert f"rules/{sorts}" in page or "When the answer is" in page
    assert "Nothing was done" in page
    assert counts(database) == before
    assert not (settings.sorted_dir / "Done").exists()
    with database.read() as session:
        kept = session.scalars(select(Image).order_by(Image.created_at.desc())).first()
        assert kept is None or kept.deleted_at is not None or kept.size != len(data), "not kept"
    assert readers["Rosa"].get(path).status_code == 200


def test_a_look_at_what_the_model_is_unsure_of_says_that_a_person_is_asked(
    readers: Readers, tab: str, rt: Runtime, database: Database
) -> None:
    before = counts(database)
    path = send(readers["Bob"], tab, picture("grey", seed=931), how="look").headers["Location"]
    while study.step(rt):
        pass
    page = readers["Bob"].get(path).text
    assert "A person would be asked." in page
    assert counts(database) == before


def test_a_look_at_a_picture_of_late_takes_what_came_with_it(
    readers: Readers, tab: str, rt: Runtime, stage: Stage, database: Database
) -> None:
    before = counts(database)
    answer = send(readers["Bob"], tab, None, how="look", picture=stage.ids["prediction_id"])
    while study.step(rt):
        pass
    assert "Nothing was done" in readers["Bob"].get(answer.headers["Location"]).text
    assert counts(database) == before
    with database.read() as session:
        row = session.get_one(Prediction, stage.ids["prediction_id"])
        assert session.get_one(Image, row.image_id).deleted_at is None, "it is still needed"


def test_a_real_one_goes_all_the_way(
    readers: Readers, tab: str, rt: Runtime, stage: Stage, sorts: str, settings: Settings
) -> None:
    answer = send(readers["Bob"], tab, picture("red", seed=932), how="real", metadata="lot = 7")
    path = answer.headers["Location"]
    page = readers["Bob"].get(path).text
    assert "Safe on disk; it waits for its turn." in page
    assert "They come as soon as there is an answer." in page
    assert f'hx-get="{path}/state' in page
    assert 'http-equiv="refresh"' in page
    while classify.step(rt):
        pass
    page = readers["Bob"].get(path).text
    assert "The model says red" in said(page)
    assert "A rule holds" in page
    while act.step(rt):
        pass
    page = readers["Bob"].get(path).text
    (found,) = (settings.sorted_dir).rglob("Done/red/new.png")
    assert str(found) in unescape(page)
    assert found.read_bytes() == picture("red", seed=932)
    assert "<dd>7</dd>" in page
    assert "http-equiv" not in page, "it is over"
    assert f"rules/{sorts}" in page


def test_a_question_is_a_step_and_leads_to_the_review(
    readers: Readers, tab: str, rt: Runtime
) -> None:
    path = send(readers["Bob"], tab, picture("grey", seed=933), how="real").headers["Location"]
    while classify.step(rt):
        pass
    page = readers["Bob"].get(path).text
    assert "A person is asked" in page
    review = re.search(r'href="(/review/(\w+))"', page)
    assert review is not None
    answered = readers["Rosa"].post(f"{review[1]}/answer", {"label": "blue"}, form="/review")
    assert answered.status_code == 303
    page = readers["Bob"].get(path).text
    assert "Rosa says blue" in said(page)
    assert "A person answered" in page


def test_it_is_sent_by_the_way_that_was_chosen(
    readers: Readers, tab: str, stage: Stage, rt: Runtime, database: Database
) -> None:
    source = stage.ids["source_id"]
    data = picture("red", seed=934)
    answer = send(readers["Bob"], tab, data, how="real", source=source)
    page = readers["Bob"].get(answer.headers["Location"]).text
    assert "by “Scanner”" in page
    with database.read() as session:
        row = session.get_one(Prediction, answer.headers["Location"].rpartition("/")[2])
    assert row.source_id == source
    readers["Bob"].post(f"{tab}/sources/{source}/switch", {"state": "paused"})
    answer = send(readers["Bob"], tab, picture("red", seed=935), how="real", source=source)
    assert answer.status_code >= 400
    assert "paused" in answer.text


def test_a_form_without_a_picture_says_so_at_its_field(readers: Readers, tab: str) -> None:
    answer = send(readers["Bob"], tab, None, how="look")
    assert answer.status_code == 400
    assert re.search(r'id="f-file"[^>]*aria-invalid="true"', answer.text)
    assert "Choose a file, or one of the pictures." in answer.text
    answer = send(readers["Bob"], tab, b"no picture at all", how="look")
    assert answer.status_code in (415, 422)
    assert 'role="alert"' in answer.text


def test_a_picture_of_another_classifier_is_not_found(
    readers: Readers, stage: Stage, tab: str
) -> None:
    other = f"/classifiers/{stage.classifiers['empty']}/automate"
    prediction = stage.ids["prediction_id"]
    assert readers["Bob"].get(f"{other}/pictures/{prediction}").status_code == 404
    charlie = readers["Charlie"]
    assert charlie.get(f"{tab}/pictures/{prediction}").status_code == 404
    assert "There is no model yet" in readers["Bob"].get(f"{other}/test").text
