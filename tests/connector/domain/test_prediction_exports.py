"""Exports: sent while they are read, safe in spreadsheets, and of what the filters mean."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest
from acting import MOVE, add_rule, run, send
from happened import Heap, came_in, day, heap, image_of
from pagereading import queries

from connector.db import Database
from connector.db.tables import Classifier
from connector.domain import classifiers, prediction_exports, prediction_list
from connector.domain.prediction_exports import Format
from connector.domain.prediction_list import PredictionFilter
from connector.domain.predictions import SourceRef
from connector.errors import BadRequest
from workers.runtime import Runtime

Person = Any
URL = "https://colabel.example"


def export(database: Database, workspace_id: str, kind: Format = "csv", **asked: Any) -> list[str]:
    """Return an export in the parts that it is sent in."""
    wanted = PredictionFilter(**asked)
    return list(prediction_exports.export(database, workspace_id, wanted, URL, kind))


def rows(parts: list[str]) -> list[dict[str, str]]:
    """Read a table as a spreadsheet does."""
    return list(csv.DictReader(io.StringIO("".join(parts), newline="")))


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read three at a time."""
    monkeypatch.setattr(prediction_exports, "PART", 3)


@pytest.fixture
def pile(database: Database, colours: Classifier) -> Heap:
    """Give eight pictures."""
    return heap(database, colours, 8)


@pytest.mark.usefixtures("small_parts")
@pytest.mark.parametrize("kind", ["csv", "json"])
def test_the_first_bytes_come_before_the_rest_is_read(
    database: Database, pile: Heap, kind: Format
) -> None:
    texts = prediction_exports.export(
        database, pile.source.workspace_id, PredictionFilter(), URL, kind
    )
    with queries(database) as sent:
        first = next(texts)
        if kind == "csv":
            assert sent == [], "the head needs nothing"
            first += next(texts)
    assert all(one in first for one in pile.ids[:3])
    assert not any(one in first for one in pile.ids[3:])
    assert len([one for one in sent if "request_hash" in one]) == 1, "one part was read"
    # No transaction waits for whoever reads slowly, and what comes in meanwhile does not shift it.
    assert database.engine.pool.checkedout() == 0  # type: ignore[attr-defined]
    with database.write() as session:
        image = image_of(session, pile.source.workspace_id)
        late = came_in(session, pile.source, image, day(9), "late.png")
    whole = first + "".join(texts)
    assert late not in whole
    assert [whole.count(f"/api/v1/predictions/{one}") > 0 for one in pile.ids] == [True] * 8
    listed = [one["id"] for one in (json.loads(whole) if kind == "json" else rows([whole]))]
    assert listed == pile.ids


@pytest.mark.usefixtures("small_parts", "pile")
@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"label": "green"},
        {"status": "failed"},
        {"since": day(1), "until": day(2), "label": "red"},
        {"q": "00005"},
        {"min_confidence": 0.99},
    ],
    ids=str,
)
def test_it_holds_what_the_list_with_the_same_filters_shows(
    database: Database, alice: Person, asked: dict[str, Any]
) -> None:
    with database.read() as session:
        listed = prediction_list.list_predictions(
            session, alice.workspace_id, PredictionFilter(**asked)
        )
    ids = [row.id for row in listed.items]
    table = export(database, alice.workspace_id, **asked)
    array = export(database, alice.workspace_id, "json", **asked)
    assert [one["id"] for one in rows(table)] == ids
    assert [one["id"] for one in json.loads("".join(array))] == ids


def test_a_row_says_what_was_answered_and_done(
    rt: Runtime, database: Database, colours: Classifier, api_source: SourceRef
) -> None:
    add_rule(rt, colours, MOVE)
    sent = send(rt, api_source, external_id="order 7", metadata={"shelf": "ü7"})
    run(rt)
    [row] = rows(export(database, colours.workspace_id))
    assert tuple(row) == prediction_exports.COLUMNS
    assert (row["id"], row["classifier"], row["source"]) == (sent, "colours", "api")
    assert (row["status"], row["label"], row["decided_by"]) == ("done", "red", "model")
    assert row["actions"] == "move done"
    assert row["location"].endswith("/colours/red/a.png")
    assert (row["external_id"], row["metadata"]) == ("order 7", '{"shelf": "ü7"}')
    assert row["url"] == f"{URL}/api/v1/predictions/{sent}"
    assert 0 < float(row["confidence"]) <= 1
    assert row["corrected_label"] == row["error"] == ""
    [one] = json.loads("".join(export(database, colours.workspace_id, "json")))
    assert (one["id"], one["label"]) == (sent, "red")
    assert "source_id" not in one


EVIL = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "＝1+1", '=HYPERLINK("http://x","a")']


def test_no_cell_is_a_formula(database: Database, colours: Classifier, pile: Heap) -> None:
    with database.write() as session:
        session.get_one(Classifier, colours.id).name = "=cmd|' /C calc'!A0"
        image = image_of(session, colours.workspace_id)
        for number, evil in enumerate(EVIL):
            came_in(
                session,
                pile.source,
                image,
                day(10 + number),
                evil,
                external_id=evil,
                label=evil,
                corrected_label=evil,
                error=f"{evil}\nand more",
                error_code="odd",
                meta={evil: evil},
            )
    found = rows(export(database, colours.workspace_id))
    assert len(found) == 8 + len(EVIL)
    for row in found:
        for cell in row.values():
            assert not cell.startswith(tuple("=+-@\t\r\n＝＋－＠")), cell
    # What it was is told whole, behind the apostrophe.
    assert [row["name"] for row in found[: len(EVIL)]] == [f"'{one}" for one in EVIL[::-1]]
    assert found[0]["error"] == f"'{EVIL[-1]}\nand more"
    assert {row["classifier"] for row in found} == {"'=cmd|' /C calc'!A0"}
    # Programs get it as it is.
    exact = json.loads("".join(export(database, colours.workspace_id, "json")))
    assert [one["name"] for one in exact[: len(EVIL)]] == EVIL[::-1]


@pytest.mark.usefixtures("pile")
def test_a_classifier_that_was_deleted_keeps_its_name(
    database: Database, colours: Classifier
) -> None:
    with database.write() as session:
        classifiers.delete_classifier(session, session.get_one(Classifier, colours.id))
    assert {one["classifier"] for one in rows(export(database, colours.workspace_id))} == {
        "colours"
    }


@pytest.mark.usefixtures("pile")
def test_charlie_gets_an_empty_table_and_an_empty_array(
    database: Database, colours: Classifier, charlie: Person
) -> None:
    for asked in ({}, {"classifier_id": colours.id}):
        table = export(database, charlie.workspace_id, **asked)
        assert "".join(table) == ",".join(prediction_exports.COLUMNS) + "\r\n"
        assert json.loads("".join(export(database, charlie.workspace_id, "json", **asked))) == []


def test_a_filter_without_sense_is_refused_before_anything_is_sent(
    database: Database, alice: Person
) -> None:
    with pytest.raises(BadRequest):
        prediction_exports.export(
            database, alice.workspace_id, PredictionFilter(status="lost"), URL, "csv"
        )


def test_the_number_of_queries_grows_by_parts_and_not_by_pictures(
    database: Database, colours: Classifier
) -> None:
    heap(database, colours, prediction_exports.PART + 50)
    with queries(database) as sent:
        assert len(rows(export(database, colours.workspace_id))) == prediction_exports.PART + 50
    assert len(sent) < 20
