"""Exports: the same pictures and labels in every form, streamed, and safe to unpack and to open."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Callable, Iterator
from pathlib import PurePosixPath
from xml.etree import ElementTree

import pytest
from conftest import Person
from hypothesis import given
from hypothesis import strategies as st
from sorted_pictures import picture

from connector.db import Database
from connector.db.tables import AuditEntry, Classifier, Example, Label
from connector.domain import (
    audit_log,
    examples,
    exchange_csv,
    exchange_rows,
    exchange_zip,
    exports,
    label_studio,
)
from connector.domain.audit_log import Actor
from connector.domain.exchange_csv import plain, unplain
from connector.domain.exchange_names import Paths, safe
from connector.domain.exchange_rows import Guess, Picture
from connector.domain.exports import Wanted
from connector.domain.import_labels import UNLABELLED
from connector.errors import NotFound, Unprocessable
from connector.settings import Settings
from connector.storage import LocalBlobs

Whole = Callable[..., bytes]
NAMES = (("ant", "ant.png"), ("ant", "Ant.PNG"), ("wasp", "ウ.png"), (None, "later.png"))


@pytest.fixture
def filled(
    database: Database, blobs: LocalBlobs, settings: Settings, insects: Classifier
) -> Classifier:
    """Two ants under one name, a wasp, and one that waits; Dana labelled them."""
    with database.write() as session, audit_log.acting(Actor("person", "Dana")):
        row = session.get_one(Classifier, insects.id)
        for seed, (label, name) in enumerate(NAMES):
            examples.add_example(session, blobs, settings, row, picture(seed), label, name, "page")
    return insects


@pytest.fixture
def whole(database: Database, blobs: LocalBlobs, settings: Settings, filled: Classifier) -> Whole:
    def export(**wanted: object) -> bytes:
        made = exports.export(
            database,
            blobs,
            settings,
            filled.workspace_id,
            filled.id,
            Wanted(**wanted),  # type: ignore[arg-type]
        )
        return b"".join(made.chunks)

    return export


def of(name: str, label: str | None = "ant", number: int = 0) -> Picture:
    return Picture(f"ex_{number}", name, label, "api", None, None, f"{number:064x}", "image/png")


def test_folders_hold_every_picture_once_with_its_bytes(whole: Whole) -> None:
    with zipfile.ZipFile(io.BytesIO(whole(form="zip"))) as archive:
        assert archive.testzip() is None
        held = {name: archive.read(name) for name in archive.namelist()}
    assert held == {
        "ant/ant.png": picture(0),
        "ant/Ant (2).PNG": picture(1),
        "wasp/ウ.png": picture(2),
        f"{UNLABELLED}/later.png": picture(3),
    }


def test_only_what_has_a_label(whole: Whole) -> None:
    with zipfile.ZipFile(io.BytesIO(whole(form="zip", labelled=True))) as archive:
        assert len(archive.namelist()) == 3


def test_a_table_says_who_labelled_what(whole: Whole, filled: Classifier) -> None:
    data = whole(form="csv")
    assert data.startswith(b"\xef\xbb\xbf")
    rows = list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"))))
    assert [(row["file"], row["label"], row["labelled_by"]) for row in rows] == [
        ("ant.png", "ant", "Dana"),
        ("Ant.PNG", "ant", "Dana"),
        ("ウ.png", "wasp", "Dana"),
        ("later.png", "", ""),
    ]
    assert {row["source"] for row in rows} == {"page"}
    assert all(f"/classifiers/{filled.id}/examples/ex_" in row["image_url"] for row in rows)
    assert [bool(row["labelled_at"]) for row in rows] == [True, True, True, False]


def test_tasks_for_label_studio_are_annotated(whole: Whole) -> None:
    tasks = json.loads(whole(form="label_studio"))
    result = tasks[0]["annotations"][0]["result"][0]
    assert result["value"] == {"choices": ["ant"]}
    assert (result["type"], result["from_name"], result["to_name"]) == ("choices", "label", "image")
    assert [bool(task["annotations"]) for task in tasks] == [True, True, True, False]
    rooted = json.loads(whole(form="label_studio", root="/data/local-files/?d=mine/"))
    assert [task["data"]["image"] for task in rooted][1:3] == [
        "/data/local-files/?d=mine/ant/Ant%20%282%29.PNG",
        "/data/local-files/?d=mine/wasp/%E3%82%A6.png",
    ]


def test_what_the_model_made_of_a_waiting_picture_is_a_prediction() -> None:
    told = label_studio.task(
        Picture("ex_1", "a", None, "api", None, None, "0", "image/png", Guess("bee", 0.71, 4)),
        "/a",
    )
    assert told["annotations"] == []
    [prediction] = told["predictions"]
    assert (prediction["score"], prediction["model_version"]) == (0.71, "version 4")
    assert prediction["result"][0]["value"] == {"choices": ["bee"]}


def test_a_guess_comes_from_what_the_live_version_said(
    database: Database, filled: Classifier, whole: Whole
) -> None:
    with database.write() as session:
        bee = session.query(Label).filter_by(classifier_id=filled.id, name="bee").one()
        said = {"guess_id": bee.id, "confidence": 0.625, "scored_version": 3}
        session.query(Example).update(said)
    tasks = json.loads(whole(form="label_studio"))
    assert [len(task["predictions"]) for task in tasks] == [0, 0, 0, 1]
    assert tasks[3]["predictions"][0]["score"] == 0.625


def test_the_configuration_is_well_formed_whatever_labels_are_called() -> None:
    labels = ["a & b", 'say "no"', "<x>"]
    tree = ElementTree.fromstring(label_studio.configuration(labels))
    assert [one.get("value") for one in tree.iter("Choice")] == labels


def test_bytes_come_before_all_rows_are_read(blobs: LocalBlobs) -> None:
    """And never more than some are held, however many there are."""
    sha256, read = blobs.put(b"x" * 100_000), 0

    def endless() -> Iterator[Picture]:
        nonlocal read
        while True:
            read += 1
            yield Picture(f"ex_{read}", "", "a", "api", None, None, sha256, "image/png")

    chunks = exchange_zip.stream(blobs, endless())
    for _ in range(20):
        assert len(next(chunks)) < 1_000_000
    assert read < 100


@pytest.mark.parametrize("form", ["csv", "label_studio"])
def test_lists_are_streamed_as_well(form: str) -> None:
    read = 0

    def endless() -> Iterator[Picture]:
        nonlocal read
        while True:
            read += 1
            yield of(f"{read}.png", number=read)

    if form == "csv":
        chunks = exchange_csv.stream(endless(), "https://c.example")
    else:
        chunks = label_studio.stream(endless(), label_studio.Addresses("https://c.example"))
    for _ in range(5):
        next(chunks)
    assert read < 2_000


def test_pages_of_rows_meet(
    database: Database, filled: Classifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    everything = list(exchange_rows.rows(database, filled.id))
    monkeypatch.setattr(exchange_rows, "AT_ONCE", 2)
    assert list(exchange_rows.rows(database, filled.id)) == everything
    assert [one.name for one in exchange_rows.rows(database, filled.id, labelled=False)] == [
        "later.png"
    ]


def test_lost_bytes_are_named(whole: Whole, blobs: LocalBlobs) -> None:
    blobs.delete(blobs.put(picture(2)))
    with zipfile.ZipFile(io.BytesIO(whole(form="zip"))) as archive:
        assert len(archive.namelist()) == 4
        assert "wasp/ウ.png" in archive.read(exchange_zip.LEFT_OUT).decode()


def test_an_export_is_noted_and_scoped(
    database: Database,
    blobs: LocalBlobs,
    settings: Settings,
    filled: Classifier,
    charlie: Person,
) -> None:
    where = database, blobs, settings
    with pytest.raises(NotFound):
        exports.export(*where, charlie.workspace_id, filled.id, Wanted("zip"))
    with pytest.raises(Unprocessable, match="zip, csv"):
        exports.export(*where, filled.workspace_id, filled.id, Wanted("tar"))
    exports.export(*where, filled.workspace_id, filled.id, Wanted("csv"))
    with database.read() as session:
        noted = session.query(AuditEntry).filter_by(what="example.exported").all()
    assert [(one.workspace_id, one.after) for one in noted] == [
        (filled.workspace_id, {"format": "csv"})
    ]


HOSTILE = ("../../etc/passwd", "/abs", "C:\\x", "a/b", "..", ".", "con", "NUL.png", "x. ", "a\0b")


@pytest.mark.parametrize("name", HOSTILE)
def test_no_name_leads_out_of_its_folder(name: str) -> None:
    for picture_ in (of(name), of("a.png", name)):
        path = Paths().path(picture_)
        assert len(PurePosixPath(path).parts) == 2
        assert not {".", ".."} & set(PurePosixPath(path).parts)
        assert not set(path) & set('\\:*?"<>|\0')


@given(st.lists(st.tuples(st.text(max_size=12), st.text(max_size=300)), max_size=30))
def test_paths_are_one_folder_deep_and_never_shared(named: list[tuple[str, str]]) -> None:
    paths = Paths()
    found = [paths.path(of(name, label or None, i)) for i, (label, name) in enumerate(named)]
    assert len({path.casefold() for path in found}) == len(found)
    for path, (label, _) in zip(found, named, strict=True):
        folder, _, name = path.partition("/")
        assert "/" not in name
        assert (folder == UNLABELLED) == (not label)
        assert len(name.encode()) < 256 > len(folder.encode())
        assert name not in (".", "..")
        assert not name.endswith((" ", "."))


def test_a_label_that_is_called_like_the_folder_of_those_without_gets_another() -> None:
    paths = Paths()
    assert paths.path(of("a.png", "_UNLABELLED")) == "_UNLABELLED (2)/a.png"
    assert paths.path(of("a.png", None)) == "_unlabelled/a.png"


def test_scripts_stay_as_they_are() -> None:
    names = ["Käfer", "ウ", "жук", "🐞"]
    assert [safe(name, "x") for name in names] == names


@given(st.text(max_size=20))
def test_no_cell_is_a_formula_and_all_come_back(cell: str) -> None:
    written = plain(cell)
    assert not written.startswith(("=", "+", "-", "@", "\t", "\r"))
    assert unplain(written) == cell
