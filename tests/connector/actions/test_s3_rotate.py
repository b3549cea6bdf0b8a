"""Rotating an object where it lies: once, under a condition, and back to the very same bytes."""

from __future__ import annotations

import io

import pytest
from PIL import Image
from turning import encoded, noise

from connector.actions import get_action
from connector.actions.rotate import RotateParams
from connector.actions.transfer import IntoFolder
from connector.errors import ActionFailed, Conflict

ROTATE, MOVE = get_action("rotate"), get_action("move")
QUARTER = RotateParams(degrees=90)
DATA = encoded(noise((64, 32)), "JPEG")
KEY = "in/übung.jpg"


def size(data: bytes) -> tuple[int, int]:
    with Image.open(io.BytesIO(data)) as image:
        return image.size


@pytest.mark.parametrize("versions", [False, True])
def test_an_object_is_turned_and_restored_to_the_byte(cloud, versions):
    if versions:
        cloud.versioned()
    location = cloud.put(KEY, DATA)
    outcome = ROTATE.execute(QUARTER, location, cloud.desk.context())
    turned = cloud.get(KEY)
    assert outcome.detail["how"] == "lossless_dct"
    assert size(turned["Body"]) == (32, 64)
    assert turned["Metadata"] == {"from": "scanner", "colabel-action": "act_1"}
    assert (turned["ContentType"], turned["Tags"]["year"]) == ("image/x-test", "2026")
    assert outcome.location is not None
    assert outcome.location["etag"] == turned["ETag"]
    cloud.desk.stored = "{}"
    back = ROTATE.undo(QUARTER, outcome.detail, location, cloud.desk.context())
    assert cloud.objects() == {KEY: DATA}
    assert back.location is not None
    assert back.location["sha256"] == outcome.detail["before"]


def test_what_follows_works_on_the_turned_object_and_is_undone_in_reverse(cloud):
    location = cloud.put(KEY, DATA)
    turned = ROTATE.execute(QUARTER, location, cloud.desk.context())
    cloud.desk.stored = "{}"
    beside = IntoFolder(folder="{label}")
    moved = MOVE.execute(beside, turned.location, cloud.desk.context("act_2"))
    assert [size(data) for data in cloud.objects().values()] == [(32, 64)]
    cloud.desk.stored = "{}"
    MOVE.undo(beside, moved.detail, turned.location, cloud.desk.context("act_2"))
    cloud.desk.stored = "{}"
    ROTATE.undo(QUARTER, turned.detail, location, cloud.desk.context())
    assert cloud.objects() == {KEY: DATA}


def test_an_object_that_was_changed_is_left(cloud):
    location = cloud.put(KEY, DATA)
    detail = ROTATE.execute(QUARTER, location, cloud.desk.context()).detail
    cloud.desk.stored = "{}"
    cloud.write(KEY, b"edited")
    with pytest.raises(Conflict, match="has changed since"):
        ROTATE.undo(QUARTER, detail, location, cloud.desk.context())
    with pytest.raises(ActionFailed, match="changed since it was classified"):
        ROTATE.execute(QUARTER, location, cloud.desk.context("act_2"))
    cloud.delete(KEY)
    with pytest.raises(Conflict, match="not there any more"):
        ROTATE.undo(QUARTER, detail, location, cloud.desk.context())


def test_an_object_that_changes_while_it_is_turned_is_left(cloud):
    location, context = cloud.put(KEY, DATA), cloud.desk.context()
    context.record = lambda journal: cloud.write(KEY, b"edited") and None
    with pytest.raises(ActionFailed, match="has changed since"):
        ROTATE.execute(QUARTER, location, context)
    assert cloud.objects() == {KEY: b"edited"}


@pytest.mark.parametrize("phase", ["do", "undo"])
def test_a_crash_at_any_step_never_turns_twice(every_crash, clouds, phase):
    def prepare(desk):
        desk.cloud = clouds(desk)
        location = desk.cloud.put(KEY, DATA)
        if phase == "do":
            return lambda: ROTATE.execute(QUARTER, location, desk.context())
        detail = ROTATE.execute(QUARTER, location, desk.context()).detail
        return lambda: ROTATE.undo(QUARTER, detail, location, desk.context())

    def check(desk, outcome):
        [(key, data)] = desk.cloud.objects().items()
        assert key == KEY
        assert data == DATA if phase == "undo" else size(data) == (32, 64)
        assert outcome.location["etag"] == desk.cloud.get(KEY)["ETag"]

    assert every_crash(prepare, check) >= 4
