"""Classifiers at a glance, and the next best thing to do."""

from __future__ import annotations

import pytest
from colours import picture
from conftest import Person

from connector.db import Database
from connector.db.tables import Classifier, TrainingRun
from connector.domain import classifiers, examples, next_steps, overview
from connector.domain.next_steps import Step
from connector.errors import NotFound
from connector.settings import Settings
from connector.storage import LocalBlobs


def step(database: Database, alice: Person, classifier_id: str, **report: object) -> Step:
    with database.read() as session:
        glance = overview.glance(session, alice.workspace_id, classifier_id)
    return next_steps.next_step(glance, report or None)


@pytest.fixture
def parts(database: Database, alice: Person) -> str:
    with database.write() as session:
        return classifiers.create_classifier(
            session, alice.workspace_id, name="parts", labels=["bolt", "nut"]
        ).id


def learn(
    database: Database, blobs: LocalBlobs, settings: Settings, classifier_id: str, label: str
) -> None:
    """Give it two pictures of that label."""
    with database.write() as session:
        row = session.get_one(Classifier, classifier_id)
        for seed in range(2):
            data = picture("red", seed=seed + 10 * len(label))
            examples.add_example(session, blobs, settings, row, data, label, "a.png", "upload")


def run(database: Database, classifier_id: str, status: str) -> None:
    with database.write() as session:
        session.add(TrainingRun(classifier_id=classifier_id, status=status, error="It broke."))


def test_from_nothing_to_the_first_model(
    database: Database, alice: Person, blobs: LocalBlobs, settings: Settings, parts: str
) -> None:
    def state() -> str:
        with database.read() as session:
            return overview.glance(session, alice.workspace_id, parts).state

    assert (state(), step(database, alice, parts).code) == ("empty", "add_pictures")
    learn(database, blobs, settings, parts, "bolt")
    found = step(database, alice, parts)
    assert (state(), found.code, found.values["labels"]) == ("collecting", "label", "“nut”")
    learn(database, blobs, settings, parts, "nut")
    assert (state(), step(database, alice, parts).code) == ("ready", "wait_for_training")
    with database.write() as session:
        session.get_one(Classifier, parts).auto_train = False
    assert step(database, alice, parts).code == "train"
    run(database, parts, "failed")
    assert (state(), step(database, alice, parts).code) == ("failed", "train_again")
    run(database, parts, "queued")
    assert (state(), step(database, alice, parts).code) == ("training", "wait")


def test_a_live_one_is_improved_or_put_to_work(
    database: Database, alice: Person, colours: Classifier
) -> None:
    assert step(database, alice, colours.id).code == "connect"
    advice = [{"code": "few", "sentence": "Add pictures of red."}]
    assert step(database, alice, colours.id, advice=advice).sentence == "Add pictures of red."
    with database.read() as session:
        glance = overview.glance(session, alice.workspace_id, colours.id)
    assert (glance.state, glance.accuracy) == ("live", 0.9)


def test_a_page_of_them_and_nobody_elses(
    database: Database, alice: Person, charlie: Person, colours: Classifier, parts: str
) -> None:
    with database.read() as session:
        listed = overview.list_glances(session, alice.workspace_id)
        assert [one.row.id for one in listed.items] == [parts, colours.id]
        assert overview.list_glances(session, charlie.workspace_id).items == []
        assert overview.open_questions(session, alice.workspace_id) == 0
        with pytest.raises(NotFound):
            overview.glance(session, charlie.workspace_id, parts)
