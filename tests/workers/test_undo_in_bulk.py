"""Many actions taken back: what was done last first, once each, and what cannot be is listed."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from acting import MOVE, actions, add_rule, run, send
from colours import picture
from sqlalchemy import select, update
from undoing import Look, ask, locations, look, shown, tally, undone

from connector.db.session import now
from connector.db.tables import Action, Classifier, Undo, UndoItem
from connector.db.types import utcnow
from connector.domain import effects, turns, undo_selection, undoing, undos
from connector.domain.action_list import ActionFilter
from connector.domain.predictions import SourceRef
from connector.domain.waiting import waiting
from connector.errors import ColabelError, NotFound
from workers import act, classify
from workers.runtime import Runtime

COPY = {"kind": "copy", "params": {"folder": "copies"}}
TURN = {"kind": "rotate", "params": {"degrees": 90}}
ALERT = {"kind": "alert", "params": {"channel": "webhook", "message": "Look at {name}."}}


def send_file(rt: Runtime, source: SourceRef, folder: Path, number: int) -> str:
    """Send a picture that lies in a folder."""
    folder.mkdir(exist_ok=True)
    path = folder / f"scan {number}.png"
    path.write_bytes(picture("red", seed=number))
    return send(rt, source, seed=number, location={"kind": "local", "path": str(path)})


def rule_of(rt: Runtime, prediction_id: str, kind: str) -> str:
    return next(one.rule_id for one in actions(rt, prediction_id) if one.kind == kind)


def test_everything_a_rule_did_comes_back_byte_for_byte(
    rt: Runtime, colours: Classifier, api_source: SourceRef, tmp_path: Path
) -> None:
    add_rule(rt, colours, TURN, COPY, MOVE)
    inbox = tmp_path / "in"
    sent = [send_file(rt, api_source, inbox, number) for number in range(3)]
    sent += [send(rt, api_source, seed=number) for number in range(10, 13)]
    before, places = look(inbox), locations(rt)
    run(rt)
    assert look(inbox) == {}
    undo = undone(rt, colours, rule_id=rule_of(rt, sent[0], "move"))
    assert tally(undo) == ("done", 18, 0, 0)
    assert undo["finished_at"] is not None
    assert look(inbox) == before
    assert look(rt.settings.sorted_dir) == {}
    assert locations(rt) == places


def test_what_was_done_last_comes_first_a_few_at_a_time(
    rt: Runtime, colours: Classifier, api_source: SourceRef, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(undoing, "AT_A_TIME", 2)
    add_rule(rt, colours, COPY)
    sent = []
    for number in range(5):
        sent.append(send(rt, api_source, seed=number))
        run(rt)
    undo_id = ask(rt, colours, kind="copy")
    with rt.database.write() as session:
        assert undoing.carry_on(session) == 2
    requested = select(Action.prediction_id).where(Action.undo_requested_at.is_not(None))
    with rt.database.write() as session:
        assert set(session.scalars(requested)) == set(sent[-2:])
        # Nothing more before those are done.
        assert undoing.carry_on(session) == 0
    run(rt)
    assert tally(shown(rt, colours, undo_id)) == ("done", 5, 0, 0)


def test_new_pictures_do_not_wait_for_a_large_undo(
    rt: Runtime, colours: Classifier, api_source: SourceRef, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(undoing, "AT_A_TIME", 3)
    add_rule(rt, colours, COPY)
    for number in range(12):
        send(rt, api_source, seed=number)
    run(rt)
    ask(rt, colours, kind="copy")
    with rt.database.write() as session:
        undoing.carry_on(session)
    new = send(rt, api_source, seed=99)
    classify.step(rt)
    with rt.database.write() as session:
        undoing.carry_on(session)
        ahead = turns.claim(session, limit=4, seconds=15, suspects=1)
    assert [turn.prediction.id for turn in ahead][3:] == [new]


def test_files_changed_since_are_refused_and_listed(
    rt: Runtime, colours: Classifier, api_source: SourceRef, tmp_path: Path
) -> None:
    add_rule(rt, colours, MOVE)
    inbox = tmp_path / "in"
    sent = [send_file(rt, api_source, inbox, number) for number in range(4)]
    before = look(inbox)
    run(rt)
    changed, gone, taken, _ = (Path(locations(rt)[one]) for one in sent)
    changed.write_bytes(b"somebody's work")
    gone.unlink()
    (inbox / "scan 2.png").write_bytes(b"another file")
    undo = undone(rt, colours, kind="move")
    assert tally(undo) == ("done", 1, 3, 0)
    ids = [actions(rt, one)[0].id for one in sent]
    assert {one["action_id"]: one["code"] for one in undo["refusals"]} == {
        ids[0]: "file_changed",
        ids[1]: "file_missing",
        ids[2]: "name_taken",
    }
    assert all(one["detail"].endswith(".") for one in undo["refusals"])
    assert changed.read_bytes() == b"somebody's work"
    assert taken.exists()
    back = str(inbox / "scan 3.png")
    assert look(inbox)[back] == before[back]


def test_a_copy_that_was_changed_does_not_hold_up_the_move_before_it(
    rt: Runtime, colours: Classifier, api_source: SourceRef
) -> None:
    add_rule(rt, colours, MOVE, COPY)
    sent = send(rt, api_source)
    run(rt)
    _, copied = actions(rt, sent)
    Path(copied.detail["to"]).write_bytes(b"somebody's work")
    undo = undone(rt, colours, prediction_id=sent)
    assert tally(undo) == ("done", 1, 1, 0)
    assert [one.status for one in actions(rt, sent)] == ["undone", "done"]


def test_nothing_before_a_refused_action_is_undone(
    rt: Runtime, colours: Classifier, api_source: SourceRef
) -> None:
    add_rule(rt, colours, TURN, MOVE)
    sent = send(rt, api_source)
    run(rt)
    Path(locations(rt)[sent]).write_bytes(b"somebody's work")
    undo = undone(rt, colours, classifier_id=colours.id)
    assert tally(undo) == ("done", 0, 2, 0)
    assert {one["code"] for one in undo["refusals"]} == {"file_changed"}
    assert any("later action" in one["detail"] for one in undo["refusals"])


def test_what_cannot_be_undone_is_said_before_and_after(
    rt: Runtime, colours: Classifier, api_source: SourceRef
) -> None:
    add_rule(rt, colours, TURN, ALERT)
    add_rule(rt, colours, MOVE)
    sent = send(rt, api_source)
    run(rt)
    turned, alerted, moved = actions(rt, sent)
    with rt.database.read() as session:
        chosen, total = undo_selection.selection(
            session, colours.workspace_id, wanted=ActionFilter(rule_id=turned.rule_id)
        )
        found = undo_selection.preview(session, chosen, total)
    codes = {one["action_id"]: one["code"] for one in found.refusals}
    assert (found.total, found.undoable_count, found.refused_count) == (2, 0, 2)
    assert codes == {turned.id: "undo_later_first", alerted.id: "not_undoable"}
    undo = undone(rt, colours, rule_id=turned.rule_id)
    assert tally(undo) == ("done", 0, 2, 0)
    assert {one["action_id"]: one["code"] for one in undo["refusals"]} == codes
    # Together with what was done later it can be undone.
    both = undone(rt, colours, turned.id, moved.id)
    assert tally(both) == ("done", 2, 0, 0)
    again = undone(rt, colours, turned.id, alerted.id)
    assert tally(again) == ("done", 1, 1, 0)


def test_an_action_that_is_not_done_yet_is_refused(
    rt: Runtime, colours: Classifier, api_source: SourceRef
) -> None:
    add_rule(rt, colours, COPY)
    sent = send(rt, api_source)
    classify.step(rt)
    [planned] = actions(rt, sent)
    undo_id = ask(rt, colours, planned.id)
    run(rt)
    undo = shown(rt, colours, undo_id)
    assert tally(undo) == ("done", 0, 1, 0)
    assert undo["refusals"][0]["code"] == "not_undoable"
    assert actions(rt, sent)[0].status == "done"


def test_only_what_was_done_in_the_period_is_undone(
    rt: Runtime, colours: Classifier, api_source: SourceRef
) -> None:
    add_rule(rt, colours, COPY)
    sent = [send(rt, api_source, seed=number) for number in range(3)]
    run(rt)
    with rt.database.write() as session:
        for hours, one in enumerate(sent):
            moment = utcnow() - timedelta(hours=hours + 0.5)
            session.execute(
                update(Action).where(Action.prediction_id == one).values(finished_at=moment)
            )
    period = {"since": utcnow() - timedelta(hours=2), "until": utcnow() - timedelta(hours=1)}
    undo = undone(rt, colours, classifier_id=colours.id, **period)
    assert tally(undo) == ("done", 1, 0, 0)
    assert [actions(rt, one)[0].status for one in sent] == ["done", "undone", "done"]


def test_a_worker_that_dies_leaves_it_to_the_next(
    rt: Runtime, colours: Classifier, api_source: SourceRef, tmp_path: Path
) -> None:
    add_rule(rt, colours, TURN, MOVE)
    inbox = tmp_path / "in"
    for number in range(4):
        send_file(rt, api_source, inbox, number)
    before: Look = look(inbox)
    run(rt)
    undo_id = ask(rt, colours, classifier_id=colours.id)
    # It has claimed, and done half of one, when it ends: nothing of it is recorded.
    with rt.database.write() as session:
        undoing.carry_on(session)
        held = turns.claim(session, limit=2, seconds=15, suspects=0)
    assert len(held) == 2
    with rt.database.write() as session:
        session.execute(
            update(Action)
            .where(Action.lease_token.is_not(None))
            .values(lease_until=now(session) - timedelta(seconds=1))
        )
    run(rt)
    assert tally(shown(rt, colours, undo_id)) == ("done", 8, 0, 0)
    assert look(inbox) == before
    with rt.database.read() as session:
        assert waiting(session) == []
        assert set(session.scalars(select(Action.strikes))) == {0, 1}


def test_the_clock_rings_for_an_undo_until_it_is_closed(
    rt: Runtime, colours: Classifier, api_source: SourceRef
) -> None:
    add_rule(rt, colours, COPY)
    sent = send(rt, api_source)
    run(rt)

    def rings() -> list[str]:
        with rt.database.read() as session:
            return waiting(session)

    assert rings() == []
    undo_id = ask(rt, colours, prediction_id=sent)
    assert rings() == ["act"]
    # The release before this one undoes what was asked for, and knows of no undo in bulk.
    with rt.database.write() as session:
        undoing.carry_on(session)
        [turn] = turns.claim(session, limit=1, seconds=15, suspects=0)
    with rt.database.write() as session:
        effects.finish(session, turn.claim, {}, None)
    assert tally(shown(rt, colours, undo_id)) == ("running", 0, 0, 1)
    assert rings() == ["act"]
    assert act.step(rt) == 1
    assert tally(shown(rt, colours, undo_id)) == ("done", 1, 0, 0)
    assert rings() == []


def test_what_may_yet_succeed_waits_and_holds_nothing_up(
    rt: Runtime, colours: Classifier, api_source: SourceRef, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(undoing, "AT_A_TIME", 1)
    add_rule(rt, colours, COPY)
    sent = [send(rt, api_source, seed=number) for number in range(3)]
    run(rt)
    last = max((actions(rt, one)[0] for one in sent), key=lambda one: (one.finished_at, one.id))
    undo_id = ask(rt, colours, kind="copy")
    with rt.database.write() as session:
        undoing.carry_on(session)
        [turn] = turns.claim(session, limit=1, seconds=15, suspects=0)
        assert turn.action.id == last.id
    away = ColabelError("The disk is away.", permanent=False)
    with rt.database.write() as session:
        effects.fail(session, turn.claim, away, "").due_at += timedelta(hours=1)
    run(rt)
    assert tally(shown(rt, colours, undo_id)) == ("running", 2, 0, 1)
    with rt.database.read() as session:
        assert undoing.only_retries(session, undo_id)
    with rt.database.write() as session:
        session.execute(update(Action).values(due_at=now(session)))
    run(rt)
    assert tally(shown(rt, colours, undo_id)) == ("done", 3, 0, 0)


def test_two_undos_of_the_same_actions_undo_them_once(
    rt: Runtime, colours: Classifier, api_source: SourceRef
) -> None:
    add_rule(rt, colours, TURN, MOVE)
    sent = send(rt, api_source)
    place = locations(rt)
    run(rt)
    first = ask(rt, colours, prediction_id=sent)
    second = ask(rt, colours, classifier_id=colours.id)
    with rt.database.write() as session:
        effects.request_undo_all(session, colours.workspace_id, sent)
    run(rt)
    for undo_id in (first, second):
        assert tally(shown(rt, colours, undo_id)) == ("done", 2, 0, 0)
    assert locations(rt) == place


def test_charlie_undoes_nothing_of_alices(
    rt: Runtime, colours: Classifier, api_source: SourceRef, charlie: Any
) -> None:
    add_rule(rt, colours, COPY)
    sent = send(rt, api_source)
    run(rt)
    [copied] = actions(rt, sent)
    with rt.database.read() as session:
        for wanted in (
            {"ids": [copied.id]},
            {"wanted": ActionFilter(rule_id=copied.rule_id)},
            {"wanted": ActionFilter(kind="copy")},
        ):
            with pytest.raises(ColabelError) as caught:
                undo_selection.selection(session, charlie.workspace_id, **wanted)  # type: ignore[arg-type]
            assert caught.value.code in ("not_found", "nothing_to_undo")
    undo_id = ask(rt, colours, copied.id)
    with rt.database.read() as session:
        with pytest.raises(NotFound):
            undos.get(session, charlie.workspace_id, undo_id)
        assert undos.list_undos(session, charlie.workspace_id).items == []


def test_an_undo_goes_with_its_actions(
    rt: Runtime, colours: Classifier, api_source: SourceRef
) -> None:
    add_rule(rt, colours, COPY)
    sent = send(rt, api_source)
    run(rt)
    undone(rt, colours, prediction_id=sent)
    with rt.database.write() as session:
        for action in session.scalars(select(Action)):
            session.delete(action)
    with rt.database.read() as session:
        assert session.scalars(select(UndoItem)).all() == []
        assert len(session.scalars(select(Undo)).all()) == 1
