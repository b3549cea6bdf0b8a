"""Reports of versions, as the train worker wrote them: by their hash, so never twice from disk."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, cast

from flask import current_app

from connector.db.tables import ModelVersion
from connector.web.services import KEY, Services


def of_version(version: ModelVersion | None) -> Mapping[str, Any] | None:
    """Return the report of a version; None while there is none. Not to be changed."""
    if version is None or version.report_sha256 is None:
        return None
    return _read(current_app.extensions[KEY], version.report_sha256)


@lru_cache(maxsize=16)
def _read(here: Services, sha256: str) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", json.loads(here.blobs.read(sha256)))
