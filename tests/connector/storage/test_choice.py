"""Which store the settings name, and what is said before anything stands on it."""

from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path

import pytest
from buckets import S3Bucket
from click.testing import CliRunner

from connector.checkup import machine, places
from connector.cli import cli
from connector.errors import ConfigurationError
from connector.settings import Bucket, Settings, load_settings
from connector.storage import LocalBlobs, check_at_start, open_blobs
from connector.storage.s3 import S3Blobs

NOWHERE = "http://127.0.0.1:9"


@pytest.mark.parametrize(
    ("storage", "bucket"),
    [
        ("s3://pictures", Bucket("pictures", "")),
        ("s3://pictures/", Bucket("pictures", "")),
        ("s3://pictures/a/b", Bucket("pictures", "a/b/")),
        ("s3://my.pictures/a/b/", Bucket("my.pictures", "a/b/")),
    ],
)
def test_a_bucket_and_a_prefix_are_read(storage: str, bucket: Bucket) -> None:
    settings = load_settings(storage=storage)
    assert settings.bucket == bucket
    assert isinstance(open_blobs(settings), S3Blobs)
    assert str(bucket) == storage.rstrip("/")


@pytest.mark.parametrize("storage", ["", "file:///srv/pictures"])
def test_local_disk_is_what_it_was(storage: str, tmp_path: Path) -> None:
    settings = load_settings(storage=storage, data_dir=tmp_path)
    assert settings.bucket is None
    blobs = open_blobs(settings)
    assert isinstance(blobs, LocalBlobs)
    assert blobs.root == (Path("/srv/pictures") if storage else tmp_path / "blobs")


@pytest.mark.parametrize(
    "storage", ["s3://", "s3://a", "s3:///x", "s3://a b/c", "s3://bucket/a?b", "/srv", "gs://x/y"]
)
def test_other_places_are_refused(storage: str) -> None:
    with pytest.raises(ConfigurationError, match=r"COLABEL_STORAGE .*s3://bucket/prefix"):
        load_settings(storage=storage)


def test_boto3_is_loaded_only_for_a_bucket() -> None:
    program = """
import sys
from connector.settings import load_settings
from connector.storage import open_blobs
open_blobs(load_settings(storage="file:///tmp/x"))
assert "boto3" not in sys.modules
open_blobs(load_settings(storage="s3://bucket/x"))
assert "boto3" in sys.modules
"""
    subprocess.run([sys.executable, "-c", program], check=True)


@pytest.fixture
def kept_in(bucket: S3Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings that name the bucket, in the environment too."""
    monkeypatch.setenv("COLABEL_STORAGE", str(bucket.name))
    monkeypatch.setenv("COLABEL_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("COLABEL_MIN_FREE_BYTES", "0")
    return load_settings()


def test_a_bucket_that_works_passes(kept_in: Settings, bucket: S3Bucket) -> None:
    check_at_start(kept_in)
    found = places.storage(kept_in)
    assert (found.status, found.part) == ("ok", "storage")
    assert str(bucket.name) in found.sentence
    assert "uploads wait" in places.disk(kept_in).sentence
    assert bucket.listed() == []


def test_nothing_starts_on_a_bucket_that_is_missing(kept_in: Settings) -> None:
    wrong = kept_in.model_copy(update={"storage": "s3://there-is-none/x"})
    with pytest.raises(ConfigurationError, match=r"make it, or correct COLABEL_STORAGE"):
        check_at_start(wrong)
    found = places.storage(wrong)
    assert found.status == "fail"
    assert "COLABEL_STORAGE" in found.sentence


@pytest.mark.parametrize("command", [["up", "--port", "0"], ["web"], ["worker", "classify"]])
def test_commands_end_with_the_reason(
    kept_in: Settings, monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    monkeypatch.setenv("COLABEL_STORAGE", "s3://there-is-none/x")
    whole = [sys.executable, "-m", "connector.cli", *command]
    done = subprocess.run(whole, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "s3://there-is-none/x (COLABEL_STORAGE) does not exist" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_denied_bucket_is_refused_at_the_start(kept_in: Settings, bucket: S3Bucket) -> None:
    bucket.server.ask_for_permission(True)
    try:
        with pytest.raises(ConfigurationError, match="s3:PutObject"):
            check_at_start(kept_in)
        assert "AWS_ACCESS_KEY_ID" in places.storage(kept_in).sentence
    finally:
        bucket.server.ask_for_permission(False)


def test_one_that_is_away_is_waited_for(
    kept_in: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", NOWHERE)
    with caplog.at_level(logging.WARNING):
        check_at_start(kept_in)
    assert "cannot be reached at present" in caplog.text
    found = places.storage(kept_in)
    assert found.status == "fail"
    assert "AWS_ENDPOINT_URL_S3" in found.sentence


def test_doctor_shows_it(kept_in: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    # What torch and ONNX Runtime can do here is another test's matter, and takes long.
    monkeypatch.setattr(machine, "run", lambda: iter(()))
    kept_in.data_dir.mkdir()
    said = CliRunner().invoke(cli, ["doctor"]).output
    assert "objects can be written, read and deleted" in said
    monkeypatch.setenv("COLABEL_STORAGE", "s3://there-is-none/x")
    done = CliRunner().invoke(cli, ["doctor"])
    assert "make it, or correct" in done.output
    assert done.exit_code == 1
