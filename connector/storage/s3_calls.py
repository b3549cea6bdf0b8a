"""How a bucket is called: with what patience, and what its errors mean for a person."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError, IncompleteReadError
from botocore.exceptions import ConnectionError as UnreachableError

from connector.errors import ColabelError, NoSpace, NotFound, Unavailable
from connector.settings import Bucket
from connector.storage.base import REFUSED, missing

logger = logging.getLogger(__name__)

ATTEMPTS = 3
CONNECT_SECONDS = 3.0
ANSWER_SECONDS = 15.0
# Threads of one process that may call at the same time without opening connections anew.
CONNECTIONS = 64
RETRY_AFTER = 5

AWAY = (HTTPClientError, UnreachableError, IncompleteReadError)
NO_BUCKET = "NoSuchBucket"
FULL_CODES = ("QuotaExceeded", "XMinioStorageFull", "StorageFull")
# Damaged or stopped on the way: the same request may well succeed.
ON_THE_WAY_CODES = ("BadDigest", "XAmzContentChecksumMismatch", "RequestTimeout")
REGION_CODES = ("PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraint")

TRY_AGAIN = "try again. If it stays, check the store, the network and AWS_ENDPOINT_URL_S3"
CHECK_SETTINGS = (
    "check COLABEL_STORAGE, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_ENDPOINT_URL_S3 and what "
    "else boto3 reads"
)
CHECK_PERMISSIONS = (
    "check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and that they allow s3:ListBucket, "
    "s3:GetObject, s3:PutObject and s3:DeleteObject"
)


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
    def told(self, sha256: str = "", *, in_full: bool = False) -> Iterator[Any]:
        """Give the client, and turn what goes wrong with it in the block into our errors.

        Raises NotFound when the bytes `sha256` are not there, NoSpace, and Unavailable: whatever
        keeps the store from answering, a wrong setting too, may be put right, and work that waits
        for it must not be given up. Names of buckets, servers and users go into the log, and only
        `in_full` into the sentence: that one may go to anybody who sends pictures.
        """
        words = Words(self.bucket, in_full)
        try:
            yield self._made()
        except ClientError as error:
            raise (_if_missing(error, sha256) or words.of_answer(error)) from error
        except AWAY as error:
            raise words.away(str(error)) from error
        except (BotoCoreError, ValueError) as error:
            raise words.refused("cannot be used", str(error), CHECK_SETTINGS) from error

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
                self._client = boto3.session.Session().client(
                    "s3", config=client_config(self._patience)
                )
            return self._client


def client_config(patience: float, **more: Any) -> Config:
    """Return how a client calls: one answer may take `patience` seconds, and is asked for thrice.

    We send and check SHA-256 ourselves. What botocore does by default beyond that is refused by
    older stores that speak S3.
    """
    return Config(
        connect_timeout=min(CONNECT_SECONDS, patience),
        read_timeout=patience,
        retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
        max_pool_connections=CONNECTIONS,
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        user_agent_extra="colabel",
        **more,
    )


def _if_missing(error: ClientError, sha256: str) -> NotFound | None:
    code, status, _ = parts(error)
    return missing(sha256) if sha256 and status == 404 and code != NO_BUCKET else None


def parts(error: ClientError) -> tuple[str, int, str]:
    """Return a store's error as its code, its HTTP status, and both with its words."""
    told = error.response.get("Error", {})
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    code = str(told.get("Code", ""))
    return code, status, f"{code}: {told.get('Message', '')}"


@dataclass(frozen=True)
class Words:
    """What is said when a bucket does not do as it should."""

    bucket: Bucket
    in_full: bool

    def of_answer(self, error: ClientError) -> ColabelError:
        """Return what the store's own error means."""
        code, status, said = parts(error)
        if code == NO_BUCKET:
            return self.refused("does not exist", said, "make it, or correct COLABEL_STORAGE")
        if status == 507 or code in FULL_CODES:
            return NoSpace(self._sentence("takes no more", said, "make room in it"))
        if code in REGION_CODES:
            return self.refused("is in another region", said, "correct AWS_DEFAULT_REGION")
        if status in (401, 403):
            return self.refused("refuses us", said, CHECK_PERMISSIONS)
        if status >= 500 or status == 429 or code in ON_THE_WAY_CODES:
            return self.away(said)
        return self.refused("did not take a request", said, CHECK_SETTINGS)

    def away(self, reason: str) -> Unavailable:
        """Return the error for a store that may be back in a moment."""
        sentence = self._sentence("cannot be reached at present", reason, TRY_AGAIN)
        return Unavailable(sentence, code="storage_unreachable", retry_after=RETRY_AFTER)

    def refused(self, what: str, reason: str, way_on: str) -> Unavailable:
        """Return the error for what stays until somebody corrects it."""
        sentence = self._sentence(what, reason, way_on)
        return Unavailable(sentence, code=REFUSED, retry_after=RETRY_AFTER)

    def _sentence(self, what: str, reason: str, way_on: str) -> str:
        if self.in_full:
            return f"{self.bucket} (COLABEL_STORAGE) {what} ({reason}); {way_on}."
        logger.warning("%s %s (%s)", self.bucket, what, reason)
        return f"The bucket that COLABEL_STORAGE names {what}; {way_on}."
