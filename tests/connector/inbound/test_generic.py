"""The picture is found in whatever a tool sends."""

from __future__ import annotations

import base64
import json
from contextlib import suppress
from typing import Any
from urllib.parse import urlencode

import pytest
from colours import picture
from hypothesis import given
from hypothesis import strategies as st

from connector.errors import BadRequest
from connector.inbound.generic import ImageReference, UploadedFile, parse, read

PNG = picture("red")
JPEG = picture("blue", kind="JPEG")
TEXT = base64.b64encode(PNG).decode()
URL = "https://example.com/pictures/1.jpg?size=large"


def from_json(value: Any) -> list[ImageReference]:
    return parse("application/json", json.dumps(value).encode())


@pytest.mark.parametrize(
    "content_type",
    [
        "image/png",
        "application/octet-stream",
        "",
        "application/x-www-form-urlencoded",
        "text/plain",
    ],
)
def test_a_raw_picture_is_itself_whatever_its_type_says(content_type: str) -> None:
    assert parse(content_type, PNG) == [ImageReference(data=PNG)]


def test_files_of_a_form_are_all_pictures() -> None:
    files = [UploadedFile("a", "1.png", PNG), UploadedFile("b", "2.jpg", JPEG)]
    found = parse("multipart/form-data", b"", [("note", "hello")], files)
    assert found == [ImageReference(PNG, None, "1.png"), ImageReference(JPEG, None, "2.jpg")]


def test_an_empty_file_field_without_a_name_is_no_picture() -> None:
    found = parse("multipart/form-data", b"", [("url", URL)], [UploadedFile("image", "", b"")])
    assert found == [ImageReference(url=URL)]


@pytest.mark.parametrize(
    "value",
    [
        {"image_url": URL},
        {"imageUrl": URL},
        {"event": {"payload": {"attachments": [{"url": URL}]}}},
        [{"deep": [{"photo": URL}]}],
        {"title": "A page", "link": "https://example.com/about", "picture": URL},
        {"url": "https://tool.example/records/17", "file": {"href": URL}},
        {"whatever": URL},
        URL,
        {"json": "yes", "image": f"  {URL}\n"},
    ],
)
def test_a_url_is_found_at_any_depth(value: Any) -> None:
    assert from_json(value) == [ImageReference(url=URL)]


@pytest.mark.parametrize(
    "text",
    [
        TEXT,
        f"data:image/png;base64,{TEXT}",
        f"DATA:image/png;base64,{TEXT}",
        "\n".join(TEXT[i : i + 76] for i in range(0, len(TEXT), 76)),
        TEXT.rstrip("="),
        base64.urlsafe_b64encode(PNG).decode(),
        "data:image/png," + "".join(f"%{byte:02x}" for byte in PNG),
    ],
)
def test_base64_and_data_uris_are_opened(text: str) -> None:
    assert from_json({"some": {"content": text}}) == [ImageReference(data=PNG)]


def test_the_bytes_win_over_a_link_beside_them() -> None:
    assert from_json({"url": "https://tool.example/17", "content": TEXT}) == [
        ImageReference(data=PNG)
    ]


def test_a_list_of_pictures_gives_all_of_them_once() -> None:
    urls = [f"https://example.com/{n}.jpg" for n in range(3)]
    value = {"attachments": [{"url": url, "size": 3} for url in [*urls, urls[0]]]}
    assert from_json(value) == [ImageReference(url=url) for url in urls]


def test_different_places_are_not_all_pictures() -> None:
    value = {"image": URL, "thumbnail": "https://example.com/small.jpg"}
    assert from_json(value) == [ImageReference(url=URL)]


def test_forms_without_files_are_searched() -> None:
    body = urlencode({"note": "n", "image_url": URL}).encode()
    assert parse("application/x-www-form-urlencoded", body) == [ImageReference(url=URL)]
    wrapped = urlencode({"payload": json.dumps({"file": {"url": URL}})}).encode()
    assert parse("application/x-www-form-urlencoded", wrapped) == [ImageReference(url=URL)]
    assert parse("multipart/form-data", b"", [("image", TEXT)]) == [ImageReference(data=PNG)]


def test_json_is_known_without_its_type_and_a_lone_url_too() -> None:
    assert parse("text/plain; charset=utf-8", json.dumps({"image": URL}).encode()) == [
        ImageReference(url=URL)
    ]
    assert parse("text/plain", f"{URL}\n".encode()) == [ImageReference(url=URL)]


def test_values_beside_the_picture_are_given_back() -> None:
    body = json.dumps({"image_url": URL, "idempotency_key": "k-1", "external_id": 17}).encode()
    fields = read("application/json", body).fields
    assert (fields["idempotency_key"], fields["external_id"]) == ("k-1", "17")


@pytest.mark.parametrize(
    ("content_type", "body", "code"),
    [
        ("application/json", b"", "empty_body"),
        ("image/jpeg", b"", "empty_body"),
        ("application/json", b"{", "invalid_json"),
        ("application/json", b'{"a": NaN}', "invalid_json"),
        ("application/json", b'{"image": "\\ud800"}', "invalid_json"),
        ("application/json", b"[" * 100_000, "invalid_json"),
        ("application/json", b"\xff\xfe{}", "invalid_json"),
        ("application/json", b"{}", "no_picture"),
        ("application/json", b'{"image": "a kitten"}', "no_picture"),
        ("application/json", b'{"image": "ftp://example.com/a.jpg"}', "no_picture"),
        ("application/json", b'{"image": "data:image/png;base64,@@@@"}', "invalid_base64"),
        ("application/x-www-form-urlencoded", b"\xfe\xfe\xfe", "invalid_form"),
        ("multipart/form-data", b"", "empty_body"),
    ],
)
def test_what_holds_no_picture_is_refused_with_a_sentence(
    content_type: str, body: bytes, code: str
) -> None:
    with pytest.raises(BadRequest) as caught:
        parse(content_type, body)
    assert caught.value.code == code
    assert caught.value.detail.endswith(".")


def test_more_than_twenty_pictures_are_refused() -> None:
    files = [UploadedFile("f", f"{n}.png", PNG) for n in range(21)]
    with pytest.raises(BadRequest, match="21 pictures; send at most 20"):
        parse("multipart/form-data", b"", [], files)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=80) | st.just(URL),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
        max_leaves=20,
    )
)
def test_any_json_gives_pictures_or_a_sentence(value: Any) -> None:
    # Anything but a BadRequest fails the test.
    with suppress(BadRequest):
        found = from_json(value)
        assert all((one.data is None) != (one.url is None) for one in found)


@given(st.binary(max_size=300), st.sampled_from(["", "text/plain", "application/json", "a/b"]))
def test_any_bytes_give_a_reference_or_a_sentence(body: bytes, content_type: str) -> None:
    with suppress(BadRequest):
        assert parse(content_type, body)


def named(field: str, value: Any) -> list[tuple[str, str]]:
    found = read("application/json", json.dumps(value).encode(), image_field=field).images
    return [(one.where, one.url or "bytes") for one in found]


def test_the_named_field_goes_before_all_others() -> None:
    value = {"image": TEXT, "order": {"link": URL}, "items": [{"u": URL + "&1"}, {"u": URL + "&2"}]}
    assert named("order.link", value) == [("order.link", URL)]
    assert named("items[].u", value) == [("items.u", URL + "&1"), ("items.u", URL + "&2")]
    assert named("order.nothing", value) == [("image", "bytes")]


def test_the_named_field_of_a_form_goes_first() -> None:
    files = [UploadedFile("a", "1.png", PNG), UploadedFile("b", "2.jpg", JPEG)]
    kind = "multipart/form-data"
    assert read(kind, b"", [], files, image_field="b").images == [
        ImageReference(JPEG, None, "2.jpg")
    ]
    beside = read(kind, b"", [("link", URL)], files, image_field="link")
    assert beside.images == [ImageReference(url=URL)]
    assert len(read(kind, b"", [], files, image_field="c").images) == 2
