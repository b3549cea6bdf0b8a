"""Rotating a picture where it lies: once, atomically, and back to the very same bytes."""

from __future__ import annotations

import io
import stat

import pytest
from PIL import Image
from pydantic import ValidationError

from connector.actions import get_action, held, local
from connector.actions.rotate import RotateParams
from connector.errors import ActionFailed, Conflict

ROTATE = get_action("rotate")
QUARTER = RotateParams(degrees=90)
UPRIGHT = RotateParams(to_upright=True)
TIME = 1_600_000_000_123_456_789


def picture(kind: str = "JPEG") -> bytes:
    image = Image.linear_gradient("L").resize((64, 32)).convert("RGB")
    out = io.BytesIO()
    image.save(out, kind)
    return out.getvalue()


def size(data: bytes) -> tuple[int, int]:
    with Image.open(io.BytesIO(data)) as image:
        return image.size


def test_a_local_file_is_turned_and_restored_to_the_byte(desk):
    data = picture()
    path = desk.file("in/a.jpg", data)
    path.chmod(0o604)
    outcome = ROTATE.execute(QUARTER, local(path), desk.context())
    assert outcome.detail["how"] == "lossless_dct"
    assert size(path.read_bytes()) == (32, 64)
    assert stat.S_IMODE(path.stat().st_mode) == 0o604
    assert path.stat().st_mtime_ns != TIME
    back = ROTATE.undo(QUARTER, outcome.detail, local(path), desk.context())
    assert desk.files() == {"in/a.jpg": data}
    assert path.stat().st_mtime_ns == TIME
    assert back.location == local(path, outcome.detail["before"])


def test_a_held_picture_becomes_another_blob(desk):
    sha256 = desk.blobs.put(picture("PNG"))
    outcome = ROTATE.execute(QUARTER, held(sha256), desk.context())
    assert outcome.location == held(outcome.detail["after"])
    assert size(desk.blobs.read(outcome.detail["after"])) == (32, 64)
    undone = ROTATE.undo(QUARTER, outcome.detail, held(sha256), desk.context())
    assert undone.location == held(sha256)


def test_a_held_original_that_is_gone_cannot_be_restored(desk):
    sha256 = desk.blobs.put(picture())
    detail = ROTATE.execute(QUARTER, held(sha256), desk.context()).detail
    desk.blobs.delete(sha256)
    with pytest.raises(Conflict, match="no longer kept"):
        ROTATE.undo(QUARTER, detail, held(sha256), desk.context())


def test_an_upright_picture_is_not_touched(desk):
    desk.prediction["label"] = "upright"
    path = desk.file("in/a.jpg", picture())
    outcome = ROTATE.execute(UPRIGHT, local(path), desk.context())
    assert (outcome.location, outcome.detail["how"]) == (None, "unchanged")
    assert path.stat().st_mtime_ns == TIME
    assert ROTATE.undo(UPRIGHT, outcome.detail, local(path), desk.context()).location is None


def test_the_label_decides_the_turn(desk):
    turns = {}
    for label in ("left", "right", "upside_down"):
        desk.prediction["label"] = label
        sha256 = desk.blobs.put(picture())
        turns[label] = ROTATE.execute(UPRIGHT, held(sha256), desk.context()).detail["degrees"]
    assert turns == {"left": 90, "right": 270, "upside_down": 180}


def test_a_label_that_is_no_orientation_fails_for_good(desk):
    with pytest.raises(ActionFailed, match="names no orientation") as caught:
        ROTATE.execute(UPRIGHT, local(desk.file("in/a.jpg", picture())), desk.context())
    assert caught.value.permanent


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_a_crash_at_any_step_never_turns_twice(every_crash, kind):
    data = picture(kind)

    def prepare(desk):
        path = desk.file("in/a.img", data)
        return lambda: ROTATE.execute(QUARTER, local(path), desk.context())

    def check(desk, outcome):
        assert list(desk.files()) == ["in/a.img"]
        assert size(desk.files()["in/a.img"]) == (32, 64)
        assert desk.blobs.read(outcome.detail["before"]) == data

    assert every_crash(prepare, check) > 20


def test_a_crash_at_any_step_of_the_undo_is_healed(every_crash):
    data = picture()

    def prepare(desk):
        path = desk.file("in/a.jpg", data)
        detail = ROTATE.execute(QUARTER, local(path), desk.context()).detail
        return lambda: ROTATE.undo(QUARTER, detail, local(path), desk.context())

    def check(desk, outcome):
        assert desk.files() == {"in/a.jpg": data}
        assert (desk.root / "in/a.jpg").stat().st_mtime_ns == TIME

    assert every_crash(prepare, check) > 10


def test_a_file_that_changes_while_it_is_turned_is_left(desk, monkeypatch):
    path = desk.file("in/a.jpg", picture())
    context = desk.context()
    context.record = lambda journal: path.write_bytes(b"edited") and None
    with pytest.raises(ActionFailed, match="has changed since"):
        ROTATE.execute(QUARTER, local(path), context)
    assert desk.files() == {"in/a.jpg": b"edited"}


def test_undo_leaves_a_file_that_was_changed_or_is_gone(desk):
    path = desk.file("in/a.jpg", picture())
    detail = ROTATE.execute(QUARTER, local(path), desk.context()).detail
    path.write_bytes(b"edited")
    with pytest.raises(Conflict, match="has changed since"):
        ROTATE.undo(QUARTER, detail, local(path), desk.context())
    path.unlink()
    with pytest.raises(Conflict, match="not there any more"):
        ROTATE.undo(QUARTER, detail, local(path), desk.context())


@pytest.mark.parametrize("params", [{}, {"degrees": 45}, {"degrees": 90, "to_upright": True}])
def test_parameters_that_say_nothing_or_too_much_are_refused(params):
    with pytest.raises(ValidationError):
        RotateParams(**params)
