"""Copying: the original stays, the copy is written once and can be taken away again."""

from __future__ import annotations

import pytest

from connector.actions import get_action, held, local
from connector.actions.transfer import IntoFolder
from connector.errors import Conflict

COPY = get_action("copy")
PARAMS = IntoFolder(folder="{label}")
TARGET = "data/sorted/Papers/invoice/scan 1.jpg"


def test_the_original_and_its_location_stay(desk):
    path = desk.file("in/x.jpg")
    outcome = COPY.execute(PARAMS, local(path), desk.context())
    assert outcome.location is None
    assert desk.files() == {TARGET: b"picture", "in/x.jpg": b"picture"}
    COPY.undo(PARAMS, outcome.detail, local(path), desk.context())
    assert desk.files() == {"in/x.jpg": b"picture"}


def test_a_copy_into_the_same_folder_gets_another_name(desk):
    path = desk.file(TARGET)
    COPY.execute(PARAMS, local(path), desk.context())
    assert desk.files() == {TARGET: b"picture", TARGET.replace("1.jpg", "1 (2).jpg"): b"picture"}


@pytest.mark.parametrize("phase", ["do", "undo"])
def test_a_crash_at_any_step_is_healed(every_crash, phase):
    def prepare(desk):
        location = held(desk.blobs.put(b"picture"))
        if phase == "do":
            return lambda: COPY.execute(PARAMS, location, desk.context())
        detail = COPY.execute(PARAMS, location, desk.context()).detail
        return lambda: COPY.undo(PARAMS, detail, location, desk.context())

    def check(desk, outcome):
        assert desk.files() == ({TARGET: b"picture"} if phase == "do" else {})

    assert every_crash(prepare, check) >= 4


def test_an_edited_copy_is_left(desk):
    detail = COPY.execute(PARAMS, local(desk.file("in/x.jpg")), desk.context()).detail
    (desk.root / TARGET).write_bytes(b"edited")
    with pytest.raises(Conflict, match="has changed since"):
        COPY.undo(PARAMS, detail, detail["from"], desk.context())
    assert (desk.root / TARGET).read_bytes() == b"edited"


def test_a_copy_that_somebody_deleted_is_said_to_be_gone(desk):
    detail = COPY.execute(PARAMS, local(desk.file("in/x.jpg")), desk.context()).detail
    (desk.root / TARGET).unlink()
    with pytest.raises(Conflict, match="not there any more"):
        COPY.undo(PARAMS, detail, detail["from"], desk.context())
