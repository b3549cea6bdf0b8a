"""The settings of sources, kind by kind: checked when saved, and shown without secrets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connector.db.types import Json
from connector.domain.classifiers import FOLDER, S3
from connector.errors import Unprocessable
from connector.fetch import check_url
from connector.inbound import folder, s3_settings
from connector.inbound.generic import parse_path
from connector.inbound.s3_allowed import check_allowed
from connector.settings import Settings

HOOK_SETTINGS = ("image_field",)


def checked(
    kind: str, settings: Mapping[str, Any], house: Settings, before: Mapping[str, Any] | None = None
) -> Json:
    """Return the settings of a source of that kind as they are kept.

    `before` are those that they replace. Raises Unprocessable (bad_source_settings,
    bucket_not_allowed), and ForbiddenAddress for an endpoint that may not be called.
    """
    if kind == FOLDER:
        return folder.checked(settings).as_kept()
    if kind != S3:
        return hook(settings)
    wanted = s3_settings.check(settings, before or {})
    check_allowed(wanted, house)
    for url in (wanted.endpoint_url, None if wanted.queue_region else wanted.queue_url):
        if url is not None:
            check_url(url, settings=house)
    return s3_settings.kept(wanted)


def shown(kind: str, settings: Mapping[str, Any]) -> Json:
    """Return kept settings as people may see them."""
    return s3_settings.shown(settings) if kind == S3 else dict(settings)


def hook(settings: Mapping[str, Any]) -> Json:
    """Return a hook's settings as they are kept. Raises Unprocessable (bad_source_settings)."""
    given = {name for name, value in settings.items() if value is not None}
    unknown = sorted(given - set(HOOK_SETTINGS))
    if unknown:
        raise Unprocessable(
            f"There is no setting {unknown[0]!r} for a hook; there is {', '.join(HOOK_SETTINGS)}.",
            code="bad_source_settings",
        )
    path = settings.get("image_field")
    if path is None:
        return {}
    try:
        parse_path(path)
    except ValueError as error:
        raise Unprocessable(f"image_field: {error}.", code="bad_source_settings") from error
    return {"image_field": path}
