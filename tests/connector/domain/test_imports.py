"""Imports of folders: where labels come from, what is skipped, and going on after a cut."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sorted_pictures import counts, picture, write

from connector.db import Database
from connector.db.tables import Classifier
from connector.domain import imports
from connector.domain.import_loop import Report
from connector.errors import NotFound, Unprocessable
from connector.settings import Settings
from connector.storage import LocalBlobs

# What is tested there has nothing to do with the kind of database.
SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def run_folder(
    database: Database, blobs: LocalBlobs, settings: Settings, bare: Classifier
) -> Callable[..., Report]:
    def run(path: Path, labels: str = "auto", **options: Any) -> Report:
        return imports.run_folder(database, blobs, settings, bare.id, path, labels, **options)

    return run


def test_folders_are_labels_and_clutter_is_ignored(
    database: Database, bare: Classifier, tmp_path: Path, run_folder: Callable[..., Report]
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
    assert counts(database, bare) == {"ant": 2, "bee": 1}


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
    database: Database, bare: Classifier, tmp_path: Path, run_folder: Callable[..., Report]
) -> None:
    names = ["cat_001.png", "cat_002.png", "upside_down-3.png", "dog (4).png", "007.png", "owl.png"]
    files = {name: picture(i) for i, name in enumerate(names)}
    report = run_folder(write(tmp_path / "in", files))
    assert counts(database, bare) == {"cat": 2, "dog": 1, "owl": 1, "upside_down": 1}
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
    bare: Classifier,
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
    assert counts(database, bare) == {"ant": 1, "bee": 1}
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
    database: Database, bare: Classifier, tmp_path: Path, run_folder: Callable[..., Report]
) -> None:
    root = write(tmp_path / "in", {f"ant/{i:03}.png": picture(i) for i in range(120)})

    class Interrupted(Exception):
        pass

    def interrupt(report: Report) -> None:
        if report.done >= 50:
            raise Interrupted

    with pytest.raises(Interrupted):
        run_folder(root, progress=interrupt)
    assert counts(database, bare) == {"ant": 50}
    report = run_folder(root)
    assert (report.added, report.duplicates) == (70, 50)
    assert counts(database, bare) == {"ant": 120}


def test_a_clash_of_labels_is_a_problem_and_copies_are_duplicates(
    database: Database, bare: Classifier, tmp_path: Path, run_folder: Callable[..., Report]
) -> None:
    files = {"ant/1.png": picture(1), "ant/copy.png": picture(1), "bee/1.png": picture(1)}
    report = run_folder(write(tmp_path / "in", files))
    assert (report.added, report.duplicates) == (1, 1)
    assert [(p.name, p.code) for p in report.problems] == [("bee/1.png", "label_clash")]
    assert counts(database, bare)["ant"] == 1


def test_a_picture_moved_to_another_folder_is_relabelled(
    database: Database, bare: Classifier, tmp_path: Path, run_folder: Callable[..., Report]
) -> None:
    root = write(tmp_path / "in", {"ant/1.png": picture(1), "bee/2.png": picture(2)})
    run_folder(root)
    (root / "ant/1.png").rename(root / "bee/1.png")
    report = run_folder(root)
    assert (report.relabelled, report.duplicates) == (1, 1)
    assert counts(database, bare) == {"ant": 0, "bee": 2}


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
