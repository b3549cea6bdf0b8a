"""Style, scripts and icons: served from memory under names that change with their content."""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from flask import Response, request
from flask.typing import ResponseReturnValue

from connector.errors import NotFound
from connector.web.ui.pages import Pages
from connector.web.ui.words import t

FOLDER = Path(__file__).parent.parent / "static"
FOREVER = "public, max-age=31536000, immutable"
PACKED = {".css", ".js", ".svg", ".txt"}

assets = Pages("assets", __name__, anonymous=True)


class Asset(NamedTuple):
    """A file as it is served."""

    data: bytes
    packed: bytes | None
    media_type: str
    digest: str


def url(name: str) -> str:
    """Return the address of a file of static/, which changes when the file does."""
    path = FOLDER / name
    stem, _, ending = name.rpartition(".")
    return f"/static/{stem}.{_asset(name, path.stat().st_mtime_ns).digest}.{ending}"


@assets.part("/static/<path:name>", role=None)
def show(name: str) -> ResponseReturnValue:
    """Anybody may have these; there is nothing of any workspace in them."""
    stem, _, ending = name.rpartition(".")
    stem, _, digest = stem.rpartition(".")
    plain = f"{stem}.{ending}"
    path = FOLDER / plain
    if plain not in _names() or not path.is_file():
        raise NotFound(t("errors.no_page"))
    asset = _asset(plain, path.stat().st_mtime_ns)
    response = Response(asset.data, content_type=asset.media_type)
    if asset.packed is not None and request.accept_encodings.quality("gzip") > 0:
        response.set_data(asset.packed)
        response.headers["Content-Encoding"] = "gzip"
    response.headers["Vary"] = "Accept-Encoding"
    # An address from a page of the release before gets what there is now, and keeps nothing.
    response.headers["Cache-Control"] = FOREVER if digest == asset.digest else "no-cache"
    return response


def _names() -> set[str]:
    return {str(path.relative_to(FOLDER)) for path in FOLDER.rglob("*") if path.is_file()}


@lru_cache(maxsize=64)
def _asset(name: str, _changed_ns: int) -> Asset:
    data = (FOLDER / name).read_bytes()
    ending = Path(name).suffix
    kind = mimetypes.types_map.get(ending, "application/octet-stream")
    text = "; charset=utf-8" if kind.startswith("text/") else ""
    packed = gzip.compress(data, 9, mtime=0) if ending in PACKED else None
    return Asset(data, packed, kind + text, hashlib.sha256(data).hexdigest()[:12])
