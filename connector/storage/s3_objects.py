"""Objects in users' buckets: read, and changed under conditions that the store itself keeps.

Everything is read and written whole: pictures are small, and the bytes that were hashed are then
the ones that are written. Of the many ways to copy in S3 only PutObject keeps conditions in
almost every store, so it is the only one in use.
"""

from __future__ import annotations

import base64
import hashlib
import logging
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any
from urllib.parse import quote, urlencode

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    IncompleteReadError,
    ReadTimeoutError,
    ResponseStreamingError,
)

from connector.errors import ActionFailed
from connector.settings import Bucket
from connector.storage.base import REFUSED
from connector.storage.objects import MARK, Deleted, Dress, Found, Promises, Unconditional
from connector.storage.s3_answers import (
    away,
    found_in,
    in_ascii,
    is_missing,
    meaning,
    status,
    too_large,
    version_in,
)
from connector.storage.s3_calls import ANSWER_SECONDS, ATTEMPTS, AWAY, Calls
from connector.storage.s3_probe import probe

logger = logging.getLogger(__name__)

_BROKE_OFF = (IncompleteReadError, ReadTimeoutError, ResponseStreamingError)


class Objects(Calls):
    """The objects of one bucket. Any method raises Unavailable, NoSpace, ActionFailed."""

    def __init__(self, bucket: str, patience: float = ANSWER_SECONDS) -> None:
        super().__init__(Bucket(bucket, ""), patience)
        self._promises: Promises | None = None
        self._probing = threading.Lock()

    @contextmanager
    def asked(self, key: str) -> Iterator[Any]:
        """Give the client, and turn what goes wrong with it in the block into our errors."""
        try:
            yield self._made()
        except ClientError as error:
            raise meaning(error, f"s3://{self.bucket.name}/{key}") from error
        except AWAY as error:
            raise away(f"s3://{self.bucket.name}", str(error)) from error
        except (BotoCoreError, ValueError) as error:
            raise ActionFailed(
                f"s3://{self.bucket.name} cannot be used ({error}); check AWS_ACCESS_KEY_ID, "
                "AWS_SECRET_ACCESS_KEY, AWS_ENDPOINT_URL_S3 and what else boto3 reads.",
                code=REFUSED,
            ) from error

    def head(self, key: str) -> Found | None:
        """Return the object of this key as it is now, or None."""
        with self.asked(key) as client:
            try:
                answer = client.head_object(**self._place(key), ChecksumMode="ENABLED")
            except ClientError as error:
                if is_missing(error):
                    return None
                raise
            return found_in(key, answer, self._tags(client, key, answer))

    def marker(self, key: str) -> str | None:
        """Return the version of the delete marker that hides this key now, or None."""
        with self.asked(key) as client:
            try:
                client.head_object(**self._place(key))
            except ClientError as error:
                told = error.response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
                if status(error) == 404 and told.get("x-amz-delete-marker") == "true":
                    return str(told.get("x-amz-version-id"))
                if not is_missing(error):
                    raise
        return None

    def read(self, key: str, max_bytes: int) -> tuple[bytes, Found] | None:
        """Return an object whole, and its state at that moment; None when there is none."""
        attempt = 1
        with self.asked(key) as client:
            while True:
                try:
                    answer = client.get_object(**self._place(key))
                    with closing(answer["Body"]) as body:
                        if int(answer["ContentLength"]) > max_bytes:
                            raise too_large(self.bucket.name, key, max_bytes)
                        data = bytes(body.read())
                except ClientError as error:
                    if is_missing(error):
                        return None
                    raise
                except _BROKE_OFF:
                    if attempt == ATTEMPTS:
                        raise
                    attempt += 1
                    continue
                return data, found_in(key, answer, self._tags(client, key, answer))

    def create(self, key: str, data: bytes, dress: Dress, action_id: str) -> str | None:
        """Write a new object and return its ETag; None when there is one, which stays.

        Raises Unconditional where the store would overwrite.
        """
        if not self.promises(key).create:
            raise Unconditional(
                f"The store of s3://{self.bucket.name} does not keep the condition If-None-Match, "
                "so that something could be overwritten; nothing was written. Use a store or a "
                "release of it that knows conditional writes."
            )
        return self._put(key, data, dress, action_id, IfNoneMatch="*")

    def replace(
        self, key: str, data: bytes, dress: Dress, action_id: str, *, etag: str
    ) -> str | None:
        """Replace an object if it still has this ETag and return the new one, else None.

        Raises Unconditional where the store would replace whatever is there.
        """
        if not self.promises(key).replace:
            raise Unconditional(
                f"The store of s3://{self.bucket.name} does not keep the condition If-Match on "
                "writing, so that a newer picture could be overwritten; nothing was written. Use "
                "a store or a release of it that knows conditional writes."
            )
        return self._put(key, data, dress, action_id, IfMatch=etag)

    def check_deletable(self, key: str, version: str | None) -> None:
        """Find out before anything is done whether just this object could be deleted.

        Raises Unconditional: neither a condition nor versions would protect a newer one.
        """
        if not self.promises(key).delete and version is None:
            raise Unconditional(
                f"The store of s3://{self.bucket.name} does not keep the condition If-Match on "
                "deleting, so that a newer picture could be deleted; nothing was deleted. Turn "
                "on the bucket's versioning, or use the action “copy”."
            )

    def delete(self, found: Found) -> Deleted:
        """Delete this very object; in a bucket with versions a marker hides it instead."""
        self.check_deletable(found.key, found.version)
        guarded = self.promises(found.key).delete
        with self.asked(found.key) as client:
            condition = {"IfMatch": found.etag} if guarded else {}
            try:
                answer = client.delete_object(**self._place(found.key), **condition)
            except ClientError as error:
                if is_missing(error):
                    return Deleted("gone")
                if status(error) == 412:
                    # Also said of what an earlier try of this request has deleted.
                    return Deleted("changed" if self.head(found.key) else "gone")
                raise
            marker = answer.get("VersionId") if answer.get("DeleteMarker") else None
            if marker and not guarded and self._beneath(client, found.key) != found.version:
                # Somebody wrote in between: the marker must not hide theirs.
                client.delete_object(**self._place(found.key), VersionId=marker)
                return Deleted("changed")
            return Deleted("deleted", marker)

    def uncover(self, key: str, marker: str) -> bool:
        """Remove a delete marker; False where that is not allowed. Nothing else can be lost."""
        with self.asked(key) as client:
            try:
                client.delete_object(**self._place(key), VersionId=marker)
            except ClientError as error:
                if status(error) == 403:
                    logger.warning("may not remove a delete marker of %s: %s", key, error)
                    return False
                raise
        return True

    def tags(self, found: Found) -> dict[str, str]:
        """Return the tags of this version of an object."""
        with self.asked(found.key) as client:
            return self._tags_of(client, found.key, found.version)

    def set_tags(self, found: Found, tags: Mapping[str, str]) -> None:
        """Give this version of an object just these tags."""
        place = self._place(found.key) | ({"VersionId": found.version} if found.version else {})
        with self.asked(found.key) as client:
            if not tags:
                client.delete_object_tagging(**place)
                return
            pairs = [{"Key": name, "Value": value} for name, value in tags.items()]
            client.put_object_tagging(**place, Tagging={"TagSet": pairs})

    def promises(self, key: str) -> Promises:
        """Return which conditions the store keeps, tried out once beside `key`."""
        with self._probing:
            if self._promises is None:
                with self.asked(key) as client:
                    self._promises = probe(client, self.bucket.name, key.rpartition("/")[0])
            return self._promises

    def _put(
        self, key: str, data: bytes, dress: Dress, action_id: str, **condition: str
    ) -> str | None:
        checksum = base64.b64encode(hashlib.sha256(data).digest()).decode()
        metadata = {**dress.metadata, MARK: action_id}
        options: dict[str, Any] = {**dress.headers, **condition}
        if dress.tags:
            options["Tagging"] = urlencode(dress.tags, quote_via=quote)
        with self.asked(key) as client:
            try:
                answer = client.put_object(
                    **self._place(key),
                    **options,
                    Body=data,
                    ChecksumSHA256=checksum,
                    Metadata={name: in_ascii(value) for name, value in metadata.items()},
                )
            except ClientError as error:
                if status(error) == 412 or is_missing(error):
                    return None
                raise
            return str(answer["ETag"])

    def _tags(self, client: Any, key: str, answer: Mapping[str, Any]) -> dict[str, str]:
        # Only counted for who may read them: then they are not asked for in vain.
        return self._tags_of(client, key, version_in(answer)) if answer.get("TagCount") else {}

    def _tags_of(self, client: Any, key: str, version: str | None) -> dict[str, str]:
        place = self._place(key) | ({"VersionId": version} if version else {})
        told = client.get_object_tagging(**place)["TagSet"]
        return {one["Key"]: one["Value"] for one in told}

    def _beneath(self, client: Any, key: str) -> str | None:
        """Return the newest version of a key that is no marker."""
        pages = client.get_paginator("list_object_versions")
        for page in pages.paginate(Bucket=self.bucket.name, Prefix=key):
            for one in page.get("Versions", []):
                if one["Key"] == key:
                    return str(one["VersionId"])
        return None

    def _place(self, key: str) -> dict[str, Any]:
        return {"Bucket": self.bucket.name, "Key": key}
