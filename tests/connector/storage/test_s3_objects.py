"""Objects of users' buckets: changed under conditions, or not at all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from email.header import decode_header, make_header
from typing import Any

import pytest
from buckets import S3Bucket
from forgetful import ForgetfulStore

from connector.errors import ActionFailed, Unavailable
from connector.storage.objects import Dress, Unconditional
from connector.storage.s3_objects import Objects

Behind = Callable[..., Objects]
IF_NONE_MATCH, IF_MATCH = {"PUT": "if-none-match"}, {"PUT": "if-match"}


@pytest.fixture
def objects(bucket: S3Bucket) -> Iterator[Objects]:
    """A bucket in a store that keeps its word."""
    opened = Objects(bucket.name.name)
    yield opened
    opened.close()


@pytest.fixture
def behind(bucket: S3Bucket, monkeypatch: pytest.MonkeyPatch) -> Iterator[Behind]:
    """The same bucket behind a store that does not."""
    opened: list[Any] = []

    def open_behind(**faults: Any) -> Objects:
        store = ForgetfulStore(bucket.server.url, **faults)
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", store.url)
        opened.extend([Objects(bucket.name.name), store])
        found: Objects = opened[-2]
        return found

    yield open_behind
    for one in opened:
        one.close()


def versioned(bucket: S3Bucket) -> None:
    bucket.server.client.put_bucket_versioning(
        Bucket=bucket.name.name, VersioningConfiguration={"Status": "Enabled"}
    )


def content(bucket: S3Bucket, key: str) -> bytes:
    told = bucket.server.client.get_object(Bucket=bucket.name.name, Key=key)
    data: bytes = told["Body"].read()
    return data


@pytest.mark.parametrize("versions", [False, True])
def test_a_store_that_keeps_conditions_is_known_and_nothing_stays(
    objects: Objects, bucket: S3Bucket, versions: bool
) -> None:
    if versions:
        versioned(bucket)
    assert all(objects.promises("in/a.jpg"))
    told = bucket.server.client.list_object_versions(Bucket=bucket.name.name)
    assert told.get("Versions", []) + told.get("DeleteMarkers", []) == []


def test_what_is_there_is_never_overwritten(objects: Objects, bucket: S3Bucket) -> None:
    bucket.write("a", b"theirs")
    assert objects.create("a", b"ours", Dress(), "act_1") is None
    assert objects.replace("a", b"ours", Dress(), "act_1", etag='"other"') is None
    assert objects.replace("none", b"ours", Dress(), "act_1", etag='"other"') is None
    found = objects.head("a")
    assert found is not None
    bucket.write("a", b"newer")
    assert objects.delete(found) == ("changed", None)
    assert content(bucket, "a") == b"newer"
    bucket.server.client.delete_object(Bucket=bucket.name.name, Key="a")
    assert objects.delete(found) == ("gone", None)


def test_every_object_carries_our_mark_and_what_it_is_given(objects: Objects) -> None:
    dress = Dress({"ContentType": "image/png"}, {"who": "Jürgen", "b": "c"}, {"t": "a b+c=/d"})
    assert objects.create("é/ü +1.png", b"x", dress, "act_1")
    found = objects.head("é/ü +1.png")
    assert found is not None
    assert found.action == "act_1"
    assert found.dress.tags == {"t": "a b+c=/d"}
    assert found.dress.headers == {"ContentType": "image/png"}
    assert str(make_header(decode_header(found.dress.metadata["who"]))) == "Jürgen"
    # What has come back is taken as it is, and not wrapped again.
    assert objects.create("again", b"x", found.dress, "act_2")
    again = objects.head("again")
    assert again is not None
    assert again.dress.metadata["who"] == found.dress.metadata["who"]


@pytest.mark.parametrize("status", [None, 400, 501])
def test_a_store_that_would_overwrite_is_not_written_to(
    behind: Behind, bucket: S3Bucket, status: int | None
) -> None:
    if status is None:
        objects = behind(forgets=IF_NONE_MATCH)
    else:
        objects = behind(
            instead=lambda method, path, headers: status if "if-none-match" in headers else None
        )
    bucket.write("a", b"theirs")
    for key in ("a", "b"):
        with pytest.raises(Unconditional, match="nothing was written") as caught:
            objects.create(key, b"ours", Dress(), "act_1")
        assert (caught.value.code, caught.value.permanent) == ("store_not_conditional", True)
    assert bucket.listed() == ["a"]
    assert content(bucket, "a") == b"theirs"


def test_a_store_that_would_replace_a_newer_object_is_not_written_to(
    behind: Behind, bucket: S3Bucket
) -> None:
    objects = behind(forgets=IF_MATCH)
    assert objects.promises("a") == (True, False, True)
    bucket.write("a", b"theirs")
    with pytest.raises(Unconditional, match="If-Match on writing"):
        objects.replace("a", b"ours", Dress(), "act_1", etag='"x"')
    assert content(bucket, "a") == b"theirs"


def test_without_conditional_deletes_only_versions_make_deleting_safe(
    behind: Behind, bucket: S3Bucket
) -> None:
    objects = behind(forgets={"DELETE": "if-match"})
    bucket.write("a", b"theirs")
    found = objects.head("a")
    assert found is not None
    with pytest.raises(Unconditional, match="Turn on the bucket's versioning"):
        objects.check_deletable("a", found.version)
    with pytest.raises(Unconditional, match="nothing was deleted"):
        objects.delete(found)
    versioned(bucket)
    bucket.write("a", b"with a version")
    now = objects.head("a")
    assert now is not None
    result, marker = objects.delete(now)
    assert result == "deleted"
    assert objects.marker("a") == marker
    assert marker is not None
    assert objects.uncover("a", marker)
    assert content(bucket, "a") == b"with a version"


def test_a_marker_over_what_came_in_between_is_taken_away_again(
    behind: Behind, bucket: S3Bucket
) -> None:
    versioned(bucket)
    bucket.write("a", b"ours")
    newer: list[str] = []

    def write_newer(method: str, path: str) -> None:
        if method == "DELETE" and path.endswith("/a") and not newer:
            newer.append(path)
            bucket.write("a", b"newer")

    objects = behind(forgets={"DELETE": "if-match"}, before=write_newer)
    found = objects.head("a")
    assert found is not None
    assert objects.delete(found).result == "changed"
    assert newer
    assert content(bucket, "a") == b"newer"


def test_a_delete_whose_answer_is_lost_is_known_to_have_worked(
    behind: Behind, bucket: S3Bucket
) -> None:
    lost: list[str] = []

    def lose_first(method: str, path: str) -> bool:
        first = method == "DELETE" and path.endswith("/a") and not lost
        lost.extend([path] if first else [])
        return first

    objects = behind(after=lose_first)
    bucket.write("a", b"ours")
    found = objects.head("a")
    assert found is not None
    assert objects.delete(found).result == "gone"
    assert (bucket.listed(), len(lost)) == ([], 1)


@pytest.mark.parametrize(
    ("status", "kind", "permanent"),
    [(403, ActionFailed, True), (500, Unavailable, False), (409, Unavailable, False)],
)
def test_refusals_are_final_and_troubles_pass(
    behind: Behind, status: int, kind: type[Exception], permanent: bool
) -> None:
    objects = behind(instead=lambda method, path, headers: status if method == "PUT" else None)
    with pytest.raises(kind, match="s3://") as caught:
        objects.create("a", b"x", Dress(), "act_1")
    assert getattr(caught.value, "permanent", None) is permanent


def test_a_bucket_that_is_not_there_and_a_large_object_are_sentences(
    objects: Objects, bucket: S3Bucket
) -> None:
    bucket.write("big", b"x" * 11)
    with pytest.raises(ActionFailed, match="COLABEL_MAX_UPLOAD_BYTES"):
        objects.read("big", 10)
    assert objects.read("none", 10) is None
    nowhere = Objects("there-is-no-such-bucket")
    with pytest.raises(ActionFailed, match="refused"):
        nowhere.create("a", b"x", Dress(), "act_1")
    nowhere.close()
