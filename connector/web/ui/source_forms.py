"""Forms for the settings of sources: which fields each way of connecting has."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from connector.db.tables import Source
from connector.domain.classifiers import FOLDER, HOOK, S3
from connector.errors import ColabelError
from connector.ids import new_token
from connector.inbound import folder, s3_settings
from connector.web.ui.forms import Form

TEXT, LINES, YES, SECRET = "text", "lines", "yes", "secret"
FIELDS: Mapping[str, str] = {
    "image_field": TEXT,
    "path": TEXT,
    "recursive": YES,
    "suffixes": LINES,
    "buckets": LINES,
    "prefix": TEXT,
    "topics": LINES,
    "queue_url": TEXT,
    "key": SECRET,
    "endpoint_url": TEXT,
    "region": TEXT,
}


@dataclass(frozen=True)
class Way:
    """One way to connect: the kind of source that it makes, an icon, the fields it asks.

    `needed` are those that cannot be left empty.
    """

    kind: str
    icon: str
    fields: tuple[str, ...]
    needed: tuple[str, ...] = ()


WAYS: Mapping[str, Way] = {
    "hook": Way(HOOK, "link", ("image_field",)),
    "folder": Way(FOLDER, "folder", ("path", "recursive", "suffixes"), ("path",)),
    "s3": Way(
        S3, "bucket", ("buckets", "prefix", "suffixes", "topics", "key", "region"), ("buckets",)
    ),
    "sqs": Way(
        S3,
        "bucket",
        ("buckets", "prefix", "suffixes", "queue_url", "region"),
        ("buckets", "queue_url"),
    ),
    "minio": Way(
        S3,
        "bucket",
        ("buckets", "prefix", "suffixes", "endpoint_url", "key"),
        ("buckets", "endpoint_url"),
    ),
}


def way_of(row: Source) -> str:
    """Return the way by which a source was most likely connected."""
    if row.kind != S3:
        return row.kind
    if row.settings.get("queue_url"):
        return "sqs"
    return "minio" if row.settings.get("endpoint_url") else "s3"


def fields_of(row: Source) -> tuple[str, ...]:
    """Return what a source's settings are, all of its kind."""
    if row.kind == S3:
        known = s3_settings.S3Settings.model_fields
        return tuple(name for name in FIELDS if name in known or name == "key")
    return WAYS[row.kind].fields


def start(way: str) -> Form:
    """Return the form of a new source; a store's key is thought up for it."""
    values = {"way": way, "recursive": "on"}
    if way == "minio":
        values["key"] = new_token(32)
    return Form.empty(**values)


def of_source(row: Source, name: str) -> Form:
    """Return the form of a source as it is; keys are not shown."""
    kept = dict(row.settings)
    if row.kind == FOLDER and tuple(kept.get("suffixes", ())) == folder.SUFFIXES:
        kept.pop("suffixes", None)
    values = {"name": name}
    for field in fields_of(row):
        value = kept.get(field)
        if FIELDS[field] == YES:
            values[field] = "on" if value else ""
        else:
            values[field] = "\n".join(value) if isinstance(value, list) else str(value or "")
    return Form.empty(**values)


def read(kind: str, fields: tuple[str, ...], form: Form) -> dict[str, Any]:
    """Return the settings that a form's values stand for; an empty one is left out.

    An empty key stays as it is, unless "no_key" takes it away.
    """
    found: dict[str, Any] = {}
    for name in fields:
        text = form[name].strip()
        if FIELDS[name] == YES:
            found[name] = text == "on"
        elif FIELDS[name] == LINES:
            if values := [one for one in re.split(r"[\s,]+", text) if one]:
                found[name] = values
        elif text:
            found[name] = text
    if kind == S3 and form["no_key"] == "on":
        found["key"] = None
    return found


def refuse(form: Form, error: ColabelError) -> None:
    """Note what was wrong, at the field that the sentence begins with or that the code tells."""
    first = re.split(r"[\s:]", error.detail, maxsplit=1)[0]
    field = {
        "bad_name": "name",
        "name_taken": "name",
        "folder_not_allowed": "path",
        "folder_watched": "path",
        "queue_taken": "queue_url",
        "bucket_not_allowed": "queue_url" if "queue" in error.detail[:12] else "buckets",
    }.get(error.code, first if first in FIELDS else "")
    form.refuse(error, {error.code: field} if field else None)
