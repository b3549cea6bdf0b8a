"""A classifier's settings: its name, labels with what hangs on them, retention, and its end."""

from __future__ import annotations

import html
import re

import pytest
from caller import Caller
from pagereading import Reader
from stage import SORTED, Stage

from connector.db import Database
from connector.db.tables import Classifier, Example, Label
from connector.domain import training_sets
from connector.settings import Settings


@pytest.fixture
def parts() -> set[str]:
    return {SORTED}


@pytest.fixture
def tab(stage: Stage) -> str:
    return f"/classifiers/{stage.classifiers['live']}/settings"


def label_path(database: Database, stage: Stage, tab: str, name: str) -> str:
    with database.read() as session:
        wanted = {"classifier_id": stage.classifiers["live"], "name": name}
        return f"{tab}/labels/{session.query(Label).filter_by(**wanted).one().id}"


def count(database: Database, stage: Stage, label: str | None) -> int:
    """Count the pictures that have this label, or none."""
    with database.read() as session:
        rows = session.query(Example).filter_by(classifier_id=stage.classifiers["live"])
        if label is None:
            return rows.filter(Example.label_id.is_(None)).count()
        return rows.join(Label, Label.id == Example.label_id).filter(Label.name == label).count()


def names(reader: Reader, tab: str) -> list[str]:
    return re.findall(r'aria-label="Change the label ([^"]+)"', reader.get(tab).text)


def test_what_is_set_is_shown(readers: dict[str, Reader], tab: str) -> None:
    page = readers["Bob"].get(tab).text
    assert "A person is asked below a threshold of confidence" in page
    assert "It trains only when it is told to." in page
    assert "Whether left and right matter was not looked into yet" in page
    assert re.search(r"<strong>red</strong>\s+<span[^>]*>One|1 picture", page)
    assert readers["Rosa"].get(tab).status_code == 403


def test_it_is_called_otherwise(readers: dict[str, Reader], tab: str) -> None:
    bob = readers["Bob"]
    assert bob.post(f"{tab}/name", {"name": "Paints <new>"}, form=tab).status_code == 303
    assert "<h1>Paints &lt;new&gt;</h1>" in bob.get(tab).text
    taken = bob.post(f"{tab}/name", {"name": "Spare parts"}, form=tab)
    assert taken.status_code == 409
    assert "choose another name" in taken.text
    assert 'value="Spare parts"' in taken.text
    assert bob.post(f"{tab}/name", {"name": " "}, form=tab).status_code == 422


def test_labels_are_added_and_renamed_and_moved(
    readers: dict[str, Reader], tab: str, database: Database, stage: Stage
) -> None:
    bob = readers["Bob"]
    before = names(bob, tab)
    bob.post(f"{tab}/labels", {"name": " dark  red "}, form=tab)
    assert names(bob, tab) == [*before, "dark red"]
    again = bob.post(f"{tab}/labels", {"name": "dark red"}, form=tab)
    assert again.status_code == 409
    assert "There is a label" in again.text
    path = label_path(database, stage, tab, "dark red")
    assert "No picture has this label." in bob.get(path).text
    bob.post(f"{path}/change", {"name": "maroon", "place": "1"}, form=path)
    assert names(bob, tab) == ["maroon", *before]
    refused = bob.post(f"{path}/change", {"name": before[0], "place": "1"}, form=path)
    assert refused.status_code == 409
    assert f'value="{before[0]}"' in refused.text


def test_two_labels_become_one(
    readers: dict[str, Reader], tab: str, database: Database, stage: Stage
) -> None:
    bob = readers["Bob"]
    path = label_path(database, stage, tab, "red")
    into = label_path(database, stage, tab, "blue").rpartition("/")[2]
    assert "One picture has this label." in bob.get(path).text
    before = count(database, stage, "blue")
    itself = bob.post(f"{path}/merge", {"into": path.rpartition("/")[2]}, form=path)
    assert itself.status_code == 422
    assert "cannot be merged into itself" in html.unescape(itself.text)
    bob.post(f"{path}/merge", {"into": into}, form=path)
    assert "“red” is part of “blue” now." in bob.get(tab).text
    assert "red" not in names(bob, tab)
    assert count(database, stage, "blue") == before + 1


@pytest.mark.parametrize("fate", ["unlabel", "delete"])
def test_a_label_is_taken_away_with_its_pictures_fate(
    readers: dict[str, Reader], tab: str, database: Database, stage: Stage, fate: str
) -> None:
    bob, path = readers["Bob"], label_path(database, stage, tab, "green")
    unlabelled = count(database, stage, None)
    unsaid = bob.post(f"{path}/remove", form=path)
    assert unsaid.status_code == 409
    assert "Say what becomes of its pictures." in unsaid.text
    assert bob.post(f"{path}/remove", {"examples": fate}, form=path).status_code == 303
    assert "green" not in names(bob, tab)
    assert count(database, stage, None) == unlabelled + (fate == "unlabel")


def test_fixed_labels_stay(readers: dict[str, Reader], stage: Stage, database: Database) -> None:
    tab = f"/classifiers/{stage.classifiers['empty']}/settings"
    page = readers["Bob"].get(tab).text
    assert "fixed labels" in page
    assert names(readers["Bob"], tab) == []
    assert readers["Bob"].post(f"{tab}/labels", {"name": "sideways"}, form=tab).status_code == 409


def test_left_and_right_matter_where_somebody_says_so(
    readers: dict[str, Reader], tab: str, database: Database, stage: Stage
) -> None:
    bob = readers["Bob"]
    for matter, said in (
        ("yes", "never learns from mirrored pictures"),
        ("no", "looked into yet"),
    ):
        bob.post(f"{tab}/sides", {"matter": matter}, form=tab)
        assert said in bob.get(tab).text
        with database.read() as session:
            row = session.get_one(Classifier, stage.classifiers["live"])
            assert row.sides_matter is (matter == "yes")
            assert training_sets.training_set(session, row.id).sides_matter is row.sides_matter


def test_how_long_pictures_stay(
    readers: dict[str, Reader], tab: str, database: Database, stage: Stage
) -> None:
    bob = readers["Bob"]

    def kept() -> int | None:
        with database.read() as session:
            return session.get_one(Classifier, stage.classifiers["live"]).retention_days

    for values, days in (
        ({"keep": "days", "days": " 30 "}, 30),
        ({"keep": "never", "days": "30"}, 0),
        ({"keep": "service", "days": ""}, None),
    ):
        assert bob.post(f"{tab}/retention", values, form=tab).status_code == 303
        assert kept() == days
    for text in ("", "0", "soon", "99999", "1.5"):
        values = {"keep": "days", "days": text}
        refused = bob.post(f"{tab}/retention", values, form=tab)
        assert refused.status_code == 422
        assert "a whole number from 1 to 36,500" in refused.text
        assert re.search(r'value="days" checked', refused.text)
        assert kept() is None


def test_it_is_deleted_by_its_name_alone(
    readers: dict[str, Reader], tab: str, stage: Stage, database: Database, as_alice: Caller
) -> None:
    bob = readers["Bob"]
    path = f"{tab}/delete"
    with database.read() as session:
        name = session.get_one(Classifier, stage.classifiers["live"]).name
    page = bob.get(path).text
    assert "One open question" in page
    assert "Its pictures and versions, on the disk." in page
    wrong = bob.post(path, {"name": name.upper()}, form=path)
    assert wrong.status_code == 422
    assert "That is not its name." in wrong.text
    assert bob.get(tab).status_code == 200
    assert bob.post(path, {"name": f" {name} "}, form=path).headers["Location"] in (
        "/",
        "/classifiers",
    )
    assert bob.get(tab).status_code == 404
    path = f"/api/v1/classifiers/{stage.classifiers['live']}"
    assert as_alice.get(path).status_code == 404


def test_what_stays_is_said_truly_with_retention(
    settings: Settings, stage: Stage, readers: dict[str, Reader], tab: str
) -> None:
    readers["Bob"].post(f"{tab}/retention", {"keep": "days", "days": "30"}, form=tab)
    assert "for 30 days at most" in readers["Bob"].get(f"{tab}/delete").text
