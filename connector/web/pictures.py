"""The picture of an API request and what was said about it, in any of the documented forms."""

from __future__ import annotations

from typing import TypeVar

from flask import request
from pydantic import BaseModel

from connector.errors import BadRequest
from connector.inbound.embedded import decode_embedded, looks_like_picture
from connector.inbound.generic import ImageReference, form_pairs
from connector.web.reading import (
    check_model,
    form_fields,
    is_json,
    is_multipart,
    json_object,
    read_picture_body,
    uploaded_files,
)
from connector.web.schemas.base import PictureBody

P = TypeVar("P", bound=PictureBody)


def read_picture(model: type[P], query: BaseModel) -> tuple[ImageReference, P]:
    """Return the request's one picture, and everything said about it, checked by `model`.

    What the query says holds unless the body says otherwise.
    Raises BadRequest (no_picture, two_pictures, empty_body, …), TooLarge, Unprocessable.
    """
    given = query.model_dump(exclude_unset=True, exclude={"wait"})
    if is_multipart():
        files = uploaded_files()
        said = check_model(model, given | dict(form_fields()))
        if not files:
            return _named(said), said
        chosen = next((file for file in files if file.field == "image"), files[0])
        return ImageReference(data=chosen.data, name=chosen.name), said
    if is_json():
        said = check_model(model, given | json_object())
        return _named(said), said
    body = read_picture_body()
    # curl --data-binary says urlencoded by default, picture or not: the bytes decide.
    urlencoded = request.mimetype == "application/x-www-form-urlencoded"
    if body and urlencoded and not looks_like_picture(body[:16]):
        said = check_model(model, given | dict(form_pairs(body)))
        return _named(said), said
    return ImageReference(data=body), check_model(model, given)


def _named(said: PictureBody) -> ImageReference:
    if said.image_url is not None and said.image_base64 is not None:
        raise BadRequest(
            "Both image_url and image_base64 were sent; send one of them.", code="two_pictures"
        )
    if said.image_url is not None:
        return ImageReference(url=said.image_url)
    if said.image_base64 is not None:
        return ImageReference(data=decode_embedded(said.image_base64))
    raise BadRequest(
        "There is no picture in this request; send it as the file image of a multipart form, as "
        "the raw body, or as image_url or image_base64 in JSON.",
        code="no_picture",
    )
