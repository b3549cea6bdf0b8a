"""Where bytes are kept by their content's hash."""

from __future__ import annotations

import logging
from functools import cache
from typing import TYPE_CHECKING

from connector.errors import ConfigurationError, NoSpace, Unavailable
from connector.settings import Settings
from connector.storage.base import REFUSED, Blobs
from connector.storage.local import LocalBlobs

if TYPE_CHECKING:
    from connector.storage.s3 import S3Blobs
    from connector.storage.s3_objects import Objects

__all__ = ["Blobs", "LocalBlobs", "check_at_start", "open_blobs", "open_bucket", "open_objects"]

logger = logging.getLogger(__name__)


def open_blobs(settings: Settings) -> Blobs:
    """Return the blob store that the settings name; nothing is connected to yet."""
    bucket = open_bucket(settings)
    if bucket is not None:
        return bucket
    return LocalBlobs(settings.blobs_dir, min_free_bytes=settings.min_free_bytes)


def open_bucket(settings: Settings) -> S3Blobs | None:
    """Return the store in a bucket, or None when the settings name local disk."""
    if settings.bucket is None:
        return None
    # Here, so that whoever keeps everything on local disk never loads boto3.
    from connector.storage.s3 import S3Blobs

    return S3Blobs(
        settings.bucket, spool=settings.spool_dir, min_free_bytes=settings.min_free_bytes
    )


@cache
def open_objects(bucket: str) -> Objects:
    """Return the objects of somebody's bucket; one client for each bucket and process."""
    from connector.storage.s3_objects import Objects

    return Objects(bucket)


def check_at_start(settings: Settings) -> None:
    """Try a bucket before anything stands on it. Raises ConfigurationError when it refuses us.

    One that is full or cannot be reached only gets a warning: it is waited for, as other
    neighbours are.
    """
    blobs = open_bucket(settings)
    if blobs is None:
        return
    try:
        blobs.check()
    except (Unavailable, NoSpace) as error:
        if error.code == REFUSED:
            raise ConfigurationError(error.detail) from error
        logger.warning(error.detail)
    finally:
        blobs.close()
