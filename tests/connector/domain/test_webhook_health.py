"""How subscriptions fare, their log by filters, and what was chosen sent again."""

from __future__ import annotations

from datetime import timedelta

import pytest
from conftest import Person
from subscribed import REASON, subscriptions

from connector.db import Database
from connector.db.tables import Delivery, Endpoint, Webhook
from connector.db.types import utcnow
from connector.domain import delivery_log, outbound, webhook_health
from connector.errors import Conflict, NotFound, Unprocessable
from connector.ids import first_id, made_at, new_id


def test_each_state_is_told(database: Database, alice: Person, charlie: Person) -> None:
    with database.write() as session:
        ids = subscriptions(session, alice.workspace_id)
        wanted = outbound.Subscription("https://new.invalid/", ("alert.raised",))
        outbound.create_webhook(session, alice.workspace_id, wanted)
    with database.read() as session:
        found = webhook_health.list_health(session, alice.workspace_id)
        assert [one.state for one in found] == ["well", "failing", "off", "new"]
        failing = found[1]
        assert (failing.row.id, failing.failures) == (ids["webhook_id"], 3)
        assert failing.last is not None
        assert failing.last.id == ids["delivery_id"]
        assert found[2].row.disabled_reason == REASON
        assert found[3].last is None
        assert webhook_health.list_health(session, charlie.workspace_id) == []
    with database.write() as session:
        session.get_one(Endpoint, ids["webhook_id"]).open_until = utcnow() + timedelta(minutes=1)
        row = session.get_one(Webhook, ids["webhook_id"])
        outbound.rotate_secret(session, row, timedelta(hours=1))
    with database.read() as session:
        paused = webhook_health.list_health(session, alice.workspace_id)[1]
        assert paused.state == "paused"
        assert paused.two_secrets_until is not None


def test_the_log_is_filtered(database: Database, alice: Person) -> None:
    with database.write() as session:
        ids = subscriptions(session, alice.workspace_id)
    with database.read() as session:
        row = session.get_one(Webhook, ids["webhook_id"])

        def count(**asked: object) -> int:
            return len(delivery_log.list_deliveries(session, row, **asked).items)  # type: ignore[arg-type]

        assert count() == 3
        assert count(state="failed") == 1
        assert count(event_type="prediction.completed") == 2
        assert count(event_type="prediction.completed", state="cancelled") == 1
        assert count(since=utcnow() - timedelta(hours=1)) == 3
        assert count(since=utcnow() - timedelta(minutes=10)) == 1
        assert count(since=utcnow() + timedelta(minutes=1)) == 0
        look = delivery_log.look(session, row, ids["delivery_id"])
        assert [one.response_status for one in look.attempts] == [503]
        assert look.parcel.payload["label"] == "red"


def test_what_was_chosen_is_sent_again(database: Database, alice: Person, charlie: Person) -> None:
    with database.write() as session:
        ids = subscriptions(session, alice.workspace_id)
        foreign = subscriptions(session, charlie.workspace_id)["delivery_id"]
        row = session.get_one(Webhook, ids["webhook_id"])
        chosen = [ids["delivery_id"], foreign, "dlv_none"]
        assert delivery_log.replay_chosen(session, row, chosen) == 1
        assert delivery_log.replay_chosen(session, row, chosen) == 0
        assert session.get_one(Delivery, ids["delivery_id"]).status == "pending"
        assert session.get_one(Delivery, foreign).status == "cancelled"
        with pytest.raises(Unprocessable, match="Choose"):
            delivery_log.replay_chosen(session, row, [])
        with pytest.raises(NotFound):
            delivery_log.look(session, row, foreign)
        row.disabled_reason = REASON
        with pytest.raises(Conflict, match="is off"):
            delivery_log.replay_chosen(session, row, chosen)


def test_ids_from_a_moment_on() -> None:
    before = new_id("dlv")
    moment = made_at(before)
    assert first_id("dlv", moment) <= before < first_id("dlv", moment + timedelta(milliseconds=1))
