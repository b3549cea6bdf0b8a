"""What archives can do to whoever opens them: lie, and claim too much."""

from __future__ import annotations

import io
import struct
import tracemalloc

import pytest
from sorted_pictures import zipped

from connector.domain import import_sources
from connector.errors import ColabelError, TooLarge, Unprocessable


def test_a_member_that_lies_about_its_size_is_cut_off() -> None:
    data = zipped({"ant/1.png": b"\0" * 100_000})
    for at in (data.find(b"PK\x01\x02") + 24, data.find(b"PK\x03\x04") + 22):
        data = data[:at] + (10).to_bytes(4, "little") + data[at + 4 :]
    files = import_sources.archive(io.BytesIO(data), len(data), max_bytes=1000)
    with pytest.raises(ColabelError) as caught:
        files.entries[0].read()
    assert caught.value.code in ("unreadable_file", "too_many_bytes")


def test_a_member_too_large_is_never_unpacked() -> None:
    data = zipped({"ant/1.png": b"\0" * 100_000})
    files = import_sources.archive(io.BytesIO(data), len(data), max_bytes=1000)
    with pytest.raises(TooLarge):
        files.entries[0].read()


def test_an_archive_that_claims_too_much_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    data = zipped({f"ant/{i}.png": b"\0" * 100_000 for i in range(20)})
    monkeypatch.setattr(import_sources, "FREE_BYTES", 1_000_000)
    with pytest.raises(TooLarge) as caught:
        import_sources.archive(io.BytesIO(data), len(data), max_bytes=1_000_000)
    assert caught.value.code == "zip_bomb"


def test_a_list_of_files_beyond_all_measure_is_not_read() -> None:
    count = 1_000_000
    entry = zipped({"a": b""})
    at = entry.find(b"PK\x01\x02")
    listed = entry[at : at + 47] * count
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 0xFFFF, 0xFFFF, len(listed), 0, 0)
    data = io.BytesIO(listed + end)
    size = len(data.getvalue())
    tracemalloc.start()
    try:
        with pytest.raises(Unprocessable) as caught:
            import_sources.archive(data, size, max_bytes=1000)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert caught.value.code == "too_many_files"
    assert peak < 1_000_000


def test_too_many_files_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_sources, "MAX_FILES", 2)
    data = zipped({f"ant/{i}.png": b"" for i in range(3)})
    with pytest.raises(Unprocessable, match="more than the 2 files"):
        import_sources.archive(io.BytesIO(data), len(data), max_bytes=1000)
