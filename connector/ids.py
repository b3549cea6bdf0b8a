"""Identifiers: a prefix that says what it is, then 26 characters that sort by time (ULID)."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32, lower case


_PAIRS = tuple(first + second for first in ALPHABET for second in ALPHABET)


def _encode(number: int, length: int) -> str:
    """Return the lowest `length` digits; two at a time, since every row and file needs a name."""
    pairs = []
    for _ in range((length + 1) // 2):
        number, pair = divmod(number, 1024)
        pairs.append(_PAIRS[pair])
    pairs.reverse()
    return "".join(pairs)[-length:]


def new_id(prefix: str) -> str:
    """Return e.g. "pred_01hq…": 48 bits of milliseconds, then 80 random bits."""
    milliseconds = time.time_ns() // 1_000_000
    value = (milliseconds << 80) | int.from_bytes(os.urandom(10), "big")
    return f"{prefix}_{_encode(value, 26)}"


def made_at(made: str) -> datetime:
    """Return when an id of `new_id` was made, by the clock of the machine that made it."""
    milliseconds = 0
    # 26 digits of 5 bits hold 130: the first 10 of them the 48 bits of time, after two zeros.
    for digit in made.rpartition("_")[2][:10]:
        milliseconds = milliseconds * 32 + ALPHABET.index(digit)
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def id_of_moment(prefix: str, moment: datetime) -> str:
    """Return what every id made before `moment` is below, and every later one is not."""
    milliseconds = int(moment.timestamp() * 1000)
    return f"{prefix}_{_encode(milliseconds << 80, 26)}"


def new_token(length: int = 32) -> str:
    """Return an unguessable string of `length` characters (5 bits each)."""
    return _encode(int.from_bytes(os.urandom(length * 5 // 8 + 1), "big"), length)
