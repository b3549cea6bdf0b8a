"""Pictures inside text: data: URIs and plain base64."""

from __future__ import annotations

import base64
import binascii
import re
from urllib.parse import unquote_to_bytes

from connector.errors import BadRequest

# Enough characters to tell a picture by its first bytes.
_HEAD_CHARACTERS = 64
_MIN_CHARACTERS = 40
_BASE64 = re.compile(r"[A-Za-z0-9+/_\-\s]+={0,2}\s*")
_SUFFIXES = ("jpg", "jpeg", "jpe", "png", "webp", "gif", "bmp", "tif", "tiff", "heic", "avif")
_PICTURE_PATH = re.compile(rf"\.({'|'.join(_SUFFIXES)})(?:$|[?#])", re.IGNORECASE)


def looks_like_picture(head: bytes) -> bool:
    """Tell from the first bytes (12 or more) whether this may be a picture, of any kind."""
    return (
        head.startswith((b"\xff\xd8\xff", b"\x89PNG\r\n", b"GIF8", b"BM", b"II*\0", b"MM\0*"))
        or (head[:4] == b"RIFF" and head[8:12] == b"WEBP")
        or head[4:8] == b"ftyp"
    )


def is_data_uri(text: str) -> bool:
    """Say whether `text` is a data: URI."""
    return text[:5].lower() == "data:" and "," in text[:512]


def is_web_url(text: str) -> bool:
    """Say whether `text` is an http or https URL and nothing else."""
    return text[:8].lower().startswith(("http://", "https://")) and not re.search(r"\s", text)


def names_picture(url: str) -> bool:
    """Say whether the URL's path ends like a picture's name."""
    return _PICTURE_PATH.search(url) is not None


def is_base64_picture(text: str) -> bool:
    """Say whether `text` is the base64 of something that begins like a picture."""
    if len(text) < _MIN_CHARACTERS:
        return False
    head = "".join(text[: 2 * _HEAD_CHARACTERS].split())[:_HEAD_CHARACTERS]
    if not _BASE64.fullmatch(head):
        return False
    try:
        return looks_like_picture(_decode(head))
    except binascii.Error:
        return False


def _decode(text: str) -> bytes:
    plain = "".join(text.split()).translate(str.maketrans("-_", "+/")).rstrip("=")
    return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)


def decode_base64(text: str) -> bytes:
    """Return the bytes of base64 (either alphabet, with or without padding and line breaks).

    Raises BadRequest (code invalid_base64).
    """
    try:
        return _decode(text)
    except (binascii.Error, ValueError) as error:
        raise BadRequest(
            "The picture's base64 text is damaged or incomplete; encode the whole file as base64.",
            code="invalid_base64",
        ) from error


def decode_embedded(text: str) -> bytes:
    """Return the bytes of a data: URI or of plain base64. Raises BadRequest (invalid_base64)."""
    if not is_data_uri(text):
        return decode_base64(text)
    header, _, payload = text.partition(",")
    if header.lower().endswith(";base64"):
        return decode_base64(unquote_to_bytes(payload).decode("ascii", "replace"))
    return unquote_to_bytes(payload)
