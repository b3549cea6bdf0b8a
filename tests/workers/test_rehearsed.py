"""A rule rehearsed: where each past picture would have gone, and what would have failed."""

from __future__ import annotations

from typing import Any

import pytest
from arrived import arrive, settle
from sqlalchemy import func, select

from connector.db.tables import Action, Classifier, Study
from connector.domain import rule_drafts, rules
from connector.domain.conditions import When
from connector.domain.predictions import SourceRef
from workers import rehearsed, study
from workers.runtime import Runtime


@pytest.fixture
def past(rt: Runtime, api_source: SourceRef) -> list[str]:
    """Three red ones, a blue and one that a person was asked about."""
    colours = (("red", 1), ("blue", 2), ("red", 3), ("grey", 4), ("red", 5))
    made = [arrive(rt, api_source, colour, seed=seed) for colour, seed in colours]
    settle(rt)
    return made


def rehearse(
    rt: Runtime, classifier: Classifier, when: dict[str, Any], *actions: dict[str, Any]
) -> Any:
    checked = rules.check_actions(rt.settings, list(actions))
    with rt.database.write() as session:
        row = session.get_one(Classifier, classifier.id)
        wanted = rule_drafts.draft(session, row, When.model_validate(when), checked)
        study_id = rule_drafts.rehearse(session, row, wanted, 30).id
    while study.step(rt):
        pass
    with rt.database.read() as session:
        done = session.get_one(Study, study_id)
    assert (done.status, done.error) == ("done", None)
    assert done.result is not None
    return done.result["rule"]


def test_each_picture_says_where_it_would_have_gone(
    rt: Runtime, colours: Classifier, past: list[str]
) -> None:
    move = {"kind": "move", "params": {"folder": "Out/{label}"}}
    found = rehearse(rt, colours, {"labels": ["red"]}, move)
    assert (found["pictures"], found["failing"], found["otherwise"]) == (3, 0, 3)
    (effect,) = found["effects"]
    assert effect[0].endswith("/Out/red")
    assert effect[1] == 3
    assert [one["name"] for one in found["shown"]] == ["red-5.png", "red-3.png", "red-1.png"]
    assert [one["prediction_id"] for one in found["shown"]] == [past[4], past[2], past[0]]
    assert found["shown"][0]["effects"][0]["text"].endswith("/Out/red/red-5.png")
    with rt.database.read() as session:
        assert session.scalar(select(func.count()).select_from(Action)) == 0
    assert list(rt.settings.sorted_dir.rglob("*.png")) == []


@pytest.mark.usefixtures("past")
def test_a_question_that_waits_is_not_acted_on(rt: Runtime, colours: Classifier) -> None:
    found = rehearse(rt, colours, {}, {"kind": "copy", "params": {"folder": "all"}})
    assert found["pictures"] == 4


@pytest.mark.usefixtures("past")
def test_what_would_fail_is_counted_apart(rt: Runtime, colours: Classifier) -> None:
    tag = {"kind": "tag", "params": {"tags": {"kind": "{label}"}}}
    found = rehearse(rt, colours, {"labels": ["red", "blue"]}, tag)
    assert (found["pictures"], found["failing"], found["effects"]) == (4, 4, [])
    assert all(one["effects"][0]["fails"] for one in found["shown"])


@pytest.mark.usefixtures("past")
def test_the_same_as_a_rule_in_force_changes_something_for_nobody(
    rt: Runtime, colours: Classifier
) -> None:
    wanted = [{"kind": "alert", "params": {"channel": "webhook"}}]
    actions = rules.check_actions(rt.settings, wanted)
    with rt.database.write() as session:
        row = session.get_one(Classifier, colours.id)
        made = rules.create_rule(session, row, label="red", actions=actions)
        draft = rule_drafts.draft(
            session, row, When.model_validate({"labels": ["red"]}), actions, made
        )
        study_id = rule_drafts.rehearse(session, row, draft, 30).id
    while study.step(rt):
        pass
    with rt.database.read() as session:
        result = session.get_one(Study, study_id).result
    assert result is not None
    assert (result["rule"]["pictures"], result["rule"]["otherwise"]) == (3, 0)


@pytest.mark.usefixtures("past")
def test_only_so_many_are_listed(
    rt: Runtime, colours: Classifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rehearsed, "SHOWN", 2)
    move = {"kind": "move", "params": {"folder": "Out"}}
    found = rehearse(rt, colours, {"labels": ["red"]}, move)
    assert (found["pictures"], len(found["shown"])) == (3, 2)
