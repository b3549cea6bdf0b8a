"""What an undo of chosen pictures means, why some stays, and the pictures beside the actions."""

from __future__ import annotations

from typing import Any

import pytest
from happened import acted, heap
from pagereading import queries

from connector.db import Database
from connector.db.tables import Classifier
from connector.domain import undo_lists, undo_selection
from connector.domain.action_list import ActionFilter
from connector.errors import Unprocessable

Person = Any


def test_of_chosen_pictures_what_was_done_and_can_be_undone_is_meant(
    database: Database, colours: Classifier, charlie: Person
) -> None:
    pile = heap(database, colours, 3)
    with database.write() as session:
        first, second, other = pile.ids
        moved = acted(session, first, "move", "rule_a")
        tagged = acted(session, second, "tag", "rule_a")
        acted(session, second, "alert", "rule_a")
        acted(session, second, "copy", "rule_a", status="failed")
        acted(session, second, "copy", "rule_a", status="undone")
        acted(session, other, "move", "rule_a")
    with database.read() as session:
        chosen = undo_selection.of_pictures(session, colours.workspace_id, [first, second])
        hers = undo_selection.of_pictures(session, charlie.workspace_id, pile.ids)
        nothing = undo_selection.of_pictures(session, colours.workspace_id, [])
    assert sorted(chosen) == sorted([moved, tagged])
    assert (hers, nothing) == ([], [])


def test_reasons_are_counted_by_kind_the_commonest_first(
    database: Database, colours: Classifier
) -> None:
    pile = heap(database, colours, 6)
    with database.write() as session:
        for one in pile.ids:
            acted(session, one, "alert", "rule_a")
        for one in pile.ids[:2]:
            acted(session, one, "copy", "rule_a")
        for one in pile.ids[:2]:
            acted(session, one, "move", "rule_b")
    with database.read() as session:
        chosen, total = undo_selection.selection(
            session, colours.workspace_id, wanted=ActionFilter(rule_id="rule_a")
        )
        found = undo_selection.reasons(session, chosen)
        preview = undo_selection.preview(session, chosen, total)
    assert [(one.kind, one.code, one.count) for one in found] == [
        ("alert", "not_undoable", 6),
        ("copy", "undo_later_first", 2),
    ]
    assert sum(one.count for one in found) == preview.refused_count == total
    assert all(one.detail.endswith(".") for one in found)


def test_nothing_to_undo_is_said(database: Database, colours: Classifier) -> None:
    heap(database, colours, 2)
    with database.read() as session, pytest.raises(Unprocessable) as caught:
        undo_selection.selection(session, colours.workspace_id, ids=[])
    assert caught.value.code == "nothing_to_undo"


def test_actions_come_with_their_pictures_in_the_order_asked_for(
    database: Database, colours: Classifier
) -> None:
    pile = heap(database, colours, 4)
    with database.write() as session:
        ids = [acted(session, one, "move", "rule_a") for one in pile.ids]
    wanted = [ids[2], ids[0], ids[3]]
    with queries(database) as sent, database.read() as session:
        found = undo_lists.deeds(session, wanted)
        assert undo_lists.deeds(session, []) == []
    assert [one.action.id for one in found] == wanted
    assert [one.name for one in found] == ["00001.png", "00003.png", "00000.png"]
    assert len(sent) == 1
