"""Groups of look-alikes on a page: asked for, found by a worker, labelled at one go."""

from __future__ import annotations

import re
from collections.abc import Collection

import pytest
from colours import picture
from pagereading import Reader
from sqlalchemy import select
from stage import SORTED, Stage

from connector.db import Database
from connector.db.tables import Classifier, Example, Study
from connector.domain import examples
from workers import study
from workers.runtime import Runtime


@pytest.fixture
def parts() -> Collection[str]:
    return {SORTED}


@pytest.fixture
def path(stage: Stage, rt: Runtime) -> str:
    """The page of a classifier with a live model, ten red and ten blue pictures without a label."""
    with rt.database.write() as session:
        mine = session.get_one(Classifier, stage.ids["classifier_id"])
        for number in range(20):
            data = picture(("red", "blue")[number % 2], seed=200 + number)
            name = f"heap-{number}.png"
            examples.add_example(session, rt.blobs, rt.settings, mine, data, None, name, "api")
    return f"/classifiers/{stage.ids['classifier_id']}/pictures/groups"


def test_groups_are_looked_for_shown_and_labelled(
    readers: dict[str, Reader], path: str, stage: Stage, rt: Runtime, database: Database
) -> None:
    alice = readers["Alice"]
    assert "22 pictures wait for a label" in alice.get(path).text
    assert alice.post(path).headers["Location"] == path
    alice.post(path)  # pressed twice
    with database.read() as session:
        assert len(session.scalars(select(Study)).all()) == 1
    page = alice.get(path).text
    assert f'hx-get="{path}/state' in page
    while study.step(rt):
        pass
    page = alice.get(path).text
    assert "likely “red”" in page
    assert "likely “blue”" in page
    forms = page.split('<form class="card group"')[1:]
    reds = next(one for one in forms if "likely “red”" in one)
    ids = re.findall(r'name="picture" value="([^"]+)"', reds)
    answer = alice.post(
        path.replace("/groups", "/label"), {"picture": ids, "label": "red", "from": "groups"}
    )
    assert answer.headers["Location"] == path
    assert "likely “red”" not in alice.get(path).text
    with database.read() as session:
        named = select(Example).where(Example.id.in_(",".join(ids).split(",")))
        found = {examples.label_of(session, row) for row in session.scalars(named)}
    assert found == {"red"}


def test_without_a_picture_to_group_it_says_so(readers: dict[str, Reader], stage: Stage) -> None:
    path = f"/classifiers/{stage.classifiers['collecting']}/pictures/groups"
    assert "Every picture has a label" in readers["Alice"].get(path).text


def test_a_search_that_failed_says_why(
    readers: dict[str, Reader], path: str, database: Database
) -> None:
    readers["Alice"].post(path)
    with database.write() as session:
        row = session.scalars(select(Study)).one()
        row.status, row.error_code, row.error = "failed", "no_model", "There is no network."
    page = readers["Alice"].get(path).text
    assert "Looking for groups failed: There is no network." in page
    assert "Look again" in page
