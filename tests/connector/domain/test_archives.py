"""Imports of zips: taken up by a worker, resumed, and the archive gone when nobody needs it."""

from __future__ import annotations

import io
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import pytest
from at_once import meanwhile
from sorted_pictures import Zips, counts, large_zip, picture, zipped
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from connector.db import Database
from connector.db.tables import Classifier, Example, Import, ImportProblem
from connector.domain import archives, classifiers, imports
from connector.errors import ColabelError, LostLease, NotFound, Unprocessable
from connector.settings import Settings
from connector.storage import LocalBlobs

Person = Any
SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def zips(database: Database, blobs: LocalBlobs, settings: Settings, bare: Classifier) -> Zips:
    return Zips(database, blobs, settings, bare)


def test_a_zip_is_imported_with_its_problems_listed(zips: Zips, database: Database) -> None:
    files = {
        "set/ant/1.png": picture(1),
        "set/bee/größe.png": picture(2),
        "set/bee/bad.png": b"no",
        "__MACOSX/set/ant/._1.png": b"clutter",
    }
    import_id = zips.create(zipped(files))
    assert zips.shown(import_id)["status"] == "queued"
    zips.run(zips.claim())
    shown = zips.shown(import_id)
    assert (shown["status"], shown["total"], shown["done"]) == ("done", 3, 3)
    assert (shown["added"], shown["skipped"]) == (2, 1)
    assert [p["name"] for p in shown["problems"]] == ["set/bee/bad.png"]
    assert shown["finished_at"]
    with database.read() as session:
        names = {example.name for example in session.scalars(select(Example))}
    assert names == {"1.png", "größe.png"}
    assert zips.claim() is None


def test_the_archive_goes_once_no_import_needs_it(zips: Zips, blobs: LocalBlobs) -> None:
    data = zipped({"ant/1.png": picture(1)})
    zips.create(data)
    second = zips.create(data)
    sha256 = blobs.put(data)
    zips.run(zips.claim())
    assert blobs.exists(sha256)
    zips.run(zips.claim())
    assert zips.shown(second)["duplicates"] == 1
    assert not blobs.exists(sha256)


def test_a_killed_import_is_taken_up_and_counts_its_own_work_once(
    zips: Zips, database: Database
) -> None:
    data = zipped({f"ant/{i}.png": picture(i) for i in range(60)})
    import_id = zips.create(data)
    first = zips.claim()
    assert first is not None
    assert zips.claim() is None
    # The first worker got as far as one chunk, then lost its lease while it was still alive.
    zips.crash()
    second = zips.claim()
    with pytest.raises(LostLease):
        zips.run(first)
    assert zips.shown(import_id)["added"] == 0
    zips.run(second)
    assert zips.shown(import_id)["added"] == 60
    with database.write() as session:
        session.execute(update(Import).values(status="running", lease_token="gone"))
    zips.blobs.put(data)
    zips.crash()
    zips.run(zips.claim())
    shown = zips.shown(import_id)
    assert (shown["added"], shown["duplicates"]) == (60, 0)


def test_an_import_that_ends_its_worker_thrice_is_set_aside(zips: Zips) -> None:
    import_id = zips.create(zipped({"ant/1.png": picture(1)}))
    for _ in range(3):
        assert zips.claim() is not None
        zips.crash()
    assert zips.claim() is None
    shown = zips.shown(import_id)
    assert shown["status"] == "failed"
    assert shown["error"]["code"] == "quarantined"


@SQLITE
def test_what_is_no_zip_is_refused_before_it_is_kept(zips: Zips, blobs: LocalBlobs) -> None:
    with pytest.raises(Unprocessable, match="not a zip"):
        zips.create(b"hello")
    assert not [path for path in blobs.root.rglob("*") if path.is_file()]


@SQLITE
def test_a_damaged_or_empty_zip_fails_with_a_sentence(zips: Zips, database: Database) -> None:
    whole = zipped({"ant/1.png": picture(1)})
    for data, code in (
        (whole[:-30], "not_a_zip"),
        (zipped({}), "no_pictures"),
        (zipped({"a/readme.txt": b"hello"}), "no_pictures"),
    ):
        zips.create(data)
        claimed = zips.claim()
        assert claimed is not None
        with pytest.raises(ColabelError) as caught:
            zips.run(claimed)
        assert caught.value.code == code
        imports.fail(database, zips.blobs, claimed, caught.value.code, caught.value.detail)
        assert zips.shown(claimed.row.id)["error"]["code"] == code


@SQLITE
def test_member_names_cannot_leave_the_archive(
    zips: Zips, database: Database, bare: Classifier, tmp_path: Path
) -> None:
    files = {"../../ant/evil.png": picture(1), "/abs/bee/2.png": picture(2), "../3.png": picture(3)}
    zips.create(zipped(files))
    report = zips.run(zips.claim())
    assert counts(database, bare) == {"ant": 1, "bee": 1}
    assert [p.code for p in report.problems] == ["no_label"]
    files_now = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {p.name[:10] for p in files_now if "blobs" not in p.parts} <= {"colabel.db"}


def test_charlie_sees_no_import_of_alices(zips: Zips, database: Database, charlie: Person) -> None:
    import_id = zips.create(zipped({"ant/1.png": picture(1)}))
    with database.write() as session:
        his = classifiers.create_classifier(session, charlie.workspace_id, name="His")
        with pytest.raises(NotFound):
            imports.get_import(session, his, import_id)
        assert imports.list_imports(session, his).items == []


def test_problems_are_kept_once(zips: Zips, database: Database) -> None:
    zips.create(zipped({"ant/1.png": picture(1), "ant/bad.png": b"no"}))
    zips.run(zips.claim())
    with database.read() as session:
        assert len(session.scalars(select(ImportProblem)).all()) == 1


def archives_kept(blobs: LocalBlobs) -> list[Path]:
    return [path for path in blobs.root.rglob("*") if path.is_file()]


def test_the_archive_of_a_failed_import_goes_too(zips: Zips, blobs: LocalBlobs) -> None:
    data = zipped({"a/readme.txt": b"hello"})
    for _ in range(2):
        zips.create(data)
    first, second = zips.claim(), zips.claim()
    assert first is not None
    assert second is not None
    imports.fail(zips.database, blobs, first, "no_pictures", "There are none.")
    assert len(archives_kept(blobs)) == 1
    imports.fail(zips.database, blobs, second, "no_pictures", "There are none.")
    assert archives_kept(blobs) == []


class Meanwhile(LocalBlobs):
    """A store in which something happens just after the first archive was kept."""

    def __init__(self, blobs: LocalBlobs, happens: Callable[[str], object]) -> None:
        super().__init__(blobs.root)
        self.happens: Callable[[str], object] | None = happens

    def put_stream(self, stream: IO[bytes]) -> str:
        sha256 = super().put_stream(stream)
        happens, self.happens = self.happens, None
        if happens is not None:
            happens(sha256)
        return sha256


def test_others_may_write_while_an_archive_is_kept(zips: Zips) -> None:
    def write(_: str) -> None:
        with zips.database.write() as session:
            session.get_one(Classifier, zips.row.id).threshold = 0.5

    zips.blobs = Meanwhile(zips.blobs, write)
    zips.create(zipped({"ant/1.png": picture(1)}))
    with zips.database.read() as session:
        assert session.get_one(Classifier, zips.row.id).threshold == 0.5


def test_an_import_that_is_refused_late_leaves_nothing(zips: Zips, blobs: LocalBlobs) -> None:
    def delete(_: str) -> None:
        with zips.database.write() as session:
            classifiers.delete_classifier(session, session.get_one(Classifier, zips.row.id))

    zips.blobs = Meanwhile(blobs, delete)
    with pytest.raises(NotFound):
        zips.create(zipped({"ant/1.png": picture(1)}))
    assert archives_kept(blobs) == []
    assert zips.claim() is None


def test_an_import_that_is_refused_late_takes_nothing_from_another(
    zips: Zips, blobs: LocalBlobs, charlie: Person
) -> None:
    data = zipped({"ant/1.png": picture(1)})
    import_id = zips.create(data)
    with pytest.raises(NotFound):
        imports.create_import(
            zips.database, blobs, charlie.workspace_id, zips.row.id, io.BytesIO(data)
        )
    zips.run(zips.claim())
    assert zips.shown(import_id)["added"] == 1


def test_an_archive_that_an_ending_import_took_away_is_kept_again(
    zips: Zips, blobs: LocalBlobs
) -> None:
    zips.blobs = Meanwhile(blobs, blobs.delete)
    import_id = zips.create(zipped({"ant/1.png": picture(1)}))
    zips.run(zips.claim())
    assert zips.shown(import_id)["added"] == 1


def test_an_archive_is_not_taken_away_while_an_import_of_it_is_being_queued(
    zips: Zips, blobs: LocalBlobs
) -> None:
    sha256 = blobs.put(zipped({"ant/1.png": picture(1)}))

    def queue(session: Session) -> bool:
        session.add(Import(classifier_id=zips.row.id, label_mode="auto", archive_sha256=sha256))
        return archives.reserve(session, blobs, sha256)

    there, _, in_time = meanwhile(
        zips.database, queue, lambda: archives.forget(zips.database, blobs, sha256)
    )
    assert there
    assert not in_time
    assert blobs.exists(sha256)


@SQLITE
def test_a_large_archive_takes_little_memory(
    zips: Zips, database: Database, tmp_path: Path
) -> None:
    large = large_zip(tmp_path / "large.zip", pictures=40)
    where = zips.database, zips.blobs, zips.row.workspace_id, zips.row.id
    with large.open("rb") as archive:
        tracemalloc.start()
        try:
            imports.create_import(*where, archive)
            report = zips.run(zips.claim())
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert large.stat().st_size > 40_000_000
    assert report.added == 40
    # Two threads read a picture of a megabyte each.
    assert peak < 10_000_000
