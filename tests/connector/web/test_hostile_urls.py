"""More than a hundred hostile addresses through the real service: none is called."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from caller import Caller
from documented import codes
from hostile.urls import urls
from loopback import Exchange, Loopback, answer, redirect
from werkzeug.test import TestResponse

from connector import fetch
from connector.settings import Settings

ALLOWED = "127.0.0.2"
Call = Callable[[str], TestResponse]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Let one address be called, to play the public internet."""
    return settings.model_copy(update={"allow_private_addresses": [ALLOWED]})


@pytest.fixture
def inside(monkeypatch: pytest.MonkeyPatch) -> Iterator[Loopback]:
    """A server inside, on IPv4 and IPv6, which must never hear of anything.

    Whatever else is connected to is a failure, too, and so is a name that is looked up outside.
    """
    server = Loopback(answer(b"secret"))
    six = Loopback(answer(b"secret"), host="::1", port=server.port)
    real_connect, real_look_up = socket.socket.connect, socket.getaddrinfo
    called: list[Any] = []

    def connect(self: socket.socket, address: Any) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6) and address[0] != ALLOWED:
            called.append(address)
            raise ConnectionRefusedError("the test does not let it out")
        real_connect(self, address)

    def look_up(host: Any, *args: Any, **options: Any) -> Any:
        # Numbers and names of this machine resolve as they do; there is no network beyond.
        try:
            return real_look_up(host, *args, flags=socket.AI_NUMERICHOST, **options)
        except socket.gaierror:
            if str(host).lower().rstrip(".") != "localhost":
                raise
            return real_look_up(host, *args, **options)

    monkeypatch.setattr(socket.socket, "connect", connect)
    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    yield server
    server.close()
    six.close()
    assert called == []
    assert server.connections == six.connections == 0


@pytest.fixture
def calls(as_alice: Caller, as_nobody: Caller, job: Any) -> dict[str, Call]:
    """Every way to hand an address in."""
    rule = {"label": "red", "actions": [{"kind": "webhook", "params": {"url": None}}]}
    events = {"event_types": ["prediction.completed"]}

    def ruled(url: str) -> TestResponse:
        params = {"channel": "webhook", "url": url}
        return as_alice.post(
            f"{job.path}/rules", json={**rule, "actions": [{"kind": "alert", "params": params}]}
        )

    return {
        "hook": lambda url: as_nobody.post(job.hook, json={"image_url": url}),
        "prediction": lambda url: as_alice.post(f"{job.path}/predictions", json={"image_url": url}),
        "example": lambda url: as_alice.post(
            f"{job.path}/examples", json={"image_url": url, "label": "red"}
        ),
        "webhook": lambda url: as_alice.post("/api/v1/webhooks", json={"url": url, **events}),
        "alert": ruled,
    }


def refused(response: TestResponse, url: str) -> str:
    """Check that it is a problem that the docs know, and return its code."""
    assert 400 <= response.status_code < 500, (url, response.data)
    assert response.mimetype == "application/problem+json"
    assert (response.json or {})["code"] in codes(), url
    assert "secret" not in response.text
    return str((response.json or {})["code"])


def test_there_are_enough_of_them() -> None:
    assert len(set(urls(80))) >= 100


@pytest.mark.parametrize("road", ["hook", "prediction", "example"])
def test_no_picture_is_fetched_from_inside(
    calls: dict[str, Call], inside: Loopback, road: str
) -> None:
    for url in urls(inside.port):
        code = refused(calls[road](url), url)
        assert code not in ("fetch_timeout", "internal_error"), url


@pytest.mark.parametrize("road", ["webhook", "alert"])
def test_no_address_inside_is_kept(calls: dict[str, Call], inside: Loopback, road: str) -> None:
    kept = []
    for url in urls(inside.port):
        response = calls[road](url)
        if response.status_code == 201:
            # A name that means nothing now may mean something later, and is checked at each call.
            kept.append(url)
        else:
            refused(response, url)
    for url in kept:
        with pytest.raises(fetch.FetchFailed):
            fetch.post(url, b"", {}, settings=Settings(secret_key="tests"), deadline=5)
    assert len(kept) < 20, kept


@pytest.mark.parametrize("road", ["hook", "prediction", "example"])
def test_no_redirect_leads_inside(calls: dict[str, Call], inside: Loopback, road: str) -> None:
    towards = [url for url in urls(inside.port) if url.isascii() and url.isprintable()]
    hop = Loopback(lambda exchange: redirect(_asked(exchange, towards))(exchange), host=ALLOWED)
    for number, url in enumerate(towards[::4]):
        refused(calls[road](f"{hop.url}{number * 4}"), url)
    hop.close()
    assert hop.connections >= len(towards) // 4


def _asked(exchange: Exchange, towards: list[str]) -> str:
    path = exchange.request.split()[1].strip(b"/")
    return towards[int(path)] if path.isdigit() else "/"


@pytest.mark.parametrize("then", ["127.0.0.1", "::1", "169.254.169.254", "10.0.0.1", "fd00::1"])
def test_a_name_that_is_bound_anew_leads_nowhere(
    calls: dict[str, Call], inside: Loopback, monkeypatch: pytest.MonkeyPatch, then: str
) -> None:
    """Public when it is looked up, inside a moment later: at the redirect, which asks again."""
    public = Loopback(redirect("/again"), host=ALLOWED, port=inside.port)
    real, answers = socket.getaddrinfo, iter([ALLOWED, then, then, then])

    def look_up(host: Any, *args: Any, **options: Any) -> Any:
        known = next(answers) if host == "rebinding.test" else host
        return real(known, *args, **options)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    url = f"http://rebinding.test:{inside.port}/a.jpg"
    assert refused(calls["prediction"](url), url) == "forbidden_address"
    public.close()
    assert public.connections == 1


def _endless(exchange: Exchange) -> None:
    exchange.send(b"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\n\r\n\xff\xd8\xff")
    while True:
        exchange.send(bytes(100_000))


def _dripping(exchange: Exchange) -> None:
    exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    exchange.drip()


def _dripping_head(exchange: Exchange) -> None:
    exchange.send(b"HTTP/1.1 200 OK\r\nX: ")
    exchange.drip()


@pytest.mark.parametrize(
    ("talk", "code"),
    [
        (_endless, "fetch_too_large"),
        (_dripping, "fetch_timeout"),
        (_dripping_head, "fetch_timeout"),
        (lambda exchange: exchange.closing.wait(30), "fetch_timeout"),
        (lambda exchange: exchange.send(b"\xff" * 100_000), "fetch_failed"),
        (
            lambda exchange: exchange.send(b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 9_000),
            "fetch_failed",
        ),
        (answer(b"x", "Content-Length: 99999999999"), "fetch_failed"),
        (answer(b"x", "Transfer-Encoding: chunked"), "fetch_failed"),
    ],
)
def test_a_server_that_does_not_behave_is_left(
    calls: dict[str, Call],
    monkeypatch: pytest.MonkeyPatch,
    talk: Callable[[Exchange], Any],
    code: str,
) -> None:
    real = fetch.get_bytes

    def impatient(url: str, **options: Any) -> fetch.Fetched:
        return real(url, **{**options, "deadline": 1.5})

    for module in ("connector.web.pictures", "connector.web.intake"):
        monkeypatch.setattr(f"{module}.get_bytes", impatient, raising=False)
    server = Loopback(talk, host=ALLOWED)
    started = time.monotonic()
    response = calls["prediction"](f"{server.url}a.jpg")
    assert time.monotonic() - started < 15
    server.close()
    assert refused(response, server.url) in (code, "fetch_failed", "fetch_too_large")
