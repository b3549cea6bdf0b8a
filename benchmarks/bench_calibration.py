"""Does anything beat one temperature where there are few pictures?

    python benchmarks/bench_calibration.py DATASETS_DIR WEIGHTS_DIR

Each method is fitted to out-of-fold logits of the training pictures, as the temperature of a head
is, and judged on the pictures that are left: log loss, calibration error in ten equal bins and in
bins of equal mass, means over three seeds. Every method may only choose its parameters from the
same out-of-fold logits; the strength of the vector's shrinkage is chosen there by cross-validation.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import common
import embedded
import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize, minimize_scalar
from scipy.special import log_softmax

from models import fitting
from models.calibration import adaptive_error
from models.metrics import calibration_error, log_loss

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Method = Callable[[Floats, Ints, Floats], Floats]
SEEDS = range(3)
SIZES = (20, 50, 100)
_PENALTIES = (0.1, 1.0, 10.0, 100.0)


def none(_logits: Floats, _targets: Ints, test: Floats) -> Floats:
    """Probabilities of the logits as they are."""
    return np.exp(log_softmax(test, axis=1))


def temperature(logits: Floats, targets: Ints, test: Floats) -> Floats:
    """One temperature, as in the product (Guo et al. 2017, against softened targets)."""
    return np.exp(log_softmax(test / fitting.temperature(logits, targets), axis=1))


def _cooled(logits: Floats, targets: Ints, doubt: float, spread: float = np.inf) -> float:
    """Temperature for targets softened by `doubt`, its logarithm drawn to 0 with this `spread`."""
    rows, count = np.arange(len(targets)), logits.shape[1]
    soft = np.full(logits.shape, doubt / count)
    soft[rows, targets] += 1 - doubt

    def loss(free: float) -> float:
        fit = -(soft * log_softmax(logits / np.exp(free), axis=1)).sum()
        return float(fit + free**2 / (2 * spread**2))

    return float(np.exp(minimize_scalar(loss, bounds=(-1.6, 3.9), method="bounded").x))


def much_softened(logits: Floats, targets: Ints, test: Floats) -> Floats:
    """One temperature, doubt of one in a label's pictures instead of one in all."""
    cooled = _cooled(logits, targets, 1 / (len(targets) / logits.shape[1] + 2))
    return np.exp(log_softmax(test / cooled, axis=1))


def prior(logits: Floats, targets: Ints, test: Floats) -> Floats:
    """One temperature, not softened but drawn towards 1."""
    return np.exp(log_softmax(test / _cooled(logits, targets, 0.0, 0.25), axis=1))


def mixture(logits: Floats, targets: Ints, test: Floats) -> Floats:
    """Ensemble temperature (Zhang, Kailkhura & Han 2020): tempered, untempered and uniform."""
    cooled = fitting.temperature(logits, targets)

    def parts(rows: Floats) -> Floats:
        flat = np.full_like(rows, 1 / rows.shape[1])
        return np.stack(
            [np.exp(log_softmax(rows / cooled, axis=1)), np.exp(log_softmax(rows, axis=1)), flat]
        )

    given = parts(logits)[:, np.arange(len(targets)), targets]

    def loss(free: Floats) -> float:
        shares = np.exp(log_softmax(np.append(free, 0.0)))
        return float(-np.log(shares @ given).mean())

    found = minimize(loss, np.array([2.0, 0.0]), method="Nelder-Mead").x
    shares = np.exp(log_softmax(np.append(found, 0.0)))
    return np.einsum("m,mnk->nk", shares, parts(test))


def vector(logits: Floats, targets: Ints, test: Floats) -> Floats:
    """Scale and shift for each label, drawn towards the one temperature."""
    cooled = fitting.temperature(logits, targets)
    folds = np.arange(len(targets)) % 5

    def cross_validated(penalty: float) -> float:
        answers = np.empty_like(logits)
        for fold in range(5):
            own = folds == fold
            scale, shift = _scaled(logits[~own] / cooled, targets[~own], penalty)
            answers[own] = logits[own] / cooled * scale + shift
        return log_loss(np.exp(log_softmax(answers, axis=1)), targets)

    best = min(_PENALTIES, key=cross_validated)
    scale, shift = _scaled(logits / cooled, targets, best)
    return np.exp(log_softmax(test / cooled * scale + shift, axis=1))


def _scaled(logits: Floats, targets: Ints, penalty: float) -> tuple[Floats, Floats]:
    rows, count = np.arange(len(targets)), logits.shape[1]

    def loss(flat: Floats) -> tuple[float, Floats]:
        scale, shift = flat[:count], flat[count:]
        logarithms = log_softmax(logits * scale + shift, axis=1)
        residual = np.exp(logarithms)
        residual[rows, targets] -= 1
        away = np.concatenate([scale - 1, shift])
        gradient = np.concatenate([(residual * logits).sum(axis=0), residual.sum(axis=0)])
        value = -logarithms[rows, targets].sum() + penalty / 2 * (away @ away)
        return float(value), gradient + penalty * away

    start = np.concatenate([np.ones(count), np.zeros(count)])
    found = minimize(loss, start, jac=True, method="L-BFGS-B").x
    return found[:count], found[count:]


METHODS: dict[str, Method] = {
    "none": none,
    "temperature": temperature,
    "much softened": much_softened,
    "prior": prior,
    "ensemble": mixture,
    "vector": vector,
}


def scores(one: embedded.Embedded, per_label: int, seed: int) -> list[list[float]]:
    """Log loss, calibration error and adaptive error of each method on what is left."""
    training = embedded.split(one.targets, per_label, seed)
    fit = fitting.fit(one.vectors[training], one.targets[training], None, one.labels)
    # Up to a constant of each picture these are the logits; the methods care for no such constant
    # but `vector`, which gets them centred.
    logits = np.log(np.clip(fit.out_of_fold, 1e-300, None)) * fit.head.temperature
    logits -= logits.mean(axis=1, keepdims=True)
    test = fit.head.logits(one.vectors[~training])
    test -= test.mean(axis=1, keepdims=True)
    truths, result = one.targets[~training], []
    for method in METHODS.values():
        answers = method(logits, fit.targets, test)
        right = answers.argmax(axis=1) == truths
        result.append(
            [
                log_loss(answers, truths),
                calibration_error(answers, truths),
                adaptive_error(answers.max(axis=1), right),
            ]
        )
    return result


def main() -> None:
    """Fit, judge, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("datasets", type=Path)
    parser.add_argument("weights", type=Path)
    arguments = parser.parse_args()
    rows, all_means = [], []
    for name in embedded.SETS:
        for network in embedded.BACKBONES:
            one = embedded.embeddings(arguments.datasets, name, arguments.weights, network, "whole")
            for size in SIZES:
                means = np.mean([scores(one, size, seed) for seed in SEEDS], axis=0)
                all_means.append(means)
                rows += _lines(f"{name}, {network}, {size}", means)
    rows += _lines("mean of all", np.mean(all_means, axis=0))
    print(common.table(("set, backbone, a label", "method", "log loss", "ECE", "adaptive"), rows))


def _lines(title: str, means: Floats) -> list[tuple[object, ...]]:
    return [
        (title, method, *(float(value) for value in line))
        for method, line in zip(METHODS, means, strict=True)
    ]


if __name__ == "__main__":
    main()
