"""Slack's wire format: incoming webhooks, messages and their changes, windows, uploads.

Every call goes through `connector.fetch`, as all that leaves the service does; errors become
sentences that say what to do, and whether trying again can help.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from connector import fetch
from connector.answers import retry_after
from connector.errors import Unprocessable
from connector.settings import Settings
from connector.slack_errors import is_known, of_status, refused, slower

DEADLINE = 15.0
# The answer repeats the message, which may be long.
MOST_BYTES = 1_000_000
MAX_ALT = 1000


@dataclass(frozen=True)
class Posted:
    """Where a message is now: the channel's id, and the timestamp that names it there."""

    channel: str
    ts: str


@dataclass(frozen=True)
class Bot:
    """Whose token it is: the workspace in Slack, its address, and what the bot is called there."""

    team: str
    url: str
    name: str


@dataclass(frozen=True)
class File:
    """A picture to upload; `about` describes it to people who cannot see it."""

    name: str
    data: bytes
    about: str


def check_configured(settings: Settings) -> None:
    """Refuse to go on without a token. Raises Unprocessable (code slack_not_configured)."""
    if not settings.slack_token:
        raise Unprocessable(
            "No Slack app is set up; set COLABEL_SLACK_TOKEN to its bot token (xoxb-…), or use "
            "the URL of an incoming webhook as “url”.",
            code="slack_not_configured",
        )


def post_to_webhook(settings: Settings, url: str, message: dict[str, Any]) -> None:
    """Post to an incoming webhook. Raises SlackFailed, FetchFailed or Unprocessable."""
    response = _post(settings, url, _json(message), _JSON)
    said = response.body[:200].decode(errors="replace").strip()
    # Slack says "ok"; others that take the same messages say something else, or nothing.
    if response.ok:
        return
    raise refused(said if is_known(said) else of_status(response.status), "its channel")


def post_message(settings: Settings, channel: str, message: dict[str, Any]) -> Posted:
    """Post as the bot to a channel (its id or name). Raises as `call` does."""
    answer = call(settings, "chat.postMessage", {"channel": channel, **message}, channel=channel)
    return Posted(str(answer.get("channel", channel)), str(answer.get("ts", "")))


def who(settings: Settings) -> Bot:
    """Ask Slack whose token it is. Raises as `call` does."""
    answer = call(settings, "auth.test", {}, form=True)
    return Bot(*(str(answer.get(name, ""))[:200] for name in ("team", "url", "user")))


def update_message(settings: Settings, posted: Posted, message: dict[str, Any]) -> None:
    """Put another message in the place of one of ours. Raises as `call` does."""
    where = {"channel": posted.channel, "ts": posted.ts}
    call(settings, "chat.update", {**where, **message}, channel=posted.channel)


def open_view(settings: Settings, trigger_id: str, view: dict[str, Any], deadline: float) -> None:
    """Open a window for whoever clicked just now; Slack takes it within three seconds of that.

    Raises as `call` does.
    """
    arguments = {"trigger_id": trigger_id, "view": view}
    call(settings, "views.open", arguments, deadline=deadline)


def respond(settings: Settings, url: str, text: str) -> None:
    """Say something that only whoever clicked sees, by the address that came with the click.

    Raises SlackFailed, FetchFailed or Unprocessable.
    """
    message = {"response_type": "ephemeral", "replace_original": False, "text": text}
    post_to_webhook(settings, url, message)


def upload(settings: Settings, posted: Posted, files: Sequence[File]) -> None:
    """Show files below a message, in its thread. Raises as `call` does."""
    uploaded = [_send_file(settings, file, posted.channel) for file in files]
    shared = {"files": uploaded, "channel_id": posted.channel, "thread_ts": posted.ts}
    call(settings, "files.completeUploadExternal", shared, channel=posted.channel)


def upload_unshared(settings: Settings, file: File) -> str:
    """Upload a file for blocks of our messages to show; return its id. Raises as `call` does."""
    uploaded = _send_file(settings, file, "this channel")
    call(settings, "files.completeUploadExternal", {"files": [uploaded]})
    return uploaded["id"]


def _send_file(settings: Settings, file: File, channel: str) -> dict[str, str]:
    wanted = {
        "filename": file.name,
        "length": str(len(file.data)),
        "alt_txt": file.about[:MAX_ALT],
    }
    place = call(settings, "files.getUploadURLExternal", wanted, form=True)
    # Without the token: whoever holds this address may upload.
    response = _post(settings, str(place.get("upload_url", "")), file.data, _BYTES)
    if not response.ok:
        raise refused(f"http_{response.status}", channel)
    return {"id": str(place.get("file_id", "")), "title": file.name}


def call(
    settings: Settings,
    method: str,
    arguments: dict[str, Any],
    *,
    form: bool = False,
    channel: str = "this channel",
    token: str | None = None,
    deadline: float = DEADLINE,
) -> dict[str, Any]:
    """Call a method of the Web API and return its answer; as the bot, unless `token` is another.

    Raises SlackFailed for whatever is not "ok": true (permanent or not, with retry_after),
    FetchFailed when Slack cannot be reached, Unprocessable (slack_not_configured).
    """
    if token is None:
        check_configured(settings)
    body = urlencode(arguments).encode() if form else _json(arguments)
    kind = _FORM_TYPE if form else _JSON
    headers = {**kind, "Authorization": f"Bearer {token or settings.slack_token}"}
    response = _post(settings, f"{settings.slack_api}/{method}", body, headers, deadline)
    if not response.ok:
        raise refused(f"http_{response.status}", channel)
    try:
        answer = json.loads(response.body)
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise refused("no_answer_of_slack", channel)
    if answer.get("ok") is not True:
        raise refused(str(answer.get("error", "unknown_error")), channel, answer)
    return answer


_JSON = {"Content-Type": "application/json; charset=utf-8"}
_FORM_TYPE = {"Content-Type": "application/x-www-form-urlencoded"}
_BYTES = {"Content-Type": "application/octet-stream"}


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _post(
    settings: Settings, url: str, body: bytes, headers: dict[str, str], deadline: float = DEADLINE
) -> fetch.Response:
    response = fetch.post(
        url, body, headers, settings=settings, deadline=deadline, max_response_bytes=MOST_BYTES
    )
    if response.status == 429:
        raise slower("ratelimited", retry_after(response.headers))
    return response
