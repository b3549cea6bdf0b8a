"""Predictions found and written out through the API: the same filters, and nothing of others'."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from caller import Caller
from happened import Heap, acted, heap

from connector.db import Database
from connector.db.tables import Classifier

EXPORT = "/api/v1/predictions/export"


@pytest.fixture
def pile(database: Database, colours: Classifier) -> Heap:
    """Six pictures, every third of them green; one was moved and one could not be."""
    made = heap(database, colours, 6)
    with database.write() as session:
        acted(session, made.ids[0], "move", "rule_a")
        acted(session, made.ids[1], "move", "rule_a", status="failed")
    return made


def table(answer: Any) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(answer.data.decode(), newline="")))


def test_a_table_without_pages_and_without_a_mark_at_its_head(as_alice: Caller, pile: Heap) -> None:
    answer = as_alice.get(EXPORT)
    assert (answer.status_code, answer.mimetype) == (200, "text/csv")
    assert answer.data.startswith(b"id,")
    assert answer.headers["Content-Disposition"].startswith("attachment; ")
    assert "Content-Length" not in answer.headers, "it is sent while it is read"
    assert [one["id"] for one in table(answer)] == pile.ids


def test_the_list_and_both_exports_hold_the_same(as_alice: Caller, pile: Heap) -> None:
    cases = {
        "": 6,
        "label=green": 2,
        f"classifier_id={pile.source.classifier_id}&label=red": 4,
        f"source_id={pile.source.id}": 6,
        "rule_id=rule_a": 2,
        "action_kind=move&action_status=failed": 1,
        "min_confidence=0.96": 0,
        "since=2026-03-01T12:00:00Z&until=2026-03-02T00:00:00Z": 6,
        "until=2026-03-01T12:00:00Z": 0,
        "q=00004": 1,
        "decided_by=person": 0,
    }
    for query, count in cases.items():
        listed = [one["id"] for one in as_alice.get(f"/api/v1/predictions?{query}").json["items"]]  # type: ignore[index]
        assert len(listed) == count, query
        assert [one["id"] for one in table(as_alice.get(f"{EXPORT}?{query}"))] == listed
        array = as_alice.get(f"{EXPORT}?format=json&{query}").json
        assert [one["id"] for one in array or []] == listed, query


@pytest.mark.parametrize(
    "query", ["format=xml", "status=lost", "min_confidence=2", "since=soon", "action_kind=burn"]
)
def test_a_filter_without_sense_is_refused(as_alice: Caller, query: str) -> None:
    for path in (EXPORT, "/api/v1/predictions"):
        if not (path == "/api/v1/predictions" and query.startswith("format")):
            assert as_alice.get(f"{path}?{query}").status_code in (400, 422)


def test_charlie_gets_nothing_of_alices(as_charlie: Caller, pile: Heap) -> None:
    for query in ("", f"classifier_id={pile.source.classifier_id}", f"source_id={pile.source.id}"):
        assert table(as_charlie.get(f"{EXPORT}?{query}")) == []
        assert as_charlie.get(f"{EXPORT}?format=json&{query}").json == []


def test_nobody_without_a_key_gets_any(as_nobody: Caller, pile: Heap) -> None:
    assert as_nobody.get(EXPORT).status_code == 401
