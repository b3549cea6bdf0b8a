"""The train job: imports first, then training runs; each under a lease, so a killed one goes on."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from connector.db.tables import Import, TrainingRun
from connector.domain import exchange_imports, imports, training, versions
from connector.domain import samples as domain_samples
from connector.domain.import_loop import Report
from connector.domain.training import Claimed
from connector.domain.training_sets import TrainingSet
from connector.errors import ColabelError, LostLease, NotFound, Unavailable
from models.errors import ModelError
from models.train import Options, Previous, Sample, Trained
from models.train import run as train_model
from models.training import Cached, Thumbnail
from models.views import MIRROR, kept_as
from workers import births, judge, samples, study, vectors, weights
from workers import runtime as rt_module
from workers.backbones import KeptBackbones
from workers.classify import sessions_of
from workers.decoding import load
from workers.judging import record_of
from workers.keeper import blameless, keep
from workers.reporting import Reporter, Stopping
from workers.runtime import Runtime, runtime

logger = logging.getLogger(__name__)

# Each tells at length what it does to every node of a network.
for noisy in ("onnx_ir", "onnxscript", "torch.onnx"):
    logging.getLogger(noisy).setLevel(logging.WARNING)


def drain() -> int:
    """Import and train everything that waits (the RQ job); return how many."""
    return rt_module.drain(runtime(), "train", step)


def burst() -> int:
    """Do everything that waits and is quick; return how many."""
    return rt_module.drain(runtime(), "train", quick)


def step(rt: Runtime) -> int:
    """Work on what is quick, or else on one fine-tuning; return how many there were."""
    return quick(rt) or _train(rt, training.FINETUNE)


def quick(rt: Runtime) -> int:
    """Work on one import, head, judgement or study; return how many there were."""
    return _import(rt) or _train(rt, training.HEAD) or judge.step(rt) or study.step(rt)


def warm(rt: Runtime) -> None:
    """Find out about the pretrained weights while the first jobs may already come in."""
    weights.check_in_background(rt)


def _import(rt: Runtime) -> int:
    with rt.database.write() as session:
        claimed = imports.claim(session, rt.settings.lease_seconds)
    if claimed is None:
        return 0
    try:
        mine = (rt, Import, claimed.claim)
        with blameless(*mine), keep(*mine):
            report = _imported(rt, claimed)
        logger.info("imported %d of %d files", report.added, report.total)
    except LostLease as error:
        logger.warning(error.detail)
    except Unavailable:
        raise  # the lease runs out and somebody goes on
    except ColabelError as error:
        imports.fail(rt.database, rt.blobs, claimed, error.code, error.detail)
    return 1


def _imported(rt: Runtime, claimed: imports.Claimed) -> Report:
    if claimed.row.label_mode in (domain_samples.DRAWN, domain_samples.ARRIVING):
        return samples.run(rt, claimed)
    run = imports.run_zip if claimed.row.options is None else exchange_imports.run_import
    return run(rt.database, rt.blobs, rt.settings, claimed)


def _train(rt: Runtime, kind: str) -> int:
    """Work on one training run of this kind; return how many there were."""
    with rt.database.write() as session:
        claimed = training.claim_run(session, rt.settings.lease_seconds, kind)
    if claimed is None:
        return 0
    try:
        mine = (rt, TrainingRun, claimed.claim)
        with blameless(*mine), keep(*mine):
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
    """Train, score, compare, put live; then write what else belongs to the version."""
    if claimed.row.version is None:
        _learn(rt, claimed)
    births.complete(rt, claimed)


def _learn(rt: Runtime, claimed: Claimed) -> None:
    with rt.database.write() as session:
        chosen = training.read_set(session, claimed)
    hashes = [one.sha256 for one in chosen.pictures]
    known_thumbnails = vectors.thumbnails(rt, hashes)
    given = Given(
        samples=[Sample(one.sha256, one.label, _Reader(rt, one.sha256)) for one in chosen.pictures],
        labels=chosen.labels,
        options=Options(
            recipe=chosen.recipe,
            backbone=rt.settings.backbone,
            weights=rt.settings.weights,
            threads=rt.settings.threads or None,
            load=partial(load, settings=rt.settings),
            mirror=not chosen.sides_matter,
        ),
        embeddings=lambda sha: vectors.known(rt, sha, hashes),
        thumbnails=known_thumbnails,
    )
    trained = _tune(rt, claimed, given) if _is_tuning(claimed) else _fit(rt, claimed, given)
    weights.remember(rt, trained.card, trained.missing)
    if trained.card.weights != "scratch":
        # A network from scratch is never trained on again: its vectors would serve nobody.
        sha = trained.card.backbone_sha
        vectors.keep(rt, sha, trained.embeddings)
        vectors.keep(rt, kept_as(sha, MIRROR), trained.mirrored)
        fresh = [sha for sha in trained.thumbnails if sha not in known_thumbnails]
        vectors.keep_rows(
            rt, (vectors.thumbnail_row(sha, trained.thumbnails[sha]) for sha in fresh)
        )
    births.register(rt, claimed, trained, _notice(chosen, trained))


@dataclass(frozen=True)
class Given:
    """What either kind of training takes."""

    samples: Sequence[Sample]
    labels: Sequence[str]
    options: Options
    embeddings: Cached
    thumbnails: Mapping[str, Thumbnail]


def _is_tuning(claimed: Claimed) -> bool:
    return claimed.row.kind == training.FINETUNE


def _fit(rt: Runtime, claimed: Claimed, given: Given) -> Trained:
    return train_model(
        given.samples,
        given.labels,
        options=given.options,
        progress=Reporter(rt, claimed),
        cached_embeddings=given.embeddings,
        cached_thumbnails=given.thumbnails,
        backbone_cache=KeptBackbones(rt),
        previous=_previous(rt, claimed),
    )


def _tune(rt: Runtime, claimed: Claimed, given: Given) -> Trained:
    """Fine-tune; what is quick is done in between, so that nobody waits minutes for a new head."""
    # Loads torch's training side, which a service that never tunes does not need.
    from models import tuning

    def meanwhile() -> None:
        while quick(rt):
            pass

    folder = rt.settings.data_dir / "run"
    folder.mkdir(parents=True, exist_ok=True)
    try:
        return tuning.tune(
            given.samples,
            given.labels,
            options=given.options,
            seconds=rt.settings.finetune_seconds,
            progress=Reporter(rt, claimed, meanwhile),
            cached_embeddings=given.embeddings,
            cached_thumbnails=given.thumbnails,
            backbone_cache=KeptBackbones(rt),
            checkpoint=folder / f"finetune-{claimed.row.id}.pt",
            should_stop=rt.stopping.is_set,
        )
    except tuning.Stopped as stopped:
        raise Stopping from stopped


def _previous(rt: Runtime, claimed: Claimed) -> Previous | None:
    """Return the head that answers now, to begin from."""
    with rt.database.read() as session:
        live = versions.live(session, training.classifier_of(session, claimed))
        if live is not None:
            session.expunge(live)
    if live is None or live.kind != training.HEAD or live.card.get("strength") is None:
        return None
    try:
        head, tuning = sessions_of(rt).head(live.head_sha256), record_of(rt, live).tuning
    except (NotFound, ModelError) as error:
        logger.warning("version %d is no beginning for the next one: %s", live.number, error)
        return None
    return Previous(
        backbone_sha=live.backbone_sha256,
        head=head,
        strength=float(live.card["strength"]),
        examples=int(live.card["chosen_from"]),
        tuning=tuning,
        mirrored=live.card.get("mirrored"),
    )


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
