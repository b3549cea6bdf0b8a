from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import approx_fprime

from models import fitting, logistic
from models.errors import ModelError, NotEnoughExamples
from models.fitting import fit, refit
from models.heads import Head


def clusters(
    per_label: int | list[int], labels: int, dim: int = 20, spread: float = 1.0, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(99).normal(size=(labels, dim)) * 2
    sizes = [per_label] * labels if isinstance(per_label, int) else per_label
    targets = np.repeat(np.arange(labels), sizes)
    return centres[targets] + spread * rng.normal(size=(len(targets), dim)), targets


def names(count: int) -> list[str]:
    return [f"label {i}" for i in range(count)]


def test_it_learns_what_can_be_told_apart() -> None:
    rows, targets = clusters(40, 4)
    fitted = fit(rows, targets, None, names(4))
    fresh, truth = clusters(200, 4, seed=1)
    assert (fitted.head.predict(fresh).argmax(1) == truth).mean() > 0.97
    assert fitted.head.labels == tuple(names(4))


def test_what_carries_no_information_gives_no_confidence() -> None:
    rng = np.random.default_rng(0)
    rows, targets = rng.normal(size=(200, 50)), rng.integers(0, 2, 200)
    fitted = fit(rows, targets, None, names(2))
    assert fitted.head.predict(rng.normal(size=(500, 50))).max(1).mean() < 0.62


def test_confidence_fits_unseen_pictures() -> None:
    rows, targets = clusters(150, 3, dim=40, spread=6.0)
    head = fit(rows, targets, None, names(3)).head
    fresh, truth = clusters(2000, 3, dim=40, spread=6.0, seed=1)
    probabilities = head.predict(fresh)
    right = (probabilities.argmax(1) == truth).mean()
    assert 0.5 < right < 0.97, "hard enough to say something"
    assert abs(probabilities.max(1).mean() - right) < 0.06


def test_two_examples_a_label_are_enough_to_begin() -> None:
    rows, targets = clusters(2, 3)
    fitted = fit(rows, targets, None, names(3))
    fresh, truth = clusters(50, 3, seed=1)
    assert (fitted.head.predict(fresh).argmax(1) == truth).mean() > 0.8


def test_hundreds_of_labels() -> None:
    rows, targets = clusters(3, 300, dim=64)
    fitted = fit(rows, targets, None, names(300))
    fresh, truth = clusters(2, 300, dim=64, seed=1)
    assert (fitted.head.predict(fresh).argmax(1) == truth).mean() > 0.9


def test_the_answers_out_of_fold_come_from_heads_that_saw_neither_the_picture_nor_its_views() -> (
    None
):
    # Every picture twice, with labels that are pure chance: only a leak can beat a coin.
    rng = np.random.default_rng(0)
    rows, targets = rng.normal(size=(150, 400)), rng.integers(0, 2, 150)
    groups = np.arange(150)
    twice, both, which = np.tile(rows, (2, 1)), np.tile(targets, 2), np.tile(groups, 2)
    served = np.arange(300) < 150
    fitted = fit(twice, both, which, names(2), served=served)
    assert len(fitted.targets) == 150
    assert (fitted.out_of_fold.argmax(1) == fitted.targets).mean() < 0.65
    leaky = fit(twice, both, None, names(2))
    assert (leaky.out_of_fold.argmax(1) == leaky.targets).mean() > 0.8


def test_a_rare_label_is_not_swallowed() -> None:
    rows, targets = clusters([300, 6], 2, dim=4, spread=1.6)
    head = fit(rows, targets, None, names(2)).head
    fresh, truth = clusters(300, 2, dim=4, spread=1.6, seed=1)
    recall = (head.predict(fresh).argmax(1) == truth)[truth == 1].mean()
    assert recall > 0.7


def test_fewer_rows_than_features_give_what_the_whole_problem_gives(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows, targets = clusters(12, 3, dim=100)
    short = fit(rows, targets, None, names(3)).head
    monkeypatch.setattr(
        fitting, "standardise", lambda rows: logistic.standardise(rows, rotate=False)
    )
    whole = fit(rows, targets, None, names(3)).head
    fresh, _ = clusters(20, 3, dim=100, seed=1)
    assert np.abs(short.predict(fresh) - whole.predict(fresh)).max() < 0.03


def test_features_that_never_change_do_no_harm() -> None:
    rows, targets = clusters(20, 2)
    rows[:, 3] = 7.0
    rows[:, 4] = 0.0
    fitted = fit(rows, targets, None, names(2))
    assert np.isfinite(fitted.head.weights).all()
    assert np.allclose(fitted.head.weights[3:5], 0, atol=1e-9)


def test_the_same_seed_gives_the_same_head() -> None:
    rows, targets = clusters(15, 3, spread=4)
    first, second = (fit(rows, targets, None, names(3), seed=3) for _ in range(2))
    assert first.head.to_bytes() == second.head.to_bytes()


def test_the_solution_is_where_the_objective_is_flat() -> None:
    rows, targets = clusters(20, 3, dim=5, spread=3)
    weights = np.ones(60)
    solved = logistic.solve(rows, targets, weights, 0.5, 3)

    def objective(flat: np.ndarray) -> float:
        solution = flat.reshape(6, 3)
        logits = rows @ solution[:-1] + solution[-1]
        losses = np.log(np.exp(logits).sum(1)) - logits[np.arange(60), targets]
        return float(losses.sum() + (solution[:-1] ** 2).sum() / (2 * 0.5))

    slope = approx_fprime(solved.ravel(), objective, 1e-6)
    assert np.abs(slope).max() / 60 < 2e-3


@pytest.mark.parametrize("sizes", [[5, 1], [5, 0], [5]])
def test_too_few_examples_are_named(sizes: list[int]) -> None:
    rows, targets = clusters(sizes, len(sizes))
    with pytest.raises(NotEnoughExamples, match="add pictures"):
        fit(rows, targets, None, names(len(sizes)))


def test_a_label_with_one_picture_is_learned_and_never_answered_out_of_fold() -> None:
    rows, targets = clusters([20, 1, 20, 1], 4)
    fitted = fit(rows, targets, None, names(4))
    assert fitted.rows.tolist() == np.flatnonzero((targets == 0) | (targets == 2)).tolist()
    assert fitted.targets.tolist() == targets[fitted.rows].tolist()
    assert len(fitted.out_of_fold) == 40
    fresh, truth = clusters(50, 4, seed=1)
    assert (fitted.head.predict(fresh).argmax(1) == truth).mean() > 0.8


def test_ten_thousand_against_two() -> None:
    rows, targets = clusters([10_000, 2], 2, dim=8)
    fitted = fit(rows, targets, None, names(2))
    fresh, truth = clusters(200, 2, dim=8, seed=1)
    right = fitted.head.predict(fresh).argmax(1) == truth
    assert right[truth == 0].mean() > 0.95
    assert right[truth == 1].mean() > 0.8


def test_thousands_are_all_answered_out_of_fold_though_a_part_of_them_chooses() -> None:
    rows, targets = clusters(1500, 2, dim=6, spread=3.0)
    fitted = fit(rows, targets, None, names(2))
    assert fitted.rows.tolist() == list(range(3000))
    assert not np.isnan(fitted.out_of_fold).any()
    accuracy = (fitted.out_of_fold.argmax(1) == targets).mean()
    fresh, truth = clusters(3000, 2, dim=6, spread=3.0, seed=1)
    assert abs((fitted.head.predict(fresh).argmax(1) == truth).mean() - accuracy) < 0.03


def test_a_large_mean_does_not_drown_a_small_difference() -> None:
    rows, targets = clusters(30, 2)
    shifted = (rows + 5000).astype(np.float32)
    fresh, truth = clusters(200, 2, seed=1)
    head = fit(shifted, targets, None, names(2)).head
    assert (head.predict(fresh + 5000).argmax(1) == truth).mean() > 0.97


def refitted(previous: Head, rows: np.ndarray, targets: np.ndarray, labels: list[str]) -> Head:
    return refit(rows, targets, labels, previous, 0.04)


def test_a_refit_is_the_head_that_a_fit_of_that_strength_gives() -> None:
    rows, targets = clusters(60, 3, spread=3)
    fitted = fit(rows, targets, None, names(3))
    old = fit(rows[::2], targets[::2], None, names(3)).head
    again = refit(rows, targets, names(3), old, fitted.strength)
    fresh, _ = clusters(50, 3, spread=3, seed=1)
    same = replace(fitted.head, temperature=old.temperature)
    assert np.abs(again.predict(fresh) - same.predict(fresh)).max() < 0.03
    assert again.temperature == old.temperature


def test_labels_may_be_added_removed_and_reordered() -> None:
    rows, targets = clusters(40, 4)
    fresh, truth = clusters(100, 4, seed=1)
    before = targets < 3
    three = fit(rows[before], targets[before], None, names(3)).head
    added = refitted(three, rows, targets, names(4))
    assert (added.predict(fresh).argmax(1) == truth).mean() > 0.97
    turned = refitted(added, rows, 3 - targets, names(4)[::-1])
    assert turned.labels == tuple(names(4)[::-1])
    assert np.abs(turned.predict(fresh)[:, ::-1] - added.predict(fresh)).max() < 0.03
    fewer = refitted(added, rows[targets > 0], targets[targets > 0] - 1, names(4)[1:])
    assert (fewer.predict(fresh[truth > 0]).argmax(1) == truth[truth > 0] - 1).mean() > 0.97


def test_a_refit_refuses_what_it_cannot_use() -> None:
    rows, targets = clusters(5, 2)
    head = fit(rows, targets, None, names(2)).head
    with pytest.raises(NotEnoughExamples, match="label 2"):
        refitted(head, rows, targets, names(3))
    with pytest.raises(ModelError) as caught:
        refitted(head, rows[:, :5], targets, names(2))
    assert caught.value.code == "other_backbone"
