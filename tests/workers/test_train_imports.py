"""The train worker imports zips before it trains."""

from __future__ import annotations

import io
import zipfile

import pytest
from colours import picture
from paints import COLOURS, add, request, shown
from sqlalchemy import func, select

from connector.db.tables import Classifier, Embedding, Import
from connector.domain import imports
from workers import train
from workers.runtime import Runtime

SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def queue_import(rt: Runtime, classifier: Classifier, archive: io.BytesIO) -> str:
    archive.seek(0)
    return imports.create_import(
        rt.database, rt.blobs, classifier.workspace_id, classifier.id, archive
    ).id


def test_imports_come_before_training(rt: Runtime, paints: Classifier) -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for colour in COLOURS:
            for seed in range(100, 104):
                archive.writestr(f"{colour}/{seed}.png", picture(colour, seed=seed))
    add(rt, paints, range(2))
    run_id = request(rt, paints)
    import_id = queue_import(rt, paints, stream)
    assert train.step(rt) == 1
    with rt.database.read() as session:
        assert session.get_one(Import, import_id).status == "done"
    assert shown(rt, run_id)["status"] == "queued"
    assert train.step(rt) == 1
    with rt.database.read() as session:
        kept = select(func.count(Embedding.sha256)).where(Embedding.backbone != "thumbnail")
        assert session.scalar(kept) == 18


@SQLITE
def test_a_bad_archive_fails_with_its_sentence(rt: Runtime, paints: Classifier) -> None:
    import_id = queue_import(rt, paints, io.BytesIO(b"PK\x03\x04 broken"))
    assert train.step(rt) == 1
    with rt.database.read() as session:
        found = session.get_one(Import, import_id)
        assert (found.status, found.error_code) == ("failed", "not_a_zip")
