"""What a store's answers about objects say, in our words."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from email.header import Header
from typing import Any

from botocore.exceptions import ClientError

from connector.errors import ActionFailed, ColabelError, NoSpace, Unavailable
from connector.storage.base import REFUSED
from connector.storage.objects import Dress, Found
from connector.storage.s3_calls import FULL_CODES, NO_BUCKET, ON_THE_WAY_CODES, RETRY_AFTER

_HEADERS = (
    "CacheControl",
    "ContentDisposition",
    "ContentEncoding",
    "ContentLanguage",
    "ContentType",
    "StorageClass",
)


def found_in(key: str, answer: Mapping[str, Any], tags: dict[str, str]) -> Found:
    """Return the object that an answer to GET or HEAD describes."""
    # Of an object in parts it is a hash of hashes, with their number behind a hyphen.
    checksum = str(answer.get("ChecksumSHA256") or "-")
    return Found(
        key,
        etag=str(answer["ETag"]),
        version=version_in(answer),
        size=int(answer["ContentLength"]),
        modified=answer["LastModified"].isoformat(),
        sha256=None if "-" in checksum else base64.b64decode(checksum).hex(),
        dress=Dress(
            {name: answer[name] for name in _HEADERS if answer.get(name)},
            dict(answer.get("Metadata", {})),
            tags,
        ),
    )


def version_in(answer: Mapping[str, Any]) -> str | None:
    """Return the version that an answer names; None where the bucket keeps none."""
    version = answer.get("VersionId")
    return None if version in (None, "", "null") else str(version)


def in_ascii(value: str) -> str:
    """Write a value as S3 itself gives out what is not ASCII (RFC 2047)."""
    return value if value.isascii() else Header(value, "utf-8", maxlinelen=10_000).encode()


def status(error: ClientError) -> int:
    """Return the HTTP status of a store's error."""
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def code(error: ClientError) -> str:
    """Return the store's own code of its error."""
    return str(error.response.get("Error", {}).get("Code", ""))


def is_missing(error: ClientError) -> bool:
    """Whether the object is not there, though its bucket is."""
    return status(error) == 404 and code(error) != NO_BUCKET


def meaning(error: ClientError, where: str) -> ColabelError:
    """Return what a store's error means for a person."""
    told, answered = code(error), status(error)
    said = f"{told}: {error.response.get('Error', {}).get('Message', '')}"
    if answered == 507 or told in FULL_CODES:
        return NoSpace(f"{where} was not written: the store is full ({said}); make room in it.")
    # 409: two writers at once, of whom one is to try again.
    if answered >= 500 or answered in (409, 429) or told in ON_THE_WAY_CODES:
        return away(where, said)
    advice = "check the bucket's name, its region and what else boto3 reads"
    if answered in (401, 403):
        advice = (
            "check the credentials, and that they allow s3:ListBucket, and s3:GetObject, "
            "s3:PutObject, s3:DeleteObject, s3:GetObjectTagging and s3:PutObjectTagging there"
        )
    return ActionFailed(f"{where} was refused ({said}); {advice}.", code=REFUSED)


def away(where: str, said: str) -> Unavailable:
    """Return the error for a store that may be back in a moment."""
    return Unavailable(
        f"{where} cannot be reached at present ({said}); it is tried again.",
        code="storage_unreachable",
        retry_after=RETRY_AFTER,
    )


def too_large(bucket: str, key: str, max_bytes: int) -> ActionFailed:
    """Return the error for an object over COLABEL_MAX_UPLOAD_BYTES."""
    return ActionFailed(
        f"s3://{bucket}/{key} has more than {max_bytes:,} bytes and was left as it is; raise "
        "COLABEL_MAX_UPLOAD_BYTES (5 GB at most: what is larger is never taken).",
        code="too_many_bytes",
    )
