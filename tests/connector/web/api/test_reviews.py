"""Answers over HTTP: what they contradict, and labels that were renamed since the question."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from caller import Caller
from colours import picture


def ask(caller: Caller, job: Any, drain: Callable[[], None]) -> str:
    """Send a grey picture, which the model is unsure of; return the path of the question."""
    data = picture("grey")
    made = caller.post(f"{job.path}/predictions", data=data, content_type="image/png").json or {}
    drain()
    shown = caller.get(f"/api/v1/predictions/{made['id']}").json or {}
    assert shown["status"] == "needs_review"
    return f"/api/v1/reviews/{shown['review_id']}"


def test_an_answer_that_contradicts_an_earlier_one_says_so(
    as_alice: Caller, as_bob: Caller, job: Any, drain: Callable[[], None]
) -> None:
    first = ask(as_alice, job, drain)
    second = ask(as_alice, job, drain)
    said = as_alice.post(f"{first}/answer", json={"label": "red"}).json or {}
    assert (said["label"], said["contradiction"]) == ("red", None)
    example = (as_alice.get(f"{job.path}/examples").json or {})["items"][0]
    contradicted = as_bob.post(f"{second}/answer", json={"label": "blue"}).json or {}
    assert contradicted["contradiction"] == {
        "kind": "same",
        "example_id": example["id"],
        "label": "red",
        "sentence": "This same picture was labelled “red” before; now it is “blue”.",
    }
    assert "contradiction" not in (as_alice.get(second).json or {})
    shown = (as_alice.get(f"{job.path}/examples").json or {})["items"]
    assert [(one["label"], one["origin"]) for one in shown] == [("blue", "review")]


def test_an_answer_labels_a_picture_of_the_heap(
    as_alice: Caller, job: Any, drain: Callable[[], None]
) -> None:
    kept = as_alice.post(
        f"{job.path}/examples", data=picture("grey"), content_type="image/png"
    ).json
    review = ask(as_alice, job, drain)
    said = as_alice.post(f"{review}/answer", json={"label": "red"}).json or {}
    assert said["contradiction"] is None
    shown = as_alice.get(f"{job.path}/examples/{(kept or {})['id']}").json or {}
    assert (shown["label"], shown["labelled_at"] is None) == ("red", False)


def test_an_open_question_keeps_its_words_and_takes_the_old_name(
    as_alice: Caller, job: Any, drain: Callable[[], None]
) -> None:
    review = ask(as_alice, job, drain)
    before = as_alice.get(review).json
    items = (as_alice.get(f"{job.path}/labels").json or {})["items"]
    ids = {one["name"]: one["id"] for one in items}
    as_alice("PATCH", f"{job.path}/labels/{ids['red']}", json={"name": "crimson"})
    as_alice("DELETE", f"{job.path}/labels/{ids['blue']}")
    assert as_alice.get(review).json == before
    gone = as_alice.post(f"{review}/answer", json={"label": "blue"})
    assert (gone.status_code, (gone.json or {})["code"]) == (422, "unknown_label")
    said = as_alice.post(f"{review}/answer", json={"label": "red"}).json or {}
    assert (said["label"], said["state"]) == ("crimson", "answered")
    shown = as_alice.get(f"/api/v1/predictions/{said['prediction_id']}").json or {}
    assert (shown["label"], shown["decided_by"]) == ("crimson", "person")
    examples = (as_alice.get(f"{job.path}/examples?label=crimson").json or {})["items"]
    assert [one["origin"] for one in examples] == ["review"]


def test_an_audit_of_a_renamed_label_finds_no_mistake(
    as_alice: Caller, job: Any, drain: Callable[[], None]
) -> None:
    as_alice("PATCH", job.path, json={"audit_share": 1.0})
    for colour in ("red", "blue", "green"):
        as_alice.post(f"{job.path}/predictions", data=picture(colour), content_type="image/png")
    drain()
    audits = (as_alice.get("/api/v1/reviews?kind=audit").json or {})["items"]
    items = (as_alice.get(f"{job.path}/labels").json or {})["items"]
    ids = {one["name"]: one["id"] for one in items}
    as_alice("PATCH", f"{job.path}/labels/{ids['red']}", json={"name": "crimson"})
    as_alice.post(f"{job.path}/labels/{ids['blue']}/merge", json={"into": ids["green"]})
    corrected = {}
    for audit in audits:
        prediction = f"/api/v1/predictions/{audit['prediction_id']}"
        stood = (as_alice.get(prediction).json or {})["label"]
        answer = {"red": "crimson", "blue": "green", "green": "crimson"}[stood]
        done = as_alice.post(f"/api/v1/reviews/{audit['id']}/answer", json={"label": answer})
        assert done.status_code == 200
        corrected[stood] = (as_alice.get(prediction).json or {})["corrected_label"]
    assert corrected == {"red": None, "blue": None, "green": "crimson"}
