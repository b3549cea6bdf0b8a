"""Sending digests: part of the act job, beside the actions, in the same threads."""

from __future__ import annotations

import logging
from typing import Any

from connector.actions.base import held
from connector.alerts import channels, compose
from connector.alerts.message import Digest as Told
from connector.alerts.message import Message
from connector.alerts.params import AlertParams
from connector.db.tables import Digest, Prediction
from connector.domain import digest_sending, effects
from connector.domain.digest_sending import Bundle
from connector.errors import ActionFailed, ColabelError, LostLease
from connector.logs import log_context
from workers.keeper import keep, watchdog
from workers.runtime import Runtime

logger = logging.getLogger(__name__)

HUNG_SECONDS = 600.0
GROUP = "act"


def send(rt: Runtime, bundle: Bundle) -> None:
    """Send one digest and record how it went; what raises here leaves it to the next worker."""
    with log_context(digest_id=bundle.digest.id):
        try:
            with keep(rt, Digest, bundle.claim), watchdog(HUNG_SECONDS):
                detail = _send(rt, bundle)
            rt.database.share(
                lambda session: digest_sending.finish(session, bundle.claim, detail), group=GROUP
            )
        except LostLease as error:
            logger.warning(error.detail)
        except ColabelError as error:
            _fail(rt, bundle, error)


def _send(rt: Runtime, bundle: Bundle) -> dict[str, Any]:
    if bundle.digest.strikes >= effects.STRIKES:
        raise ActionFailed(
            f"Sending this digest ended the worker {effects.STRIKES} times, so it was given up.",
            code="quarantined",
        )
    params = AlertParams.model_validate(bundle.digest.params)
    return channels.send(params, message(rt, bundle, params), rt.settings)


def message(rt: Runtime, bundle: Bundle, params: AlertParams) -> Message:
    """Return what the digest says: how many, by label, from when to when, and the first few."""
    about, digest = bundle.summary, bundle.digest
    url = f"{rt.settings.public_url}/api/v1/predictions"
    told = Told(
        digest.id,
        about.count,
        about.labels,
        about.start,
        about.end,
        f"{url}?digest_id={digest.id}",
    )
    reader = compose.Reader(rt.blobs, rt.settings)
    predictions, pictures = [], []
    for member in about.first:
        facts = _facts(member.prediction, url)
        # Where it lies now, and if it was moved away, as it came.
        places = (member.prediction.location, held(member.sha256))
        picture = reader.small(*places) if params.shows_pictures else (None, None)
        predictions.append(facts)
        pictures.append(compose.shown(facts, member.message, picture))
    name = bundle.classifier.name
    return compose.gathered(name, bundle.message_id, told, pictures, predictions)


def _facts(row: Prediction, url: str) -> dict[str, Any]:
    return {
        "id": row.id,
        "label": row.label,
        "confidence": row.confidence,
        "decided_by": row.decided_by,
        "classifier_id": row.classifier_id,
        "name": row.name,
        "external_id": row.external_id,
        "metadata": row.meta,
        "url": f"{url}/{row.id}",
        "image_url": f"{url}/{row.id}/image",
        "created_at": row.created_at.isoformat(timespec="milliseconds"),
    }


def _fail(rt: Runtime, bundle: Bundle, error: ColabelError) -> None:
    logger.warning("the digest %s failed: %s", bundle.digest.id, error.detail)
    try:
        rt.database.share(
            lambda session: digest_sending.fail(
                session, bundle.claim, error, rt.settings.public_url
            ),
            group=GROUP,
        )
    except LostLease as lost:
        logger.warning(lost.detail)
