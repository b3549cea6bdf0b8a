"""What is kept warm, and what is given up first."""

from __future__ import annotations

from workers.sessions import Lru


def test_each_is_made_once_and_the_one_not_used_the_longest_goes_first() -> None:
    made: list[str] = []

    def make(key: str) -> str:
        made.append(key)
        return key.upper()

    kept = Lru(2, make)
    assert [kept.get(key) for key in ("a", "b", "a", "c", "a", "b")] == [
        "A",
        "B",
        "A",
        "C",
        "A",
        "B",
    ]
    assert made == ["a", "b", "c", "b"]


def test_what_weighs_more_leaves_less_room() -> None:
    made: list[str] = []

    def make(key: str) -> str:
        made.append(key)
        return key

    kept = Lru(5, make, len)
    for key in ("aa", "bb", "ccc", "bb", "aa"):
        kept.get(key)
    assert made == ["aa", "bb", "ccc", "aa"]
    assert kept.get("more than fits") == "more than fits"
    assert kept.get("more than fits")
    assert made.count("more than fits") == 1
