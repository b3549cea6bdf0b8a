"""Is a new model better than the live one? Both answer the same held-out pictures."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from connector.db.tables import ModelVersion
from connector.domain import versions
from connector.domain.training import Labelled
from connector.domain.versions import Verdict
from connector.errors import NotFound
from models import split
from models.errors import ModelError
from models.heads import Head
from models.train import Trained
from workers import vectors
from workers.runtime import Runtime
from workers.sessions import Sessions
from workers.vectors import Vector

logger = logging.getLogger(__name__)

# In a version's card: pictures that it learned from although their hash puts them aside.
LEARNED_ANYWAY = "learned_although_held_out"


@dataclass(frozen=True)
class Candidate:
    """A trained model and the labelled pictures that it was trained and scored with."""

    trained: Trained
    pictures: Sequence[Labelled]

    @property
    def readable(self) -> list[Labelled]:
        """The pictures that could be read."""
        return [one for one in self.pictures if one.sha256 in self.trained.embeddings]

    def sides(self) -> split.Split:
        """The split that the training used: it depends on the pictures alone."""
        by_label: dict[str, list[str]] = {}
        for one in self.readable:
            by_label.setdefault(one.label, []).append(one.sha256)
        return split.assign(by_label)

    def learned_anyway(self) -> list[str]:
        """Pictures of tiny labels, which trained although their hash would put them aside."""
        return sorted(sha for sha in self.sides().training if split.is_held_out(sha))


def verdict(
    rt: Runtime, sessions: Sessions, candidate: Candidate, live: ModelVersion | None
) -> Verdict:
    """Compare on the held-out pictures that neither model has learned from."""
    if live is None:
        return versions.judge(None, None, None, 0)
    learned = set(live.card.get(LEARNED_ANYWAY, ()))
    aside = candidate.sides().held_out - learned
    truth = {one.sha256: one.label for one in candidate.readable if one.sha256 in aside}
    try:
        old_vectors = vectors.embed(rt, sessions, live.backbone_sha256, list(truth))
        old_head = sessions.head(live.head_sha256)
    except (NotFound, ModelError) as error:
        logger.warning("version %d cannot be scored any more: %s", live.number, error)
        return versions.judge(live, None, None, 0)
    truth = {sha: label for sha, label in truth.items() if sha in old_vectors}
    new = accuracy(candidate.trained.head, candidate.trained.embeddings, truth)
    old = accuracy(old_head, old_vectors, truth)
    return versions.judge(live, new, old, len(truth))


def accuracy(
    head: Head, embeddings: Mapping[str, Vector], truth: Mapping[str, str]
) -> float | None:
    """Share of pictures whose most probable label is the true one; None without pictures.

    A label that the head does not know counts against it, as it would in service.
    """
    if not truth:
        return None
    answers = head.predict(np.stack([embeddings[sha] for sha in truth])).argmax(axis=1)
    right = sum(
        head.labels[int(answer)] == label
        for answer, label in zip(answers, truth.values(), strict=True)
    )
    return right / len(truth)
