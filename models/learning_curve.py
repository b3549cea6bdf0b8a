"""What more pictures would do: errors by number of pictures, and a forecast with its doubt."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.thinning import Thinned

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_MOST_DRAWS, _LEAST_DRAWS, _WEIGHTS = 2_000, 400, 4_000_000
# Measured exponents are small, 0.07 to 0.35 in Hestness et al., so small ones are the likelier.
_EXPONENTS = np.geomspace(0.06, 1.0, 15)
# A floor explains nearly any curve, so that those without one need more weight to be heard. They
# are what small sets of pictures show.
_NO_FLOOR = 3.0
# By how much, as a share of it, the gain of one head differs from the mean gain: it depends on
# which pictures come. Measured on three sets and two backbones, from 50 to 100 pictures a label.
_SCATTER = 0.35


@dataclass(frozen=True)
class Curve:
    """Draws of error = floor + scale * pictures ** -exponent, each as likely as the others.

    `scatter` is by how much the gain of a single head may differ, as a factor.

    Hestness et al. 2017, "Deep learning scaling is predictable, empirically"; Viering & Loog 2022,
    "The shape of learning curves". All float [draws].
    """

    floor: Floats
    scale: Floats
    exponent: Floats
    scatter: Floats

    def errors(self, pictures: float) -> Floats:
        """Share of wrong answers [draws] with so many pictures learned from."""
        return np.asarray(self.floor + self.scale * pictures**-self.exponent)

    def gain(self, pictures: float, more: float) -> Floats:
        """By how much the errors fall [draws] when `more` pictures come, alike over all labels."""
        return (self.errors(pictures) - self.errors(pictures + more)) * self.scatter


def fit(thinned: Thinned, groups: Ints | None = None, seed: int = 0) -> Curve:
    """Curves that the errors of thinned-out heads leave possible.

    Pictures are drawn anew for each (Bayesian bootstrap, Rubin 1981, by group of near-identical
    ones), then an exponent, and whether there is a floor, by how well the curve of least squares
    fits. The curve is that of the mean over many heads; what one head gains scatters about it.
    """
    random = np.random.default_rng(seed)
    asked = ~np.isnan(thinned.wrong[0])
    drawn = redrawn(thinned.wrong[:, asked], None if groups is None else groups[asked], random)
    spread = np.maximum(np.diff(drawn, axis=0).var(axis=1).mean(), 1e-8)
    kinds = [(exponent, floored) for exponent in _EXPONENTS for floored in (False, True)]
    fits = [_least_squares(drawn, thinned.sizes**-e, floored) for e, floored in kinds]
    misfit = np.stack([squares for _, _, squares in fits])
    weights = np.exp(-(misfit - misfit.min(axis=0)) / (2 * spread))
    weights *= np.where([floored for _, floored in kinds], 1.0, _NO_FLOOR)[:, None]
    chances = np.cumsum(weights / weights.sum(axis=0), axis=0)
    chosen = (chances < random.uniform(size=drawn.shape[1])).sum(axis=0)
    chosen = np.minimum(chosen, len(kinds) - 1)
    each = np.arange(drawn.shape[1])
    floor = np.stack([one[0] for one in fits])[chosen, each]
    scale = np.stack([one[1] for one in fits])[chosen, each]
    scatter = np.exp(_SCATTER * random.normal(size=len(each)))
    return Curve(floor, scale, np.array([e for e, _ in kinds])[chosen], scatter)


def redrawn(wrong: Floats, groups: Ints | None, random: np.random.Generator) -> Floats:
    """Mean errors [S, draws] when the pictures [S, N] are drawn anew; one made-up picture added.

    The made-up one stands for what has not been seen: without it, no observed difference at all
    would make certain that there is none.
    """
    count = wrong.shape[1]
    _, inverse = np.unique(np.arange(count) if groups is None else groups, return_inverse=True)
    units = int(inverse.max(initial=-1)) + 1
    sums = np.stack([np.bincount(inverse, row, units) for row in wrong])
    sizes = np.bincount(inverse, minlength=units)
    draws = int(np.clip(_WEIGHTS // max(units, 1), _LEAST_DRAWS, _MOST_DRAWS))
    weights = random.exponential(size=(units, draws))
    unseen = random.exponential(size=draws) * random.integers(0, 2, size=(len(wrong), draws))
    return np.asarray((sums @ weights + unseen) / (sizes @ weights + 1))


def _least_squares(errors: Floats, power: Floats, floored: bool) -> tuple[Floats, Floats, Floats]:
    """Floor, scale (neither below 0) and squared misfit [draws] for errors [S, draws]."""
    through_zero = np.maximum(power @ errors / (power @ power), 0.0)
    floor, scale = np.zeros_like(through_zero), through_zero
    if floored:
        centred = power - power.mean()
        steep = np.maximum(centred @ errors / (centred @ centred), 0.0)
        free = errors.mean(axis=0) - steep * power.mean()
        floor, scale = np.maximum(free, 0.0), np.where(free < 0, through_zero, steep)
    misfit = np.square(errors - floor - power[:, None] * scale).sum(axis=0)
    return floor, scale, misfit
