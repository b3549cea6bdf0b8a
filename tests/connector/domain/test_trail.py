"""A picture's way from its arrival to what was done and told about it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from arrived import arrive, settle

from connector.db.tables import Classifier, Prediction, Source
from connector.domain import outbound, rules, trail
from connector.domain.predictions import SourceRef
from connector.errors import NotFound
from workers.runtime import Runtime

HOOK = "https://93.184.216.34/hook"


@pytest.fixture
def told(rt: Runtime, colours: Classifier) -> None:
    """Somebody is told of all, and what is red is moved."""
    events = ["prediction.completed", "review.requested"]
    wanted = outbound.subscription(rt.settings, HOOK, events)
    actions = rules.check_actions(rt.settings, [{"kind": "move", "params": {"folder": "{label}"}}])
    with rt.database.write() as session:
        outbound.create_webhook(session, colours.workspace_id, wanted)
        rules.create_rule(session, colours, label="red", actions=actions)


@pytest.mark.usefixtures("told")
def test_it_is_alive_until_everything_is_done(
    rt: Runtime, colours: Classifier, api_source: SourceRef
) -> None:
    one = arrive(rt, api_source, "red", seed=1)
    arrive(rt, api_source, "red", seed=2)
    with rt.database.read() as session:
        found = trail.follow(session, colours, one)
        assert (found.row.status, found.alive) == ("queued", True)
        assert (found.actions, found.told) == ([], [])
        assert found.came_by == ""
    settle(rt)
    with rt.database.read() as session:
        found = trail.follow(session, colours, one)
        (action,) = found.actions
        assert (action.kind, action.status) == ("move", "done")
        rule = found.rules[(action.rule_id, action.rule_version)]
        assert rule.label == "red"
        # Of its own events, and of nobody else's; they are still on their way.
        types = [each.event.type for each in found.told]
        assert types == ["prediction.completed"]
        assert {each.delivery.url for each in found.told} == {HOOK}
        assert found.alive
        for each in found.told:
            each.delivery.status = "delivered"
        assert not found.alive


@pytest.mark.usefixtures("told")
def test_a_rule_is_shown_as_it_was_then(
    rt: Runtime, colours: Classifier, api_source: SourceRef
) -> None:
    one = arrive(rt, api_source, "red", seed=1)
    settle(rt)
    with rt.database.write() as session:
        (row,) = rules.list_rules(session, colours)
        rules.update_rule(session, colours, row.rule_id, label="blue")
    with rt.database.read() as session:
        found = trail.follow(session, colours, one)
    assert [rule.label for rule in found.rules.values()] == ["red"]


@pytest.mark.usefixtures("told")
def test_a_question_is_waited_for_and_told(
    rt: Runtime, colours: Classifier, api_source: SourceRef
) -> None:
    one = arrive(rt, api_source, "grey", seed=1)
    settle(rt)
    with rt.database.read() as session:
        found = trail.follow(session, colours, one)
        assert (found.asked, found.actions) == (True, [])
        assert found.review is not None
        assert [each.event.type for each in found.told] == ["review.requested"]


def test_another_classifiers_picture_is_not_found(
    rt: Runtime, colours: Classifier, api_source: SourceRef
) -> None:
    one = arrive(rt, api_source, "red")
    other = Classifier(id="clf_other", workspace_id=colours.workspace_id, name="x")
    with rt.database.read() as session:
        for classifier, name in ((other, one), (colours, "pred_none")):
            with pytest.raises(NotFound):
                trail.follow(session, classifier, name)


def test_the_first_since_a_moment_is_found(
    rt: Runtime, colours: Classifier, api_source: SourceRef
) -> None:
    first = arrive(rt, api_source, "red", seed=1)
    with rt.database.read() as session:
        source = session.get_one(Source, api_source.id)
        at = session.get_one(Prediction, first).created_at
        assert trail.newest_of(session, source, at - timedelta(seconds=5)) == first
        assert trail.newest_of(session, source, at + timedelta(seconds=5)) is None
