"""Promises, audits, reports and studies over HTTP, as the people of the cast meet them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from caller import Caller
from colours import picture
from sqlalchemy import select

from connector.db import Database
from connector.db.tables import ModelVersion
from connector.storage import LocalBlobs
from workers import judge, study
from workers.runtime import Runtime


@pytest.fixture
def base(job: Any) -> str:
    """The address of Alice's classifier."""
    path: str = job.path
    return path


def test_a_promise_is_set_shown_and_taken_back(as_alice: Caller, as_bob: Caller, base: str) -> None:
    wanted = {"kind": "error_rate", "rate": 0.02}
    changed = as_alice("PATCH", base, json={"promise": wanted, "audit_share": 0.1})
    assert changed.status_code == 200
    shown = as_bob.get(base).json
    assert {name: shown["promise"][name] for name in wanted} == wanted
    assert (shown["operating"], shown["field"], shown["audit_share"]) == (None, None, 0.1)
    back = as_alice(
        "PATCH", base, json={"promise": {"kind": "confidence"}, "audit_share": None}
    ).json
    assert (back["promise"]["kind"], back["audit_share"]) == ("confidence", 0.0)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"promise": {"kind": "error_rate"}}, "bad_promise"),
        ({"promise": {"kind": "perfect"}}, "invalid_values"),
        ({"promise": {"kind": "error_rate", "rate": 0.9}}, "invalid_values"),
        ({"audit_share": 2}, "invalid_values"),
        ({"promise": {"kind": "none"}, "threshold": 0.9}, "threshold_without_effect"),
    ],
)
def test_what_cannot_be_promised_is_refused(
    as_alice: Caller, base: str, body: dict[str, Any], code: str
) -> None:
    before = as_alice.get(base).json
    refused = as_alice("PATCH", base, json=body)
    assert (refused.status_code, refused.json["code"]) == (422, code)
    assert as_alice.get(base).json == before


def test_a_version_without_its_record_says_what_to_do(
    as_alice: Caller, rt: Runtime, base: str
) -> None:
    as_alice("PATCH", base, json={"promise": {"kind": "error_rate", "rate": 0.1}})
    assert judge.step(rt) == 1
    point = as_alice.get(base).json["operating"]
    assert point["kept"] is False
    assert "train again" in point["sentence"]
    assert set(point["thresholds"].values()) == {None}


def test_the_report_of_a_version_is_served_as_it_was_written(
    as_alice: Caller, as_charlie: Caller, database: Database, blobs: LocalBlobs, base: str
) -> None:
    missing = as_alice.get(f"{base}/versions/1/report")
    assert (missing.status_code, missing.json["code"]) == (409, "no_report")
    told = {"headline": {"sentence": "Wrong about 3 times in 100."}}
    with database.write() as session:
        version = session.scalars(select(ModelVersion)).one()
        version.report_sha256 = blobs.put(json.dumps(told).encode())
    assert as_alice.get(f"{base}/versions/1/report").json == {"version": 1, "report": told}
    assert as_charlie.get(f"{base}/versions/1/report").status_code == 404


def test_a_rehearsal_is_queued_answered_and_waited_for(
    as_alice: Caller, as_charlie: Caller, rt: Runtime, drain: Any, base: str
) -> None:
    for seed in range(3):
        as_alice.post(f"{base}/predictions", data=picture("red", seed=seed))
    drain()
    asked = as_alice.post(f"{base}/rehearsals", json={"threshold": 1.0, "days": 1})
    assert asked.status_code == 202
    address = asked.headers["Location"].removeprefix("http://127.0.0.1:8484")
    assert as_alice.get(f"{address}?wait=0.05").json["status"] == "queued"
    assert study.step(rt) == 1
    done = as_alice.get(f"{address}?wait=5").json
    assert (done["status"], done["result"]["differ_count"]) == ("done", 3)
    assert [one["id"] for one in as_alice.get(f"{base}/studies").json["items"]] == [done["id"]]
    assert as_alice.get(f"{base}/studies?kind=groups").json["items"] == []
    for path in (address, f"{base}/studies"):
        assert as_charlie.get(path).status_code == 404
    assert as_charlie.post(f"{base}/rehearsals", json={}).status_code == 404


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        ("rehearsals", {"version": 9}, 404, "not_found"),
        ("rehearsals", {"promise": {"kind": "capacity"}}, 422, "bad_promise"),
        ("rehearsals", {"rules": [{"actions": [{"kind": "burn"}]}]}, 400, "unknown_action"),
        ("comparisons", {"versions": [1, 7]}, 404, "not_found"),
        ("suggestions", {"kind": "poem"}, 422, "invalid_values"),
    ],
)
def test_studies_that_make_no_sense_are_refused_at_once(
    as_alice: Caller, base: str, path: str, body: dict[str, Any], status: int, code: str
) -> None:
    refused = as_alice.post(f"{base}/{path}", json=body)
    assert (refused.status_code, refused.json["code"]) == (status, code)
    assert as_alice.get(f"{base}/studies").json["items"] == []


def test_audits_are_told_from_questions(as_alice: Caller, drain: Any, base: str) -> None:
    as_alice("PATCH", base, json={"audit_share": 1.0})
    as_alice.post(f"{base}/predictions", data=picture("red"))
    as_alice.post(f"{base}/predictions", data=picture("grey"))
    drain()
    audits = as_alice.get("/api/v1/reviews?kind=audit").json["items"]
    questions = as_alice.get("/api/v1/reviews?kind=question").json["items"]
    assert [one["code"] for one in audits] == ["audit"]
    assert [one["code"] for one in questions] == ["unsure"]
    answered = as_alice.post(f"{audits[0]['url'].split('8484')[1]}/answer", json={"label": "blue"})
    assert answered.status_code == 200
    prediction = as_alice.get(f"/api/v1/predictions/{audits[0]['prediction_id']}").json
    assert (prediction["label"], prediction["corrected_label"]) == ("red", "blue")
