"""Imports of pictures that have no label yet, and what imports give a model to learn."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from colours import picture
from sqlalchemy import select, update

from connector.db import Database
from connector.db.tables import Classifier, Example, Import
from connector.db.types import utcnow
from connector.domain import classifiers, imports
from connector.domain.import_loop import Report
from connector.errors import Unprocessable
from connector.settings import Settings
from connector.storage import LocalBlobs

Run = Callable[[str], Report]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder with a picture outside and one in a folder that is named like a label."""
    folder = tmp_path / "in"
    (folder / "ant").mkdir(parents=True)
    (folder / "1.png").write_bytes(picture("red", seed=1))
    (folder / "ant/2.png").write_bytes(picture("red", seed=2))
    return folder


@pytest.fixture
def run(
    database: Database, blobs: LocalBlobs, settings: Settings, insects: Classifier, root: Path
) -> Run:
    return lambda mode: imports.run_folder(database, blobs, settings, insects.id, root, mode)


def changes(database: Database, classifier: Classifier) -> int:
    with database.read() as session:
        return session.get_one(Classifier, classifier.id).changes


def test_pictures_are_kept_to_be_labelled_and_a_later_import_labels_them(
    database: Database, insects: Classifier, run: Run
) -> None:
    kept = run("none")
    assert (kept.added, kept.learnable, kept.problems) == (2, 0, ())
    with database.read() as session:
        assert classifiers.unlabelled_count(session, insects) == 2
    labelled = run("folders")
    assert (labelled.labelled, labelled.added, labelled.learnable) == (1, 0, 1)
    assert [(one.name, one.code) for one in labelled.problems] == [("1.png", "no_label")]
    again = run("none")
    assert (again.duplicates, again.used, again.learnable) == (2, 0, 0)
    with database.read() as session:
        assert classifiers.example_counts(session, insects) == {"ant": 1, "bee": 0, "wasp": 0}


def test_a_folder_without_pictures_to_keep_is_said(root: Path, run: Run) -> None:
    for path in (root / "1.png", root / "ant/2.png"):
        path.write_bytes(b"hello")
    with pytest.raises(Unprocessable, match=r"no picture in it.*1\.png"):
        run("none")


@pytest.mark.parametrize(("mode", "learnable"), [("none", 0), ("names", 60)])
def test_an_archive_taken_up_again_gives_nothing_more_to_learn(
    database: Database,
    blobs: LocalBlobs,
    settings: Settings,
    insects: Classifier,
    mode: str,
    learnable: int,
) -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for i in range(60):
            archive.writestr(f"bee {i:03}.png", picture("blue", seed=i, size=(8, 8)))
    stream.seek(0)

    def work() -> None:
        with database.write() as session:
            claimed = imports.claim(session, 60)
        assert claimed is not None
        imports.run_zip(database, blobs, settings, claimed)

    made = imports.create_import(database, blobs, insects.workspace_id, insects.id, stream, mode)
    work()
    assert changes(database, insects) == learnable
    # As if the worker had been killed after its last picture.
    blobs.put(stream.getvalue())
    with database.write() as session:
        session.execute(
            update(Import).values(status="running", lease_token="gone", lease_until=utcnow())
        )
    work()
    assert changes(database, insects) == learnable
    with database.read() as session:
        shown = imports.resource(session, session.get_one(Import, made.id), "")
        labelled = select(Example).where(Example.label_id.is_not(None))
        assert len(session.scalars(labelled).all()) == learnable
    assert (shown["label_mode"], shown["added"], shown["duplicates"]) == (mode, 60, 0)
