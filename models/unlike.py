"""None of these: how unlike a picture is to everything labelled, and from where on to ask a person.

The score is the distance to the nearest labelled picture (Sun, Ming, Zhu and Li 2022,
"Out-of-Distribution Detection with Deep Nearest Neighbors") between square-rooted unit embeddings,
which keeps a few strong features from drowning the many weak ones. It needs no head and no
covariance, so it works from two pictures on and with a single label. What a score means is said by
the scores that labelled pictures get when they are left out themselves, as a conformal p-value
(Bates, Candès, Lei, Romano and Sesia 2023, "Testing for outliers with conformal p-values").
"""

from __future__ import annotations

import io
from dataclasses import dataclass, replace
from math import ceil

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from models.directions import principal_axes, roots
from models.errors import ModelError, NotEnoughExamples

Floats = npt.NDArray[np.float64]
Floats32 = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

# At most this share of ordinary pictures goes to a person for being unlike.
SHARE = 0.02
# Up to so many pictures each is kept whole; beyond, positions along so many axes are kept of at
# most so many pictures, which is 1 MB in half precision however many were labelled.
_WHOLE, _AXES, _KEPT, _CALIBRATED = 600, 128, 4096, 2048
_AXES_FROM = 1000
# Pictures of a label from which on its own scale counts more than everybody's.
_TRUSTED = 5
_BLOCK = 256


@dataclass(frozen=True)
class Unlike:
    """Labelled pictures to compare with, and the scores ordinary pictures have.

    `axes` float32 [R, D] and `centre` float32 [D] are those of the principal axes in the space of
    square-rooted unit embeddings, R = 0 where pictures are kept whole; `points` float32
    [M, R or D]; `rests` float32 [M], what of each one's squared length lies off the axes;
    `scales` float32 [M], by how much distances from each count less or more than from others;
    `ordinary` float32 [C], ascending.
    """

    centre: Floats32
    axes: Floats32
    points: Floats32
    rests: Floats32
    scales: Floats32
    ordinary: Floats32

    @classmethod
    def fit(
        cls,
        embeddings: npt.NDArray[np.floating],
        targets: Ints,
        groups: Ints | None = None,
        *,
        seed: int = 0,
    ) -> Unlike:
        """From labelled pictures: embeddings [N, D] as they are served, targets [N].

        `groups` [N] says which pictures are near-duplicates of each other (None: none are): they
        are left out together, or each would vouch for its twin. Deterministic for a seed. Raises
        NotEnoughExamples without pictures.
        """
        if embeddings.ndim != 2 or not len(embeddings):
            raise NotEnoughExamples(
                "There is nothing labelled to compare with; label at least one picture."
            )
        groups = np.arange(len(targets)) if groups is None else groups
        random = np.random.default_rng(seed)
        kept = _spread(targets, _KEPT, random)
        shaping = np.empty(0, np.int64)
        if len(targets) > _WHOLE:
            shaping = _whole_groups(groups, min(len(targets) // 2, _AXES_FROM), random)
        # Axes fit the pictures that shaped them better than any new one, so those would make the
        # scores of ordinary pictures look too small.
        judged = np.setdiff1d(np.arange(len(targets)), shaping)
        if len(judged) > _CALIBRATED:
            judged = np.sort(random.choice(judged, _CALIBRATED, replace=False))
        with threadpool_limits(1, user_api="blas"):
            space = _space(embeddings, shaping)
            ours, theirs = _placed(embeddings[kept], *space), _placed(embeddings[judged], *space)
            none, level = np.empty(0, np.float32), np.ones(len(kept), np.float32)
            bare = cls(*space, _half(ours[0]), _half(ours[1]), level, none)
            apart = (groups[judged], groups[kept])
            plain = bare._nearest(*theirs, *apart)
            scaled = replace(bare, scales=_half(_scales(plain, targets[judged], targets[kept])))
            scores = scaled._nearest(*theirs, *apart)
        return replace(scaled, ordinary=np.sort(scores[np.isfinite(scores)]))

    @property
    def nbytes(self) -> int:
        """What it takes in memory."""
        return sum(array.nbytes for array in vars(self).values())

    @property
    def dim(self) -> int:
        """Length of the embeddings it takes."""
        return len(self.centre)

    def score(self, embeddings: npt.NDArray[np.floating]) -> Floats:
        """[N, D] -> float64 [N]: 0 for a labelled picture itself, up to 2. Raises ModelError."""
        if embeddings.ndim != 2 or embeddings.shape[1] != self.dim:
            raise ModelError(
                f"Pictures are compared by embeddings [N, {self.dim}], not "
                f"{list(embeddings.shape)}; embed with the backbone of the labelled pictures.",
                code="other_backbone",
            )
        placed = _placed(embeddings, self.centre, self.axes)
        return self._nearest(*placed).astype(np.float64)

    def p_values(self, embeddings: npt.NDArray[np.floating]) -> Floats:
        """[N, D] -> float64 [N]: how often an ordinary picture is at least this unlike.

        Valid on average over what was labelled: for an ordinary picture P(p <= s) is at most s.
        Never below 1 / (C + 1). Raises ModelError.
        """
        # Rounding of the state to half precision must not make a tie count as more unlike.
        scores = self.score(embeddings).astype(np.float32) * np.float32(1 - 1e-4)
        beyond = len(self.ordinary) - np.searchsorted(self.ordinary, scores, side="left")
        return np.asarray((1 + beyond) / (1 + len(self.ordinary)), np.float64)

    def flags(
        self, embeddings: npt.NDArray[np.floating], share: float = SHARE
    ) -> npt.NDArray[np.bool_]:
        """[N, D] -> bool [N]: unlike everything labelled; at most `share` of ordinary pictures are.

        All False while too little is labelled to say (see `missing`). Raises ModelError.
        """
        return self.p_values(embeddings) <= share

    def missing(self, share: float = SHARE) -> int:
        """How many more labelled pictures it takes until anything can be flagged at this share."""
        return max(0, ceil(1 / share - 1e-9) - 1 - len(self.ordinary))

    def note(self, share: float = SHARE) -> str:
        """What the flags are worth, in a sentence for people."""
        if more := self.missing(share):
            return (
                f"Too little is labelled to tell what is unlike it: label {more:,} more "
                f"{'picture' if more == 1 else 'pictures'}. Until then nothing is set aside for it."
            )
        return (
            "A picture less like its nearest labelled picture than all but "
            f"{share:.1%} of ordinary ones goes to a person."
        )

    def to_bytes(self) -> bytes:
        """It as an .npz file, in half precision."""
        file = io.BytesIO()
        halves = {
            name: getattr(self, name).astype(np.float16)
            for name in ("axes", "points", "rests", "scales")
        }
        np.savez(file, centre=self.centre, ordinary=self.ordinary, **halves)
        return file.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> Unlike:
        """Read `to_bytes`' file; ModelError for anything else."""
        names = ("centre", "axes", "points", "rests", "scales", "ordinary")
        try:
            with np.load(io.BytesIO(data), allow_pickle=False) as file:
                return cls(*(file[name].astype(np.float32) for name in names))
        except Exception as error:
            # zipfile and numpy have no base class in common.
            raise ModelError("This is not an unlike file of colabel; train again.") from error

    def _nearest(
        self,
        points: Floats32,
        rests: Floats32,
        groups: Ints | None = None,
        of_kept: Ints | None = None,
    ) -> Floats32:
        """Distance [N] to the nearest kept picture, of another group if groups are given."""
        found = np.empty(len(points), np.float32)
        weights = self.scales**-2
        lengths = np.einsum("md,md->m", self.points, self.points) + self.rests
        for start in range(0, len(points), _BLOCK):
            block = slice(start, start + _BLOCK)
            squared = points[block] @ (-2 * self.points.T)
            own = np.einsum("nd,nd->n", points[block], points[block]) + rests[block]
            squared += lengths
            squared += own[:, None]
            squared *= weights
            if groups is not None and of_kept is not None:
                squared[groups[block, None] == of_kept] = np.inf
            found[block] = np.sqrt(np.maximum(squared.min(axis=1), 0))
        return found


def _space(embeddings: npt.NDArray[np.floating], shaping: Ints) -> tuple[Floats32, Floats32]:
    """Centre [D] and principal axes [R, D] of the pictures that shape them; none of no pictures."""
    dim = embeddings.shape[1]
    if not len(shaping):
        return np.zeros(dim, np.float32), np.empty((0, dim), np.float32)
    rows = roots(embeddings[shaping])
    centre = rows.mean(axis=0)
    return centre, _half(principal_axes(rows - centre, _AXES)[0])


def _placed(
    embeddings: npt.NDArray[np.floating], centre: Floats32, axes: Floats32
) -> tuple[Floats32, Floats32]:
    """Positions [N, R] along the axes (all of it where there are none) and squared rests [N]."""
    rows = roots(embeddings) - centre
    if not len(axes):
        return rows, np.zeros(len(rows), np.float32)
    points = np.asarray(rows @ axes.T, np.float32)
    rests = np.einsum("nd,nd->n", rows, rows) - np.einsum("nr,nr->n", points, points)
    return points, np.maximum(rests, 0).astype(np.float32)


def _scales(distances: Floats32, judged: Ints, kept: Ints) -> Floats32:
    """By label, how far its pictures usually lie from the next, as a factor for each kept one.

    The square root of the ratio to all labels' median evens labels of one look and labels of many
    out half way; labels with few pictures stay near 1.
    """
    finite = np.isfinite(distances) & (distances > 0)
    factors = np.ones(int(max(judged.max(initial=0), kept.max(initial=0))) + 1)
    if finite.any():
        usual = float(np.median(distances[finite]))
        for label in np.unique(judged[finite]):
            own = distances[finite & (judged == label)]
            trust = len(own) / (len(own) + _TRUSTED)
            factors[label] = (float(np.median(own)) / usual) ** (trust / 2)
    # A label of copies must not make its neighbours seem infinitely far.
    return factors[kept].clip(0.5, 2).astype(np.float32)


def _whole_groups(groups: Ints, count: int, random: np.random.Generator) -> Ints:
    """Pictures of randomly chosen groups, about `count` in all."""
    _, inverse = np.unique(groups, return_inverse=True)
    ranks = random.permutation(inverse.max() + 1)[inverse]
    return np.flatnonzero(ranks <= np.partition(ranks, count - 1)[count - 1])


def _spread(targets: Ints, count: int, random: np.random.Generator) -> Ints:
    """At most `count` pictures, taken from the labels in turn so that none is left out."""
    if len(targets) <= count:
        return np.arange(len(targets))
    order = random.permutation(len(targets))
    order = order[np.argsort(targets[order], kind="stable")]
    sizes = np.unique(targets, return_counts=True)[1]
    turn = np.arange(len(targets)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return np.sort(order[np.argsort(turn, kind="stable")[:count]])


def _half(values: Floats32) -> Floats32:
    """Rounded to what the stored file will hold, so that both give the same scores."""
    return values.astype(np.float16).astype(np.float32)
