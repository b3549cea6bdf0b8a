"""Classifiers, their labels and their sources."""

from __future__ import annotations

from typing import Any

import pytest

from connector.db import Database
from connector.db.tables import Classifier
from connector.domain import classifiers
from connector.errors import Conflict, NotFound, Unprocessable

Person = Any
SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def insects(database: Database, alice: Person) -> Classifier:
    with database.write() as session:
        return classifiers.create_classifier(
            session, alice.workspace_id, name="Insects", labels=["ant", "bee"]
        )


@SQLITE
@pytest.mark.parametrize(
    ("recipe", "labels"),
    [
        ("sort", []),
        ("yes_no", ["yes", "no"]),
        ("orientation", ["upright", "left", "right", "upside_down"]),
    ],
)
def test_a_recipe_brings_its_labels(
    database: Database, alice: Person, recipe: str, labels: list[str]
) -> None:
    with database.write() as session:
        made = classifiers.create_classifier(session, alice.workspace_id, name="Job", recipe=recipe)
        assert [label.name for label in classifiers.labels(session, made)] == labels


def test_bob_sees_what_alice_made_and_charlie_does_not(
    database: Database, bob: Person, charlie: Person, insects: Classifier
) -> None:
    with database.read() as session:
        his = classifiers.get_classifier(session, bob.workspace_id, insects.id)
        assert his.name == "Insects"
        assert classifiers.find_classifier(session, bob.workspace_id, "Insects").id == insects.id
        with pytest.raises(NotFound):
            classifiers.get_classifier(session, charlie.workspace_id, insects.id)
        with pytest.raises(NotFound, match="none yet"):
            classifiers.find_classifier(session, charlie.workspace_id, "Insects")
        assert classifiers.list_classifiers(session, charlie.workspace_id).items == []


def test_a_name_is_taken_once_per_workspace(
    database: Database, alice: Person, charlie: Person, insects: Classifier
) -> None:
    with database.write() as session:
        with pytest.raises(Conflict, match="already"):
            classifiers.create_classifier(session, alice.workspace_id, name=" Insects ")
        classifiers.create_classifier(session, charlie.workspace_id, name="Insects")


@SQLITE
@pytest.mark.parametrize("name", ["", "   ", "x" * 101, "a\x00b"])
def test_bad_names_are_refused(database: Database, alice: Person, name: str) -> None:
    with database.write() as session:
        with pytest.raises(Unprocessable):
            classifiers.create_classifier(session, alice.workspace_id, name=name)
        with pytest.raises(Unprocessable):
            classifiers.create_classifier(session, alice.workspace_id, name="ok", labels=[name])


def test_an_unknown_recipe_is_refused_with_the_known_ones(
    database: Database, alice: Person
) -> None:
    with database.write() as session, pytest.raises(Unprocessable, match="orientation"):
        classifiers.create_classifier(session, alice.workspace_id, name="Job", recipe="magic")


def test_labels_are_added_at_the_end_and_only_once(database: Database, insects: Classifier) -> None:
    with database.write() as session:
        row = session.get_one(Classifier, insects.id)
        classifiers.update_classifier(session, row, labels=["wasp", "ant", " wasp "])
        ensured = classifiers.ensure_label(session, row, "bee")
        names = [label.name for label in classifiers.labels(session, row)]
    assert names == ["ant", "bee", "wasp"]
    assert ensured.position == 1


def test_an_unknown_label_is_refused_with_the_known_ones(
    database: Database, insects: Classifier
) -> None:
    with database.read() as session:
        assert classifiers.find_label(session, insects, "bee").name == "bee"
        with pytest.raises(Unprocessable, match="ant, bee"):
            classifiers.find_label(session, insects, "wasp")


def test_the_threshold_is_a_confidence_and_can_be_taken_back(
    database: Database, insects: Classifier
) -> None:
    with database.write() as session:
        row = session.get_one(Classifier, insects.id)
        classifiers.update_classifier(session, row, threshold=0.9)
        assert row.threshold == 0.9
        for bad in (-0.1, 1.1, float("nan")):
            with pytest.raises(Unprocessable, match="between 0 and 1"):
                classifiers.update_classifier(session, row, threshold=bad)
        classifiers.update_classifier(session, row, clear_threshold=True)
        assert row.threshold is None


def test_a_deleted_classifier_is_gone_with_its_hook_and_frees_its_name(
    database: Database, alice: Person, insects: Classifier
) -> None:
    with database.write() as session:
        row = session.get_one(Classifier, insects.id)
        token = classifiers.source(session, row, "hook").token
        assert classifiers.source_by_token(session, token).classifier_id == insects.id
        classifiers.delete_classifier(session, row)
        with pytest.raises(NotFound):
            classifiers.get_classifier(session, alice.workspace_id, insects.id)
        with pytest.raises(NotFound):
            classifiers.source_by_token(session, token)
        classifiers.create_classifier(session, alice.workspace_id, name="Insects")


def test_the_api_source_is_no_hook(database: Database, insects: Classifier) -> None:
    with database.read() as session:
        token = classifiers.source(session, insects, "api").token
        with pytest.raises(NotFound, match="hook_url"):
            classifiers.source_by_token(session, token)


def test_the_summary_names_everything(database: Database, insects: Classifier) -> None:
    with database.read() as session:
        shown = classifiers.summary(session, insects, "https://c.example")
        token = classifiers.source(session, insects, "hook").token
    assert shown["labels"] == [{"name": "ant", "examples": 0}, {"name": "bee", "examples": 0}]
    assert shown["hook_url"] == f"https://c.example/hooks/{token}"
    assert shown["live_version"] is None
    assert shown["accuracy"] is None
    assert shown["created_at"].endswith("+00:00")


def test_lists_come_in_pages(database: Database, alice: Person) -> None:
    with database.write() as session:
        made = [
            classifiers.create_classifier(session, alice.workspace_id, name=f"job {i}").id
            for i in range(5)
        ]
        seen: list[str] = []
        cursor = None
        while True:
            page = classifiers.list_classifiers(session, alice.workspace_id, cursor=cursor, limit=2)
            seen += [row.id for row in page.items]
            cursor = page.next_cursor
            if cursor is None:
                break
    assert seen == sorted(made, reverse=True)
