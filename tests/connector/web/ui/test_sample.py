"""The sample's page: begun by one click, followed, and deleted by another."""

from __future__ import annotations

from pagereading import Reader
from sqlalchemy import func, select
from stage import Stage

from connector.db import Database
from connector.db.tables import Classifier
from connector.domain import imports, samples
from workers.runtime import Runtime


def begin(reader: Reader) -> str:
    answer = reader.post("/sample")
    assert answer.status_code == 303
    return str(answer.headers["Location"])


def test_whoever_has_nothing_is_offered_one_and_clicks_twice(
    readers: dict[str, Reader], stage: Stage, database: Database
) -> None:
    charlie = readers["Charlie"]
    assert "Play with a sample" in charlie.get("/").text
    assert "Play with a sample" not in readers["Alice"].get("/").text
    path = begin(charlie)
    assert begin(charlie) == path
    with database.read() as session:
        assert session.scalar(select(func.count()).where(Classifier.sample)) == 1
    text = charlie.get(path).text
    assert "The sample is being made" in text
    assert "Draw pages and label them" in text
    home = charlie.get("/").text
    assert samples.NAME in home
    assert readers["Alice"].get(path).status_code == 404


def test_it_says_when_it_came_to_nothing(
    readers: dict[str, Reader], stage: Stage, rt: Runtime
) -> None:
    path = begin(readers["Bob"])
    with rt.database.write() as session:
        claimed = imports.claim(session, 60)
    assert claimed is not None
    imports.fail(rt.database, rt.blobs, claimed, "no_space", "The disk is full; free some space.")
    text = readers["Rosa"].get(path).text
    assert "The disk is full; free some space." in text
    assert "Delete the sample" not in text
    assert "Delete the sample" in readers["Bob"].get(path).text


def test_one_click_deletes_it_and_nothing_else(
    readers: dict[str, Reader], stage: Stage, database: Database
) -> None:
    path = begin(readers["Bob"])
    assert "This is a sample" in readers["Bob"].get(path.removesuffix("/sample")).text
    answer = readers["Bob"].post(f"{path}/delete")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")
    assert readers["Bob"].get(path).status_code == 404
    live = f"/classifiers/{stage.classifiers['live']}"
    assert readers["Bob"].get(f"{live}/sample").headers["Location"] == live
    refused = readers["Bob"].post(f"{live}/sample/delete")
    assert refused.status_code == 409
    assert readers["Bob"].get(live).status_code == 200


def test_reviewers_neither_begin_nor_delete_one(readers: dict[str, Reader]) -> None:
    assert readers["Rosa"].post("/sample").status_code == 403
    path = begin(readers["Bob"])
    assert readers["Rosa"].post(f"{path}/delete").status_code == 403
