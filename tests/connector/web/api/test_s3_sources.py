"""Sources of the kind s3 over HTTP: what is checked when they are saved, and who sees them."""

from __future__ import annotations

from typing import Any

import pytest
from caller import Caller

from connector.settings import Settings

ON_BOTH_DATABASES = True
TOPIC = "arn:aws:sns:eu-central-1:111122223333:scans"
QUEUE = "https://sqs.eu-central-1.amazonaws.com/111122223333/scans"
KEY = "a-key-of-the-tests"
Json = dict[str, Any]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Keep pictures in a bucket, and let sources use two others and a queue."""
    return settings.model_copy(
        update={
            "buckets": ["scans", "more", "shared"],
            "queues": ["scans"],
            "storage": "s3://shared/colabel",
        }
    )


def make(caller: Caller, job: Any, name: str = "S3", **settings: Any) -> Any:
    body = {"name": name, "kind": "s3", "settings": {"buckets": ["scans"], **settings}}
    return caller.post(f"{job.path}/sources", json=body)


def test_the_settings_come_back_as_they_were_given(as_alice: Caller, job: Any) -> None:
    wanted = {
        "buckets": ["scans", "more"],
        "prefix": "in/",
        "suffixes": [".jpg", ".PNG"],
        "topics": [TOPIC],
        "endpoint_url": "https://8.8.8.8:9000",
        "region": "eu-central-1",
        "queue_url": QUEUE,
    }
    made = make(as_alice, job, **wanted, key=KEY)
    assert made.status_code == 201
    assert made.json["settings"] == {**wanted, "has_key": True}
    assert made.json["kind"] == "s3"
    assert made.json["hook_url"].endswith("/s3")
    assert KEY not in made.text


def test_a_key_stays_until_another_or_none_is_given(as_alice: Caller, job: Any) -> None:
    path = "/" + make(as_alice, job, key=KEY).json["url"].split("/", 3)[3]
    for settings, has_key in (
        ({"buckets": ["more"]}, True),
        ({"buckets": ["more"], "key": None}, False),
        ({"buckets": ["more"]}, False),
        ({"buckets": ["more"], "key": KEY}, True),
    ):
        shown = as_alice("PATCH", path, json={"settings": settings}).json or {}
        assert shown["settings"]["has_key"] is has_key
        assert shown["settings"]["buckets"] == ["more"]


@pytest.mark.parametrize(
    ("wanted", "code", "said"),
    [
        ({"buckets": []}, "bad_source_settings", "buckets"),
        ({"buckets": None}, "bad_source_settings", "buckets"),
        ({"buckets": ["a/b"]}, "bad_source_settings", "scans-2026"),
        ({"buckets": ["elsewhere"]}, "bucket_not_allowed", "COLABEL_BUCKETS"),
        ({"buckets": ["shared"]}, "bucket_not_allowed", "COLABEL_STORAGE"),
        ({"buckets": ["shared"], "prefix": "colabel/ab"}, "bucket_not_allowed", "COLABEL_STORAGE"),
        ({"image_field": "a"}, "bad_source_settings", "image_field"),
        ({"topics": ["arn:aws:sqs:eu-central-1:111122223333:q"]}, "bad_source_settings", "topics"),
        ({"suffixes": [""]}, "bad_source_settings", "suffixes"),
        ({"key": "short"}, "bad_source_settings", "key"),
        ({"key": "with spaces in it, and long"}, "bad_source_settings", "key"),
        ({"endpoint_url": "ftp://a"}, "bad_source_settings", "endpoint_url"),
        ({"endpoint_url": "https://a/path"}, "bad_source_settings", "endpoint_url"),
        ({"endpoint_url": "https://user:secret@a"}, "bad_source_settings", "endpoint_url"),
        ({"endpoint_url": "http://127.0.0.1:9000"}, "forbidden_address", "PRIVATE"),
        ({"endpoint_url": "http://169.254.169.254"}, "forbidden_address", "PRIVATE"),
        ({"queue_url": "http://127.0.0.1:9324/000000000000/scans"}, "forbidden_address", ""),
        ({"queue_url": "https://sqs.eu-central-1.amazonaws.com/"}, "bad_source_settings", ""),
        (
            {"queue_url": "https://sqs.eu-central-1.amazonaws.com/1/other"},
            "bucket_not_allowed",
            "COLABEL_QUEUES",
        ),
        ({"region": "Frankfurt!"}, "bad_source_settings", "region"),
    ],
)
def test_what_cannot_work_is_told_when_it_is_saved(
    as_alice: Caller, job: Any, wanted: Json, code: str, said: str
) -> None:
    response = make(as_alice, job, **wanted)
    assert (response.status_code, response.json["code"]) == (422, code)
    assert said in response.json["detail"]


def test_another_prefix_of_our_own_bucket_will_do(as_alice: Caller, job: Any) -> None:
    assert make(as_alice, job, buckets=["shared"], prefix="in/").status_code == 201


def test_a_hook_takes_none_of_it(as_alice: Caller, job: Any) -> None:
    body = {"name": "Hook", "settings": {"buckets": ["scans"]}}
    response = as_alice.post(f"{job.path}/sources", json=body)
    assert (response.json or {})["code"] == "bad_source_settings"


def test_a_queue_belongs_to_one_source(as_alice: Caller, as_charlie: Caller, job: Any) -> None:
    path = "/" + make(as_alice, job, queue_url=QUEUE).json["url"].split("/", 3)[3]
    his = as_charlie.post("/api/v1/classifiers", json={"name": "Mine", "recipe": "sort"})
    sources = f"/api/v1/classifiers/{(his.json or {})['id']}/sources"
    body = {"name": "S3", "kind": "s3", "settings": {"buckets": ["scans"], "queue_url": QUEUE}}
    refused = as_charlie.post(sources, json=body)
    assert (refused.status_code, (refused.json or {})["code"]) == (409, "queue_taken")
    same = {"settings": {"buckets": ["more"], "queue_url": QUEUE}}
    assert as_alice("PATCH", path, json=same).status_code == 200
    as_alice("DELETE", path)
    assert as_charlie.post(sources, json=body).status_code == 201


def test_an_outsider_sees_nothing(as_alice: Caller, as_charlie: Caller, job: Any) -> None:
    path = "/" + make(as_alice, job).json["url"].split("/", 3)[3]
    for response in (as_charlie.get(path), make(as_charlie, job)):
        assert response.status_code == 404
        assert "scans" not in response.text
