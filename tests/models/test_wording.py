import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models import wording
from models.intervals import exact
from models.wording import about, percent


@pytest.mark.parametrize(
    ("wrong", "total", "sentence"),
    [
        (0, 0, "There is no picture to judge by yet."),
        (0, 240, "No mistake in 240 pictures; up to 2 times in 100 remains possible with 95 % "),
        (0, 1, "No mistake in 1 picture; up to 98 times in 100 remains possible"),
        (7, 240, "Wrong about 3 times in 100; between 1 and 6 with 95 % confidence, judged on 240"),
        (1, 100, "Wrong about 1 time in 100; between 0 and 6 with"),
        (1, 500, "Wrong about 2 times in 1,000; between 0 and 12 with"),
        (1, 30_000, "Wrong about 0 times in 10,000; between 0 and 2 with"),
        (140, 10_000, "Wrong about 14 times in 1,000; between 11 and 17 with"),
        (5, 5, "Wrong about 100 times in 100; between 47 and 100 with"),
    ],
)
def test_how_often_wrong(wrong: int, total: int, sentence: str) -> None:
    assert wording.times_wrong(wrong, total).startswith(sentence)


@given(st.integers(0, 3000), st.integers(1, 3000))
def test_the_words_never_narrow_the_interval(a: int, b: int) -> None:
    wrong, total = min(a, b), max(a, b)
    low, high = exact(wrong, total)
    said = wording.times_wrong(wrong, total)
    if wrong:
        pattern = r"about ([\d,]+) times? in ([\d,]+); between ([\d,]+) and ([\d,]+)"
        found = re.search(pattern, said)
        assert found
        about, scale, least, most = (int(n.replace(",", "")) for n in found.groups())
        assert least <= low * scale
        assert most >= high * scale - 1e-9
        assert abs(about - wrong / total * scale) <= 0.5
    else:
        found = re.search(r"up to ([\d,]+) times? in ([\d,]+)", said)
        assert found
        most, scale = (int(n.replace(",", "")) for n in found.groups())
        assert most / scale >= high


def test_lists_and_plurals() -> None:
    assert wording.listed(["a"]) == "'a'"
    assert wording.listed(["a", "b", "c"]) == "'a', 'b' and 'c'"
    assert wording.listed([str(i) for i in range(10)]) == "'0', '1', '2', '3' and 6 more"
    assert wording.counted(1, "picture") == "1 picture"
    assert wording.counted(1200, "copy", "copies") == "1,200 copies"
    said = [wording.points(share) for share in (0.0, 0.004, 0.0099, -0.0149, 0.12)]
    assert said == ["0 points", "0.4 points", "1 point", "1.5 points", "12 points"]


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0, "0 %"),
        (0.00001, "under 0.01 %"),
        (0.0004, "0.04 %"),
        (0.005, "0.5 %"),
        (0.02, "2 %"),
        (0.0213, "2.1 %"),
        (0.1, "10 %"),
        (0.976, "98 %"),
        (1, "100 %"),
    ],
)
def test_shares_as_percent(share: float, text: str) -> None:
    assert percent(share) == text


@given(st.integers(1, 10**7))
def test_forecasts_are_rounded_up_by_a_tenth_at_most(count: int) -> None:
    assert count <= about(count) <= max(count + 4, 1.1 * count)
    assert about(about(count)) == about(count)
