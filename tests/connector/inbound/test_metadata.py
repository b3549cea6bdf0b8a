"""Metadata is one small JSON object."""

from __future__ import annotations

import pytest

from connector.inbound.metadata import MAX_BYTES, check_metadata


def test_objects_and_their_text_are_the_same() -> None:
    assert check_metadata('{"a": [1, "ü"]}') == check_metadata({"a": [1, "ü"]})


@pytest.mark.parametrize("nothing", [None, "", "  ", {}])
def test_nothing_is_an_empty_object(nothing: object) -> None:
    assert check_metadata(nothing) == {}


@pytest.mark.parametrize("wrong", ["[1]", "a", "{", [1], 3, '{"a": "\\u0000"}'])
def test_anything_else_is_refused(wrong: object) -> None:
    with pytest.raises(ValueError, match="must be a JSON object"):
        check_metadata(wrong)


def test_sixteen_kilobytes_are_the_most() -> None:
    fits = {"a": "x" * (MAX_BYTES - len('{"a": ""}'))}
    assert check_metadata(fits) == fits
    with pytest.raises(ValueError, match="16001 bytes"):
        check_metadata({"a": fits["a"] + "x"})
