"""Stores report new objects: taken once, ignored with a reason, or to be sent again."""

from __future__ import annotations

import base64
import json
import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import pytest
from buckets import S3Bucket
from caller import Caller
from colours import picture
from flask import Flask
from reports import aws, ceph, eventbridge, minio
from shelf import Shelf
from sqlalchemy import select

from connector.db import Database
from connector.db.tables import Prediction
from connector.settings import Settings

ON_BOTH_DATABASES = True
RED, BLUE = picture("red"), picture("blue")
KEY = "a key of the tests, long enough".replace(" ", "-")
ODD = "in/Überblick 1+1=2 (a&b)%.png"
SENDERS = (aws, minio, ceph, eventbridge)


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Let sources use any bucket, and stores on this machine."""
    return settings.model_copy(
        update={"buckets": ["*"], "queues": ["*"], "allow_private_addresses": ["127.0.0.1"]}
    )


@pytest.fixture
def shelf(as_alice: Caller, as_nobody: Caller, job: Any, bucket: S3Bucket) -> Shelf:
    return Shelf(as_alice, as_nobody, job, bucket, prefix="in/", suffixes=[".png"])


def rows(database: Database) -> list[Prediction]:
    with database.read() as session:
        return list(session.scalars(select(Prediction).order_by(Prediction.id)))


@pytest.mark.parametrize("sender", SENDERS)
def test_an_object_is_fetched_and_becomes_a_prediction(
    shelf: Shelf, database: Database, as_alice: Caller, sender: Any
) -> None:
    etag = shelf.put(ODD)["ETag"].strip('"')
    response = shelf.tell(ODD, sender)
    assert response.status_code == 202
    (row,) = rows(database)
    assert response.json == {"accepted": [row.id], "known": [], "ignored": 0}
    assert row.name == "Überblick 1+1=2 (a&b)%.png"
    assert row.location == {
        "kind": "s3",
        "bucket": shelf.name,
        "key": ODD,
        "version": None,
        "etag": etag,
        "source_id": shelf.made["id"],
    }
    assert as_alice.get(f"/api/v1/predictions/{row.id}/image").data == RED


def test_whoever_tells_and_however_often_it_is_one_row(shelf: Shelf, database: Database) -> None:
    shelf.put(ODD)
    statuses = [shelf.tell(ODD, sender).status_code for sender in (*SENDERS, *SENDERS)]
    assert statuses == [202] + [200] * 7
    late = shelf.tell(ODD, sequencer="0055AED6DCD90281E4")
    assert (late.status_code, len(late.json["known"])) == (200, 1)
    assert len(rows(database)) == 1


def test_ten_times_the_same_event_at_once_is_one_row(
    app: Flask, shelf: Shelf, database: Database
) -> None:
    shelf.put(ODD)
    body = aws(ODD, bucket=shelf.name)
    with ThreadPoolExecutor(10) as pool:
        calls = [pool.submit(app.test_client().post, shelf.hook, json=body) for _ in range(10)]
        answers = [call.result() for call in calls]
    assert sorted(one.status_code for one in answers) == [200] * 9 + [202]
    assert len(rows(database)) == 1


def test_an_object_that_was_replaced_is_another_picture(shelf: Shelf, database: Database) -> None:
    shelf.put("in/a.png")
    assert shelf.tell("in/a.png").status_code == 202
    shelf.put("in/a.png", BLUE)
    assert shelf.tell("in/a.png", sequencer="0055AED6DCD90281E6").status_code == 202
    assert shelf.tell("in/a.png").status_code == 200, "the first event, late: fetched as of now"
    assert len({row.image_id for row in rows(database)}) == 2


def test_versions_are_fetched_and_told_apart(shelf: Shelf, database: Database) -> None:
    enabled = {"Status": "Enabled"}
    shelf.store.put_bucket_versioning(Bucket=shelf.name, VersioningConfiguration=enabled)
    versions = [shelf.put("in/a.png", data)["VersionId"] for data in (RED, BLUE)]
    for version in (versions[1], versions[0], versions[1]):
        assert shelf.tell("in/a.png", versionId=version).status_code in (200, 202)
    assert [row.location["version"] for row in rows(database)] == [versions[1], versions[0]]
    assert shelf.tell("in/a.png").json["known"], "no version told: the newest, which is known"


def test_what_is_no_picture_for_us_is_ignored_and_says_why(
    shelf: Shelf, database: Database
) -> None:
    shelf.put("in/a.png", b"no picture")
    shelf.put("in/big.png", b"x" * 1_000_001)
    shelf.put("in/empty.png", b"")
    shelf.put("in/ours.png", Metadata={"colabel-action": "act_1"})
    for value in (
        {"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": shelf.name},
        aws("in/a.png", "ObjectRemoved:Delete", bucket=shelf.name),
        aws("in/2026/", bucket=shelf.name, size=0),
        aws("in/a.png", bucket="another"),
        aws("out/a.png", bucket=shelf.name),
        aws("in/a.txt", bucket=shelf.name),
        aws("in/a.png", bucket=shelf.name),
        aws("in/big.png", bucket=shelf.name),
        aws("in/empty.png", bucket=shelf.name),
        aws("in/ours.png", bucket=shelf.name),
        aws("in/gone.png", bucket=shelf.name),
    ):
        assert shelf.report(value).json == {"accepted": [], "known": [], "ignored": 1}
    assert rows(database) == []
    assert shelf.codes()[::-1] == [
        "test_event",
        "not_created",
        "folder_marker",
        "other_bucket",
        "other_name",
        "other_name",
        "not_a_picture",
        "too_many_bytes",
        "empty_body",
        "own_object",
        "object_gone",
    ]
    assert (shelf.shown()["ignored"], shelf.shown()["refused"]) == (11, 0)


def test_a_bad_one_among_several_stops_no_other(shelf: Shelf, database: Database) -> None:
    keys = [f"in/{number}.png" for number in range(3)]
    for number, key in enumerate(keys):
        shelf.put(key, b"no picture" if number == 1 else picture("blue", seed=number))
    told = aws(keys[0], bucket=shelf.name)
    told["Records"] += [aws(key, bucket=shelf.name)["Records"][0] for key in keys[1:]]
    answered = shelf.report(told).json
    assert (len(answered["accepted"]), answered["ignored"]) == (2, 1)
    assert len(rows(database)) == 2


@pytest.fixture
def away() -> str:
    """The address of a store that is not there."""
    with closing(socket.create_server(("127.0.0.1", 0))) as unused:
        port = unused.getsockname()[1]
    return f"http://127.0.0.1:{port}"


def test_a_store_that_is_away_makes_the_sender_repeat(
    as_alice: Caller, as_nobody: Caller, job: Any, bucket: S3Bucket, away: str, database: Database
) -> None:
    shelf = Shelf(as_alice, as_nobody, job, bucket, endpoint_url=away)
    shelf.put("in/a.png")
    response = shelf.tell("in/a.png")
    assert (response.status_code, response.json["code"]) == (503, "storage_unreachable")
    assert int(response.headers["Retry-After"]) > 0
    assert shelf.codes("refused") == ["storage_unreachable"]
    back = {"buckets": [shelf.name], "endpoint_url": bucket.server.url}
    assert as_alice("PATCH", shelf.path, json={"settings": back}).status_code == 200
    assert shelf.tell("in/a.png").status_code == 202
    assert len(rows(database)) == 1


def test_a_bucket_that_is_not_there_makes_the_sender_repeat(
    as_alice: Caller, as_nobody: Caller, job: Any, bucket: S3Bucket
) -> None:
    shelf = Shelf(as_alice, as_nobody, job, bucket)
    settings = {"buckets": ["not-there"], "endpoint_url": bucket.server.url}
    as_alice("PATCH", shelf.path, json={"settings": settings})
    response = shelf.report(aws("a.png", bucket="not-there"))
    assert (response.status_code, response.json["code"]) == (503, "storage_refused")
    assert "does not exist" in shelf.shown()["events"][0]["detail"]


def test_without_a_model_the_sender_repeats_until_there_is_one(
    as_alice: Caller, as_nobody: Caller, bucket: S3Bucket
) -> None:
    made = as_alice.post("/api/v1/classifiers", json={"name": "New", "recipe": "sort"}).json or {}

    class Job:
        path = f"/api/v1/classifiers/{made['id']}"

    shelf = Shelf(as_alice, as_nobody, Job, bucket)
    shelf.put("a.png")
    response = shelf.tell("a.png")
    assert (response.status_code, response.json["code"]) == (503, "no_model")


def test_a_paused_source_takes_nothing(shelf: Shelf, as_alice: Caller) -> None:
    shelf.put("in/a.png")
    as_alice("PATCH", shelf.path, json={"state": "paused"})
    assert shelf.tell("in/a.png").json["code"] == "source_paused"


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": KEY},
        {"Authorization": f"Bearer {KEY}"},
        {"Authorization": "Basic " + base64.b64encode(f"colabel:{KEY}".encode()).decode()},
        {"X-Api-Key": KEY},
    ],
)
def test_the_key_is_shown_as_each_sender_does(
    as_alice: Caller, as_nobody: Caller, job: Any, bucket: S3Bucket, headers: dict[str, str]
) -> None:
    shelf = Shelf(as_alice, as_nobody, job, bucket, key=KEY)
    shelf.put("a.png")
    body = minio("a.png", shelf.name)
    for wrong in ({}, {name: f"{value}x" for name, value in headers.items()}):
        response = shelf.report(body, headers=wrong)
        assert (response.status_code, response.json["code"]) == (401, "wrong_source_key")
    assert shelf.report(body, headers=headers).status_code == 202
    assert shelf.made["settings"] == {"buckets": [shelf.name], "has_key": True}
    assert KEY not in json.dumps(shelf.shown())


def test_the_address_of_one_kind_is_none_of_another(
    shelf: Shelf, as_nobody: Caller, job: Any
) -> None:
    plain = shelf.hook.removesuffix("/s3")
    assert as_nobody.post(plain, data=RED).status_code == 404
    assert as_nobody.post(f"{job.hook}/s3", json=aws("a.png")).status_code == 404


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"text"', b"{}", b'{"Records": [1]}'])
def test_anything_else_is_refused_with_its_reason(
    shelf: Shelf, as_nobody: Caller, body: bytes
) -> None:
    response = as_nobody.post(shelf.hook, data=body, content_type="text/plain")
    assert response.status_code == 400
    assert shelf.codes("refused") == [(response.json or {})["code"]]
