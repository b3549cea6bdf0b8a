"""One training run step by step: weights, embeddings, head, scores; or a network from scratch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import numpy.typing as npt

from models import evaluate, export, learning, orientation, scratch, split, views
from models.answers import Answers
from models.embed import Embedder
from models.gathering import Gathering
from models.heads import Head
from models.metrics import Threshold
from models.preprocess import Picture
from models.pretrained import Pretrained, pretrained_backbone
from models.signature import Card
from models.track_record import TrackRecord
from models.training import ORIENTATION, Cached, Previous, Trained, Vector
from models.unlike import Unlike

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
    mirrored: bool | None = None
    unlike: bytes | None = None
    missing: str | None = None


class Job(Gathering):
    """One run: the steps from pictures to a model."""

    def pretrained(self, cache: MutableMapping[str, bytes]) -> Pretrained:
        """The backbone that was asked for, or the next best. Raises WeightsMissing."""
        return pretrained_backbone(self.options, cache, report=self._report, sample=self._sample)

    def _sample(self, size: int) -> npt.NDArray[np.uint8] | None:
        return self.album.sample(size)

    def on_backbone(
        self, backbone_onnx: bytes, cached: Cached | None, previous: Previous | None
    ) -> Result:
        """Embed what is not known yet, fit a head and score it."""
        embedder = Embedder(backbone_onnx, threads=self.threads)
        embeddings = self.embed(embedder, cached(embedder.sha256) if cached else {})
        self.check_enough()
        groups = learning.near_identical(embeddings, self.thumbnails)
        sides = self.sides(groups)
        training, held_out = sorted(sides.training), sorted(sides.held_out)
        self.report("fitting", 0, 1, f"Learning {len(self.labels)} labels from {len(training)}")
        vectors, targets = learning.rows_of(embeddings, training), self.targets(training)
        numbers = learning.group_numbers(training, groups)
        if self.upright:
            learned = learning.learn_upright(
                vectors,
                targets,
                numbers,
                training,
                recognition=embedder.card.recognition,
                seed=self.options.seed,
            )
        else:
            known = previous if previous and previous.backbone_sha == embedder.sha256 else None
            learned = learning.learn(
                vectors,
                targets,
                numbers,
                training,
                self.labels,
                previous=known,
                mirror=self._mirror(embedder, training, cached, embeddings) if known else None,
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
            ORIENTATION if self.upright else HEAD,
            backbone_onnx,
            learned.head,
            embeddings,
            record,
            scores,
            threshold,
            strength=learned.strength,
            chosen_from=learned.chosen_from,
            mirrored=learned.mirrored,
            unlike=self._unlike(vectors, targets, numbers),
        )

    def _mirror(
        self,
        embedder: Embedder,
        training: Sequence[str],
        cached: Cached | None,
        whole: Mapping[str, Vector],
    ) -> Callable[[], npt.NDArray[np.float32]] | None:
        """What makes the mirror images' embeddings, where they are worth their time.

        Not for the first model, which somebody waits for, nor where somebody said that they differ.
        """
        if not self.options.mirror or cached is None or not views.worth_mirroring(len(training)):
            return None
        known = cached(views.kept_as(embedder.sha256, views.MIRROR))
        return lambda: self.mirror_images(embedder, training, known, whole)

    def _unlike(
        self,
        vectors: npt.NDArray[np.float32],
        targets: npt.NDArray[np.int64],
        groups: npt.NDArray[np.int64],
    ) -> bytes | None:
        """What tells unlike pictures; not for positions, where turning makes any picture unlike."""
        if self.upright:
            return None
        return Unlike.fit(vectors, targets, groups, seed=self.options.seed).to_bytes()

    def from_scratch(self) -> Result:
        """Train a small network on the pictures themselves."""
        pictures = self.read_all(scratch.INPUT_SIZE)
        self.check_enough()
        sides = self.sides()
        training, held_out = sorted(sides.training), sorted(sides.held_out)

        def step(done: int, total: int) -> None:
            self.report("training", done, total, "Training a small network from scratch")

        made = self._train_from_scratch([pictures[sha] for sha in training], training, step)
        self.report("exporting", 0, 1, "Converting the network to ONNX")
        backbone_onnx = export.backbone_onnx(made.backbone, self.album.sample(scratch.INPUT_SIZE))
        if self.upright:
            backbone_onnx = export.in_four_turns(backbone_onnx, plain=True)
        self.report("embedding", 0, len(pictures), f"Looking at {len(pictures)} pictures")
        vectors = Embedder(backbone_onnx, threads=self.threads).embed(
            np.stack(list(pictures.values()))
        )
        embeddings = dict(zip(pictures, vectors, strict=True))
        self.report("scoring", 0, 1, f"Scoring on {len(held_out)} held-out pictures")
        rows = learning.rows_of(embeddings, held_out)
        head, scores, threshold = evaluate.calibrate_from_scratch(
            made.head, rows, self.targets(held_out), sides.not_scored
        )
        # Its answers to what it trained on tell nothing, so nothing stands on the tuning side.
        record = TrackRecord(
            self.labels,
            self._answers(head, held_out, rows),
            Answers.of(self.labels, [], np.empty((0, len(self.labels))), np.empty(0, np.int64)),
            learned=tuple(training),
        )
        return Result(SCRATCH, backbone_onnx, head, embeddings, record, scores, threshold)

    def _train_from_scratch(
        self, pictures: Sequence[Picture], hashes: Sequence[str], step: scratch.Progress
    ) -> scratch.TrainedFromScratch:
        stacked, targets = np.stack(list(pictures)), self.targets(hashes)
        seconds, seed = self.options.scratch_seconds, self.options.seed
        if self.upright:
            lies = orientation.quarter_turns(self.labels)[targets]
            return scratch.train_upright(
                stacked, lies, self.labels, seconds=seconds, seed=seed, progress=step
            )
        return scratch.train(
            stacked, targets, self.labels, seconds=seconds, seed=seed, progress=step
        )

    def _answers(self, head: Head, hashes: Sequence[str], rows: npt.NDArray[np.float32]) -> Answers:
        answered = head.predict(rows) if len(hashes) else np.empty((0, len(self.labels)))
        return Answers.of(self.labels, hashes, answered, self.targets(hashes))

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
        notices = [result.missing] if result.missing else []
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
            mirrored=self.mirrored,
            unreadable=sorted(self.album.unreadable.items()),
            notice=" ".join(notices) or None,
            missing=result.missing,
        )


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
        mirrored=result.mirrored,
        torch_onnx_max_difference=about.torch_onnx_max_difference,
        trained_at=datetime.now(UTC),
    )
