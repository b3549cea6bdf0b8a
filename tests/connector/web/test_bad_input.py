"""Bad input: a status, a code, a sentence with a way on, and nothing left behind."""

from __future__ import annotations

import base64
import io
import socket
import struct
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from caller import Caller
from colours import picture
from loopback import Loopback, answer, redirect
from werkzeug.test import TestResponse

from connector.settings import Settings

Residue = Callable[[], dict[str, int]]
JPEG = picture("red", kind="JPEG", size=(200, 150))
ALLOWED = "127.0.0.2"


def huge_png() -> bytes:
    """A small file whose header promises 400 million pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", 20_000, 20_000, 1, 0, 0, 0, 0)
    pixels = zlib.compress(bytes(20_000 * 2_501), 9)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    )


PICTURES: dict[str, tuple[bytes, int, str, str]] = {
    "empty": (b"", 400, "empty_body", "send"),
    "text named .jpg": (b"these are only words\n" * 20, 415, "not_a_picture", "send JPEG"),
    "a truncated JPEG": (JPEG[: len(JPEG) // 2], 422, "truncated_picture", "send it again"),
    "a PNG of 400 megapixels": (huge_png(), 413, "too_many_pixels", "send a smaller one"),
    "EPS": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", 415, "unsupported_format", "EPS"),
    "SVG": (
        b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"></svg>',
        415,
        "unsupported_format",
        "SVG",
    ),
    "PDF": (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", 415, "unsupported_format", "PDF"),
}
ROADS = ("raw", "multipart", "json")


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Let one address be called though it is private, to redirect from."""
    return settings.model_copy(update={"allow_private_addresses": [ALLOWED]})


def refused(
    response: TestResponse, status: int, code: str, words: str, before: dict[str, int], now: Residue
) -> None:
    """Check all that a refusal owes: status, code, sentence, and that nothing is left."""
    assert (response.status_code, (response.json or {}).get("code")) == (status, code)
    assert response.mimetype == "application/problem+json"
    detail = (response.json or {})["detail"]
    assert words in detail
    assert not detail[0].islower()
    assert detail.endswith((".", ")"))
    assert now() == before


def send(caller: Caller, path: str, road: str, data: bytes) -> TestResponse:
    if road == "raw":
        return caller.post(path, data=data, content_type="image/jpeg")
    if road == "multipart":
        return caller.post(path, data={"image": (io.BytesIO(data), "a.jpg"), "label": "red"})
    text = base64.b64encode(data).decode()
    return caller.post(path, json={"image_base64": f"data:image/jpeg;base64,{text}"})


@pytest.mark.parametrize("road", ROADS)
def test_bad_pictures_at_the_hook(as_nobody: Caller, job: Any, residue: Residue, road: str) -> None:
    before = residue()
    for data, status, code, words in PICTURES.values():
        refused(send(as_nobody, job.hook, road, data), status, code, words, before, residue)


@pytest.mark.parametrize("road", ["raw", "json"])
def test_bad_pictures_at_the_api(as_alice: Caller, job: Any, residue: Residue, road: str) -> None:
    before = residue()
    for data, status, code, words in PICTURES.values():
        response = send(as_alice, f"{job.path}/predictions", road, data)
        refused(response, status, code, words, before, residue)


def test_bad_pictures_as_examples(as_alice: Caller, job: Any, residue: Residue) -> None:
    before = residue()
    for data, status, code, words in PICTURES.values():
        response = send(as_alice, f"{job.path}/examples", "multipart", data)
        refused(response, status, code, words, before, residue)


@pytest.mark.parametrize("road", ["raw", "multipart", "chunked", "json"])
def test_an_upload_above_the_cap_is_refused(
    as_nobody: Caller, job: Any, residue: Residue, settings: Settings, road: str
) -> None:
    data = JPEG + bytes(settings.max_upload_bytes * 2)
    before = residue()
    if road == "chunked":
        response = as_nobody.post(
            job.hook,
            content_type="image/jpeg",
            environ_overrides={"wsgi.input": io.BytesIO(data), "wsgi.input_terminated": True},
        )
    elif road == "multipart":
        head = b'--b\r\nContent-Disposition: form-data; name="image"; filename="a.jpg"\r\n\r\n'
        kind = "multipart/form-data; boundary=b"
        body = head + data + b"\r\n--b--\r\n"
        response = as_nobody.post(job.hook, data=body, content_type=kind)
    else:
        response = send(as_nobody, job.hook, road, data)
    refused(response, 413, "too_many_bytes", "send a smaller", before, residue)


def test_an_upload_above_the_cap_is_refused_before_it_is_read(as_nobody: Caller, job: Any) -> None:
    class Untouchable(io.RawIOBase):
        def readable(self) -> bool:
            return True

        def readinto(self, buffer: Any) -> int:
            raise AssertionError("the body was read")

    response = as_nobody.post(
        job.hook,
        environ_overrides={"wsgi.input": Untouchable(), "CONTENT_LENGTH": "60000000"},
        content_type="image/jpeg",
    )
    assert response.status_code == 413


@pytest.fixture
def inside() -> Iterator[Loopback]:
    """A server on 127.0.0.1, which nobody from outside may make us call."""
    server = Loopback(answer(JPEG, "Content-Type: image/jpeg"))
    yield server
    server.close()
    assert server.connections == 0


@pytest.mark.parametrize("road", ["hook", "api", "example"])
@pytest.mark.parametrize("target", ["loopback", "metadata", "localhost", "redirect", "to metadata"])
def test_urls_into_our_own_network_are_refused(
    as_alice: Caller, job: Any, residue: Residue, inside: Loopback, road: str, target: str
) -> None:
    metadata = "http://169.254.169.254/latest/meta-data/"
    towards = redirect(inside.url if target == "redirect" else metadata)
    hop = Loopback(towards, host=ALLOWED)
    url = {
        "loopback": f"{inside.url}a.jpg",
        "metadata": metadata,
        "localhost": f"http://localhost:{inside.port}/a.jpg",
    }.get(target, f"{hop.url}a.jpg")
    before = residue()
    response = post_url(as_alice, job, road, url)
    hop.close()
    refused(response, 422, "forbidden_address", "", before, residue)
    assert hop.connections == (0 if target in ("loopback", "metadata", "localhost") else 1)


def post_url(caller: Caller, job: Any, road: str, url: str) -> TestResponse:
    if road == "hook":
        return caller.post(job.hook, json={"image_url": url})
    if road == "api":
        return caller.post(f"{job.path}/predictions", json={"image_url": url})
    return caller.post(f"{job.path}/examples", json={"image_url": url, "label": "red"})


def test_a_host_that_resolves_inside_is_refused(
    as_alice: Caller,
    job: Any,
    residue: Residue,
    inside: Loopback,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = socket.getaddrinfo

    def names(host: Any, port: Any, *args: Any, **options: Any) -> Any:
        known = "127.0.0.1" if host == "pictures.example.com" else host
        return real(known, port, *args, **options)

    monkeypatch.setattr(socket, "getaddrinfo", names)
    before = residue()
    url = f"http://pictures.example.com:{inside.port}/a.jpg"
    refused(post_url(as_alice, job, "api", url), 422, "forbidden_address", "", before, residue)


@pytest.mark.parametrize(
    ("talk", "code"),
    [
        (answer(b"gone", status="404 Not Found"), "fetch_failed"),
        (answer(b"x" * 3_000_000), "fetch_too_large"),
        (answer(b"<html></html>", "Content-Type: text/html"), "unsupported_format"),
        (lambda exchange: None, "fetch_failed"),
    ],
)
def test_urls_that_give_no_picture(
    as_nobody: Caller, job: Any, residue: Residue, talk: Any, code: str
) -> None:
    server = Loopback(talk, host=ALLOWED)
    before = residue()
    response = as_nobody.post(job.hook, json={"image_url": f"{server.url}a.jpg"})
    server.close()
    assert response.status_code in (415, 422)
    assert (response.json or {})["code"] == code
    assert residue() == before


def test_a_missing_key(as_nobody: Caller, job: Any, residue: Residue) -> None:
    before = residue()
    for path in ("predictions", "examples", "training-runs", "imports", "rules"):
        response = as_nobody.post(f"{job.path}/{path}", data=JPEG, content_type="image/jpeg")
        refused(response, 401, "missing_key", "Bearer", before, residue)


OTHERS: list[tuple[str, str]] = [
    ("GET", ""),
    ("PATCH", ""),
    ("DELETE", ""),
    ("POST", "/predictions"),
    ("POST", "/examples?label=red"),
    ("GET", "/examples"),
    ("POST", "/imports"),
    ("GET", "/imports"),
    ("POST", "/training-runs"),
    ("GET", "/training-runs"),
    ("GET", "/versions"),
    ("GET", "/versions/1"),
    ("POST", "/versions/1/promote"),
    ("GET", "/versions/1/model.onnx"),
    ("GET", "/rules"),
    ("DELETE", "/rules/rule_x"),
]


def test_someone_elses_classifier_is_not_there(
    as_charlie: Caller, job: Any, residue: Residue
) -> None:
    before = residue()
    for method, path in OTHERS:
        json = method == "PATCH" or path.endswith("/training-runs")
        body: dict[str, Any] = {"json": {}} if json else {}
        if method == "POST" and not json and "promote" not in path:
            body = {"data": JPEG, "content_type": "image/jpeg"}
        response = as_charlie(method, f"{job.path}{path}", **body)
        refused(response, 404, "not_found", job.id, before, residue)


def test_training_without_pictures_says_what_is_missing(as_alice: Caller, residue: Residue) -> None:
    made = as_alice.post("/api/v1/classifiers", json={"name": "new", "recipe": "sort"}).json or {}
    before = residue()
    response = as_alice.post(f"/api/v1/classifiers/{made['id']}/training-runs")
    refused(response, 422, "not_enough_examples", "at least two labels", before, residue)


def test_training_with_one_label_says_what_is_missing(as_alice: Caller, residue: Residue) -> None:
    made = as_alice.post("/api/v1/classifiers", json={"name": "new"}).json or {}
    path = f"/api/v1/classifiers/{made['id']}"
    for seed in range(3):
        as_alice.post(f"{path}/examples?label=cat", data=picture("red", seed=seed))
    as_alice.post(f"{path}/examples?label=dog", data=picture("blue"))
    before = residue()
    response = as_alice.post(f"{path}/training-runs")
    refused(response, 422, "not_enough_examples", "“dog” has 1 and needs 1 more", before, residue)


def test_an_unknown_label_names_the_known_ones(
    as_alice: Caller, job: Any, residue: Residue
) -> None:
    before = residue()
    rule = {"label": "purple", "actions": [{"kind": "copy", "params": {"folder": "{label}"}}]}
    response = as_alice.post(f"{job.path}/rules", json=rule)
    refused(response, 422, "unknown_label", "“red”", before, residue)


FIELDS: list[tuple[dict[str, Any], str]] = [
    ({"data": JPEG, "query_string": {"external_id": "x" * 201}}, "invalid_values"),
    ({"data": JPEG, "query_string": {"metadata": "[1]"}}, "invalid_values"),
    (
        {"data": JPEG, "query_string": {"metadata": f'{{"a": "{"x" * 17_000}"}}'}},
        "invalid_values",
    ),
    ({"data": JPEG, "query_string": {"externalid": "1"}}, "invalid_values"),
    ({"data": JPEG, "headers": {"Idempotency-Key": "k" * 256}}, "bad_idempotency_key"),
    (
        {"data": JPEG, "query_string": {"callback_url": "http://127.0.0.1/"}},
        "forbidden_address",
    ),
    ({"data": JPEG, "query_string": {"callback_url": "file:///etc/passwd"}}, "invalid_url"),
    ({"json": {}}, "no_picture"),
    ({"json": []}, "not_an_object"),
    ({"json": {"image_url": "https://a.example/1", "image_base64": "AAAA"}}, "two_pictures"),
    ({"json": {"image_base64": "%%%"}}, "invalid_base64"),
    ({"data": "{", "content_type": "application/json"}, "invalid_json"),
    ({"data": {"note": "no picture"}}, "invalid_values"),
]


def test_bad_fields_beside_a_picture(as_alice: Caller, job: Any, residue: Residue) -> None:
    before = residue()
    for options, code in FIELDS:
        response = as_alice.post(f"{job.path}/predictions", **options)
        assert (response.json or {}).get("code") == code
        assert 400 <= response.status_code < 500
        assert residue() == before


def test_a_classifier_without_a_model_takes_no_pictures(as_alice: Caller, residue: Residue) -> None:
    made = as_alice.post("/api/v1/classifiers", json={"name": "new"}).json or {}
    before = residue()
    response = as_alice.post(f"/api/v1/classifiers/{made['id']}/predictions", data=JPEG)
    refused(response, 409, "no_model", "training-runs", before, residue)
