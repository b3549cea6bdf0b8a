"""From a trained model to a version: judged, registered, put live; then the files that follow."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy.orm import Session

from connector.db.tables import ModelVersion
from connector.domain import learning as learning_policy
from connector.domain import training, versions
from connector.domain.training import Claimed
from connector.domain.versions import NewVersion
from connector.errors import Conflict
from models import forecast, learning, noise, report
from models.errors import UnreadablePicture
from models.heads import Head
from models.signature import Card
from models.track_record import TrackRecord
from models.train import Progress, Trained, package
from workers import judge, vectors
from workers.classify import sessions_of
from workers.decoding import load_many
from workers.judging import RECORD, Candidate, record_of, verdict
from workers.reporting import Reporter
from workers.runtime import Runtime

logger = logging.getLogger(__name__)

_SAMPLE = 8


def register(rt: Runtime, claimed: Claimed, trained: Trained, notice: str | None) -> None:
    """Judge against what is live now, and register: live from this moment on if it is better.

    Raises LostLease.
    """
    record = rt.blobs.put(trained.record.to_bytes())
    version = NewVersion(
        kind=trained.kind,
        labels=trained.head.labels,
        thresholds=dict(trained.card.thresholds),
        card={**trained.card.model_dump(mode="json"), RECORD: record},
        metrics=trained.metrics,
        backbone_sha256=rt.blobs.put(trained.backbone_onnx),
        head_sha256=rt.blobs.put(trained.head.to_bytes()),
        unlike_sha256=None if trained.unlike is None else rt.blobs.put(trained.unlike),
    )
    candidate = Candidate(trained)
    while True:
        with rt.database.read() as session:
            classifier = training.classifier_of(session, claimed)
            live = versions.live(session, classifier)
            number = versions.next_number(session, classifier)
            session.expunge_all()
        decision = verdict(rt, sessions_of(rt), candidate, live, classifier.aliases)
        operating = judge.operating(rt, classifier, number, trained.record)
        try:
            with rt.database.write() as session:
                made = training.register(
                    session,
                    rt.settings,
                    claimed,
                    version,
                    decision,
                    operating=operating,
                    notice=notice,
                )
        except Conflict as error:
            if error.code != "live_version_changed":
                raise
            continue
        logger.info("version %d: %s", made, decision.reason)
        return


def complete(rt: Runtime, claimed: Claimed) -> None:
    """Write the portable file and the report of the version that a run made, and close the run.

    Whoever takes up a run whose worker died after the version went live goes on here. Raises
    LostLease.
    """
    with rt.database.read() as session:
        version = training.version_made(session, claimed)
        session.expunge(version)
    tell = Reporter(rt, claimed)
    tell(Progress("checking", 0, 1, "Writing the portable file and checking its answers"))
    card = Card.model_validate(version.card)
    record = record_of(rt, version)
    hashes = [*record.held_out.hashes, *record.trained_on][: 4 * _SAMPLE]
    whole, difference = package(
        rt.blobs.read(version.backbone_sha256),
        Head.from_bytes(rt.blobs.read(version.head_sha256)),
        card,
        _pictures(rt, hashes, card.input_size),
        threads=rt.settings.threads or None,
    )
    tell(Progress("reporting", 0, 1, "Writing the report"))
    told = report_of(rt, version, record, card)
    with rt.database.write() as session:
        training.complete(
            session,
            claimed,
            portable_sha256=rt.blobs.put(whole),
            report_sha256=rt.blobs.put(json.dumps(told, allow_nan=False).encode()),
            metrics={"portable_max_difference": difference},
        )
        if version.kind == training.HEAD and card.weights == "pretrained":
            _tune_later(rt, session, claimed)


def _tune_later(rt: Runtime, session: Session, claimed: Claimed) -> None:
    """Queue a fine-tuning, which may do better than the head, where that is worth its time."""
    if rt.settings.finetune_seconds:
        learning_policy.request_tuning(session, training.classifier_of(session, claimed))


def report_of(
    rt: Runtime, version: ModelVersion, record: TrackRecord, card: Card
) -> dict[str, Any]:
    """Return the report of a version as JSON values."""
    tuning = record.tuning if record.tuning.hashes else None
    found = report.build(
        record.held_out,
        out_of_fold=tuning,
        temperature=card.temperature,
        groups=record.group_names,
        suspects=_suspects(record),
    )
    return {
        **found,
        "forecast": _forecast(rt, version, record, card),
        "promises": judge.choices(version.number, record),
    }


def _suspects(record: TrackRecord) -> dict[str, str]:
    """Training pictures whose label is likely wrong, and the label that is likelier."""
    tuning = record.tuning
    found = noise.find_noise(tuning.probabilities, tuning.targets, record.labels)
    return {tuning.hashes[one.index]: record.labels[one.suggested] for one in found.suspects}


def _forecast(
    rt: Runtime, version: ModelVersion, record: TrackRecord, card: Card
) -> dict[str, Any] | None:
    """What more pictures would do; None for a model that is no head on a frozen backbone."""
    if version.kind != training.HEAD or card.strength is None:
        return None
    known = vectors.known(rt, version.backbone_sha256, record.tuning.hashes)
    rows = [i for i, sha in enumerate(record.tuning.hashes) if sha in known]
    answers = record.tuning.take(rows)
    if not rows:
        return None
    numbers = {name: i for i, name in enumerate(sorted(set(record.group_names.values())))}
    groups = {sha: numbers[name] for sha, name in record.group_names.items()}
    return forecast.build(
        np.stack([known[sha] for sha in answers.hashes]),
        answers.targets,
        record.labels,
        strength=card.strength,
        groups=learning.group_numbers(answers.hashes, groups),
    )


def _pictures(rt: Runtime, hashes: Sequence[str], size: int) -> npt.NDArray[np.uint8] | None:
    """A few of the classifier's own pictures, uint8 [n, size, size, 3]; None when none is left."""
    kept = (rt.blobs.read(sha) for sha in hashes if rt.blobs.exists(sha))
    datas = list(islice(kept, _SAMPLE))
    loaded = load_many(datas, size, rt.settings)
    good = [one for one in loaded if not isinstance(one, UnreadablePicture)]
    return np.stack(good) if good else None
