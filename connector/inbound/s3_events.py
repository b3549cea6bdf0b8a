"""Notifications of new objects, as each S3-like store writes them.

What differs is how the key is encoded: Amazon's notifications as a form field (a space is "+"),
MinIO's likewise with "/" encoded too, EventBridge's and Ceph's not at all.
Sources: Amazon S3 User Guide, "Event message structure" and "EventBridge event message structure";
MinIO's cmd/event-notification.go; Ceph's src/rgw/rgw_pubsub.cc.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus

from connector.errors import BadRequest

MOST_RECORDS = 1000
_PLAIN_KEYS = ("ceph:s3",)
_CREATED = "objectcreated:"
# What Hadoop and some file managers leave in the place of a folder.
_MARKERS = ("/", "_$folder$")


@dataclass(frozen=True)
class NewObject:
    """An object that was created or replaced.

    `version` is None in a bucket that keeps no versions; `sequencer` orders events of one key.
    """

    bucket: str
    key: str
    version: str | None = None
    sequencer: str | None = None
    etag: str | None = None
    size: int | None = None
    created_at: str | None = None

    @property
    def idempotency_key(self) -> str:
        """The same for every report of this one object, however often it comes."""
        told = self.version or self.sequencer or f"{self.etag} {self.created_at}"
        named = json.dumps([self.bucket, self.key, told])
        return f"s3-{hashlib.sha256(named.encode()).hexdigest()}"

    def wanted(self, prefix: str = "", suffixes: Sequence[str] = ()) -> bool:
        """Whether the key begins and ends so; upper and lower case of endings count alike."""
        low = self.key.lower()
        return self.key.startswith(prefix) and (
            not suffixes or any(low.endswith(suffix.lower()) for suffix in suffixes)
        )


@dataclass(frozen=True)
class PassedOver:
    """What a source takes nothing from, and why: a code and a sentence for its owner."""

    code: str
    detail: str


def read(value: Any) -> list[NewObject]:
    """Return the new objects that a notification tells of, in its order; none for a test event.

    Deletions, other events and markers of folders are left out. Raises BadRequest (code
    not_s3_event) for anything else.
    """
    return [one for one in read_all(value) if isinstance(one, NewObject)]


def read_all(value: Any) -> list[NewObject | PassedOver]:
    """Return what a notification tells of, in its order, with why some of it is passed over.

    Raises BadRequest (code not_s3_event) for anything else.
    """
    if not isinstance(value, Mapping):
        raise _unknown()
    if value.get("Event") == "s3:TestEvent":
        return [PassedOver("test_event", "The store tried out whether its messages arrive.")]
    if value.get("source") == "aws.s3" and "detail" in value:
        found = [_eventbridge(value)]
    elif isinstance(records := value.get("Records"), list):
        if len(records) > MOST_RECORDS:
            raise BadRequest(
                f"A notification holds {MOST_RECORDS} records at most; send it in parts.",
                code="not_s3_event",
            )
        found = [_record(record) for record in records]
    else:
        raise _unknown()
    return [_marker_or(one) for one in found]


def later(one: str, other: str) -> bool:
    """Whether a sequencer is of a later event of the same key than another.

    Hexadecimal numbers of any length, so the shorter is filled up with zeros on the left.
    """
    width = max(len(one), len(other))
    return one.lower().rjust(width, "0") > other.lower().rjust(width, "0")


def _record(record: Any) -> NewObject | PassedOver:
    told = _mapping(record)
    name = _text(told, "eventName").removeprefix("s3:")
    if not name.lower().startswith(_CREATED):
        return _another_event(name)
    s3 = _mapping(told.get("s3"))
    item = _mapping(s3.get("object"))
    key = _text(item, "key")
    if told.get("eventSource") not in _PLAIN_KEYS:
        key = unquote_plus(key)
    return _new_object(
        _text(_mapping(s3.get("bucket")), "name"),
        key,
        item,
        version=item.get("versionId"),
        created_at=told.get("eventTime"),
    )


def _eventbridge(value: Mapping[str, Any]) -> NewObject | PassedOver:
    if value.get("detail-type") != "Object Created":
        return _another_event(str(value.get("detail-type")))
    detail = _mapping(value["detail"])
    item = _mapping(detail.get("object"))
    return _new_object(
        _text(_mapping(detail.get("bucket")), "name"),
        _text(item, "key"),
        item,
        version=item.get("version-id"),
        created_at=value.get("time"),
    )


def _new_object(
    bucket: str, key: str, item: Mapping[str, Any], *, version: Any, created_at: Any
) -> NewObject:
    size = item.get("size")
    return NewObject(
        bucket,
        key,
        # Stores without versions say "null", "" or nothing.
        version=None if version in ("null", "", None) else str(version),
        sequencer=_optional(item.get("sequencer")),
        etag=_optional(item.get("eTag") or item.get("etag")),
        size=size if isinstance(size, int) and not isinstance(size, bool) else None,
        created_at=_optional(created_at),
    )


def _another_event(name: str) -> PassedOver:
    return PassedOver("not_created", f"“{name[:100]}” tells of no new object.")


def is_marker(key: str, size: int | None) -> bool:
    """Say whether an object only stands for a folder."""
    return key.endswith(_MARKERS) and not size


def _marker_or(one: NewObject | PassedOver) -> NewObject | PassedOver:
    if isinstance(one, NewObject) and is_marker(one.key, one.size):
        return PassedOver("folder_marker", f"“{one.key[:200]}” only stands for a folder.")
    return one


def _mapping(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise _unknown()
    return value


def _text(value: Mapping[str, Any], name: str) -> str:
    text = value.get(name)
    if not isinstance(text, str) or not text:
        raise _unknown()
    return text


def _optional(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _unknown() -> BadRequest:
    return BadRequest(
        "This is not a notification of S3, EventBridge, MinIO or Ceph; send the store's own JSON "
        "as it is.",
        code="not_s3_event",
    )
