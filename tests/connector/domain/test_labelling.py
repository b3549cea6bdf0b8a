"""Labels for pictures that are here already."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from connector.db import Database
from connector.db.tables import Classifier, Example
from connector.domain import classifiers, labelling
from connector.errors import NotFound, Unprocessable

Person = Any


@pytest.fixture
def ids(database: Database, insects: Classifier, give: Callable[..., None]) -> list[str]:
    """Three ants' ids."""
    give(ant=3)
    with database.read() as session:
        return list(session.scalars(select(Example.id).order_by(Example.id)))


def counts(database: Database, classifier: Classifier) -> dict[str, int]:
    with database.read() as session:
        return classifiers.example_counts(session, classifier)


def test_many_are_labelled_at_once_and_those_that_changed_are_counted(
    database: Database, insects: Classifier, ids: list[str]
) -> None:
    with database.write() as session:
        labelling.label_example(session, insects, ids[0], "bee")
    with database.write() as session:
        assert labelling.label_examples(session, insects, [*ids, ids[0]], "bee") == 2
    assert counts(database, insects) == {"ant": 0, "bee": 3, "wasp": 0}


def test_a_label_can_be_taken_back_and_a_new_one_comes_with_its_pictures(
    database: Database, insects: Classifier, ids: list[str]
) -> None:
    with database.write() as session:
        example = labelling.label_example(session, insects, ids[0], None)
        assert (example.label_id, example.labelled_at) == (None, None)
        assert labelling.label_examples(session, insects, ids[1:], " hover  fly ") == 2
    assert counts(database, insects) == {"ant": 0, "bee": 0, "wasp": 0, "hover fly": 2}
    with database.read() as session:
        assert classifiers.unlabelled_count(session, insects) == 1
        assert session.get_one(Example, ids[1]).labelled_at is not None


def test_all_or_none_are_labelled(database: Database, insects: Classifier, ids: list[str]) -> None:
    with pytest.raises(NotFound, match="ex_none") as caught, database.write() as session:
        labelling.label_examples(session, insects, [*ids, "ex_none"], "bee")
    assert caught.value.extra["missing"] == ["ex_none"]
    with pytest.raises(Unprocessable), database.write() as session:
        labelling.label_examples(session, insects, ids, "\x00")
    with pytest.raises(Unprocessable, match="1000"), database.write() as session:
        labelling.label_examples(session, insects, [f"ex_{i}" for i in range(1001)], "bee")
    assert counts(database, insects) == {"ant": 3, "bee": 0, "wasp": 0}


def test_charlie_labels_no_example_of_alices(
    database: Database, ids: list[str], charlie: Person
) -> None:
    with database.write() as session:
        his = classifiers.create_classifier(session, charlie.workspace_id, name="His")
        with pytest.raises(NotFound):
            labelling.label_examples(session, his, ids, "mine")
        with pytest.raises(NotFound):
            labelling.label_example(session, his, ids[0], None)


def test_a_recipe_with_fixed_labels_takes_no_others(
    database: Database, ids: list[str], alice: Person
) -> None:
    with database.write() as session:
        pages = classifiers.create_classifier(
            session, alice.workspace_id, name="Pages", recipe="orientation"
        )
        example = session.get_one(Example, ids[0])
        example.classifier_id = pages.id
        example.label_id = None
        session.flush()
        with pytest.raises(Unprocessable, match="upside_down"):
            labelling.label_example(session, pages, ids[0], "sideways")
        assert labelling.label_example(session, pages, ids[0], "left").label_id is not None


def test_who_finds_a_doubtful_label_right_is_written_down(
    database: Database, insects: Classifier, ids: list[str]
) -> None:
    with database.write() as session:
        before = session.get_one(Classifier, insects.id).changes
        assert labelling.confirm_example(session, insects, ids[0]) == "ant"
    with database.write() as session:
        assert labelling.confirmed(session, ids) == {ids[0]: "ant"}
        # Nothing is new to learn.
        assert session.get_one(Classifier, insects.id).changes == before
        labelling.label_example(session, insects, ids[0], "bee")
        labelling.confirm_example(session, insects, ids[0])
        # What was said last holds.
        assert labelling.confirmed(session, ids) == {ids[0]: "bee"}


def test_without_a_label_there_is_nothing_to_find_right(
    database: Database, insects: Classifier, ids: list[str]
) -> None:
    with database.write() as session:
        labelling.label_example(session, insects, ids[0], None)
    with pytest.raises(Unprocessable, match="give it one"), database.write() as session:
        labelling.confirm_example(session, insects, ids[0])
    with pytest.raises(NotFound), database.write() as session:
        labelling.confirm_example(session, insects, "ex_none")
