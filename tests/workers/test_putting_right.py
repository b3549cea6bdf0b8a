"""An answer corrected after it was acted on: undone first, then done as it should have been."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from acting import actions, run, send
from colours import picture
from sqlalchemy import select
from undoing import locations, look, shown, tally

from connector.db.tables import Action, Classifier, Example, Prediction
from connector.domain import effects, putting_right, rules, turns
from connector.domain.predictions import SourceRef
from connector.domain.putting_right import Begun
from connector.errors import ColabelError, NotFound
from workers import classify
from workers.runtime import Runtime

TO_LABEL = {"kind": "move", "params": {"folder": "{label}"}}
COPY = {"kind": "copy", "params": {"folder": "copies"}}
TURN = {"kind": "rotate", "params": {"degrees": 90}}
ALERT = {"kind": "alert", "params": {"channel": "webhook", "message": "Look at {name}."}}


def add(rt: Runtime, classifier: Classifier, label: str | None, *wanted: dict[str, Any]) -> None:
    checked = rules.check_actions(rt.settings, list(wanted))
    with rt.database.write() as session:
        mine = session.get_one(Classifier, classifier.id)
        rules.create_rule(session, mine, label=label, actions=checked)


def begin(rt: Runtime, mine: Classifier, sent: str, label: str | None = "blue") -> Begun:
    with rt.database.write() as session:
        return putting_right.begin(session, mine.workspace_id, sent, label, "Alice's key")


def states(rt: Runtime, sent: str) -> list[tuple[str, str]]:
    return [(one.kind, one.status) for one in actions(rt, sent)]


def code(caught: pytest.ExceptionInfo[ColabelError]) -> str:
    return caught.value.code


def test_a_wrongly_sorted_picture_is_put_where_it_belongs(
    rt: Runtime, colours: Classifier, api_source: SourceRef, tmp_path: Path
) -> None:
    add(rt, colours, None, TURN, TO_LABEL, COPY)
    original = tmp_path / "in" / "scan.png"
    original.parent.mkdir()
    original.write_bytes(picture("red"))
    sent = send(rt, api_source, location={"kind": "local", "path": str(original)})
    run(rt)
    before = look(rt.settings.sorted_dir)
    with rt.database.read() as session:
        found = putting_right.look(session, colours.workspace_id, sent, "blue")
    # The turn and the copy are the same for both labels.
    assert [one.kind for one in found.undo] == ["move"]
    assert [one.kind for one in found.do] == ["move"]
    assert look(rt.settings.sorted_dir) == before
    begun = begin(rt, colours, sent)
    assert begun.undo is not None
    run(rt)
    assert tally(shown(rt, colours, begun.undo.id)) == ("done", 1, 0, 0)
    assert states(rt, sent) == [
        ("rotate", "done"),
        ("move", "undone"),
        ("copy", "done"),
        ("move", "done"),
    ]
    path = Path(locations(rt)[sent])
    assert path == rt.settings.sorted_dir / "colours" / "blue" / "a.png"
    after = look(rt.settings.sorted_dir)
    assert sorted(data for data, _ in after.values()) == sorted(data for data, _ in before.values())
    with rt.database.read() as session:
        row = session.get_one(Prediction, sent)
        assert (row.label, row.corrected_label) == ("red", "blue")
        assert len(session.scalars(select(Example)).all()) == 1


def test_the_new_actions_wait_for_the_undo(
    rt: Runtime, colours: Classifier, api_source: SourceRef
) -> None:
    add(rt, colours, "red", TURN, TO_LABEL)
    add(rt, colours, "blue", COPY)
    sent = send(rt, api_source)
    run(rt)
    begun = begin(rt, colours, sent)
    [copy] = begun.planned
    run(rt)
    undone = [one for one in actions(rt, sent) if one.status == "undone"]
    done = next(one for one in actions(rt, sent) if one.id == copy.id)
    assert len(undone) == 2
    assert done.status == "done"
    assert all(one.finished_at <= done.finished_at for one in undone)  # type: ignore[operator]
    assert Path(done.detail["to"]).read_bytes() == picture("red")


def test_nothing_new_is_done_when_the_undo_is_refused(
    rt: Runtime, colours: Classifier, api_source: SourceRef
) -> None:
    add(rt, colours, "red", TURN, TO_LABEL)
    add(rt, colours, "blue", COPY, ALERT)
    sent = send(rt, api_source)
    run(rt)
    moved = Path(locations(rt)[sent])
    whole = moved.read_bytes()
    moved.write_bytes(b"somebody's work")
    begun = begin(rt, colours, sent)
    assert begun.undo is not None
    run(rt)
    assert tally(shown(rt, colours, begun.undo.id)) == ("done", 0, 2, 0)
    assert states(rt, sent)[2:] == [("copy", "failed"), ("alert", "failed")]
    assert {one.error_code for one in actions(rt, sent)[2:]} == {"put_right_refused"}
    assert "changed" in str(actions(rt, sent)[2].error)
    # Once that is mended it works.
    moved.write_bytes(whole)
    begin(rt, colours, sent, None)
    run(rt)
    assert states(rt, sent)[:2] == [("rotate", "undone"), ("move", "undone")]
    assert states(rt, sent)[4:] == [("copy", "done"), ("alert", "done")]


def test_what_builds_on_it_is_undone_and_done_again(
    rt: Runtime, colours: Classifier, api_source: SourceRef
) -> None:
    add(rt, colours, "red", {"kind": "rotate", "params": {"degrees": 180}})
    add(rt, colours, None, TURN)
    sent = send(rt, api_source)
    run(rt)
    begun = begin(rt, colours, sent)
    assert [one.params["degrees"] for one in begun.remedy.undo] == [90, 180]
    assert [one.params["degrees"] for one in begun.planned] == [90]
    run(rt)
    assert [one.status for one in actions(rt, sent)] == ["undone", "undone", "done"]


def test_there_and_back_again(rt: Runtime, colours: Classifier, api_source: SourceRef) -> None:
    add(rt, colours, None, TO_LABEL)
    sent = send(rt, api_source)
    run(rt)
    home = locations(rt)[sent]
    for label in ("blue", "green", "red"):
        begin(rt, colours, sent, label)
        run(rt)
    assert locations(rt)[sent] == home
    assert [one.status for one in actions(rt, sent)] == ["undone"] * 3 + ["done"]
    with rt.database.read() as session:
        assert session.get_one(Prediction, sent).corrected_label is None
    again = begin(rt, colours, sent, "red")
    assert (again.undo, again.planned, again.remedy.empty) == (None, [], True)


def test_what_is_only_planned_is_given_up(
    rt: Runtime, colours: Classifier, api_source: SourceRef
) -> None:
    add(rt, colours, "red", TURN)
    add(rt, colours, "blue", COPY)
    sent = send(rt, api_source)
    classify.step(rt)
    begun = begin(rt, colours, sent)
    assert (begun.undo, [one.kind for one in begun.planned]) == (None, ["copy"])
    run(rt)
    assert states(rt, sent) == [("rotate", "failed"), ("copy", "done")]
    assert actions(rt, sent)[0].error_code == "label_corrected"


def test_what_is_under_way_is_not_interrupted(
    rt: Runtime, colours: Classifier, api_source: SourceRef
) -> None:
    add(rt, colours, "red", TURN)
    sent = send(rt, api_source)
    classify.step(rt)
    with rt.database.write() as session:
        [turn] = turns.claim(session, limit=1, seconds=60, suspects=0)
    with pytest.raises(ColabelError) as caught:
        begin(rt, colours, sent)
    assert code(caught) == "action_under_way"
    with rt.database.write() as session:
        effects.finish(session, turn.claim, {"how": "unchanged"}, None)
    assert begin(rt, colours, sent).undo is not None
    # The same again changes nothing; another label has to wait.
    assert len(actions(rt, sent)) == 1
    assert begin(rt, colours, sent).undo is not None
    with pytest.raises(ColabelError) as caught:
        begin(rt, colours, sent, "green")
    assert code(caught) == "put_right_under_way"


def test_an_alert_stays_and_is_told_apart(
    rt: Runtime, colours: Classifier, api_source: SourceRef
) -> None:
    add(rt, colours, "red", ALERT)
    sent = send(rt, api_source)
    run(rt)
    with rt.database.read() as session:
        found = putting_right.look(session, colours.workspace_id, sent, "blue")
    assert ([one.kind for one in found.cannot_undo], found.undo, found.do) == (["alert"], [], [])


def test_what_cannot_be_corrected_says_so(
    rt: Runtime, colours: Classifier, api_source: SourceRef, charlie: Any
) -> None:
    unsure, sent = send(rt, api_source, "grey"), send(rt, api_source)
    run(rt)
    for prediction, label, expected in (
        (unsure, "blue", "not_decided"),
        (sent, None, "not_corrected"),
        (sent, "purple", "unknown_label"),
    ):
        with pytest.raises(ColabelError) as caught:
            begin(rt, colours, prediction, label)
        assert code(caught) == expected
    with rt.database.write() as session:
        with pytest.raises(NotFound):
            putting_right.begin(session, charlie.workspace_id, sent, "blue", "Charlie's key")
        with pytest.raises(NotFound):
            putting_right.look(session, charlie.workspace_id, sent, "blue")
        assert session.scalars(select(Action)).all() == []
