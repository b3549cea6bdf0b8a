"""Facts about the machine."""

from __future__ import annotations

from connector.db import Database
from connector.domain import facts


def test_a_later_fact_replaces_an_earlier_one(database: Database) -> None:
    with database.write() as session:
        facts.put(session, "device", {"device": "cpu"})
    with database.write() as session:
        facts.put(session, "device", {"device": "cuda"})
    with database.read() as session:
        assert facts.get(session, "device") == {"device": "cuda"}
        assert facts.get(session, "nothing") is None


def test_the_notice_is_there_only_while_weights_are_missing(database: Database) -> None:
    with database.write() as session:
        assert facts.weights_notice(session) is None
        facts.put(session, facts.WEIGHTS, {"available": False, "sentence": "They are missing."})
        assert facts.weights_notice(session) == "They are missing."
        facts.put(session, facts.WEIGHTS, {"available": True, "sentence": "They are there."})
        assert facts.weights_notice(session) is None
