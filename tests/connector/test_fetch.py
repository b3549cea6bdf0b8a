"""Downloads and posts: bounded in size and time whatever the server does."""

from __future__ import annotations

import gzip
import socket
import time
import zlib
from contextlib import closing

import pytest
from fetching import LOOPBACK, Serve, get, get_failure
from loopback import Exchange, Talk, answer, redirect

from connector.errors import FetchFailed, ForbiddenAddress, Unprocessable
from connector.fetch import get_bytes, post, post_json

SOON = 0.3


# --- downloads -------------------------------------------------------------------------------


def test_a_download_brings_its_type_name_and_final_url(serve: Serve) -> None:
    file = serve(answer(b"JPEG", "Content-Type: IMAGE/JPEG; q=1"))
    start = serve(redirect(file.url + "album/left%20shoe.jpg?size=2"))
    fetched = get_bytes(start.url, settings=LOOPBACK, max_bytes=100)
    assert fetched.data == b"JPEG"
    assert fetched.content_type == "image/jpeg"
    assert fetched.filename == "left shoe.jpg"
    assert fetched.url == file.url + "album/left%20shoe.jpg?size=2"


def test_a_request_asks_for_plain_bytes_and_names_its_host(serve: Serve) -> None:
    server = serve(answer(b"x"))
    get(server.url + "a?b=c#d")
    lines = server.requests[0].decode().split("\r\n")
    assert lines[0] == "GET /a?b=c HTTP/1.1"
    assert f"Host: 127.0.0.1:{server.port}" in lines
    assert "Accept-Encoding: identity" in lines


@pytest.mark.parametrize("location", ["http://169.254.169.254/latest/", "http://[::1]:{port}/"])
def test_a_redirect_inside_is_refused(location: str, serve: Serve) -> None:
    inside = serve(answer(b"secret"), host="::1")
    start = serve(redirect(location.format(port=inside.port)))
    failure = get_failure(start.url)
    assert isinstance(failure, ForbiddenAddress)
    assert inside.connections == 0


@pytest.mark.parametrize("location", ["file:///etc/passwd", "http://a:b@127.0.0.1/", "http://[/"])
def test_a_redirect_to_no_proper_url_is_refused(location: str, serve: Serve) -> None:
    with pytest.raises(Unprocessable):
        get(serve(redirect(location)).url)


def test_three_redirects_are_followed_and_no_more(serve: Serve) -> None:
    def count_down(exchange: Exchange) -> None:
        left = int(exchange.request.split()[1].strip(b"/"))
        (redirect(f"/{left - 1}") if left else answer(b"there"))(exchange)

    server = serve(count_down)
    assert get(server.url + "3") == b"there"
    failure = get_failure(server.url + "4")
    assert failure.permanent
    assert "redirects" in failure.detail


def test_a_redirect_loop_ends(serve: Serve) -> None:
    server = serve(redirect("/"))
    assert get_failure(server.url).permanent
    assert server.connections == 4


@pytest.mark.parametrize(
    ("status", "permanent"),
    [
        ("304 Not Modified", True),
        ("400 Bad Request", True),
        ("401 Unauthorized", True),
        ("404 Not Found", True),
        ("410 Gone", True),
        ("408 Request Timeout", False),
        ("429 Too Many Requests", False),
        ("500 Internal Server Error", False),
        ("503 Service Unavailable", False),
    ],
)
def test_a_status_says_whether_to_try_again(status: str, permanent: bool, serve: Serve) -> None:
    failure = get_failure(serve(answer(b"", "Retry-After: 7", status=status)).url)
    assert failure.code == "fetch_failed"
    assert failure.permanent is permanent
    assert failure.retry_after == (None if permanent else 7)
    assert status.split()[0] in failure.detail


# --- size ------------------------------------------------------------------------------------


def test_exactly_the_allowed_bytes_pass(serve: Serve) -> None:
    server = serve(answer(b"x" * 100_000))
    assert len(get(server.url, max_bytes=100_000)) == 100_000
    assert get_failure(server.url, max_bytes=99_999).code == "fetch_too_large"


def endless(exchange: Exchange) -> None:
    exchange.send(b"HTTP/1.1 200 OK\r\n\r\n")
    while not exchange.closing.is_set():
        exchange.send(b"x" * 65_536)


def endless_chunks(exchange: Exchange) -> None:
    exchange.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while not exchange.closing.is_set():
        exchange.send(b"10000\r\n" + b"x" * 65_536 + b"\r\n")


def announced(exchange: Exchange) -> None:
    exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 5_000 + b"\r\n\r\n")
    exchange.drip()


@pytest.mark.parametrize("talk", [endless, endless_chunks, announced])
def test_a_huge_body_is_cut_off(talk: Talk, serve: Serve) -> None:
    failure = get_failure(serve(talk).url, max_bytes=1_000_000)
    assert failure.code == "fetch_too_large"
    assert failure.permanent


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "gzip, gzip"])
def test_the_decompressed_size_counts(encoding: str, serve: Serve) -> None:
    bomb = b"\0" * 20_000_000
    packed = zlib.compress(bomb) if encoding == "deflate" else gzip.compress(bomb)
    if encoding == "gzip, gzip":
        packed = gzip.compress(packed)
    server = serve(answer(packed, f"Content-Encoding: {encoding}"))
    assert get_failure(server.url, max_bytes=1_000_000).code == "fetch_too_large"


def test_a_compressed_body_is_unpacked_and_an_unknown_packing_refused(serve: Serve) -> None:
    packed = serve(answer(gzip.compress(b"picture"), "Content-Encoding: gzip"))
    assert get(packed.url) == b"picture"
    assert get_failure(serve(answer(b"x", "Content-Encoding: zip9")).url).permanent


def test_a_body_that_is_no_gzip_is_a_failure(serve: Serve) -> None:
    assert (
        get_failure(serve(answer(b"picture", "Content-Encoding: gzip")).url).code == "fetch_failed"
    )


# --- broken and slow servers -----------------------------------------------------------------


@pytest.mark.parametrize(
    "reply",
    [
        b"",
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nshort!",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nshort\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nshort\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 1_000 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nA: " + b"b" * 100_000 + b"\r\n\r\n",
    ],
)
def test_a_broken_answer_is_a_failure_that_may_pass(reply: bytes, serve: Serve) -> None:
    failure = get_failure(serve(lambda exchange: exchange.send(reply)).url)
    assert failure.code == "fetch_failed"
    assert not failure.permanent
    assert "127.0.0.1" in failure.detail


@pytest.mark.parametrize("length", [b"-1", b"many", b""])
def test_a_meaningless_length_leaves_the_body_to_the_end_of_the_stream(
    length: bytes, serve: Serve
) -> None:
    reply = b"HTTP/1.1 200 OK\r\nContent-Length: " + length + b"\r\n\r\nwhole"
    assert get(serve(lambda exchange: exchange.send(reply)).url) == b"whole"


def test_a_body_longer_than_announced_is_cut_at_the_announced_length(serve: Serve) -> None:
    reply = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nshort and more"
    assert get(serve(lambda exchange: exchange.send(reply)).url) == b"short"


def test_nobody_listening_is_a_failure_that_may_pass() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as unused:
        port = unused.getsockname()[1]
    failure = get_failure(f"http://127.0.0.1:{port}/")
    assert (failure.code, failure.permanent) == ("fetch_failed", False)


def dripping(prefix: bytes, byte: bytes = b"x") -> Talk:
    def talk(exchange: Exchange) -> None:
        exchange.send(prefix)
        exchange.drip(byte)

    return talk


SLOW: list[Talk] = [
    dripping(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"),
    dripping(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
    dripping(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10;"),
    dripping(b"HTTP/1.1 200 OK\r\nX-Long: "),
    dripping(b"", b"H"),
    dripping(b"HTTP/1.1 200 OK\r\n", b"A: b\r\n"),
    dripping(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    lambda exchange: exchange.closing.wait(30) and None,
]


@pytest.mark.parametrize("talk", SLOW)
def test_a_slow_server_ends_at_the_deadline(talk: Talk, serve: Serve) -> None:
    server = serve(talk)
    began = time.monotonic()
    failure = get_failure(server.url, deadline=SOON)
    assert SOON * 0.9 <= time.monotonic() - began < SOON + 1
    assert (failure.code, failure.permanent) == ("fetch_timeout", False)


def test_the_deadline_holds_for_all_redirects_together(serve: Serve) -> None:
    # Long enough that a busy machine gets as far as the second, whatever else takes its time.
    deadline = 1.5

    def hesitate(exchange: Exchange) -> None:
        exchange.closing.wait(deadline * 0.6)
        redirect("/next")(exchange)

    server = serve(hesitate)
    assert get_failure(server.url, deadline=deadline).code == "fetch_timeout"
    assert server.connections == 2


def test_a_server_that_does_not_read_ends_a_post_at_the_deadline(serve: Serve) -> None:
    server = serve(lambda exchange: exchange.closing.wait(30) and None, read_request=False)
    began = time.monotonic()
    with pytest.raises(FetchFailed) as caught:
        post(server.url, b"x" * 50_000_000, {}, settings=LOOPBACK, deadline=SOON)
    assert caught.value.code == "fetch_timeout"
    assert time.monotonic() - began < SOON + 1


# --- posts -----------------------------------------------------------------------------------


def test_a_post_sends_exactly_the_bytes_and_headers(serve: Serve) -> None:
    server = serve(answer(b"thanks", "X-Answer: 1", status="201 Created"))
    body = b'{"a": "\xc3\xa4"}'
    response = post(server.url + "hook", body, {"webhook-id": "msg_1"}, settings=LOOPBACK)
    head, _, sent = server.requests[0].partition(b"\r\n\r\n")
    assert sent == body
    assert b"POST /hook HTTP/1.1" in head
    assert b"webhook-id: msg_1" in head
    assert (response.status, response.body, response.ok) == (201, b"thanks", True)
    assert response.headers["x-answer"] == "1"


def test_json_is_posted_compact_and_callers_headers_win(serve: Serve) -> None:
    server = serve(answer())
    post_json(server.url, {"a": ["ä"]}, settings=LOOPBACK, headers={"user-agent": "mine"})
    head, _, sent = server.requests[0].partition(b"\r\n\r\n")
    assert sent == '{"a":["ä"]}'.encode()
    assert b"Content-Type: application/json" in head
    assert head.lower().count(b"user-agent:") == 1


@pytest.mark.parametrize("status", [301, 307, 400, 404, 410, 429, 500])
def test_a_post_returns_any_status_and_follows_nothing(status: int, serve: Serve) -> None:
    elsewhere = serve(answer())
    server = serve(redirect(elsewhere.url, status=f"{status} Whatever"))
    response = post(server.url, b"{}", {}, settings=LOOPBACK)
    assert (response.status, response.ok) == (status, False)
    assert elsewhere.connections == 0


@pytest.mark.parametrize("talk", [endless, endless_chunks])
def test_only_the_beginning_of_an_answer_is_kept(talk: Talk, serve: Serve) -> None:
    response = post(serve(talk).url, b"{}", {}, settings=LOOPBACK, max_response_bytes=1_000)
    assert (response.status, response.body) == (200, b"x" * 1_000)


def test_a_status_counts_even_if_the_body_never_ends(serve: Serve) -> None:
    server = serve(dripping(b"HTTP/1.1 202 Accepted\r\nContent-Length: 9999\r\n\r\n"))
    response = post(server.url, b"{}", {}, settings=LOOPBACK, deadline=SOON)
    assert response.status == 202
    assert set(response.body) == {ord("x")}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X-Bad", "a\r\nX-Injected: 1"),
        ("X-Bad", "a\nb"),
        ("X-Bad", "a\x00b"),
        ("X-Bad", "€"),
        ("X Bad", "a"),
        ("X-Bad:", "a"),
        ("", "a"),
        ("Host", "inside"),
        ("content-length", "0"),
        ("Transfer-Encoding", "chunked"),
        ("Connection", "upgrade"),
    ],
)
def test_headers_cannot_smuggle(name: str, value: str, serve: Serve) -> None:
    server = serve(answer())
    with pytest.raises(Unprocessable) as caught:
        post(server.url, b"{}", {name: value}, settings=LOOPBACK)
    assert caught.value.code == "invalid_header"
    assert server.connections == 0
