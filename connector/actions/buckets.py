"""Addresses in buckets: which ones rules may touch, and what a template makes of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from connector.actions.base import Location
from connector.actions.templates import render_folder
from connector.errors import ActionFailed, BadRequest
from connector.settings import Settings

SCHEME = "s3://"
# S3's own limit on a key, in bytes.
MAX_KEY_BYTES = 1024
_ADDRESS = re.compile(r"s3://(?P<bucket>[A-Za-z0-9._-]{3,255})(?P<rest>/.*)?", re.DOTALL)


def s3(
    bucket: str,
    key: str,
    *,
    version: str | None = None,
    etag: str | None = None,
    source_id: str = "",
    sha256: str | None = None,
) -> Location:
    """Return the location of a picture that is an object in a bucket."""
    location: Location = {"kind": "s3", "bucket": bucket, "key": key, "version": version}
    location |= {"etag": etag, "source_id": source_id}
    return {**location, "sha256": sha256} if sha256 else location


def check_key(bucket: str, key: str, settings: Settings) -> None:
    """Refuse what no operator has opened to rules. Raises ActionFailed (bucket_not_allowed)."""
    if _allowed_prefix(bucket, key, settings) is None:
        raise ActionFailed(_sentence(f"{SCHEME}{bucket}/{key}"), code="bucket_not_allowed")
    if len(key.encode()) > MAX_KEY_BYTES:
        raise ActionFailed(
            f"{SCHEME}{bucket}/{key[:80]}… has a name of more than {MAX_KEY_BYTES} bytes, which "
            "no bucket takes; make the rule's folder or name shorter.",
            code="name_too_long",
        )


def folder_in_bucket(
    template: str, prediction: Mapping[str, Any], settings: Settings
) -> dict[str, str]:
    """Fill in a template such as s3://bucket/prefix/{label}; return the folder's location.

    Raises BadRequest (codes bad_template, bucket_not_allowed).
    """
    found = _ADDRESS.fullmatch(template)
    if found is None:
        raise BadRequest(
            "A folder in a bucket is written s3://bucket/folder, the bucket's name without "
            "{fields}.",
            code="bad_template",
        )
    # As with folders: what is allowed must stand in the template as it is.
    rest = re.sub("/+", "/", found["rest"] or "").lstrip("/")
    prefix = _allowed_prefix(found["bucket"], f"{rest}/", settings)
    if prefix is None:
        raise BadRequest(_sentence(template), code="bucket_not_allowed")
    parts = [prefix.rstrip("/"), *render_folder(f"{rest}/"[len(prefix) :], prediction)]
    key = "/".join(part for part in parts if part)
    return {"kind": "s3", "bucket": found["bucket"], "key": key, "source_id": ""}


def folder_beside(
    template: str, location: Location, prediction: Mapping[str, Any]
) -> dict[str, str]:
    """Fill in a relative template; its folder is made where the object lies."""
    folder = str(location["key"]).rpartition("/")[0]
    key = "/".join([*([folder] if folder else []), *render_folder(template, prediction)])
    source_id = location.get("source_id") or ""
    return {"kind": "s3", "bucket": location["bucket"], "key": key, "source_id": source_id}


def _allowed_prefix(bucket: str, key: str, settings: Settings) -> str | None:
    """Return the longest prefix opened to rules that the key begins with, or None."""
    own = settings.bucket
    if own is not None and own.name == bucket and key.startswith(own.prefix):
        return None
    prefixes = [
        one.prefix
        for one in settings.rule_buckets
        if one.name == bucket and key.startswith(one.prefix)
    ]
    return max(prefixes, key=len, default=None)


def _sentence(address: str) -> str:
    return (
        f"Rules may not touch {address}; whoever runs the service opens a bucket, or a prefix of "
        "one, to them in COLABEL_RULE_BUCKETS (never where COLABEL_STORAGE keeps its own)."
    )
