from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from connector.errors import FetchFailed, Unprocessable
from connector.urls import bare_host, next_hop, parse_target, port_of


@pytest.mark.parametrize(
    ("url", "normal", "host", "port"),
    [
        ("https://Example.com/a.jpg", "https://example.com/a.jpg", "example.com", 443),
        ("HTTP://example.com", "http://example.com", "example.com", 80),
        ("http://example.com:8080/?q=1#top", "http://example.com:8080/?q=1", "example.com", 8080),
        ("http://example.com/my cat.jpg", "http://example.com/my%20cat.jpg", "example.com", 80),
        ("http://example.com/ä", "http://example.com/%C3%A4", "example.com", 80),
        (
            "https://münchen.example/",
            "https://xn--mnchen-3ya.example/",
            "xn--mnchen-3ya.example",
            443,
        ),
        ("http://[2606:4700::1111]:81/", "http://[2606:4700::1111]:81/", "2606:4700::1111", 81),
    ],
)
def test_honest_urls_are_taken(url: str, normal: str, host: str, port: int) -> None:
    target = parse_target(url)
    assert (target.url, bare_host(target), port_of(target)) == (normal, host, port)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.com/picture.jpg",
        "/picture.jpg",
        "//example.com/picture.jpg",
        "http://",
        "http:///picture.jpg",
        "ftp://example.com/",
        "file:///etc/passwd",
        "gopher://127.0.0.1:6379/_FLUSHALL",
        "data:image/png;base64,AAAA",
        "javascript:alert(1)",
        "dict://example.com/",
        "unix:///run/redis.sock",
        "http://user:secret@example.com/",
        "http://user@example.com/",
        "http://example.com:99999/",
        "http://example.com:-1/",
        "http://example.com:port/",
        "http://example.com\r\nHost: inside/",
        "http://example.com/\r\nX-Injected: 1",
        "http://example.com/\x00",
        "http://example.com\\@127.0.0.1/",
        "http://exa mple.com/",
        "http://[::1/",
        "http://[::g]/",
        "http://[127.0.0.1]/",
        "http://①②⑦.⓪.⓪.①/",
        "http://example.com/" + "a" * 9_000,
    ],
)
def test_what_has_no_place_in_a_url_is_refused_with_a_sentence(url: str) -> None:
    with pytest.raises(Unprocessable) as caught:
        parse_target(url)
    assert caught.value.code == "invalid_url"
    assert "; " in caught.value.detail
    assert "secret" not in caught.value.detail


def test_a_redirect_is_read_relative_to_where_it_came_from() -> None:
    target = parse_target("https://example.com/a/b?c")
    assert next_hop(target, "../d").url == "https://example.com/d"
    assert next_hop(target, "//other.example/e").url == "https://other.example/e"


def test_a_redirect_may_not_leave_https() -> None:
    with pytest.raises(FetchFailed, match="https to http") as caught:
        next_hop(parse_target("https://example.com/"), "http://example.com/")
    assert caught.value.permanent


def test_a_redirect_may_not_change_to_another_kind_of_url() -> None:
    with pytest.raises(Unprocessable):
        next_hop(parse_target("http://example.com/"), "file:///etc/passwd")


@given(st.text(max_size=40))
@example("http://[")
@example("http://[::1]x")
@example("http://%zz/")
def test_anything_is_either_taken_or_refused_properly(tail: str) -> None:
    start = parse_target("https://example.com/a")
    for attempt in (lambda: parse_target("http://" + tail), lambda: next_hop(start, tail)):
        try:
            target = attempt()
        except (Unprocessable, FetchFailed):
            continue
        assert target.scheme in ("http", "https")
        assert bare_host(target)
        assert 0 <= port_of(target) < 65_536
