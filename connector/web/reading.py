"""Reading requests: queries and JSON bodies into checked models, pictures into bytes."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import IO, Any, TypeVar

from flask import Request, request
from pydantic import BaseModel, ValidationError
from werkzeug.datastructures import Headers
from werkzeug.http import parse_options_header

from connector.errors import BadRequest, TooLarge, Unprocessable
from connector.inbound.generic import Payload, UploadedFile, read
from connector.inbound.payload import parse_json
from connector.web.errors import invalid_values, too_many_bytes
from connector.web.services import services

M = TypeVar("M", bound=BaseModel)

MAX_KEY_LENGTH = 255
FORM_TYPES = ("multipart/form-data", "application/x-www-form-urlencoded")
ZIP_SPOOL_BYTES = 1_000_000
SPOOL_CHUNK_BYTES = 256_000


class ColabelRequest(Request):
    """A request whose uploaded pictures stay in memory: the cap is known, no files are left."""

    def _get_file_stream(
        self,
        total_content_length: int | None,
        content_type: str | None,
        filename: str | None = None,
        content_length: int | None = None,
    ) -> IO[bytes]:
        if self.path.endswith("/imports"):
            # Archives are large; this file has no name on disk and ends with the request.
            return tempfile.SpooledTemporaryFile(ZIP_SPOOL_BYTES, "w+b")
        return BytesIO()


def check_model(model: type[M], value: Any) -> M:
    """Return `value` as a checked model. Raises Unprocessable (code invalid_values)."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        sentence, problems = invalid_values(error)
        raise Unprocessable(sentence, code="invalid_values", errors=problems) from error


def read_json(model: type[M]) -> M:
    """Return the request's JSON body, checked; an absent body counts as an empty object.

    Raises BadRequest (invalid_json, not_an_object) and Unprocessable (invalid_values).
    """
    return check_model(model, json_object())


def json_object() -> dict[str, Any]:
    """Return the JSON object that is the body. Raises BadRequest, TooLarge."""
    body = raw_body()
    value = parse_json(body) if body else {}
    if not isinstance(value, dict):
        raise BadRequest("The body must be one JSON object, like {…}.", code="not_an_object")
    return value


def read_query(model: type[M]) -> M:
    """Return the query parameters, checked; of a repeated one the last counts.

    Raises Unprocessable (invalid_values).
    """
    return check_model(model, {name: values[-1] for name, values in request.args.lists() if values})


def idempotency_key(field: str | None = None) -> str | None:
    """Return the request's Idempotency-Key (header first, then `field`), None when blank.

    Raises BadRequest (bad_idempotency_key) when it is too long.
    """
    key = (request.headers.get("Idempotency-Key") or field or "").strip()
    if len(key) > MAX_KEY_LENGTH or not key.isprintable():
        raise BadRequest(
            f"An Idempotency-Key is at most {MAX_KEY_LENGTH} printable characters; shorten it.",
            code="bad_idempotency_key",
        )
    return key or None


def raw_body() -> bytes:
    """Return the whole body as bytes, never more than the cap. Raises TooLarge."""
    limit = request.max_content_length
    if limit is None or request.content_length is not None:
        # A declared length is held against the cap before anything is read.
        return request.get_data(cache=False, parse_form_data=False)
    # A chunked body is cut off at the cap, silently: one byte more tells that there was more.
    request.max_content_length = limit + 1
    data = request.get_data(cache=False, parse_form_data=False)
    if len(data) > limit:
        raise too_many_bytes(limit)
    return data


@contextmanager
def spooled_body() -> Iterator[IO[bytes]]:
    """Give the whole body as a file from its start, on disk when it is large. Raises TooLarge."""
    limit = request.max_content_length or 0
    if request.content_length is None:
        # As in raw_body: a chunked body is cut off silently, one byte more tells.
        request.max_content_length = limit + 1
    with tempfile.SpooledTemporaryFile(ZIP_SPOOL_BYTES, "w+b") as spool:
        shutil.copyfileobj(request.stream, spool, SPOOL_CHUNK_BYTES)
        if spool.tell() > limit:
            raise too_many_bytes(limit)
        spool.seek(0)
        yield spool


def read_picture_body() -> bytes:
    """Return a body that is the picture itself. Raises TooLarge beyond the upload cap."""
    limit = services().settings.max_upload_bytes
    if not is_json():
        # Known before anything is read: a picture has no envelope here.
        if (request.content_length or 0) > limit:
            raise too_many_bytes(limit)
        request.max_content_length = limit
    return raw_body()


def read_payload(image_field: str | None = None) -> Payload:
    """Return the pictures of a request in whatever form it holds them.

    Raises what `connector.inbound.generic.read` raises, and TooLarge.
    """
    if is_multipart():
        files, form = uploaded_files(), form_fields()
        return read(request.mimetype, b"", form, files, image_field=image_field)
    return read(request.content_type or "", read_picture_body(), image_field=image_field)


def is_json() -> bool:
    """Say whether the body calls itself JSON."""
    return request.mimetype == "application/json" or request.mimetype.endswith("+json")


def is_multipart() -> bool:
    """Say whether the body is a multipart form."""
    return request.mimetype == "multipart/form-data"


def uploaded_files() -> list[UploadedFile]:
    """Return the files of a multipart body. Raises TooLarge when one is above the cap."""
    limit = services().settings.max_upload_bytes
    found = []
    for field, storage in request.files.items(multi=True):
        data = storage.stream.read()
        if len(data) > limit:
            raise _file_too_large(storage.filename or field, limit)
        found.append(UploadedFile(field, storage.filename or "", data))
    return found


def _file_too_large(name: str, limit: int) -> TooLarge:
    return TooLarge(
        f"The file {name} is larger than the {limit / 1_000_000:g} MB that are accepted here; send "
        "a smaller one, or raise COLABEL_MAX_UPLOAD_BYTES.",
        code="too_many_bytes",
    )


def form_fields() -> list[tuple[str, str]]:
    """Return the text fields of a multipart body, in their order."""
    return list(request.form.items(multi=True))


def disposition_name(headers: Headers) -> str:
    """Return the file name that a raw body's Content-Disposition gives, or an empty text."""
    _, options = parse_options_header(headers.get("Content-Disposition"))
    return options.get("filename") or ""
