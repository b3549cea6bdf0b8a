"""Every parser of what comes from outside: whatever it is given, only the declared errors come."""

from __future__ import annotations

import io
import json
import struct
from contextlib import suppress
from typing import Any

import pytest
from hostile.archives import packed
from hostile.base import FORMATS, ordinary
from hypothesis import example, given, settings
from hypothesis import strategies as st

from connector import picture_headers
from connector.actions import exif
from connector.actions.jpeg import take_apart
from connector.actions.lossless import rotate
from connector.actions.rotated import Unrotatable
from connector.db import Database
from connector.domain import import_sources, prediction_list
from connector.errors import BadRequest, ColabelError, Forbidden, TooLarge, Unprocessable
from connector.inbound import generic, s3_events, sns
from connector.inbound.metadata import check_metadata
from connector.inbound.payload import parse_json

# No deadline: a library may be loaded by the first example.
QUICK = settings(deadline=None, max_examples=60)
JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=12,
)
DEEP = b'{"a":' * 900 + b"1" + b"}" * 900
DEEPER = b"[" * 100_000


@st.composite
def spoiled(draw: st.DrawFn, kinds: tuple[str, ...]) -> bytes:
    """A picture of some kind, of which a few bytes are others, or the end is missing."""
    data = bytearray(ordinary(draw(st.sampled_from(kinds))))
    for place, value in draw(
        st.lists(st.tuples(st.integers(0, 300), st.integers(0, 255)), max_size=6)
    ):
        data[place] = value
    return bytes(data[: draw(st.integers(0, len(data)))] if draw(st.booleans()) else data)


@QUICK
@given(st.binary(max_size=300) | JSON.map(lambda value: json.dumps(value).encode()))
@example(DEEP)
@example(DEEPER)
@example(b'{"a": 1' + b"0" * 9_999 + b"}")
def test_json(body: bytes) -> None:
    with suppress(BadRequest):
        json.dumps(parse_json(body), ensure_ascii=False, allow_nan=True).encode()


@QUICK
@given(JSON | st.text(max_size=99))
@example(DEEP.decode())
@example(DEEPER.decode())
def test_metadata(value: Any) -> None:
    with suppress(ValueError):
        assert isinstance(check_metadata(value), dict)


@QUICK
@given(
    st.sampled_from(["application/json", "text/plain", "image/jpeg", "", "a/b; c=\xff"]),
    st.binary(max_size=300) | JSON.map(lambda value: json.dumps(value).encode()),
    st.sampled_from([None, "a", "a.b", "a[]", "a[].b", "x.y.z"]),
)
@example("application/json", DEEP, None)
@example("application/json", DEEP, "a.a.a")
@example("application/json", DEEPER, None)
def test_bodies_of_hooks(kind: str, body: bytes, field: str | None) -> None:
    with suppress(BadRequest):
        generic.read(kind, body, image_field=field)


@QUICK
@given(JSON)
@example({"Records": [{"s3": {"object": {"key": "%" * 99}, "bucket": {"name": "\0"}}}]})
@example({"Records": {"s3": 1}})
def test_notifications_of_buckets(value: Any) -> None:
    with suppress(BadRequest):
        s3_events.read(value)


SIGNED = st.fixed_dictionaries(
    {
        name: JSON | st.text(max_size=30)
        for name in ("MessageId", "Message", "Timestamp", "Signature")
    }
    | {
        "Type": st.sampled_from(["Notification", "SubscriptionConfirmation"]),
        "TopicArn": st.just("arn:aws:sns:us-east-1:1:t"),
    },
    optional={
        "SignatureVersion": st.sampled_from(["1", "2", "3", 1, None]),
        "SigningCertURL": st.sampled_from(
            ["https://sns.us-east-1.amazonaws.com/a.pem", "https://[::1", "x", "http://a@b/"]
        ),
    },
)


@QUICK
@given(JSON | SIGNED, st.binary(max_size=60))
def test_messages_of_sns(value: Any, certificate: bytes) -> None:
    with suppress(BadRequest, Forbidden):
        sns.verify(value, ["arn:aws:sns:us-east-1:1:t"], lambda url: certificate)


@settings(deadline=None, max_examples=200)
@given(spoiled(FORMATS), st.sampled_from(["PNG", "GIF", "WEBP", "BMP"]))
def test_headers_of_pictures(data: bytes, kind: str) -> None:
    with suppress(ValueError, IndexError, struct.error):
        found = picture_headers.read(data, kind)
        assert found is not None
        assert found[0] > 0
        assert found[1] > 0


@settings(deadline=None, max_examples=150)
@given(spoiled(("PNG", "JPEG", "TIFF", "GIF", "BMP", "WEBP")), st.sampled_from([90, 180, 270]))
def test_pictures_to_turn(data: bytes, degrees: int) -> None:
    with suppress(Unrotatable, TooLarge):
        rotate(data, degrees, max_pixels=1_000_000)


BLOCK = exif.minimal(6)


@QUICK
@given(st.binary(max_size=80).map(lambda tail: BLOCK + tail) | st.binary(max_size=80), st.data())
def test_exif(block: bytes, data: st.DataObject) -> None:
    changed = bytearray(block)
    if changed:
        changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
    exif.read_orientation(bytes(changed))
    exif.after_turn(bytes(changed), (70_000, 5), sides_swapped=True)
    with suppress(exif.BadExif):
        exif.with_orientation(bytes(changed), 3)


def test_a_side_that_a_short_has_no_room_for_becomes_a_long() -> None:
    entries = struct.pack("<HHHIHH", 1, 0x8769, 4, 1, 26, 0) + bytes(4)
    inner = struct.pack("<HHHIHH", 1, 0xA002, 3, 1, 9, 0) + bytes(4)
    block = exif.TiffBlock(b"II*\0" + struct.pack("<I", 8) + entries + inner)
    block.set_size(70_000, 5)
    assert block.data[26 + 2 + 2 : 26 + 2 + 12] == struct.pack("<HII", 4, 1, 70_000)


@QUICK
@given(st.binary(max_size=200))
@example(b'tiff:Orientation="' + b"9" * 10_000 + b'"')
def test_xmp(packet: bytes) -> None:
    exif.xmp_orientation(packet)
    exif.xmp_with(packet, 1, (3, 4))


@QUICK
@given(spoiled(("JPEG",)))
def test_segments_of_jpegs(data: bytes) -> None:
    with suppress(Unrotatable):
        jpeg = take_apart(data)
        jpeg.orientation()
        jpeg.trailer()
        jpeg.frame()


TWO_FILES = packed([("ant/1.png", b"1" * 50), ("bee/2.png", b"2" * 50)])


@settings(deadline=None, max_examples=200)
@example([(216, 91)])
@example([(136, 0)])
@given(st.lists(st.tuples(st.integers(0, 290), st.integers(0, 255)), min_size=1, max_size=6))
def test_archives(changes: list[tuple[int, int]]) -> None:
    data = bytearray(TWO_FILES)
    for place, value in changes:
        data[place % len(data)] = value
    with suppress(Unprocessable, TooLarge):
        found = import_sources.archive(io.BytesIO(bytes(data)), len(data), 1_000)
        for entry in found.entries:
            with suppress(Unprocessable, TooLarge):
                entry.read()


@pytest.mark.parametrize("database_url", ["sqlite", "postgres"], indirect=True)
def test_cursors(database: Database) -> None:
    @QUICK
    @given(st.text(max_size=60), st.integers(-5, 10**30))
    @example("\0", 5)
    @example("\ud800", 5)
    def ask(cursor: str, limit: int) -> None:
        with database.read() as session, suppress(ColabelError):
            prediction_list.list_predictions(session, "ws_x", cursor=cursor, limit=limit)

    ask()
