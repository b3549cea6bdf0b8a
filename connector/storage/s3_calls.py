"""How a bucket is called: with what patience, and what its errors mean for a person."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError, IncompleteReadError
from botocore.exceptions import ConnectionError as UnreachableError

from connector.errors import ColabelError, NoSpace, Unavailable
from connector.settings import Bucket
from connector.storage.base import REFUSED, missing

ATTEMPTS = 3
CONNECT_SECONDS = 3.0
ANSWER_SECONDS = 15.0
# Threads of one process that may call at the same time without opening connections anew.
CONNECTIONS = 64
RETRY_AFTER = 5

AWAY = (HTTPClientError, UnreachableError, IncompleteReadError)
FULL_CODES = ("QuotaExceeded", "XMinioStorageFull", "StorageFull")
# Damaged or stopped on the way: the same request may well succeed.
ON_THE_WAY_CODES = ("BadDigest", "XAmzContentChecksumMismatch", "RequestTimeout")
REGION_CODES = ("PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraint")


class Calls:
    """One bucket behind boto3, whose client is made when it is first used, once per process.

    Credentials, region and endpoint come from where boto3 looks for them. Botocore's clients may
    be shared by threads, but not be made by several at once.
    """

    def __init__(self, bucket: Bucket, patience: float = ANSWER_SECONDS) -> None:
        self.bucket = bucket
        self._patience = patience
        self._client: Any = None
        self._lock = threading.Lock()

    @contextmanager
    def told(self, sha256: str = "") -> Iterator[Any]:
        """Give the client, and turn what goes wrong with it in the block into our errors.

        Raises NotFound when the bytes `sha256` are not there, NoSpace, and Unavailable: whatever
        keeps the store from answering, a wrong setting too, may be put right, and work that waits
        for it must not be given up.
        """
        try:
            yield self._made()
        except ClientError as error:
            raise self._answered(error, sha256) from error
        except AWAY as error:
            raise self._away(str(error)) from error
        except (BotoCoreError, ValueError) as error:
            raise self._refused(
                f"cannot be used ({error}); check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, "
                "AWS_ENDPOINT_URL_S3 and what else boto3 reads"
            ) from error

    def close(self) -> None:
        """Close the connections; the next call opens new ones."""
        with self._lock:
            if self._client is not None:
                self._client.close()
            self._client = None

    def _made(self) -> Any:
        client = self._client
        if client is not None:
            return client
        with self._lock:
            if self._client is None:
                self._client = boto3.session.Session().client("s3", config=self._config())
            return self._client

    def _config(self) -> Config:
        # We send and check SHA-256 ourselves. What botocore does by default beyond that is
        # refused by older stores that speak S3.
        return Config(
            connect_timeout=min(CONNECT_SECONDS, self._patience),
            read_timeout=self._patience,
            retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
            max_pool_connections=CONNECTIONS,
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            user_agent_extra="colabel",
        )

    def _answered(self, error: ClientError, sha256: str) -> ColabelError:
        """Return what the store's own error means."""
        told = error.response.get("Error", {})
        code, words = str(told.get("Code", "")), str(told.get("Message", ""))
        status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
        said = f"{code}: {words}"
        if code == "NoSuchBucket":
            return self._refused("does not exist: make the bucket, or correct COLABEL_STORAGE")
        if status == 404 and sha256:
            return missing(sha256)
        if status == 507 or code in FULL_CODES:
            return NoSpace(f"{self.bucket} (COLABEL_STORAGE) takes no more ({said}); make room.")
        if code in REGION_CODES:
            return self._refused(f"is in another region ({said}); correct AWS_DEFAULT_REGION")
        if status in (401, 403):
            return self._refused(
                f"refuses us ({said}): check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and that "
                "they allow s3:ListBucket, s3:GetObject, s3:PutObject and s3:DeleteObject"
            )
        if status >= 500 or status == 429 or code in ON_THE_WAY_CODES:
            return self._away(said)
        return self._refused(f"did not take a request ({said}): check that it is the right store")

    def _away(self, reason: str) -> Unavailable:
        return Unavailable(
            f"{self.bucket} (COLABEL_STORAGE) cannot be reached at present ({reason}); nothing is "
            "lost. Try again; if it stays, check the store, the network and AWS_ENDPOINT_URL_S3.",
            code="storage_unreachable",
            retry_after=RETRY_AFTER,
        )

    def _refused(self, reason: str) -> Unavailable:
        sentence = f"{self.bucket} (COLABEL_STORAGE) {reason}."
        return Unavailable(sentence, code=REFUSED, retry_after=RETRY_AFTER)
