"""Passwords: what is taken, and that hashes tell nothing."""

from __future__ import annotations

import pytest

from connector import passwords
from connector.errors import Unprocessable


def test_a_password_matches_its_own_hash_only() -> None:
    kept = passwords.hashed("three words apart")
    assert kept.startswith("$argon2id$")
    assert "three" not in kept
    assert passwords.matches(kept, "three words apart")
    assert not passwords.matches(kept, "three words apart ")
    assert not passwords.matches(None, "three words apart")
    assert not passwords.matches("no hash at all", "three words apart")
    assert passwords.hashed("three words apart") != kept


def test_todays_hashes_are_not_outdated() -> None:
    assert not passwords.is_outdated(passwords.hashed("three words apart"))
    weak = "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$" + "A" * 43
    assert passwords.is_outdated(weak)


@pytest.mark.parametrize("password", ["", "ninechars", "x" * 201, "aaaaaaaaaaaa", "Alice Liddell"])
def test_weak_ones_are_refused(password: str) -> None:
    with pytest.raises(Unprocessable) as caught:
        passwords.check_new(password, "alice liddell", "alice@example.com")
    assert caught.value.code == "weak_password"


def test_anything_long_is_taken() -> None:
    passwords.check_new("drei Wörter abseits", "Alice")
