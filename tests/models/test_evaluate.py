import numpy as np

from models import evaluate, metrics
from models.answers import Answers
from models.heads import Head
from models.track_record import TrackRecord

NAMES = ("a", "b")
PLAIN = Head(NAMES, np.eye(2), np.zeros(2))


def noisy(count: int, certainty: float) -> tuple[np.ndarray, np.ndarray]:
    """Logits of a fixed certainty that are right four times in five."""
    rng = np.random.default_rng(0)
    targets = rng.integers(0, 2, count)
    claimed = np.where(rng.uniform(size=count) < 0.8, targets, 1 - targets)
    return certainty * (np.eye(2)[claimed] - 0.5), targets


def record(held_out: int, tuning: int) -> TrackRecord:
    """A record of the plain head's answers to noisy pictures."""

    def part(name: str, count: int) -> Answers:
        rows, targets = noisy(count, 2)
        hashes = [f"{name}{i}" for i in range(count)]
        return Answers.of(NAMES, hashes, PLAIN.predict(rows), targets)

    return TrackRecord(NAMES, part("held out", held_out), part("tuning", tuning))


def test_scores_are_of_held_out_pictures_and_name_what_could_not_be_scored() -> None:
    scores, _ = evaluate.judged(record(100, 60), ("c",))
    assert scores["count"] == 100
    assert 0.7 < scores["accuracy"] < 0.9
    assert scores["not_scored"] == ["c"]
    assert scores["cross_validation"]["count"] == 60
    nothing, _ = evaluate.judged(record(0, 0), ())
    assert nothing["accuracy"] is None


def test_from_scratch_an_overconfident_network_is_cooled_without_changing_its_answers() -> None:
    rows, targets = noisy(400, 20)
    head, scores, threshold = evaluate.calibrate_from_scratch(PLAIN, rows, targets, ())
    assert head.temperature > 3
    assert abs(head.predict(rows).max(1).mean() - 0.8) < 0.05
    plain = metrics.summary(PLAIN.predict(rows), targets, NAMES)
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
    _, alone = evaluate.judged(record(20, 0), ())
    assert "Only 20 pictures" in alone.reason
    _, together = evaluate.judged(record(20, 60), ())
    assert "Only" not in together.reason
