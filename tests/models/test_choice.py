import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import approx_fprime
from scipy.special import log_softmax

from models import choice
from models.errors import NotEnoughExamples


def instances(
    count: int, dim: int = 8, seed: int = 0, strength: float = 2.0
) -> tuple[np.ndarray, np.ndarray]:
    """Alternatives [N, 4, dim], the one chosen by a known score first, and that score."""
    rng = np.random.default_rng(seed)
    truth = strength * np.random.default_rng(99).normal(size=dim) / np.sqrt(dim)
    offered = rng.normal(size=(count, 4, dim)) + 5 * rng.normal(size=(count, 1, dim))
    chosen = (offered @ truth + rng.gumbel(size=(count, 4))).argmax(1)
    order = (np.arange(4) + chosen[:, None]) % 4
    return np.take_along_axis(offered, order[:, :, None], 1), truth


def test_it_finds_the_score_that_people_choose_by() -> None:
    offered, truth = instances(2000)
    weights = choice.fit(offered).weights
    assert np.corrcoef(weights, truth)[0, 1] > 0.98
    assert np.linalg.norm(weights) == pytest.approx(np.linalg.norm(truth), rel=0.15)


def test_the_solution_is_where_the_objective_is_flat() -> None:
    offered, _ = instances(40, dim=5)
    differences = offered[:, 1:] - offered[:, :1]
    solved = choice._solve(differences, 0.5)

    def objective(weights: np.ndarray) -> float:
        losses = -log_softmax(offered @ weights, axis=1)[:, 0]
        return float(losses.sum() + np.square(weights).sum() / (2 * 0.5))

    slope = approx_fprime(solved, objective, 1e-6)
    assert np.abs(slope).max() / 40 < 1e-3


def test_what_carries_no_information_gets_no_weight() -> None:
    rng = np.random.default_rng(0)
    fitted = choice.fit(rng.normal(size=(100, 4, 300)))
    right = (fitted.out_of_fold.argmax(1) == 0).mean()
    assert right < 0.4, "the answers out of fold are guesses"
    fresh = rng.normal(size=(500, 4, 300)) @ fitted.weights
    assert np.exp(log_softmax(fresh, axis=1)).max(1).mean() < 0.5


def test_instances_of_a_group_never_vouch_for_each_other() -> None:
    # Each instance twice, chosen by pure chance: only a leak can beat guessing.
    rng = np.random.default_rng(0)
    twice = np.tile(rng.normal(size=(80, 4, 400)), (2, 1, 1))
    apart = choice.fit(twice, np.tile(np.arange(80), 2)).out_of_fold
    leaky = choice.fit(twice).out_of_fold
    assert (apart.argmax(1) == 0).mean() < 0.45
    assert (leaky.argmax(1) == 0).mean() > 0.7


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000), count=st.integers(2, 30), dim=st.integers(1, 60))
def test_what_all_alternatives_share_makes_no_difference(seed: int, count: int, dim: int) -> None:
    offered, _ = instances(count, dim, seed)
    shared = np.random.default_rng(seed).normal(size=(count, 1, dim))
    first, second = choice.fit(offered), choice.fit(offered + shared)
    assert np.isfinite(first.weights).all()
    scores = offered @ first.weights, offered @ second.weights
    relative = [one - one[:, :1] for one in scores]
    assert np.abs(relative[0] - relative[1]).max() < 0.05 * max(1, np.abs(relative[0]).max())


def test_a_feature_that_never_varies_within_an_instance_gets_no_weight() -> None:
    offered, _ = instances(60)
    offered[:, :, 2] = 7.0
    offered[:, :, 3] = np.arange(60)[:, None]
    assert np.allclose(choice.fit(offered).weights[2:4], 0, atol=1e-9)


def test_nothing_to_tell_by_gives_even_odds() -> None:
    fitted = choice.fit(np.ones((6, 4, 5)))
    assert not fitted.weights.any()
    assert not fitted.out_of_fold.any()


def test_a_larger_scale_lets_a_feature_speak_up_with_few_instances() -> None:
    offered, _ = instances(12, dim=40)
    telling = np.random.default_rng(3).normal(size=(12, 4))
    telling[:, 0] += 2
    offered = np.concatenate([telling[:, :, None], offered], axis=2)
    scales = np.ones(41)
    scales[0] = 10
    plain, louder = choice.fit(offered), choice.fit(offered, scales=scales)
    share = [abs(one.weights[0]) / np.linalg.norm(one.weights) for one in (plain, louder)]
    assert share[1] > share[0] > 0


@pytest.mark.parametrize("count", [0, 1])
def test_too_few_are_named(count: int) -> None:
    with pytest.raises(NotEnoughExamples, match="at least two pictures"):
        choice.fit(np.ones((count, 4, 3)))
    if count:
        with pytest.raises(NotEnoughExamples):
            choice.fit(np.ones((3, 4, 3)), np.zeros(3, np.int64))
