"""Back-fills and what to paste, over HTTP: begun, looked at, stopped, and nobody else's."""

from __future__ import annotations

from typing import Any

import pytest
from caller import Caller

from connector.settings import Settings

ON_BOTH_DATABASES = True


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Let sources use any bucket."""
    return settings.model_copy(update={"buckets": ["*"]})


@pytest.fixture
def path(as_alice: Caller, job: Any) -> str:
    settings = {"buckets": ["scans", "more"], "prefix": "in/"}
    body = {"name": "S3", "kind": "s3", "settings": settings}
    made = as_alice.post(f"{job.path}/sources", json=body)
    return "/" + str((made.json or {})["url"]).split("/", 3)[3]


def test_a_backfill_is_begun_listed_shown_and_stopped(
    as_alice: Caller, as_bob: Caller, path: str
) -> None:
    wanted = {"bucket": "scans", "prefix": "in/2026/"}
    made = as_alice.post(f"{path}/backfills", json=wanted)
    shown = made.json or {}
    assert made.status_code == 202
    assert (shown["status"], shown["bucket"], shown["prefix"]) == ("queued", "scans", "in/2026/")
    one = "/" + shown["url"].split("/", 3)[3]
    assert as_bob.get(one).json == shown
    assert (as_bob.get(f"{path}/backfills").json or {})["items"] == [shown]
    for _ in range(2):
        stopped = as_bob.post(f"{one}/stop").json or {}
        assert (stopped["status"], stopped["waiting"]) == ("stopped", None)


@pytest.mark.parametrize("wanted", [{}, {"bucket": "other"}, {"bucket": "more", "prefix": "out/"}])
def test_what_the_source_does_not_take_is_told(as_alice: Caller, path: str, wanted: Any) -> None:
    response = as_alice.post(f"{path}/backfills", json=wanted)
    assert (response.status_code, (response.json or {})["code"]) == (422, "bad_backfill")


def test_there_is_an_end_to_them(as_alice: Caller, path: str) -> None:
    for _ in range(20):
        assert as_alice.post(f"{path}/backfills", json={"bucket": "scans"}).status_code == 202
    response = as_alice.post(f"{path}/backfills", json={"bucket": "scans"})
    assert (response.status_code, (response.json or {})["code"]) == (409, "too_many_backfills")


def test_what_to_paste_is_shown(as_alice: Caller, path: str) -> None:
    shown = as_alice.get(f"{path}/set-up").json or {}
    assert shown["hook_url"].endswith("/s3")
    assert shown["eventbridge"]["files"]["rule-pattern.json"]["source"] == ["aws.s3"]


def test_a_hook_has_no_bucket(as_alice: Caller, job: Any) -> None:
    listed = (as_alice.get(f"{job.path}/sources").json or {})["items"]
    hook = next(one for one in listed if one["kind"] == "hook")["id"]
    for response in (
        as_alice.get(f"{job.path}/sources/{hook}/set-up"),
        as_alice.post(f"{job.path}/sources/{hook}/backfills", json={}),
    ):
        assert (response.status_code, (response.json or {})["code"]) == (409, "not_s3")


def test_an_outsider_sees_and_does_nothing(as_alice: Caller, as_charlie: Caller, path: str) -> None:
    made = as_alice.post(f"{path}/backfills", json={"bucket": "scans"}).json or {}
    one = "/" + made["url"].split("/", 3)[3]
    for response in (
        as_charlie.get(f"{path}/set-up"),
        as_charlie.get(f"{path}/backfills"),
        as_charlie.post(f"{path}/backfills", json={"bucket": "scans"}),
        as_charlie.get(one),
        as_charlie.post(f"{one}/stop"),
    ):
        assert response.status_code == 404
        assert "scans" not in response.text
    assert as_alice.get(one).json == made
