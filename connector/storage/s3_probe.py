"""Whether a store keeps conditions on writing and deleting, tried on an object of our own.

Some stores refuse a condition that they do not know, some ignore it; who ignores one would
overwrite what came in between, and the answer would not tell.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from connector.ids import new_token
from connector.storage.objects import MARK, Promises
from connector.storage.s3_answers import status

logger = logging.getLogger(__name__)

PREFIX = ".colabel-probe-"
_OTHER = '"00000000000000000000000000000000"'
# 400 and 501: the condition is not known. 404 and 409 are said by stores that look, too.
_UNKNOWN = (400, 501)


def probe(client: Any, bucket: str, folder: str) -> Promises:
    """Write a small object into `folder` of the bucket, try to overwrite and delete it, remove it.

    Raises botocore's errors when the store does not let us, or is away.
    """
    key = f"{folder}/{PREFIX}{new_token(12)}" if folder else f"{PREFIX}{new_token(12)}"
    place = {"Bucket": bucket, "Key": key}
    mine = {**place, "Metadata": {MARK: "probe"}}
    versions: list[str] = []

    def put(body: bytes, **condition: str) -> None:
        answer = client.put_object(**mine, Body=body, **condition)
        versions.append(answer.get("VersionId") or "")

    try:
        if not _known(lambda: put(b"1", IfNoneMatch="*")):
            return Promises(create=False, replace=False, delete=False)
        create = _refused(lambda: put(b"2", IfNoneMatch="*"))
        replace = _refused(lambda: put(b"3", IfMatch=_OTHER))
        delete = _refused(lambda: client.delete_object(**place, IfMatch=_OTHER))
    finally:
        _remove(client, place, [version for version in versions if version not in ("", "null")])
    found = Promises(create, replace, delete)
    if not all(found):
        logger.warning("s3://%s does not keep every condition: %s", bucket, found)
    return found


def _known(ask: Callable[[], Any]) -> bool:
    try:
        ask()
    except ClientError as error:
        if status(error) in _UNKNOWN:
            return False
        raise
    return True


def _refused(ask: Callable[[], Any]) -> bool:
    """Whether the store says no because of the condition."""
    try:
        ask()
    except ClientError as error:
        if status(error) == 412:
            return True
        if status(error) in _UNKNOWN:
            return False
        raise
    return False


def _remove(client: Any, place: dict[str, str], versions: list[str]) -> None:
    """Leave nothing behind, where we may: what stays does no harm."""
    try:
        for version in versions:
            client.delete_object(**place, VersionId=version)
        if not versions:
            client.delete_object(**place)
    except ClientError as error:
        logger.warning("%s stays in s3://%s (%s)", place["Key"], place["Bucket"], error)
