"""The study job: questions about pictures, answered from embeddings that are kept already."""

from __future__ import annotations

import logging
from collections.abc import Callable

from connector.db.tables import Classifier, Study
from connector.db.types import Json
from connector.domain import glances, studies
from connector.errors import ColabelError, LostLease, Unavailable
from models.errors import ModelError
from workers import comparison, glance, rehearsal, suggestions
from workers import runtime as rt_module
from workers.keeper import blameless, keep
from workers.runtime import Runtime, runtime

logger = logging.getLogger(__name__)

Answer = Callable[[Runtime, Classifier, Json, Callable[[int, int], None]], Json]

ANSWERS: dict[str, Answer] = {
    studies.REHEARSAL: rehearsal.run,
    studies.LABEL_NEXT: suggestions.label_next,
    studies.GROUPS: suggestions.groups,
    studies.COMPARISON: comparison.run,
    studies.GLANCE: glance.run,
}


def drain() -> int:
    """Answer everything that waits (the RQ job); return how many."""
    return rt_module.drain(runtime(), "study", step)


def step(rt: Runtime) -> int:
    """Answer one study; return 0 when there is none."""
    with rt.database.write() as session:
        claimed = studies.claim(session, rt.settings.lease_seconds)
    if claimed is None:
        return 0

    def progress(done: int, total: int) -> None:
        with rt.database.write() as session:
            studies.progress(session, claimed, done, total)

    try:
        mine = (rt, Study, claimed.claim)
        with blameless(*mine), keep(*mine):
            with rt.database.read() as session:
                classifier = session.get_one(Classifier, claimed.row.classifier_id)
                session.expunge(classifier)
            result = ANSWERS[claimed.row.kind](rt, classifier, claimed.row.params, progress)
        with rt.database.write() as session:
            studies.finish(session, claimed, result)
    except LostLease as error:
        logger.warning(error.detail)
        return 1
    except Unavailable:
        raise  # the lease runs out and somebody answers it again
    except (ModelError, ColabelError) as error:
        _fail(rt, claimed, error.code, error.detail)
    if claimed.row.kind == studies.GLANCE:
        glances.release(rt.database, claimed.row)
    return 1


def _fail(rt: Runtime, claimed: studies.Claimed, code: str, sentence: str) -> None:
    try:
        with rt.database.write() as session:
            studies.fail(session, claimed, code, sentence)
    except LostLease as error:
        logger.warning(error.detail)
