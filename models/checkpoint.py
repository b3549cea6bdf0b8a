"""A training that can be taken up again after a kill: its state in one file, written atomically."""

from __future__ import annotations

import hashlib
import io
import logging
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch

log = logging.getLogger(__name__)


def fingerprint(*parts: bytes | memoryview | str, state: Mapping[str, torch.Tensor]) -> str:
    """SHA-256 of everything that a training depends on: only the same may be taken up again."""
    digest = hashlib.sha256()
    for part in _with_sizes(parts):
        digest.update(part)
    for name, tensor in state.items():
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().data)
    return digest.hexdigest()


def _with_sizes(parts: Iterable[bytes | memoryview | str]) -> Iterable[bytes | memoryview]:
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        size = data.nbytes if isinstance(data, memoryview) else len(data)
        yield size.to_bytes(8, "big")
        yield data


class Checkpoint:
    """The file of one training; without a path nothing is kept."""

    def __init__(self, path: Path | None, fingerprint: str) -> None:
        self._path = path
        self._fingerprint = fingerprint

    def save(self, state: Mapping[str, Any]) -> None:
        """Replace the file: after a kill at any moment it is the old one or the new one, whole."""
        if self._path is None:
            return
        buffer = io.BytesIO()
        torch.save({"fingerprint": self._fingerprint, "state": dict(state)}, buffer)
        part = self._path.with_name(f"{self._path.name}.{os.getpid()}.part")
        with part.open("wb") as file:
            file.write(buffer.getbuffer())
            file.flush()
            os.fsync(file.fileno())
        part.replace(self._path)

    def load(self) -> dict[str, Any] | None:
        """What was saved for the same training; None when there is nothing, or another's."""
        if self._path is None or not self._path.is_file():
            return None
        try:
            kept = torch.load(self._path, map_location="cpu", weights_only=True)
            fitting = kept["fingerprint"] == self._fingerprint
            state: dict[str, Any] = kept["state"]
        except Exception as error:  # noqa: BLE001 - of many types; beginning anew is right for all
            log.warning("the checkpoint %s cannot be read: %s", self._path.name, error)
            return None
        if not fitting:
            log.info("the checkpoint %s belongs to another training", self._path.name)
            return None
        return state

    def remove(self) -> None:
        """Forget it: the training has come to its end. Parts of a killed run go too."""
        if self._path is not None:
            self._path.unlink(missing_ok=True)
            for part in self._path.parent.glob(f"{self._path.name}.*.part"):
                part.unlink(missing_ok=True)
