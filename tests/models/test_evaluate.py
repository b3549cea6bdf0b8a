import numpy as np

from models import evaluate, fitting
from models.heads import Head

NAMES = ("a", "b")
PLAIN = Head(NAMES, np.eye(2), np.zeros(2))


def noisy(count: int, certainty: float) -> tuple[np.ndarray, np.ndarray]:
    """Logits of a fixed certainty that are right four times in five."""
    rng = np.random.default_rng(0)
    targets = rng.integers(0, 2, count)
    claimed = np.where(rng.uniform(size=count) < 0.8, targets, 1 - targets)
    return certainty * (np.eye(2)[claimed] - 0.5), targets


def test_held_out_scores_name_what_could_not_be_scored() -> None:
    rows, targets = noisy(100, 2)
    scores = evaluate.held_out(PLAIN, rows, targets, ("c",))
    assert scores["count"] == 100
    assert 0.7 < scores["accuracy"] < 0.9
    assert scores["not_scored"] == ["c"]
    assert evaluate.held_out(PLAIN, np.empty((0, 0)), np.empty(0, int), ())["accuracy"] is None


def test_from_scratch_an_overconfident_network_is_cooled_without_changing_its_answers() -> None:
    rows, targets = noisy(400, 20)
    head, scores, threshold = evaluate.calibrate_from_scratch(PLAIN, rows, targets, ())
    assert head.temperature > 3
    assert abs(head.predict(rows).max(1).mean() - 0.8) < 0.05
    plain = evaluate.held_out(PLAIN, rows, targets, ())
    assert scores["accuracy"] == plain["accuracy"]
    assert scores["log_loss"] < plain["log_loss"]
    assert threshold.value >= 0.5


def test_from_scratch_with_little_to_calibrate_on_stays_cautious() -> None:
    for count in (0, 6):
        rows, targets = noisy(count, 5)
        head, scores, threshold = evaluate.calibrate_from_scratch(PLAIN, rows, targets, ())
        assert head.temperature > 1
        assert scores["count"] == count
        assert threshold.value == 0.9


def test_the_review_threshold_counts_held_out_and_out_of_fold_answers() -> None:
    rows, targets = noisy(60, 2)
    fit = fitting.fit(rows + np.random.default_rng(1).normal(size=rows.shape), targets, None, NAMES)
    few = np.empty((0, 0)), np.empty(0, int)
    assert "of 60 pictures" in evaluate.review_threshold(fit.head, *few, fit).reason or (
        evaluate.review_threshold(fit.head, *few, fit).value == 0.99
    )
    assert evaluate.summarise_folds(fit)["count"] == 60
