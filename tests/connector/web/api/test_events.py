"""What happened last: the very bodies that a subscriber gets, subscribed or not."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest
from caller import Caller
from colours import picture
from loopback import Loopback, answer

from connector.db import Database
from connector.db.tables import Classifier
from connector.domain import versions
from connector.domain.event_filters import EVENT_TYPES
from connector.settings import Settings
from workers import deliver
from workers.runtime import Runtime

ON_BOTH_DATABASES = True


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"allow_private_addresses": ["127.0.0.1"]})


@pytest.fixture
def server() -> Iterator[Loopback]:
    with closing(Loopback(answer())) as server:
        yield server


def events(caller: Caller, event_type: str, **query: Any) -> Any:
    response = caller.get("/api/v1/events", query_string={"event_type": event_type, **query})
    assert response.status_code == 200, response.text
    return (response.json or {})["items"]


def send(caller: Caller, job: Any, *colours: str) -> list[str]:
    """Hand in a picture of each colour; return their ids."""
    made = []
    for seed, colour in enumerate(colours):
        response = caller.post(f"{job.path}/predictions", data=picture(colour, seed=seed))
        made.append((response.json or {})["id"])
    return made


def live(database: Database, settings: Settings, colours: Classifier) -> None:
    with database.write() as session:
        held = session.get_one(Classifier, colours.id)
        held.live_version = None
        session.flush()
        versions.promote(session, settings, held, 1)


def test_each_is_exactly_what_a_subscriber_got(
    as_alice: Caller,
    job: Any,
    colours: Classifier,
    drain: Callable[[], None],
    server: Loopback,
    rt: Runtime,
    database: Database,
    settings: Settings,
) -> None:
    types = [one for one in EVENT_TYPES if not one.startswith("promise.")]
    as_alice.post("/api/v1/webhooks", json={"url": server.url, "event_types": types})
    rules = f"{job.path}/rules"
    alert = {"kind": "alert", "params": {"channel": "webhook", "message": "{label}!"}}
    assert as_alice.post(rules, json={"label": "red", "actions": [alert]}).status_code == 201
    send(as_alice, job, "red", "grey")
    drain()
    [question] = (as_alice.get("/api/v1/reviews").json or {})["items"]
    as_alice.post(f"/api/v1/reviews/{question['id']}/answer", json={"label": "blue"})
    live(database, settings, colours)
    drain()
    while deliver.step(rt):
        pass
    bodies = [json.loads(one.partition(b"\r\n\r\n")[2]) for one in server.requests]
    latest = {body["type"]: body for body in bodies}
    assert {"prediction.completed", "review.answered", "model.promoted", "alert.raised"} <= {
        *latest
    }
    for event_type, body in latest.items():
        [*found] = events(as_alice, event_type, limit=10)
        match = [one for one in found if _same(one, body)]
        assert match, f"{event_type}: {body} is not among {found}"
        assert {*match[0]["data"]} == {*body["data"]}


def _same(one: Any, body: Any) -> bool:
    def key(message: Any) -> Any:
        data = message["data"]
        return data.get("id") or data.get("action_id") or (data["classifier_id"], data["number"])

    return bool(key(one) == key(body) and one["type"] == body["type"])


def test_an_alert_is_the_same_to_the_letter(
    as_alice: Caller, job: Any, drain: Callable[[], None], server: Loopback, rt: Runtime
) -> None:
    wanted = {"url": server.url, "event_types": ["alert.raised"]}
    as_alice.post("/api/v1/webhooks", json=wanted)
    alert = {"kind": "alert", "params": {"channel": "webhook", "message": "{label}!"}}
    as_alice.post(f"{job.path}/rules", json={"label": "red", "actions": [alert]})
    send(as_alice, job, "red")
    drain()
    deliver.step(rt)
    body = json.loads(server.requests[0].partition(b"\r\n\r\n")[2])
    [shown] = events(as_alice, "alert.raised")
    assert shown["data"] == body["data"]
    assert shown["data"]["message"] == "red!"


def test_the_newest_decision_comes_first_however_old_the_picture(
    as_alice: Caller, job: Any, drain: Callable[[], None]
) -> None:
    asked, *others = send(as_alice, job, "grey", "red", "blue")
    drain()
    assert {one["data"]["id"] for one in events(as_alice, "prediction.completed")} == {*others}
    [requested] = events(as_alice, "review.requested")
    assert requested["data"]["prediction_id"] == asked
    path = f"/api/v1/reviews/{requested['data']['id']}/answer"
    as_alice.post(path, json={"label": "red"})
    latest = events(as_alice, "prediction.completed", limit=2)
    assert latest[0]["data"]["id"] == asked
    assert latest[0]["timestamp"] == latest[0]["data"]["decided_at"]
    [answered] = events(as_alice, "review.answered")
    assert answered["data"]["label"] == "red"


def test_filters_are_those_of_a_subscription(
    as_alice: Caller, job: Any, drain: Callable[[], None]
) -> None:
    send(as_alice, job, "red", "blue", "red", "green")
    drain()

    def labels(**query: Any) -> list[str]:
        found = events(as_alice, "prediction.completed", **query)
        return sorted(one["data"]["label"] for one in found)

    assert labels(limit=10) == ["blue", "green", "red", "red"]
    assert len(labels()) == 3, "three, when nothing is said"
    assert labels(label="red") == ["red", "red"]
    assert labels(classifier_id=job.id, limit=10, status="done", decided_by="model") == [
        "blue",
        "green",
        "red",
        "red",
    ]
    assert labels(classifier_id="clf_other") == []
    assert labels(decided_by="person") == []
    assert labels(max_confidence=0.1) == []
    assert len(labels(min_confidence=0.1, limit=10)) == 4


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"event_type": "picture.eaten"}, "unknown_event_type"),
        ({"event_type": "model.promoted", "label": "red"}, "bad_filter"),
        (
            {"event_type": "alert.raised", "min_confidence": 0.9, "max_confidence": 0.1},
            "bad_filter",
        ),
    ],
)
def test_a_senseless_question_is_refused(as_alice: Caller, query: Any, code: str) -> None:
    refused = as_alice.get("/api/v1/events", query_string=query)
    assert (refused.status_code, (refused.json or {})["code"]) == (422, code)


def test_charlie_sees_nothing_of_it(
    as_alice: Caller, as_charlie: Caller, job: Any, drain: Callable[[], None]
) -> None:
    send(as_alice, job, "red", "grey")
    drain()
    for event_type in EVENT_TYPES:
        assert events(as_charlie, event_type, limit=100) == []
        assert events(as_charlie, event_type, limit=100, classifier_id=job.id) == []


def test_a_rejected_version_and_a_promise_are_told(
    as_alice: Caller, job: Any, database: Database, colours: Classifier
) -> None:
    from connector.db.tables import Event, ModelVersion, TrainingRun

    with database.write() as session:
        run = TrainingRun(classifier_id=colours.id, status="done", version=2, promoted=False)
        session.add(run)
        session.flush()
        first = session.query(ModelVersion).filter_by(classifier_id=colours.id, number=1).one()
        columns = ("labels", "thresholds", "card", "backbone_sha256", "head_sha256")
        same = {name: getattr(first, name) for name in columns}
        session.add(
            ModelVersion(
                classifier_id=colours.id,
                number=2,
                run_id=run.id,
                metrics={"verdict": "It is worse."},
                **same,
            )
        )
        payload = {"id": colours.id, "name": "Colours"}
        session.add(
            Event(workspace_id=colours.workspace_id, type="promise.broken", payload=payload)
        )
    [rejected] = events(as_alice, "model.rejected", classifier_id=job.id)
    assert (rejected["data"]["number"], rejected["data"]["reason"]) == (2, "It is worse.")
    [broken] = events(as_alice, "promise.broken", classifier_id=job.id)
    assert broken["data"]["name"] == "Colours"
    assert events(as_alice, "promise.broken", classifier_id="clf_other") == []


def test_classifiers_are_found_by_name(as_alice: Caller, as_charlie: Caller, job: Any) -> None:
    shown = as_alice.get(job.path).json or {}
    for name in (shown["name"], shown["name"].upper(), f" {shown['name'].lower()} "):
        found = as_alice.get("/api/v1/classifiers", query_string={"name": name}).json or {}
        assert [one["id"] for one in found["items"]] == [job.id]
    for caller, name in ((as_alice, shown["name"][:-1]), (as_charlie, shown["name"])):
        found = caller.get("/api/v1/classifiers", query_string={"name": name}).json or {}
        assert found["items"] == []
