"""Planned actions carried out once, in order, undone in reverse; failures that stay visible."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from acting import MOVE, actions, add_rule, run, send
from colours import colour_classifier, picture
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from connector.db.tables import Action, Classifier, Event, Prediction
from connector.db.types import utcnow
from connector.domain import classifiers, effects, outbound, rules, turns
from connector.domain.predictions import SourceRef
from connector.errors import Conflict, LostLease, NotFound
from connector.settings import Settings
from connector.storage import LocalBlobs
from workers import classify
from workers.runtime import Runtime

COPY = {"kind": "copy", "params": {"folder": "copies"}}
TURN = {"kind": "rotate", "params": {"degrees": 90}}


def location(rt: Runtime, prediction_id: str) -> dict[str, Any]:
    with rt.database.read() as session:
        return session.get_one(Prediction, prediction_id).location


def undo(rt: Runtime, classifier: Classifier, action_id: str) -> Action:
    with rt.database.write() as session:
        effects.request_undo(session, classifier.workspace_id, action_id)
    run(rt)
    with rt.database.read() as session:
        return session.get_one(Action, action_id)


def test_a_held_picture_moves_into_the_folder_of_its_label(
    rt: Runtime, colours: Classifier, api_source: SourceRef
) -> None:
    add_rule(rt, colours, MOVE)
    prediction_id = send(rt, api_source)
    run(rt)
    [moved] = actions(rt, prediction_id)
    assert (moved.status, moved.error) == ("done", None)
    path = Path(location(rt, prediction_id)["path"])
    assert path == rt.settings.sorted_dir / "colours" / "red" / "a.png"
    assert path.read_bytes() == picture("red")


def test_workspaces_with_classifiers_of_one_name_share_no_folder(
    rt: Runtime, colours: Classifier, api_source: SourceRef, charlie: Any
) -> None:
    with rt.database.write() as session:
        his = colour_classifier(session, LocalBlobs(rt.settings.blobs_dir), charlie.workspace_id)
        source = classifiers.source(session, his, "api")
    his_source = SourceRef(source.id, source.workspace_id, source.classifier_id)
    assert his.name == colours.name
    paths = []
    for classifier, way in ((his, his_source), (colours, api_source)):
        add_rule(rt, classifier, MOVE)
        prediction_id = send(rt, way)
        run(rt)
        paths.append(Path(location(rt, prediction_id)["path"]))
    his_home = rt.settings.data_dir / "workspaces" / charlie.workspace_id / "sorted"
    assert paths == [
        his_home / "colours" / "red" / "a.png",
        rt.settings.sorted_dir / "colours" / "red" / "a.png",
    ]
    assert all(path.is_file() for path in paths)


def test_actions_of_a_picture_run_in_their_order(
    rt: Runtime, colours: Classifier, api_source: SourceRef
) -> None:
    add_rule(rt, colours, TURN, COPY, MOVE)
    prediction_id = send(rt, api_source)
    run(rt)
    done = actions(rt, prediction_id)
    assert [one.status for one in done] == ["done"] * 3
    assert done[0].finished_at <= done[1].finished_at <= done[2].finished_at  # type: ignore[operator]
    moved = Path(location(rt, prediction_id)["path"]).read_bytes()
    assert moved != picture("red")
    assert (rt.settings.sorted_dir / "colours" / "copies" / "a.png").read_bytes() == moved


def test_a_local_file_moves_and_comes_back(
    rt: Runtime, colours: Classifier, api_source: SourceRef, tmp_path: Path
) -> None:
    add_rule(rt, colours, MOVE)
    original = tmp_path / "in" / "scan 1.png"
    original.parent.mkdir()
    original.write_bytes(picture("red"))
    prediction_id = send(rt, api_source, location={"kind": "local", "path": str(original)})
    run(rt)
    assert not original.exists()
    [moved] = actions(rt, prediction_id)
    assert undo(rt, colours, moved.id).status == "undone"
    assert original.read_bytes() == picture("red")
    assert location(rt, prediction_id)["path"] == str(original)


def test_everything_is_undone_the_last_first(
    rt: Runtime, colours: Classifier, api_source: SourceRef
) -> None:
    add_rule(rt, colours, TURN, COPY, MOVE)
    prediction_id = send(rt, api_source)
    run(rt)
    first = actions(rt, prediction_id)[0]
    with rt.database.write() as session, pytest.raises(Conflict, match="undo that first"):
        effects.request_undo(session, colours.workspace_id, first.id)
    with rt.database.write() as session:
        effects.request_undo_all(session, colours.workspace_id, prediction_id)
    run(rt)
    assert [one.status for one in actions(rt, prediction_id)] == ["undone"] * 3
    sha256 = hashlib.sha256(picture("red")).hexdigest()
    assert location(rt, prediction_id) == {"kind": "held", "sha256": sha256}
    assert [path for path in rt.settings.sorted_dir.rglob("*") if path.is_file()] == []


def test_a_changed_file_is_not_undone_and_says_so(
    rt: Runtime, colours: Classifier, api_source: SourceRef
) -> None:
    add_rule(rt, colours, MOVE)
    prediction_id = send(rt, api_source)
    run(rt)
    path = Path(location(rt, prediction_id)["path"])
    path.write_bytes(b"somebody's work")
    refused = undo(rt, colours, actions(rt, prediction_id)[0].id)
    assert refused.status == "done"
    assert refused.error is not None
    assert path.name in refused.error
    assert path.read_bytes() == b"somebody's work"


def test_a_failed_step_stops_its_rule_and_is_told(
    rt: Runtime, colours: Classifier, api_source: SourceRef, tmp_path: Path
) -> None:
    add_rule(rt, colours, MOVE, COPY)
    add_rule(rt, colours, COPY)
    local = rt.settings.model_copy(update={"allow_private_addresses": ["127.0.0.1"]})
    wanted = outbound.subscription(local, "http://127.0.0.1:9/", ["action.failed"])
    with rt.database.write() as session:
        outbound.create_webhook(session, colours.workspace_id, wanted)
    gone = tmp_path / "gone.png"
    prediction_id = send(rt, api_source, location={"kind": "local", "path": str(gone)})
    run(rt)
    done = actions(rt, prediction_id)
    assert [one.status for one in done] == ["failed"] * 3
    assert done[1].error_code == "step_before_failed"
    assert done[2].error_code != "step_before_failed"
    with rt.database.read() as session:
        events = session.scalars(select(Event)).all()
    assert {event.payload["id"] for event in events} == {done[0].id, done[2].id}


def test_what_may_yet_succeed_is_tried_again_later(
    rt: Runtime, colours: Classifier, api_source: SourceRef
) -> None:
    add_rule(rt, colours, MOVE)
    rt.settings.sorted_dir.write_text("a file where a folder should be")
    prediction_id = send(rt, api_source)
    run(rt)
    [waiting] = actions(rt, prediction_id)
    assert (waiting.status, waiting.attempts) == ("planned", 1)
    assert waiting.due_at > utcnow()
    rt.settings.sorted_dir.unlink()
    with rt.database.write() as session:
        session.execute(update(Action).values(due_at=utcnow() - timedelta(seconds=1)))
    run(rt)
    assert actions(rt, prediction_id)[0].status == "done"


def test_a_worker_that_lost_its_lease_records_nothing(
    rt: Runtime, colours: Classifier, api_source: SourceRef
) -> None:
    add_rule(rt, colours, MOVE)
    prediction_id = send(rt, api_source)
    classify.step(rt)
    with rt.database.write() as session:
        [turn] = turns.claim(session, limit=1, seconds=15, suspects=1)
    with rt.database.write() as session:
        session.execute(update(Action).values(lease_until=utcnow() - timedelta(seconds=1)))
    run(rt)
    with pytest.raises(LostLease), rt.database.write() as session:
        effects.finish(session, turn.claim, {"to": "nowhere"}, None)
    [moved] = actions(rt, prediction_id)
    assert (moved.status, moved.strikes) == ("done", 1)


def test_a_picture_is_handed_on_once_and_never_in_a_circle(
    rt: Runtime, blobs: LocalBlobs, colours: Classifier, api_source: SourceRef
) -> None:
    with rt.database.write() as session:
        other = colour_classifier(session, blobs, colours.workspace_id, name="other")
    add_rule(rt, colours, TURN, {"kind": "classify", "params": {"classifier": "other"}})
    add_rule(rt, other, {"kind": "classify", "params": {"classifier": "colours"}})
    prediction_id = send(rt, api_source)
    run(rt)
    handed = actions(rt, prediction_id)[1]
    with rt.database.read() as session:
        child = session.get_one(Prediction, handed.detail["prediction_id"])
        assert child.classifier_id == other.id
        assert child.location != {"kind": "held", "sha256": hashlib.sha256(b"").hexdigest()}
        chain = session.scalars(select(Prediction).order_by(Prediction.id)).all()
        last = session.scalars(
            select(Action).where(Action.error_code == "handed_in_a_circle")
        ).all()
    assert len(chain) == 6
    assert len(last) == 1


def test_charlie_can_undo_nothing(
    rt: Runtime, colours: Classifier, api_source: SourceRef, charlie: Any
) -> None:
    add_rule(rt, colours, MOVE)
    prediction_id = send(rt, api_source)
    run(rt)
    [moved] = actions(rt, prediction_id)
    with rt.database.write() as session:
        with pytest.raises(NotFound):
            effects.request_undo(session, charlie.workspace_id, moved.id)
        with pytest.raises(NotFound):
            effects.request_undo_all(session, charlie.workspace_id, prediction_id)


def test_rules_refuse_what_cannot_work(
    rt: Runtime, colours: Classifier, settings: Settings
) -> None:
    from connector.errors import ColabelError

    def make(
        session: Session, mine: Classifier, label: str | None, wanted: list[dict[str, Any]]
    ) -> None:
        checked = rules.check_actions(settings, wanted)
        rules.create_rule(session, mine, label=label, actions=checked)

    bad: list[tuple[str | None, list[dict[str, Any]], str]] = [
        ("purple", [MOVE], "unknown_label"),
        ("red", [], "bad_actions"),
        ("red", [{"kind": "fly", "params": {}}], "unknown_action"),
        ("red", [{"kind": "move", "params": {}}], "bad_action_params"),
        ("red", [{"kind": "classify", "params": {"classifier": "colours"}}], "bad_action_params"),
        ("red", [{"kind": "classify", "params": {"classifier": "nobody"}}], "not_found"),
    ]
    for label, wanted, code in bad:
        with rt.database.write() as session:
            mine = session.get_one(Classifier, colours.id)
            with pytest.raises(ColabelError) as caught:
                make(session, mine, label, wanted)
            assert caught.value.code == code
    with rt.database.read() as session:
        assert rules.list_rules(session, colours) == []


def test_a_rule_keeps_its_versions(rt: Runtime, colours: Classifier) -> None:
    add_rule(rt, colours, MOVE)
    with rt.database.write() as session:
        mine = session.get_one(Classifier, colours.id)
        [rule] = rules.list_rules(session, mine)
        checked = rules.check_actions(rt.settings, [COPY])
        changed = rules.update_rule(session, mine, rule.rule_id, actions=checked)
        assert (changed.rule_id, changed.version) == (rule.rule_id, 2)
        assert [one.version for one in rules.list_rules(session, mine)] == [2]
        rules.delete_rule(session, mine, rule.rule_id)
        assert rules.list_rules(session, mine) == []
        assert classifiers.get_classifier(session, mine.workspace_id, mine.id) is mine
