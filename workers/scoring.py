"""The score job: what the live model makes of each example, from embeddings that are kept."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np
from sqlalchemy import select

from connector.db.tables import Classifier, ModelVersion
from connector.domain import classifiers, scores, versions
from connector.domain.scores import Score, Unscored
from connector.errors import NotFound
from models.errors import ModelError
from workers import runtime as rt_module
from workers import vectors
from workers.answering import named_probabilities
from workers.classify import sessions_of
from workers.looking import look
from workers.runtime import Runtime, runtime

logger = logging.getLogger(__name__)

AT_ONCE = 256


def drain() -> int:
    """Score everything that waits (the RQ job); return how many steps that took."""
    return rt_module.drain(runtime(), "score", step)


def step(rt: Runtime) -> int:
    """Score some examples of one classifier; return 0 when there are none.

    Nobody claims them: twice does no harm.
    """
    with rt.database.read() as session:
        classifier = session.scalars(select(Classifier).where(scores.pending()).limit(1)).first()
        if classifier is None:
            return 0
        live = versions.live(session, classifier)
        wanted = scores.next_ones(session, classifier, AT_ONCE)
        labels = {one.name: one.id for one in classifiers.labels(session, classifier)}
        session.expunge_all()
    if live is None:
        return 0
    found = _score(rt, classifier, live, wanted, labels)
    with rt.database.write() as session:
        scores.write(session, classifier.id, live.number, found)
    return 1


def _score(
    rt: Runtime,
    classifier: Classifier,
    live: ModelVersion,
    wanted: Sequence[Unscored],
    labels: dict[str, str],
) -> list[Score]:
    nothing = {one.id: Score(one.id, None, None) for one in wanted}
    sessions = sessions_of(rt)
    try:
        seen = look(rt, sessions, live.backbone_sha256, [one.sha256 for one in wanted])
        vectors.keep_rows(rt, seen.rows(live.backbone_sha256))
        readable = [one for one in wanted if one.sha256 in seen.vectors]
        if not readable:
            return list(nothing.values())
        rows = np.stack([seen.vectors[one.sha256] for one in readable])
        named = named_probabilities(sessions, live, classifier, rows)
    except (NotFound, ModelError) as error:
        # Said of the whole version: it answers nothing, and its examples are not asked about again.
        logger.warning("version %d scores nothing: %s", live.number, error)
        return list(nothing.values())
    for one, probabilities in zip(readable, named, strict=True):
        if probabilities:
            label = max(probabilities, key=probabilities.__getitem__)
            nothing[one.id] = Score(one.id, labels.get(label), round(probabilities[label], 4))
    return list(nothing.values())
