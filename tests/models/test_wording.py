import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.wording import about, counted, percent


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


def test_one_and_many() -> None:
    assert counted(1, "picture") == "1 picture"
    assert counted(1200, "picture") == "1,200 pictures"
