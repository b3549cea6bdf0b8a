"""A store that a source names is no way into our own network, and what it says is not trusted."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from buckets import S3Bucket
from loopback import Loopback, answer

from connector.errors import Unavailable
from connector.inbound.s3_settings import S3Settings
from connector.settings import Settings
from connector.storage.object_reading import ObjectStores


@pytest.fixture
def inside() -> Iterator[Loopback]:
    """A server of our own network, which nobody may make us call."""
    with closing(Loopback(answer(b"secret"))) as server:
        yield server


def refusal(house: Settings, place: S3Settings) -> Unavailable:
    stores = ObjectStores(house)
    with closing(stores), pytest.raises(Unavailable) as refused:
        stores.get(place, place.buckets[0], "a.png")
    return refused.value


@pytest.mark.parametrize("host", ["127.0.0.1", "store.example"])
def test_a_store_inside_is_not_called(
    bucket: S3Bucket, inside: Loopback, host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = socket.getaddrinfo

    def look_up(name: Any, port: Any, *args: Any, **options: Any) -> Any:
        return real("127.0.0.1" if name == "store.example" else name, port, *args, **options)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    place = S3Settings(buckets=("scans",), endpoint_url=f"http://{host}:{inside.port}")
    error = refusal(Settings(buckets=["*"]), place)
    assert error.code == "storage_refused"
    assert "COLABEL_ALLOW_PRIVATE_ADDRESSES" in error.detail
    assert inside.connections == 0


def test_a_proxy_is_not_asked_for_it(
    bucket: S3Bucket, inside: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", inside.url)
    place = S3Settings(buckets=("scans",), endpoint_url="http://127.0.0.1:1")
    house = Settings(buckets=["*"], allow_private_addresses=["127.0.0.1"])
    assert refusal(house, place).code == "storage_unreachable"
    assert inside.connections == 0


def test_a_bucket_that_is_no_longer_allowed_is_not_read(bucket: S3Bucket) -> None:
    place = S3Settings(buckets=(bucket.name.name,))
    bucket.server.client.put_object(Bucket=bucket.name.name, Key="a.png", Body=b"x")
    assert "COLABEL_BUCKETS" in refusal(Settings(buckets=["other"]), place).detail
    with closing(ObjectStores(Settings(buckets=["*"]))) as stores:
        assert stores.get(place, bucket.name.name, "a.png").data == b"x"


def test_an_object_longer_than_it_says_is_not_taken(bucket: S3Bucket) -> None:
    head = "Last-Modified: Wed, 25 Nov 2026 08:00:00 GMT", 'ETag: "e"'
    with closing(Loopback(answer(b"x" * 2_000, *head))) as server:
        place = S3Settings(buckets=("scans",), endpoint_url=server.url.rstrip("/"))
        house = Settings(
            buckets=["*"], allow_private_addresses=["127.0.0.1"], max_upload_bytes=1_000
        )
        stores = ObjectStores(house)
        with closing(stores), pytest.raises(Exception, match="1,000 are accepted"):
            stores.get(place, "scans", "a.png")


def test_without_permission_it_is_refused_and_not_gone(bucket: S3Bucket) -> None:
    place = S3Settings(buckets=(bucket.name.name,))
    bucket.server.client.put_object(Bucket=bucket.name.name, Key="a.png", Body=b"x")
    bucket.server.ask_for_permission(True)
    try:
        error = refusal(Settings(buckets=["*"]), place)
    finally:
        bucket.server.ask_for_permission(False)
    assert error.code == "storage_refused"
    assert "colabel source policy" in error.detail
