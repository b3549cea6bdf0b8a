"""Training: when it comes, how far it is, what it learned, and what would help most."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from typing import Any

import pytest
from colours import picture
from flask import Flask
from pagereading import Reader, queries
from sqlalchemy import select
from stage import JUDGED, Stage

from connector.db import Database
from connector.db.tables import Classifier, Example, TrainingRun
from connector.db.types import utcnow
from connector.domain import examples, learning
from workers.runtime import Runtime

MOST_QUERIES = 14


@pytest.fixture
def parts() -> Collection[str]:
    return {JUDGED}


@pytest.fixture
def owner(readers: dict[str, Reader]) -> Reader:
    return readers["Alice"]


def path(stage: Stage, state: str = "live") -> str:
    return f"/classifiers/{stage.classifiers[state]}/training"


def change(rt: Runtime, classifier_id: str, **values: Any) -> None:
    with rt.database.write() as session:
        row = session.get_one(Classifier, classifier_id)
        for name, value in values.items():
            setattr(row, name, value)


def runs(rt: Runtime, classifier_id: str) -> list[TrainingRun]:
    with rt.database.read() as session:
        return list(
            session.scalars(
                select(TrainingRun)
                .where(TrainingRun.classifier_id == classifier_id)
                .order_by(TrainingRun.id)
            )
        )


def labelled(rt: Runtime, classifier_id: str, count: int) -> None:
    """Label so many more pictures."""
    with rt.database.write() as session:
        row = session.get_one(Classifier, classifier_id)
        for seed in range(count):
            data = picture("red", seed=9000 + seed)
            examples.add_example(session, rt.blobs, rt.settings, row, data, "red", "", "upload")


def test_few_queries_do(owner: Reader, stage: Stage, app: Flask) -> None:
    mine: Database = app.extensions["colabel"].database
    with queries(mine) as sent:
        assert owner.get(path(stage)).status_code == 200
    assert len(sent) <= MOST_QUERIES, sent


def test_it_says_what_it_learned_and_why_it_was_not_taken(owner: Reader, stage: Stage) -> None:
    text = owner.get(path(stage)).text
    assert "What it learned last" in text
    assert "It has only 94.2% right, against 96.7% by version 1" in text
    assert "turned down" in text
    assert "Learned from 960 pictures." in text
    assert "There were new labels. Took 3 seconds." in text


def test_it_says_what_helps_most_and_leads_there(owner: Reader, stage: Stage) -> None:
    text = owner.get(path(stage)).text
    assert "Settle the labels of 1 group of near-identical pictures first." in text
    quality = f"/classifiers/{stage.classifiers['live']}/quality"
    assert f'href="{quality}#contrary"' in text
    assert f'href="{quality}#doubts"' in text
    assert "What more pictures would do" in text
    assert text.count('class="point"') == 4


def test_with_nothing_new_it_says_so(owner: Reader, stage: Stage, rt: Runtime) -> None:
    assert "It trains only when it is told to." in owner.get(path(stage)).text
    owner.post(f"{path(stage)}/automatic", {"automatic": "yes"})
    text = owner.get(path(stage)).text
    assert "It trains by itself from now on." in text
    assert "It has learned from everything that there is." in text
    owner.post(f"{path(stage)}/automatic", {"automatic": "no"})
    assert not next(iter(_rows(rt, stage))).auto_train


def _rows(rt: Runtime, stage: Stage) -> list[Classifier]:
    with rt.database.read() as session:
        return [session.get_one(Classifier, stage.classifiers["live"])]


def test_it_says_when_it_trains_next_and_how_many_labels_make_it_sooner(
    owner: Reader, stage: Stage, rt: Runtime
) -> None:
    live = stage.classifiers["live"]
    with rt.database.read() as session:
        count = len(session.scalars(select(Example.id).where(Example.classifier_id == live)).all())
    change(rt, live, auto_train=True)
    labelled(rt, live, 1)
    with rt.database.read() as session:
        pending = learning.next_training(session, session.get_one(Classifier, live))
    assert pending is not None
    # One of so few pictures is worth it at once.
    assert (pending.changes, pending.missing) == (1, 0 if count <= 50 else 1)
    text = owner.get(path(stage)).text
    assert "One label is new to it." in text
    assert "It trains by itself in" in text


def test_too_few_pictures_are_told_before_anything_else(owner: Reader, stage: Stage) -> None:
    text = owner.get(path(stage, "collecting")).text
    assert "Add pictures of “no”" in text
    assert "Train now" not in text
    text = owner.get(path(stage, "empty")).text
    assert "Show it pictures" in text


def test_a_training_under_way_shows_its_steps_and_the_time_left(
    owner: Reader, stage: Stage
) -> None:
    text = owner.get(path(stage, "training")).text
    assert "Learning now" in text
    assert '<li class="now" aria-current="step">' in text
    assert "About 12 seconds to go." in text
    assert 'max="200" value="130"' in text
    assert f'hx-get="{path(stage, "training")}/state?seen=' in text
    assert 'hx-trigger="every 2s"' in text


def test_each_step_has_its_place(owner: Reader, stage: Stage, rt: Runtime) -> None:
    run = runs(rt, stage.classifiers["training"])[0]
    for step, done in (("reading", 0), ("fitting", 1), ("scoring", 2), ("reporting", 3)):
        with rt.database.write() as session:
            session.get_one(TrainingRun, run.id).step = step
        text = owner.get(f"{path(stage, 'training')}/state?seen=x").text
        assert text.count('<li class="done"') == done
        assert text.count('<li class="later"') == 3 - done


def test_a_page_that_shows_it_already_is_not_sent_it_again(owner: Reader, stage: Stage) -> None:
    state = f"{path(stage, 'training')}/state"
    text = owner.get(f"{state}?seen=x").text
    seen = text.split("seen=", 1)[1].split('"', 1)[0]
    assert owner.get(f"{state}?seen={seen}").status_code == 204


def test_a_failed_training_says_why(owner: Reader, stage: Stage) -> None:
    text = owner.get(path(stage, "failed")).text
    assert "Too few pictures could be read: 3 of 40." in text


def test_a_button_trains_at_once(owner: Reader, stage: Stage, rt: Runtime) -> None:
    live = stage.classifiers["live"]
    before = len(runs(rt, live))
    answer = owner.post(f"{path(stage)}/start")
    assert answer.headers["Location"].endswith("/training")
    added = runs(rt, live)[before:]
    assert [(run.kind, run.reason, run.status) for run in added] == [("head", "asked", "queued")]
    text = owner.get(path(stage)).text
    assert "It waits for its turn." in text
    owner.post(f"{path(stage)}/start", {"kind": "finetune"})
    assert runs(rt, live)[-1].kind == "finetune"


def test_without_enough_it_is_told_in_words(owner: Reader, stage: Stage, rt: Runtime) -> None:
    owner.post(f"{path(stage, 'collecting')}/start")
    assert "There is not enough to learn from yet" in owner.get(path(stage, "collecting")).text
    assert runs(rt, stage.classifiers["collecting"]) == []


def test_times_are_told_as_people_tell_them(owner: Reader, stage: Stage, rt: Runtime) -> None:
    run = runs(rt, stage.classifiers["live"])[-1]
    with rt.database.write() as session:
        row = session.get_one(TrainingRun, run.id)
        row.started_at = utcnow() - timedelta(minutes=4)
        row.finished_at = utcnow()
    assert "Took 4 minutes." in owner.get(path(stage)).text
    waiting = runs(rt, stage.classifiers["training"])[0]
    with rt.database.write() as session:
        session.get_one(TrainingRun, waiting.id).remaining_seconds = 200
    assert "About 3 minutes to go." in owner.get(path(stage, "training")).text


def test_reviewers_see_and_start_nothing(readers: dict[str, Reader], stage: Stage) -> None:
    text = readers["Rosa"].get(path(stage)).text
    assert "What it learned last" in text
    assert "Train now" not in text
