"""Exports and imports of other tools' files by the API."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Callable
from typing import Any

import pytest
from caller import Caller
from colours import picture
from conftest import Person
from flask import Flask
from sorted_pictures import zipped

from connector.db import Database
from connector.domain import exchange_imports, imports
from connector.settings import Settings
from connector.storage import LocalBlobs
from connector.web import exporting

Work = Callable[[], None]


def local(url: str) -> str:
    """Return the path of one of our addresses."""
    return f"/api/{url.partition('/api/')[2]}"


@pytest.fixture
def examples(as_alice: Caller, job: Any) -> str:
    """The path of the colours' examples, of which there are two."""
    path = f"{job.path}/examples"
    for seed, label in enumerate(("red", None)):
        query = {} if label is None else {"label": label}
        data = picture("red", seed=seed)
        headers = {"Content-Disposition": f'attachment; filename="{seed}.png"'}
        as_alice.post(
            path, data=data, content_type="image/png", query_string=query, headers=headers
        )
    return path


def test_a_zip_of_folders(as_alice: Caller, examples: str) -> None:
    answer = as_alice.get(f"{examples}/export")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/zip"
    assert 'filename="colours.zip"' in answer.headers["Content-Disposition"]
    with zipfile.ZipFile(io.BytesIO(answer.data)) as archive:
        assert archive.namelist() == ["red/0.png", "_unlabelled/1.png"]


def test_a_table_and_tasks(as_alice: Caller, examples: str) -> None:
    answer = as_alice.get(f"{examples}/export?format=csv&labelled=true")
    [row] = csv.DictReader(io.StringIO(answer.data.decode("utf-8-sig")))
    assert (row["file"], row["label"], row["labelled_by"]) == ("0.png", "red", "Alice's key")
    assert as_alice.get(local(row["image_url"])).data == picture("red", seed=0)
    answer = as_alice.get(f"{examples}/export?format=label_studio&image_root=/files")
    assert [task["data"]["image"] for task in json.loads(answer.data)] == [
        "/files/red/0.png",
        "/files/_unlabelled/1.png",
    ]
    xml = as_alice.get(f"{examples}/label-studio.xml").text
    assert '<Choice value="green"/>' in xml


def test_nobody_else_gets_it(as_charlie: Caller, as_nobody: Caller, examples: str) -> None:
    for path in ("export", "label-studio.xml"):
        assert as_charlie.get(f"{examples}/{path}").status_code == 404
        assert as_nobody.get(f"{examples}/{path}").status_code == 401
    assert as_charlie.post(f"{examples}/imports", data=b"[]").status_code == 404


@pytest.mark.parametrize("query", ["format=tar", "labelled=perhaps"])
def test_what_there_is_not_is_refused(as_alice: Caller, examples: str, query: str) -> None:
    answer = as_alice.get(f"{examples}/export?{query}")
    assert (answer.status_code, answer.json["code"]) == (422, "invalid_values")


def test_a_few_at_a_time_and_whoever_hangs_up_makes_room(
    as_alice: Caller, app: Flask, examples: str, alice: Person
) -> None:
    client = app.test_client()
    under_way = [
        client.get(f"{examples}/export", headers=alice.headers)
        for _ in range(exporting.MOST_AT_ONCE)
    ]
    refused = as_alice.get(f"{examples}/export")
    assert (refused.status_code, refused.json["code"]) == (503, "too_many_exports")
    assert int(refused.headers["Retry-After"]) > 0
    for one in under_way:
        one.close()
    assert as_alice.get(f"{examples}/export").status_code == 200
    for _ in range(exporting.MOST_AT_ONCE + 1):
        assert as_alice.get("/api/v1/classifiers/clf_x/examples/export").status_code == 404


def task(image: str, label: str) -> dict[str, object]:
    result = [{"from_name": "label", "type": "choices", "value": {"choices": [label]}}]
    return {"id": 1, "data": {"image": image}, "annotations": [{"result": result}]}


@pytest.fixture
def work(database: Database, blobs: LocalBlobs, settings: Settings) -> Work:
    def run() -> None:
        with database.write() as session:
            claimed = imports.claim(session, 60)
        assert claimed is not None
        exchange_imports.run_import(database, blobs, settings, claimed)

    return run


def test_a_form_with_a_zip_of_pictures_beside_it(
    as_alice: Caller,
    examples: str,
    work: Work,
) -> None:
    new = picture("blue", seed=9)
    form = {
        "file": (io.BytesIO(json.dumps([task("x/new.png", "blue")]).encode()), "project.json"),
        "pictures": (io.BytesIO(zipped({"any/new.png": new})), "pictures.zip"),
        "new_labels": "known",
    }
    queued = as_alice.post(f"{examples}/imports", data=form, content_type="multipart/form-data")
    assert queued.status_code == 202, queued.text
    assert queued.json["label_mode"] == "label_studio"
    work()
    shown = as_alice.get(local(queued.headers["Location"])).json
    assert (shown["status"], shown["added"], shown["problems"]) == ("done", 1, [])
    [one] = as_alice.get(f"{examples}?label=blue").json["items"]
    assert (one["name"], one["labelled_by"]) == ("new.png", None)


def test_a_table_as_the_raw_body_labels_what_is_here(
    as_alice: Caller, examples: str, work: Work
) -> None:
    queued = as_alice.post(
        f"{examples}/imports", data=b"file,label\n1.png,green\n", content_type="text/csv"
    )
    work()
    shown = as_alice.get(f"{examples.rpartition('/')[0]}/imports/{queued.json['id']}").json
    assert (shown["added"], shown["labelled"]) == (1, 1)
    assert [one["name"] for one in as_alice.get(f"{examples}?label=green").json["items"]] == [
        "1.png"
    ]


@pytest.mark.parametrize(
    ("data", "code"),
    [(b"", "empty_body"), (zipped({"a.txt": b"x"}), "no_labels_file")],
)
def test_what_is_no_file_of_labels_is_refused(
    as_alice: Caller, examples: str, data: bytes, code: str
) -> None:
    answer = as_alice.post(f"{examples}/imports", data=data, content_type="application/zip")
    assert answer.json["code"] == code
    answer = as_alice.post(f"{examples}/imports", data={}, content_type="multipart/form-data")
    assert answer.json["code"] == "empty_body"
