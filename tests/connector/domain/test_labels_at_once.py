"""Labels change while pictures get them, on both databases: nothing is lost, nobody is stuck."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from colours import picture
from sqlalchemy import select
from sqlalchemy.orm import Session

from connector.db import Database
from connector.db.tables import Classifier, Example, Label
from connector.domain import classifiers, examples, labelling, labels
from connector.errors import NotFound
from connector.settings import Settings
from connector.storage import LocalBlobs

# How long the other is given to come through before the commit; whoever need not wait needs less.
SECONDS = 0.3


@pytest.fixture
def kept(blobs: LocalBlobs, settings: Settings) -> list[examples.Kept]:
    return [examples.keep(blobs, settings, picture("red", seed=seed)) for seed in range(4)]


def meanwhile(
    database: Database, first: Callable[[Session], Any], second: Callable[[Session], Any]
) -> Any:
    """Return what `second` returned, run in another thread while `first` has not committed."""
    came_through = threading.Event()

    def other() -> Any:
        with database.write() as session:
            return second(session)

    with ThreadPoolExecutor(1) as pool:
        with database.write() as session:
            first(session)
            theirs: Future[Any] = pool.submit(other)
            theirs.add_done_callback(lambda _: came_through.set())
            assert not came_through.wait(SECONDS)
        return theirs.result(timeout=30)


def label_id(database: Database, classifier: Classifier, name: str) -> str:
    with database.read() as session:
        return classifiers.find_label(session, classifier, name).id


def test_a_picture_that_gets_a_label_while_it_is_renamed_gets_a_new_one_of_that_name(
    database: Database, insects: Classifier, kept: list[examples.Kept]
) -> None:
    ant = label_id(database, insects, "ant")
    meanwhile(
        database,
        lambda session: labels.rename_label(session, insects, ant, "emmet"),
        lambda session: examples.add_kept(session, insects, kept[0], "ant", "", "api"),
    )
    with database.read() as session:
        counts = classifiers.example_counts(session, insects)
        assert counts == {"emmet": 0, "bee": 0, "wasp": 0, "ant": 1}
        assert session.get_one(Classifier, insects.id).changes == 2


def test_a_picture_that_just_got_a_label_is_merged_with_it(
    database: Database, insects: Classifier, kept: list[examples.Kept]
) -> None:
    ant, bee = (label_id(database, insects, name) for name in ("ant", "bee"))
    meanwhile(
        database,
        lambda session: examples.add_kept(session, insects, kept[0], "ant", "", "api"),
        lambda session: labels.merge_labels(session, insects, ant, bee),
    )
    with database.read() as session:
        assert classifiers.example_counts(session, insects) == {"bee": 1, "wasp": 0}


def test_two_who_change_the_same_label_take_turns(
    database: Database, insects: Classifier, give: Callable[..., None]
) -> None:
    give(ant=2)
    ant, bee = (label_id(database, insects, name) for name in ("ant", "bee"))
    with pytest.raises(NotFound):
        meanwhile(
            database,
            lambda session: labels.merge_labels(session, insects, ant, bee),
            lambda session: labels.rename_label(session, insects, ant, "emmet"),
        )
    meanwhile(
        database,
        lambda session: labels.rename_label(session, insects, bee, "drone"),
        lambda session: labels.add_label(session, insects, "ant"),
    )
    with database.read() as session:
        row = session.get_one(Classifier, insects.id)
        assert [(one["from"], one["to"]) for one in row.aliases] == [
            ("ant", "bee"),
            ("bee", "drone"),
        ]
        assert row.changes == 3


def test_many_at_once_neither_lose_a_count_nor_wait_for_each_other_for_ever(
    database: Database, insects: Classifier, kept: list[examples.Kept]
) -> None:
    """Pictures are added and labelled in opposite orders, labels are renamed to and fro."""
    with database.write() as session:
        for one in kept:
            examples.add_kept(session, insects, one, "ant", "", "api")
        ids = list(session.scalars(select(Example.id)))
    wasp = label_id(database, insects, "wasp")
    together = threading.Barrier(4)
    changed: list[int] = []

    def label(order: list[str], names: tuple[str, str]) -> None:
        together.wait(10)
        for turn in range(6):
            with database.write() as session:
                changed.append(labelling.label_examples(session, insects, order, names[turn % 2]))

    def add(order: list[examples.Kept]) -> None:
        together.wait(10)
        for turn in range(6):
            with database.write() as session:
                for one in order:
                    added = examples.add_kept(session, insects, one, "x", "", f"{turn}")
                    changed.append(int(added.learnable))

    def rename() -> None:
        together.wait(10)
        for turn in range(6):
            with database.write() as session:
                labels.rename_label(session, insects, wasp, f"wasp {turn}")
                changed.append(1)

    with ThreadPoolExecutor(4) as pool:
        work = [
            pool.submit(label, ids, ("ant", "bee")),
            pool.submit(label, ids[::-1], ("bee", "ant")),
            pool.submit(add, kept),
            pool.submit(rename),
        ]
        for one in work:
            one.result(timeout=30)
    with database.read() as session:
        assert session.get_one(Classifier, insects.id).changes == len(kept) + sum(changed)
        assert session.get_one(Label, wasp).name == "wasp 5"
