"""Whatever is labelled however: training neither crashes nor lets the answers leak."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from colours import backbone
from hypothesis import given, settings
from hypothesis import strategies as st

from models.duplicates import THUMBNAIL
from models.errors import NotEnoughExamples
from models.job import Job
from models.reading import Sample
from models.training import Options, Trained

BACKBONE = backbone()
MANY = settings(max_examples=25, deadline=None)


def train(
    labels: Sequence[str], looks: Sequence[int], order: Sequence[int] | None = None
) -> Trained:
    """Train on pictures with these labels; those of one look are near-identical.

    Embeddings (of three values) and thumbnails are known, so that nothing is decoded.
    """
    random = np.random.default_rng(0)
    kinds = max(looks, default=0) + 1
    places = random.normal(size=(kinds, 3))
    thumbnails = random.integers(0, 256, (kinds, THUMBNAIL, THUMBNAIL)).astype(np.uint8)
    hashes = [hashlib.sha256(b"%d" % i).hexdigest() for i in range(len(labels))]
    jitter = random.normal(0, 1e-4, (len(labels), 3))
    vectors = {
        sha: (places[look] + moved).astype(np.float32)
        for sha, look, moved in zip(hashes, looks, jitter, strict=True)
    }
    rows = range(len(labels)) if order is None else order
    samples = [Sample(hashes[i], labels[i], lambda: b"never read") for i in rows]
    job = Job(samples, sorted(set(labels)), Options(threads=1), lambda _progress: None)
    job.thumbnails = {sha: thumbnails[look] for sha, look in zip(hashes, looks, strict=True)}
    job.check_enough()
    return job.finish(job.on_backbone(BACKBONE, lambda _sha: vectors, None))


@MANY
@given(st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 30)), max_size=60))
def test_any_labels_train_or_are_refused_in_a_sentence(
    pictures: list[tuple[str, int]],
) -> None:
    labels, looks = [label for label, _ in pictures], [look for _, look in pictures]
    different = {label: len({look for name, look in pictures if name == label}) for label in labels}
    try:
        made = train(labels, looks)
    except NotEnoughExamples:
        assert sum(count >= 2 for count in different.values()) < 2
        return
    assert np.isfinite(made.head.weights).all()
    held_out, learned = set(made.record.held_out.hashes), set(made.record.trained_on)
    assert not held_out & learned
    assert set(made.head.labels) == {label for label in labels if labels.count(label) >= 2}
    left_out = set(labels) - set(made.head.labels)
    assert all(label in (made.notice or "") for label in left_out)


@MANY
@given(st.permutations(range(40)))
def test_the_order_of_the_pictures_does_not_matter(order: list[int]) -> None:
    labels, looks = ["ab"[i % 2] for i in range(40)], list(range(40))
    one, other = train(labels, looks), train(labels, looks, order)
    assert one.record.trained_on == other.record.trained_on
    assert set(one.record.held_out.hashes) == set(other.record.held_out.hashes)
    assert np.allclose(one.head.weights, other.head.weights)


def test_copies_never_tell_the_answer() -> None:
    """Labels are drawn by look, at random: whoever saw a copy knows them, nobody else can."""
    random = np.random.default_rng(1)
    looks = np.repeat(np.arange(150), 5)
    drawn = random.integers(0, 2, 150)
    made = train([f"label {drawn[look]}" for look in looks], looks.tolist())
    held_out = made.record.held_out
    right = held_out.probabilities.argmax(axis=1) == held_out.targets
    assert len(right) > 75
    # Half of them by luck: 15 looks or more are held out, and copies share their luck.
    assert 0.2 < right.mean() < 0.8
    index = {hashlib.sha256(b"%d" % i).hexdigest(): look for i, look in enumerate(looks)}
    assert not {index[sha] for sha in held_out.hashes} & {
        index[sha] for sha in made.record.trained_on
    }


def test_three_hundred_labels() -> None:
    labels = [f"label {i % 300:03}" for i in range(900)]
    made = train(labels, list(range(900)))
    assert len(made.head.labels) == 300
    assert len(made.metrics["threshold"]["reason"]) > 0


def test_a_rare_label_beside_a_thousand_times_the_pictures_of_another() -> None:
    labels = ["common"] * 2000 + ["rare"] * 2
    made = train(labels, list(range(2002)))
    assert made.head.labels == ("common", "rare")
    assert np.isfinite(made.head.bias).all()
    learned = list(made.record.trained_on)
    assert {hashlib.sha256(b"%d" % i).hexdigest() for i in (2000, 2001)} <= set(learned), (
        "two pictures are too few to spare one"
    )
