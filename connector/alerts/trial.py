"""Trying the alerts of a rule: a message that says it is a test, sent now, by each channel."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

from connector.actions.templates import SAMPLE
from connector.alerts import channels, compose
from connector.alerts.message import Message
from connector.alerts.params import AlertParams
from connector.alerts.thumbnails import sample
from connector.errors import ColabelError, Unprocessable
from connector.ids import new_id
from connector.settings import Settings

SAYS = "This is a test from colabel: "
ONLY_EVENT = (
    "This alert only raises the event alert.raised; test whoever subscribed to it with "
    "POST /api/v1/webhooks/{id}/test."
)


@dataclass(frozen=True)
class Trial:
    """How one alert's test went. `position`: which of the rule's actions; `answer`: what came."""

    position: int
    channel: str
    answer: dict[str, Any]
    error: ColabelError | None
    duration_ms: int

    def shown(self) -> dict[str, Any]:
        """Return what the API shows of it."""
        error = self.error
        return {
            "position": self.position,
            "channel": self.channel,
            "ok": error is None,
            "answer": self.answer,
            "error": {"code": error.code, "detail": error.detail} if error else None,
            "duration_ms": self.duration_ms,
        }


def try_out(
    settings: Settings, classifier: str, label: str | None, actions: Sequence[Mapping[str, Any]]
) -> list[Trial]:
    """Send a test by each alert among a rule's actions, side by side, whatever their windows.

    Raises Unprocessable (no_alert) where there is none.
    """
    alerts = [
        (position, AlertParams.model_validate(one["params"]))
        for position, one in enumerate(actions)
        if one["kind"] == "alert"
    ]
    if not alerts:
        raise Unprocessable("This rule has no alert to test; add one.", code="no_alert")
    prediction = _prediction(settings, classifier, label)
    with ThreadPoolExecutor(len(alerts)) as pool:
        one = partial(_try_one, settings, prediction)
        return list(pool.map(lambda alert: one(*alert), alerts))


def _try_one(
    settings: Settings, prediction: Mapping[str, Any], position: int, params: AlertParams
) -> Trial:
    began = time.monotonic()
    answer: dict[str, Any] = {}
    error = None
    try:
        if params.channel == "webhook" and params.url is None:
            answer = {"note": ONLY_EVENT}
        else:
            answer = channels.send(params, _message(params, prediction), settings)
    except ColabelError as failure:
        error = failure
    took = round((time.monotonic() - began) * 1000)
    return Trial(position, params.channel, answer, error, took)


def _message(params: AlertParams, prediction: Mapping[str, Any]) -> Message:
    worded = params.model_copy(
        update={"message": f"{SAYS}{params.message}", "subject": f"{SAYS}{params.subject}"}
    )
    payload = {"action_id": new_id("test"), "channel": params.channel, "test": True}
    picture = (sample(), None) if params.shows_pictures else (None, None)
    message = compose.single(worded, prediction, payload, picture)
    plain = json.loads(json.dumps(dict(prediction), default=str))
    told = {**payload, "message": message.headline, "prediction": plain}
    return replace(message, payload=told)


def _prediction(settings: Settings, classifier: str, label: str | None) -> dict[str, Any]:
    return {
        **SAMPLE,
        "classifier_name": classifier,
        "label": label or SAMPLE["label"],
        "name": "test.jpg",
        "url": settings.public_url,
        "image_url": settings.public_url,
        "created_at": datetime.now(UTC),
    }
