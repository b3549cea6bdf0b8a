"""Imports: folders and zips, resumable, and safe against what archives can do."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Picture
from sqlalchemy import select, update

from connector.db import Database
from connector.db.tables import Classifier, Example, Import, ImportProblem
from connector.db.types import utcnow
from connector.domain import classifiers, import_sources, imports
from connector.domain.import_loop import Report
from connector.errors import ColabelError, LostLease, NotFound, TooLarge, Unprocessable
from connector.settings import Settings
from connector.storage import LocalBlobs

Person = Any
# What is tested there has nothing to do with the kind of database.
SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def picture(seed: int) -> bytes:
    noise = np.random.default_rng(seed).integers(0, 255, (24, 32, 3), np.uint8)
    stream = io.BytesIO()
    Picture.fromarray(noise).save(stream, "PNG")
    return stream.getvalue()


@pytest.fixture
def insects(database: Database, alice: Person) -> Classifier:
    with database.write() as session:
        return classifiers.create_classifier(session, alice.workspace_id, name="Insects")


@pytest.fixture
def run_folder(
    database: Database, blobs: LocalBlobs, settings: Settings, insects: Classifier
) -> Callable[..., Report]:
    def run(path: Path, labels: str = "auto", **options: Any) -> Report:
        return imports.run_folder(database, blobs, settings, insects.id, path, labels, **options)

    return run


def write(root: Path, files: dict[str, bytes]) -> Path:
    for name, data in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return root


def zipped(files: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return stream.getvalue()


def counts(database: Database, classifier: Classifier) -> dict[str, int]:
    with database.read() as session:
        return classifiers.example_counts(session, classifier)


def test_folders_are_labels_and_clutter_is_ignored(
    database: Database, insects: Classifier, tmp_path: Path, run_folder: Callable[..., Report]
) -> None:
    files = {
        "set/ant/1.png": picture(1),
        "set/ant/2.png": picture(2),
        "set/bee/1.png": picture(3),
        "set/bee/Thumbs.db": b"clutter",
        "set/.hidden/x.png": picture(4),
        "__MACOSX/ant/._1.png": b"clutter",
    }
    report = run_folder(write(tmp_path / "in", files))
    assert (report.added, report.skipped, report.total) == (3, 0, 3)
    assert counts(database, insects) == {"ant": 2, "bee": 1}


@SQLITE
def test_unreadable_files_are_named_and_skipped(
    tmp_path: Path, run_folder: Callable[..., Report]
) -> None:
    files = {
        "ant/good.png": picture(1),
        "ant/cut.png": picture(2)[:-40],
        "ant/notes.txt": b"not a picture",
        "ant/empty.jpg": b"",
        "loose.png": picture(3),
    }
    report = run_folder(write(tmp_path / "in", files))
    assert report.added == 1
    assert {p.name: p.code for p in report.problems} == {
        "ant/cut.png": "truncated_picture",
        "ant/notes.txt": "not_a_picture",
        "ant/empty.jpg": "empty_body",
        "loose.png": "no_label",
    }
    assert all(p.reason.endswith(".") for p in report.problems)


@SQLITE
def test_file_names_are_labels(
    database: Database, insects: Classifier, tmp_path: Path, run_folder: Callable[..., Report]
) -> None:
    names = ["cat_001.png", "cat_002.png", "upside_down-3.png", "dog (4).png", "007.png", "owl.png"]
    files = {name: picture(i) for i, name in enumerate(names)}
    report = run_folder(write(tmp_path / "in", files))
    assert counts(database, insects) == {"cat": 2, "dog": 1, "owl": 1, "upside_down": 1}
    assert [(p.name, p.code) for p in report.problems] == [("007.png", "no_label")]


TABLES = (
    "file,label\na/1.png,ant\na/2.png,bee\ngone.png,bee\n",
    "\ufefflabel;width;filename\nant;10;1.png\nbee;11;2.png\nbee;1;gone.png\n",
    "a\\1.png\tant\n2.png\tbee\ngone.png\tbee\n",
)


@SQLITE
@pytest.mark.parametrize(
    ("table", "mode"),
    [
        (TABLES[0], "auto"),
        (TABLES[1], "csv"),
        (TABLES[2], "csv:labels.csv"),
        (TABLES[0], "csv:OUTSIDE"),
    ],
)
def test_a_table_gives_labels(
    database: Database,
    insects: Classifier,
    tmp_path: Path,
    run_folder: Callable[..., Report],
    table: str,
    mode: str,
) -> None:
    files = {"a/1.png": picture(1), "a/2.png": picture(2), "a/3.png": picture(3)}
    outside = tmp_path / "table.csv"
    if mode == "csv:OUTSIDE":
        outside.write_text(table)
        mode = f"csv:{outside}"
    else:
        files["labels.csv"] = table.encode()
    report = run_folder(write(tmp_path / "in", files), mode)
    assert counts(database, insects) == {"ant": 1, "bee": 1}
    assert {(p.name, p.code) for p in report.problems} == {
        ("a/3.png", "not_in_table"),
        ("gone.png", "file_missing"),
    }


@SQLITE
@pytest.mark.parametrize("table", ["", "width,height\n1,2\n", "file,size\na.png,2\n"])
def test_a_bad_table_is_refused_with_what_it_needs(
    tmp_path: Path, run_folder: Callable[..., Report], table: str
) -> None:
    root = write(tmp_path / "in", {"a.png": picture(1), "labels.csv": table.encode()})
    if table.startswith("width"):
        # Two unknown words could be a file and its label: then no file answers to them.
        with pytest.raises(Unprocessable, match="no picture"):
            run_folder(root)
        return
    with pytest.raises(Unprocessable, match="table of labels"):
        run_folder(root)


def test_a_second_run_continues_where_the_first_was_cut(
    database: Database, insects: Classifier, tmp_path: Path, run_folder: Callable[..., Report]
) -> None:
    root = write(tmp_path / "in", {f"ant/{i:03}.png": picture(i) for i in range(120)})

    class Interrupted(Exception):
        pass

    def interrupt(report: Report) -> None:
        if report.done >= 50:
            raise Interrupted

    with pytest.raises(Interrupted):
        run_folder(root, progress=interrupt)
    assert counts(database, insects) == {"ant": 50}
    report = run_folder(root)
    assert (report.added, report.duplicates) == (70, 50)
    assert counts(database, insects) == {"ant": 120}


def test_a_clash_of_labels_is_a_problem_and_copies_are_duplicates(
    database: Database, insects: Classifier, tmp_path: Path, run_folder: Callable[..., Report]
) -> None:
    files = {"ant/1.png": picture(1), "ant/copy.png": picture(1), "bee/1.png": picture(1)}
    report = run_folder(write(tmp_path / "in", files))
    assert (report.added, report.duplicates) == (1, 1)
    assert [(p.name, p.code) for p in report.problems] == [("bee/1.png", "label_clash")]
    assert counts(database, insects)["ant"] == 1


def test_a_picture_moved_to_another_folder_is_relabelled(
    database: Database, insects: Classifier, tmp_path: Path, run_folder: Callable[..., Report]
) -> None:
    root = write(tmp_path / "in", {"ant/1.png": picture(1), "bee/2.png": picture(2)})
    run_folder(root)
    (root / "ant/1.png").rename(root / "bee/1.png")
    report = run_folder(root)
    assert (report.relabelled, report.duplicates) == (1, 1)
    assert counts(database, insects) == {"ant": 0, "bee": 2}


@SQLITE
@pytest.mark.parametrize("labels", ["sideways", "folders:x", ""])
def test_an_unknown_mode_is_refused(
    tmp_path: Path, run_folder: Callable[..., Report], labels: str
) -> None:
    with pytest.raises(Unprocessable, match="folders, names"):
        run_folder(tmp_path, labels)


@SQLITE
def test_nothing_to_import_is_said(tmp_path: Path, run_folder: Callable[..., Report]) -> None:
    with pytest.raises(NotFound, match="no folder"):
        run_folder(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(Unprocessable, match="one folder of pictures"):
        run_folder(tmp_path / "empty")
    with pytest.raises(Unprocessable, match=r"notes\.txt"):
        run_folder(write(tmp_path / "text", {"a/notes.txt": b"hello"}))


class Zips:
    """Queues archives and works on them as the worker does."""

    def __init__(
        self, database: Database, blobs: LocalBlobs, settings: Settings, row: Classifier
    ) -> None:
        self.database, self.blobs, self.settings, self.row = database, blobs, settings, row

    def create(self, data: bytes, labels: str = "auto") -> str:
        with self.database.write() as session:
            return imports.create_import(session, self.blobs, self.row, data, labels).id

    def claim(self) -> imports.Claimed | None:
        with self.database.write() as session:
            return imports.claim(session, 60)

    def run(self, claimed: imports.Claimed | None) -> Report:
        assert claimed is not None
        return imports.run_zip(self.database, self.blobs, self.settings, claimed)

    def shown(self, import_id: str) -> dict[str, Any]:
        with self.database.read() as session:
            row = imports.get_import(session, self.row, import_id)
            return imports.resource(session, row, "https://c.example")

    def crash(self) -> None:
        """Let every lease run out, as when the worker was killed."""
        with self.database.write() as session:
            session.execute(update(Import).values(lease_until=utcnow()))


@pytest.fixture
def zips(database: Database, blobs: LocalBlobs, settings: Settings, insects: Classifier) -> Zips:
    return Zips(database, blobs, settings, insects)


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
        imports.fail(database, claimed, caught.value.code, caught.value.detail)
        assert zips.shown(claimed.row.id)["error"]["code"] == code


@SQLITE
def test_member_names_cannot_leave_the_archive(
    zips: Zips, database: Database, insects: Classifier, tmp_path: Path
) -> None:
    files = {"../../ant/evil.png": picture(1), "/abs/bee/2.png": picture(2), "../3.png": picture(3)}
    zips.create(zipped(files))
    report = zips.run(zips.claim())
    assert counts(database, insects) == {"ant": 1, "bee": 1}
    assert [p.code for p in report.problems] == ["no_label"]
    files_now = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {p.name[:10] for p in files_now if "blobs" not in p.parts} <= {"colabel.db"}


def test_a_member_that_lies_about_its_size_is_cut_off() -> None:
    data = zipped({"ant/1.png": b"\0" * 100_000})
    for at in (data.find(b"PK\x01\x02") + 24, data.find(b"PK\x03\x04") + 22):
        data = data[:at] + (10).to_bytes(4, "little") + data[at + 4 :]
    files = import_sources.archive(io.BytesIO(data), len(data), max_bytes=1000)
    with pytest.raises(ColabelError) as caught:
        files.entries[0].read()
    assert caught.value.code in ("unreadable_file", "too_many_bytes")


def test_a_member_too_large_is_never_unpacked() -> None:
    data = zipped({"ant/1.png": b"\0" * 100_000})
    files = import_sources.archive(io.BytesIO(data), len(data), max_bytes=1000)
    with pytest.raises(TooLarge):
        files.entries[0].read()


def test_an_archive_that_claims_too_much_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    data = zipped({f"ant/{i}.png": b"\0" * 100_000 for i in range(20)})
    monkeypatch.setattr(import_sources, "FREE_BYTES", 1_000_000)
    with pytest.raises(TooLarge) as caught:
        import_sources.archive(io.BytesIO(data), len(data), max_bytes=1_000_000)
    assert caught.value.code == "zip_bomb"


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
