"""Reports of versions, as the train worker wrote them: by their hash, so seldom twice from disk."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from typing import Any, cast

from flask import current_app

from connector.db.tables import ModelVersion
from connector.storage import Blobs
from connector.web.services import services

KEY = "colabel.reports"
KEPT = 16

Report = Mapping[str, Any]


def of_version(version: ModelVersion | None) -> Report | None:
    """Return the report of a version; None while there is none. Not to be changed."""
    if version is None or version.report_sha256 is None:
        return None
    read: Callable[[str], Report] | None = current_app.extensions.get(KEY)
    if read is None:
        read = lru_cache(maxsize=KEPT)(partial(_read, services().blobs))
        current_app.extensions[KEY] = read
    return read(version.report_sha256)


def _read(blobs: Blobs, sha256: str) -> Report:
    return cast(Report, json.loads(blobs.read(sha256)))
