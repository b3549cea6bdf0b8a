"""The backbone at work: a batch of pictures in, one embedding each out, by ONNX Runtime."""

from __future__ import annotations

import hashlib
import logging
import os
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from models.errors import ModelError
from models.signature import BACKBONE_KEY, BackboneCard

log = logging.getLogger(__name__)

Embeddings = npt.NDArray[np.float32]

CPU = "CPUExecutionProvider"
CUDA = "CUDAExecutionProvider"
# Larger runs gain nothing on either device and their activations leave the CPU's caches.
_CHUNK = {CPU: 16, CUDA: 256}
_ERRORS_ONLY, _FATAL_ONLY = 3, 4


def gpu_present() -> bool:
    """Whether a CUDA device is visible to this process, told without loading any CUDA library."""
    if os.environ.get("CUDA_VISIBLE_DEVICES", "all").strip() in ("", "-1"):
        return False
    return any(Path(device).exists() for device in ("/dev/nvidiactl", "/dev/nvidia0", "/dev/dxg"))


def usable_cores() -> int:
    """Cores that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def open_session(
    model: bytes, *, threads: int | None = None, providers: Sequence[str] | None = None
) -> ort.InferenceSession:
    """An ONNX Runtime session on CUDA where that works, else on the CPU (and the log says so).

    Raises ModelError when the bytes are no ONNX model.
    """
    wanted = list(providers) if providers is not None else _providers()
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads or usable_cores()
    options.inter_op_num_threads = 1
    # Threads that spin while they wait take the cores from the rest of the service: on two busy
    # cores a picture took 12 ms without and 25 ms with spinning.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = _ERRORS_ONLY if wanted == [CPU] else _FATAL_ONLY
    if CUDA in wanted:
        try:
            session = _session(model, options, wanted)
            if CUDA in session.get_providers():
                return session
            log.warning("CUDA is there but ONNX Runtime cannot use it: classifying on the CPU")
        except Exception as error:  # noqa: BLE001 - whatever is wrong with the GPU, the CPU can do it
            log.warning(
                "CUDA failed (%s): classifying on the CPU", str(error).splitlines()[0][:200]
            )
    return _session(model, options, [CPU])


def _session(
    model: bytes, options: ort.SessionOptions, providers: Sequence[str]
) -> ort.InferenceSession:
    try:
        session = ort.InferenceSession(model, options, providers=list(providers))
        if CUDA in session.get_providers():
            _try_once(session)
    except Exception as error:
        raise ModelError(f"ONNX Runtime cannot use this model: {str(error)[:300]}") from error
    return session


def _try_once(session: ort.InferenceSession) -> None:
    # A driver that does not fit shows only when the first kernel runs.
    first = session.get_inputs()[0]
    session.run(None, {first.name: np.zeros((1, 64, 64, 3), np.uint8)})


def _providers() -> list[str]:
    # What goes wrong with CUDA is said once, in our own log.
    ort.set_default_logger_severity(_FATAL_ONLY)
    if not gpu_present() or CUDA not in ort.get_available_providers():
        return [CPU]
    try:
        ort.preload_dlls()
    except Exception as error:  # noqa: BLE001 - its absence shows in the session that follows
        log.info("CUDA libraries were not preloaded: %s", error)
    return [CUDA, CPU]


class Embedder:
    """A backbone ONNX file, ready to embed pictures.

    The session is made on first use, in the process that uses it, so that an Embedder may be made
    before a fork.
    """

    def __init__(
        self,
        model: Path | str | bytes,
        *,
        threads: int | None = None,
        providers: Sequence[str] | None = None,
    ) -> None:
        self._model = model if isinstance(model, bytes) else Path(model).read_bytes()
        self._threads = threads
        self._requested = providers
        self._opened: tuple[int, ort.InferenceSession] | None = None
        self._card: BackboneCard | None = None
        self._lock = threading.Lock()
        self.sha256 = hashlib.sha256(self._model).hexdigest()

    @property
    def session(self) -> Any:
        """The `onnxruntime.InferenceSession` of this process."""
        with self._lock:
            if self._opened is None or self._opened[0] != os.getpid():
                session = open_session(
                    self._model, threads=self._threads, providers=self._requested
                )
                self._opened = os.getpid(), session
            return self._opened[1]

    @property
    def card(self) -> BackboneCard:
        """What the file says about itself. Raises ModelError when it is not a colabel backbone."""
        if self._card is None:
            metadata = self.session.get_modelmeta().custom_metadata_map
            if BACKBONE_KEY not in metadata:
                raise ModelError("This ONNX file is not a colabel backbone; train to make one.")
            self._card = BackboneCard.model_validate_json(metadata[BACKBONE_KEY])
        return self._card

    @property
    def size(self) -> int:
        """Side of the square pictures it takes, in pixels."""
        return self.card.input_size

    @property
    def dim(self) -> int:
        """Length of an embedding."""
        return self.card.embedding_dim

    @property
    def device(self) -> str:
        """ "cuda" or "cpu"."""
        return "cuda" if CUDA in self.session.get_providers() else "cpu"

    def embed(self, pictures: npt.NDArray[np.uint8]) -> Embeddings:
        """uint8 [N, H, W, 3] -> float32 [N, D]; H and W other than `size` are resized inside."""
        if pictures.ndim != 4 or pictures.shape[-1] != 3 or pictures.dtype != np.uint8:
            raise ModelError(
                f"Pictures are uint8 [N, H, W, 3], not {pictures.dtype} {pictures.shape}."
            )
        if not len(pictures):
            return np.empty((0, self.dim), np.float32)
        session = self.session
        # A picture that is looked at in several views counts as that many.
        chunk = max(1, _CHUNK[CUDA if self.device == "cuda" else CPU] // self.card.views)
        parts = [
            session.run(None, {"pictures": np.ascontiguousarray(pictures[i : i + chunk])})[0]
            for i in range(0, len(pictures), chunk)
        ]
        return np.concatenate(parts)
