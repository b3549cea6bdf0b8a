"""Pictures as browsers can show them: upright JPEGs of a size, whatever came in."""

from __future__ import annotations

from flask import Response, request

from connector import decoding
from connector.db.tables import Image
from connector.web.services import services

# Large enough for a big screen, small enough for a phone on the road.
LARGE, SMALL = 1600, 240
# What a content looks like never changes; nobody but this browser may keep it.
CACHE = "private, max-age=86400, immutable"


def rendition(picture: Image, pixels: int) -> Response:
    """Return a picture as a JPEG of at most `pixels` a side. Raises Undecodable, NotFound."""
    response = Response(content_type="image/jpeg")
    response.set_etag(f"{picture.sha256}-{pixels}")
    if not request.if_none_match.contains(response.get_etag()[0] or ""):
        here = services()
        data = here.blobs.read(picture.sha256)
        response.set_data(decoding.thumbnail(data, here.settings, pixels))
    else:
        response.status_code = 304
    response.headers["Cache-Control"] = CACHE
    return response
