"""Notifications in the words of each store, with keys that have to be decoded."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reports import aws, ceph, eventbridge, minio

from connector.errors import BadRequest
from connector.inbound import s3_events
from connector.inbound.s3_events import NewObject, PassedOver

KEY = "in/Überblick 1+1=2 (a&b)%.jpg"


SENDERS = (aws, minio, ceph, eventbridge)


@pytest.mark.parametrize("sender", SENDERS)
def test_the_key_is_what_the_object_is_called(sender: Any) -> None:
    (one,) = s3_events.read(sender(KEY))
    assert (one.bucket, one.key, one.size) == ("scans", KEY, 1024)
    assert one.version is None
    assert one.sequencer == "0055AED6DCD90281E5"


@pytest.mark.parametrize("sender", SENDERS)
@given(key=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40))
def test_any_key_comes_back(sender: Any, key: str) -> None:
    if not key.endswith(("/", "_$folder$")):
        assert [one.key for one in s3_events.read(sender(key))] == [key]


def test_percent_encoded_spaces_are_spaces_too() -> None:
    told = aws("x")
    told["Records"][0]["s3"]["object"]["key"] = quote("a b+c.jpg")
    assert s3_events.read(told)[0].key == "a b+c.jpg"


def test_what_is_no_new_picture_is_left_out() -> None:
    test = {"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "scans"}
    assert s3_events.read(test) == []
    assert s3_events.read(aws(KEY, "ObjectRemoved:Delete")) == []
    assert s3_events.read(aws(KEY, "s3:ObjectTagging:Put")) == []
    assert s3_events.read(eventbridge(KEY, "Object Deleted")) == []
    assert s3_events.read(aws("in/2026/", size=0)) == []
    assert s3_events.read(aws("in/2026_$folder$", size=0)) == []
    assert len(s3_events.read(aws("in/odd/", size=7))) == 1


def test_one_object_has_one_key_whoever_tells_of_it_and_how_often() -> None:
    keys = {s3_events.read(sender(KEY))[0].idempotency_key for sender in SENDERS}
    assert len(keys) == 1
    again = s3_events.read(aws(KEY, sequencer="0055AED6DCD90281E6"))[0].idempotency_key
    assert again not in keys, "the same key was written anew"
    assert len(again) < 255


def test_a_version_says_more_than_a_sequencer() -> None:
    one, other = (
        s3_events.read(aws(KEY, versionId="v1", sequencer=sequencer))[0]
        for sequencer in ("A0", "B0")
    )
    assert one.idempotency_key == other.idempotency_key
    assert s3_events.read(aws(KEY, versionId="null"))[0].version is None


@pytest.mark.parametrize(
    ("one", "other", "is_later"),
    [("B0", "A0", True), ("A0", "B0", False), ("100", "FF", True), ("a0", "A0", False)],
)
def test_sequencers_are_numbers_of_any_length(one: str, other: str, is_later: bool) -> None:
    assert s3_events.later(one, other) is is_later


def test_what_is_passed_over_says_why() -> None:
    for value, code in (
        ({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "scans"}, "test_event"),
        (aws(KEY, "ObjectRemoved:Delete"), "not_created"),
        (eventbridge(KEY, "Object Deleted"), "not_created"),
        (aws("in/2026/", size=0), "folder_marker"),
    ):
        (one,) = s3_events.read_all(value)
        assert isinstance(one, PassedOver)
        assert one.code == code


def test_filters() -> None:
    one = NewObject("scans", "in/A.JPG")
    assert one.wanted()
    assert one.wanted("in/", [".png", ".jpg"])
    assert not one.wanted("out/")
    assert not one.wanted("in/", [".png"])


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "Records",
                    "s3",
                    "object",
                    "bucket",
                    "name",
                    "key",
                    "eventName",
                    "source",
                    "detail",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(JSON)
def test_anything_else_is_refused_in_a_sentence(value: Any) -> None:
    code = "not_s3_event"
    try:
        s3_events.read(value)
    except BadRequest as error:
        code = error.code
    assert code == "not_s3_event"


def test_a_flood_of_records_is_refused() -> None:
    told = aws(KEY)
    told["Records"] *= s3_events.MOST_RECORDS + 1
    with pytest.raises(BadRequest, match="in parts"):
        s3_events.read(told)
