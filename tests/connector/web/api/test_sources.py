"""Sources over HTTP: made, tried, paused, rotated, deleted, and what their owner sees."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from caller import Caller
from colours import picture
from sqlalchemy import update

from connector.db import Database
from connector.db.tables import Source
from connector.db.types import utcnow

ON_BOTH_DATABASES = True
RED, BLUE = picture("red"), picture("blue")
Json = dict[str, Any]


def text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def path_of(url: str) -> str:
    return "/" + url.split("/", 3)[3]


@pytest.fixture
def shop(as_alice: Caller, job: Any) -> Json:
    wanted = {"name": "Shop", "settings": {"image_field": "items[].photo"}}
    response = as_alice.post(f"{job.path}/sources", json=wanted)
    assert response.status_code == 201
    made: Json = response.json or {}
    return {**made, "path": path_of(made["url"]), "hook": path_of(made["hook_url"])}


def test_a_source_is_made_listed_shown_and_changed(
    as_alice: Caller, as_bob: Caller, job: Any, shop: Json
) -> None:
    listed = (as_bob.get(f"{job.path}/sources").json or {})["items"]
    assert [one["name"] for one in listed] == ["Shop", "hook"]
    assert path_of(listed[1]["hook_url"]) == job.hook
    changed = as_bob("PATCH", shop["path"], json={"name": " My  shop "}).json or {}
    assert (changed["name"], changed["settings"]) == ("My shop", {"image_field": "items[].photo"})
    cleared = as_alice("PATCH", shop["path"], json={"settings": {}}).json or {}
    assert cleared["settings"] in ({}, {"image_field": None})
    shown = as_alice.get(shop["path"]).json or {}
    assert (shown["events"], shown["accepted"], shown["last_event_at"]) == ([], 0, None)


def test_an_outsider_sees_and_changes_nothing(as_charlie: Caller, job: Any, shop: Json) -> None:
    for response in (
        as_charlie.get(f"{job.path}/sources"),
        as_charlie.post(f"{job.path}/sources", json={"name": "Mine"}),
        as_charlie.get(shop["path"]),
        as_charlie("PATCH", shop["path"], json={"state": "paused"}),
        as_charlie("DELETE", shop["path"]),
        as_charlie.post(f"{shop['path']}/rotate-token", json={}),
        as_charlie.post(f"{shop['path']}/test", data=RED),
    ):
        assert response.status_code == 404
        assert "Shop" not in response.text


@pytest.mark.parametrize("bad", ["", "a..b", "items[0].url", "a[", "[]"])
def test_a_bad_image_field_is_told(as_alice: Caller, job: Any, bad: str) -> None:
    wanted = {"name": "Bad", "settings": {"image_field": bad}}
    assert as_alice.post(f"{job.path}/sources", json=wanted).status_code == 422


def test_a_taken_name_is_a_conflict(as_alice: Caller, job: Any, shop: Json) -> None:
    for name in ("Shop", "hook"):
        response = as_alice.post(f"{job.path}/sources", json={"name": name})
        assert (response.status_code, (response.json or {})["code"]) == (409, "name_taken")
    assert as_alice("PATCH", shop["path"], json={"name": "hook"}).status_code == 409


def test_the_named_field_goes_first_and_the_owner_sees_what_came(
    as_nobody: Caller, as_alice: Caller, shop: Json
) -> None:
    body = {"image": text(RED), "items": [{"photo": text(BLUE)}, {"photo": text(RED)}]}
    first = as_nobody.post(shop["hook"], json=body, headers={"Idempotency-Key": "k" * 255})
    again = as_nobody.post(shop["hook"], json=body, headers={"Idempotency-Key": "k" * 255})
    ids = [one["id"] for one in (first.json or {})["predictions"]]
    assert len(set(ids)) == 2
    assert [one["id"] for one in (again.json or {})["predictions"]] == ids
    assert as_nobody.post(shop["hook"], json={"image": text(RED)}).status_code == 202
    shown = as_alice.get(shop["path"]).json or {}
    assert (shown["accepted"], shown["refused"]) == (3, 0)
    assert {one["prediction_id"] for one in shown["events"]} > set(ids)
    assert shown["last_event_at"] == shown["events"][0]["created_at"]


def test_a_refused_call_leaves_its_reason_and_no_secret(
    as_nobody: Caller, as_alice: Caller, shop: Json
) -> None:
    bad = {"items": [{"photo": text(RED)}, {"photo": text(BLUE[:60])}]}
    assert as_nobody.post(shop["hook"], json=bad).status_code in (415, 422)
    url = "http://127.0.0.1:1/a.png?signature=hush"
    assert as_nobody.post(shop["hook"], json={"image": url}).status_code == 422
    shown = as_alice.get(shop["path"]).json or {}
    newest, oldest = shown["events"]
    assert (newest["outcome"], newest["code"]) == ("refused", "forbidden_address")
    assert "hush" not in newest["detail"]
    assert oldest["pictures"] == 2
    assert "Picture 2 (items.photo)" in oldest["detail"]
    assert (shown["accepted"], shown["refused"]) == (0, 2)


def test_refused_calls_are_kept_up_to_a_number(
    as_nobody: Caller, as_alice: Caller, shop: Json
) -> None:
    for _ in range(23):
        assert as_nobody.post(shop["hook"], json={"nothing": 1}).status_code == 400
    shown = as_alice.get(shop["path"]).json or {}
    assert [one["code"] for one in shown["events"]] == ["no_picture"] * 20
    assert shown["refused"] == 23


def test_a_paused_source_tells_senders_to_come_back(
    as_nobody: Caller, as_alice: Caller, job: Any, shop: Json
) -> None:
    assert as_nobody.post(shop["hook"], data=RED).status_code == 202
    as_alice("PATCH", shop["path"], json={"state": "paused"})
    refused = as_nobody.post(shop["hook"], data=RED)
    assert (refused.status_code, (refused.json or {})["code"]) == (503, "source_paused")
    assert int(refused.headers["Retry-After"]) > 0
    assert as_nobody.post(job.hook, data=RED).status_code == 202
    as_alice("PATCH", shop["path"], json={"state": "active"})
    assert as_nobody.post(shop["hook"], data=RED).status_code == 202


def test_a_source_closed_by_another_process_takes_nothing_more(
    as_nobody: Caller, as_alice: Caller, shop: Json, database: Database
) -> None:
    assert as_nobody.post(shop["hook"], data=RED).status_code == 202
    with database.write() as session:
        one = update(Source).where(Source.id == shop["id"])
        session.execute(one.values(state="paused"))
    assert as_nobody.post(shop["hook"], data=BLUE).status_code == 503
    with database.write() as session:
        session.execute(one.values(state="active", deleted_at=utcnow()))
    assert as_nobody.post(shop["hook"], data=BLUE).status_code == 404


def test_the_address_before_a_rotation_works_for_a_while(
    as_nobody: Caller, as_alice: Caller, shop: Json, database: Database, app: Any
) -> None:
    rotated = as_alice.post(f"{shop['path']}/rotate-token", json={}).json or {}
    new = path_of(rotated["hook_url"])
    assert new != shop["hook"]
    assert rotated["previous_url_until"] is not None
    for hook in (new, shop["hook"]):
        assert as_nobody.post(hook, data=RED).status_code == 202
    with database.write() as session:
        past = utcnow() - timedelta(seconds=1)
        session.execute(update(Source).values(previous_token_until=past))
    app.extensions["colabel"].hooks.forget(shop["classifier_id"])
    assert as_nobody.post(shop["hook"], data=RED).status_code == 404
    assert as_nobody.post(new, data=RED).status_code == 202
    assert (as_alice.get(shop["path"]).json or {})["previous_url_until"] is None


def test_a_rotation_without_grace_ends_the_old_address_now(
    as_nobody: Caller, as_alice: Caller, shop: Json
) -> None:
    assert as_nobody.post(shop["hook"], data=RED).status_code == 202
    rotated = as_alice.post(f"{shop['path']}/rotate-token", json={"grace_hours": 0}).json or {}
    assert rotated["previous_url_until"] is None
    assert as_nobody.post(shop["hook"], data=RED).status_code == 404
    too_long = as_alice.post(f"{shop['path']}/rotate-token", json={"grace_hours": 721})
    assert too_long.status_code == 422


def test_a_deleted_source_is_closed_and_its_predictions_stay(
    as_nobody: Caller, as_alice: Caller, job: Any, shop: Json
) -> None:
    kept = as_nobody.post(shop["hook"], data=RED).json or {}
    as_alice.post(f"{shop['path']}/rotate-token", json={})
    assert as_nobody.post(shop["hook"], json={}).status_code == 400
    assert as_alice("DELETE", shop["path"]).status_code == 204
    assert as_nobody.post(shop["hook"], data=RED).status_code == 404
    assert as_alice.get(shop["path"]).status_code == 404
    assert as_alice.get(f"/api/v1/predictions/{kept['id']}").status_code == 200
    assert as_alice.post(f"{job.path}/sources", json={"name": "Shop"}).status_code == 201


def test_the_first_hook_can_be_deleted_too(as_alice: Caller, as_nobody: Caller, job: Any) -> None:
    first = (as_alice.get(f"{job.path}/sources").json or {})["items"][0]
    assert as_alice("DELETE", path_of(first["url"])).status_code == 204
    assert (as_alice.get(job.path).json or {})["hook_url"] is None
    assert as_nobody.post(job.hook, data=RED).status_code == 404


def test_the_apis_own_source_is_none_of_them(as_alice: Caller, job: Any, api_source: Any) -> None:
    assert as_alice("DELETE", f"{job.path}/sources/{api_source.id}").status_code == 404


def test_a_trial_says_what_would_be_found_and_keeps_nothing(
    as_alice: Caller, shop: Json, residue: Callable[[], dict[str, int]]
) -> None:
    before = residue()
    body = {"x": text(RED), "items": [{"photo": "https://e.example/1.png"}, {"photo": text(RED)}]}
    said = as_alice.post(f"{shop['path']}/test", json=body).json or {}
    assert [(one["where"], one["form"]) for one in said["pictures"]] == [
        ("items.photo", "url"),
        ("items.photo", "bytes"),
    ]
    assert (said["would_be_accepted"], said["pictures"][1]["media_type"]) == (True, "image/png")
    other = as_alice.post(f"{shop['path']}/test?image_field=x", json=body).json or {}
    assert [one["where"] for one in other["pictures"]] == ["x"]
    form = {"file": (io.BytesIO(b"no picture"), "a.png")}
    bad = as_alice.post(f"{shop['path']}/test", data=form).json or {}
    assert (bad["would_be_accepted"], bad["pictures"][0]["code"]) == (False, "not_a_picture")
    assert as_alice.post(f"{shop['path']}/test", json={"x": 1}).status_code == 400
    assert residue() == before
