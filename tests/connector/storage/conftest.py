"""A store of either kind, empty."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from buckets import S3Bucket, Store, files

from connector.storage import LocalBlobs
from connector.storage.s3 import S3Blobs


@pytest.fixture
def s3(bucket: S3Bucket, tmp_path: Path) -> Iterator[S3Blobs]:
    """A store in a fresh bucket."""
    blobs = S3Blobs(bucket.name, spool=tmp_path / "spool")
    yield blobs
    blobs.close()


@pytest.fixture(params=["local", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """A store of each kind in turn."""
    if request.param == "local":
        root = tmp_path / "blobs"
        yield Store(
            LocalBlobs(root), lambda: LocalBlobs(root), lambda: [one.name for one in files(root)]
        )
        return
    bucket: S3Bucket = request.getfixturevalue("bucket")
    blobs: S3Blobs = request.getfixturevalue("s3")
    second = S3Blobs(bucket.name, spool=tmp_path / "spool")

    def names() -> list[str]:
        left = [*bucket.unfinished(), *(str(one) for one in files(tmp_path / "spool"))]
        return [key.rpartition("/")[2] for key in bucket.listed()] + left

    yield Store(blobs, lambda: second, names)
    second.close()
