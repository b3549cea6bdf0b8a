"""A thousand pictures are not a thousand messages: the first at once, the rest in one digest."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from acting import MOVE, actions, add_rule, run, send
from postbox import Postbox, plain, postbox
from sqlalchemy import func, select, update

from connector.alerts.params import AlertParams
from connector.db.tables import Action, Classifier, Digest, Event
from connector.db.types import utcnow
from connector.domain import (
    digest_sending,
    digests,
    effects,
    leases,
    outbound,
    resources,
    rules,
    turns,
)
from connector.domain.predictions import SourceRef
from connector.domain.waiting import waiting
from connector.errors import Conflict, LostLease, TooMany
from workers import classify
from workers import digests as sending
from workers.runtime import Runtime

ALERT = {"kind": "alert", "params": {"channel": "email", "to": ["alice@example.com"]}}


@pytest.fixture
def box(rt: Runtime) -> Iterator[Postbox]:
    with postbox() as box:
        rt.settings = rt.settings.model_copy(update={"smtp_url": box.url})
        yield box


def come(rt: Runtime, source: SourceRef, count: int, colour: str = "red") -> list[str]:
    """Hand in so many pictures and do what can be done now; return the predictions' ids."""
    ids = [send(rt, source, colour, seed=seed) for seed in range(count)]
    run(rt)
    return ids


def end_windows(rt: Runtime) -> None:
    with rt.database.write() as session:
        session.execute(
            update(Digest)
            .where(Digest.status == "open")
            .values(due_at=utcnow() - timedelta(seconds=1))
        )


def states(rt: Runtime, ids: list[str]) -> list[str]:
    return [action.status for one in ids for action in actions(rt, one)]


def the_open(rt: Runtime) -> Digest:
    with rt.database.read() as session:
        return session.scalars(select(Digest).where(Digest.status == "open")).one()


def claim(rt: Runtime) -> digest_sending.Bundle:
    with rt.database.write() as session:
        [bundle] = digest_sending.claim(session, limit=5, seconds=60, suspects=1)
    return bundle


def test_the_first_goes_at_once_and_the_rest_as_one_digest(
    rt: Runtime, colours: Classifier, api_source: SourceRef, box: Postbox
) -> None:
    add_rule(rt, colours, ALERT)
    reds, blues = come(rt, api_source, 9), come(rt, api_source, 3, "blue")
    assert len(box.messages) == 1
    assert sorted(states(rt, reds + blues)) == ["done"] + ["waiting"] * 11
    with rt.database.read() as session:
        assert waiting(session) == []
    end_windows(rt)
    with rt.database.read() as session:
        assert waiting(session) == ["act"]
    run(rt)
    first, digest = box.messages
    assert "recognised as" in plain(first)
    text = plain(digest)
    assert digest["Subject"] == "colours: 11 alerts"
    assert "8  red" in text
    assert "3  blue" in text
    assert "and 6 more." in text
    assert len([part for part in digest.walk() if part.get_content_type() == "image/jpeg"]) == 5
    assert states(rt, reds + blues) == ["done"] * 12
    with rt.database.read() as session:
        told = session.scalars(select(Digest).where(Digest.status == "sent")).one()
        counted = select(func.count()).where(Action.digest_id == told.id)
        assert session.execute(counted).scalar_one() == 11
    assert f"digest_id={told.id}" in text
    # A message has just left: the window after it is open.
    assert come(rt, api_source, 1)
    assert len(box.messages) == 2


def test_a_waiting_alert_says_when_and_holds_nothing_up(
    rt: Runtime, colours: Classifier, api_source: SourceRef, box: Postbox
) -> None:
    add_rule(rt, colours, ALERT, MOVE)
    come(rt, api_source, 1)
    [second] = come(rt, api_source, 1)
    alert, moved = actions(rt, second)
    assert (alert.status, moved.status) == ("waiting", "done")
    shown = resources.action(alert)
    assert shown["undoable"]
    assert "Waits to be told together with others" in shown["detail"]["waits"]
    assert shown["detail"]["digest_id"] == the_open(rt).id
    end_windows(rt)
    run(rt)
    [alert, _] = actions(rt, second)
    assert resources.action(alert)["detail"]["digest_id"]
    assert "waits" not in resources.action(alert)["detail"]
    # The picture has been moved meanwhile, and is seen in the digest all the same.
    assert any(part.get_content_type() == "image/jpeg" for part in box.messages[1].walk())


def test_each_alert_is_one_event_and_a_digest_is_none(
    rt: Runtime, colours: Classifier, api_source: SourceRef, box: Postbox
) -> None:
    wanted = outbound.subscription(rt.settings, "https://93.184.216.34/", ["alert.raised"])
    with rt.database.write() as session:
        outbound.create_webhook(session, colours.workspace_id, wanted)
    add_rule(rt, colours, ALERT)
    ids = come(rt, api_source, 4)
    for _ in range(2):
        with rt.database.read() as session:
            events = session.scalars(select(Event)).all()
        assert sorted(event.payload["prediction"]["id"] for event in events) == sorted(ids)
        end_windows(rt)
        run(rt)


def test_after_a_quiet_window_the_next_goes_at_once(
    rt: Runtime, colours: Classifier, api_source: SourceRef, box: Postbox
) -> None:
    add_rule(rt, colours, ALERT)
    come(rt, api_source, 1)
    end_windows(rt)
    run(rt)
    assert states(rt, come(rt, api_source, 1)) == ["done"]
    # And before the clock has come to the end of a window as well.
    with rt.database.write() as session:
        session.execute(update(Digest).values(due_at=utcnow() - timedelta(seconds=1)))
        assert [row.status for row in session.scalars(select(Digest))].count("open") == 1
    classify_only = send(rt, api_source, seed=9)
    classify.step(rt)
    with rt.database.write() as session:
        [turn] = turns.claim(session, limit=1, seconds=60, suspects=1)
        window = AlertParams.model_validate(turn.action.params).window()
        assert turn.prediction.id == classify_only
        assert digests.may_tell(session, turn.claim, window)
        assert digests.may_tell(session, turn.claim, window)
    assert len(box.messages) == 2


def test_without_a_digest_what_comes_in_between_is_not_sent(
    rt: Runtime, colours: Classifier, api_source: SourceRef, box: Postbox
) -> None:
    add_rule(rt, colours, {**ALERT, "params": {**ALERT["params"], "digest": False}})  # type: ignore[dict-item]
    ids = come(rt, api_source, 3)
    assert states(rt, ids) == ["done"] * 3
    end_windows(rt)
    run(rt)
    assert len(box.messages) == 1


def test_a_crash_between_sending_and_noting_it_repeats_the_same_message(
    rt: Runtime, colours: Classifier, api_source: SourceRef, box: Postbox
) -> None:
    add_rule(rt, colours, ALERT)
    ids = come(rt, api_source, 3)
    end_windows(rt)
    bundle = claim(rt)
    sending._send(rt, bundle)
    # What comes while it is in flight is told later, not lost and not squeezed in.
    late = come(rt, api_source, 1)
    with rt.database.write() as session:
        session.execute(
            update(Digest)
            .where(Digest.id == bundle.digest.id)
            .values(lease_until=utcnow() - timedelta(seconds=1))
        )
    run(rt)
    assert len(box.messages) == 3
    assert box.messages[1]["Message-ID"] == box.messages[2]["Message-ID"]
    assert "2 alerts" in box.messages[2]["Subject"]
    assert states(rt, ids) == ["done"] * 3
    assert states(rt, late) == ["waiting"]
    with rt.database.write() as session, pytest.raises(LostLease):
        digest_sending.finish(session, bundle.claim, {})
    end_windows(rt)
    run(rt)
    assert states(rt, late) == ["done"]
    assert len(box.messages) == 4


def test_a_digest_that_cannot_be_sent_gathers_on_and_tells_all_at_once(
    rt: Runtime, colours: Classifier, api_source: SourceRef, box: Postbox
) -> None:
    add_rule(rt, colours, ALERT)
    ids = come(rt, api_source, 2)
    end_windows(rt)
    bundle = claim(rt)
    ids += come(rt, api_source, 2)
    box.refusal = "451 try later"
    sending.send(rt, bundle)
    opened = the_open(rt)
    assert (opened.id, opened.attempts) == (bundle.digest.id, 1)
    assert opened.due_at > utcnow()
    waits = [one for one in (actions(rt, i)[0] for i in ids) if one.status == "waiting"]
    assert len(waits) == 3
    assert all("451" in (one.error or "") and one.digest_id == opened.id for one in waits)
    box.refusal = None
    end_windows(rt)
    run(rt)
    assert "3 alerts" in box.messages[1]["Subject"]
    assert states(rt, ids) == ["done"] * 4
    assert actions(rt, ids[-1])[0].error is None


def test_a_digest_that_is_refused_for_good_fails_visibly(
    rt: Runtime, colours: Classifier, api_source: SourceRef, box: Postbox
) -> None:
    wanted = outbound.subscription(rt.settings, "https://93.184.216.34/", ["action.failed"])
    with rt.database.write() as session:
        outbound.create_webhook(session, colours.workspace_id, wanted)
    add_rule(rt, colours, ALERT)
    ids = come(rt, api_source, 3)
    box.refusal = "550 no"
    end_windows(rt)
    run(rt)
    assert sorted(states(rt, ids)) == ["done", "failed", "failed"]
    with rt.database.read() as session:
        assert len(session.scalars(select(Event)).all()) == 2
        assert session.scalars(select(Digest.status)).all() == ["failed"]


def test_one_that_ends_the_worker_each_time_is_given_up(
    rt: Runtime, colours: Classifier, api_source: SourceRef, box: Postbox
) -> None:
    add_rule(rt, colours, ALERT)
    ids = come(rt, api_source, 2)
    end_windows(rt)
    for _ in range(effects.STRIKES):
        claim(rt)
        with rt.database.write() as session:
            session.execute(update(Digest).values(lease_until=utcnow() - timedelta(seconds=1)))
    run(rt)
    assert len(box.messages) == 1
    assert sorted(states(rt, ids)) == ["done", "failed"]
    codes = {actions(rt, one)[0].error_code for one in ids}
    assert codes == {None, "quarantined"}


def test_undo_takes_an_alert_out_until_it_is_being_sent(
    rt: Runtime, colours: Classifier, api_source: SourceRef, box: Postbox
) -> None:
    add_rule(rt, colours, ALERT)
    _, second, third, fourth = (come(rt, api_source, 1)[0] for _ in range(4))
    with rt.database.write() as session:
        alert = actions(rt, second)[0]
        taken = effects.request_undo(session, colours.workspace_id, alert.id)
        assert (taken.status, taken.digest_id) == ("undone", None)
        [also] = effects.request_undo_all(session, colours.workspace_id, third)
        assert also.status == "undone"
    end_windows(rt)
    bundle = claim(rt)
    with rt.database.write() as session:
        alert = actions(rt, fourth)[0]
        with pytest.raises(Conflict, match="being sent"):
            effects.request_undo(session, colours.workspace_id, alert.id)
        assert effects.request_undo_all(session, colours.workspace_id, fourth) == []
    sending.send(rt, bundle)
    assert "1 alert" in box.messages[1]["Subject"]
    assert states(rt, [second, third, fourth]) == ["undone", "undone", "done"]


@pytest.mark.parametrize("seen", [True, False])
def test_what_a_deleted_rule_gathered_is_not_sent(
    rt: Runtime, colours: Classifier, api_source: SourceRef, box: Postbox, seen: bool
) -> None:
    add_rule(rt, colours, ALERT)
    ids = come(rt, api_source, 3)
    with rt.database.write() as session:
        mine = session.get_one(Classifier, colours.id)
        [rule] = rules.list_rules(session, mine)
        if seen:
            rules.delete_rule(session, mine, rule.rule_id)
        else:
            # As if the alerts had been gathered at the very moment of the deletion.
            rule.current = False
    end_windows(rt)
    run(rt)
    assert len(box.messages) == 1
    assert sorted(states(rt, ids)) == ["done", "undone", "undone"]
    with rt.database.read() as session:
        assert session.scalars(select(Digest.status)).all() == ["cancelled"]


def test_rules_and_receivers_have_windows_of_their_own(
    rt: Runtime, colours: Classifier, api_source: SourceRef, box: Postbox
) -> None:
    bob: dict[str, Any] = {"kind": "alert", "params": {"channel": "email", "to": ["bob@b.cd"]}}
    add_rule(rt, colours, ALERT, bob)
    add_rule(rt, colours, ALERT)
    come(rt, api_source, 2)
    assert sorted(message["To"] for message in box.messages) == [
        "alice@example.com",
        "alice@example.com",
        "bob@b.cd",
    ]


def test_a_worker_that_lost_its_lease_neither_tells_nor_gathers(
    rt: Runtime, colours: Classifier, api_source: SourceRef, box: Postbox
) -> None:
    add_rule(rt, colours, ALERT)
    come(rt, api_source, 1)
    window = AlertParams.model_validate(ALERT["params"]).window()
    lost = leases.Claim(("act_gone",), "token", frozenset())
    with rt.database.write() as session:
        with pytest.raises(LostLease):
            digests.may_tell(session, lost, window)
        with pytest.raises(LostLease):
            digests.gather(session, lost, {}, window)


def test_a_server_that_asks_for_more_time_gets_it() -> None:
    soon, late, never = (TooMany("slow down", retry_after=after) for after in (1, 90, 10**9))
    assert [effects.retry_wait(error, 1) for error in (soon, late, never)] == [2, 90, 86_400]
    assert effects.retry_wait(late, len(effects.RETRY_SECONDS) + 1) is None
