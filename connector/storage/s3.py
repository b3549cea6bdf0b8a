"""Blobs in a bucket of any store that speaks S3. Only loaded where COLABEL_STORAGE names one.

The keys are laid out as the files of the local store are, so that either can be copied to the
other. An object is never seen half-written, and putting the same bytes twice does no harm.
"""

from __future__ import annotations

import hashlib
import io
import logging
import tempfile
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, Any, BinaryIO

from botocore.exceptions import IncompleteReadError, ReadTimeoutError, ResponseStreamingError

from connector.errors import NotFound, Unavailable
from connector.ids import new_token
from connector.settings import Bucket
from connector.storage.base import REFUSED
from connector.storage.s3_calls import ANSWER_SECONDS, ATTEMPTS, Calls
from connector.storage.s3_stream import check, open_object
from connector.storage.s3_upload import upload
from connector.storage.space import FreeSpace, full_said

logger = logging.getLogger(__name__)

CHUNK = 1 << 20
BROKE_OFF = (IncompleteReadError, ReadTimeoutError, ResponseStreamingError)


class S3Blobs:
    """Objects `prefix/ab/abcd…`, by the first byte of the hash and the hash.

    `spool` is a local folder in which a stream waits until its hash is known. `patience` is how
    long one answer may take, in seconds; each request is tried three times.
    """

    def __init__(
        self,
        bucket: Bucket,
        *,
        spool: Path,
        min_free_bytes: int = 0,
        patience: float = ANSWER_SECONDS,
    ) -> None:
        self.bucket = bucket
        self._spool = spool
        self._space = FreeSpace(spool, min_free_bytes)
        self._calls = Calls(bucket, patience)

    def key(self, sha256: str) -> str:
        """Return the blob's key, whether or not it is there."""
        return f"{self.bucket.prefix}{sha256[:2]}/{sha256}"

    def put(self, data: bytes, sha256: str | None = None) -> str:
        """Send the bytes; the store answers when they are kept. Raises NoSpace, Unavailable."""
        # Not asked first whether they are there: that costs as much as sending a picture, and
        # sending it puts a damaged object right.
        sha256 = sha256 or hashlib.sha256(data).hexdigest()
        self._send(io.BytesIO(data), len(data), sha256)
        return sha256

    def put_stream(self, stream: IO[bytes]) -> str:
        """As `put`; what was read waits on local disk until its hash, and so its key, is known."""
        self._spool.mkdir(parents=True, exist_ok=True, mode=0o700)
        sha256, size = hashlib.sha256(), 0
        with full_said(self._spool), tempfile.TemporaryFile(dir=self._spool) as waiting:
            while chunk := stream.read(CHUNK):
                self._space.check()
                sha256.update(chunk)
                size += waiting.write(chunk)
            waiting.seek(0)
            self._send(waiting, size, sha256.hexdigest())
        return sha256.hexdigest()

    def _send(self, body: IO[bytes], size: int, sha256: str) -> None:
        with self._calls.told() as client:
            upload(client, self._place(self.key(sha256)), body, size, sha256)

    def read(self, sha256: str) -> bytes:
        """Return the bytes. Raises NotFound, Damaged, Unavailable."""
        data = self._get(sha256)
        check(hashlib.sha256(data).hexdigest(), sha256)
        return data

    def open(self, sha256: str) -> BinaryIO:
        """Return a stream that fetches what is read of it. Raises NotFound, Unavailable.

        Reading raises Unavailable, and Damaged at the end of what was read from the start.
        """

        def fetch(start: int, end: int) -> bytes:
            return self._get(sha256, Range=f"bytes={start}-{end - 1}")

        return open_object(fetch, self.size(sha256), sha256)

    def _get(self, sha256: str, **options: str) -> bytes:
        """Return an object or a range of it."""
        attempt = 1
        with self._calls.told(sha256) as client:
            while True:
                answer = client.get_object(**self._place(self.key(sha256)), **options)
                try:
                    with closing(answer["Body"]) as body:
                        return bytes(body.read())
                except BROKE_OFF as error:
                    # Botocore itself only tries again until an answer begins.
                    if attempt == ATTEMPTS:
                        raise
                    logger.warning("reading from %s broke off (%s); again", self.bucket, error)
                attempt += 1

    def size(self, sha256: str) -> int:
        """Return the number of bytes. Raises NotFound, Unavailable."""
        with self._calls.told(sha256) as client:
            return int(client.head_object(**self._place(self.key(sha256)))["ContentLength"])

    def exists(self, sha256: str) -> bool:
        """Say whether the bytes are kept. Raises Unavailable."""
        try:
            self.size(sha256)
        except NotFound:
            return False
        return True

    def delete(self, sha256: str) -> None:
        """Forget the bytes; fine when there are none. Raises Unavailable."""
        with self._calls.told() as client:
            client.delete_object(**self._place(self.key(sha256)))

    def sweep(self, seconds: float) -> int:
        """Abort uploads in parts that began so many seconds ago or earlier: they cost space.

        Returns how many. Raises Unavailable.
        """
        before, removed = datetime.now(UTC) - timedelta(seconds=seconds), 0
        with self._calls.told() as client:
            pages = client.get_paginator("list_multipart_uploads")
            for page in pages.paginate(Bucket=self.bucket.name, Prefix=self.bucket.prefix):
                for begun in page.get("Uploads", []):
                    if begun["Initiated"] <= before:
                        place = self._place(begun["Key"])
                        client.abort_multipart_upload(**place, UploadId=begun["UploadId"])
                        removed += 1
        return removed

    def check(self) -> None:
        """Write, read and delete a probe. Raises Unavailable and NoSpace, saying what to do."""
        place = self._place(f"{self.bucket.prefix}probe/{new_token(12)}")
        with self._calls.told(in_full=True) as client:
            data = place["Key"].encode()
            upload(client, place, io.BytesIO(data), len(data), hashlib.sha256(data).hexdigest())
            with closing(client.get_object(**place)["Body"]) as body:
                back = body.read()
            client.delete_object(**place)
        if back != data or self._is_there(place):
            raise Unavailable(
                f"{self.bucket} (COLABEL_STORAGE) does not do as S3 does: what was written and "
                "deleted did not come back, or did not go; choose another store.",
                code=REFUSED,
            )

    def _is_there(self, place: dict[str, str]) -> bool:
        # Who may not list is told 403 instead of 404, and then nothing could be known to be gone.
        try:
            with self._calls.told(place["Key"], in_full=True) as client:
                client.head_object(**place)
        except NotFound:
            return False
        return True

    def close(self) -> None:
        """Close the connections; the next call opens new ones."""
        self._calls.close()

    def _place(self, key: str) -> dict[str, Any]:
        return {"Bucket": self.bucket.name, "Key": key}
