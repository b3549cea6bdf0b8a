"""The whole training job as one function: labelled pictures in, a model with honest scores out."""

from __future__ import annotations

import logging
from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from models import export
from models.embed import Embedder
from models.errors import WeightsMissing
from models.heads import Head
from models.job import Job
from models.pretrained import pretrained_backbone
from models.reading import Sample
from models.signature import Card
from models.training import Cached, Options, Previous, Progress, Report, Thumbnail, Trained

__all__ = [
    "Options",
    "Previous",
    "Progress",
    "Sample",
    "Trained",
    "package",
    "pretrained_backbone",
    "run",
]

log = logging.getLogger(__name__)


def run(
    samples: Sequence[Sample],
    labels: Sequence[str],
    *,
    options: Options | None = None,
    progress: Report | None = None,
    cached_embeddings: Cached | None = None,
    cached_thumbnails: Mapping[str, Thumbnail] | None = None,
    backbone_cache: MutableMapping[str, bytes] | None = None,
    previous: Previous | None = None,
) -> Trained:
    """Train a classifier for `labels` and score it on pictures that it has not seen.

    `cached_embeddings` is asked once, with the SHA-256 of the backbone ONNX, for embeddings that
    are known already, and `cached_thumbnails` holds the thumbnails that are; `backbone_cache` keeps
    exported backbones between runs; `previous` is the head that answers now, to begin from. Where a
    backbone's weights cannot be had, colabel's own is used, and for the backbone "scratch" a small
    network is trained on the pictures alone. Labels with fewer than two readable pictures are left
    out of the model. `notice` says so in each case. Raises
    NotEnoughExamples when fewer than two labels remain, ModelError for settings that cannot work.
    """
    job = Job(samples, labels, options or Options(), progress or _silent)
    job.thumbnails = dict(cached_thumbnails or {})
    job.check_enough()
    try:
        found = job.pretrained({} if backbone_cache is None else backbone_cache)
    except WeightsMissing as missing:
        result = replace(job.from_scratch(), missing=missing.detail)
    else:
        made = job.on_backbone(found.onnx, cached_embeddings, previous)
        result = replace(made, missing=found.missing)
    if result.missing:
        log.warning("%s", result.missing)
    return job.finish(result)


def package(
    backbone_onnx: bytes,
    head: Head,
    card: Card,
    sample: npt.NDArray[np.uint8] | None,
    *,
    threads: int | None = None,
) -> tuple[bytes, float]:
    """Put the one portable ONNX file together and check it against the service's own road.

    `sample` is uint8 [N, H, W, 3], some of the classifier's pictures. Returns the file and the
    largest difference of probabilities. Raises ModelError when that is too large.
    """
    embedder = Embedder(backbone_onnx, threads=threads)
    whole = export.portable(backbone_onnx, head, card)
    return whole, export.check_portable(whole, embedder, head, sample)


def _silent(_progress: Progress) -> None:
    return None
