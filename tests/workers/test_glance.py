"""Only looking: the model's answer and what the rules would do, with nothing done."""

from __future__ import annotations

from typing import Any

import pytest
from arrived import arrive, settle
from colours import picture
from sqlalchemy import func, select

from connector.db.tables import Action, Classifier, Delivery, Event, Image, Prediction, Study
from connector.domain import glances, outbound, rules
from connector.domain.conditions import When
from connector.domain.predictions import SourceRef
from workers import study
from workers.runtime import Runtime

EVENTS = ["prediction.completed", "review.requested"]


@pytest.fixture
def sorting(rt: Runtime, colours: Classifier) -> Classifier:
    """Red ones are moved, everything of lot 7 is copied; a rule that is off is not asked."""
    wanted = outbound.subscription(rt.settings, "https://93.184.216.34/hook", EVENTS)
    with rt.database.write() as session:
        outbound.create_webhook(session, colours.workspace_id, wanted)
        for when, kind, enabled in (
            ({"labels": ["red"], "min_confidence": 0.5}, "move", True),
            ({"metadata": {"lot": "7"}}, "copy", True),
            ({}, "move", False),
        ):
            actions = rules.check_actions(
                rt.settings, [{"kind": kind, "params": {"folder": f"{kind}/{{label}}"}}]
            )
            rules.create_rule(
                session,
                colours,
                when=When.model_validate(when),
                actions=actions,
                enabled=enabled,
            )
    return colours


def look(rt: Runtime, source: SourceRef, data: bytes, **metadata: Any) -> Study:
    study_id = glances.of_bytes(
        rt.database, rt.blobs, rt.settings, source, data, "new.png", metadata
    )
    while study.step(rt):
        pass
    with rt.database.read() as session:
        return session.get_one(Study, study_id)


def counts(rt: Runtime) -> list[int]:
    tables = (Prediction, Action, Event, Delivery)
    with rt.database.read() as session:
        return [session.scalar(select(func.count()).select_from(one)) or 0 for one in tables]


@pytest.mark.usefixtures("sorting")
def test_it_says_what_would_become_of_it_and_leaves_nothing(
    rt: Runtime, api_source: SourceRef
) -> None:
    before = counts(rt)
    done = look(rt, api_source, picture("red", seed=5), lot="7")
    assert (done.status, done.error) == ("done", None)
    found: Any = done.result
    assert (found["label"], found["decided_by"], found["asked"]) == ("red", "model", None)
    assert found["confidence"] == pytest.approx(max(found["probabilities"].values()))
    texts = [one["effects"][0]["text"] for one in found["rules"]]
    assert [text.split("/")[-3:] for text in texts] == [
        ["move", "red", "new.png"],
        ["copy", "red", "new.png"],
    ]
    assert counts(rt) == before
    with rt.database.read() as session:
        image = session.get_one(Image, done.params["image_id"])
    assert image.deleted_at is not None, "what was uploaded is not kept"
    assert list(rt.settings.sorted_dir.rglob("*.png")) == []


@pytest.mark.usefixtures("sorting")
def test_a_rule_that_does_not_hold_is_not_named(rt: Runtime, api_source: SourceRef) -> None:
    found: Any = look(rt, api_source, picture("blue", seed=5)).result
    assert (found["label"], found["rules"]) == ("blue", [])


@pytest.mark.usefixtures("sorting")
def test_where_a_person_would_be_asked_it_says_why(rt: Runtime, api_source: SourceRef) -> None:
    before = counts(rt)
    found: Any = look(rt, api_source, picture("grey", seed=5), lot="7").result
    assert found["decided_by"] == "person"
    assert found["asked"]["code"]
    assert found["asked"]["reason"].endswith(".")
    assert len(found["rules"]) >= 1, "what follows if that person says the same"
    assert counts(rt) == before


@pytest.mark.usefixtures("sorting")
def test_it_agrees_with_what_is_done_then(rt: Runtime, api_source: SourceRef) -> None:
    found: Any = look(rt, api_source, picture("red", seed=6)).result
    (foreseen,) = [one["effects"][0]["text"] for one in found["rules"]]
    arrive(rt, api_source, "red", seed=6, name="new.png")
    settle(rt)
    with rt.database.read() as session:
        row = session.scalars(select(Prediction)).one()
        action = session.scalars(select(Action)).one()
    assert (row.label, row.confidence) == (found["label"], pytest.approx(found["confidence"]))
    assert action.detail["to"] == foreseen


def test_what_cannot_be_read_fails_with_its_reason(rt: Runtime, api_source: SourceRef) -> None:
    study_id = glances.of_bytes(
        rt.database, rt.blobs, rt.settings, api_source, picture("red"), "a.png", {}
    )
    with rt.database.read() as session:
        row = session.get_one(Study, study_id)
        sha256 = session.get_one(Image, row.params["image_id"]).sha256
    rt.blobs.delete(sha256)
    while study.step(rt):
        pass
    with rt.database.read() as session:
        row = session.get_one(Study, study_id)
    assert row.status == "failed"
    assert row.error
