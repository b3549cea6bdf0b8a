import numpy as np
import pytest

from models.drift import FEWEST, drift
from models.errors import ModelError


def stream(count: int, seed: int, moved: float = 0.0) -> np.ndarray:
    random = np.random.default_rng(seed)
    kinds = np.abs(np.random.default_rng(5).normal(size=(4, 30)))
    rows = np.abs(kinds[random.integers(0, 4, count)] + 0.4 * random.normal(size=(count, 30)))
    rows[:, :10] += moved
    return rows


def confidence(count: int, seed: int, power: float = 8) -> np.ndarray:
    return np.random.default_rng(seed).random(count) ** (1 / power)


def test_a_changed_stream_is_noticed() -> None:
    found = drift(stream(300, 0), stream(150, 1, moved=0.4))
    assert found.drifted
    assert found.p_value is not None
    assert found.p_value <= found.level
    assert "look different" in found.verdict


def test_the_most_foreign_pictures_are_named() -> None:
    random = np.random.default_rng(2)
    recent = np.concatenate([stream(90, 1), 2 * np.abs(random.normal(size=(40, 30)))])
    found = drift(stream(300, 0), recent)
    assert np.mean([i >= 90 for i in found.most_unlike]) > 0.8


def test_fallen_confidence_is_noticed_where_pictures_look_the_same() -> None:
    found = drift(stream(300, 0), stream(200, 1), confidence(300, 0), confidence(200, 1, power=2))
    assert found.drifted
    assert "median confidence went from 0.9" in found.verdict
    assert "look different" not in found.verdict


def test_an_unchanged_stream_is_quiet_and_p_values_are_uniform() -> None:
    found = [
        drift(stream(60, 2 * s), stream(40, 2 * s + 1), looks=1, false_alarms=0.05, seed=s)
        for s in range(100)
    ]
    p_values = np.array([one.p_value for one in found], float)
    # 5 of 100 expected; 13 or more would happen once in 2,000 times.
    assert sum(bool(one.drifted) for one in found) < 13
    assert 0.35 < p_values.mean() < 0.65
    assert "chance" in found[int(p_values.argmax())].verdict


def test_looking_every_day_divides_the_level() -> None:
    daily = drift(stream(60, 0), stream(60, 1), looks=30, false_alarms=0.01)
    assert daily.level == pytest.approx(0.01 / 30)
    assert not daily.drifted


def test_both_tests_share_the_level() -> None:
    rows = stream(100, 0), stream(100, 1)
    found = drift(*rows, confidence(100, 0), confidence(100, 1))
    assert found.embedding_p is not None
    assert found.confidence_p is not None
    assert found.p_value == min(1, 2 * min(found.embedding_p, found.confidence_p))


def test_too_few_pictures_give_no_verdict() -> None:
    found = drift(stream(300, 0), stream(FEWEST - 1, 1, moved=5))
    assert found.drifted is None
    assert found.p_value is None
    assert str(FEWEST) in found.verdict


def test_the_same_seed_gives_the_same_answer() -> None:
    assert drift(stream(80, 0), stream(50, 1), seed=3) == drift(
        stream(80, 0), stream(50, 1), seed=3
    )


def test_many_pictures_are_sampled() -> None:
    found = drift(stream(2600, 0), stream(2300, 1))
    assert found.drifted is False
    assert max(found.most_unlike) < 2300


def test_identical_pictures_are_no_change() -> None:
    assert drift(np.ones((30, 5)), np.ones((30, 5))).drifted is False


def test_embeddings_of_two_backbones_are_refused() -> None:
    with pytest.raises(ModelError, match="backbones"):
        drift(np.ones((30, 5)), np.ones((30, 6)))
