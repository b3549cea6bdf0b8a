"""What only a bucket has: a network in between, permissions, and others who write to it."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import pytest
from buckets import S3Bucket, files
from fetching import Serve
from loopback import Exchange, Talk, answer

from connector.errors import Damaged, NoSpace, NotFound, Unavailable
from connector.settings import Bucket
from connector.storage.base import REFUSED
from connector.storage.s3 import S3Blobs
from connector.storage.s3_upload import PART

DATA = b"a picture" * 1000
SHA256 = hashlib.sha256(DATA).hexdigest()
AWAY = "storage_unreachable"


def test_keys_are_laid_out_as_the_files_of_a_local_store(s3: S3Blobs, bucket: S3Bucket) -> None:
    s3.put(DATA)
    assert bucket.listed() == [f"colabel/{SHA256[:2]}/{SHA256}"]


def test_without_a_prefix_keys_begin_with_the_hash(bucket: S3Bucket, tmp_path: Path) -> None:
    blobs = S3Blobs(Bucket(bucket.name.name, ""), spool=tmp_path)
    blobs.put(DATA)
    assert bucket.listed() == [f"{SHA256[:2]}/{SHA256}"]
    blobs.close()


@pytest.mark.parametrize("wrong", [b"other bytes", DATA[:-1], DATA + b"x", b""])
def test_other_content_behind_a_key_is_never_given_out_as_the_right_one(
    s3: S3Blobs, bucket: S3Bucket, wrong: bytes
) -> None:
    bucket.write(s3.key(SHA256), wrong)
    with pytest.raises(Damaged, match="not the ones that were put there") as caught:
        s3.read(SHA256)
    assert (caught.value.code, caught.value.permanent) == ("blob_damaged", True)
    with pytest.raises(Damaged), s3.open(SHA256) as stream:
        stream.read()
    with pytest.raises(Damaged), s3.open(SHA256) as stream:
        hashlib.file_digest(stream, "sha256")
    # Putting the right bytes again mends it.
    s3.put(DATA)
    assert s3.read(SHA256) == DATA


def test_a_missing_bucket_is_said(bucket: S3Bucket, tmp_path: Path) -> None:
    blobs = S3Blobs(Bucket("there-is-none", "x/"), spool=tmp_path)
    with pytest.raises(
        Unavailable, match=r"s3://there-is-none/x \(COLABEL_STORAGE\) does not exist"
    ):
        blobs.check()
    asks: list[Callable[[], object]] = [
        lambda: blobs.put(DATA),
        lambda: blobs.put_stream(io.BytesIO(DATA)),
        lambda: blobs.read(SHA256),
        lambda: blobs.delete(SHA256),
    ]
    for ask in asks:
        with pytest.raises(
            Unavailable, match=r"COLABEL_STORAGE .*does not exist; make it"
        ) as caught:
            ask()
        assert caught.value.code == REFUSED
        # This sentence may go to a stranger who sent a picture.
        assert "there-is-none" not in caught.value.detail
    blobs.close()


@contextmanager
def permitted(bucket: S3Bucket, monkeypatch: pytest.MonkeyPatch, *actions: str) -> Iterator[None]:
    """Let somebody who may do only this use the bucket."""
    credentials = {
        "aws_access_key_id": "somebody",
        "aws_secret_access_key": "x",
        "endpoint_url": bucket.server.url,
        "region_name": "us-east-1",
    }
    iam = boto3.session.Session().client("iam", **credentials)
    user = bucket.name.name
    iam.create_user(UserName=user)
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_user_policy(UserName=user, PolicyName="p", PolicyDocument=policy)
    key = iam.create_access_key(UserName=user)["AccessKey"]
    iam.close()
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", key["AccessKeyId"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", key["SecretAccessKey"])
    bucket.server.ask_for_permission(True)
    try:
        yield
    finally:
        bucket.server.ask_for_permission(False)


def test_whoever_may_not_write_is_told_what_it_takes(
    s3: S3Blobs, bucket: S3Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket.write(s3.key(SHA256), DATA)
    with permitted(bucket, monkeypatch, "s3:GetObject", "s3:ListBucket"):
        assert s3.read(SHA256) == DATA
        for ask in (s3.check, lambda: s3.put(DATA)):
            with pytest.raises(Unavailable, match=r"refuses us.*s3:PutObject") as caught:
                ask()
            assert caught.value.code == REFUSED
            assert "AWS_ACCESS_KEY_ID" in caught.value.detail


def test_a_key_that_nobody_knows_is_refused(s3: S3Blobs, bucket: S3Bucket) -> None:
    bucket.server.ask_for_permission(True)
    try:
        with pytest.raises(Unavailable, match=r"refuses us \(InvalidAccessKeyId"):
            s3.check()
        with pytest.raises(Unavailable, match="refuses us"):
            s3.exists(SHA256)
    finally:
        bucket.server.ask_for_permission(False)


@pytest.mark.parametrize("variable", ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"])
def test_missing_credentials_are_said(
    s3: S3Blobs, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.delenv(variable)
    with pytest.raises(Unavailable, match=r"cannot be used.*AWS_SECRET_ACCESS_KEY") as caught:
        s3.check()
    assert caught.value.code == REFUSED


def test_an_endpoint_that_is_none_is_said(s3: S3Blobs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "nonsense")
    with pytest.raises(Unavailable, match="AWS_ENDPOINT_URL_S3") as caught:
        s3.check()
    assert caught.value.code == REFUSED


def test_the_probe_leaves_nothing(s3: S3Blobs, bucket: S3Bucket) -> None:
    s3.check()
    assert bucket.listed() == []


@pytest.fixture
def behind(
    bucket: S3Bucket, serve: Serve, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[Callable[[Talk], S3Blobs]]:
    """Give a store whose server says what a test wants."""
    made: list[S3Blobs] = []

    def start(talk: Talk) -> S3Blobs:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", serve(talk).url)
        made.append(S3Blobs(Bucket("bucket", ""), spool=tmp_path / "spool", patience=0.3))
        return made[-1]

    yield start
    for blobs in made:
        blobs.close()


def in_turn(*talks: Talk) -> Talk:
    """Talk as the first, then as the second, and so on, a connection each."""
    rest = iter(talks)
    return lambda exchange: next(rest)(exchange)


def silence(exchange: Exchange) -> None:
    exchange.closing.wait(20)


CLOSE = "Connection: close"
GONE = answer(b"", CLOSE, status="503 Slow Down")
WHOLE = answer(DATA, CLOSE)


def torn(exchange: Exchange) -> None:
    exchange.send(f"HTTP/1.1 200 OK\r\nContent-Length: {len(DATA)}\r\n\r\n".encode() + DATA[:50])


@pytest.mark.parametrize("trouble", [silence, GONE, torn, lambda exchange: None])
def test_a_moment_of_trouble_is_got_over(behind: Callable[[Talk], S3Blobs], trouble: Talk) -> None:
    assert behind(in_turn(trouble, trouble, WHOLE)).read(SHA256) == DATA


@pytest.mark.parametrize("trouble", [silence, GONE, torn, lambda exchange: None])
def test_lasting_trouble_is_unavailable_within_a_bounded_time(
    behind: Callable[[Talk], S3Blobs], trouble: Talk
) -> None:
    blobs = behind(trouble)
    began = time.monotonic()
    with pytest.raises(Unavailable, match="COLABEL_STORAGE") as caught:
        blobs.read(SHA256)
    assert time.monotonic() - began < 10
    error = caught.value
    assert (error.status, error.code, error.permanent) == (503, AWAY, False)
    assert error.retry_after is not None


def test_a_server_that_is_away_is_unavailable_for_every_call(
    behind: Callable[[Talk], S3Blobs], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    blobs = behind(silence)
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
    asks: list[Callable[[], object]] = [
        lambda: blobs.put(DATA),
        lambda: blobs.put_stream(io.BytesIO(DATA)),
        lambda: blobs.put_stream(io.BytesIO(bytes(PART + 1))),
        lambda: blobs.read(SHA256),
        lambda: blobs.open(SHA256),
        lambda: blobs.size(SHA256),
        lambda: blobs.exists(SHA256),
        lambda: blobs.delete(SHA256),
        blobs.check,
    ]
    for ask in asks:
        with pytest.raises(Unavailable) as caught:
            ask()
        assert caught.value.code == AWAY
    assert files(tmp_path / "spool") == []


ERROR = "<Error><Code>{}</Code><Message>No.</Message></Error>"


@pytest.mark.parametrize(
    ("status", "code", "raised", "told"),
    [
        ("507 Insufficient Storage", "XMinioStorageFull", NoSpace, "make room"),
        ("403 Forbidden", "QuotaExceeded", NoSpace, "make room"),
        ("301 Moved", "PermanentRedirect", Unavailable, "AWS_DEFAULT_REGION"),
        ("400 Bad Request", "BadDigest", Unavailable, "cannot be reached at present"),
        ("400 Bad Request", "NotImplemented", Unavailable, "did not take a request"),
    ],
)
def test_what_the_store_answers_is_put_in_words(
    behind: Callable[[Talk], S3Blobs], status: str, code: str, raised: Any, told: str
) -> None:
    said = answer(ERROR.format(code).encode(), CLOSE, status=status)
    # Before it gives up on a region, botocore asks where the bucket is.
    elsewhere = answer(b"", CLOSE, status="403 Forbidden")
    blobs = behind(lambda one: (elsewhere if one.request.startswith(b"HEAD") else said)(one))
    with pytest.raises(raised, match=told):
        blobs.put(DATA)


def test_the_hash_goes_with_the_bytes(
    bucket: S3Bucket, serve: Serve, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    server = serve(answer(b"", CLOSE, 'ETag: "x"'))
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", server.url)
    blobs = S3Blobs(Bucket("bucket", ""), spool=tmp_path)
    blobs.put(DATA)
    blobs.close()
    sent = base64.b64encode(hashlib.sha256(DATA).digest())
    assert b"x-amz-checksum-sha256: " + sent in server.requests[0]
    assert server.requests[0].endswith(b"\r\n\r\n" + DATA)


def test_the_parts_of_an_upload_that_broke_off_are_given_up(
    s3: S3Blobs, bucket: S3Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Unreadable(io.BytesIO):
        """What waits on disk, and cannot be read a second time beyond its first part."""

        def read(self, size: int | None = -1) -> bytes:
            if size == PART and self.tell() >= PART:
                raise OSError(5, "Input/output error")
            return super().read(size)

    monkeypatch.setattr("tempfile.TemporaryFile", lambda **_: Unreadable())
    with pytest.raises(OSError, match="Input/output"):
        s3.put_stream(io.BytesIO(bytes(2 * PART)))
    assert bucket.listed() == bucket.unfinished() == []


def test_an_object_that_goes_while_it_is_read_is_missing(s3: S3Blobs) -> None:
    sha256 = s3.put(bytes(3 << 20))
    with s3.open(sha256) as stream:
        assert stream.read(1) == b"\0"
        s3.delete(sha256)
        with pytest.raises(NotFound):
            stream.read()


def test_no_stream_is_taken_when_the_disk_for_waiting_is_short(
    bucket: S3Bucket, tmp_path: Path
) -> None:
    blobs = S3Blobs(bucket.name, spool=tmp_path, min_free_bytes=10**18)
    with pytest.raises(NoSpace, match="COLABEL_MIN_FREE_BYTES"):
        blobs.put_stream(io.BytesIO(DATA))
    assert bucket.listed() == []
    blobs.close()


def test_uploads_that_nobody_finished_are_swept(s3: S3Blobs, bucket: S3Bucket) -> None:
    client = boto3.client("s3")
    for key in (f"colabel/ab/{SHA256}", "somebody/elses"):
        client.create_multipart_upload(Bucket=bucket.name.name, Key=key)
    # The server here says of every upload that it began years ago.
    assert s3.sweep(3600) == 1
    left = client.list_multipart_uploads(Bucket=bucket.name.name).get("Uploads", [])
    assert [one["Key"] for one in left] == ["somebody/elses"]
