"""Storage on its page: what is kept, for how long, what goes next, and how much may be."""

from __future__ import annotations

import re
from datetime import timedelta

from pagereading import Reader
from stage import Stage

from connector.db import Database
from connector.db.tables import Classifier, Image, Prediction
from connector.db.types import utcnow
from connector.domain import retention
from connector.domain.stored import HOLDS_SECONDS, Shelf
from connector.settings import Settings
from connector.storage import LocalBlobs, open_blobs
from connector.web.app import create_app

PATH = "/settings/storage"


def text_of(reader: Reader, path: str = PATH) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", reader.get(path).text).split())


def test_what_is_kept_and_where(
    readers: dict[str, Reader], stage: Stage, settings: Settings, database: Database
) -> None:
    page = text_of(readers["Alice"])
    with database.read() as session:
        count = session.query(Image).filter_by(workspace_id=stage.workspace_id).count()
    assert f"{count} pictures" in page
    assert "one version" in page
    assert f"in the folder {settings.blobs_dir}" in page
    assert "GB free where pictures are kept" in page
    assert "They stay until somebody deletes them." in page
    assert "0 pictures" in text_of(readers["Charlie"])


def test_what_would_go_is_what_goes(
    readers: dict[str, Reader], stage: Stage, settings: Settings, database: Database
) -> None:
    alice = readers["Alice"]
    assert "Would go now" not in text_of(alice)
    assert "Nothing would go now." in text_of(alice, f"{PATH}?preview=1")
    with database.write() as session:
        session.get_one(Classifier, stage.classifiers["live"]).retention_days = 30
        session.query(Prediction).update({"created_at": utcnow() - timedelta(days=31)})
    told = []
    for path in (f"{PATH}?preview=1", f"{PATH}/preview"):
        page = text_of(alice, path)
        told += re.findall(r"(\d+) pictures would go now, at most", page)
        assert "after 30 days of its own" in page
    went = retention.Released()
    for released in retention.passes(database, open_blobs(settings), settings):
        went += released
    # The seventh waits for an answer, and one of the others is learned from elsewhere.
    assert told == ["5", "5"]
    assert went.predictions == 5
    assert "Nothing would go now." in text_of(alice, f"{PATH}?preview=1")


def test_limits_and_where_the_workspace_stands(settings: Settings, stage: Stage) -> None:
    changes = {"max_waiting": 200, "max_kept_bytes": 5_000_000, "retention_days": 90}
    app = create_app(settings.model_copy(update={**changes, "max_rate": 60, "max_burst": 600}))
    page = text_of(Reader(app, stage.people["Alice"].token))
    assert "0 of 200" in page
    assert re.search(r"of 5\.0 MB", page)
    assert "60 a minute, 600 at once after a rest" in page
    assert "They go after 90 days (COLABEL_RETENTION_DAYS)" in page
    assert "after 90 days as everywhere" in page
    app.extensions["colabel"].database.close()


def test_a_nearly_full_disk_is_said(settings: Settings, stage: Stage) -> None:
    app = create_app(settings.model_copy(update={"min_free_bytes": 10**18}))
    page = text_of(Reader(app, stage.people["Alice"].token))
    assert "nothing new is taken; free some space" in page
    app.extensions["colabel"].database.close()


def test_it_is_counted_once_a_minute(
    stage: Stage, database: Database, settings: Settings, blobs: LocalBlobs
) -> None:
    now = 0.0
    shelf = Shelf(database, blobs, local=True, clock=lambda: now)
    before = shelf.of(stage.workspace_id)
    assert before.model_bytes
    assert before.bytes > 0
    with database.write() as session:
        row = session.query(Image).filter_by(workspace_id=stage.workspace_id).limit(1).one()
        row.deleted_at = utcnow()
        size = row.size
    assert shelf.of(stage.workspace_id) == before
    now = HOLDS_SECONDS
    after = shelf.of(stage.workspace_id)
    assert (after.pictures, after.bytes) == (before.pictures - 1, before.bytes - size)
    away = Shelf(database, blobs, local=False)
    assert away.of(stage.workspace_id).model_bytes is None
