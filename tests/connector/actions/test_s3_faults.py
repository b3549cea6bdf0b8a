"""What goes wrong between the service and a bucket: lost answers, refusals, careless stores."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from cloud import Cloud
from forgetful import ForgetfulStore

from connector.actions import get_action
from connector.actions.transfer import IntoFolder
from connector.errors import ActionFailed, Conflict, Unavailable
from connector.storage import open_objects

MOVE, COPY, ROTATE = (get_action(kind) for kind in ("move", "copy", "rotate"))
BESIDE = IntoFolder(folder="{label}")
KEY, TARGET = "in/x.jpg", "in/invoice/scan 1.jpg"
Behind = Callable[..., None]


@pytest.fixture
def behind(cloud: Cloud, bucket: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Behind]:
    """Put a careless store between the actions and the bucket."""
    stores: list[ForgetfulStore] = []

    def begin(**faults: Any) -> None:
        stores.append(ForgetfulStore(bucket.server.url, **faults))
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", stores[-1].url)
        open_objects(cloud.name).close()

    yield begin
    open_objects(cloud.name).close()
    for store in stores:
        store.close()


def is_picture(path: str) -> bool:
    return path.endswith(".jpg") and ".colabel-" not in path


def test_an_answer_that_is_lost_doubles_nothing(cloud, behind):
    location, lost = cloud.put(KEY), []

    def lose_first(method: str, path: str) -> bool:
        first = method in ("PUT", "DELETE") and is_picture(path) and (method not in lost)
        lost.extend([method] if first else [])
        return first

    behind(after=lose_first)
    outcome = MOVE.execute(BESIDE, location, cloud.desk.context())
    assert cloud.objects() == {TARGET: b"picture"}
    assert (sorted(lost), outcome.detail["kept"]) == (["DELETE", "PUT"], None)


def test_a_key_taken_in_the_very_moment_is_not_overwritten(cloud, behind):
    location, rivals = cloud.put(KEY), []

    def rival(method: str, path: str) -> None:
        if method == "PUT" and is_picture(path) and not rivals:
            rivals.append(path)
            cloud.write(TARGET, b"rival")

    behind(before=rival)
    MOVE.execute(BESIDE, location, cloud.desk.context())
    numbered = TARGET.replace(".jpg", " (2).jpg")
    assert cloud.objects() == {TARGET: b"rival", numbered: b"picture"}


def test_a_source_replaced_while_it_is_deleted_stays(cloud, behind):
    location, newer = cloud.put(KEY), []

    def replace(method: str, path: str) -> None:
        if method == "DELETE" and path.endswith("/x.jpg") and not newer:
            newer.append(path)
            cloud.write(KEY, b"newer")

    behind(before=replace)
    outcome = MOVE.execute(BESIDE, location, cloud.desk.context())
    assert cloud.objects() == {KEY: b"newer", TARGET: b"picture"}
    assert "changed after it was copied" in outcome.detail["kept"]


def test_an_object_that_must_not_be_deleted_leaves_one_picture(cloud, behind):
    location = cloud.put(KEY)

    def forbid(method: str, path: str, headers: Any) -> int | None:
        return 403 if method == "DELETE" and path.endswith("/x.jpg") else None

    behind(instead=forbid)
    with pytest.raises(ActionFailed, match="check the credentials") as caught:
        MOVE.execute(BESIDE, location, cloud.desk.context())
    assert caught.value.permanent
    assert cloud.objects() == {KEY: b"picture"}


def test_a_store_that_is_away_is_waited_for(cloud, behind):
    location, away = cloud.put(KEY), [True]
    behind(instead=lambda method, path, headers: 503 if away else None)
    with pytest.raises(Unavailable, match="tried again") as caught:
        MOVE.execute(BESIDE, location, cloud.desk.context())
    assert not caught.value.permanent
    away.clear()
    MOVE.execute(BESIDE, location, cloud.desk.context())
    assert cloud.objects() == {TARGET: b"picture"}


@pytest.mark.parametrize("versions", [False, True])
def test_a_store_without_conditional_deletes_moves_only_with_versions(cloud, behind, versions):
    if versions:
        cloud.versioned()
    location = cloud.put(KEY)
    behind(forgets={"DELETE": "if-match"})
    if versions:
        detail = MOVE.execute(BESIDE, location, cloud.desk.context()).detail
        assert cloud.objects() == {TARGET: b"picture"}
        cloud.desk.stored = "{}"
        MOVE.undo(BESIDE, detail, location, cloud.desk.context())
        assert cloud.objects() == {KEY: b"picture"}
        return
    with pytest.raises(ActionFailed, match="use the action “copy”"):
        MOVE.execute(BESIDE, location, cloud.desk.context())
    assert cloud.objects() == {KEY: b"picture"}
    detail = COPY.execute(BESIDE, location, cloud.desk.context("act_2")).detail
    cloud.desk.stored = "{}"
    with pytest.raises(ActionFailed, match="nothing was deleted"):
        COPY.undo(BESIDE, detail, location, cloud.desk.context("act_2"))
    assert cloud.objects() == {KEY: b"picture", TARGET: b"picture"}


def test_nothing_is_written_to_a_store_that_would_overwrite(cloud, behind):
    location = cloud.put(KEY)
    behind(forgets={"PUT": "if-none-match"})
    with pytest.raises(ActionFailed, match="If-None-Match") as caught:
        MOVE.execute(BESIDE, location, cloud.desk.context())
    assert caught.value.code == "store_not_conditional"
    assert cloud.objects() == {KEY: b"picture"}


def test_where_markers_may_not_be_removed_undo_writes_the_object_again(cloud, behind):
    cloud.versioned()
    location = cloud.put(KEY)
    detail = MOVE.execute(BESIDE, location, cloud.desk.context()).detail
    assert detail["marker"]
    cloud.desk.stored = "{}"
    behind(
        instead=lambda method, path, headers: (
            403 if method == "DELETE" and "versionId" in path else None
        )
    )
    back = MOVE.undo(BESIDE, detail, location, cloud.desk.context())
    assert cloud.objects() == {KEY: b"picture"}
    assert back.location is not None
    assert back.location["version"] not in (None, location["version"])


def test_a_newer_object_under_the_old_key_is_not_hidden_again_by_undo(cloud):
    cloud.versioned()
    location = cloud.put(KEY)
    detail = MOVE.execute(BESIDE, location, cloud.desk.context()).detail
    cloud.desk.stored = "{}"
    cloud.write(KEY, b"newcomer")
    with pytest.raises(Conflict, match="another file"):
        MOVE.undo(BESIDE, detail, location, cloud.desk.context())
    cloud.delete(KEY)
    # Hidden by their marker now, not by ours: what is beneath is theirs to uncover.
    MOVE.undo(BESIDE, detail, location, cloud.desk.context())
    assert cloud.objects() == {KEY: b"picture"}
