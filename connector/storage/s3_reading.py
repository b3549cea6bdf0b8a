"""Objects in the buckets of others, by boto3."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError

from connector.addresses import AddressPolicy
from connector.errors import (
    ColabelError,
    Conflict,
    ForbiddenAddress,
    NotFound,
    TooLarge,
    Unavailable,
    Unprocessable,
)
from connector.inbound.s3_allowed import check_allowed
from connector.inbound.s3_settings import S3Settings
from connector.settings import Settings
from connector.storage.base import REFUSED
from connector.storage.object_reading import OWN_MARK, FetchedObject, ListedObject
from connector.storage.s3 import BROKE_OFF
from connector.storage.s3_calls import (
    ANSWER_SECONDS,
    ATTEMPTS,
    AWAY,
    CONNECT_SECONDS,
    NO_BUCKET,
    ON_THE_WAY_CODES,
    REGION_CODES,
    RETRY_AFTER,
    client_config,
    parts,
)
from connector.storage.s3_guard import guard

logger = logging.getLogger(__name__)

# A store that drips is as bad as one that is away.
WHOLE_SECONDS = 60.0
CHUNK = 1 << 18
MOST_CLIENTS = 64
# Somebody has to change something; until then asking often brings nothing.
REFUSED_RETRY_AFTER = 60
GONE_CODES = ("NoSuchKey", "NoSuchVersion", "MethodNotAllowed")


class S3Objects:
    """Clients by service, endpoint and region, made when first used; botocore's may be shared."""

    def __init__(self, house: Settings) -> None:
        self._house = house
        self._clients: dict[tuple[str, str | None, str | None], Any] = {}
        self._lock = threading.Lock()

    def get(self, place: S3Settings, bucket: str, key: str, version: str | None) -> FetchedObject:
        """As `ObjectStores.get`."""
        named = {"Bucket": bucket, "Key": key} | ({"VersionId": version} if version else {})
        attempt = 1
        with self._told(place, f"s3://{bucket}") as client:
            while True:
                answer = client.get_object(**named)
                try:
                    with closing(answer["Body"]) as body:
                        return self._fetched(answer, body, key)
                except BROKE_OFF as error:
                    if attempt == ATTEMPTS:
                        raise
                    logger.warning("reading from s3://%s broke off (%s); again", bucket, error)
                attempt += 1

    def _fetched(self, answer: dict[str, Any], body: Any, key: str) -> FetchedObject:
        if OWN_MARK in answer.get("Metadata", {}):
            raise Conflict(
                f"“{key[:200]}” was written by colabel itself (its metadata has {OWN_MARK}).",
                code="own_object",
            )
        data = _read(body, int(answer["ContentLength"]), self._house.max_upload_bytes, key)
        version = answer.get("VersionId")
        etag = str(answer.get("ETag", "")).strip('"')
        return FetchedObject(
            data,
            version=None if version in (None, "", "null") else version,
            etag=etag or None,
            modified=answer["LastModified"].astimezone(UTC).isoformat(timespec="seconds"),
        )

    def list(
        self, place: S3Settings, bucket: str, prefix: str, after: str, limit: int
    ) -> Iterator[ListedObject]:
        """As `ObjectStores.list`."""
        options = {"Bucket": bucket, "Prefix": prefix, "MaxKeys": limit}
        with self._told(place, f"s3://{bucket}") as client:
            answer = client.list_objects_v2(**options, **({"StartAfter": after} if after else {}))
        for item in answer.get("Contents", []):
            yield ListedObject(item["Key"], int(item["Size"]))

    @contextmanager
    def queue(self, place: S3Settings) -> Iterator[Any]:
        """Give the client of the source's queue; what goes wrong becomes our errors."""
        url = urlsplit(place.queue_url or "")
        region = place.queue_region
        # Amazon's own endpoint is what boto3 finds; another's lies where the queue does.
        endpoint = None if region else f"{url.scheme}://{url.netloc}"
        with self._told(place, f"the queue {place.queue_name}", ("sqs", endpoint, region)) as it:
            yield it

    def close(self) -> None:
        """Close the connections."""
        with self._lock:
            for client in self._clients.values():
                client.close()
            self._clients.clear()

    @contextmanager
    def _told(
        self,
        place: S3Settings,
        what: str,
        client: tuple[str, str | None, str | None] | None = None,
    ) -> Iterator[Any]:
        try:
            check_allowed(place, self._house)
        except Unprocessable as error:
            # Known when it was saved, so the service's settings are what has changed since.
            raise _refused(error.detail) from error
        try:
            yield self._client(client or ("s3", place.endpoint_url, place.region), what)
        except ClientError as error:
            raise _answered(error, what) from error
        except HTTPClientError as error:
            raise _forbidden(error, what) or _away(what, error) from error
        except AWAY as error:
            raise _away(what, error) from error
        except (BotoCoreError, ValueError) as error:
            raise _refused(
                f"{what} cannot be used ({error}); check the source's endpoint_url and region, "
                "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and what else boto3 reads."
            ) from error

    def _client(self, wanted: tuple[str, str | None, str | None], what: str) -> Any:
        found = self._clients.get(wanted)
        if found is not None:
            return found
        service, endpoint, region = wanted
        with self._lock:
            if wanted not in self._clients:
                if len(self._clients) >= MOST_CLIENTS:
                    self._clients.clear()
                self._clients[wanted] = self._made(service, endpoint, region)
            return self._clients[wanted]

    def _made(self, service: str, endpoint: str | None, region: str | None) -> Any:
        # A long poll answers after twenty seconds.
        patience = ANSWER_SECONDS if service == "s3" else 2 * ANSWER_SECONDS
        # What others name is reached directly or not at all: a proxy would look it up itself.
        extra: dict[str, Any] = {"proxies": {}} if endpoint else {}
        if service == "sqs" and endpoint:
            region = region or "us-east-1"  # has to be something; nobody looks at it
        client = boto3.session.Session().client(
            service,
            endpoint_url=endpoint,
            region_name=region,
            config=client_config(patience, **extra),
        )
        if endpoint is not None:
            policy = AddressPolicy.parse(self._house.allow_private_addresses)
            guard(client, policy, CONNECT_SECONDS)
        return client


def _read(body: Any, length: int, most: int, key: str) -> bytes:
    if length > most:
        raise TooLarge(
            f"“{key[:200]}” has {length:,} bytes, and {most:,} are accepted here; raise "
            "COLABEL_MAX_UPLOAD_BYTES if it should be taken.",
            code="too_many_bytes",
        )
    ends, found = time.monotonic() + WHOLE_SECONDS, bytearray()
    while chunk := body.read(CHUNK):
        found += chunk
        if len(found) > most or time.monotonic() > ends:
            raise Unavailable(
                "The store sends an object more slowly, or longer, than it says.",
                code="storage_unreachable",
                retry_after=RETRY_AFTER,
            )
    return bytes(found)


def _answered(error: ClientError, what: str) -> ColabelError:
    """Return what a store's or queue's own error means."""
    code, status, said = parts(error)
    if code == NO_BUCKET or code.endswith("NonExistentQueue") or code == "QueueDoesNotExist":
        return _refused(f"{what} does not exist ({said}); make it, or correct the source.")
    if code in REGION_CODES:
        return _refused(f"{what} is in another region ({said}); correct the source's region.")
    if code == "InvalidObjectState":
        return Unprocessable(
            "The object lies in an archive class of the store and cannot be read; restore it.",
            code="object_archived",
        )
    if status == 404 or code in GONE_CODES:
        return NotFound("The object was deleted or replaced meanwhile.", code="object_gone")
    if status >= 500 or status == 429 or code in ON_THE_WAY_CODES:
        return _away(what, said)
    if status in (401, 403):
        return _refused(
            f"{what} refuses us ({said}); check the credentials, and that they allow what "
            "`colabel source policy` prints."
        )
    return _refused(f"{what} did not take a request ({said}); check the source's settings.")


def _forbidden(error: HTTPClientError, what: str) -> ColabelError | None:
    cause = error.kwargs.get("error")
    if isinstance(cause, ForbiddenAddress):
        return _refused(f"{what}: {cause.detail}")
    return None


def _away(what: str, reason: object) -> Unavailable:
    return Unavailable(
        f"{what} cannot be reached at present ({reason}); it is tried again. If it stays, check "
        "the store, the network and the source's endpoint_url.",
        code="storage_unreachable",
        retry_after=RETRY_AFTER,
    )


def _refused(sentence: str) -> Unavailable:
    return Unavailable(sentence, code=REFUSED, retry_after=REFUSED_RETRY_AFTER)
