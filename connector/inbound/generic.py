"""Any tool's webhook: find the picture in whatever it sends."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from connector.errors import BadRequest
from connector.inbound.embedded import (
    decode_embedded,
    is_base64_picture,
    is_data_uri,
    is_web_url,
    looks_like_picture,
    names_picture,
)
from connector.inbound.payload import parse_json

# In order of preference; plurals and camelCase count as the same.
FIELDS = (
    "image",
    "image_url",
    "image_base64",
    "file",
    "file_url",
    "url",
    "attachment",
    "picture",
    "photo",
    "content",
    "media",
    "data",
)
MAX_PICTURES = 20
MAX_NODES = 20_000
MAX_URL_LENGTH = 8_192
_PLAIN = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|[-\s.]+")

Path = tuple[str, ...]


@dataclass(frozen=True)
class ImageReference:
    """One picture of a request: its bytes, or the URL to fetch it from."""

    data: bytes | None = None
    url: str | None = None
    name: str = ""
    # Where in the request it stood: the path to a text, a form's file field, "" for the body.
    where: str = field(default="", compare=False)


@dataclass(frozen=True)
class UploadedFile:
    """One file of a multipart body."""

    field: str
    name: str
    data: bytes


@dataclass(frozen=True)
class Payload:
    """What a request holds: its pictures, and the plain values at its top level."""

    images: list[ImageReference]
    fields: Mapping[str, str]


@dataclass(frozen=True)
class _Candidate:
    rank: tuple[int, ...]
    shape: Path
    text: str


def parse(
    content_type: str,
    body: bytes,
    form: Sequence[tuple[str, str]] = (),
    files: Sequence[UploadedFile] = (),
) -> list[ImageReference]:
    """Return the pictures of a request, at least one and at most 20. See `read`."""
    return read(content_type, body, form, files).images


def read(
    content_type: str,
    body: bytes,
    form: Sequence[tuple[str, str]] = (),
    files: Sequence[UploadedFile] = (),
    *,
    image_field: str | None = None,
) -> Payload:
    """Return the pictures of a request (at least one, at most 20) and the values beside them.

    `body` is the raw body (empty where it was multipart), `form` the fields and `files` the files
    of a multipart body. A JSON or form text may hold the picture as a URL, as a data: URI or as
    base64, at any depth; fields whose names speak of a picture are preferred, and a list of
    pictures gives all of them. The field at the path `image_field` (`order.photo`,
    `items[].url`, or the name of a form's field) goes before all others when a picture is there.
    Raises BadRequest: empty_body, no_picture, invalid_json, invalid_base64, too_many_pictures.
    """
    kind = content_type.partition(";")[0].strip().lower()
    tree = _tree(kind, body, form)
    uploaded = [file for file in files if file.data or file.name]
    named = _named(image_field, tree, uploaded) if image_field else []
    if named:
        images = named
    elif uploaded:
        images = [_uploaded(file) for file in uploaded]
    elif tree is None:
        images = [_whole_body(kind, body)]
    else:
        images = _search(tree)
    if len(images) > MAX_PICTURES:
        raise BadRequest(
            f"This request holds {len(images)} pictures; send at most {MAX_PICTURES} at once.",
            code="too_many_pictures",
        )
    return Payload(images, _top_values(tree))


def parse_path(text: str) -> Path:
    """Return the names of a path like `order.photo` or `items[].url`. Raises ValueError."""
    path = tuple(part.strip().removesuffix("[]") for part in text.split("."))
    if not all(path) or any("[" in part or "]" in part for part in path):
        raise ValueError(
            "a path is names with dots between them, [] behind a name that holds a list: "
            "order.photo, items[].url"
        )
    return path


def _named(field_path: str, tree: Any, uploaded: Sequence[UploadedFile]) -> list[ImageReference]:
    files = [_uploaded(file) for file in uploaded if file.field == field_path]
    if files or tree is None:
        return files
    path = parse_path(field_path)
    found = {item.text: item for item in _candidates(tree) if item.shape == path}
    return [_reference(item) for item in found.values()]


def _uploaded(file: UploadedFile) -> ImageReference:
    return ImageReference(data=file.data, name=file.name, where=file.field)


def _tree(kind: str, body: bytes, form: Sequence[tuple[str, str]]) -> Any:
    """Return what the request says as a tree of values; None when its body is the picture."""
    if form:
        return _form_tree(form)
    # Senders get the content type wrong more often than the bytes: those decide.
    if not body or looks_like_picture(body[:16]):
        return None
    if kind == "application/x-www-form-urlencoded":
        return _form_tree(form_pairs(body))
    if kind.endswith("json") or _may_be_json(kind, body):
        return parse_json(body)
    return None


def _whole_body(kind: str, body: bytes) -> ImageReference:
    if not body:
        raise BadRequest(
            "The request is empty; send the picture as a multipart file, as the raw body, or as a "
            "URL or base64 text in JSON.",
            code="empty_body",
        )
    if kind.startswith("text/") and len(body) < MAX_URL_LENGTH:
        text = body.decode("ascii", "replace").strip()
        if is_web_url(text):
            return ImageReference(url=text)
    return ImageReference(data=body)


def _top_values(tree: Any) -> dict[str, str]:
    if not isinstance(tree, dict):
        return {}
    found = {}
    for name, value in tree.items():
        first = value[0] if isinstance(value, list) and len(value) == 1 else value
        if isinstance(first, str | int) and not isinstance(first, bool) and len(str(first)) < 1_000:
            found[str(name)] = str(first)
    return found


def _may_be_json(kind: str, body: bytes) -> bool:
    return kind in ("", "text/plain") and body.lstrip()[:1] in (b"{", b"[")


def form_pairs(body: bytes) -> list[tuple[str, str]]:
    """Return the fields of an urlencoded form. Raises BadRequest (invalid_form)."""
    try:
        return parse_qsl(body.decode("utf-8"), keep_blank_values=True, max_num_fields=1_000)
    except ValueError as error:
        raise BadRequest(
            "The form could not be read; send it as multipart/form-data, or the picture alone as "
            "the raw body with its own Content-Type.",
            code="invalid_form",
        ) from error


def _form_tree(pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Return the fields as a tree; a field that holds JSON (as many tools send) is opened."""
    tree: dict[str, Any] = {}
    for name, value in pairs:
        opened: Any = value
        if value[:1] in ("{", "["):
            try:
                opened = parse_json(value.encode("utf-8", "replace"))
            except BadRequest:
                opened = value
        tree.setdefault(name, []).append(opened)
    return tree


def _search(tree: Any) -> list[ImageReference]:
    found = list(_candidates(tree))
    if not found:
        raise BadRequest(
            "No picture was found in this request; send it as a multipart file, as the raw body, "
            "or as a URL or base64 text in a field named image.",
            code="no_picture",
        )
    best = min(found, key=lambda candidate: candidate.rank)
    # The same place in each element of a list: all of them are meant.
    chosen = [item for item in found if item.shape == best.shape and item.rank[0] == best.rank[0]]
    return [_reference(item) for item in {item.text: item for item in chosen}.values()]


def _reference(found: _Candidate) -> ImageReference:
    where = ".".join(found.shape)
    if is_web_url(found.text):
        return ImageReference(url=found.text, where=where)
    return ImageReference(data=decode_embedded(found.text), where=where)


def _candidates(tree: Any) -> Iterator[_Candidate]:
    for order, (path, text) in enumerate(_strings(tree)):
        plain = text.strip()
        field = _field_rank(path)
        likely = is_data_uri(plain) or names_picture(plain)
        if is_data_uri(plain) or is_web_url(plain):
            yield _Candidate(
                (int(field == len(FIELDS)), int(not likely), field, order), path, plain
            )
        elif is_base64_picture(plain):
            yield _Candidate((int(field == len(FIELDS)), 0, field, order), path, plain)


def _field_rank(path: Path) -> int:
    """Return how much the innermost telling name on the way to a text speaks of a picture."""
    for key in reversed(path):
        plain = _PLAIN.sub("_", key).lower().strip("_[]")
        for name in (plain, plain.removesuffix("s"), plain.replace("urls", "url")):
            if name in FIELDS:
                return FIELDS.index(name)
    return len(FIELDS)


def _strings(tree: Any) -> Iterator[tuple[Path, str]]:
    """Walk in document order without recursion; positions in lists are not part of a path."""
    stack: list[tuple[Path, Any]] = [((), tree)]
    for _ in range(MAX_NODES):
        if not stack:
            return
        path, value = stack.pop()
        if isinstance(value, str):
            yield path, value
        elif isinstance(value, dict):
            stack.extend(((*path, str(key)), child) for key, child in reversed(value.items()))
        elif isinstance(value, list):
            stack.extend((path, child) for child in reversed(value))
