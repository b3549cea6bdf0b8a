"""POST /hooks/{token}/s3: a store reports new objects, by itself or through Amazon's services."""

from __future__ import annotations

import base64
import binascii
from typing import Any

from flask import request
from flask.typing import ResponseReturnValue

from connector.domain import accepting
from connector.domain.arrivals import Result
from connector.domain.classifiers import S3
from connector.domain.predictions import SourceRef
from connector.errors import BadRequest, Unauthorized
from connector.inbound import s3_events, s3_settings, sns
from connector.inbound.payload import parse_json
from connector.inbound.s3_events import NewObject, PassedOver
from connector.inbound.s3_settings import S3Settings
from connector.web.hooks import Call, noting
from connector.web.operations import Answer, Api
from connector.web.reading import raw_body
from connector.web.schemas.s3 import Reported
from connector.web.services import services

s3_hook = Api("s3_hook", __name__, tag="Hooks")
_ENVELOPES = (sns.NOTIFICATION, sns.CONFIRMATION, sns.UNSUBSCRIBED)


@s3_hook.operation(
    "POST",
    "/hooks/<token>/s3",
    "Report new objects in a bucket",
    scope=None,
    body="notification",
    errors=(400, 401, 403, 404, 429, 503, 507),
    answers={
        202: Answer("The new objects are kept and will be answered", Reported),
        200: Answer("Nothing was new", Reported),
    },
)
def take(token: str) -> ResponseReturnValue:
    """For notifications of Amazon S3 through SNS (the signature is checked, and a subscription
    confirmed by itself after that) or an API destination of EventBridge, and for those of MinIO and
    Ceph. The objects are fetched before the answer: 503 and 429 ask the sender to repeat it.
    """
    source = services().hooks.find(token, S3)
    with noting(source) as call:
        return _take(source, call)


def _take(source: SourceRef, call: Call) -> ResponseReturnValue:
    if source.paused:
        raise accepting.paused()
    place = s3_settings.of(source.settings)
    value = parse_json(raw_body())
    told = _of_sns(value, place) if _is_sns(value) else _of_store(value, place)
    call.pictures = sum(isinstance(one, NewObject) for one in told)
    result = services().arrivals.take_all(source, told)
    return _shown(result), 202 if result.accepted else 200


def _shown(result: Result) -> dict[str, Any]:
    return {
        "accepted": result.accepted,
        "known": result.known,
        "ignored": len(result.ignored),
    }


def _is_sns(value: Any) -> bool:
    if request.headers.get("x-amz-sns-rawdelivery", "").lower() == "true":
        raise BadRequest(
            "SNS signs no raw messages; switch raw message delivery off for this subscription.",
            code="not_sns",
        )
    if "x-amz-sns-message-type" in request.headers:
        return True
    return isinstance(value, dict) and value.get("Type") in _ENVELOPES


def _of_sns(value: Any, place: S3Settings) -> list[NewObject | PassedOver]:
    """Return what a message tells, once it is known to be one of the source's topics."""
    here = services()
    message = sns.verify(value, place.topics, here.sns.certificate)
    if message.subscribe_url is not None:
        here.sns.confirm(message.subscribe_url)
        return [PassedOver("subscribed", f"The subscription to {message.topic} is confirmed.")]
    if message.kind == sns.UNSUBSCRIBED:
        return [PassedOver("unsubscribed", f"The subscription to {message.topic} has ended.")]
    return s3_events.read_all(parse_json(message.text.encode()))


def _of_store(value: Any, place: S3Settings) -> list[NewObject | PassedOver]:
    """Return what a store itself tells, once its key is right."""
    if place.key_sha256 is None and place.topics:
        # Whoever asked for signatures must not be fed without them.
        raise Unauthorized(
            "This source takes signed messages of Amazon SNS; give it a key as well if a store is "
            "to report to it directly.",
            code="wrong_source_key",
        )
    if place.key_sha256 is not None and not any(map(place.is_key, _keys())):
        raise Unauthorized(
            "The source's key is missing or wrong; send it as Authorization or X-Api-Key.",
            code="wrong_source_key",
        )
    return s3_events.read_all(value)


def _keys() -> list[str]:
    """Return what may be the key: the header as it is, behind its scheme, or the password."""
    told = request.headers.get("Authorization", "")
    scheme, _, rest = told.partition(" ")
    found = [told, request.headers.get("X-Api-Key", "")]
    if scheme.lower() == "bearer":
        found.append(rest.strip())
    elif scheme.lower() == "basic":
        found.append(_password(rest))
    return [one for one in found if one]


def _password(text: str) -> str:
    try:
        decoded = base64.b64decode(text.strip(), validate=True).decode()
    except (binascii.Error, ValueError):
        return ""
    return decoded.partition(":")[2]
