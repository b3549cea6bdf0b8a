"""Zips of tens of megabytes over HTTP: never whole in memory, never more than is allowed."""

from __future__ import annotations

import io
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from caller import Caller
from sorted_pictures import large_zip

from connector.settings import Settings
from connector.storage import LocalBlobs
from connector.web import operations

BOUNDARY = "colabel"
FORM = f"multipart/form-data; boundary={BOUNDARY}"


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return large_zip(tmp_path_factory.mktemp("zips") / "large.zip", pictures=30)


@pytest.fixture(scope="module")
def form(large: Path) -> Path:
    """A form with the zip, as curl sends it."""
    path = large.with_name("form")
    disposition = 'Content-Disposition: form-data; name="file"; filename="large.zip"'
    head = f"--{BOUNDARY}\r\n{disposition}\r\nContent-Type: application/zip\r\n\r\n"
    path.write_bytes(head.encode() + large.read_bytes() + f"\r\n--{BOUNDARY}--\r\n".encode())
    return path


def peak_of(caller: Caller, path: str, body: Path, **options: Any) -> tuple[int, Any]:
    """Send a file as the body; return the most memory that it took (bytes), and the answer."""
    with body.open("rb") as stream:
        tracemalloc.start()
        try:
            response = caller.post(path, input_stream=stream, **options)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    return peak, response


@pytest.mark.parametrize("way", ["raw", "chunked", "form"])
def test_a_large_zip_takes_little_memory(
    as_alice: Caller, job: Any, blobs: LocalBlobs, large: Path, form: Path, way: str
) -> None:
    body = form if way == "form" else large
    options: dict[str, Any] = {"content_type": FORM if way == "form" else "application/zip"}
    if way == "chunked":
        options["environ_overrides"] = {"wsgi.input_terminated": True}
    else:
        options["content_length"] = body.stat().st_size
    peak, response = peak_of(as_alice, f"{job.path}/imports", body, **options)
    assert response.status_code == 202, response.text
    assert [path for path in blobs.root.rglob("*") if _same(path, large)]
    assert large.stat().st_size > 30_000_000
    assert peak < 8_000_000


def _same(path: Path, other: Path) -> bool:
    return path.is_file() and path.stat().st_size == other.stat().st_size


@pytest.mark.parametrize("chunked", [False, True])
def test_a_zip_above_the_cap_leaves_nothing(
    as_alice: Caller,
    job: Any,
    settings: Settings,
    residue: Any,
    monkeypatch: pytest.MonkeyPatch,
    chunked: bool,
) -> None:
    monkeypatch.setattr(operations, "ARCHIVE_BYTES", 100_000)
    before = residue()
    options: dict[str, Any] = {"input_stream": io.BytesIO(b"PK\x03\x04" + bytes(100_000))}
    if chunked:
        options["environ_overrides"] = {"wsgi.input_terminated": True}
    else:
        options["content_length"] = 100_004
    response = as_alice.post(f"{job.path}/imports", content_type="application/zip", **options)
    assert (response.json or {})["code"] == "too_many_bytes"
    assert residue() == before
