"""Where bytes are kept by their content's hash."""

from __future__ import annotations

from connector.settings import Settings
from connector.storage.base import Blobs
from connector.storage.local import LocalBlobs

__all__ = ["Blobs", "LocalBlobs", "open_blobs"]


def open_blobs(settings: Settings) -> Blobs:
    """Return the blob store that the settings name."""
    return LocalBlobs(settings.blobs_dir, min_free_bytes=settings.min_free_bytes)
