"""The classify job: claim a batch, embed it in one run per backbone, decide, write it all down."""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from sqlalchemy import select

from connector import decoding
from connector.db.insert import insert_all_missing
from connector.db.tables import Classifier, Embedding, Image, ModelVersion, Prediction
from connector.domain import decisions, facts
from connector.domain.decisions import Answer, Failure
from connector.logs import note
from models.embed import usable_cores
from workers import answering
from workers import runtime as rt_module
from workers.answering import Task
from workers.keeper import blameless, keep, watchdog
from workers.looking import Looked, look
from workers.pace import Pace
from workers.runtime import Runtime, runtime
from workers.sessions import Sessions

logger = logging.getLogger(__name__)

# Long enough for the slowest backbone on one core, then it hangs.
HUNG_SECONDS = 300.0


def sessions_of(rt: Runtime) -> Sessions:
    """Return the warm models of this process."""
    if "sessions" not in rt.cache:
        rt.cache["sessions"] = Sessions(rt.blobs, rt.settings.threads)
    sessions: Sessions = rt.cache["sessions"]
    return sessions


def drain() -> int:
    """Classify everything that waits (the RQ job); return how many pictures."""
    return rt_module.drain(runtime(), "classify", step)


def step(rt: Runtime) -> int:
    """Classify one batch; return how many rows were claimed."""
    pace: Pace = rt.cache.get("pace") or rt.cache.setdefault("pace", Pace())
    limit = pace.limit(rt.settings.batch_size)
    with rt.database.write() as session:
        work = decisions.claim_queued(
            session, limit=limit, seconds=rt.settings.lease_seconds, express=pace.express
        )
        rows = decisions.quarantine(session, rt.settings, work)
    if not work.claim.ids:
        return 0
    mine, began = (rt, Prediction, work.claim), time.monotonic()
    with blameless(*mine), keep(*mine), watchdog(_hung_seconds(rt, len(rows))):
        tasks, failures = _tasks(rt, rows)
        answers, unreadable, fresh = classify(rt, tasks)
    with rt.database.write() as session:
        insert_all_missing(session, Embedding, fresh, ["sha256", "backbone"])
        written = decisions.record(
            session, rt.settings, work.claim, answers, [*failures, *unreadable]
        )
    seconds = time.monotonic() - began
    pace.saw({row.workspace_id for row in rows}, len(rows), seconds, express=work.express)
    note(
        logger,
        f"classified {written} pictures, {len(unreadable)} of them unreadable",
        took_ms=round(1000 * (time.monotonic() - began)),
    )
    return len(work.claim.ids)


def _hung_seconds(rt: Runtime, pictures: int) -> float:
    """How long a batch may take even if each picture uses up the time that decoding it may take."""
    decoders = decoding.pool(rt.settings).size
    return HUNG_SECONDS + rt.settings.decode_seconds * pictures / decoders


def _tasks(rt: Runtime, rows: Sequence[Prediction]) -> tuple[list[Task], list[Failure]]:
    """Join each prediction with its picture's hash and its classifier's live version."""
    statement = (
        select(Prediction.id, Image.sha256, ModelVersion, Classifier)
        .join(Image, Image.id == Prediction.image_id)
        .join(Classifier, Classifier.id == Prediction.classifier_id)
        .join(
            ModelVersion,
            (ModelVersion.classifier_id == Classifier.id)
            & (ModelVersion.number == Classifier.live_version),
        )
        .where(Prediction.id.in_([row.id for row in rows]))
    )
    with rt.database.read() as session:
        tasks = [Task(*row) for row in session.execute(statement)]
    ready = {task.prediction_id for task in tasks}
    gone = "This classifier has no live model any more; train it or put a version back, then retry."
    return tasks, [Failure(row.id, "no_model", gone) for row in rows if row.id not in ready]


def classify(
    rt: Runtime, tasks: Sequence[Task]
) -> tuple[list[Answer], list[Failure], list[dict[str, object]]]:
    """Answer the tasks: one run of each backbone, whatever classifiers they belong to.

    Returns answers, failures, and the rows of embeddings and thumbnails not kept before.
    """
    answers: list[Answer] = []
    failures: list[Failure] = []
    fresh: list[dict[str, object]] = []
    by_backbone: dict[str, list[Task]] = defaultdict(list)
    for task in tasks:
        by_backbone[task.version.backbone_sha256].append(task)
    for backbone, group in by_backbone.items():
        seen = look(rt, sessions_of(rt), backbone, [task.sha256 for task in group])
        fresh += seen.rows(backbone)
        failures += [
            Failure(task.prediction_id, *seen.errors[task.sha256])
            for task in group
            if task.sha256 in seen.errors
        ]
        answers += _answer(rt, [task for task in group if task.sha256 in seen.vectors], seen)
    return answers, failures, fresh


def _answer(rt: Runtime, tasks: Sequence[Task], seen: Looked) -> list[Answer]:
    """Run each version's head over its pictures, and see what else is known of them."""
    by_version: dict[str, list[Task]] = defaultdict(list)
    for task in tasks:
        by_version[task.version.id].append(task)
    return [
        answer
        for group in by_version.values()
        for answer in answering.answer(rt, sessions_of(rt), group, seen)
    ]


def warm(rt: Runtime) -> None:
    """Load the live models before the first picture comes; say which device they run on."""
    decoding.pool(rt.settings).warm()
    statement = (
        select(ModelVersion.backbone_sha256, ModelVersion.head_sha256)
        .join(Classifier, Classifier.id == ModelVersion.classifier_id)
        .where(ModelVersion.number == Classifier.live_version, Classifier.deleted_at.is_(None))
    )
    with rt.database.read() as session:
        backbones = list(dict.fromkeys(row[0] for row in session.execute(statement)))
    for sha256 in backbones[:2]:
        embedder = sessions_of(rt).embedder(sha256)
        embedder.embed(np.zeros((1, embedder.size, embedder.size, 3), np.uint8))
        report_device(rt, embedder.device)


def report_device(rt: Runtime, device: str) -> None:
    """Log and keep which device classifies, for `doctor` and the pages."""
    sentence = (
        "Pictures are classified on the GPU (CUDA)."
        if device == "cuda"
        else f"Pictures are classified on the CPU ({usable_cores()} cores)."
    )
    logger.info(sentence)
    with rt.database.write() as session:
        facts.put(session, "device", {"device": device, "sentence": sentence})
