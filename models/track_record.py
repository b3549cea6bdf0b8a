"""What a model answered to pictures it had not learned from: the ground of every claim about it.

Kept beside each version, so that a promise can be worked out for it, and versions compared, without
running anything again.
"""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from models.answers import Answers
from models.errors import ModelError


@dataclass(frozen=True)
class TrackRecord:
    """Answers on both sides of the split.

    `held_out` neither trained nor tuned the model. `tuning` are the training pictures, each
    answered by a model of the same kind that had not learned from it; where there is no such model
    (a network from scratch), `learned` names what it trained on instead. `groups` are
    near-identical pictures (lists of hashes), none of which stands on both sides.
    """

    labels: tuple[str, ...]
    held_out: Answers
    tuning: Answers
    groups: tuple[tuple[str, ...], ...] = ()
    learned: tuple[str, ...] = ()

    @property
    def trained_on(self) -> tuple[str, ...]:
        """The hashes of the pictures that the model learned from."""
        return self.learned or self.tuning.hashes

    @property
    def group_names(self) -> dict[str, str]:
        """The name of its group for each picture that has near-identical ones."""
        return {sha: group[0] for group in self.groups for sha in group}

    def to_bytes(self) -> bytes:
        """The record as a compressed .npz file; probabilities are kept in single precision."""
        file = io.BytesIO()
        parts = _fields("held_out", self.held_out) | _fields("tuning", self.tuning)
        texts = {
            "labels": _text(self.labels),
            "groups": _text(self.groups),
            "learned": _text(self.learned),
        }
        np.savez_compressed(file, allow_pickle=False, **texts, **parts)
        return file.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> TrackRecord:
        """Read `to_bytes`' file; ModelError for anything else."""
        try:
            with np.load(io.BytesIO(data), allow_pickle=False) as file:
                labels = tuple(json.loads(str(file["labels"])))
                return cls(
                    labels=labels,
                    held_out=_answers("held_out", labels, file),
                    tuning=_answers("tuning", labels, file),
                    groups=tuple(tuple(group) for group in json.loads(str(file["groups"]))),
                    learned=tuple(json.loads(str(file["learned"]))),
                )
        except Exception as error:
            # zipfile, numpy and json have no base class in common.
            raise ModelError("This is not a record file of colabel; train again.") from error


def _text(value: object) -> npt.NDArray[np.str_]:
    return np.array(json.dumps(value, ensure_ascii=False))


def _fields(name: str, part: Answers) -> dict[str, npt.NDArray[Any]]:
    return {
        f"{name}_hashes": np.array([bytes.fromhex(sha) for sha in part.hashes], "S32"),
        f"{name}_probabilities": part.probabilities.astype(np.float32),
        f"{name}_targets": part.targets,
    }


def _answers(name: str, labels: tuple[str, ...], file: np.lib.npyio.NpzFile) -> Answers:
    hashes = [raw.ljust(32, b"\0").hex() for raw in file[f"{name}_hashes"].tolist()]
    probabilities = file[f"{name}_probabilities"].astype(np.float64)
    return Answers.of(labels, hashes, probabilities, file[f"{name}_targets"])
