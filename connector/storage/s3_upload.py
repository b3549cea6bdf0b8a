"""Sending bytes to a bucket with their SHA-256: in one request, or in parts when they are many."""

from __future__ import annotations

import base64
import hashlib
import logging
from collections.abc import Iterator
from typing import IO, Any

from botocore.exceptions import BotoCoreError, ClientError

logger = logging.getLogger(__name__)

# Of what is larger, one part at a time is in memory. S3 takes up to 10,000 parts.
PART = 8 << 20


def upload(client: Any, place: dict[str, str], body: IO[bytes], size: int, sha256: str) -> None:
    """Send `body` from where it stands; the object appears when all of it has arrived intact.

    `place` is the Bucket and the Key. Raises botocore's errors; then there is no object.
    """
    if size <= PART:
        data = body.read(size)
        client.put_object(**place, Body=data, ChecksumSHA256=_encoded(bytes.fromhex(sha256)))
        return
    started = client.create_multipart_upload(**place, ChecksumAlgorithm="SHA256")
    ours = {**place, "UploadId": started["UploadId"]}
    try:
        parts = list(_send_parts(client, ours, body, size))
        client.complete_multipart_upload(**ours, MultipartUpload={"Parts": parts})
    except BaseException:
        _abort(client, ours)
        raise


def _send_parts(
    client: Any, ours: dict[str, str], body: IO[bytes], size: int
) -> Iterator[dict[str, Any]]:
    # Larger parts only where 10,000 of the usual ones would not do.
    length = max(PART, -(-size // 10_000))
    number = 0
    while data := body.read(length):
        number += 1
        checksum = _encoded(hashlib.sha256(data).digest())
        sent = client.upload_part(**ours, PartNumber=number, Body=data, ChecksumSHA256=checksum)
        yield {"PartNumber": number, "ETag": sent["ETag"], "ChecksumSHA256": checksum}


def _abort(client: Any, ours: dict[str, str]) -> None:
    """Give back the room of the parts; why the upload failed matters more than if this does."""
    try:
        client.abort_multipart_upload(**ours)
    except (BotoCoreError, ClientError) as error:
        logger.warning(
            "the parts of an upload that broke off stay in s3://%s/%s (%s); a lifecycle rule of "
            "the bucket can remove incomplete multipart uploads",
            ours["Bucket"],
            ours["Key"],
            error,
        )


def _encoded(digest: bytes) -> str:
    return base64.b64encode(digest).decode()
