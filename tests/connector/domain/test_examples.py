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
from connector.domain import classifiers, examples
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

    def __call__(self, data: bytes, label: str, name: str = "a.png") -> tuple[Example, str]:
        with self.database.write() as session:
            return examples.add_example(
                session, self.blobs, self.settings, self.row, data, label, name, "api"
            )


@pytest.fixture
def add(database: Database, blobs: LocalBlobs, settings: Settings, insects: Classifier) -> Adder:
    return Adder(database, blobs, settings, insects)


def test_the_same_content_is_one_example_and_the_last_label_wins(
    database: Database, insects: Classifier, add: Adder
) -> None:
    first, outcome = add(picture(1), "ant", "folder/größe.png")
    assert outcome == "added"
    assert first.name == "größe.png"
    again, outcome = add(picture(1), "ant", "copy.png")
    assert (again.id, outcome) == (first.id, "duplicate")
    moved, outcome = add(picture(1), "bee")
    assert (moved.id, outcome) == (first.id, "relabelled")
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
    first, _ = add(picture(1), "ant")
    with database.write() as session:
        second = classifiers.create_classifier(session, alice.workspace_id, name="Second")
        again, outcome = examples.add_example(
            session, blobs, settings, second, picture(1), "x", "", "api"
        )
        foreign = classifiers.create_classifier(session, charlie.workspace_id, name="Other")
        other, _ = examples.add_example(
            session, blobs, settings, foreign, picture(1), "x", "", "api"
        )
    assert outcome == "added"
    assert again.image_id == first.image_id
    assert other.image_id != first.image_id
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
    added = [add(picture(seed), "ant" if seed % 2 else "bee")[0].id for seed in range(5)]
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
    example, _ = add(picture(1), "ant")
    with database.write() as session:
        his = classifiers.create_classifier(session, charlie.workspace_id, name="His")
        with pytest.raises(NotFound):
            examples.get_example(session, his, example.id)
