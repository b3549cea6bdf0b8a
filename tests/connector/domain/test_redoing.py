"""What did not work is done again: what failed and nothing else, by the rules in force."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from acting import MOVE, actions, add_rule, run, send
from colours import picture

from connector.db import Database
from connector.db.tables import Action, AuditEntry, Classifier, Prediction, Rule
from connector.domain import effects, redoing, rules
from connector.domain.predictions import SourceRef
from connector.errors import ColabelError, NotFound
from workers.runtime import Runtime

Person = Any
COPY = {"kind": "copy", "params": {"folder": "copies"}}


def again(rt: Runtime, workspace_id: str, prediction_id: str) -> list[Action]:
    with rt.database.write() as session:
        return redoing.try_again(session, workspace_id, prediction_id)


def states(rt: Runtime, prediction_id: str) -> list[tuple[str, str, str | None]]:
    return [(one.kind, one.status, one.error_code) for one in actions(rt, prediction_id)]


@pytest.fixture
def lost(rt: Runtime, colours: Classifier, api_source: SourceRef, tmp_path: Path) -> str:
    """A picture whose file was away when it was to be moved, and copied after that."""
    add_rule(rt, colours, MOVE, COPY)
    file = tmp_path / "in" / "scan.png"
    file.parent.mkdir()
    file.write_bytes(picture("red"))
    sent = send(rt, api_source, location={"kind": "local", "path": str(file)})
    file.rename(tmp_path / "scan.png")
    run(rt)
    assert [one[1] for one in states(rt, sent)] == ["failed", "failed"]
    return sent


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where the picture was."""
    return tmp_path / "in" / "scan.png"


def put_back(file: Path) -> None:
    (file.parents[1] / "scan.png").rename(file)


def test_it_is_done_once_what_was_in_the_way_is_mended(
    rt: Runtime, database: Database, colours: Classifier, lost: str, file: Path
) -> None:
    put_back(file)
    planned = again(rt, colours.workspace_id, lost)
    assert [one.kind for one in planned] == ["move", "copy"]
    run(rt)
    assert [one[:2] for one in states(rt, lost)] == [
        ("move", "failed"),
        ("copy", "failed"),
        ("move", "done"),
        ("copy", "done"),
    ]
    moved = rt.settings.sorted_dir / "colours" / "red"
    assert [one.read_bytes() for one in moved.iterdir()] == [picture("red")]
    assert not file.exists()
    assert redoing.failed(actions(rt, lost)) == []
    with database.read() as session:
        noted = session.query(AuditEntry).filter_by(what="prediction.actions_retried").all()
    assert [one.resource_id for one in noted] == [lost]


def test_what_fails_again_can_be_tried_again(
    rt: Runtime, colours: Classifier, lost: str, file: Path
) -> None:
    again(rt, colours.workspace_id, lost)
    run(rt)
    assert [one.status for one in actions(rt, lost)] == ["failed"] * 4
    assert len(redoing.failed(actions(rt, lost))) == 2
    put_back(file)
    again(rt, colours.workspace_id, lost)
    run(rt)
    assert [one.status for one in actions(rt, lost)] == ["failed"] * 4 + ["done"] * 2


def test_a_rule_that_was_changed_is_followed_as_it_is_now(
    rt: Runtime, database: Database, colours: Classifier, lost: str, file: Path
) -> None:
    put_back(file)
    elsewhere = {"kind": "move", "params": {"folder": "new place"}}
    with database.write() as session:
        [rule] = session.query(Rule).filter_by(current=True)
        mine = session.get_one(Classifier, colours.id)
        checked = rules.check_actions(rt.settings, [elsewhere])
        rules.update_rule(session, mine, rule.rule_id, actions=checked)
    again(rt, colours.workspace_id, lost)
    run(rt)
    last = actions(rt, lost)[-1]
    assert (last.status, last.rule_version) == ("done", 2)
    assert Path(last.detail["to"]).parent.name == "new place"


def test_what_was_done_is_not_done_twice(
    rt: Runtime, colours: Classifier, api_source: SourceRef, tmp_path: Path
) -> None:
    add_rule(rt, colours, COPY)
    add_rule(rt, colours, MOVE)
    file = tmp_path / "in" / "scan.png"
    file.parent.mkdir()
    file.write_bytes(picture("red"))
    sent = send(rt, api_source, location={"kind": "local", "path": str(file)})
    run(rt)
    with rt.database.write() as session:
        for one in session.query(Action).filter_by(kind="move"):
            one.status, one.error_code, one.error = "failed", "disk_full", "The disk is full."
    assert [one.kind for one in again(rt, colours.workspace_id, sent)] == ["move"]


def test_what_a_person_took_back_stays_taken_back(
    rt: Runtime, colours: Classifier, api_source: SourceRef
) -> None:
    add_rule(rt, colours, MOVE)
    sent = send(rt, api_source)
    run(rt)
    [moved] = actions(rt, sent)
    with rt.database.write() as session:
        effects.request_undo(session, colours.workspace_id, moved.id)
    run(rt)
    with pytest.raises(ColabelError) as caught:
        again(rt, colours.workspace_id, sent)
    assert caught.value.code == "not_failed"
    assert [one.status for one in actions(rt, sent)] == ["undone"]


def test_why_it_is_not_done_again_is_said(
    rt: Runtime, database: Database, colours: Classifier, lost: str
) -> None:
    def code() -> str:
        with pytest.raises(ColabelError) as caught:
            again(rt, colours.workspace_id, lost)
        return caught.value.code

    with database.write() as session:
        [first, _] = session.query(Action).order_by(Action.sequence)
        first.pending = True
    assert code() == "action_under_way"
    with database.write() as session:
        session.query(Action).update({"pending": False})
        [rule] = session.query(Rule).filter_by(current=True)
        rules.delete_rule(session, session.get_one(Classifier, colours.id), rule.rule_id)
    assert code() == "not_foreseen"
    with database.write() as session:
        session.query(Action).update({"error_code": "label_corrected"})
    assert code() == "not_failed"


def test_a_picture_that_was_deleted_is_gone(
    rt: Runtime, database: Database, colours: Classifier, lost: str
) -> None:
    with database.write() as session:
        row = session.get_one(Prediction, lost)
        row.image_deleted_at = row.created_at
    with pytest.raises(ColabelError) as caught:
        again(rt, colours.workspace_id, lost)
    assert caught.value.status == 410


def test_charlie_can_have_nothing_done(rt: Runtime, lost: str, charlie: Person) -> None:
    with pytest.raises(NotFound):
        again(rt, charlie.workspace_id, lost)
    assert len(actions(rt, lost)) == 2
