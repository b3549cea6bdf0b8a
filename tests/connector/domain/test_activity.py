"""The activity page by page: what became of each picture, counted as far as anybody looks."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from acting import MOVE, add_rule, run, send
from asking import ask
from happened import acted, day, heap, pages
from pagereading import queries

from connector.db import Database
from connector.db.tables import Classifier
from connector.domain import activity, reviews
from connector.domain.activity import Sheet
from connector.domain.prediction_list import PredictionFilter
from connector.domain.predictions import SourceRef
from connector.errors import BadRequest
from workers.runtime import Runtime

Person = Any


def sheet(database: Database, workspace_id: str, **asked: Any) -> Sheet:
    """Return a page of what fits; `cursor` and `counted` are no filters."""
    options = {name: asked.pop(name) for name in ("cursor", "counted") if name in asked}
    with database.read() as session:
        return activity.sheet(session, workspace_id, PredictionFilter(**asked), **options)


def ids(seen: Sheet) -> list[str]:
    return [one.row.id for one in seen.entries]


def test_a_picture_comes_with_what_was_done_and_who_was_asked(
    rt: Runtime, database: Database, colours: Classifier, api_source: SourceRef
) -> None:
    add_rule(rt, colours, MOVE, {"kind": "copy", "params": {"folder": "copies"}})
    sent = send(rt, api_source)
    [question] = ask(rt, api_source)
    with database.write() as session:
        reviews.answer(
            session, rt.settings, colours.workspace_id, question, "blue", "Anna", "prs_anna"
        )
    run(rt)
    asked, sure = sheet(database, colours.workspace_id).entries
    assert sure.row.id == sent
    assert [one.kind for one in sure.actions] == ["move", "copy"]
    assert sure.review is None
    assert (sure.row.classifier, sure.row.label) == ("colours", "red")
    assert (asked.review.id, asked.review.answered_by) == (question, "Anna")
    assert [one.status for one in asked.actions] == ["done", "done"]


def test_pages_have_no_gaps_and_no_doubles_though_little_is_looked_through(
    database: Database, colours: Classifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(activity, "PAGE", 4)
    monkeypatch.setattr(activity, "LOOKS_THROUGH", 7)
    pile = heap(database, colours, 30)
    green = [one for number, one in enumerate(pile.ids[::-1]) if number % 3 == 0][::-1]

    def look(cursor: str | None) -> tuple[list[str], str | None]:
        seen = sheet(database, colours.workspace_id, label="green", cursor=cursor)
        heap(database, colours, 1, day(2))
        return ids(seen), seen.next_cursor

    assert list(itertools.chain(*pages(look))) == green


def test_where_little_is_found_it_says_how_far_back_it_looked(
    database: Database, colours: Classifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(activity, "LOOKS_THROUGH", 10)
    pile = heap(database, colours, 25)
    with database.write() as session:
        acted(session, pile.ids[-1], "move", "rule_a")
    seen = sheet(database, colours.workspace_id, rule_id="rule_a")
    assert (ids(seen), seen.next_cursor) == ([], pile.ids[9])
    assert seen.looked_to is not None
    second = sheet(database, colours.workspace_id, rule_id="rule_a", cursor=seen.next_cursor)
    assert (ids(second), second.next_cursor) == ([], pile.ids[19])
    assert second.looked_to is not None
    assert second.looked_to < seen.looked_to
    last = sheet(database, colours.workspace_id, rule_id="rule_a", cursor=second.next_cursor)
    assert (ids(last), last.next_cursor, last.looked_to) == ([pile.ids[-1]], None, None)


def test_what_leads_to_a_few_is_found_however_old(
    database: Database, colours: Classifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(activity, "LOOKS_THROUGH", 5)
    pile = heap(database, colours, 25)
    with database.write() as session:
        acted(session, pile.ids[-1], "move", "rule_a", status="failed")
    for asked in ({"action_status": "failed"}, {"q": pile.ids[-1]}):
        seen = sheet(database, colours.workspace_id, **asked)
        assert (ids(seen), seen.next_cursor, seen.looked_to) == ([pile.ids[-1]], None, None)


@pytest.mark.parametrize(("most", "counted"), [(30, 20), (20, 20), (19, 20), (5, 6)])
def test_it_is_counted_up_to_a_bound(
    database: Database,
    colours: Classifier,
    monkeypatch: pytest.MonkeyPatch,
    most: int,
    counted: int,
) -> None:
    monkeypatch.setattr(activity, "MOST_COUNTED", most)
    monkeypatch.setattr(activity, "PAGE", 3)
    heap(database, colours, 20)
    seen = sheet(database, colours.workspace_id, classifier_id=colours.id, counted=True)
    assert seen.count == counted
    assert len(seen.entries) == 3
    assert sheet(database, colours.workspace_id).count is None


def test_a_page_asks_as_much_for_many_as_for_few(database: Database, colours: Classifier) -> None:
    def asked(**filters: Any) -> int:
        with queries(database) as sent:
            sheet(database, colours.workspace_id, counted=True, **filters)
        return len(sent)

    heap(database, colours, 2)
    few = asked(classifier_id=colours.id)
    pile = heap(database, colours, 200)
    with database.write() as session:
        for one in pile.ids:
            acted(session, one, "move", "rule_a")
            acted(session, one, "tag", "rule_b")
    assert asked(classifier_id=colours.id) == few <= 6


def test_charlie_sees_nothing(database: Database, colours: Classifier, charlie: Person) -> None:
    pile = heap(database, colours, 3)
    hers = sheet(database, charlie.workspace_id, counted=True, classifier_id=colours.id)
    assert (hers.entries, hers.count, hers.next_cursor) == ([], 0, None)
    assert sheet(database, charlie.workspace_id, source_id=pile.source.id).entries == []
    assert sheet(database, charlie.workspace_id, q=pile.ids[0]).entries == []
    # A place in Alice's list shows him nothing of it either.
    assert sheet(database, charlie.workspace_id, cursor=pile.ids[0]).entries == []


def test_a_cursor_that_was_not_given_is_refused(database: Database, alice: Person) -> None:
    with pytest.raises(BadRequest) as caught:
        sheet(database, alice.workspace_id, cursor="'; drop table")
    assert caught.value.code == "bad_cursor"
