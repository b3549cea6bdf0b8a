"""The tab Pictures: leafing, filters, labelling and undoing."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from typing import Any

import pytest
from conftest import Person
from flask import Flask
from pagereading import Reader, queries
from sqlalchemy import insert, select
from stage import SORTED, Stage

from connector.db import Database
from connector.db.tables import Embedding, Example
from connector.db.tables import Image as ImageRow
from connector.db.types import utcnow
from connector.domain import examples, looks
from connector.ids import new_id
from workers import scoring
from workers.runtime import Runtime

MANY = 2_000


@pytest.fixture
def parts() -> Collection[str]:
    return {SORTED}


@pytest.fixture
def path(stage: Stage) -> str:
    """The tab's address, of a classifier with three labelled pictures and two without a label."""
    return f"/classifiers/{stage.ids['classifier_id']}/pictures"


@pytest.fixture
def alice_reads(readers: dict[str, Reader]) -> Reader:
    """Alice, who owns the classifier."""
    return readers["Alice"]


def shown(text: str) -> list[str]:
    """The ids of the pictures on a page; of a folded one, with the copies that it stands for."""
    return re.findall(r'name="picture" value="([^"]+)"', text)


def labels(database: Database, stage: Stage) -> dict[str, str | None]:
    """Every picture's label, by its name."""
    with database.read() as session:
        mine = Example.classifier_id == stage.ids["classifier_id"]
        rows = session.scalars(select(Example).where(mine)).all()
        return {row.name: examples.label_of(session, row) for row in rows}


def id_of(database: Database, name: str) -> str:
    with database.read() as session:
        return session.scalars(select(Example.id).where(Example.name == name)).one()


def test_all_are_there_newest_first(alice_reads: Reader, path: str, database: Database) -> None:
    found = shown(alice_reads.get(path).text)
    assert found == sorted(found, reverse=True)
    assert len(found) == 5
    assert found[-1] == id_of(database, "sorted-0.png")


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("?show=unlabelled", {"sorted-3.png", "sorted-4.png"}),
        ("?q=TED-1", {"sorted-1.png"}),
        ("?q=%25", set()),
        ("?origin=import", {f"sorted-{n}.png" for n in range(5)}),
        ("?origin=api", set()),
        ("?show=unlabelled&q=4", {"sorted-4.png"}),
    ],
)
def test_filters(
    alice_reads: Reader, path: str, database: Database, query: str, names: set[str]
) -> None:
    found = shown(alice_reads.get(path + query).text)
    assert set(found) == {id_of(database, name) for name in names}


def test_those_of_one_label(alice_reads: Reader, path: str, database: Database) -> None:
    text = alice_reads.get(path).text
    href = re.search(r'href="([^"]+of=[^"]+)"[^>]*><span>green</span>', text)
    assert href is not None
    found = shown(alice_reads.get(href[1]).text)
    assert found == [id_of(database, "sorted-1.png")]


def test_likely_mistakes_are_those_whose_label_is_still_the_unlikely_one(
    alice_reads: Reader, path: str, stage: Stage, database: Database, suspect: Callable[..., None]
) -> None:
    suspect("sorted-0.png", "blue", "red")
    suspect("sorted-1.png", "blue", "red")  # it is green by now
    text = alice_reads.get(f"{path}?show=mistakes").text
    assert shown(text) == [id_of(database, "sorted-0.png")]
    assert "rather “red”?" in text


@pytest.fixture
def suspect(
    app: Flask, database: Database, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., None]:
    """Write into the live version's report that a label is likely wrong."""
    import json

    from connector.db.tables import ModelVersion

    blobs = app.extensions["colabel"].blobs

    def add(name: str, given: str, suggested: str) -> None:
        with database.write() as session:
            row = session.scalars(select(Example).where(Example.name == name)).one()
            sha256 = examples.image_of(session, row).sha256
            version = session.scalars(
                select(ModelVersion).where(ModelVersion.classifier_id == stage.ids["classifier_id"])
            ).one()
            told = json.loads(blobs.read(version.report_sha256))
            told["suspects"]["pictures"].append(
                {"sha256": sha256, "given": given, "suggested": suggested}
            )
            version.report_sha256 = blobs.put(json.dumps(told).encode())

    return add


def test_a_label_is_given_to_all_that_were_chosen(
    alice_reads: Reader, path: str, stage: Stage, database: Database
) -> None:
    ids = [id_of(database, "sorted-3.png"), id_of(database, "sorted-4.png")]
    answer = alice_reads.post(f"{path}/label", {"picture": ",".join(ids), "label": "red"})
    assert answer.status_code == 303
    text = alice_reads.get(answer.headers["Location"]).text
    assert "2 pictures are “red” now." in text
    assert labels(database, stage)["sorted-4.png"] == "red"


def test_the_last_two_labellings_are_undone_one_after_the_other(
    alice_reads: Reader, path: str, stage: Stage, database: Database
) -> None:
    before = labels(database, stage)
    first, second = id_of(database, "sorted-3.png"), id_of(database, "sorted-0.png")
    alice_reads.post(f"{path}/label", {"picture": [first, second], "label": "red"})
    alice_reads.post(f"{path}/label", {"picture": second, "none": "1"})
    assert labels(database, stage)["sorted-0.png"] is None
    alice_reads.post(f"{path}/undo")
    assert labels(database, stage)["sorted-0.png"] == "red"
    alice_reads.post(f"{path}/undo")
    assert labels(database, stage) == before
    answer = alice_reads.post(f"{path}/undo")
    assert answer.status_code == 409
    assert "nothing of yours left to undo" in answer.text


def test_what_somebody_else_has_changed_since_is_left_alone(
    readers: dict[str, Reader], path: str, stage: Stage, database: Database
) -> None:
    mine, theirs = id_of(database, "sorted-3.png"), id_of(database, "sorted-4.png")
    readers["Alice"].post(f"{path}/label", {"picture": [mine, theirs], "label": "red"})
    readers["Bob"].post(f"{path}/label", {"picture": theirs, "label": "green"})
    answer = readers["Alice"].post(f"{path}/undo", headers={"HX-Request": "true"})
    assert "1 was left alone" in answer.text
    found = labels(database, stage)
    assert (found["sorted-3.png"], found["sorted-4.png"]) == (None, "green")


def test_a_label_that_is_new_is_made_and_one_outside_of_a_recipe_is_not(
    alice_reads: Reader, path: str, stage: Stage, database: Database
) -> None:
    one = id_of(database, "sorted-3.png")
    alice_reads.post(f"{path}/label", {"picture": one, "new_label": " light  blue "})
    assert labels(database, stage)["sorted-3.png"] == "light blue"
    fixed = f"/classifiers/{stage.classifiers['collecting']}/pictures"
    with database.read() as session:
        lid = session.scalars(select(Example.id).where(Example.name == "lid.png").limit(1)).one()
    answer = alice_reads.post(f"{fixed}/label", {"picture": lid, "new_label": "maybe"})
    assert answer.status_code == 422


def test_without_pictures_or_without_a_label_it_says_what_is_missing(
    alice_reads: Reader, path: str, database: Database
) -> None:
    assert "Choose at least one picture" in alice_reads.post(f"{path}/label", {"label": "red"}).text
    one = id_of(database, "sorted-3.png")
    assert "Write the label" in alice_reads.post(f"{path}/label", {"picture": one}).text


def test_a_page_that_is_open_gets_what_changed(
    alice_reads: Reader, path: str, database: Database
) -> None:
    one = id_of(database, "sorted-3.png")
    data = {"picture": one, "label": "red", "show": "unlabelled"}
    text = alice_reads.post(f"{path}/label", data, headers={"HX-Request": "true"}).text
    assert "1 picture is “red” now." in text
    assert f'id="p-{one}" hidden hx-swap-oob="true"' in text
    assert re.search(r'<span>Without a label</span> <span class="number">1</span>', text)
    undone = alice_reads.post(
        f"{path}/undo", {"show": "unlabelled"}, headers={"HX-Request": "true"}
    ).text
    assert f'id="p-{one}" hx-swap-oob="true"' in undone
    assert f'value="{one}"' in undone


def test_a_reviewer_labels_but_adds_and_removes_nothing(
    readers: dict[str, Reader], path: str, stage: Stage, database: Database
) -> None:
    one = id_of(database, "sorted-3.png")
    assert (
        readers["Rosa"].post(f"{path}/label", {"picture": one, "label": "red"}).status_code == 303
    )
    assert f"{path}/add" not in readers["Rosa"].get(path).text
    assert f"{path}/{one}/remove" not in readers["Rosa"].get(f"{path}/{one}").text


def test_one_picture_is_removed(
    alice_reads: Reader, path: str, stage: Stage, database: Database
) -> None:
    one = id_of(database, "sorted-3.png")
    answer = alice_reads.post(f"{path}/{one}/remove")
    assert answer.headers["Location"].endswith(id_of(database, "sorted-2.png"))
    assert "sorted-3.png" not in labels(database, stage)


def test_pictures_of_anothers_classifier_are_not_labelled(
    readers: dict[str, Reader], path: str, stage: Stage, database: Database
) -> None:
    with database.read() as session:
        lid = session.scalars(select(Example.id).where(Example.name == "lid.png").limit(1)).one()
    answer = readers["Alice"].post(f"{path}/label", {"picture": lid, "label": "red"})
    assert answer.status_code == 404


def key(number: int) -> bytes:
    return bytes(looks.THUMBNAIL_BYTES) + number.to_bytes(looks.KEY_BYTES)


def test_copies_with_the_same_label_are_folded_and_labelled_together(
    alice_reads: Reader, path: str, stage: Stage, database: Database
) -> None:
    with database.write() as session:
        rows = session.execute(
            select(Example.name, ImageRow.sha256)
            .join(ImageRow, ImageRow.id == Example.image_id)
            .where(Example.classifier_id == stage.ids["classifier_id"])
        )
        numbers = {
            "sorted-4.png": 1,
            "sorted-3.png": 3,
            "sorted-2.png": 1,
            "sorted-1.png": 2**200 - 1,
        }
        for name, sha256 in rows:
            if name in numbers:
                session.merge(
                    Embedding(sha256=sha256, backbone=looks.THUMBNAILS, vector=key(numbers[name]))
                )
    found = shown(alice_reads.get(path).text)
    assert found[0] == f"{id_of(database, 'sorted-4.png')},{id_of(database, 'sorted-3.png')}"
    # The third looks the same, too, but has a label already: that is for a person to see.
    assert len(found) == 4
    alice_reads.post(f"{path}/label", {"picture": found[0], "label": "green"})
    assert labels(database, stage)["sorted-3.png"] == "green"


@pytest.fixture
def many(database: Database, stage: Stage, alice: Person) -> list[str]:
    """Thousands of pictures more, half of them without a label; return the labels' ids."""
    from connector.db.tables import Label

    mine, moment = stage.ids["classifier_id"], utcnow()
    with database.write() as session:
        known = list(session.scalars(select(Label.id).where(Label.classifier_id == mine)))
        images: list[dict[str, Any]] = []
        rows: list[dict[str, Any]] = []
        for number in range(MANY):
            image = new_id("img")
            images.append(
                {
                    "id": image,
                    "workspace_id": stage.workspace_id,
                    "sha256": f"{number:064x}",
                    "media_type": "image/png",
                    "width": 1,
                    "height": 1,
                    "size": 1,
                    "created_at": moment,
                }
            )
            rows.append(
                {
                    "id": new_id("ex"),
                    "classifier_id": mine,
                    "image_id": image,
                    "label_id": known[number % len(known)] if number % 2 else None,
                    "name": f"many-{number}.png",
                    "origin": "api",
                    "labelled_at": moment,
                    "created_at": moment,
                }
            )
        session.execute(insert(ImageRow), images)
        session.execute(insert(Example), rows)
    return known


@pytest.mark.parametrize("query", ["", "?show=unlabelled", "?of={label}", "?origin=api", "?q=7"])
def test_of_many_pictures_each_page_asks_little_and_every_one_is_on_a_page(
    alice_reads: Reader, path: str, many: list[str], app: Flask, query: str
) -> None:
    query = query.format(label=many[0])
    mine: Database = app.extensions["colabel"].database
    with queries(mine) as sent:
        first = alice_reads.get(path + query)
    assert first.status_code == 200
    assert len(sent) < 15
    assert len(shown(first.text)) == 60
    href = re.search(r'hx-get="([^"]+)"', first.text)
    assert href is not None
    with queries(mine) as sent:
        second = alice_reads.get(href[1].replace("&amp;", "&"))
    assert len(sent) < 8
    assert len(shown(second.text)) == 60
    assert max(shown(second.text)) < min(shown(first.text))


def test_the_last_page_is_the_last(alice_reads: Reader, path: str, many: list[str]) -> None:
    assert "hx-get" not in alice_reads.get(f"{path}?q=many-777").text
    assert alice_reads.get(f"{path}?cursor=nonsense").status_code == 400


def test_by_confidence_the_least_sure_come_first(
    readers: dict[str, Reader], stage: Stage, rt: Runtime
) -> None:
    path = f"/classifiers/{stage.classifiers['live']}/pictures"
    looking = "A worker is still finding out"
    assert looking in readers["Rosa"].get(f"{path}?sort=unsure").text
    while scoring.step(rt):
        pass
    text = readers["Rosa"].get(f"{path}?sort=unsure").text
    assert looking not in text
    shares = [float(one) for one in re.findall(r'tile-guess number">\w+, ([\d.]+)%<', text)]
    assert len(shares) > 3
    assert shares == sorted(shares)
    assert "tile-guess" not in readers["Rosa"].get(path).text
    nothing = readers["Rosa"].get(f"{path}?least=0&most=1").text
    assert 'value="1"' in nothing
    assert "No picture fits" in nothing
    # What cannot be meant is left out, and not refused.
    assert "tile-guess" not in readers["Rosa"].get(f"{path}?sort=down&least=-4&most=a").text
