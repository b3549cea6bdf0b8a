"""The pictures themselves, small and large, under addresses whose content never changes."""

from __future__ import annotations

from flask import Response
from flask.typing import ResponseReturnValue

from connector.decoding import Undecodable
from connector.domain import thumbnails
from connector.domain.thumbnails import Picture
from connector.web.answers import bytes_response
from connector.web.services import services
from connector.web.ui import visitors
from connector.web.ui.views.pictures.pages import pictures

FOREVER = "private, max-age=31536000, immutable"
JPEG, SVG = "image/jpeg", "image/svg+xml"
# What every browser shows as it is; of the others it gets a JPEG.
SHOWN = {"image/jpeg", "image/png", "image/webp", "image/gif", "image/bmp"}
# In the place of a picture of which no thumbnail can be made.
NOTHING = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64"><rect width="64" height="64" '
    'fill="#8884"/><path d="M18 20h28v24H18zM18 38l8-8 7 7 5-5 8 8M46 20L18 44" fill="none" '
    'stroke="#888" stroke-width="2"/></svg>'
)


@pictures.part("/pictures/<image_id>/small.jpg")
def small(image_id: str) -> ResponseReturnValue:
    """The thumbnail, made when it is first asked for."""
    here, picture = services(), _find(image_id)
    try:
        data = thumbnails.read(here.database, here.blobs, here.settings, picture)
    except Undecodable:
        return _nothing()
    return _kept(Response(data, content_type=JPEG))


@pictures.part("/pictures/<image_id>/large")
def large(image_id: str) -> ResponseReturnValue:
    """The picture as it came, or as a JPEG where browsers cannot show it."""
    here, picture = services(), _find(image_id)
    if picture.media_type in SHOWN:
        stream = here.blobs.open(picture.sha256)
        response = bytes_response(
            stream,
            size=picture.size,
            media_type=picture.media_type,
            name=image_id,
            etag=picture.sha256,
            inline=True,
        )
        return _kept(response)
    try:
        data = thumbnails.large(here.blobs, here.settings, picture)
    except Undecodable:
        return _nothing()
    return _kept(Response(data, content_type=JPEG))


def _find(image_id: str) -> Picture:
    with services().database.read() as session:
        return thumbnails.find(session, visitors.workspace_id(), image_id)


def _kept(response: Response) -> Response:
    response.headers["Cache-Control"] = FOREVER
    return response


def _nothing() -> Response:
    # Not kept for long: the next release may be able to read it.
    return Response(NOTHING, content_type=SVG, headers={"Cache-Control": "private, max-age=3600"})
