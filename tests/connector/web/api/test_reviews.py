"""Answers over HTTP: what they contradict, and labels that were renamed since the question."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
from caller import Caller
from colours import picture
from PIL import Image


def ask(caller: Caller, job: Any, drain: Callable[[], None], data: bytes = picture("grey")) -> str:
    """Send a grey picture, which the model is unsure of; return the path of the question."""
    made = caller.post(f"{job.path}/predictions", data=data, content_type="image/png").json or {}
    drain()
    shown = caller.get(f"/api/v1/predictions/{made['id']}").json or {}
    assert shown["status"] == "needs_review"
    return f"/api/v1/reviews/{shown['review_id']}"


def add(caller: Caller, job: Any, label: str, data: bytes) -> str:
    """Add a labelled example; return its id."""
    query = {"label": label}
    made = caller.post(
        f"{job.path}/examples", data=data, content_type="image/png", query_string=query
    )
    return str((made.json or {})["id"])


def labels(caller: Caller, job: Any) -> dict[str, str]:
    """Return the label of each example."""
    return {
        one["id"]: one["label"] for one in (caller.get(f"{job.path}/examples").json or {})["items"]
    }


def test_an_answer_that_contradicts_an_example_says_so(
    as_alice: Caller, as_bob: Caller, job: Any, drain: Callable[[], None]
) -> None:
    example = add(as_alice, job, "red", picture("grey"))
    review = ask(as_alice, job, drain)
    contradicted = as_bob.post(f"{review}/answer", json={"label": "blue"}).json or {}
    assert contradicted["contradiction"] == {
        "kind": "same",
        "example_id": example,
        "label": "red",
        "sentence": "This same picture was labelled “red” before; now it is “blue”.",
    }
    assert "contradiction" not in (as_alice.get(review).json or {})
    assert labels(as_alice, job) == {example: "blue"}


def pattern(seed: int, **saved: Any) -> bytes:
    """A grey picture of its own structure, which the model is as unsure of as of plain grey."""
    grey = np.random.default_rng(seed).integers(88, 168, (12, 12), dtype=np.uint8)
    shown = Image.fromarray(grey).resize((96, 96), Image.Resampling.BICUBIC).convert("RGB")
    file = io.BytesIO()
    shown.save(file, **saved)
    return file.getvalue()


def test_an_answer_that_contradicts_a_copy_says_so(
    as_alice: Caller, job: Any, drain: Callable[[], None]
) -> None:
    example = add(as_alice, job, "red", pattern(1, format="PNG"))
    # A picture has a look as soon as a worker has seen it.
    ask(as_alice, job, drain, pattern(1, format="PNG"))
    copy = ask(as_alice, job, drain, pattern(1, format="JPEG", quality=70))
    other = ask(as_alice, job, drain, pattern(2, format="PNG"))
    said = as_alice.post(f"{other}/answer", json={"label": "blue"}).json or {}
    assert said["contradiction"] is None, "it looks different"
    said = as_alice.post(f"{copy}/answer", json={"label": "blue"}).json or {}
    assert said["contradiction"] == {
        "kind": "near_identical",
        "example_id": example,
        "label": "red",
        "sentence": "A picture that looks the same is labelled “red”; this one is “blue” now.",
    }
    assert labels(as_alice, job)[example] == "red", "that one stays as it is"


def test_an_answer_settles_the_questions_about_copies(
    as_alice: Caller, as_bob: Caller, job: Any, drain: Callable[[], None]
) -> None:
    first, copy = (
        ask(as_alice, job, drain, pattern(1, format="JPEG", quality=quality))
        for quality in (95, 70)
    )
    other = ask(as_alice, job, drain, pattern(2, format="PNG"))
    said = as_alice.post(f"{first}/answer", json={"label": "red"}).json or {}
    assert said["contradiction"] is None
    settled = as_alice.get(copy).json or {}
    assert (settled["state"], settled["label"]) == ("answered", "red")
    shown = as_alice.get(f"/api/v1/predictions/{settled['prediction_id']}").json or {}
    assert (shown["status"], shown["label"], shown["decided_by"]) == ("done", "red", "person")
    assert shown["twin_of"] == said["prediction_id"]
    assert (as_alice.get(other).json or {})["state"] == "open"
    assert len(labels(as_alice, job)) == 1, "copies teach nothing new"
    again = as_bob.post(f"{copy}/answer", json={"label": "blue"})
    assert (again.status_code, (again.json or {})["code"]) == (409, "already_answered")


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
