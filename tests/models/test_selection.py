import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.errors import ModelError
from models.fitting import fit
from models.selection import choose


def heap(
    count: int = 300, kinds: int = 6, seed: int = 0, spread: float = 0.45
) -> tuple[np.ndarray, np.ndarray]:
    """Kinds of very different sizes, the largest first."""
    random = np.random.default_rng(seed)
    shares = 0.5 ** np.arange(kinds)
    truth = random.choice(kinds, count, p=shares / shares.sum())
    centres = np.abs(np.random.default_rng(5).normal(size=(kinds, 40)))
    return np.abs(centres[truth] + spread * random.normal(size=(count, 40))), truth


def test_a_cold_start_covers_more_kinds_than_chance() -> None:
    rows, truth = heap()
    ours = [len(set(truth[[c.index for c in choose(rows, 10, seed=s)]])) for s in range(5)]
    random = np.random.default_rng(0)
    chance = [len(set(truth[random.choice(300, 10, replace=False)])) for _ in range(200)]
    assert np.mean(ours) > np.mean(chance) + 1


def test_what_is_labelled_already_is_not_asked_again() -> None:
    rows, truth = heap()
    labelled = rows[truth == 0][:40]
    chosen = choose(rows, 8, labelled=labelled)
    assert (truth[[choice.index for choice in chosen]] == 0).mean() < 0.4, "half of all pictures"


def test_a_batch_repeats_nothing() -> None:
    rows, _ = heap(60)
    twice = np.concatenate([rows, rows * 1.0001])
    chosen = [choice.index % 60 for choice in choose(twice, 30)]
    assert len(set(chosen)) == 30


def test_doubt_draws_the_choice() -> None:
    rows, truth = heap()
    probabilities = np.where((truth == 1)[:, None], [0.55, 0.45], [0.99, 0.01])
    chosen = choose(rows, 6, probabilities=probabilities, labels=["a", "b"])
    assert (truth[[choice.index for choice in chosen]] == 1).mean() > 0.6
    assert all("hesitates" in c.reason for c in chosen if truth[c.index] == 1)


def test_reasons_are_plain_words() -> None:
    rows, _ = heap(40, spread=0.05)
    probabilities = np.tile([0.5, 0.4, 0.1], (40, 1))
    unlike = np.full(40, 0.001)
    first = choose(
        rows, 3, probabilities=probabilities, labels=["cat", "dog", "owl"], unlike=unlike
    )[0]
    assert first.stands_for > 1
    assert first.reason == (
        "It is unlike anything labelled, and the model hesitates between "
        f'"cat" and "dog", and it stands for {first.stands_for} similar pictures.'
    )
    lonely = choose(np.eye(4), 2)
    assert lonely[0].reason == "It is different from the others chosen."


def test_it_teaches_more_than_random_labelling() -> None:
    rows, truth = heap(400)
    fresh, wanted = heap(600, seed=9)

    def accuracy(labelled: list[int]) -> float:
        known = [k for k in range(6) if (truth[labelled] == k).sum() >= 2]
        used = [i for i in labelled if truth[i] in known]
        targets = np.searchsorted(known, truth[used])
        head = fit(rows[used], targets, None, [str(k) for k in known]).head
        return float((np.array(known)[head.predict(fresh).argmax(1)] == wanted).mean())

    ours = accuracy([choice.index for choice in choose(rows, 40)])
    random = np.random.default_rng(0)
    chance = [accuracy(random.choice(400, 40, replace=False).tolist()) for _ in range(5)]
    assert ours > np.mean(chance)


def test_the_same_seed_gives_the_same_choice() -> None:
    rows, _ = heap()
    assert choose(rows, 12, seed=2) == choose(rows, 12, seed=2)


def test_everything_and_nothing() -> None:
    rows, _ = heap(12)
    assert sorted(choice.index for choice in choose(rows, 50)) == list(range(12))
    assert choose(rows, 0) == []
    assert choose(rows[:0], 5) == []


def test_what_does_not_match_is_refused() -> None:
    rows, _ = heap(5)
    with pytest.raises(ModelError, match=r"\[5, 1\]"):
        choose(rows, 1, probabilities=np.ones((4, 1)), labels=["a"])
    with pytest.raises(ModelError, match="backbones"):
        choose(rows, 1, labelled=np.ones((3, 7)))
    with pytest.raises(ModelError, match="p-values"):
        choose(rows, 1, unlike=np.ones(3))


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 40), st.integers(1, 12), st.integers(1, 5), st.integers(0, 2**32 - 1))
def test_choices_are_distinct_whatever_comes(count: int, n: int, labels: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    rows = random.integers(-1, 2, (count, 3)).astype(float)
    probabilities = random.dirichlet(np.ones(labels), count)
    names = [str(k) for k in range(labels)]
    chosen = choose(rows, n, probabilities=probabilities, labels=names, labelled=rows[:2])
    assert len({choice.index for choice in chosen}) == min(n, count)
