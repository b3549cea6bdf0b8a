"""Workers whose bucket is away, or gives back other bytes: work waits, and no picture is blamed."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from buckets import S3Bucket
from colours import picture
from paints import COLOURS, add, request
from sqlalchemy import update

from connector.db import Database
from connector.db.tables import Classifier, Import, Prediction, TrainingRun
from connector.db.types import utcnow
from connector.domain import imports, predictions
from connector.domain.predictions import SourceRef, Submission
from connector.errors import Unavailable
from connector.settings import Settings
from connector.storage import open_bucket
from connector.storage.s3 import S3Blobs
from workers import classify, train
from workers.runtime import Runtime

NOWHERE = "http://127.0.0.1:9"
# More often than it takes to set a picture aside that ends its worker.
TIMES = 5


@pytest.fixture
def settings(settings: Settings, bucket: S3Bucket) -> Settings:
    return settings.model_copy(update={"storage": str(bucket.name)})


@pytest.fixture
def blobs(settings: Settings) -> Iterator[S3Blobs]:
    opened = open_bucket(settings)
    assert opened is not None
    yield opened
    opened.close()


@pytest.fixture
def away(rt: Runtime, bucket: S3Bucket, monkeypatch: pytest.MonkeyPatch) -> Iterator[Runtime]:
    """A worker on the same data that finds its bucket away."""
    opened = open_bucket(rt.settings)
    assert opened is not None
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", NOWHERE)
    # Where it looks is settled by the first call.
    with pytest.raises(Unavailable):
        opened.exists("0" * 64)
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", bucket.server.url)
    yield Runtime(rt.settings, rt.database, opened)
    opened.close()


def expire_leases(database: Database) -> None:
    with database.write() as session:
        for table in (Prediction, Import, TrainingRun):
            session.execute(update(table).values(lease_until=utcnow() - timedelta(seconds=1)))


def send(rt: Runtime, source: SourceRef, colour: str) -> str:
    submission = Submission(picture(colour), f"{colour}.png")
    return predictions.submit(
        rt.database, rt.blobs, rt.settings, source=source, submission=submission
    ).id


def test_pictures_wait_for_their_bucket(rt: Runtime, away: Runtime, api_source: SourceRef) -> None:
    ids = [send(rt, api_source, colour) for colour in COLOURS]
    for _ in range(TIMES):
        with pytest.raises(Unavailable, match="COLABEL_STORAGE"):
            classify.step(away)
        # Nobody tries again at once.
        assert classify.step(away) == 0
        expire_leases(rt.database)
    assert classify.step(rt) == len(ids)
    with rt.database.read() as session:
        rows = [session.get_one(Prediction, one) for one in ids]
        assert {(row.status, row.strikes, row.suspect) for row in rows} == {("done", 0, 0)}


def test_a_damaged_picture_fails_alone(
    rt: Runtime, bucket: S3Bucket, blobs: S3Blobs, api_source: SourceRef
) -> None:
    ids = {colour: send(rt, api_source, colour) for colour in ("red", "green")}
    with rt.database.read() as session:
        sha256 = session.get_one(Prediction, ids["red"]).location["sha256"]
    bucket.write(blobs.key(sha256), b"other bytes")
    assert classify.step(rt) == 2
    with rt.database.read() as session:
        red, green = (session.get_one(Prediction, ids[one]) for one in ("red", "green"))
        assert (red.status, red.error_code) == ("failed", "blob_damaged")
        assert green.status == "done"


def test_training_waits_for_its_bucket(
    trainable: Runtime, away: Runtime, paints: Classifier
) -> None:
    add(trainable, paints, range(4))
    run_id = request(trainable, paints)
    away.settings = trainable.settings
    for _ in range(TIMES):
        with pytest.raises(Unavailable):
            train.quick(away)
        expire_leases(trainable.database)
    with trainable.database.read() as session:
        run = session.get_one(TrainingRun, run_id)
        assert (run.status, run.strikes) == ("running", 0)
    assert train.quick(trainable) == 1
    with trainable.database.read() as session:
        assert session.get_one(TrainingRun, run_id).status == "done"


def test_an_import_waits_for_its_bucket_and_skips_no_file(
    trainable: Runtime, away: Runtime, paints: Classifier
) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for colour in COLOURS:
            archive.writestr(f"{colour}/1.png", picture(colour, seed=1))
    packed.seek(0)
    import_id = imports.create_import(
        trainable.database, trainable.blobs, paints.workspace_id, paints.id, packed
    ).id
    for _ in range(TIMES):
        with pytest.raises(Unavailable):
            train.quick(away)
        expire_leases(trainable.database)
    assert train.quick(trainable) == 1
    with trainable.database.read() as session:
        done = session.get_one(Import, import_id)
        assert (done.status, done.added, done.skipped) == ("done", len(COLOURS), 0)


def test_a_folder_is_not_imported_without_its_pictures(
    rt: Runtime, away: Runtime, paints: Classifier, tmp_path: Path
) -> None:
    (tmp_path / "in" / "red").mkdir(parents=True)
    (tmp_path / "in" / "red" / "1.png").write_bytes(picture("red", seed=1))
    with pytest.raises(Unavailable, match="COLABEL_STORAGE"):
        imports.run_folder(rt.database, away.blobs, rt.settings, paints.id, tmp_path / "in")
