"""The classify job: claim a batch, embed it in one run per backbone, decide, write it all down."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import numpy as np
from sqlalchemy import select

from connector.db.insert import insert_all_missing
from connector.db.tables import Classifier, Embedding, Image, ModelVersion, Prediction
from connector.domain import decisions, facts
from connector.domain.decisions import Answer, Failure
from connector.errors import NotFound
from models.embed import usable_cores
from models.errors import UnreadablePicture
from models.preprocess import Picture, load
from workers import answering
from workers import runtime as rt_module
from workers.answering import Task
from workers.keeper import keep, watchdog
from workers.runtime import Runtime, runtime
from workers.sessions import Sessions

logger = logging.getLogger(__name__)

# Long enough for the slowest backbone on one core with the largest pictures, then it hangs.
HUNG_SECONDS = 300.0

Vector = np.ndarray[tuple[int], np.dtype[np.float32]]


def sessions_of(rt: Runtime) -> Sessions:
    """Return the warm models of this process."""
    if "sessions" not in rt.cache:
        rt.cache["sessions"] = Sessions(rt.blobs, rt.settings.threads)
    sessions: Sessions = rt.cache["sessions"]
    return sessions


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, thread_name_prefix="decode")


def drain() -> int:
    """Classify everything that waits (the RQ job); return how many pictures."""
    return rt_module.drain(runtime(), "classify", step)


def step(rt: Runtime) -> int:
    """Classify one batch; return how many rows were claimed."""
    with rt.database.write() as session:
        work = decisions.claim_queued(
            session, limit=rt.settings.batch_size, seconds=rt.settings.lease_seconds
        )
        rows = decisions.quarantine(session, rt.settings, work)
    if not work.claim.ids:
        return 0
    with keep(rt, Prediction, work.claim), watchdog(HUNG_SECONDS):
        tasks, failures = _tasks(rt, rows)
        answers, unreadable, fresh = classify(rt, tasks)
    with rt.database.write() as session:
        insert_all_missing(session, Embedding, fresh, ["sha256", "backbone"])
        written = decisions.record(
            session, rt.settings, work.claim, answers, [*failures, *unreadable]
        )
    logger.info("classified %d pictures, %d of them unreadable", written, len(unreadable))
    return len(work.claim.ids)


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

    Returns answers, failures, and the rows of embeddings that were not kept before.
    """
    answers: list[Answer] = []
    failures: list[Failure] = []
    fresh: list[dict[str, object]] = []
    by_backbone: dict[str, list[Task]] = defaultdict(list)
    for task in tasks:
        by_backbone[task.version.backbone_sha256].append(task)
    for backbone, group in by_backbone.items():
        vectors, errors = _embed(rt, backbone, [task.sha256 for task in group])
        known = _kept(rt, backbone, list(vectors))
        fresh += [
            {"sha256": sha, "backbone": backbone, "vector": vector.astype("<f4").tobytes()}
            for sha, vector in vectors.items()
            if sha not in known
        ]
        failures += [
            Failure(task.prediction_id, *errors[task.sha256])
            for task in group
            if task.sha256 in errors
        ]
        answers += _answer(rt, [task for task in group if task.sha256 in vectors], vectors)
    return answers, failures, fresh


def _embed(
    rt: Runtime, backbone: str, hashes: Sequence[str]
) -> tuple[dict[str, Vector], dict[str, tuple[str, str]]]:
    """Return vectors by hash, and (code, sentence) by the hash of what cannot be read."""
    wanted = list(dict.fromkeys(hashes))
    vectors = {sha: np.frombuffer(raw, "<f4") for sha, raw in _kept(rt, backbone, wanted).items()}
    missing = [sha for sha in wanted if sha not in vectors]
    if not missing:
        return vectors, {}
    try:
        embedder = sessions_of(rt).embedder(backbone)
    except NotFound as error:
        return vectors, dict.fromkeys(missing, (error.code, error.detail))
    pool = _pool(rt.settings.threads or usable_cores())
    loaded = list(pool.map(lambda sha: _load(rt, sha, embedder.size), missing))
    errors = {sha: one for sha, one in zip(missing, loaded, strict=True) if isinstance(one, tuple)}
    good = [sha for sha in missing if sha not in errors]
    if good:
        batch = np.stack([one for one in loaded if not isinstance(one, tuple)])
        vectors.update(zip(good, embedder.embed(batch), strict=True))
    return vectors, errors


def _load(rt: Runtime, sha256: str, size: int) -> Picture | tuple[str, str]:
    try:
        return load(rt.blobs.read(sha256), size, max_pixels=rt.settings.max_pixels)
    except UnreadablePicture as error:
        return error.code, str(error)
    except NotFound as error:
        return error.code, error.detail


def _kept(rt: Runtime, backbone: str, hashes: Sequence[str]) -> dict[str, bytes]:
    statement = select(Embedding.sha256, Embedding.vector).where(
        Embedding.backbone == backbone, Embedding.sha256.in_(hashes)
    )
    with rt.database.read() as session:
        return dict(session.execute(statement).all())


def _answer(rt: Runtime, tasks: Sequence[Task], vectors: dict[str, Vector]) -> list[Answer]:
    """Run each version's head over its pictures, and see what else is known of them."""
    by_version: dict[str, list[Task]] = defaultdict(list)
    for task in tasks:
        by_version[task.version.id].append(task)
    return [
        answer
        for group in by_version.values()
        for answer in answering.answer(rt, sessions_of(rt), group, vectors)
    ]


def warm(rt: Runtime) -> None:
    """Load the live models before the first picture comes; say which device they run on."""
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
