"""Predictions found by everything that became of them: each filter, all together, page by page."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from typing import Any

import pytest
from happened import acted, came_in, day, heap, image_of, pages, way_in
from pagereading import queries
from sqlalchemy import event

from connector.db import Database
from connector.db.tables import Classifier
from connector.domain import classifiers, prediction_list
from connector.domain.aliases import alias
from connector.domain.prediction_list import PredictionFilter
from connector.errors import BadRequest

Person = Any
RULE, OTHER_RULE = "rule_a", "rule_b"


@dataclass(frozen=True)
class Shelf:
    """What was written down: ids of pictures by their names, and of what they came by."""

    workspace_id: str
    pictures: dict[str, str]
    colours: str
    papers: str
    hook: str


@pytest.fixture
def shelf(database: Database, alice: Person, charlie: Person, colours: Classifier) -> Shelf:
    """Eight pictures of two classifiers, each of which something else became; one of Charlie's."""
    with database.write() as session:
        mine = session.get_one(Classifier, colours.id)
        mine.aliases = [alias("crimson", "red", up_to_version=1, at=1, made_at=day(9))]
        other = classifiers.create_classifier(session, alice.workspace_id, name="papers")
        theirs = classifiers.create_classifier(session, charlie.workspace_id, name="theirs")
        api, hook, paper = (
            way_in(session, mine),
            way_in(session, mine, "hook"),
            way_in(session, other),
        )
        image = image_of(session, alice.workspace_id)

        def add(source: Any, number: int, name: str, **values: Any) -> str:
            return came_in(session, source, image, day(number), name, **values)

        found = {
            "plain": add(api, 1, "Scan 100%_a.png", external_id="order-1"),
            "moved": add(api, 2, "b.png", label="green", confidence=0.85, decided_by="person"),
            "stuck": add(hook, 3, "c.png", label="green"),
            "asked": add(hook, 4, "d.png", status="needs_review", confidence=0.5, decided_by=None),
            "failed": add(
                api, 5, "e.png", status="failed", label=None, confidence=None, decided_by=None
            ),
            "queued": add(
                api, 6, "f.png", status="queued", label=None, confidence=None, decided_by=None
            ),
            "paper": add(paper, 7, "g.png", label="letter", external_id="order-1"),
            "before": add(api, 8, "h.png", label="crimson", external_id="ORDER-22"),
        }
        acted(session, found["moved"], "move", RULE)
        acted(session, found["stuck"], "move", RULE, status="failed", error_code="disk_full")
        acted(session, found["paper"], "move", RULE, status="undone")
        acted(session, found["paper"], "tag", OTHER_RULE, status="failed", digest_id="dig_1")
        elsewhere = way_in(session, theirs)
        hers = image_of(session, charlie.workspace_id)
        other_id = came_in(session, elsewhere, hers, day(2), "b.png", external_id="order-1")
        acted(session, other_id, "move", RULE, status="failed", digest_id="dig_1")
    return Shelf(alice.workspace_id, found, colours.id, other.id, hook.id)


CASES: list[tuple[dict[str, Any], str]] = [
    ({}, "plain moved stuck asked failed queued paper before"),
    ({"status": "done"}, "plain moved stuck paper before"),
    ({"status": "needs_review"}, "asked"),
    ({"status": "failed"}, "failed"),
    ({"status": "queued"}, "queued"),
    ({"classifier_id": "colours"}, "plain moved stuck asked failed queued before"),
    ({"classifier_id": "papers"}, "paper"),
    ({"source_id": "hook"}, "stuck asked"),
    ({"label": "green"}, "moved stuck"),
    # Asked, the model is not decided; its best guess is written down all the same.
    ({"label": "red"}, "plain asked"),
    ({"label": "red", "classifier_id": "colours"}, "plain asked before"),
    ({"decided_by": "person"}, "moved"),
    ({"decided_by": "model"}, "plain stuck paper before"),
    ({"min_confidence": 0.95}, "plain stuck paper before"),
    ({"max_confidence": 0.85}, "moved asked"),
    ({"min_confidence": 0.6, "max_confidence": 0.9}, "moved"),
    ({"since": day(7)}, "paper before"),
    ({"until": day(2)}, "plain"),
    ({"since": day(2), "until": day(4)}, "moved stuck"),
    ({"rule_id": RULE}, "moved stuck paper"),
    ({"rule_id": OTHER_RULE}, "paper"),
    ({"action_kind": "tag"}, "paper"),
    ({"action_kind": "move"}, "moved stuck paper"),
    ({"action_status": "done"}, "moved"),
    ({"action_status": "failed"}, "stuck paper"),
    ({"action_status": "undone"}, "paper"),
    ({"action_status": "waiting"}, ""),
    # One and the same action: the paper's failed one is of the other rule, and no move.
    ({"rule_id": RULE, "action_status": "failed"}, "stuck"),
    ({"action_kind": "move", "action_status": "failed"}, "stuck"),
    ({"rule_id": OTHER_RULE, "action_kind": "move"}, ""),
    ({"digest_id": "dig_1"}, "paper"),
    ({"external_id": "order-1"}, "plain paper"),
    ({"external_id": "order"}, ""),
    ({"q": "order-1"}, "plain paper"),
    ({"q": "order-2"}, "before"),
    ({"q": "SCAN"}, "plain"),
    # What a pattern would take for any letters is a letter here.
    ({"q": "%_"}, "plain"),
    ({"q": "_"}, "plain"),
    ({"q": "  "}, "plain moved stuck asked failed queued paper before"),
    ({"q": "nothing of that name"}, ""),
    # All together.
    ({"classifier_id": "colours", "label": "green", "since": day(3)}, "stuck"),
    ({"source_id": "hook", "status": "needs_review", "max_confidence": 0.5}, "asked"),
    ({"status": "done", "rule_id": RULE, "q": "png", "decided_by": "person"}, "moved"),
]


def wanted(shelf: Shelf, asked: dict[str, Any]) -> PredictionFilter:
    known = {"colours": shelf.colours, "papers": shelf.papers, "hook": shelf.hook}
    return PredictionFilter(**{name: known.get(value, value) for name, value in asked.items()})


def found(database: Database, workspace_id: str, asked: PredictionFilter) -> list[str]:
    with database.read() as session:
        return [
            row.id for row in prediction_list.list_predictions(session, workspace_id, asked).items
        ]


def test_every_filter_is_tested() -> None:
    asked = {name for case, _ in CASES for name in case}
    assert asked == {one.name for one in fields(PredictionFilter)}


def test_each_filter_finds_what_fits_it_newest_first(database: Database, shelf: Shelf) -> None:
    names = {one: name for name, one in shelf.pictures.items()}
    for asked, expected in CASES:
        ids = found(database, shelf.workspace_id, wanted(shelf, asked))
        assert [names[one] for one in ids] == expected.split()[::-1], asked


def test_two_filters_find_what_fits_both(database: Database, shelf: Shelf) -> None:
    """But for those that are about one and the same action, and a label's former names."""
    whole = {"rule_id", "action_kind", "action_status"}
    singles = [case for case, _ in CASES if len(case) == 1 and not set(case) & whole]
    alone = {
        str(case): set(found(database, shelf.workspace_id, wanted(shelf, case))) for case in singles
    }
    tried = 0
    for one, other in itertools.combinations(singles, 2):
        both = one | other
        if len(both) < 2 or both.get("label") == "red":
            continue
        tried += 1
        ids = found(database, shelf.workspace_id, wanted(shelf, both))
        assert set(ids) == alone[str(one)] & alone[str(other)], both
        assert ids == sorted(ids, reverse=True)
    assert tried > 100


def test_a_whole_id_finds_its_picture_alone(database: Database, shelf: Shelf) -> None:
    asked = PredictionFilter(q=shelf.pictures["asked"])
    assert found(database, shelf.workspace_id, asked) == [shelf.pictures["asked"]]


def test_charlie_finds_nothing_of_alices(database: Database, shelf: Shelf, charlie: Person) -> None:
    hers = set(shelf.pictures.values())
    asked = [wanted(shelf, case) for case, _ in CASES]
    asked += [PredictionFilter(q=one) for one in hers]
    for one in asked:
        assert not hers & set(found(database, charlie.workspace_id, one)), one
    named = [{"classifier_id": "colours"}, {"source_id": "hook"}]
    for case in named:
        assert found(database, charlie.workspace_id, wanted(shelf, case)) == []


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"status": "lost"}, "bad_status"),
        ({"action_status": "lost"}, "bad_status"),
        ({"action_kind": "burn"}, "unknown_action"),
    ],
)
def test_what_there_is_not_is_said(
    database: Database, alice: Person, asked: dict[str, str], code: str
) -> None:
    with pytest.raises(BadRequest) as caught:
        found(database, alice.workspace_id, PredictionFilter(**asked))  # type: ignore[arg-type]
    assert caught.value.code == code


def test_pages_have_no_gaps_and_no_doubles_while_more_comes_in(
    database: Database, colours: Classifier
) -> None:
    pile = heap(database, colours, 25)

    def ask(cursor: str | None) -> tuple[list[str], str | None]:
        with database.read() as session:
            seen = prediction_list.list_predictions(
                session,
                colours.workspace_id,
                PredictionFilter(label="red", classifier_id=colours.id),
                cursor=cursor,
                limit=4,
            )
        heap(database, colours, 2, day(2))
        return [row.id for row in seen.items], seen.next_cursor

    seen = list(pages(ask))
    assert [len(one) for one in seen] == [4, 4, 4, 4]
    red = [one for number, one in enumerate(pile.ids[::-1]) if number % 3][::-1]
    assert list(itertools.chain(*seen)) == red


@contextmanager
def plans(database: Database) -> Iterator[list[str]]:
    """Collect how SQLite goes about each statement within the block."""
    seen: list[str] = []

    def explain(connection: Any, _cursor: Any, statement: str, params: Any, *_rest: Any) -> None:
        if statement.startswith("SELECT"):
            rows = connection.connection.execute(f"EXPLAIN QUERY PLAN {statement}", params)
            seen.extend(str(row[3]) for row in rows.fetchall())

    event.listen(database.engine, "before_cursor_execute", explain)
    try:
        yield seen
    finally:
        event.remove(database.engine, "before_cursor_execute", explain)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_an_index_leads_through_the_latest_whatever_is_asked(
    database: Database, shelf: Shelf
) -> None:
    few = {"digest_id", "external_id"}
    for asked, _ in CASES:
        with plans(database) as seen:
            found(database, shelf.workspace_id, wanted(shelf, asked))
        assert seen
        assert [one for one in seen if one.startswith("SCAN predictions")] == [], asked
        assert [one for one in seen if one.startswith("SCAN actions")] == [], asked
        sorts = [one for one in seen if "USE TEMP B-TREE FOR ORDER BY" in one]
        # Where few are meant, those few may be sorted; never all.
        if not few & set(asked) and asked.get("action_status") != "failed":
            assert sorts == [], asked


def test_a_page_is_one_query(database: Database, colours: Classifier) -> None:
    heap(database, colours, 60)
    with queries(database) as sent:
        assert len(found(database, colours.workspace_id, PredictionFilter())) == 50
    assert len([one for one in sent if "FROM predictions" in one]) == 1
