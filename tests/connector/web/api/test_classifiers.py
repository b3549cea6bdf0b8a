"""Classifiers, their examples, imports, training runs and versions over HTTP."""

from __future__ import annotations

import base64
import io
import zipfile
from typing import Any

import pytest
from caller import Caller
from colours import add_version, picture

from connector.db import Database
from connector.db.tables import Classifier
from connector.domain import facts
from connector.settings import Settings
from connector.storage import LocalBlobs

ROOT = "/api/v1/classifiers"


def make(caller: Caller, **wanted: Any) -> dict[str, Any]:
    response = caller.post(ROOT, json=wanted)
    assert response.status_code == 201, response.text
    shown: dict[str, Any] = response.json or {}
    return shown


def test_a_classifier_is_made_changed_and_deleted(as_alice: Caller, as_charlie: Caller) -> None:
    made = make(as_alice, name="Pages", labels=["invoice", "letter"])
    path = f"{ROOT}/{made['id']}"
    assert [one["name"] for one in made["labels"]] == ["invoice", "letter"]
    assert made["hook_url"].startswith("http://127.0.0.1:8484/hooks/")
    assert as_alice.get(path).json == made

    changed = as_alice("PATCH", path, json={"threshold": 0.7, "labels": ["form"]}).json or {}
    assert changed["threshold"] == 0.7
    assert [one["name"] for one in changed["labels"]] == ["invoice", "letter", "form"]
    back = as_alice("PATCH", path, json={"threshold": None}).json or {}
    assert (back["threshold"], back["name"]) == (None, "Pages")

    assert (as_charlie.get(ROOT).json or {})["items"] == []
    assert as_alice("DELETE", path).status_code == 204
    assert as_alice.get(path).status_code == 404
    assert (as_alice.get(ROOT).json or {})["items"] == []


def test_recipes_bring_their_labels(as_alice: Caller) -> None:
    made = make(as_alice, name="Upright?", recipe="orientation")
    assert {one["name"] for one in made["labels"]} == {"upright", "left", "right", "upside_down"}


@pytest.mark.parametrize(
    "wanted",
    [
        {},
        {"name": "  "},
        {"name": "x", "recipe": "guess"},
        {"name": "x", "labels": ["a\nb\x00"]},
        {"name": "x" * 101},
        {"name": "x", "colour": "red"},
    ],
)
def test_bad_classifiers_are_refused(as_alice: Caller, wanted: dict[str, Any]) -> None:
    response = as_alice.post(ROOT, json=wanted)
    assert response.status_code in (400, 422)
    assert (response.json or {})["detail"]


def test_a_taken_name_is_a_conflict(as_alice: Caller) -> None:
    make(as_alice, name="Pages")
    response = as_alice.post(ROOT, json={"name": "Pages"})
    assert (response.status_code, (response.json or {})["code"]) == (409, "name_taken")


def test_missing_weights_are_said_plainly(as_alice: Caller, database: Database) -> None:
    with database.write() as session:
        facts.put(session, "weights", {"available": False, "sentence": "No weights; add some."})
    assert make(as_alice, name="Pages")["notice"] == "No weights; add some."


def test_examples_come_in_every_form(as_alice: Caller) -> None:
    path = f"{ROOT}/{make(as_alice, name='Colours')['id']}/examples"
    red, blue, green = picture("red"), picture("blue"), picture("green")
    text = base64.b64encode(green).decode()
    answers = [
        as_alice.post(path, data={"image": (io.BytesIO(red), "r.png"), "label": "red"}),
        as_alice.post(f"{path}?label=blue", data=blue, content_type="image/png"),
        as_alice.post(path, json={"image_base64": text, "label": "green", "name": "g.png"}),
    ]
    assert [one.status_code for one in answers] == [201, 201, 201]
    listed = (as_alice.get(path).json or {})["items"]
    assert {one["label"]: one["name"] for one in listed} == {
        "red": "r.png",
        "blue": "",
        "green": "g.png",
    }
    only_red = (as_alice.get(f"{path}?label=red").json or {})["items"]
    assert [one["label"] for one in only_red] == ["red"]
    image = as_alice.get(f"{path}/{only_red[0]['id']}/image")
    assert image.data == red
    assert as_alice("DELETE", f"{path}/{only_red[0]['id']}").status_code == 204
    assert as_alice.get(f"{path}/{only_red[0]['id']}").status_code == 404


def test_the_same_picture_again_is_no_second_example(as_alice: Caller) -> None:
    path = f"{ROOT}/{make(as_alice, name='Colours')['id']}/examples"
    outcomes = [
        (response.status_code, (response.json or {})["outcome"])
        for label in ("red", "red", "crimson")
        for response in [as_alice.post(f"{path}?label={label}", data=picture("red"))]
    ]
    assert outcomes == [(201, "added"), (200, "duplicate"), (200, "relabelled")]


def archive() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as zipped:
        zipped.writestr("red/1.png", picture("red"))
        zipped.writestr("blue/1.png", picture("blue"))
    return out.getvalue()


@pytest.mark.parametrize("form", ["raw", "multipart"])
def test_a_zip_is_queued(as_alice: Caller, form: str, settings: Settings) -> None:
    path = f"{ROOT}/{make(as_alice, name='Colours')['id']}/imports"
    data = archive()
    if form == "raw":
        query = f"{path}?labels=folders"
        response = as_alice.post(query, data=data, content_type="application/zip")
    else:
        body = {"file": (io.BytesIO(data), "a.zip"), "labels": "folders"}
        response = as_alice.post(path, data=body)
    assert response.status_code == 202, response.text
    shown = response.json or {}
    assert (shown["status"], shown["label_mode"], shown["problems"]) == ("queued", "folders", [])
    assert as_alice.get(f"{path}/{shown['id']}").json == shown
    assert [one["id"] for one in (as_alice.get(path).json or {})["items"]] == [shown["id"]]


@pytest.mark.parametrize(
    ("query", "data", "code"),
    [
        ("", b"", "empty_body"),
        ("", b"no zip at all", "not_a_zip"),
        ("?labels=guess", archive(), "bad_label_mode"),
    ],
)
def test_bad_zips_are_refused(as_alice: Caller, query: str, data: bytes, code: str) -> None:
    path = f"{ROOT}/{make(as_alice, name='Colours')['id']}/imports"
    response = as_alice.post(f"{path}{query}", data=data, content_type="application/zip")
    assert (response.json or {})["code"] == code
    assert (as_alice.get(path).json or {})["items"] == []


def test_training_is_queued_once(as_alice: Caller) -> None:
    path = f"{ROOT}/{make(as_alice, name='Colours')['id']}"
    for colour in ("red", "blue"):
        for seed in range(2):
            data = picture(colour, seed=seed)
            as_alice.post(f"{path}/examples?label={colour}", data=data)
    first = as_alice.post(f"{path}/training-runs")
    again = as_alice.post(f"{path}/training-runs")
    assert (first.status_code, again.status_code) == (202, 202)
    assert (first.json or {})["id"] == (again.json or {})["id"]
    shown = as_alice.get(f"{path}/training-runs/{(first.json or {})['id']}").json or {}
    assert (shown["status"], shown["done"], shown["error"]) == ("queued", 0, None)
    assert len((as_alice.get(f"{path}/training-runs").json or {})["items"]) == 1


def test_any_version_can_be_put_live_and_taken_along(
    as_alice: Caller, job: Any, database: Database, blobs: LocalBlobs
) -> None:
    with database.write() as session:
        second = add_version(session, blobs, session.get_one(Classifier, job.id), 2)
        sha256 = second.portable_sha256
    versions = (as_alice.get(f"{job.path}/versions").json or {})["items"]
    assert [(one["number"], one["live"]) for one in versions] == [(2, False), (1, True)]
    assert (as_alice.post(f"{job.path}/versions/2/promote").json or {})["live"] is True
    assert (as_alice.get(f"{job.path}/versions/1").json or {})["live"] is False
    assert (as_alice.get(job.path).json or {})["live_version"] == 2
    model = as_alice.get(f"{job.path}/versions/2/model.onnx")
    assert model.data == blobs.read(sha256)
    assert 'filename="colours 2.onnx"' in model.headers["Content-Disposition"]
    for missing in ("3", "99999999999", "x"):
        response = as_alice.app.test_client().get(
            f"{job.path}/versions/{missing}", headers=as_alice.headers
        )
        assert response.status_code == 404
