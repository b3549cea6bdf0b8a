"""Answers of models with known faults, for the tests of what is reported about them."""

import hashlib
from collections.abc import Sequence

import numpy as np
from hypothesis import strategies as st

from models.answers import Answers


def hashes(count: int, salt: str = "") -> tuple[str, ...]:
    return tuple(hashlib.sha256(f"{salt}{i}".encode()).hexdigest() for i in range(count))


def answers(
    count: int, labels: int = 3, *, seed: int = 0, sharpness: float = 2.0, claimed: float = 1.0
) -> Answers:
    """Answers whose probabilities are true, or with `claimed` above 1 say more than is true."""
    random = np.random.default_rng(seed)
    logits = sharpness * random.normal(size=(count, labels))
    truth = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    targets = (truth.cumsum(axis=1) < random.uniform(size=(count, 1))).sum(axis=1)
    said = np.exp(claimed * logits)
    said /= said.sum(axis=1, keepdims=True)
    names = [f"label {i}" for i in range(labels)]
    return Answers.of(names, hashes(count, f"{seed}-"), said, np.minimum(targets, labels - 1))


def certain(labels: Sequence[str], pairs: Sequence[tuple[str, str]]) -> Answers:
    """One sure answer for each pair of the given and the answered label."""
    index = {label: i for i, label in enumerate(labels)}
    probabilities = np.full((len(pairs), len(labels)), 0.1 / max(1, len(labels) - 1))
    for row, (_, answered) in enumerate(pairs):
        probabilities[row, index[answered]] = 0.9
    truths = tuple(given for given, _ in pairs)
    return Answers(tuple(labels), hashes(len(pairs)), probabilities, truths)


@st.composite
def any_answers(draw: st.DrawFn, most: int = 60) -> Answers:
    """Any probabilities and true labels, ties and certainties included."""
    count, labels = draw(st.integers(0, most)), draw(st.integers(1, 5))
    seed = draw(st.integers(0, 2**32 - 1))
    random = np.random.default_rng(seed)
    coarse = draw(st.sampled_from([1, 3, 1000]))
    weights = np.ceil(random.uniform(size=(count, labels)) * coarse) + 1e-9
    if draw(st.booleans()):
        weights[:, 0] += 1e9
    probabilities = weights / weights.sum(axis=1, keepdims=True)
    targets = random.integers(0, draw(st.integers(1, labels)), count)
    return Answers.of([f"label {i}" for i in range(labels)], hashes(count), probabilities, targets)
