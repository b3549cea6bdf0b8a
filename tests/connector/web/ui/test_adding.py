"""Adding pictures on a page: by a plain form, and in batches as the script sends them."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Collection
from typing import Any

import pytest
from colours import picture
from flask import Flask
from pagereading import Reader
from sqlalchemy import select
from stage import SORTED, Stage
from werkzeug.datastructures import FileStorage, MultiDict
from werkzeug.test import TestResponse, encode_multipart

from connector.db import Database
from connector.db.tables import AuditEntry, Classifier, Example, Import
from connector.domain import classifiers
from connector.settings import Settings

JSON = {"Accept": "application/json"}
Files = dict[str, bytes]


@pytest.fixture
def parts() -> Collection[str]:
    return {SORTED}


@pytest.fixture
def classifier_id(stage: Stage) -> str:
    """A classifier without a picture, whose labels are open."""
    return stage.classifiers["failed"]


@pytest.fixture
def path(classifier_id: str) -> str:
    """Where pictures are added."""
    return f"/classifiers/{classifier_id}/pictures"


def form(files: Files, **values: str) -> dict[str, Any]:
    return {
        "labels": "folders",
        "label": "",
        **values,
        "path": list(files),
        "file": [(io.BytesIO(data), name.rpartition("/")[2]) for name, data in files.items()],
    }


def send(reader: Reader, path: str, files: Files, **values: str) -> dict[str, Any]:
    """Send a batch as the script does, and return what it is told."""
    # As bytes: of what is large the test's client would leave a file behind.
    data = form(files, **values)
    data["file"] = [FileStorage(stream, filename=name) for stream, name in data["file"]]
    boundary, body = encode_multipart(MultiDict(data))
    answer = reader.client.post(
        f"{path}/imports",
        data=body,
        content_type=f"multipart/form-data; boundary={boundary}",
        headers={**JSON, "X-Csrf-Token": reader.csrf()},
    )
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json
    return told


def counts(database: Database, classifier_id: str) -> dict[str, int]:
    with database.read() as session:
        row = session.get_one(Classifier, classifier_id)
        labelled = classifiers.example_counts(session, row)
        return {**labelled, "": classifiers.unlabelled_count(session, row)}


PARTS = {
    "parts/bolt/1.png": picture("red", seed=301),
    "parts/nut/1.png": picture("red", seed=302),
    "parts/nut/2.png": picture("red", seed=303),
    "loose.png": picture("red", seed=304),
}


def test_folders_become_labels_and_what_lies_in_none_waits(
    readers: dict[str, Reader], path: str, classifier_id: str, database: Database
) -> None:
    told = send(readers["Alice"], path, PARTS)
    assert told == {"added": 4, "known": 0, "changed": 0, "zips": 0, "skipped": []}
    assert counts(database, classifier_id) == {"bolt": 1, "nut": 2, "": 1}
    with database.read() as session:
        mine = Example.classifier_id == classifier_id
        assert set(session.scalars(select(Example.origin).where(mine))) == {"page"}
        noted = select(AuditEntry).where(
            AuditEntry.what == "example.added", AuditEntry.classifier_id == classifier_id
        )
        entry = session.scalars(noted).one()
        assert (entry.actor_name, entry.after) == ("Alice", {"count": 4, "origin": "page"})


def test_sent_again_nothing_is_doubled(
    readers: dict[str, Reader], path: str, classifier_id: str, database: Database
) -> None:
    first = dict(list(PARTS.items())[:2])
    send(readers["Alice"], path, first)
    told = send(readers["Alice"], path, PARTS)
    assert (told["added"], told["known"]) == (2, 2)
    assert counts(database, classifier_id) == {"bolt": 1, "nut": 2, "": 1}


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"labels": "none"}, {"": 4}),
        ({"labels": "one", "label": " small  part "}, {"small part": 4, "": 0}),
    ],
)
def test_one_label_for_all_or_none_yet(
    readers: dict[str, Reader],
    path: str,
    classifier_id: str,
    database: Database,
    values: dict[str, str],
    expected: dict[str, int],
) -> None:
    send(readers["Alice"], path, PARTS, **values)
    assert counts(database, classifier_id) == expected


def test_each_skipped_file_is_named_with_its_reason_and_the_others_are_taken(
    readers: dict[str, Reader], path: str, settings: Settings
) -> None:
    files = {
        "bolt/1.png": picture("red", seed=301),
        "bolt/notes.txt": b"hello",
        "bolt/cut.png": picture("red", seed=302)[:200],
        "bolt/huge.png": bytes(settings.max_upload_bytes + 1),
        "bolt/.DS_Store": b"clutter",
        "__MACOSX/bolt/1.png": b"clutter",
    }
    told = send(readers["Alice"], path, files)
    assert told["added"] == 1
    reasons = {one["name"]: one["reason"] for one in told["skipped"]}
    assert set(reasons) == {"bolt/notes.txt", "bolt/cut.png", "bolt/huge.png"}
    assert "not a picture" in reasons["bolt/notes.txt"]
    assert "cut short" in reasons["bolt/cut.png"]
    assert "more than the" in reasons["bolt/huge.png"]


def test_labels_that_a_recipe_does_not_know_are_said_for_each_file(
    readers: dict[str, Reader], stage: Stage
) -> None:
    path = f"/classifiers/{stage.classifiers['collecting']}/pictures"
    files = {"yes/1.png": picture("red", seed=70), "maybe/1.png": picture("red", seed=71)}
    told = send(readers["Alice"], path, files)
    assert told["added"] == 1
    assert [one["name"] for one in told["skipped"]] == ["maybe/1.png"]
    assert "its labels are: yes, no" in told["skipped"][0]["reason"]


def archive(files: Files) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as opened:
        for name, data in files.items():
            opened.writestr(name, data)
    return stream.getvalue()


def test_a_zip_goes_to_the_imports(
    readers: dict[str, Reader], path: str, classifier_id: str, database: Database
) -> None:
    answer = readers["Alice"].post(f"{path}/imports", form({"parts.zip": archive(PARTS)}))
    assert answer.status_code == 303
    with database.read() as session:
        mine = Import.classifier_id == classifier_id
        row = session.scalars(select(Import).where(mine)).one()
    assert answer.headers["Location"] == f"{path}/imports/{row.id}"
    page = readers["Alice"].get(answer.headers["Location"]).text
    assert "waits its turn" in page
    assert f"{path}/imports/{row.id}/state" in page
    assert row.label_mode == "auto"


def test_a_zip_among_pictures_and_one_with_a_label_for_all(
    readers: dict[str, Reader], path: str
) -> None:
    files = {"bolt/1.png": picture("red", seed=301), "more.zip": archive(PARTS)}
    assert send(readers["Alice"], path, files)["zips"] == 1
    told = send(readers["Alice"], path, files, labels="one", label="bolt")
    assert told["zips"] == 0
    assert "brings its labels" in told["skipped"][0]["reason"]


def plain(reader: Reader, path: str, files: Files, **values: str) -> TestResponse:
    """Send a form without script: the browser tells the path as the file's name."""
    data = form(files, **values)
    del data["path"]
    data["file"] = [(io.BytesIO(content), name) for name, content in files.items()]
    return reader.post(f"{path}/imports", data)


def test_without_script_the_page_tells_what_became_of_the_files(
    readers: dict[str, Reader], path: str, classifier_id: str, database: Database
) -> None:
    answer = plain(readers["Alice"], path, {**PARTS, "parts/nut/notes.txt": b"hello"})
    assert answer.status_code == 200
    assert "4 pictures added." in answer.text
    assert "notes.txt" in answer.text
    assert "not a picture" in answer.text
    assert counts(database, classifier_id) == {"bolt": 1, "nut": 2, "": 1}


@pytest.mark.parametrize(
    ("files", "values", "said"),
    [
        ({}, {}, "Choose some pictures, a folder or a zip first."),
        (PARTS, {"labels": "one", "label": " "}, "A label needs a name"),
        (PARTS, {"labels": "magic"}, "Labels come from the folders"),
    ],
)
def test_a_form_that_misses_something_comes_back(
    readers: dict[str, Reader], path: str, files: Files, values: dict[str, str], said: str
) -> None:
    answer = plain(readers["Alice"], path, files, **values)
    assert said in answer.text
    assert "data-adding" in answer.text


def test_a_workspace_that_is_full_says_so_for_each_picture(
    readers: dict[str, Reader], path: str, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app.extensions["colabel"].quotas, "_max_bytes", 1)
    told = send(readers["Alice"], path, PARTS)
    assert told["added"] == 0
    assert "may keep" in told["skipped"][0]["reason"]
