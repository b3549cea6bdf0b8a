"""Identifiers: a prefix that says what it is, then 26 characters that sort by time (ULID)."""

from __future__ import annotations

import os
import time

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32, lower case


def _encode(number: int, length: int) -> str:
    characters = []
    for _ in range(length):
        number, digit = divmod(number, 32)
        characters.append(ALPHABET[digit])
    return "".join(reversed(characters))


def new_id(prefix: str) -> str:
    """Return e.g. "pred_01hq…": 48 bits of milliseconds, then 80 random bits."""
    milliseconds = time.time_ns() // 1_000_000
    value = (milliseconds << 80) | int.from_bytes(os.urandom(10), "big")
    return f"{prefix}_{_encode(value, 26)}"


def new_token(length: int = 32) -> str:
    """Return an unguessable string of `length` characters (5 bits each)."""
    return _encode(int.from_bytes(os.urandom(length * 5 // 8 + 1), "big"), length)
