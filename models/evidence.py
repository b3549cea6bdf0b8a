"""What a model answered to pictures it had not learned from: the ground of every claim about it.

Kept beside each version, so that a promise can be worked out for it, and versions compared, without
running anything again.
"""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from models.errors import ModelError

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Answers:
    """Answers to known pictures: their hashes [N], probabilities [N, K], true labels [N]."""

    hashes: tuple[str, ...]
    probabilities: Floats
    targets: Ints

    def __len__(self) -> int:
        return len(self.hashes)

    @property
    def confidence(self) -> Floats:
        """The probability of each answer, [N]."""
        return np.asarray(self.probabilities.max(axis=1, initial=0.0), np.float64)

    @property
    def predicted(self) -> Ints:
        """The answers, [N]."""
        if not len(self):
            return np.empty(0, np.int64)
        return np.asarray(self.probabilities.argmax(axis=1), np.int64)

    @property
    def right(self) -> npt.NDArray[np.bool_]:
        """Whether each answer is the true label, [N]."""
        return np.asarray(self.predicted == self.targets, np.bool_)


@dataclass(frozen=True)
class Evidence:
    """Answers on both sides of the split.

    `held_out` neither trained nor tuned the model. `tuning` are the training pictures, each
    answered by a model of the same kind that had not learned from it. `groups` are near-identical
    pictures (lists of hashes), none of which stands on both sides.
    """

    labels: tuple[str, ...]
    held_out: Answers
    tuning: Answers
    groups: tuple[tuple[str, ...], ...] = ()

    def to_bytes(self) -> bytes:
        """The evidence as a compressed .npz file; probabilities are kept in single precision."""
        file = io.BytesIO()
        parts = _fields("held_out", self.held_out) | _fields("tuning", self.tuning)
        texts = {"labels": _text(self.labels), "groups": _text(self.groups)}
        np.savez_compressed(file, allow_pickle=False, **texts, **parts)
        return file.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> Evidence:
        """Read `to_bytes`' file; ModelError for anything else."""
        try:
            with np.load(io.BytesIO(data), allow_pickle=False) as file:
                return cls(
                    labels=tuple(json.loads(str(file["labels"]))),
                    held_out=_answers("held_out", file),
                    tuning=_answers("tuning", file),
                    groups=tuple(tuple(group) for group in json.loads(str(file["groups"]))),
                )
        except Exception as error:
            # zipfile, numpy and json have no base class in common.
            raise ModelError("This is not an evidence file of colabel; train again.") from error


def answers(hashes: Sequence[str], probabilities: Floats, targets: Ints, labels: int) -> Answers:
    """Put answers together; none at all keep their shape [0, labels]."""
    shaped = np.asarray(probabilities, np.float64).reshape(len(hashes), labels)
    return Answers(tuple(hashes), shaped, np.asarray(targets, np.int64))


def _text(value: object) -> npt.NDArray[np.str_]:
    return np.array(json.dumps(value, ensure_ascii=False))


def _fields(name: str, part: Answers) -> dict[str, npt.NDArray[Any]]:
    return {
        f"{name}_hashes": np.array([bytes.fromhex(sha) for sha in part.hashes], "S32"),
        f"{name}_probabilities": part.probabilities.astype(np.float32),
        f"{name}_targets": part.targets,
    }


def _answers(name: str, file: np.lib.npyio.NpzFile) -> Answers:
    hashes = tuple(raw.ljust(32, b"\0").hex() for raw in file[f"{name}_hashes"].tolist())
    probabilities = file[f"{name}_probabilities"].astype(np.float64)
    return Answers(hashes, probabilities, file[f"{name}_targets"])
