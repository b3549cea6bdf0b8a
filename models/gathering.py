"""The pictures of one training run: which labels can be learned, and what is known of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from models import orientation, split
from models.duplicates import thumbnail
from models.embed import Embedder, usable_cores
from models.errors import ModelError, NotEnoughExamples, UnreadablePicture
from models.preprocess import Picture
from models.reading import Album, Sample
from models.training import ORIENTATION, Options, Progress, Report, Thumbnail, Vector
from models.views import MIRROR, viewed


class Gathering:
    """What was asked for, the pictures, and how far looking at them is."""

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
        # Upright pictures alone teach all four positions.
        self.upright = options.recipe == ORIENTATION
        self.asked = orientation.LABELS if self.upright else tuple(labels)
        self.labels = self.asked
        self.threads = options.threads or usable_cores()
        self.album = Album(samples, threads=self.threads, load=options.load)
        self.thumbnails: dict[str, Thumbnail] = {}
        self.mirrored: dict[str, Vector] = {}
        self._report = report

    def report(self, step: str, done: int, total: int, message: str) -> None:
        self._report(Progress(step, done, total, message))

    def check_enough(self) -> None:
        """Keep the labels that can be learned. Raises NotEnoughExamples when they are too few."""
        by_label = self.album.by_label(self.asked)
        if self.upright:
            _check_upright(sum(map(len, by_label.values())))
            return
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

    def sides(self, groups: Mapping[str, int] | None = None) -> split.Split:
        """What trains and what is held out; near-identical pictures are on one side."""
        by_label = self.album.by_label(self.labels)
        if self.upright:
            # Every picture teaches the same, whichever way it lies.
            everything = [sha for hashes in by_label.values() for sha in hashes]
            return split.assign({ORIENTATION: everything}, groups)
        return split.assign(by_label, groups)

    def embed(self, embedder: Embedder, known: Mapping[str, Vector]) -> dict[str, Vector]:
        """A vector for every readable picture; those that are not known are made now."""
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

    def mirror_images(
        self,
        embedder: Embedder,
        hashes: Sequence[str],
        known: Mapping[str, Vector],
        whole: Mapping[str, Vector],
    ) -> npt.NDArray[np.float32]:
        """Embeddings [N, D] of the mirror images; those that are not known are made now.

        A picture that can no longer be read stands in for its mirror image.
        """
        self.mirrored |= {sha: known[sha] for sha in hashes if sha in known}
        missing = [sha for sha in hashes if sha not in self.mirrored]
        for chunk in self.album.chunks(missing, embedder.size):
            if chunk:
                images = viewed(np.stack(list(chunk.values())), MIRROR)
                self.mirrored |= zip(chunk, embedder.embed(images), strict=True)
            self.report("embedding", len(self.mirrored), len(hashes), "Looking at mirror images")
        return np.stack([self.mirrored.get(sha, whole[sha]) for sha in hashes])

    def read_all(self, size: int) -> dict[str, Picture]:
        """Every readable picture, squashed to `size`."""
        pictures: dict[str, Picture] = {}
        total = len(self.album)
        for chunk in self.album.chunks(list(self.album.samples), size):
            pictures |= chunk
            done = len(pictures) + len(self.album.unreadable)
            self.report("reading", min(done, total), total, f"Read {done} of {total} pictures")
        return pictures

    def read(self, hashes: Sequence[str], size: int) -> npt.NDArray[np.uint8]:
        """These pictures, uint8 [N, size, size, 3]; all of them have been read before.

        Raises UnreadablePicture when one is no longer there.
        """
        made: dict[str, Picture] = {}
        for chunk in self.album.chunks(hashes, size):
            made |= chunk
            self.report("reading", len(made), len(hashes), f"Read {len(made)} of {len(hashes)}")
        if gone := next((sha for sha in hashes if sha not in made), None):
            raise UnreadablePicture(self.album.unreadable[gone])
        return np.stack([made[sha] for sha in hashes])

    def targets(self, hashes: Sequence[str]) -> npt.NDArray[np.int64]:
        """The label of each picture, as indices into `labels`."""
        index = {label: i for i, label in enumerate(self.labels)}
        return np.array([index[self.album.samples[sha].label] for sha in hashes], np.int64)


def _check_upright(count: int) -> None:
    if count < 2:
        raise NotEnoughExamples(
            f"Learning which way is up needs at least two readable pictures, and there "
            f"{'is one' if count else 'is none'}; add upright ones, about 100 is good."
        )
