"""Moving: nothing lost, doubled or overwritten, whatever happens in between."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import random
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from connector.actions import get_action, held, local
from connector.actions.transfer import IntoFolder
from connector.errors import ActionFailed, BadRequest, Conflict, LostLease

MOVE = get_action("move")
PARAMS = IntoFolder(folder="{label}")
TARGET = "data/sorted/Papers/invoice/scan 1.jpg"


def test_moves_a_local_file_with_its_bytes_time_and_permissions(desk):
    path = desk.file("in/x.jpg")
    path.chmod(0o604)
    outcome = MOVE.execute(PARAMS, local(path), desk.context())
    target = desk.root / TARGET
    assert desk.files() == {TARGET: b"picture"}
    assert outcome.location is not None
    assert outcome.location["path"] == str(target)
    assert stat.S_IMODE(target.stat().st_mode) == 0o604
    assert target.stat().st_mtime_ns == 1_600_000_000_123_456_789


def test_a_held_picture_is_written_and_its_blob_stays(desk):
    sha256 = desk.blobs.put(b"picture")
    outcome = MOVE.execute(PARAMS, held(sha256), desk.context())
    assert desk.files() == {TARGET: b"picture"}
    assert desk.blobs.read(sha256) == b"picture"
    assert outcome.location == local(desk.root / TARGET, sha256)
    back = MOVE.undo(PARAMS, outcome.detail, held(sha256), desk.context())
    assert back.location == held(sha256)
    assert desk.files() == {}


def test_taken_names_are_numbered_and_never_overwritten(desk):
    for number in range(1, 41):
        source = desk.file("in/x.jpg", b"%d" % number)
        desk.stored = "{}"
        MOVE.execute(PARAMS, local(source), desk.context(f"act_{number}"))
    expected = {TARGET: b"1"}
    expected |= {TARGET.replace(".jpg", f" ({n}).jpg"): b"%d" % n for n in range(2, 41)}
    assert desk.files() == expected


def test_a_name_taken_in_the_very_moment_is_not_overwritten(desk, monkeypatch):
    source, real, rivals = desk.file("in/x.jpg"), os.link, []

    def link(src: Path, dst: Path, **kwargs: Any) -> None:
        if not rivals:
            rivals.append(dst)
            Path(dst).write_bytes(b"rival")
        real(src, dst, **kwargs)

    monkeypatch.setattr(os, "link", link)
    MOVE.execute(PARAMS, local(source), desk.context())
    assert desk.files() == {TARGET: b"rival", TARGET.replace("1.jpg", "1 (2).jpg"): b"picture"}


def test_a_file_that_lies_there_already_is_left(desk):
    path = desk.file(TARGET)
    outcome = MOVE.execute(PARAMS, local(path), desk.context())
    assert outcome.detail["how"] == "already_there"
    assert desk.files() == {TARGET: b"picture"}
    assert MOVE.undo(PARAMS, outcome.detail, local(path), desk.context()).location == local(path)


def test_a_missing_source_is_a_sentence_and_final(desk):
    with pytest.raises(ActionFailed, match="not there any more") as caught:
        MOVE.execute(PARAMS, local(desk.root / "no.jpg"), desk.context())
    assert caught.value.permanent
    assert desk.files() == {}


def test_a_source_that_is_a_link_is_refused(desk):
    desk.file("in/real.jpg")
    (desk.root / "in/link.jpg").symlink_to(desk.root / "in/real.jpg")
    with pytest.raises(ActionFailed, match="use the file itself"):
        MOVE.execute(PARAMS, local(desk.root / "in/link.jpg"), desk.context())


def test_content_that_was_not_classified_is_not_moved(desk):
    path = desk.file("in/x.jpg")
    with pytest.raises(ActionFailed, match="changed since it was classified"):
        MOVE.execute(PARAMS, local(path, "0" * 64), desk.context())
    assert desk.files() == {"in/x.jpg": b"picture"}


def test_a_source_rewritten_after_the_copy_stays(desk, monkeypatch):
    path, real = desk.file("in/x.jpg"), os.link

    def link(src: Path, dst: Path, **kwargs: Any) -> None:
        real(src, dst, **kwargs)
        path.write_bytes(b"edited!")

    monkeypatch.setattr(os, "link", link)
    outcome = MOVE.execute(PARAMS, local(path), desk.context())
    assert desk.files() == {"in/x.jpg": b"edited!", TARGET: b"picture"}
    assert "changed after it was copied" in outcome.detail["kept"]


def test_a_source_exchanged_while_it_is_deleted_gets_its_name_back(desk, monkeypatch):
    path, real = desk.file("in/x.jpg"), os.rename

    def rename(src: Path, dst: Path, **kwargs: Any) -> None:
        path.write_bytes(b"edited!")
        real(src, dst, **kwargs)

    monkeypatch.setattr(os, "rename", rename)
    MOVE.execute(PARAMS, local(path), desk.context())
    assert desk.files() == {"in/x.jpg": b"edited!", TARGET: b"picture"}


def test_a_full_disk_is_tried_again_and_leaves_nothing(desk, monkeypatch):
    path, real = desk.file("in/x.jpg"), os.write

    def full(descriptor: int, data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(ActionFailed, match="free some space") as caught:
        MOVE.execute(PARAMS, local(path), desk.context())
    assert not caught.value.permanent
    assert desk.files() == {"in/x.jpg": b"picture"}
    monkeypatch.setattr(os, "write", real)
    MOVE.execute(PARAMS, local(path), desk.context())
    assert desk.files() == {TARGET: b"picture"}


@pytest.mark.parametrize("held_picture", [False, True])
@pytest.mark.parametrize("links", [True, False])
def test_a_crash_at_any_step_of_a_move_is_healed(every_crash, monkeypatch, held_picture, links):
    if not links:

        def no_links(*args: Any, **kwargs: Any) -> None:
            raise OSError(errno.EPERM, "Operation not permitted")

        monkeypatch.setattr(os, "link", no_links)

    def prepare(desk):
        desk.file(TARGET, b"other")
        if held_picture:
            location = held(desk.blobs.put(b"picture"))
        else:
            location = local(desk.file("in/x.jpg"))
        return lambda: MOVE.execute(PARAMS, location, desk.context())

    def check(desk, outcome):
        moved = TARGET.replace("1.jpg", "1 (2).jpg")
        assert desk.files() == {TARGET: b"other", moved: b"picture"}
        assert outcome.location["path"] == str(desk.root / moved)
        if not held_picture:
            assert (desk.root / moved).stat().st_mtime_ns == 1_600_000_000_123_456_789

    assert every_crash(prepare, check) > 20


@pytest.mark.parametrize("held_picture", [False, True])
def test_a_crash_at_any_step_of_an_undo_is_healed(every_crash, held_picture):
    def prepare(desk):
        if held_picture:
            location = held(desk.blobs.put(b"picture"))
        else:
            location = local(desk.file("in/x.jpg"))
        detail = MOVE.execute(PARAMS, location, desk.context()).detail
        return lambda: MOVE.undo(PARAMS, detail, location, desk.context())

    def check(desk, outcome):
        if held_picture:
            assert desk.files() == {}
            return
        assert desk.files() == {"in/x.jpg": b"picture"}
        assert (desk.root / "in/x.jpg").stat().st_mtime_ns == 1_600_000_000_123_456_789
        assert outcome.location["path"] == str(desk.root / "in/x.jpg")

    assert every_crash(prepare, check) >= (4 if held_picture else 20)


def test_undo_leaves_a_changed_file_and_says_which(desk):
    detail = MOVE.execute(PARAMS, local(desk.file("in/x.jpg")), desk.context()).detail
    (desk.root / TARGET).write_bytes(b"edited")
    with pytest.raises(Conflict, match=r"scan 1\.jpg has changed since"):
        MOVE.undo(PARAMS, detail, detail["from"], desk.context())
    assert desk.files() == {TARGET: b"edited"}


def test_undo_does_not_overwrite_what_took_the_old_place(desk):
    detail = MOVE.execute(PARAMS, local(desk.file("in/x.jpg")), desk.context()).detail
    desk.file("in/x.jpg", b"newcomer")
    with pytest.raises(Conflict, match="another file"):
        MOVE.undo(PARAMS, detail, detail["from"], desk.context())
    assert desk.files() == {TARGET: b"picture", "in/x.jpg": b"newcomer"}


def test_undo_of_a_file_that_is_gone_says_so(desk):
    detail = MOVE.execute(PARAMS, local(desk.file("in/x.jpg")), desk.context()).detail
    (desk.root / TARGET).unlink()
    with pytest.raises(Conflict, match="not there any more"):
        MOVE.undo(PARAMS, detail, detail["from"], desk.context())


def test_an_absolute_folder_must_be_allowed(desk):
    allowed = IntoFolder(folder=f"{desk.root}/out/{{label}}")
    MOVE.check(allowed, desk.settings)
    MOVE.execute(allowed, local(desk.file("in/x.jpg")), desk.context())
    assert desk.files() == {"out/invoice/scan 1.jpg": b"picture"}
    for folder in ("/etc/{label}", f"{desk.root}/outside", f"{desk.root}", "/{label}"):
        with pytest.raises(BadRequest, match="COLABEL_FOLDERS"):
            MOVE.check(IntoFolder(folder=folder), desk.settings)


def test_a_link_that_leads_out_of_the_folder_is_refused(desk):
    (desk.root / "data/sorted/Papers").mkdir(parents=True)
    (desk.root / "elsewhere").mkdir()
    (desk.root / "data/sorted/Papers/invoice").symlink_to(desk.root / "elsewhere")
    with pytest.raises(ActionFailed, match="leads out of"):
        MOVE.execute(PARAMS, local(desk.file("in/x.jpg")), desk.context())
    assert desk.files() == {"in/x.jpg": b"picture"}


@pytest.mark.parametrize(
    "label",
    ["../..", "a/b", "CON", "x" * 300, ".", "", "..\\..", "a\x00b", "日本" * 200, "\u202egpj"],
)
def test_hostile_labels_and_names_stay_inside(desk, label):
    desk.prediction |= {"label": label, "name": label}
    outcome = MOVE.execute(IntoFolder(folder="{label}"), local(desk.file("in/x")), desk.context())
    path = Path(outcome.detail["to"])
    assert path.relative_to(desk.root / "data/sorted/Papers").parts[0]
    assert len(path.relative_to(desk.root / "data/sorted/Papers").parts) == 2
    assert list(desk.files().values()) == [b"picture"]


def test_a_lost_lease_stops_before_anything_is_visible(desk):
    context = desk.context()

    def lost(journal: dict[str, Any]) -> None:
        raise LostLease("Another worker has this action.")

    context.record = lost
    with pytest.raises(LostLease):
        MOVE.execute(PARAMS, local(desk.file("in/x.jpg")), context)
    assert desk.files()["in/x.jpg"] == b"picture"


WORKER = """
import json, sys
from datetime import UTC, datetime
from pathlib import Path
from connector.actions import Context, get_action, local
from connector.settings import Settings
from connector.storage import LocalBlobs
root = Path(sys.argv[1])
move, settings = get_action("move"), Settings(data_dir=root / "data")
print("ready", flush=True)
for source in sorted(json.loads((root / "todo.json").read_text())):
    action_id = Path(source).stem
    done, journal = root / f"{action_id}.done", root / f"{action_id}.journal"
    if done.exists():
        continue
    def record(value):
        scratch = journal.with_suffix(".new")
        scratch.write_text(json.dumps(value))
        scratch.replace(journal)
    prediction = {"id": action_id, "label": "a", "classifier_name": "c", "name": "same.jpg",
                  "created_at": datetime.now(UTC)}
    context = Context(action_id, prediction, LocalBlobs(root / "blobs"), settings,
                      settings.sorted_dir, record, lambda *event: None,
                      json.loads(journal.read_text()) if journal.exists() else {})
    move.execute(move.Params(folder="{label}"), local(source), context)
    done.touch()
"""


def test_kill_9_in_a_loop_loses_and_doubles_nothing(tmp_path):
    sources = [tmp_path / "in" / f"{number:03}.jpg" for number in range(80)]
    (tmp_path / "in").mkdir()
    for source in sources:
        source.write_bytes(source.stem.encode() * 20_000)
    (tmp_path / "todo.json").write_text(json.dumps([str(path) for path in sources]))
    deadline, kills = time.monotonic() + 60, 0
    while True:
        assert time.monotonic() < deadline
        with subprocess.Popen(
            [sys.executable, "-c", WORKER, str(tmp_path)], stdout=subprocess.PIPE
        ) as worker:
            assert worker.stdout is not None
            assert worker.stdout.readline() == b"ready\n"
            try:
                assert worker.wait(0.015 + 0.02 * kills if kills < 3 else 60) == 0
                break
            except subprocess.TimeoutExpired:
                worker.send_signal(signal.SIGKILL)
                kills += 1
    left = [path for path in tmp_path.rglob("*") if path.suffix in (".jpg", ".part", ".old")]
    assert sorted(path.read_bytes() for path in left) == [
        path.stem.encode() * 20_000 for path in sources
    ]
    assert {path.parent for path in left} == {tmp_path / "data/sorted/c/a"}
    assert kills


def test_two_crashes_in_a_row_are_healed_too(new_desk, power_tools, monkeypatch):
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
    chance = random.Random(7)
    for _ in range(80):
        desk = new_desk()
        source = local(desk.file("in/x.jpg"))
        for _ in range(2):
            desk.power = power_tools.switch(at=chance.randint(1, 14), after=chance.random() < 0.5)
            with power_tools.between(desk.power), contextlib.suppress(power_tools.cut):
                MOVE.execute(PARAMS, source, desk.context())
        desk.power = power_tools.switch()
        outcome = MOVE.execute(PARAMS, source, desk.context())
        assert desk.files() == {TARGET: b"picture"}
        assert outcome.detail["how"] == "moved"


def test_a_source_that_must_not_be_deleted_leaves_one_picture(desk, monkeypatch):
    path = desk.file("in/x.jpg")

    def forbidden(*args: Any, **kwargs: Any) -> None:
        if args[0] == path:
            raise OSError(errno.EACCES, "Permission denied")
        real(*args, **kwargs)

    real = os.rename
    monkeypatch.setattr(os, "rename", forbidden)
    with pytest.raises(ActionFailed, match="check the folder and the rights") as caught:
        MOVE.execute(PARAMS, local(path), desk.context())
    assert caught.value.permanent
    assert desk.files() == {"in/x.jpg": b"picture"}
    monkeypatch.setattr(os, "rename", real)
    MOVE.execute(PARAMS, local(path), desk.context())
    assert desk.files() == {TARGET: b"picture"}


def test_the_source_stays_when_the_copy_is_taken_away_before_a_retry(desk):
    path = desk.file("in/x.jpg")

    class Placed(Exception):
        """The worker dies right after it has noted that the copy is placed."""

    def dies_when_placed(journal: dict[str, Any]) -> None:
        desk.record(journal)
        if journal["do"].get("placed"):
            raise Placed

    context = desk.context()
    context.record = dies_when_placed
    with pytest.raises(Placed):
        MOVE.execute(PARAMS, local(path), context)
    (desk.root / TARGET).unlink()
    outcome = MOVE.execute(PARAMS, local(path), desk.context())
    assert desk.files()["in/x.jpg"] == b"picture"
    assert outcome.location is None
    assert "left where it is" in outcome.detail["kept"]
