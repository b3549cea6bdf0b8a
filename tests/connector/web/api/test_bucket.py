"""Pictures kept in a bucket: sent, classified, read back, imported; and when it is away."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from typing import Any

import pytest
from buckets import S3Bucket
from caller import Caller
from colours import picture
from conftest import Person

from connector.settings import Settings
from connector.storage import open_bucket
from connector.storage.s3 import S3Blobs
from connector.web.app import create_app
from workers import train
from workers.runtime import Runtime

RED = picture("red")
NOWHERE = "http://127.0.0.1:9"


@pytest.fixture
def settings(settings: Settings, bucket: S3Bucket) -> Settings:
    return settings.model_copy(update={"storage": str(bucket.name)})


@pytest.fixture
def blobs(settings: Settings) -> Iterator[S3Blobs]:
    opened = open_bucket(settings)
    assert opened is not None
    yield opened
    opened.close()


def test_a_picture_is_sent_classified_and_read_back(
    as_alice: Caller, job: Any, workers: None, bucket: S3Bucket, settings: Settings
) -> None:
    response = as_alice.post(f"{job.path}/predictions?wait=30", data=RED)
    assert response.status_code == 200, response.text
    shown = response.json or {}
    assert (shown["status"], shown["label"]) == ("done", "red")
    back = as_alice.get(f"/api/v1/predictions/{shown['id']}/image")
    assert (back.status_code, back.data) == (200, RED)
    sha256 = shown["location"]["sha256"]
    assert f"colabel/{sha256[:2]}/{sha256}" in bucket.listed()
    assert not settings.blobs_dir.exists()
    assert (as_alice.get("/readyz").json or {})["checks"]["storage"]["status"] == "ok"


def test_a_zip_is_imported_from_the_bucket(
    as_alice: Caller, job: Any, rt: Runtime, bucket: S3Bucket
) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for seed in range(3):
            archive.writestr(f"red/{seed}.png", picture("red", seed=50 + seed))
    before = bucket.listed()
    response = as_alice.post(
        f"{job.path}/imports", data=packed.getvalue(), content_type="application/zip"
    )
    assert response.status_code == 202, response.text
    assert len(bucket.listed()) == len(before) + 1
    assert train.step(rt) == 1
    done = as_alice.get(f"{job.path}/imports/{(response.json or {})['id']}").json or {}
    assert (done["status"], done["added"]) == ("done", 3)
    # The archive went, its pictures stayed.
    assert len(bucket.listed()) == len(before) + 3


def test_while_the_bucket_is_away_nothing_is_accepted_or_given_out(
    as_alice: Caller, alice: Person, job: Any, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = as_alice.post(f"{job.path}/predictions", data=RED).json or {}
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", NOWHERE)
    app = create_app(settings)
    caller = Caller(app, alice.headers)
    for response in (
        caller.post(f"{job.path}/predictions", data=picture("blue")),
        caller.post(job.hook, data=picture("blue")),
        caller.get(f"/api/v1/predictions/{kept['id']}/image"),
    ):
        assert response.status_code == 503
        assert int(response.headers["Retry-After"]) > 0
        problem = response.json or {}
        assert problem["code"] == "storage_unreachable"
        assert "COLABEL_STORAGE" in problem["detail"]
    ready = caller.get("/readyz")
    assert ready.status_code == 503
    assert (ready.json or {})["checks"]["storage"]["status"] == "fail"
    assert len((caller.get("/api/v1/predictions").json or {})["items"]) == 1
    app.extensions["colabel"].database.close()
    app.extensions["colabel"].bells.client.close()
