"""Passwords: hashed with argon2id, compared slowly on purpose, a few at a time."""

from __future__ import annotations

import threading
from functools import lru_cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from connector.errors import Unprocessable

MIN_LENGTH, MAX_LENGTH = 10, 200
# Each takes 64 MiB while it runs (RFC 9106's second choice): many at once would be an attack.
_AT_ONCE = threading.BoundedSemaphore(2)
_HASHER = PasswordHasher()


def check_new(password: str, *known: str) -> None:
    """Raise Unprocessable (weak_password) for one that is too short, or among what is `known`.

    Long is what helps; rules about digits and signs make passwords that people write down.
    """
    if not MIN_LENGTH <= len(password) <= MAX_LENGTH:
        raise Unprocessable(
            f"A password has {MIN_LENGTH} to {MAX_LENGTH} characters; three or four words that do "
            "not belong together are good.",
            code="weak_password",
        )
    lowered = password.casefold()
    if len(set(lowered)) < 4 or lowered in {one.casefold() for one in known}:
        raise Unprocessable(
            "This password is easy to guess; take three or four words that do not belong together.",
            code="weak_password",
        )


def hashed(password: str) -> str:
    """Return the hash to keep, with its parameters and salt in it. Takes about 50 ms."""
    with _AT_ONCE:
        return _HASHER.hash(password)


def matches(kept: str | None, password: str) -> bool:
    """Say whether this is the password; as slow where there is none, so time tells nothing."""
    with _AT_ONCE:
        try:
            _HASHER.verify(kept or _nobodys(), password[:MAX_LENGTH])
        except (VerificationError, InvalidHashError):
            return False
    return kept is not None


def is_outdated(kept: str) -> bool:
    """Say whether it was hashed with weaker parameters than today's."""
    return _HASHER.check_needs_rehash(kept)


@lru_cache(maxsize=1)
def _nobodys() -> str:
    return _HASHER.hash("nobody's password, made up to be compared with")
