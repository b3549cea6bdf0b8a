"""The page of exports and imports: by plain forms, as a browser without script sends them."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Collection
from html import unescape

import pytest
from colours import picture
from pagereading import Reader
from sorted_pictures import zipped
from stage import SORTED, Stage

from connector.db import Database
from connector.domain import exchange_imports, imports
from workers.runtime import Runtime


@pytest.fixture
def parts() -> Collection[str]:
    return {SORTED}


@pytest.fixture
def path(stage: Stage) -> str:
    return f"/classifiers/{stage.classifiers['live']}/exchange"


def work(rt: Runtime) -> None:
    with rt.database.write() as session:
        claimed = imports.claim(session, 60)
    assert claimed is not None
    exchange_imports.run_import(rt.database, rt.blobs, rt.settings, claimed)


def test_the_folders_are_downloaded(readers: dict[str, Reader], path: str) -> None:
    answer = readers["Bob"].get(f"{path}/download?format=zip&which=labelled")
    assert answer.headers["Content-Disposition"].startswith("attachment; filename=")
    with zipfile.ZipFile(io.BytesIO(answer.data)) as archive:
        assert {name.partition("/")[0] for name in archive.namelist()} == {"blue", "green", "red"}
    answer = readers["Bob"].get(f"{path}/download?format=label_studio&which=unlabelled&root=/x/")
    told = json.loads(answer.data)
    assert [task["data"]["image"] for task in told] == [
        "/x/_unlabelled/sorted-3.png",
        "/x/_unlabelled/sorted-4.png",
    ]


def test_the_page_leads_both_ways_and_gives_the_configuration(
    readers: dict[str, Reader], path: str
) -> None:
    text = readers["Alice"].get(path).text
    assert '<Choice value="green"/>' in unescape(text)
    # It belongs to the tab of the pictures.
    assert 'aria-current="page">Pictures' in text
    gallery = readers["Alice"].get(path.replace("/exchange", "/pictures")).text
    assert f'href="{path}"' in gallery
    assert f'href="{path}"' not in readers["Rosa"].get(path.replace("exchange", "pictures")).text


def test_an_import_leads_to_its_progress(
    readers: dict[str, Reader], path: str, rt: Runtime, database: Database
) -> None:
    result = [{"from_name": "x", "type": "choices", "value": {"choices": ["red"]}}]
    other = [{**result[0], "value": {"choices": ["blue"]}}]
    tasks = [
        {"id": 1, "data": {"image": "a.png"}, "annotations": [{"result": result}]},
        {"id": 2, "data": {"image": "away.png"}, "annotations": [{"result": result}]},
        {
            "id": 3,
            "data": {"image": "b.png"},
            "annotations": [{"result": result}, {"result": other}],
        },
    ]
    beside = zipped({"a.png": picture("red", seed=600), "b.png": picture("red", seed=601)})
    form = {
        "file": (io.BytesIO(json.dumps(tasks).encode()), "project.json"),
        "pictures": (io.BytesIO(beside), "pictures.zip"),
        "known": "on",
    }
    answer = readers["Bob"].post(f"{path}/imports", form)
    assert answer.status_code == 303
    work(rt)
    text = readers["Rosa"].get(answer.headers["Location"]).text
    assert "2 added" in text
    assert "task 2: away.png" in text
    assert "put the pictures into a zip beside the file" in text
    assert "Annotators said" in text


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({}, "Choose the file with the labels first"),
        ({"file": b""}, "This file is empty"),
        ({"file": b"[]", "pictures": b"no zip"}, "This is not a zip archive"),
    ],
)
def test_a_form_comes_back_with_what_is_wrong(
    readers: dict[str, Reader], path: str, files: dict[str, bytes], said: str
) -> None:
    form = {name: (io.BytesIO(data), "x.json") for name, data in files.items()}
    answer = readers["Bob"].post(f"{path}/imports", {**form, "control": "colour"})
    assert 400 <= answer.status_code < 500
    assert said in answer.text
    assert 'value="colour"' in answer.text
