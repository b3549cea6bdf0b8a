"""The train job: imports first, then training runs; each under a lease, so a killed one goes on."""

from __future__ import annotations

import logging
import time

from connector.db.tables import Import, TrainingRun
from connector.domain import imports, training, versions
from connector.domain.training import Claimed, TrainingSet
from connector.domain.versions import NewVersion
from connector.errors import ColabelError, Conflict, LostLease, Unavailable
from models.errors import ModelError
from models.train import Options, Progress, Sample, Trained
from models.train import run as train_model
from workers import runtime as rt_module
from workers import vectors, weights
from workers.backbones import KeptBackbones
from workers.classify import sessions_of
from workers.judging import LEARNED_ANYWAY, Candidate, verdict
from workers.keeper import keep
from workers.runtime import Runtime, runtime

logger = logging.getLogger(__name__)

PROGRESS_SECONDS = 0.4

# Each tells at length what it does to every node of a network.
for noisy in ("onnx_ir", "onnxscript", "torch.onnx"):
    logging.getLogger(noisy).setLevel(logging.WARNING)


class Stopping(Exception):
    """This worker was told to stop; another one takes the run up."""


def drain() -> int:
    """Import and train everything that waits (the RQ job); return how many."""
    return rt_module.drain(runtime(), "train", step)


def step(rt: Runtime) -> int:
    """Work on one import, or else on one training run; return how many there were."""
    return _import(rt) or _train(rt)


def warm(rt: Runtime) -> None:
    """Find out about the pretrained weights while the first jobs may already come in."""
    weights.check_in_background(rt)


def _import(rt: Runtime) -> int:
    with rt.database.write() as session:
        claimed = imports.claim(session, rt.settings.lease_seconds)
    if claimed is None:
        return 0
    try:
        with keep(rt, Import, claimed.claim):
            report = imports.run_zip(rt.database, rt.blobs, rt.settings, claimed)
        logger.info("imported %d of %d files", report.added, report.total)
    except LostLease as error:
        logger.warning(error.detail)
    except Unavailable:
        raise  # the lease runs out and somebody goes on
    except ColabelError as error:
        imports.fail(rt.database, claimed, error.code, error.detail)
    return 1


def _train(rt: Runtime) -> int:
    with rt.database.write() as session:
        claimed = training.claim_run(session, rt.settings.lease_seconds)
    if claimed is None:
        return 0
    try:
        with keep(rt, TrainingRun, claimed.claim):
            _run(rt, claimed)
    except LostLease as error:
        logger.warning(error.detail)
    except Stopping:
        with rt.database.write() as session:
            training.give_back(session, claimed)
    except Unavailable:
        raise  # the lease runs out and somebody trains again
    except (ModelError, ColabelError) as error:
        _fail(rt, claimed, error.code, error.detail)
    except Exception as error:
        logger.exception("training %s failed", claimed.row.id)
        sentence = (
            f"Training stopped for an unexpected reason ({type(error).__name__}: {error}); the "
            "train worker's log says more. Train again, or report it."
        )
        _fail(rt, claimed, "unexpected", sentence)
    return 1


def _fail(rt: Runtime, claimed: Claimed, code: str, sentence: str) -> None:
    logger.warning("training %s failed: %s", claimed.row.id, sentence)
    try:
        with rt.database.write() as session:
            training.fail(session, claimed, code, sentence)
    except LostLease as error:
        logger.warning(error.detail)


def _run(rt: Runtime, claimed: Claimed) -> None:
    """Train, score, compare, register."""
    with rt.database.read() as session:
        chosen = training.training_set(session, claimed.row.classifier_id)
    trained = train_model(
        [Sample(one.sha256, one.label, _Reader(rt, one.sha256)) for one in chosen.pictures],
        chosen.labels,
        options=Options(
            backbone=rt.settings.backbone,
            weights=rt.settings.weights,
            threads=rt.settings.threads or None,
            max_pixels=rt.settings.max_pixels,
        ),
        progress=_Reporter(rt, claimed),
        cached_embeddings=lambda sha: vectors.known(rt, sha, (p.sha256 for p in chosen.pictures)),
        backbone_cache=KeptBackbones(rt),
    )
    weights.remember(rt, trained.card, trained.notice)
    if trained.card.weights != "scratch":
        # A network from scratch is never trained on again: its vectors would serve nobody.
        vectors.keep(rt, trained.card.backbone_sha, trained.embeddings)
    _register(rt, claimed, chosen, trained)


def _register(rt: Runtime, claimed: Claimed, chosen: TrainingSet, trained: Trained) -> None:
    candidate = Candidate(trained, chosen.pictures)
    card = trained.card.model_dump(mode="json")
    version = NewVersion(
        labels=trained.head.labels,
        thresholds=dict(trained.card.thresholds),
        card={**card, LEARNED_ANYWAY: candidate.learned_anyway()},
        metrics=trained.metrics,
        backbone_sha256=rt.blobs.put(trained.backbone_onnx),
        head_sha256=rt.blobs.put(trained.head.to_bytes()),
        portable_sha256=rt.blobs.put(trained.portable),
    )
    while True:
        with rt.database.read() as session:
            live = versions.live(session, training.classifier_of(session, claimed))
            if live is not None:
                session.expunge(live)
        decision = verdict(rt, sessions_of(rt), candidate, live)
        try:
            with rt.database.write() as session:
                number = training.finish(
                    session,
                    rt.settings,
                    claimed,
                    version,
                    decision,
                    metrics=trained.metrics,
                    notice=_notice(chosen, trained),
                )
        except Conflict as error:
            if error.code != "live_version_changed":
                raise
            continue
        logger.info("version %d: %s", number, decision.reason)
        return


def _notice(chosen: TrainingSet, trained: Trained) -> str | None:
    parts = [trained.notice, chosen.notice]
    if trained.unreadable:
        parts.append(f"{len(trained.unreadable)} pictures could not be read and were left out.")
    return " ".join(part for part in parts if part) or None


class _Reader:
    """Reads one picture when it is its turn."""

    def __init__(self, rt: Runtime, sha256: str) -> None:
        self._rt, self._sha256 = rt, sha256

    def __call__(self) -> bytes:
        return vectors.read(self._rt, self._sha256)


class _Reporter:
    """Writes progress now and then; stops the training when it is no longer ours to do."""

    def __init__(self, rt: Runtime, claimed: Claimed) -> None:
        self._rt, self._claimed = rt, claimed
        self._step = ""
        self._written_at = 0.0

    def __call__(self, now: Progress) -> None:
        if self._rt.stopping.is_set():
            raise Stopping
        moment = time.monotonic()
        if now.step == self._step and moment - self._written_at < PROGRESS_SECONDS:
            return
        self._step, self._written_at = now.step, moment
        try:
            with self._rt.database.write() as session:
                training.progress(
                    session,
                    self._claimed,
                    step=now.step,
                    done=now.done,
                    total=now.total,
                    message=now.message,
                )
        except Unavailable as error:
            logger.warning("progress could not be written: %s", error.detail)
