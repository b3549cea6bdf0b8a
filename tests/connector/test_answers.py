from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from urllib3 import HTTPResponse

from connector.answers import filename, media_type, retry_after


def with_headers(**headers: str) -> HTTPResponse:
    return HTTPResponse(headers={name.replace("_", "-"): value for name, value in headers.items()})


@pytest.mark.parametrize(
    ("disposition", "path", "expected"),
    [
        ("", "/album/cat.jpg", "cat.jpg"),
        ("", "/album/left%20shoe.jpg", "left shoe.jpg"),
        ("", "/%D0%BA%D0%BE%D1%82.jpg", "кот.jpg"),
        ("", "/a%2f..%2fb.jpg", "b.jpg"),
        ("", "/album/", None),
        ("", "", None),
        ("", "/%2e%2e", None),
        ("inline", "/cat.jpg", "cat.jpg"),
        ('attachment; filename="dog.jpg"', "/cat.jpg", "dog.jpg"),
        ("attachment; filename*=UTF-8''%D0%BA%D0%BE%D1%82.jpg", "/x", "кот.jpg"),
        ('attachment; filename="кот.jpg"'.encode().decode("latin-1"), "/x", "кот.jpg"),
        ('attachment; filename="../../etc/passwd"', "/x", "passwd"),
        (r'attachment; filename="C:\\Users\\a.jpg"', "/x", "a.jpg"),
        ('attachment; filename="a\x00b.jpg"', "/x", "ab.jpg"),
        ("attachment; filename*=nonsense''%ff.jpg", "/x", "ÿ.jpg"),
    ],
)
def test_a_file_name_has_no_folder_in_it(disposition: str, path: str, expected: str | None) -> None:
    assert filename(with_headers(content_disposition=disposition), path) == expected


@given(st.text(st.characters(max_codepoint=255)), st.text())
def test_no_header_and_no_path_makes_a_dangerous_name(disposition: str, path: str) -> None:
    for header in (
        disposition,
        f"attachment; filename={disposition}",
        f"a; filename*={disposition}",
    ):
        name = filename(with_headers(content_disposition=header), path)
        assert name is None or (0 < len(name) <= 255 and not set(name) & set("/\\\x00\r\n"))


@pytest.mark.parametrize(
    ("header", "expected"),
    [("image/jpeg", "image/jpeg"), ("Image/PNG ; charset=x", "image/png"), ("", None), (";", None)],
)
def test_the_media_type_is_bare(header: str, expected: str | None) -> None:
    assert media_type(with_headers(content_type=header)) == expected


@pytest.mark.parametrize(
    ("header", "expected"),
    [("0", 0), ("120", 120), (" 7 ", 7), ("", None), ("soon", None), ("-1", None), ("1.5", None)],
)
def test_retry_after_in_seconds(header: str, expected: int | None) -> None:
    assert retry_after({"retry-after": header}) == expected


def test_retry_after_as_a_date() -> None:
    now = datetime.now(UTC)
    later = format_datetime(now + timedelta(seconds=90), usegmt=True)
    assert retry_after({"retry-after": later}) in (88, 89, 90)
    assert retry_after({"retry-after": format_datetime(now - timedelta(days=1))}) == 0
    assert retry_after({}) is None
