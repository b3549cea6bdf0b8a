"""Folder and file names from templates such as `{label}/{date:%Y-%m}`, safe for any input.

A small formatter of its own: str.format would allow attribute access on what is filled in.
"""

from __future__ import annotations

import re
import string
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from connector.errors import BadRequest

FIELDS = (
    "label",
    "date",
    "name",
    "stem",
    "ext",
    "classifier",
    "confidence",
    "id",
    "external_id",
)
# File systems allow 255 bytes in a name; the rest is for " (12345)" and our temporary names.
MAX_PART_BYTES = 230
MAX_TEMPLATE = 500
MAX_TEXT = 5_000
EXTENSIONS = {
    "image/jpeg": "jpg",
    "image/png": "png",
    "image/webp": "webp",
    "image/gif": "gif",
    "image/bmp": "bmp",
    "image/tiff": "tif",
    "image/heic": "heic",
    "image/avif": "avif",
}
_DATE_SPEC = re.compile(r"(?:[^%{}\x00-\x1f\\]|%[YmdHMSjyGV%])*")
_CONFIDENCE_SPEC = re.compile(r"\.[0-6][f%]")
# Separators, control characters, lone surrogates, and marks that reverse how a name is shown.
_UNSAFE = re.compile("[/\\\\\x00-\x1f\x7f-\x9f\ud800-\udfff\u2028-\u202e\u2066-\u2069]")
_RESERVED = re.compile(r"(?:con|prn|aux|nul|com[1-9¹²³]|lpt[1-9¹²³])", re.IGNORECASE)
_EXTENSION = re.compile(r"[^\s.]{1,12}")
SAMPLE: Mapping[str, Any] = {
    "id": "pred_0123",
    "label": "invoice",
    "confidence": 0.97,
    "classifier_name": "Papers",
    "name": "scan 1.jpg",
    "external_id": "A-17",
    "media_type": "image/jpeg",
    "created_at": datetime(2026, 1, 31, 12, 0, tzinfo=UTC),
}


def check_template(template: str, *, one_part: bool = False) -> None:
    """Refuse a template that could not be filled in. Raises BadRequest (code bad_template).

    `one_part` is for file names, which must not contain a folder.
    """
    if len(template) > MAX_TEMPLATE or not template.strip():
        raise _bad(f"A template has between 1 and {MAX_TEMPLATE} characters; shorten or fill it.")
    for literal, field, spec in _parse(template):
        if re.search(r"[\\\x00-\x1f]", literal):
            raise _bad("Use / between folders, and no backslashes or control characters.")
        if one_part and ("/" in literal or "/" in spec):
            raise _bad("A file name must not contain /; put folders into “folder”.")
        if field is not None:
            _check_field(field, spec)
    if template.startswith("~"):
        raise _bad("“~” is not filled in; write the whole path, starting with /.")
    if any(part.strip() in (".", "..") for part in template.split("/")):
        raise _bad("“.” and “..” are not allowed in a template; name the folder itself.")


def check_text(template: str) -> None:
    """Refuse a text template that could not be filled in. Raises BadRequest (bad_template)."""
    if len(template) > MAX_TEXT:
        raise _bad(f"A text has at most {MAX_TEXT} characters; shorten it.")
    for _, field, spec in _parse(template):
        if field is not None:
            _check_field(field, spec)


def render_folder(template: str, prediction: Mapping[str, Any]) -> list[str]:
    """Fill in a template of folders; return their safe names from the top down."""
    filled = _fill(template, prediction)
    return [safe_part(part) for part in filled.split("/") if part.strip()]


def render_name(template: str, prediction: Mapping[str, Any]) -> str:
    """Fill in a file name template; the picture's own extension is added when it is missing."""
    filled = _fill(template, prediction)
    _, extension = _split(_original_name(prediction))
    if extension and not filled.lower().endswith(f".{extension.lower()}"):
        filled = f"{filled}.{extension}"
    return safe_part(filled)


def fill_text(template: str, prediction: Mapping[str, Any]) -> str:
    """Fill in a template that is read by people and names no file, such as a message."""
    return "".join(
        literal + ("" if field is None else _value(field, spec, prediction))
        for literal, field, spec in _parse(template)
    )


def safe_part(value: str) -> str:
    """Make one path part of any text: no separator, no way up, nothing hidden or reserved."""
    value = _UNSAFE.sub("_", value).strip().rstrip(". ")
    if value.startswith("."):
        value = f"_{value[1:]}"
    stem, extension = _split(value)
    if _RESERVED.fullmatch(stem.split(".")[0].strip()):
        stem = f"_{stem}"
    ending = f".{extension}" if extension else ""
    return _shorten(stem, MAX_PART_BYTES - len(ending.encode())) + ending or "_"


def numbered(name: str, number: int) -> str:
    """Return `name` for a place where it is taken: "a.jpg", 2 becomes "a (2).jpg"."""
    stem, extension = _split(name)
    return f"{stem} ({number}).{extension}" if extension else f"{stem} ({number})"


def _bad(sentence: str) -> BadRequest:
    return BadRequest(sentence, code="bad_template")


def _parse(template: str) -> list[tuple[str, str | None, str]]:
    try:
        pieces = list(string.Formatter().parse(template))
    except ValueError as error:
        raise _bad(f"The braces in “{template}” do not match; write {{{{ for a brace.") from error
    if any(conversion for _, _, _, conversion in pieces):
        raise _bad("“!” conversions are not known in a template; leave them out.")
    return [(literal, field, spec or "") for literal, field, spec, _ in pieces]


def _check_field(field: str, spec: str) -> None:
    if field not in FIELDS:
        known = ", ".join(f"{{{name}}}" for name in FIELDS)
        raise _bad(f"{{{field}}} is not known in a template; use {known}.")
    if field == "date" and not _DATE_SPEC.fullmatch(spec):
        raise _bad("A date is written like {date:%Y-%m-%d}; %H %M %S %j %y %G %V are known too.")
    if field == "confidence" and spec and not _CONFIDENCE_SPEC.fullmatch(spec):
        raise _bad("A confidence is written like {confidence:.2f} or {confidence:.0%}.")
    if field not in ("date", "confidence") and spec:
        raise _bad(f"{{{field}}} takes no format; leave out “:{spec}”.")


def _fill(template: str, prediction: Mapping[str, Any]) -> str:
    filled = ""
    for literal, field, spec in _parse(template):
        filled += literal
        if field == "date":
            # The slashes of a date's format are the author's; every other value is a stranger's.
            filled += _value(field, spec, prediction)
        elif field is not None:
            # Dots are judged on the whole part; here only what could split or hide one is.
            value = _UNSAFE.sub("_", _value(field, spec, prediction))
            filled += value if value.strip() else "_"
    return filled


def _value(field: str, spec: str, prediction: Mapping[str, Any]) -> str:
    _check_field(field, spec)
    if field == "date":
        moment = prediction["created_at"]
        moment = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
        return str(moment.astimezone(UTC).strftime(spec or "%Y-%m-%d"))
    if field == "confidence":
        return format(float(prediction.get("confidence") or 0.0), spec or ".2f")
    if field == "classifier":
        return str(prediction.get("classifier_name") or "")
    if field in ("name", "stem", "ext"):
        name = _original_name(prediction)
        stem, extension = _split(name)
        return {"name": name, "stem": stem, "ext": extension}[field]
    return str(prediction.get(field) or "")


def _original_name(prediction: Mapping[str, Any]) -> str:
    name = str(prediction.get("name") or "")
    if name.strip(" ."):
        return name
    extension = EXTENSIONS.get(str(prediction.get("media_type") or ""), "")
    return f"{prediction['id']}.{extension}" if extension else str(prediction["id"])


def _split(name: str) -> tuple[str, str]:
    """Split off an extension; "archive.tar" has one, ".hidden" and "no. 5 of 7" have none."""
    stem, dot, extension = name.rpartition(".")
    return (stem, extension) if dot and stem and _EXTENSION.fullmatch(extension) else (name, "")


def _shorten(text: str, limit: int) -> str:
    return text.encode()[:limit].decode(errors="ignore").rstrip(". ")
