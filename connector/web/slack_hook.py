"""POST /slack/interactions: what people click in Slack comes in here, signed."""

from __future__ import annotations

from urllib.parse import parse_qs

from flask import request
from flask.typing import ResponseReturnValue

from connector.domain import slack_answers
from connector.errors import BadRequest
from connector.inbound.payload import parse_json
from connector.slack_signature import verify
from connector.web.operations import Answer, Api
from connector.web.reading import raw_body
from connector.web.services import services

slack_hook = Api("slack_hook", __name__, tag="Hooks")
PATH = "/slack/interactions"


@slack_hook.operation(
    "POST",
    PATH,
    "Take what people do in Slack",
    scope=None,
    body="form",
    errors=(400, 401, 404, 503),
    answers={200: Answer("Taken, or taken before")},
)
def take() -> ResponseReturnValue:
    """The request URL of a Slack app's interactivity. The signature is checked over the body as it
    came, at most five minutes old; the same click again does nothing.
    """
    here, body = services(), raw_body()
    headers = request.headers
    verify(
        here.settings,
        body,
        headers.get("X-Slack-Request-Timestamp", ""),
        headers.get("X-Slack-Signature", ""),
    )
    try:
        payload = parse_qs(body.decode(), strict_parsing=True, max_num_fields=20)["payload"][0]
    except (ValueError, KeyError) as error:
        raise BadRequest(
            "This is no interaction as Slack sends it.", code="not_from_slack"
        ) from error
    told = parse_json(payload.encode())
    if not isinstance(told, dict):
        raise BadRequest("This is no interaction as Slack sends it.", code="not_from_slack")
    answer = slack_answers.take(here.database, here.settings, told)
    return ("", 200) if answer is None else answer
