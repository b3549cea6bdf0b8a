"""One training run step by step: weights, embeddings, head, scores; or a network from scratch."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import numpy.typing as npt

from models import backbone, evaluate, export, learning, scratch, split
from models.answers import Answers
from models.duplicates import thumbnail
from models.embed import Embedder, gpu_present, usable_cores
from models.errors import ModelError, NotEnoughExamples
from models.heads import Head
from models.metrics import Threshold
from models.preprocess import Picture
from models.reading import Album, Sample
from models.signature import Card
from models.track_record import TrackRecord
from models.training import Cached, Options, Previous, Progress, Report, Thumbnail, Trained, Vector
from models.unlike import Unlike

# Part of the key of a kept backbone: raise it when the export changes.
EXPORT_VERSION = 1
HEAD, SCRATCH = "head", "scratch"


@dataclass(frozen=True)
class Result:
    """What either way of training comes to."""

    kind: str
    backbone_onnx: bytes
    head: Head
    embeddings: dict[str, Vector]
    record: TrackRecord
    scores: dict[str, Any]
    threshold: Threshold
    strength: float | None = None
    chosen_from: int | None = None
    unlike: bytes | None = None
    notice: str = ""


class Job:
    """One run: what was asked for, the pictures, and the steps."""

    def __init__(
        self, samples: Sequence[Sample], labels: Sequence[str], options: Options, report: Report
    ) -> None:
        if unknown := {sample.label for sample in samples} - set(labels):
            raise ModelError(
                f"These labels are not the classifier's: {', '.join(sorted(unknown))}; "
                "add them to it or leave their pictures out.",
                code="unknown_label",
            )
        self.options = options
        self.asked = tuple(labels)
        self.labels = self.asked
        self.threads = options.threads or usable_cores()
        self.album = Album(samples, threads=self.threads, max_pixels=options.max_pixels)
        self.thumbnails: dict[str, Thumbnail] = {}
        self._report = report

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
        key = f"{source.key}-{EXPORT_VERSION}"
        if key not in cache:
            self.report("exporting", 0, 1, f"Converting {source.name} to ONNX")
            network = backbone.build(source)
            cache[key] = export.backbone_onnx(network, self.album.sample(network.input_size))
        self.report("exporting", 1, 1, f"{source.name} is ready")
        return cache[key]

    def on_backbone(
        self, backbone_onnx: bytes, cached: Cached | None, previous: Previous | None
    ) -> Result:
        """Embed what is not known yet, fit a head and score it."""
        embedder = Embedder(backbone_onnx, threads=self.threads)
        embeddings = self._embed(embedder, cached(embedder.sha256) if cached else {})
        self.check_enough()
        groups = learning.near_identical(embeddings, self.thumbnails)
        sides = split.assign(self.album.by_label(self.labels), groups)
        training, held_out = sorted(sides.training), sorted(sides.held_out)
        self.report("fitting", 0, 1, f"Learning {len(self.labels)} labels from {len(training)}")
        vectors, targets = learning.rows_of(embeddings, training), self._targets(training)
        numbers = learning.group_numbers(training, groups)
        known = previous if previous and previous.backbone_sha == embedder.sha256 else None
        learned = learning.learn(
            vectors,
            targets,
            numbers,
            training,
            self.labels,
            previous=known,
            seed=self.options.seed,
        )
        self.report("scoring", 0, 1, f"Scoring on {len(held_out)} held-out pictures")
        rows = learning.rows_of(embeddings, held_out)
        record = TrackRecord(
            self.labels,
            self._answers(learned.head, held_out, rows),
            learned.tuning,
            groups=tuple(tuple(one) for one in split.clusters(groups, groups) if len(one) > 1),
            learned=tuple(training),
        )
        scores, threshold = evaluate.judged(record, sides.not_scored)
        return Result(
            HEAD,
            backbone_onnx,
            learned.head,
            embeddings,
            record,
            scores,
            threshold,
            strength=learned.strength,
            chosen_from=learned.chosen_from,
            unlike=Unlike.fit(vectors, targets, numbers, seed=self.options.seed).to_bytes(),
        )

    def from_scratch(self) -> Result:
        """Train a small network on the pictures themselves."""
        pictures = self._read_all(scratch.INPUT_SIZE)
        self.check_enough()
        sides = split.assign(self.album.by_label(self.labels))
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
        backbone_onnx = export.backbone_onnx(made.backbone, self.album.sample(scratch.INPUT_SIZE))
        self.report("embedding", 0, len(pictures), f"Looking at {len(pictures)} pictures")
        vectors = Embedder(backbone_onnx, threads=self.threads).embed(
            np.stack(list(pictures.values()))
        )
        embeddings = dict(zip(pictures, vectors, strict=True))
        self.report("scoring", 0, 1, f"Scoring on {len(held_out)} held-out pictures")
        rows = learning.rows_of(embeddings, held_out)
        head, scores, threshold = evaluate.calibrate_from_scratch(
            made.head, rows, self._targets(held_out), sides.not_scored
        )
        # Its answers to what it trained on tell nothing, so nothing stands on the tuning side.
        record = TrackRecord(
            self.labels,
            self._answers(head, held_out, rows),
            Answers.of(self.labels, [], np.empty((0, len(self.labels))), np.empty(0, np.int64)),
            learned=tuple(training),
        )
        return Result(SCRATCH, backbone_onnx, head, embeddings, record, scores, threshold)

    def _answers(self, head: Head, hashes: Sequence[str], rows: npt.NDArray[np.float32]) -> Answers:
        answered = head.predict(rows) if len(hashes) else np.empty((0, len(self.labels)))
        return Answers.of(self.labels, hashes, answered, self._targets(hashes))

    def finish(self, result: Result) -> Trained:
        """Write the card and put together what the run gives back."""
        embedder = Embedder(result.backbone_onnx, threads=self.threads)
        card = _card(embedder, result)
        left_out = [label for label in self.asked if label not in self.labels]
        scores = result.scores | {
            "training_count": len(result.record.trained_on),
            "threshold": {"value": result.threshold.value, "reason": result.threshold.reason},
            "left_out": left_out,
            "torch_onnx_max_difference": card.torch_onnx_max_difference,
        }
        notices = [result.notice] if result.notice else []
        if left_out:
            notices.append(
                f"Left out for having fewer than two readable pictures: {', '.join(left_out)}; "
                "add pictures and train again."
            )
        return Trained(
            kind=result.kind,
            backbone_onnx=result.backbone_onnx,
            head=result.head,
            card=card,
            record=result.record,
            unlike=result.unlike,
            metrics=scores,
            embeddings=result.embeddings,
            thumbnails=self.thumbnails,
            unreadable=sorted(self.album.unreadable.items()),
            notice=" ".join(notices) or None,
        )

    def check_enough(self) -> None:
        """Keep the labels that can be learned. Raises NotEnoughExamples when they are too few."""
        by_label = self.album.by_label(self.asked)
        self.labels = tuple(label for label in self.asked if len(by_label[label]) >= 2)
        if len(self.asked) < 2:
            raise NotEnoughExamples(
                "A classifier needs at least two labels to tell apart; add another label."
            )
        if len(self.labels) < 2:
            short = [label for label in self.asked if label not in self.labels]
            shown = ", ".join(f"{label!r} has {len(by_label[label])}" for label in short[:5])
            rest = f" (and {len(short) - 5} more)" if len(short) > 5 else ""
            raise NotEnoughExamples(
                "Training needs at least two labels with two readable pictures each, and "
                f"{shown}{rest}; add pictures, about 100 for each label is good."
            )

    def _embed(self, embedder: Embedder, known: Mapping[str, Vector]) -> dict[str, Vector]:
        samples = self.album.samples
        result = {sha: known[sha] for sha in samples if sha in known}
        missing = [sha for sha in samples if sha not in result]
        total = len(samples)
        self.report("embedding", len(result), total, f"Looking at {len(missing)} pictures")
        for chunk in self.album.chunks(missing, embedder.size):
            if chunk:
                vectors = embedder.embed(np.stack(list(chunk.values())))
                result |= zip(chunk, vectors, strict=True)
                self.thumbnails |= {sha: thumbnail(one) for sha, one in chunk.items()}
            done = len(result) + len(self.album.unreadable)
            self.report("embedding", min(done, total), total, f"Looked at {done} of {total}")
        return result

    def _read_all(self, size: int) -> dict[str, Picture]:
        pictures: dict[str, Picture] = {}
        total = len(self.album)
        for chunk in self.album.chunks(list(self.album.samples), size):
            pictures |= chunk
            done = len(pictures) + len(self.album.unreadable)
            self.report("reading", min(done, total), total, f"Read {done} of {total} pictures")
        return pictures

    def _targets(self, hashes: Sequence[str]) -> npt.NDArray[np.int64]:
        index = {label: i for i, label in enumerate(self.labels)}
        return np.array([index[self.album.samples[sha].label] for sha in hashes], np.int64)


def _card(embedder: Embedder, result: Result) -> Card:
    about, head = embedder.card, result.head
    return Card(
        labels=head.labels,
        input_size=about.input_size,
        embedding_dim=about.embedding_dim,
        backbone=about.name,
        weights=about.weights,
        weights_source=about.source,
        backbone_sha=embedder.sha256,
        temperature=head.temperature,
        thresholds=dict.fromkeys(head.labels, result.threshold.value),
        strength=result.strength,
        chosen_from=result.chosen_from,
        torch_onnx_max_difference=about.torch_onnx_max_difference,
        trained_at=datetime.now(UTC),
    )
