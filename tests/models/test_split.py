import hashlib

from hypothesis import given
from hypothesis import strategies as st

from models.split import SMALLEST_SPLIT_LABEL, assign, is_held_out


def hashes(count: int, salt: str = "") -> list[str]:
    return [hashlib.sha256(f"{salt}{i}".encode()).hexdigest() for i in range(count)]


def test_about_a_fifth_is_held_out_of_every_label() -> None:
    split = assign({label: hashes(1000, label) for label in ("a", "b", "c")})
    for label in ("a", "b", "c"):
        assert 160 < len(split.held_out & set(hashes(1000, label))) < 240
    assert split.not_scored == ()


@given(st.integers(0, 60), st.integers(0, 60), st.text(max_size=4))
def test_every_picture_is_on_exactly_one_side(first: int, second: int, salt: str) -> None:
    labels = {"a": hashes(first, salt + "a"), "b": hashes(second, salt + "b")}
    split = assign(labels)
    assert split.training | split.held_out == {sha for shas in labels.values() for sha in shas}
    assert not split.training & split.held_out
    for label, shas in labels.items():
        assert (label in split.not_scored) == (not split.held_out & set(shas))


@given(st.integers(10, 80), st.integers(0, 80), st.text(max_size=4))
def test_nothing_changes_sides_when_pictures_are_added(before: int, more: int, salt: str) -> None:
    early = assign({"a": hashes(before, salt)})
    late = assign({"a": hashes(before + more, salt), "b": hashes(20, "other")})
    assert early.held_out <= late.held_out
    assert early.training <= late.training


def test_a_tiny_label_trains_on_all_it_has() -> None:
    low = [f"{i:064x}" for i in range(SMALLEST_SPLIT_LABEL)]
    split = assign({"tiny": low[:-1], "big": hashes(50)})
    assert set(low[:-1]) <= split.training
    assert split.not_scored == ("tiny",)


def test_a_label_is_never_left_without_anything_to_learn_from() -> None:
    low = [f"{i:064x}" for i in range(8)]
    split = assign({"unlucky": low})
    assert split.training == set(low[-2:])


def test_the_rule_is_fixed_for_all_times() -> None:
    assert is_held_out("33333332" + "f" * 56)
    assert not is_held_out("33333334" + "0" * 56)
