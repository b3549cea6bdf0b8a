"""Is a new model better than the live one? Both answer the same held-out pictures."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from connector.db.tables import ModelVersion
from connector.db.types import Json
from connector.domain import aliases, versions
from connector.domain.versions import Verdict
from connector.errors import NotFound
from models import compare, split
from models.errors import ModelError
from models.heads import Head
from models.track_record import TrackRecord
from models.train import Trained
from workers import vectors
from workers.runtime import Runtime
from workers.sessions import Sessions
from workers.vectors import Vector

logger = logging.getLogger(__name__)

FINETUNE = "finetune"

# In a version's card: the blob with its answers to pictures that it had not learned from.
RECORD = "record_sha256"
# In the cards of the first release: what it learned from although the hash puts it aside.
LEARNED_ANYWAY = "learned_although_held_out"


@dataclass(frozen=True)
class Candidate:
    """A trained model that may go live."""

    trained: Trained

    def unseen_by(self, live: ModelVersion, record: TrackRecord | None) -> dict[str, str]:
        """Return hash and true label of the held-out pictures that the live model cannot know.

        Not those either whose near-identical twin it has learned from.
        """
        mine = self.trained.record
        if record is None:
            swapped = set(live.card.get(LEARNED_ANYWAY, ()))
            fair = split.unseen(mine.held_out.hashes, mine.group_names, swapped)
        else:
            learned = set(record.trained_on)
            twins = split.clusters(
                [*mine.held_out.hashes, *learned], mine.group_names | record.group_names
            )
            fair = frozenset(sha for group in twins if not learned & set(group) for sha in group)
        truths = zip(mine.held_out.hashes, mine.held_out.truths, strict=True)
        return {sha: label for sha, label in truths if sha in fair}


def record_of(rt: Runtime, version: ModelVersion) -> TrackRecord:
    """Return what the version answered to pictures it had not learned from.

    Raises ModelError for a version of the first release, which kept none, and NotFound.
    """
    sha256 = version.card.get(RECORD)
    if sha256 is None:
        raise ModelError(
            f"Version {version.number} was made by an earlier release, which kept no record; "
            "train again.",
            code="no_evidence_kept",
        )
    return TrackRecord.from_bytes(rt.blobs.read(sha256))


def verdict(
    rt: Runtime,
    sessions: Sessions,
    candidate: Candidate,
    live: ModelVersion | None,
    renamed: Sequence[Json] = (),
) -> Verdict:
    """Compare on the held-out pictures that neither model has learned from.

    `renamed` are the classifier's aliases: the live model answers by the names it learned.
    """
    if live is None:
        return versions.judge(None, None, None, 0)
    try:
        learned = record_of(rt, live) if RECORD in live.card else None
        truth = candidate.unseen_by(live, learned)
        old_vectors = vectors.embed(rt, sessions, live.backbone_sha256, list(truth))
        old_head = sessions.head(live.head_sha256)
    except (NotFound, ModelError) as error:
        logger.warning("version %d cannot be scored any more: %s", live.number, error)
        return versions.judge(live, None, None, 0)
    truth = {sha: label for sha, label in truth.items() if sha in old_vectors}
    names = [aliases.current_name(label, live.number, renamed) for label in old_head.labels]
    if candidate.trained.kind == FINETUNE and live.kind != FINETUNE:
        return _costly(candidate, live, old_head, old_vectors, truth, names)
    old = accuracy(old_head, old_vectors, truth, names)
    head = candidate.trained.head
    new = accuracy(head, candidate.trained.embeddings, truth, head.labels)
    return versions.judge(live, new, old, len(truth))


def _costly(
    candidate: Candidate,
    live: ModelVersion,
    old_head: Head,
    old_vectors: Mapping[str, Vector],
    truth: Mapping[str, str],
    names: Sequence[str | None],
) -> Verdict:
    """A network of its own costs a run of it for each picture: it has to be better by a test."""
    trained, hashes = candidate.trained, list(truth)
    labels = tuple(dict.fromkeys([*trained.head.labels, *truth.values()]))
    known = tuple(name if name is not None else "" for name in names)
    cheap, dear = np.empty((0, len(labels))), np.empty((0, len(labels)))
    if hashes:
        rows = np.stack([old_vectors[sha] for sha in hashes])
        cheap = compare.aligned(old_head.predict(rows), known, labels)
        rows = np.stack([trained.embeddings[sha] for sha in hashes])
        dear = compare.aligned(trained.head.predict(rows), trained.head.labels, labels)
    targets = np.array([labels.index(truth[sha]) for sha in hashes], np.int64)
    found = compare.compare(cheap, dear, targets)
    better = found.outcome == "better"
    end = "it went live." if better else f"version {live.number}, which is cheaper, stays live."
    return Verdict(better, f"{found.sentence} Fine-tuned: {end}", live.number)


def accuracy(
    head: Head,
    embeddings: Mapping[str, Vector],
    truth: Mapping[str, str],
    names: Sequence[str | None],
) -> float | None:
    """Share of pictures whose most probable label is the true one; None without pictures.

    `names` are those of the head's labels now, None for one that was removed. A label that the head
    does not know counts against it, as it would in service.
    """
    if not truth:
        return None
    answers = head.predict(np.stack([embeddings[sha] for sha in truth])).argmax(axis=1)
    right = sum(
        names[int(answer)] == label for answer, label in zip(answers, truth.values(), strict=True)
    )
    return right / len(truth)
