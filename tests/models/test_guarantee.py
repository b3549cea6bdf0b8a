import json

import numpy as np
import pytest
from scipy import stats

from models import promise as promises
from models.errors import ModelError
from models.guarantee import Guarantee, guarantee
from models.promise import AskNothing, Capacity, ErrorRate, ErrorRatePerLabel, Promise
from models.scored import Judged, Scored
from models.thresholds import choose, reached

LABELS = ("bent", "ok", "scratched")
ALL: list[Promise] = [AskNothing(), ErrorRate(0.05), ErrorRatePerLabel(0.1), Capacity(20, 100)]


def drawn(seed: int, count: int, labels: int = 3, worst: float = 0.2) -> Judged:
    """Labels with more errors the higher their index; wrong more often where less sure."""
    random = np.random.default_rng(seed)
    predicted = random.integers(0, labels, count)
    confidence = random.random(count)
    error = worst * (1 - confidence) * (1 + predicted) / labels
    return Judged(predicted, confidence, random.random(count) >= error)


def error(label: int, threshold: float, worst: float = 0.2) -> float:
    """The true error rate among the label's answers with a confidence of `threshold` or more."""
    return worst * (1 + label) / 3 * (1 - threshold) / 2


def empty() -> Judged:
    return Judged(np.empty(0, np.int64), np.empty(0), np.empty(0, bool))


def taken(pictures: Judged, order: np.ndarray) -> Judged:
    return Judged(pictures.predicted[order], pictures.confidence[order], pictures.right[order])


def test_a_promise_about_all_answers() -> None:
    known = drawn(1, 400)
    made = guarantee(ErrorRate(0.05), LABELS, drawn(0, 600), known)
    assert made.kept
    (threshold,) = set(made.thresholds.values())
    assert threshold is not None
    automatic = known.confidence >= threshold
    assert made.evidence.answered == automatic.sum()
    assert made.evidence.wrong == (~known.right[automatic]).sum()
    exact = stats.binomtest(made.evidence.wrong, made.evidence.answered, alternative="less")
    assert made.evidence.error_at_most == pytest.approx(exact.proportion_ci(0.95).high)
    assert made.evidence.error_at_most <= 0.05
    assert made.review_share == pytest.approx(1 - automatic.mean())
    assert made.review_interval[0] < 1 - automatic.mean() < made.review_interval[1]
    assert "At most 5 % of the automatic answers wrong" in made.sentence


def test_without_the_evidence_a_person_is_asked_and_told_what_it_takes() -> None:
    made = guarantee(ErrorRate(0.02), LABELS, drawn(0, 600, worst=0.02), drawn(1, 40, worst=0.02))
    assert not made.kept
    assert set(made.thresholds.values()) == {None}
    assert (made.review_share, made.review_interval) == (1, (1, 1))
    more = made.evidence.more_labelled
    assert more is not None
    assert more >= (149 - 40) / 0.2
    assert f"about {more:,} more labelled pictures" in made.sentence
    assert made.sentence.endswith("a person is asked about every picture.")


def test_each_label_gets_its_own_threshold_and_break_rate() -> None:
    """For each label by itself: more breaks than this come by chance once in ten million."""
    draws, alpha = 150, 0.08
    most = int(stats.binom.isf(1e-7, draws, 0.05))
    tuning, broken, kept = drawn(0, 600), np.zeros(3), np.zeros(3)
    for seed in range(draws):
        found = choose(ErrorRatePerLabel(alpha), LABELS, tuning, drawn(10 + seed, 500))
        for label, threshold in enumerate(found.values()):
            if threshold is not None:
                kept[label] += 1
                broken[label] += error(label, threshold) > alpha
    assert (broken <= most).all()
    assert kept[0] > 0.8 * draws


def test_per_label_counts_are_each_labels_and_their_sum() -> None:
    known = drawn(1, 900)
    made = guarantee(ErrorRatePerLabel(0.1), LABELS, drawn(0, 900), known)
    automatic = reached(known, LABELS, made.thresholds)
    assert made.evidence.answered == automatic.sum()
    assert made.evidence.wrong == (automatic & ~known.right).sum()
    for index, label in enumerate(LABELS):
        own = known.predicted == index
        assert made.labels[label].pictures == own.sum()
        assert made.labels[label].answered == (own & automatic).sum()


def test_capacity_asks_about_no_more_than_people_can_answer() -> None:
    known = drawn(1, 200)
    made = guarantee(Capacity(30, 100), LABELS, drawn(0, 100), known)
    assert made.kept
    assert made.review_share == 0.3
    assert made.evidence.answered == 140
    assert "30 questions a day of 100 pictures. A person is asked about 30 %" in made.sentence


def test_the_bound_that_capacity_buys_holds_in_at_least_19_of_20_draws() -> None:
    draws = 1000
    below = 0
    for seed in range(draws):
        known = drawn(seed, 120)
        made = guarantee(Capacity(30, 100), LABELS, empty(), known)
        threshold = made.thresholds["ok"]
        assert threshold is not None
        truth = np.mean([error(label, threshold) for label in range(3)])
        below += made.evidence.error_at_most >= truth
    assert below >= stats.binom.ppf(1e-7, draws, 0.95)


def test_the_stream_says_how_many_are_asked_about() -> None:
    random = np.random.default_rng(0)
    stream = Scored(random.integers(0, 3, 1000), 0.5 * random.random(1000))
    made = guarantee(Capacity(10, 100), LABELS, empty(), drawn(1, 200), stream=stream)
    assert made.review_share == 0.1
    assert set(made.thresholds.values()) < {float(np.nextafter(x, 1)) for x in stream.confidence}
    assert guarantee(Capacity(0, 9), LABELS, empty(), empty()).thresholds["ok"] is None
    assert guarantee(Capacity(0, 9), LABELS, empty(), drawn(1, 50)).thresholds["ok"] == 0
    assert guarantee(Capacity(9, 9), LABELS, empty(), drawn(1, 50)).thresholds["ok"] is None


def test_asking_nothing_promises_nothing_and_says_what_is_known() -> None:
    made = guarantee(AskNothing(), LABELS, empty(), drawn(1, 100))
    assert set(made.thresholds.values()) == {0.0}
    assert (made.review_share, made.evidence.answered) == (0, 100)


def test_choosing_among_candidates_costs_confidence() -> None:
    tuning, known = drawn(0, 600), drawn(1, 400)
    one, five = (guarantee(ErrorRate(0.05), LABELS, tuning, known, candidates=n) for n in (1, 5))
    assert five.evidence.error_at_most <= 0.05
    single, several = one.thresholds["ok"], five.thresholds["ok"]
    assert single is not None
    assert several is None or single <= several
    right = Judged(np.zeros(60, np.int64), np.full(60, 0.9), np.ones(60, bool))
    assert guarantee(ErrorRate(0.05), ("a",), right, right).kept
    assert not guarantee(ErrorRate(0.05), ("a",), right, right, candidates=2).kept


@pytest.mark.parametrize("promise", ALL, ids=lambda promise: promise.kind)
@pytest.mark.parametrize("case", ["empty", "one", "all right", "all wrong", "tied", "imbalanced"])
def test_whatever_the_pictures_the_result_is_whole_and_fit_for_json(
    promise: Promise, case: str
) -> None:
    some = drawn(3, 300)
    pictures = {
        "empty": empty(),
        "one": drawn(3, 1),
        "all right": Judged(some.predicted, some.confidence, np.ones(300, bool)),
        "all wrong": Judged(some.predicted, some.confidence, np.zeros(300, bool)),
        "tied": Judged(some.predicted, np.ones(300), some.right),
        "imbalanced": Judged(np.where(np.arange(300) < 299, 1, 0), some.confidence, some.right),
    }[case]
    made = guarantee(promise, LABELS, pictures, pictures)
    data = json.loads(json.dumps(made.to_json()))
    assert promises.from_json(data["promise"]) == promise
    assert list(data["thresholds"]) == list(LABELS)
    assert all(value is None or 0 <= value <= 1 for value in data["thresholds"].values())
    assert data["sentence"]
    if case == "all wrong" and isinstance(promise, ErrorRate | ErrorRatePerLabel):
        assert set(data["thresholds"].values()) == {None}


def test_three_hundred_labels() -> None:
    labels = [str(i) for i in range(300)]
    known = drawn(1, 3000, labels=300, worst=0.01)
    per_label = guarantee(ErrorRatePerLabel(0.05), labels, drawn(0, 3000, 300), known)
    assert set(per_label.thresholds.values()) == {None}
    assert "295 more labels as well" in per_label.sentence
    assert guarantee(ErrorRate(0.05), labels, drawn(0, 3000, 300, 0.01), known).kept


def test_one_label() -> None:
    right = Judged(np.zeros(100, np.int64), np.full(100, 0.9), np.ones(100, bool))
    for promise in (ErrorRate(0.05), ErrorRatePerLabel(0.05)):
        assert guarantee(promise, ("ok",), right, right).thresholds == {"ok": 0.0}


@pytest.mark.parametrize("promise", ALL, ids=lambda promise: promise.kind)
def test_the_order_of_the_pictures_does_not_matter(promise: Promise) -> None:
    tuning, known = drawn(0, 500), drawn(1, 300)
    random = np.random.default_rng(0)

    def made(tuning_order: np.ndarray, known_order: np.ndarray) -> Guarantee:
        return guarantee(promise, LABELS, taken(tuning, tuning_order), taken(known, known_order))

    same = made(np.arange(500), np.arange(300))
    assert made(random.permutation(500), random.permutation(300)) == same


def test_a_label_that_no_picture_was_given_is_always_asked_about() -> None:
    two = drawn(1, 600, labels=2)
    made = guarantee(ErrorRatePerLabel(0.2), LABELS, two, two)
    assert made.thresholds["scratched"] is None
    assert made.thresholds["bent"] is not None
    assert made.labels["scratched"].pictures == 0
    assert "'scratched'" in made.sentence


@pytest.mark.parametrize("wrong", [{"candidates": 0}, {"held_out_share": 0.0}])
def test_numbers_that_cannot_be_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ModelError):
        guarantee(ErrorRate(0.1), LABELS, empty(), empty(), **wrong)  # type: ignore[arg-type]
