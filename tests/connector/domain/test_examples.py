"""Examples: content counts, not file names."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image as Picture
from sqlalchemy import func, select

from connector.db import Database
from connector.db.tables import Classifier, Example, Image
from connector.domain import classifiers, contradictions, examples
from connector.domain.examples import Added
from connector.errors import NotFound, Unprocessable
from connector.settings import Settings
from connector.storage import LocalBlobs

Person = Any


def picture(seed: int) -> bytes:
    noise = np.random.default_rng(seed).integers(0, 255, (24, 32, 3), np.uint8)
    stream = io.BytesIO()
    Picture.fromarray(noise).save(stream, "PNG")
    return stream.getvalue()


@pytest.fixture
def insects(database: Database, alice: Person) -> Classifier:
    with database.write() as session:
        return classifiers.create_classifier(
            session, alice.workspace_id, name="Insects", labels=["ant", "bee"]
        )


class Adder:
    """Adds examples, each in a transaction of its own."""

    def __init__(
        self, database: Database, blobs: LocalBlobs, settings: Settings, row: Classifier
    ) -> None:
        self.database, self.blobs, self.settings, self.row = database, blobs, settings, row

    def __call__(
        self, data: bytes, label: str | None, name: str = "a.png", origin: str = "api"
    ) -> Added:
        with self.database.write() as session:
            return examples.add_example(
                session, self.blobs, self.settings, self.row, data, label, name, origin
            )


@pytest.fixture
def add(database: Database, blobs: LocalBlobs, settings: Settings, insects: Classifier) -> Adder:
    return Adder(database, blobs, settings, insects)


def test_the_same_content_is_one_example_and_the_last_label_wins(
    database: Database, insects: Classifier, add: Adder
) -> None:
    first = add(picture(1), "ant", "folder/größe.png")
    assert (first.outcome, first.contradiction) == ("added", None)
    assert first.example.name == "größe.png"
    again = add(picture(1), "ant", "copy.png")
    assert (again.example.id, again.outcome) == (first.example.id, "duplicate")
    assert again.contradiction is None
    moved = add(picture(1), "bee")
    assert (moved.example.id, moved.outcome) == (first.example.id, "relabelled")
    assert contradictions.resource(moved.contradiction) == {
        "kind": "same",
        "example_id": first.example.id,
        "label": "ant",
        "sentence": "This same picture was labelled “ant” before; now it is “bee”.",
    }
    with database.read() as session:
        assert classifiers.example_counts(session, insects) == {"ant": 0, "bee": 1}


def test_a_new_label_comes_with_its_first_example(
    database: Database, insects: Classifier, add: Adder
) -> None:
    add(picture(1), "wasp")
    with database.read() as session:
        assert classifiers.example_counts(session, insects) == {"ant": 0, "bee": 0, "wasp": 1}


def test_a_damaged_picture_leaves_nothing(
    database: Database, blobs: LocalBlobs, add: Adder
) -> None:
    data = picture(1)
    for bad in (data[:-30], data[:60] + bytes(200) + data[260:]):
        with pytest.raises(Unprocessable):
            add(bad, "ant")
    with pytest.raises(Unprocessable):
        add(data, "\x00")
    with database.read() as session:
        assert session.scalar(select(func.count(Image.id))) == 0
    assert not [path for path in blobs.root.rglob("*") if path.is_file()]


def test_bytes_are_kept_once_for_two_classifiers(
    database: Database,
    blobs: LocalBlobs,
    settings: Settings,
    alice: Person,
    charlie: Person,
    add: Adder,
) -> None:
    first = add(picture(1), "ant").example
    with database.write() as session:
        second = classifiers.create_classifier(session, alice.workspace_id, name="Second")
        again = examples.add_example(session, blobs, settings, second, picture(1), "x", "", "api")
        foreign = classifiers.create_classifier(session, charlie.workspace_id, name="Other")
        other = examples.add_example(session, blobs, settings, foreign, picture(1), "x", "", "api")
    assert again.outcome == "added"
    assert again.example.image_id == first.image_id
    assert other.example.image_id != first.image_id
    assert len([path for path in blobs.root.rglob("*") if path.is_file()]) == 1


def test_a_recipe_with_fixed_labels_takes_no_others(
    database: Database, blobs: LocalBlobs, settings: Settings, alice: Person
) -> None:
    with database.write() as session:
        pages = classifiers.create_classifier(
            session, alice.workspace_id, name="Pages", recipe="orientation"
        )
        with pytest.raises(Unprocessable, match="upside_down") as caught:
            examples.add_example(session, blobs, settings, pages, picture(1), "sideways", "", "api")
    assert caught.value.code == "unknown_label"
    assert not [path for path in blobs.root.rglob("*") if path.is_file()]


def test_examples_are_listed_shown_and_deleted(
    database: Database, insects: Classifier, alice: Person, add: Adder
) -> None:
    added = [add(picture(seed), "ant" if seed % 2 else "bee").example.id for seed in range(5)]
    with database.write() as session:
        page = examples.list_examples(session, insects, limit=3)
        rest = examples.list_examples(session, insects, limit=3, cursor=page.next_cursor)
        assert [e.id for e in page.items + rest.items] == sorted(added, reverse=True)
        ants = examples.list_examples(session, insects, label="ant").items
        assert {e.id for e in ants} == {added[1], added[3]}
        shown = examples.resource(session, ants[0], "https://c.example")
        assert shown["label"] == "ant"
        assert shown["image_url"].startswith("https://c.example/api/v1/classifiers/clf_")
        examples.delete_example(session, insects, added[0])
        with pytest.raises(NotFound):
            examples.delete_example(session, insects, added[0])


def test_an_example_of_another_classifier_is_not_found(
    database: Database, charlie: Person, add: Adder
) -> None:
    example = add(picture(1), "ant").example
    with database.write() as session:
        his = classifiers.create_classifier(session, charlie.workspace_id, name="His")
        with pytest.raises(NotFound):
            examples.get_example(session, his, example.id)


def test_a_picture_without_a_label_waits_for_one_and_keeps_what_it_gets(
    database: Database, insects: Classifier, add: Adder
) -> None:
    waiting = add(picture(1), None)
    assert (waiting.outcome, waiting.learnable) == ("added", False)
    assert (waiting.example.label_id, waiting.example.labelled_at) == (None, None)
    with database.read() as session:
        assert examples.resource(session, waiting.example, "")["label"] is None
        assert classifiers.summary(session, insects, "")["unlabelled"] == 1
        assert classifiers.example_counts(session, insects) == {"ant": 0, "bee": 0}
    labelled = add(picture(1), "ant", origin="import")
    assert (labelled.outcome, labelled.contradiction) == ("labelled", None)
    assert (labelled.example.id, labelled.example.origin) == (waiting.example.id, "import")
    assert labelled.example.labelled_at is not None
    assert add(picture(1), None).outcome == "duplicate"
    with database.read() as session:
        assert examples.label_of(session, session.get_one(Example, waiting.example.id)) == "ant"
        assert classifiers.summary(session, insects, "")["unlabelled"] == 0


def test_a_label_that_changes_has_a_new_time(add: Adder) -> None:
    first = add(picture(1), "ant").example.labelled_at
    assert first is not None
    assert add(picture(1), "ant").example.labelled_at == first
    second = add(picture(1), "bee").example.labelled_at
    assert second is not None
    assert second > first


def test_examples_are_listed_by_label_by_whether_they_have_one_and_by_origin(
    database: Database, insects: Classifier, add: Adder
) -> None:
    ids = [
        add(picture(i), label, origin=origin).example.id
        for i, (label, origin) in enumerate(
            [("ant", "api"), (None, "import"), (None, "import:imp_1"), ("bee", "import:imp_12")]
        )
    ]
    wanted: list[tuple[dict[str, Any], list[int]]] = [
        ({}, [3, 2, 1, 0]),
        ({"labelled": True}, [3, 0]),
        ({"labelled": False}, [2, 1]),
        ({"labelled": False, "label": "ant"}, []),
        ({"origin": "import"}, [3, 2, 1]),
        ({"origin": "import:imp_1"}, [2]),
        ({"origin": "import", "labelled": True}, [3]),
        ({"origin": "%"}, []),
    ]
    with database.read() as session:
        for filters, expected in wanted:
            found = examples.list_examples(session, insects, **filters).items
            assert [one.id for one in found] == [ids[i] for i in expected], filters
