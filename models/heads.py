"""Small classifiers on embeddings: one matrix product and a softmax per picture."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.errors import ModelError

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Head:
    """softmax((embeddings @ weights + bias) / temperature); standardisation is folded in.

    `weights` is float64 [D, K], `bias` is float64 [K].
    """

    labels: tuple[str, ...]
    weights: Floats
    bias: Floats
    temperature: float = 1.0

    @property
    def dim(self) -> int:
        """Length of the embeddings it takes."""
        return int(self.weights.shape[0])

    def logits(self, embeddings: npt.NDArray[np.floating]) -> Floats:
        """[N, D] -> float64 [N, K] before temperature and softmax. Raises ModelError."""
        if embeddings.ndim != 2 or embeddings.shape[1] != self.dim:
            raise ModelError(
                f"The head takes embeddings [N, {self.dim}], not {list(embeddings.shape)}; "
                "embed with the backbone that it was trained on.",
                code="other_backbone",
            )
        return np.asarray(embeddings.astype(np.float64) @ self.weights + self.bias)

    def predict(self, embeddings: npt.NDArray[np.floating]) -> Floats:
        """[N, D] -> probabilities float64 [N, K], in the order of `labels`. Raises ModelError."""
        logits = self.logits(embeddings)
        logits = (logits - logits.max(axis=1, keepdims=True)) / self.temperature
        odds = np.exp(logits)
        return np.asarray(odds / odds.sum(axis=1, keepdims=True))

    def to_bytes(self) -> bytes:
        """The head as an .npz file."""
        file = io.BytesIO()
        np.savez(
            file,
            labels=np.array(json.dumps(self.labels, ensure_ascii=False)),
            weights=self.weights,
            bias=self.bias,
            temperature=np.array(self.temperature),
        )
        return file.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> Head:
        """Read `to_bytes`' file; ModelError for anything else."""
        try:
            with np.load(io.BytesIO(data), allow_pickle=False) as file:
                return cls(
                    labels=tuple(json.loads(str(file["labels"]))),
                    weights=file["weights"],
                    bias=file["bias"],
                    temperature=float(file["temperature"]),
                )
        except Exception as error:
            # zipfile, numpy and json have no base class in common.
            raise ModelError("This is not a head file of colabel; train again.") from error
