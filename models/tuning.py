"""Fine-tuning as a whole job: labelled pictures in, a model of its own backbone out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping, Sequence
from dataclasses import replace
from math import ceil
from pathlib import Path

import numpy as np
import numpy.typing as npt

from models import backbone, evaluate, export, finetune, fitting, learning, split, views
from models.embed import Embedder, gpu_present
from models.finetune import Stopped, Tuned
from models.job import Job, Result
from models.reading import Sample
from models.track_record import TrackRecord
from models.training import Cached, Options, Progress, Report, Thumbnail, Trained
from models.unlike import Unlike

__all__ = ["FINETUNE", "Stopped", "tune"]

FINETUNE = "finetune"

Ints = npt.NDArray[np.int64]

# Held in memory while the network learns, at 196 kB each.
_PICTURES = 4000


def tune(
    samples: Sequence[Sample],
    labels: Sequence[str],
    *,
    options: Options,
    seconds: float,
    progress: Report,
    cached_embeddings: Cached,
    cached_thumbnails: Mapping[str, Thumbnail],
    backbone_cache: MutableMapping[str, bytes],
    checkpoint: Path,
    should_stop: Callable[[], bool],
) -> Trained:
    """Fine-tune the whole network for at most about `seconds`, and score it as `train.run` does.

    Whether mirrored pictures may be trained on is judged by evidence. With the same `checkpoint` a
    killed run goes on where it was. Raises WeightsMissing, NotEnoughExamples, ModelError, and
    Stopped when `should_stop` says so.
    """
    job = _Tuning(samples, labels, options, progress)
    job.thumbnails = dict(cached_thumbnails)
    job.check_enough()
    found = job.pretrained(backbone_cache)
    frozen = Embedder(found.onnx, threads=job.threads)
    tuned = job.tuned(frozen, cached_embeddings, seconds, checkpoint, should_stop)
    return job.finish(replace(tuned, missing=found.missing))


class _Tuning(Job):
    """One run of fine-tuning."""

    def tuned(
        self,
        frozen: Embedder,
        cached: Cached,
        seconds: float,
        checkpoint: Path,
        should_stop: Callable[[], bool],
    ) -> Result:
        """Split as a head's training does, tune on the training side, and answer the rest."""
        known = self.embed(frozen, cached(frozen.sha256))
        self.check_enough()
        groups = learning.near_identical(known, self.thumbnails)
        sides = self.sides(groups)
        training, held_out = sorted(sides.training), sorted(sides.held_out)
        learned = self._within_memory(training)
        pictures = self.read(learned, frozen.size)
        targets, rows = self.targets(learned), learning.rows_of(known, learned)
        images = self._mirror_images(frozen, rows, pictures, targets)
        made = finetune.tune(
            pictures,
            targets,
            self.labels,
            self._base(),
            vectors=rows,
            mirrored=images if views.worth_mirroring(len(learned)) else None,
            settings=finetune.Settings(
                seconds=seconds,
                flips=images is not None,
                seed=self.options.seed,
            ),
            progress=self._tell,
            checkpoint=checkpoint,
            should_stop=should_stop,
        )
        self.report("exporting", 0, 1, "Converting the network to ONNX")
        exported = export.backbone_onnx(made.backbone, self.album.sample(made.backbone.input_size))
        own = Embedder(exported, threads=self.threads)
        del pictures
        embeddings = self.embed(own, {})
        self.report("scoring", 0, 1, f"Scoring on {len(held_out)} held-out pictures")
        # Of the training side, the network has not learned from these.
        aside = np.flatnonzero(finetune.set_aside(targets, self.options.seed))
        unseen = [learned[i] for i in aside]
        record = TrackRecord(
            self.labels,
            self._answers(made.head, held_out, learning.rows_of(embeddings, held_out)),
            self._answers(made.head_unseen, unseen, learning.rows_of(embeddings, unseen)),
            groups=tuple(tuple(one) for one in split.clusters(groups, groups) if len(one) > 1),
            learned=tuple(training),
        )
        scores, threshold = evaluate.judged(record, sides.not_scored)
        return Result(
            FINETUNE,
            exported,
            made.head,
            embeddings,
            record,
            scores | {"finetuning": _about(made)},
            threshold,
            # Compared with these alone: what it trained on lies closer together than anything new.
            unlike=_unlike(learning.rows_of(embeddings, unseen), targets[aside]),
        )

    def _within_memory(self, training: Sequence[str]) -> list[str]:
        """As many of the pictures as may be held at once, of each label alike."""
        targets, share = self.targets(training), min(1.0, _PICTURES / len(training))
        kept: list[str] = []
        for label in range(len(self.labels)):
            rows = np.flatnonzero(targets == label)
            kept += [training[row] for row in rows[: ceil(share * len(rows))]]
        return sorted(kept)

    def _base(self) -> backbone.Backbone:
        device = "cuda" if gpu_present() else "cpu"
        return backbone.resolve(self.options.backbone, self.options.weights, device=device)

    def _mirror_images(
        self,
        frozen: Embedder,
        rows: npt.NDArray[np.float32],
        pictures: npt.NDArray[np.uint8],
        targets: Ints,
    ) -> npt.NDArray[np.float32] | None:
        """Embeddings of the mirror images if, by what frozen heads say, they mean the same."""
        if not self.options.mirror:
            return None
        self.report("fitting", 0, 1, "Finding out whether mirrored pictures mean the same")
        mirrored = frozen.embed(views.viewed(pictures, views.MIRROR))
        strength = fitting.fit(rows, targets, None, self.labels, seed=self.options.seed).strength
        found = views.mirroring(rows, mirrored, targets, self.labels, strength)
        return mirrored if found.allowed else None

    def _tell(self, now: finetune.Progress) -> None:
        share, left = round(100 * now.share), now.seconds_left
        self._report(Progress("training", share, 100, now.message, remaining_seconds=left))


def _about(made: Tuned) -> dict[str, object]:
    return {
        "epochs": round(made.epochs, 1),
        "seconds": round(made.seconds, 1),
        "validated_on": made.validated_on,
        "accuracy_on_validation": made.accuracy,
        "share_of_frozen": made.share,
        "accuracy_before_on_validation": made.accuracy_before,
    }


def _unlike(rows: npt.NDArray[np.float32], targets: Ints) -> bytes | None:
    return Unlike.fit(rows, targets).to_bytes() if len(rows) else None
