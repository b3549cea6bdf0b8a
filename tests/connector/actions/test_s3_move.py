"""Moving and copying in buckets: nothing lost, doubled or overwritten, whatever happens."""

from __future__ import annotations

import contextlib
import json
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cloud import Cloud

from connector.actions import get_action, held, local
from connector.actions.transfer import IntoFolder
from connector.errors import ActionFailed, BadRequest, Conflict
from connector.storage import open_objects

MOVE, COPY = get_action("move"), get_action("copy")
BESIDE = IntoFolder(folder="{label}")
KEY, TARGET = "in/été 1+1 日本.jpg", "in/invoice/scan 1.jpg"


def into(cloud: Cloud, **fields: Any) -> IntoFolder:
    return IntoFolder(folder=cloud.folder("{label}"), **fields)


@pytest.mark.parametrize("versions", [False, True])
def test_an_object_moves_beside_itself_and_back_with_all_that_it_carries(cloud, versions):
    if versions:
        cloud.versioned()
    location = cloud.put(KEY)
    was = cloud.get(KEY)
    outcome = MOVE.execute(BESIDE, location, cloud.desk.context())
    assert cloud.objects() == {TARGET: b"picture"}
    moved = cloud.get(TARGET)
    assert (moved["ContentType"], moved["CacheControl"]) == ("image/x-test", "max-age=7")
    assert moved["Metadata"] == {"from": "scanner", "colabel-action": "act_1"}
    assert moved["Tags"] == {"year": "2026", "who": "A B"}
    assert outcome.location is not None
    assert outcome.location["key"] == cloud.prefix + TARGET
    assert (outcome.location["etag"], outcome.location["source_id"]) == (moved["ETag"], "src_1")
    cloud.desk.stored = "{}"
    back = MOVE.undo(BESIDE, outcome.detail, location, cloud.desk.context())
    assert cloud.objects() == {KEY: b"picture"}
    now = cloud.get(KEY)
    for name in ("ContentType", "CacheControl", "Tags"):
        assert now[name] == was[name]
    assert back.location is not None
    assert back.location["etag"] == now["ETag"]
    if versions:
        # The very object: uncovered, not written again.
        assert (now["VersionId"], now["LastModified"]) == (was["VersionId"], was["LastModified"])
        assert cloud.versions(KEY) == [was["VersionId"]]


def test_a_move_hides_only_what_it_copied_in_a_bucket_with_versions(cloud):
    cloud.versioned()
    old = cloud.write("in/x.jpg", b"older picture")
    location = cloud.put("in/x.jpg")
    MOVE.execute(BESIDE, location, cloud.desk.context())
    assert cloud.versions("in/x.jpg")[0] == "marker"
    assert set(cloud.versions("in/x.jpg")) == {"marker", location["version"], old["version"]}


def test_a_taken_key_is_numbered_and_never_overwritten(cloud):
    cloud.write(TARGET, b"other")
    for number in range(2, 5):
        location = cloud.put("in/x.jpg", b"%d" % number)
        cloud.desk.stored = "{}"
        MOVE.execute(BESIDE, location, cloud.desk.context(f"act_{number}"))
    expected = {TARGET.replace(".jpg", f" ({n}).jpg"): b"%d" % n for n in range(2, 5)}
    assert cloud.objects() == {TARGET: b"other", **expected}


def test_between_a_folder_and_a_bucket_both_ways(cloud):
    path = cloud.desk.file("in/x.jpg")
    up = MOVE.execute(into(cloud), local(path), cloud.desk.context())
    assert cloud.desk.files() == {}
    assert cloud.objects() == {"invoice/scan 1.jpg": b"picture"}
    assert cloud.get("invoice/scan 1.jpg")["ContentType"] == "image/jpeg"
    cloud.desk.stored = "{}"
    down = IntoFolder(folder=f"{cloud.desk.root}/out/{{label}}")
    outcome = MOVE.execute(down, up.location, cloud.desk.context("act_2"))
    assert cloud.objects() == {}
    assert cloud.desk.files() == {"out/invoice/scan 1.jpg": b"picture"}
    cloud.desk.stored = "{}"
    MOVE.undo(down, outcome.detail, up.location, cloud.desk.context("act_2"))
    assert (cloud.desk.files(), cloud.objects()) == ({}, {"invoice/scan 1.jpg": b"picture"})
    cloud.desk.stored = "{}"
    MOVE.undo(into(cloud), up.detail, local(path), cloud.desk.context())
    assert (cloud.desk.files(), cloud.objects()) == ({"in/x.jpg": b"picture"}, {})
    assert path.stat().st_mtime_ns == 1_600_000_000_123_456_789


def test_a_held_picture_is_written_and_removed_by_undo(cloud):
    sha256 = cloud.desk.blobs.put(b"picture")
    outcome = MOVE.execute(into(cloud), held(sha256), cloud.desk.context())
    assert cloud.objects() == {"invoice/scan 1.jpg": b"picture"}
    cloud.desk.stored = "{}"
    back = MOVE.undo(into(cloud), outcome.detail, held(sha256), cloud.desk.context())
    assert (cloud.objects(), back.location) == ({}, held(sha256))


def test_a_copy_leaves_the_original_and_undo_removes_the_copy(cloud):
    location = cloud.put(KEY)
    outcome = COPY.execute(BESIDE, location, cloud.desk.context())
    assert outcome.location is None
    assert cloud.objects() == {KEY: b"picture", TARGET: b"picture"}
    cloud.desk.stored = "{}"
    COPY.undo(BESIDE, outcome.detail, location, cloud.desk.context())
    assert cloud.objects() == {KEY: b"picture"}


def test_an_object_that_lies_there_already_is_left(cloud):
    location = cloud.put("invoice/scan 1.jpg")
    outcome = MOVE.execute(into(cloud), location, cloud.desk.context())
    assert outcome.detail["how"] == "already_there"
    assert cloud.objects() == {"invoice/scan 1.jpg": b"picture"}


def test_what_was_not_classified_or_is_gone_is_not_moved(cloud):
    location = cloud.put(KEY)
    cloud.write(KEY, b"newer")
    with pytest.raises(ActionFailed, match="changed since it was classified"):
        MOVE.execute(BESIDE, location, cloud.desk.context())
    assert cloud.objects() == {KEY: b"newer"}
    cloud.delete(KEY)
    with pytest.raises(ActionFailed, match="not there any more"):
        MOVE.execute(BESIDE, location, cloud.desk.context())


@pytest.mark.parametrize("versions", [False, True])
def test_a_source_replaced_after_the_copy_stays(cloud, versions):
    if versions:
        cloud.versioned()
    location, context = cloud.put(KEY), cloud.desk.context()

    def record(journal: dict[str, Any]) -> None:
        cloud.desk.record(journal)
        if journal["do"].get("placed"):
            cloud.write(KEY, b"newer")

    context.record = record
    outcome = MOVE.execute(BESIDE, location, context)
    assert cloud.objects() == {KEY: b"newer", TARGET: b"picture"}
    assert "changed after it was copied" in outcome.detail["kept"]


def test_undo_leaves_what_changed_is_gone_or_took_the_old_place(cloud):
    location = cloud.put(KEY)
    detail = MOVE.execute(BESIDE, location, cloud.desk.context()).detail
    cloud.desk.stored = "{}"
    cloud.write(KEY, b"newcomer")
    with pytest.raises(Conflict, match="There is another file at s3://"):
        MOVE.undo(BESIDE, detail, location, cloud.desk.context())
    cloud.write(TARGET, b"edited")
    with pytest.raises(Conflict, match="has changed since"):
        MOVE.undo(BESIDE, detail, location, cloud.desk.context())
    assert cloud.objects() == {KEY: b"newcomer", TARGET: b"edited"}
    cloud.delete(TARGET)
    with pytest.raises(Conflict, match="not there any more"):
        MOVE.undo(BESIDE, detail, location, cloud.desk.context())


@pytest.mark.parametrize("where", ["elsewhere", "beside", "from"])
def test_only_what_an_operator_opened_is_touched(cloud, where):
    location = cloud.put(KEY)
    if where == "elsewhere":
        for folder in ("s3://another-bucket/{label}", f"s3://{cloud.name}/{{label}}", "s3://{id}/"):
            with pytest.raises(BadRequest) as refused:
                MOVE.check(IntoFolder(folder=folder), cloud.desk.settings)
            assert refused.value.code in ("bucket_not_allowed", "bad_template")
        MOVE.check(into(cloud), cloud.desk.settings)
        assert cloud.folder("invoice/scan 1.jpg") in MOVE.describe(into(cloud))
        return
    params = BESIDE if where == "beside" else IntoFolder(folder=f"{cloud.desk.root}/out")
    cloud.desk.settings = cloud.desk.settings.model_copy(update={"rule_buckets": []})
    with pytest.raises(ActionFailed, match="COLABEL_RULE_BUCKETS") as caught:
        MOVE.execute(params, location, cloud.desk.context())
    assert caught.value.code == "bucket_not_allowed"
    assert cloud.objects() == {KEY: b"picture"}


def test_the_services_own_objects_are_never_touched(cloud):
    own = cloud.desk.settings.model_copy(update={"storage": f"s3://{cloud.name}/{cloud.prefix}own"})
    with pytest.raises(BadRequest, match="COLABEL_STORAGE"):
        MOVE.check(IntoFolder(folder=cloud.folder("own/{label}")), own)
    MOVE.check(IntoFolder(folder=cloud.folder("other/{label}")), own)
    cloud.desk.settings = own
    location = cloud.put(KEY)
    cloud.desk.prediction["label"] = "own"
    with pytest.raises(ActionFailed, match="COLABEL_STORAGE"):
        MOVE.execute(into(cloud), location, cloud.desk.context())
    assert cloud.objects() == {KEY: b"picture"}


def test_a_key_longer_than_s3_takes_is_a_sentence(cloud):
    cloud.desk.prediction |= {"label": "日" * 70, "name": "x" * 230 + ".jpg"}
    params = IntoFolder(folder=cloud.folder("{label}/{label}/{label}/{label}"))
    with pytest.raises(ActionFailed, match="shorter") as caught:
        MOVE.execute(params, cloud.put(KEY), cloud.desk.context())
    assert caught.value.code == "name_too_long"


@pytest.mark.parametrize("origin", ["s3", "versions", "local", "held"])
def test_a_crash_at_any_step_of_a_move_is_healed(every_crash, clouds, origin):
    def prepare(desk):
        cloud = clouds(desk)
        desk.cloud = cloud
        if origin == "versions":
            cloud.versioned()
        if origin == "held":
            location: dict[str, Any] = held(desk.blobs.put(b"picture"))
        else:
            made = {"local": lambda: local(desk.file("in/x.jpg"))}
            location = made.get(origin, lambda: cloud.put(KEY))()
        cloud.write("invoice/scan 1.jpg", b"other")
        return lambda: MOVE.execute(into(cloud), location, desk.context())

    def check(desk, outcome):
        moved = "invoice/scan 1 (2).jpg"
        assert desk.cloud.objects() == {"invoice/scan 1.jpg": b"other", moved: b"picture"}
        assert desk.files() == {}
        assert outcome.location["key"] == desk.cloud.prefix + moved

    assert every_crash(prepare, check) >= 8


@pytest.mark.parametrize("origin", ["s3", "versions", "local", "held"])
def test_a_crash_at_any_step_of_an_undo_is_healed(every_crash, clouds, origin):
    def prepare(desk):
        cloud = clouds(desk)
        desk.cloud = cloud
        if origin == "versions":
            cloud.versioned()
        if origin == "held":
            location: dict[str, Any] = held(desk.blobs.put(b"picture"))
        elif origin == "local":
            location = local(desk.file("in/x.jpg"))
        else:
            location = cloud.put(KEY)
        detail = MOVE.execute(into(cloud), location, desk.context()).detail
        return lambda: MOVE.undo(into(cloud), detail, location, desk.context())

    def check(desk, outcome):
        there = {KEY: b"picture"} if origin in ("s3", "versions") else {}
        assert desk.cloud.objects() == there
        assert desk.files() == ({"in/x.jpg": b"picture"} if origin == "local" else {})

    assert every_crash(prepare, check) >= 4


def test_two_crashes_in_a_row_are_healed_too(new_desk, clouds, power_tools):
    chance = random.Random(7)
    for _ in range(15):
        desk = new_desk()
        cloud = clouds(desk)
        # Known before: a crash while this is tried out leaves a small object, which is no picture.
        open_objects(cloud.name).promises(cloud.prefix)
        location = cloud.put(KEY)
        for _ in range(2):
            desk.power = power_tools.switch(at=chance.randint(1, 6), after=chance.random() < 0.5)
            with power_tools.between(desk.power), contextlib.suppress(power_tools.cut):
                MOVE.execute(BESIDE, location, desk.context())
        desk.power = power_tools.switch()
        MOVE.execute(BESIDE, location, desk.context())
        assert cloud.objects() == {TARGET: b"picture"}


def test_the_source_stays_when_the_copy_is_taken_away_before_a_retry(cloud):
    class Placed(Exception):
        """The worker dies right after it has noted that the copy is placed."""

    def dies_when_placed(journal: dict[str, Any]) -> None:
        cloud.desk.record(journal)
        if journal["do"].get("placed"):
            raise Placed

    location, context = cloud.put(KEY), cloud.desk.context()
    context.record = dies_when_placed
    with pytest.raises(Placed):
        MOVE.execute(BESIDE, location, context)
    cloud.delete(TARGET)
    outcome = MOVE.execute(BESIDE, location, cloud.desk.context())
    assert cloud.objects() == {KEY: b"picture"}
    assert outcome.location is None
    assert "left where it is" in outcome.detail["kept"]


WORKER = """
import json, sys
from datetime import UTC, datetime
from pathlib import Path
from connector.actions import Context, get_action
from connector.settings import Settings
from connector.storage import LocalBlobs
root = Path(sys.argv[1])
move, todo = get_action("move"), json.loads((root / "todo.json").read_text())
settings = Settings(data_dir=root / "data", rule_buckets=todo["bucket"])
for action_id, (location, sha256) in todo["pictures"].items():
    done, journal = root / f"{action_id}.done", root / f"{action_id}.journal"
    if done.exists():
        continue
    def record(value):
        scratch = journal.with_suffix(".new")
        scratch.write_text(json.dumps(value))
        scratch.replace(journal)
        print("noted", flush=True)
    prediction = {"id": action_id, "label": "a", "classifier_name": "c", "name": "same.jpg",
                  "created_at": datetime.now(UTC), "sha256": sha256}
    context = Context(action_id, prediction, LocalBlobs(root / "blobs"), settings,
                      settings.sorted_dir, record, lambda *event: None,
                      json.loads(journal.read_text()) if journal.exists() else {})
    move.execute(move.Params(folder="{label}"), location, context)
    done.touch()
print("done", flush=True)
"""


def test_kill_9_again_and_again_loses_and_doubles_nothing(cloud: Cloud, tmp_path: Path) -> None:
    pictures = {}
    for number in range(9):
        location = cloud.put(f"in/{number}.jpg", b"%d" % number)
        pictures[f"act_{number}"] = (location, cloud.desk.prediction["sha256"])
    todo = {"bucket": f"{cloud.name}/{cloud.prefix}", "pictures": pictures}
    (tmp_path / "todo.json").write_text(json.dumps(todo))
    # Each time a little later in the middle of another step: three notes a picture.
    for notes in (1, 2, 3, 5, 1_000):
        with subprocess.Popen(
            [sys.executable, "-c", WORKER, str(tmp_path)], stdout=subprocess.PIPE, text=True
        ) as worker:
            assert worker.stdout is not None
            said = ""
            for _ in range(notes):
                said = worker.stdout.readline()
                if said != "noted\n":
                    break
            worker.kill()
    assert said == "done\n"
    objects = cloud.objects()
    objects = {key: data for key, data in objects.items() if ".colabel-probe-" not in key}
    assert sorted(objects.values()) == [b"%d" % number for number in range(9)]
    assert all(key.startswith("in/a/same") for key in objects)
