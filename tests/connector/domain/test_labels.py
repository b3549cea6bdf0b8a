"""Labels that change: examples, rules and the live model's answers follow."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from colours import colour_classifier
from sqlalchemy import func, select

from connector.db import Database
from connector.db.tables import Classifier, Example, Label
from connector.domain import aliases, classifiers, labels
from connector.errors import Conflict, NotFound, Unprocessable
from connector.storage import LocalBlobs

Person = Any


class Insects:
    """Alice's insects: labels by name, each change in a transaction of its own."""

    def __init__(self, database: Database, row: Classifier) -> None:
        self.database, self.row = database, row

    def id(self, name: str) -> str:
        with self.database.read() as session:
            return classifiers.find_label(session, self.row, name).id

    def do(self, function: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        with self.database.write() as session:
            return function(session, self.row, *arguments, **options)

    def counts(self) -> dict[str, int]:
        with self.database.read() as session:
            return classifiers.example_counts(session, self.row)

    def positions(self) -> list[int]:
        with self.database.read() as session:
            return [label.position for label in classifiers.labels(session, self.row)]

    def now(self) -> Classifier:
        with self.database.read() as session:
            return session.get_one(Classifier, self.row.id)

    def aliases(self) -> list[tuple[Any, ...]]:
        """Return from, to, up to which version, and at which change, of each."""
        keys = ("from", "to", "up_to_version", "at")
        return [tuple(one[key] for key in keys) for one in self.now().aliases]


@pytest.fixture
def jar(database: Database, insects: Classifier, give: Callable[..., None]) -> Insects:
    give(ant=3, bee=2)
    return Insects(database, insects)


def test_a_label_is_added_after_the_others(jar: Insects) -> None:
    added = jar.do(labels.add_label, " hover  fly ")
    assert (added.name, added.position) == ("hover fly", 3)
    assert list(jar.counts()) == ["ant", "bee", "wasp", "hover fly"]
    assert jar.now().changes == 0


def test_a_renamed_label_keeps_its_examples(jar: Insects) -> None:
    label_id = jar.id("ant")
    renamed = jar.do(labels.rename_label, label_id, "emmet")
    assert (renamed.id, renamed.position) == (label_id, 0)
    assert jar.counts() == {"emmet": 3, "bee": 2, "wasp": 0}
    assert jar.aliases() == [("ant", "emmet", 0, 1)]
    assert jar.now().changes == 1
    jar.do(labels.rename_label, label_id, " emmet ")
    assert len(jar.now().aliases) == jar.now().changes == 1


def test_names_stay_unique(jar: Insects) -> None:
    for change in (
        lambda: jar.do(labels.rename_label, jar.id("ant"), "bee"),
        lambda: jar.do(labels.add_label, "bee "),
    ):
        with pytest.raises(Conflict, match="merge") as caught:
            change()
        assert caught.value.code == "label_name_taken"
    with pytest.raises(Unprocessable):
        jar.do(labels.rename_label, jar.id("ant"), "a\x00b")
    assert jar.counts() == {"ant": 3, "bee": 2, "wasp": 0}
    assert jar.now().aliases == []


def test_merged_labels_are_one_with_all_the_examples(jar: Insects) -> None:
    with jar.database.write() as session:
        before = session.scalars(select(Example.labelled_at)).all()
        session.get_one(Classifier, jar.row.id).operating = {"version": 1}
    left = jar.do(labels.merge_labels, jar.id("ant"), jar.id("wasp"))
    assert left.name == "wasp"
    assert jar.counts() == {"bee": 2, "wasp": 3}
    assert jar.positions() == [0, 1]
    row = jar.now()
    assert row.changes == 3
    assert jar.aliases() == [("ant", "wasp", 0, 3)]
    assert (row.operating, row.stale) == (None, True)
    with jar.database.read() as session:
        latest = session.scalar(select(func.max(Example.labelled_at)))
    assert latest > max(one for one in before if one is not None)


def test_a_label_is_not_merged_into_itself_or_into_none(jar: Insects) -> None:
    with pytest.raises(Unprocessable, match="itself"):
        jar.do(labels.merge_labels, jar.id("ant"), jar.id("ant"))
    with pytest.raises(NotFound):
        jar.do(labels.merge_labels, jar.id("ant"), "lbl_none")
    assert jar.counts() == {"ant": 3, "bee": 2, "wasp": 0}


def test_a_label_without_examples_goes(jar: Insects) -> None:
    jar.do(labels.remove_label, jar.id("wasp"))
    assert jar.counts() == {"ant": 3, "bee": 2}
    assert jar.aliases() == [("wasp", None, 0, 1)]


@pytest.mark.parametrize(("fate", "left", "waiting"), [("unlabel", 5, 3), ("delete", 2, 0)])
def test_a_label_with_examples_goes_when_it_is_said_what_becomes_of_them(
    jar: Insects, fate: str, left: int, waiting: int
) -> None:
    with pytest.raises(Conflict, match="3 example") as caught:
        jar.do(labels.remove_label, jar.id("ant"))
    assert (caught.value.code, caught.value.extra) == ("label_has_examples", {"examples": 3})
    jar.do(labels.remove_label, jar.id("ant"), fate)
    assert jar.counts() == {"bee": 2, "wasp": 0}
    assert jar.positions() == [0, 1]
    assert (jar.now().changes, jar.now().stale) == (3, True)
    with jar.database.read() as session:
        assert session.scalar(select(func.count(Example.id))) == left
        assert classifiers.unlabelled_count(session, jar.row) == waiting
        unlabelled = select(Example).where(Example.label_id.is_(None))
        assert all(one.labelled_at is None for one in session.scalars(unlabelled))


@pytest.mark.parametrize(
    ("position", "expected"),
    [(0, ["wasp", "ant", "bee"]), (1, ["ant", "wasp", "bee"]), (99, ["ant", "bee", "wasp"])],
)
def test_labels_can_be_put_in_another_order(
    jar: Insects, position: int, expected: list[str]
) -> None:
    jar.do(labels.move_label, jar.id("wasp"), position)
    assert list(jar.counts()) == expected
    assert jar.positions() == [0, 1, 2]
    assert jar.now().changes == 0


def test_the_live_model_is_read_by_the_new_names_and_a_name_can_be_used_again(
    database: Database, blobs: LocalBlobs, alice: Person
) -> None:
    with database.write() as session:
        row = colour_classifier(session, blobs, alice.workspace_id)
    jar = Insects(database, row)
    jar.do(labels.rename_label, jar.id("red"), "crimson")
    jar.do(labels.add_label, "red")
    jar.do(labels.merge_labels, jar.id("blue"), jar.id("green"))
    jar.do(labels.remove_label, jar.id("red"))
    jar.do(labels.add_label, "red")
    kept = jar.now().aliases
    assert [one["up_to_version"] for one in kept] == [1, 1, 1]
    said = {"blue": 0.2, "green": 0.1, "red": 0.7}
    assert aliases.probabilities(said, 1, kept) == pytest.approx({"green": 0.3, "crimson": 0.7})
    assert aliases.current_name("red", 2, kept) == "red"


@pytest.mark.parametrize("recipe", ["yes_no", "orientation"])
def test_a_recipe_with_fixed_labels_keeps_them(
    database: Database, alice: Person, recipe: str
) -> None:
    with database.write() as session:
        row = classifiers.create_classifier(session, alice.workspace_id, name="x", recipe=recipe)
        first, second = classifiers.labels(session, row)[:2]
    jar = Insects(database, row)
    for function, arguments in (
        (labels.add_label, ("maybe",)),
        (labels.rename_label, (first.id, "maybe")),
        (labels.move_label, (first.id, 1)),
        (labels.merge_labels, (first.id, second.id)),
        (labels.remove_label, (first.id,)),
    ):
        with pytest.raises(Conflict, match="fixed") as caught:
            jar.do(function, *arguments)
        assert caught.value.code == "fixed_labels"
    assert list(jar.counts()) == list(classifiers.RECIPES[recipe])


def test_charlie_changes_no_label_of_alices(
    jar: Insects, database: Database, charlie: Person
) -> None:
    with database.write() as session:
        his = classifiers.create_classifier(session, charlie.workspace_id, name="His", labels=["x"])
    hers = jar.id("ant")
    other = Insects(database, his)
    for function, arguments in (
        (labels.get_label, (hers,)),
        (labels.rename_label, (hers, "y")),
        (labels.move_label, (hers, 0)),
        (labels.merge_labels, (hers, other.id("x"))),
        (labels.merge_labels, (other.id("x"), hers)),
        (labels.remove_label, (hers, "delete")),
    ):
        with pytest.raises(NotFound):
            other.do(function, *arguments)
    assert jar.counts() == {"ant": 3, "bee": 2, "wasp": 0}
    with database.read() as session:
        assert session.scalar(select(func.count(Label.id))) == 4


def test_labels_are_shown_in_their_order_with_their_examples(jar: Insects) -> None:
    with jar.database.read() as session:
        shown = labels.resources(session, jar.row)
        assert shown[0] == labels.resource(session, session.get_one(Label, jar.id("ant")))
    assert [(one["name"], one["position"], one["examples"]) for one in shown] == [
        ("ant", 0, 3),
        ("bee", 1, 2),
        ("wasp", 2, 0),
    ]
