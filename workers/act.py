"""The act job: carry out planned actions, or take them back, one at a time and once each."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from sqlalchemy import select

from connector import actions as action_kinds
from connector.actions import Context, Location, Outcome
from connector.db.tables import Action, Classifier, Image, Prediction
from connector.domain import classifiers, effects, folders, leases, lineage, outbound, predictions
from connector.domain.predictions import SourceRef, Submission
from connector.errors import ActionFailed, ColabelError, LostLease
from connector.logs import log_context
from workers import runtime as rt_module
from workers.keeper import keep, watchdog
from workers.runtime import Runtime, runtime

logger = logging.getLogger(__name__)

HUNG_SECONDS = 600.0


def drain() -> int:
    """Carry out everything whose turn has come (the RQ job); return how many actions."""
    return rt_module.drain(runtime(), "act", step)


def step(rt: Runtime) -> int:
    """Carry out one action; return 0 when there is none to do."""
    with rt.database.write() as session:
        claimed = effects.claim_next(session, seconds=rt.settings.lease_seconds)
    if claimed is None:
        return 0
    claim, action, prediction = claimed
    with log_context(prediction_id=prediction.id, action_id=action.id):
        _act(rt, claim, action, prediction)
    return 1


def _act(rt: Runtime, claim: leases.Claim, action: Action, prediction: Prediction) -> None:
    emitted: list[tuple[str, dict[str, Any]]] = []
    try:
        with keep(rt, Action, claim), watchdog(HUNG_SECONDS):
            outcome = _carry_out(rt, claim, action, prediction, emitted)
        with rt.database.write() as session:
            effects.finish(session, claim, outcome.detail, outcome.location)
            for event_type, payload in emitted:
                outbound.emit(session, action.workspace_id, event_type, payload)
    except LostLease as error:
        logger.warning(error.detail)
    except ColabelError as error:
        _fail(rt, claim, action, error)
    except OSError as error:
        sentence = f"The file could not be worked on: {error.strerror or error}."
        _fail(rt, claim, action, ActionFailed(sentence, permanent=False))


def _carry_out(
    rt: Runtime,
    claim: leases.Claim,
    action: Action,
    prediction: Prediction,
    emitted: list[tuple[str, dict[str, Any]]],
) -> Outcome:
    if action.strikes >= effects.STRIKES:
        raise ActionFailed(
            f"Carrying this out ended the worker {effects.STRIKES} times, so it was given up.",
            code="quarantined",
        )
    kind = action_kinds.get_action(action.kind)
    params = kind.Params.model_validate(action.params)

    def record(entries: dict[str, Any]) -> None:
        with rt.database.write() as session:
            effects.journal(session, claim, entries)

    context = Context(
        action_id=action.id,
        prediction=_shown(rt, prediction),
        blobs=rt.blobs,
        settings=rt.settings,
        sorted_dir=folders.sorted_dir(rt.database, rt.settings, prediction.workspace_id),
        record=record,
        emit=lambda event_type, payload: emitted.append((event_type, payload)),
        journal=action.journal,
        hand_on=lambda classifier_id, location: _hand_on(rt, action, classifier_id, location),
    )
    if action.undo_requested_at is not None:
        before = action.location_before or prediction.location
        return kind.undo(params, action.detail, before, context)
    return kind.execute(params, prediction.location, context)


def _hand_on(rt: Runtime, action: Action, classifier_id: str, location: Location) -> str:
    """Submit the picture as it is now to another classifier, once per action."""
    with rt.database.read() as session:
        prediction = session.get_one(Prediction, action.prediction_id)
        lineage.check(session, prediction)
        other = classifiers.get_classifier(session, action.workspace_id, classifier_id)
        ref = SourceRef.of(classifiers.source(session, other, "api"), other)
    held = location["kind"] == "held"
    data = rt.blobs.read(location["sha256"]) if held else Path(location["path"]).read_bytes()
    submission = Submission(
        data,
        name=prediction.name,
        idempotency_key=lineage.key(action),
        external_id=prediction.external_id,
        metadata=prediction.meta,
        location=None if held else dict(location),
    )
    return predictions.submit(
        rt.database, rt.blobs, rt.settings, source=ref, submission=submission
    ).id


def _shown(rt: Runtime, prediction: Prediction) -> dict[str, Any]:
    """Return what an action may know of the picture."""
    statement = (
        select(Classifier.name, Image.media_type, Image.sha256)
        .join(Prediction, Prediction.classifier_id == Classifier.id)
        .join(Image, Image.id == Prediction.image_id)
        .where(Prediction.id == prediction.id)
    )
    with rt.database.read() as session:
        name, media_type, sha256 = session.execute(statement).one()
    url = f"{rt.settings.public_url}/api/v1/predictions/{prediction.id}"
    return {
        "id": prediction.id,
        "label": prediction.label,
        "confidence": prediction.confidence,
        "decided_by": prediction.decided_by,
        "classifier_id": prediction.classifier_id,
        "classifier_name": name,
        "name": prediction.name,
        "external_id": prediction.external_id,
        "metadata": prediction.meta,
        "media_type": media_type,
        "sha256": sha256,
        "url": url,
        "image_url": f"{url}/image",
        "created_at": prediction.created_at,
    }


def _fail(rt: Runtime, claim: leases.Claim, action: Action, error: ColabelError) -> None:
    logger.warning("%s %s failed: %s", action.kind, action.id, error.detail)
    try:
        with rt.database.write() as session:
            effects.fail(session, claim, error, rt.settings.public_url)
    except LostLease as lost:
        logger.warning(lost.detail)
