"""The activity as a browser without script sees it: found by filters, in pages, and as a file."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Collection
from html import unescape
from typing import Any

import pytest
from flask import Flask
from happened import acted, came_in, day, heap, image_of, way_in
from pagereading import Reader, queries
from stage import ACTED, Stage

from connector.db import Database
from connector.db.tables import Action, Classifier, Rule
from connector.domain import activity

Readers = dict[str, Reader]
MOST_QUERIES = 14


@pytest.fixture
def parts() -> Collection[str]:
    return {ACTED}


@pytest.fixture
def alice_reads(readers: Readers) -> Reader:
    return readers["Alice"]


def names(text: str) -> list[str]:
    """Return the names of the pictures that a list shows, in its order."""
    found = re.findall(r'class="act-name"><a href="/predictions/\w+">([^<]+)</a>', text)
    return [unescape(one) for one in found]


def following(text: str) -> str:
    """Return where a list asks for itself again."""
    found = re.search(r'hx-get="([^"]*/activity/rows[^"]*)"', text)
    assert found is not None
    return unescape(found[1])


def link(text: str, words: str) -> str:
    """Return where the link with these words leads."""
    found = re.search(rf'<a[^>]*href="([^"]+)"[^>]*>{re.escape(words)}', text)
    assert found is not None, words
    return unescape(found[1])


def rule_id(database: Database) -> str:
    with database.read() as session:
        return session.query(Rule).filter_by(current=True).one().rule_id


def live(database: Database, stage: Stage) -> Classifier:
    with database.read() as session:
        return session.get_one(Classifier, stage.classifiers["live"])


def test_the_latest_come_first_with_what_became_of_them(alice_reads: Reader) -> None:
    text = alice_reads.get("/activity").text
    found = names(text)
    assert found[:3] == ["shelf-71.png", "shelf-70.png", "grey-6.png"]
    assert len(found) == 9
    first, second, third = re.findall(r'<li class="act.*?</li>', text, re.DOTALL)[:3]
    assert "Moved to …/red/shelf-71.png" in first
    assert "order-71" in first
    assert "<strong>red</strong>" in first
    assert "by version 1" in first
    assert "taken back" in second
    assert "A person is asked" in third
    assert "not sure enough" in third
    assert re.search(r'href="/review/rev_\w+">Answer it', third)


def test_each_filter_of_the_form_finds_what_fits(
    alice_reads: Reader, stage: Stage, database: Database
) -> None:
    rule = rule_id(database)
    shelf = ["shelf-71.png", "shelf-70.png"]
    cases: list[tuple[str, list[str]]] = [
        ("q=SHELF", shelf),
        ("q=order-70", shelf[1:]),
        (f"q={stage.ids['prediction_id']}", shelf[:1]),
        ("status=needs_review", ["grey-6.png"]),
        ("status=failed", []),
        ("label=green", ["green-4.png", "green-1.png"]),
        ("decided_by=person", []),
        ("label=red&decided_by=model", [*shelf, "red-3.png", "red-0.png"]),
        (f"rule={rule}", shelf),
        ("action_kind=move&action_status=undone", shelf[1:]),
        ("action_kind=move&action_status=done", shelf[:1]),
        (f"classifier={stage.classifiers['live']}&q=blue", ["blue-5.png", "blue-2.png"]),
        (f"classifier={stage.classifiers['empty']}", []),
        ("max=60", ["grey-6.png"]),
        ("min=60%25&q=grey", []),
        ("until=2020-01-01", []),
        ("since=2020-01-01&q=shelf", shelf),
    ]
    for query, expected in cases:
        answer = alice_reads.get(f"/activity?{query}")
        assert (answer.status_code, names(answer.text)) == (200, expected), query
        if not expected:
            assert "No picture fits" in answer.text
            assert link(answer.text, "Show all") == "/activity"


def test_the_form_offers_all_that_there_is_to_choose_from(
    alice_reads: Reader, stage: Stage, database: Database
) -> None:
    text = alice_reads.get("/activity").text
    for name in ("q", "classifier", "status", "label", "decided_by", "source", "rule"):
        assert f'name="{name}"' in text, name
    for name in ("action_kind", "action_status", "since", "until", "min", "max"):
        assert f'name="{name}"' in text, name
    assert f'<option value="{rule_id(database)}">any answer: Move</option>' in text
    assert '<option value="red"></option>' in text
    assert '<details class="fold">' in text, "what is asked for less is folded away"
    assert '<details class="fold" open>' in alice_reads.get("/activity?label=red").text


def test_filters_that_are_set_are_said_and_taken_away_one_by_one(
    alice_reads: Reader, stage: Stage
) -> None:
    live_id = stage.classifiers["live"]
    text = alice_reads.get(f"/activity?q=red&classifier={live_id}&status=done&min=50").text
    assert names(text) == ["red-3.png", "red-0.png"]
    assert "2 pictures" in text
    assert link(text, "“red”") == f"/activity?classifier={live_id}&status=done&min=50"
    assert link(text, "State: Answered") == f"/activity?q=red&classifier={live_id}&min=50"
    assert link(text, "At least 50 % sure") == f"/activity?q=red&classifier={live_id}&status=done"
    assert link(text, "Without any") == "/activity"
    # What is looked for most keeps the classifier.
    assert link(text, "Waiting for a person") == (
        f"/activity?classifier={live_id}&status=needs_review"
    )


def test_what_is_no_day_and_no_share_is_said_at_its_field(alice_reads: Reader) -> None:
    answer = alice_reads.get("/activity?since=yesterday&max=200&q=shelf")
    assert answer.status_code == 422
    assert "This is no day" in answer.text
    assert "This is no share" in answer.text
    assert 'value="yesterday"' in answer.text
    assert len(names(answer.text)) == 2, "the others still hold"
    assert "From yesterday" not in answer.text, "it asks nothing"


@pytest.mark.parametrize(
    "query", ["status=lost", "action_status=lost", "action_kind=burn", "cursor=x"]
)
def test_an_address_that_makes_no_sense_is_told(alice_reads: Reader, query: str) -> None:
    answer = alice_reads.get(f"/activity?{query}")
    assert answer.status_code == 400
    assert "</html>" in answer.text


def test_one_leafs_through_all_without_gaps(
    alice_reads: Reader, stage: Stage, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(activity, "PAGE", 4)
    seen, path = list[str](), "/activity"
    while path:
        text = alice_reads.get(path).text
        seen += names(text)
        found = re.search(r'rel="next" href="([^"]+)"', text)
        path = unescape(found[1]) if found else ""
    assert len(seen) == len(set(seen)) == 9


def test_where_it_has_not_looked_to_the_end_it_says_so(
    alice_reads: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(activity, "LOOKS_THROUGH", 4)
    text = alice_reads.get("/activity?label=green").text
    assert names(text) == []
    assert "Nothing so far" in text
    further = link(text, "Look further back")
    assert names(alice_reads.get(further).text) == ["green-4.png", "green-1.png"]


def test_the_list_follows_what_happens_and_is_left_alone_where_nothing_did(
    alice_reads: Reader, stage: Stage, database: Database
) -> None:
    text = alice_reads.get("/activity?q=png").text
    first = following(text)
    assert "q=png" in first
    path = following(alice_reads.get(first).text)
    assert alice_reads.get(path).status_code == 204
    heap(database, live(database, stage), 1)
    with database.write() as session:
        mine = session.get_one(Classifier, stage.classifiers["live"])
        source = way_in(session, mine)
        new = came_in(session, source, image_of(session, mine.workspace_id), day(1), "late.png")
    again = alice_reads.get(path)
    assert again.status_code == 200
    assert new in again.text


def test_a_classifiers_own_activity_shows_only_its_pictures(
    readers: Readers, stage: Stage, database: Database
) -> None:
    path = f"/classifiers/{stage.classifiers['live']}/activity"
    text = readers["Alice"].get(f"{path}?q=shelf").text
    assert names(text) == ["shelf-71.png", "shelf-70.png"]
    assert 'name="classifier"' not in text
    # Another one named in the address changes nothing.
    odd = readers["Alice"].get(f"{path}?classifier={stage.classifiers['empty']}").text
    assert len(names(odd)) == 9
    empty = readers["Alice"].get(f"/classifiers/{stage.classifiers['empty']}/activity").text
    assert "Nothing has come in yet" in empty


def test_the_table_holds_what_the_filters_mean(alice_reads: Reader, stage: Stage) -> None:
    text = alice_reads.get("/activity?q=shelf&action_status=undone").text
    path = link(text, "CSV")
    assert path == "/activity/export?q=shelf&action_status=undone&format=csv"
    answer = alice_reads.get(path)
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert re.fullmatch(
        r'attachment; filename="colabel-predictions-[\d-]+\.csv".*',
        answer.headers["Content-Disposition"],
    )
    assert answer.headers["Cache-Control"] == "no-store"
    # A spreadsheet learns from its first bytes that it is UTF-8.
    assert answer.data.startswith(b"\xef\xbb\xbfid,")
    [row] = csv.DictReader(io.StringIO(answer.data.decode("utf-8-sig"), newline=""))
    assert (row["name"], row["label"], row["actions"]) == ("shelf-70.png", "red", "move undone")
    array = json.loads(alice_reads.get(link(text, "JSON")).data)
    assert [one["name"] for one in array] == ["shelf-70.png"]


def test_a_classifiers_table_is_of_it_alone(readers: Readers, stage: Stage) -> None:
    for state, count in (("live", 9), ("empty", 0)):
        path = f"/classifiers/{stage.classifiers[state]}/activity/export?format=json"
        assert len(json.loads(readers["Rosa"].get(path).data)) == count
        assert readers["Charlie"].get(path).status_code == 404


def test_charlie_exports_nothing_of_alices(readers: Readers, stage: Stage) -> None:
    for query in ("", f"classifier={stage.classifiers['live']}&", "q=shelf&"):
        path = f"/activity/export?{query}format=json"
        assert json.loads(readers["Charlie"].get(path).data) == []
    assert "Nothing has come in yet" in readers["Charlie"].get("/activity").text


def test_a_reviewer_sees_and_changes_nothing(readers: Readers) -> None:
    text = readers["Rosa"].get("/activity").text
    assert len(names(text)) == 9
    assert 'type="checkbox"' not in text
    assert "Undo in bulk" not in text
    assert "Past undos" in text


def test_what_failed_is_tried_again_from_the_list(
    readers: Readers, stage: Stage, database: Database
) -> None:
    with database.write() as session:
        mine = session.get_one(Classifier, stage.classifiers["live"])
        failed = came_in(
            session,
            way_in(session, mine),
            image_of(session, mine.workspace_id),
            day(2),
            "broken.png",
            status="failed",
            label=None,
            confidence=None,
            error="This picture could not be read.",
            error_code="blob_missing",
        )
    text = readers["Bob"].get("/activity?status=failed").text
    assert names(text) == ["broken.png"]
    assert "This picture could not be read." in text
    assert f'formaction="/predictions/{failed}/retry"' in text
    assert f"/predictions/{failed}/retry" not in readers["Rosa"].get("/activity?status=failed").text


def test_a_full_page_is_few_queries(
    alice_reads: Reader, stage: Stage, database: Database, app: Flask
) -> None:
    pile = heap(database, live(database, stage), 60)
    with database.write() as session:
        for one in pile.ids:
            acted(session, one, "move", "rule_a")
            acted(session, one, "tag", "rule_b")
    mine: Database = app.extensions["colabel"].database
    with queries(mine) as sent:
        text = alice_reads.get("/activity?label=red").text
    assert len(names(text)) == 44
    assert len(sent) <= MOST_QUERIES, sent


def test_names_are_never_markup(alice_reads: Reader, stage: Stage, database: Database) -> None:
    evil = '"><script>alert(1)</script>'
    with database.write() as session:
        mine = session.get_one(Classifier, stage.classifiers["live"])
        image = image_of(session, mine.workspace_id)
        sent: Any = came_in(session, way_in(session, mine), image, day(2), evil, external_id=evil)
        acted(session, sent, "move", "rule_a")
        session.query(Action).filter_by(prediction_id=sent).one().detail = {"to": evil}
    for path in ("/activity", f"/predictions/{sent}", f"/activity/undo?picture={sent}"):
        text = alice_reads.get(path).text
        assert "<script>alert" not in text, path
        assert "&lt;script&gt;alert" in text, path
