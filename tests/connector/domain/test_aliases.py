"""Answers by old names, read as the labels are called now."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.db.types import Json
from connector.domain import aliases
from connector.domain.aliases import covering, current_name, renamed_since

NAMES = ("ant", "bee", "wasp")
START = datetime(2026, 11, 25, tzinfo=UTC)


def alias(old: str, new: str | None, up_to_version: int, at: int) -> Json:
    """An alias of the change that was the `at`-th, and made so many minutes after the start."""
    return aliases.alias(old, new, up_to_version=up_to_version, at=at, made_at=minute(at))


def minute(count: float) -> datetime:
    return START + timedelta(minutes=count)


def test_a_renamed_label_is_read_by_its_new_name_and_only_where_the_old_one_was_known() -> None:
    kept = [alias("ant", "emmet", 2, 1)]
    assert [current_name("ant", version, kept) for version in (1, 2, 3)] == [
        "emmet",
        "emmet",
        "ant",
    ]
    assert current_name("bee", 1, kept) == "bee"


def test_renames_are_followed_one_after_the_other_and_back() -> None:
    kept = [
        alias("ant", "emmet", 1, 1),
        alias("emmet", "pismire", 3, 2),
        alias("pismire", "ant", 3, 3),
    ]
    assert current_name("ant", 1, kept) == "ant"
    assert current_name("emmet", 2, kept) == "ant"
    assert current_name("ant", 2, kept) == "ant"
    assert current_name("ant", 1, kept[:2]) == "pismire"


def test_two_labels_that_changed_names_are_told_apart() -> None:
    kept = [alias("ant", "tmp", 1, 1), alias("bee", "ant", 1, 2), alias("tmp", "bee", 1, 3)]
    assert aliases.probabilities({"ant": 0.7, "bee": 0.3}, 1, kept) == {"bee": 0.7, "ant": 0.3}


def test_a_name_that_is_used_again_is_not_captured() -> None:
    """Version 1 knew the old “ant”; version 2 was trained after a new label got that name."""
    kept = [alias("ant", "emmet", 1, 5)]
    assert current_name("ant", 1, kept) == "emmet"
    assert current_name("ant", 2, kept) == "ant"
    removed = [alias("ant", None, 1, 5)]
    assert current_name("ant", 1, removed) is None
    assert current_name("ant", 2, removed) == "ant"


def test_a_version_that_was_being_trained_meanwhile_is_covered() -> None:
    """It read its examples at 4 changes, the label was renamed at 5, it was registered after."""
    kept = [alias("ant", "emmet", 1, 5), alias("bee", "drone", 1, 9)]
    # A quicker run read everything up to 5 and became version 2.
    kept = covering(kept, 2, 5)
    kept = covering(kept, 3, 4)
    assert [current_name("ant", version, kept) for version in (1, 2, 3, 4)] == [
        "emmet",
        "ant",
        "emmet",
        "ant",
    ]
    assert [current_name("bee", version, kept) for version in (1, 2, 3, 4)] == [
        "drone",
        "drone",
        "drone",
        "bee",
    ]
    assert covering(kept, 3, 4) == kept
    assert covering(kept, 4, None) == kept


def test_words_of_the_past_are_read_by_their_time() -> None:
    """Two labels changed names; in between one of them was called tmp."""
    kept = [alias("ant", "tmp", 1, 1), alias("bee", "ant", 1, 2), alias("tmp", "bee", 1, 3)]
    assert [renamed_since("ant", minute(at), kept) for at in (0.5, 2.5, 3.5)] == [
        "bee",
        "ant",
        "ant",
    ]
    assert [renamed_since("bee", minute(at), kept) for at in (0.5, 3.5)] == ["ant", "bee"]
    assert renamed_since("tmp", minute(1.5), kept) == "bee"
    assert renamed_since("ant", minute(0.5), [*kept, alias("bee", None, 1, 4)]) is None


def test_probabilities_of_merged_labels_add_up_and_a_removed_one_is_left_out() -> None:
    named = {"ant": 0.5, "bee": 0.3, "wasp": 0.2}
    merged = [alias("bee", "ant", 1, 1)]
    assert aliases.probabilities(named, 1, merged) == pytest.approx({"ant": 0.8, "wasp": 0.2})
    removed = [alias("ant", None, 1, 1)]
    assert aliases.probabilities(named, 1, removed) == {"bee": 0.3, "wasp": 0.2}
    gone = [alias(name, None, 1, 1) for name in NAMES]
    assert aliases.probabilities(named, 1, gone) == {}


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [(0.6, 0.9, 0.9), (0.9, 0.6, 0.9), (None, 0.6, None), (0.6, None, None), (None, None, None)],
)
def test_of_merged_thresholds_the_more_cautious_counts(
    one: float | None, other: float | None, expected: float | None
) -> None:
    merged = [alias("bee", "ant", 1, 1), alias("wasp", None, 1, 2)]
    named = {"ant": one, "bee": other, "wasp": None}
    assert aliases.thresholds(named, 1, merged) == {"ant": expected}


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[Json], dict[str, str | None]]:
    """Labels of version 1 with what really became of each, and the aliases kept meanwhile."""
    now: dict[str, str | None] = {name: name for name in NAMES}
    # Labels that version 1 does not know take part too: their names must catch nothing.
    there = [*NAMES, "new"]
    kept: list[Json] = []
    for at in range(draw(st.integers(0, 8))):
        if not there:
            break
        old = draw(st.sampled_from(there))
        there.remove(old)
        new = draw(st.one_of(st.none(), st.sampled_from([*NAMES, "new", "x", "y"])))
        kept.append(alias(old, new, 1, at + 1))
        now = {name: new if is_now == old else is_now for name, is_now in now.items()}
        if new is not None and new not in there:
            there.append(new)
        if draw(st.booleans()):
            fresh = draw(st.sampled_from([*NAMES, "x"]))
            if fresh not in there:
                there.append(fresh)
    return kept, now


@settings(deadline=None)
@given(histories(), st.lists(st.floats(0, 1), min_size=3, max_size=3))
def test_whatever_happened_each_name_is_read_as_the_label_is_called_now(
    history: tuple[list[Json], dict[str, str | None]], values: list[float]
) -> None:
    kept, now = history
    total = sum(values) or 1.0
    named = {name: value / total for name, value in zip(NAMES, values, strict=True)}
    read = aliases.probabilities(named, 1, kept)
    assert set(read) == {name for name in now.values() if name is not None}
    for name, value in read.items():
        assert value == pytest.approx(sum(named[old] for old, new in now.items() if new == name))
    assert set(aliases.thresholds(dict.fromkeys(NAMES, 0.5), 1, kept)) == set(read)
