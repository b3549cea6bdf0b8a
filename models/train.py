"""The whole training job as one function: labelled pictures in, a model with honest scores out."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from models import backbone, evaluate, export, fitting, scratch, split
from models.embed import Embedder, gpu_present, open_session, usable_cores
from models.errors import ModelError, NotEnoughExamples, UnreadablePicture, WeightsMissing
from models.heads import Head
from models.metrics import Threshold
from models.preprocess import MAX_PIXELS, Picture, load
from models.signature import Card

log = logging.getLogger(__name__)

STEPS = (
    "weights",
    "exporting",
    "reading",
    "training",
    "embedding",
    "fitting",
    "scoring",
    "checking",
)
_CHUNK = 32
_CHECKED = 8
_AGREEMENT = 1e-3
# Part of the key of a kept backbone: raise it when the export changes.
_EXPORT_VERSION = 1

Vector = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Sample:
    """One labelled picture: the SHA-256 of its bytes, its label, and how to get the bytes."""

    sha256: str
    label: str
    read: Callable[[], bytes]


@dataclass(frozen=True)
class Progress:
    """Where a run is: one of STEPS, units done and units in all of that step, and a sentence."""

    step: str
    done: int
    total: int
    message: str


@dataclass(frozen=True)
class Options:
    """What a run may be told; the defaults suit everybody.

    `backbone` and `weights` are COLABEL_BACKBONE and COLABEL_WEIGHTS; `threads` of None means all
    cores; `scratch_seconds` bounds the optimisation of a network from scratch.
    """

    backbone: str | None = None
    weights: Path | None = None
    threads: int | None = None
    max_pixels: int = MAX_PIXELS
    scratch_seconds: float = 40.0
    seed: int = 0


@dataclass(frozen=True)
class Trained:
    """What a run gives back.

    `embeddings` has a vector for every readable picture; `unreadable` lists (sha256, reason);
    `notice` is a sentence for the user when something was done in a lesser way.
    """

    backbone_onnx: bytes
    head: Head
    card: Card
    portable: bytes
    metrics: dict[str, Any]
    embeddings: dict[str, Vector]
    unreadable: list[tuple[str, str]] = field(default_factory=list)
    notice: str | None = None


Report = Callable[[Progress], None]
Cached = Callable[[str], Mapping[str, Vector]]


def run(
    samples: Sequence[Sample],
    labels: Sequence[str],
    *,
    options: Options | None = None,
    progress: Report | None = None,
    cached_embeddings: Cached | None = None,
    backbone_cache: MutableMapping[str, bytes] | None = None,
) -> Trained:
    """Train a classifier for `labels` and score it on pictures that it has not seen.

    `cached_embeddings` is asked once, with the SHA-256 of the backbone ONNX, for embeddings that
    are known already; `backbone_cache` keeps exported backbones between runs. Without pretrained
    weights a small network is trained from scratch instead. Labels with fewer than two readable
    pictures are left out of the model. `notice` says so in both cases. Raises NotEnoughExamples
    when fewer than two labels remain, ModelError for settings that cannot work.
    """
    job = _Job(samples, labels, options or Options(), progress or _silent)
    try:
        backbone_onnx = job.pretrained({} if backbone_cache is None else backbone_cache)
    except WeightsMissing as missing:
        log.warning("no pretrained weights: %s", missing)
        return job.from_scratch(missing.detail)
    return job.on_backbone(backbone_onnx, cached_embeddings)


def _silent(_progress: Progress) -> None:
    return None


class _Job:
    """One run: what was asked for, what has been read so far, and the steps."""

    def __init__(
        self, samples: Sequence[Sample], labels: Sequence[str], options: Options, report: Report
    ) -> None:
        self.options = options
        self.labels = tuple(labels)
        self.samples = {sample.sha256: sample for sample in samples}
        self.unreadable: dict[str, str] = {}
        self.threads = options.threads or usable_cores()
        self._report = report
        unknown = {sample.label for sample in samples} - set(labels)
        if unknown:
            raise ModelError(
                f"These labels are not the classifier's: {', '.join(sorted(unknown))}."
            )
        self._check_enough()

    def report(self, step: str, done: int, total: int, message: str) -> None:
        self._report(Progress(step, done, total, message))

    def pretrained(self, cache: MutableMapping[str, bytes]) -> bytes:
        """The ONNX file of the backbone that was asked for, from `cache` where it is known."""

        def downloading(done: int, total: int) -> None:
            self.report("weights", done, total, "Downloading pretrained weights")

        self.report("weights", 0, 1, "Looking for pretrained weights")
        device = "cuda" if gpu_present() else "cpu"
        source = backbone.find(
            self.options.backbone, self.options.weights, device=device, progress=downloading
        )
        self.report("weights", 1, 1, f"Using {source.name} ({source.origin})")
        key = f"{source.key}-{_EXPORT_VERSION}"
        if key not in cache:
            self.report("exporting", 0, 1, f"Converting {source.name} to ONNX")
            network = backbone.build(source)
            cache[key] = export.backbone_onnx(network, self._sample(network.input_size))
        self.report("exporting", 1, 1, f"{source.name} is ready")
        return cache[key]

    def on_backbone(self, backbone_onnx: bytes, cached: Cached | None) -> Trained:
        """Embed what is not known yet, fit a head and score it."""
        embedder = Embedder(backbone_onnx, threads=self.threads)
        embeddings = self._embed(embedder, dict(cached(embedder.sha256)) if cached else {})
        self._check_enough()
        sides = self._split()
        self.report("fitting", 0, 1, f"Fitting {len(self.labels)} labels")
        training = sorted(sides.training)
        fit = fitting.fit(
            _rows(embeddings, training),
            self._targets(training),
            None,
            self.labels,
            seed=self.options.seed,
        )
        self.report("scoring", 0, 1, f"Scoring on {len(sides.held_out)} held-out pictures")
        held_out = sorted(sides.held_out)
        rows, targets = _rows(embeddings, held_out), self._targets(held_out)
        scores = evaluate.held_out(fit.head, rows, targets, sides.not_scored)
        scores["cross_validation"] = evaluate.summarise_folds(fit)
        threshold = evaluate.review_threshold(fit.head, rows, targets, fit)
        return self._finish(embedder, backbone_onnx, fit.head, embeddings, scores, threshold, None)

    def from_scratch(self, reason: str) -> Trained:
        """Train a small network on the pictures themselves."""
        pictures = self._read_all(scratch.INPUT_SIZE)
        self._check_enough()
        sides = self._split()
        training, held_out = sorted(sides.training), sorted(sides.held_out)

        def step(done: int, total: int) -> None:
            self.report("training", done, total, "Training a small network from scratch")

        made = scratch.train(
            np.stack([pictures[sha] for sha in training]),
            self._targets(training),
            self.labels,
            seconds=self.options.scratch_seconds,
            seed=self.options.seed,
            progress=step,
        )
        self.report("exporting", 0, 1, "Converting the network to ONNX")
        sample = np.stack([pictures[sha] for sha in training[:_CHECKED]])
        backbone_onnx = export.backbone_onnx(made.backbone, sample)
        embedder = Embedder(backbone_onnx, threads=self.threads)
        self.report("embedding", 0, len(pictures), "Embedding the pictures")
        vectors = embedder.embed(np.stack(list(pictures.values())))
        embeddings = dict(zip(pictures, vectors, strict=True))
        self.report("scoring", 0, 1, f"Scoring on {len(held_out)} held-out pictures")
        head, scores, threshold = evaluate.calibrate_from_scratch(
            made.head, _rows(embeddings, held_out), self._targets(held_out), sides.not_scored
        )
        return self._finish(
            embedder, backbone_onnx, head, embeddings, scores, threshold, reason, pictures
        )

    def _finish(
        self,
        embedder: Embedder,
        backbone_onnx: bytes,
        head: Head,
        embeddings: dict[str, Vector],
        scores: dict[str, Any],
        threshold: Threshold,
        notice: str | None,
        pictures: Mapping[str, Picture] | None = None,
    ) -> Trained:
        about = embedder.card
        card = Card(
            labels=head.labels,
            input_size=about.input_size,
            embedding_dim=about.embedding_dim,
            backbone=about.name,
            weights=about.weights,
            weights_source=about.source,
            backbone_sha=embedder.sha256,
            temperature=head.temperature,
            thresholds=dict.fromkeys(head.labels, threshold.value),
            torch_onnx_max_difference=about.torch_onnx_max_difference,
            trained_at=datetime.now(UTC),
        )
        self.report("checking", 0, 1, "Checking the exported file against the service's answers")
        whole = export.portable(backbone_onnx, head, card)
        sample = self._sample(about.input_size)
        scores |= {
            "threshold": {"value": threshold.value, "reason": threshold.reason},
            "training_count": len(embeddings) - scores["count"],
            "torch_onnx_max_difference": about.torch_onnx_max_difference,
            "portable_max_difference": _check_portable(whole, embedder, head, sample),
        }
        self.report("checking", 1, 1, "The model is ready")
        return Trained(
            backbone_onnx=backbone_onnx,
            head=head,
            card=card,
            portable=whole,
            metrics=scores,
            embeddings=embeddings,
            unreadable=sorted(self.unreadable.items()),
            notice=notice,
        )

    def _embed(self, embedder: Embedder, known: Mapping[str, Vector]) -> dict[str, Vector]:
        result = {sha: known[sha] for sha in self.samples if sha in known}
        missing = [sha for sha in self.samples if sha not in result]
        total = len(self.samples)
        self.report("embedding", len(result), total, f"Looking at {len(missing)} pictures")
        for chunk in self._chunks(missing, embedder.size):
            if chunk:
                vectors = embedder.embed(np.stack(list(chunk.values())))
                result |= zip(chunk, vectors, strict=True)
            done = len(result) + len(self.unreadable)
            self.report("embedding", done, total, f"Looked at {done} of {total} pictures")
        return result

    def _read_all(self, size: int) -> dict[str, Picture]:
        pictures: dict[str, Picture] = {}
        total = len(self.samples)
        for chunk in self._chunks(list(self.samples), size):
            pictures |= chunk
            done = len(pictures) + len(self.unreadable)
            self.report("reading", done, total, f"Read {done} of {total} pictures")
        return pictures

    def _chunks(self, shas: Sequence[str], size: int) -> Iterator[dict[str, Picture]]:
        """Readable pictures, a few dozen at a time; the next ones are decoded meanwhile."""
        ahead = 2 * _CHUNK
        with ThreadPoolExecutor(self.threads) as pool:
            coming = [(sha, pool.submit(self._read, sha, size)) for sha in shas[:ahead]]
            following = iter(shas[ahead:])
            while coming:
                now, coming = coming[:_CHUNK], coming[_CHUNK:]
                chunk = {}
                for sha, future in now:
                    picture = future.result()
                    if picture is not None:
                        chunk[sha] = picture
                for sha in islice(following, _CHUNK):
                    coming.append((sha, pool.submit(self._read, sha, size)))
                yield chunk

    def _read(self, sha: str, size: int) -> Picture | None:
        try:
            data = self.samples[sha].read()
            return load(data, size, max_pixels=self.options.max_pixels)
        except UnreadablePicture as error:
            self.unreadable[sha] = error.detail
        except OSError as error:
            self.unreadable[sha] = f"The file could not be read: {error.strerror or error}."
        return None

    def _sample(self, size: int) -> npt.NDArray[np.uint8] | None:
        """A few readable pictures uint8 [N, size, size, 3], for comparing one road with another."""
        chunk = next(self._chunks(list(self.samples)[:_CHECKED], size), {})
        return np.stack(list(chunk.values())) if chunk else None

    def _by_label(self) -> dict[str, list[str]]:
        result: dict[str, list[str]] = {label: [] for label in self.labels}
        for sha, sample in self.samples.items():
            if sha not in self.unreadable:
                result[sample.label].append(sha)
        return result

    def _split(self) -> split.Split:
        return split.assign(self._by_label())

    def _targets(self, shas: Sequence[str]) -> npt.NDArray[np.int64]:
        index = {label: i for i, label in enumerate(self.labels)}
        return np.array([index[self.samples[sha].label] for sha in shas], np.int64)

    def _check_enough(self) -> None:
        counts = Counter({label: len(shas) for label, shas in self._by_label().items()})
        short = [label for label in self.labels if counts[label] < 2]
        if len(self.labels) < 2:
            raise NotEnoughExamples("A classifier needs at least two labels; add another label.")
        if short:
            shown = ", ".join(f"{label!r} has {counts[label]}" for label in short[:5])
            rest = f", and {len(short) - 5} more labels have too few" if len(short) > 5 else ""
            raise NotEnoughExamples(
                f"Every label needs at least two readable pictures to train: {shown}{rest}; "
                "add pictures to them (about 100 each is good) or remove the labels."
            )


def _rows(embeddings: Mapping[str, Vector], shas: Sequence[str]) -> npt.NDArray[np.float32]:
    return np.stack([embeddings[sha] for sha in shas]) if shas else np.empty((0, 0), np.float32)


def _check_portable(
    whole: bytes, embedder: Embedder, head: Head, sample: npt.NDArray[np.uint8] | None
) -> float:
    """Largest difference between the portable file's and the service's probabilities."""
    if sample is None:
        raise NotEnoughExamples("None of the pictures could be read; add others.")
    session = open_session(whole, providers=["CPUExecutionProvider"])
    answered = session.run(None, {"pictures": sample})[0]
    difference = float(np.abs(answered - head.predict(embedder.embed(sample))).max())
    if not difference <= _AGREEMENT:
        raise ModelError(
            f"The exported file's probabilities differ from the service's by {difference:.2g}; "
            "choose another network with COLABEL_BACKBONE.",
            code="export_differs",
        )
    return difference
