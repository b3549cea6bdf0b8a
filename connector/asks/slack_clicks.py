"""What Slack says of an interaction, read into what is needed of it and nothing more."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from connector.alerts.slack_blocks import clip
from connector.asks.slack_messages import CHOICE, LABEL, TEST, WINDOW
from connector.db.types import Json
from connector.errors import BadRequest

MOST_NAME = 80


@dataclass(frozen=True)
class Click:
    """Who clicked, where, on what; `key` is the same when the same request comes again."""

    key: str
    by: str
    user_id: str
    action: str
    value: Json
    response_url: str | None
    trigger_id: str
    channel_id: str | None
    ts: str | None


def read(payload: Mapping[str, Any]) -> Click:
    """Return what somebody clicked. Raises BadRequest (not_from_slack)."""
    actions = payload.get("actions")
    action = actions[0] if isinstance(actions, list) and actions else None
    user = payload.get("user")
    if not isinstance(action, Mapping) or not isinstance(user, Mapping):
        raise BadRequest("This is no interaction as Slack sends it.", code="not_from_slack")
    container = _part(payload, "container")
    url = payload.get("response_url")
    trigger = str(payload.get("trigger_id") or "")
    name = str(user.get("username") or user.get("name") or user.get("id") or "Somebody")
    action_id = str(action.get("action_id", ""))
    value = action.get("value")
    return Click(
        key=_key(trigger, payload),
        by=f"{clip(name, MOST_NAME)} (Slack)",
        user_id=str(user.get("id", ""))[:MOST_NAME],
        action=action_id,
        value={} if value in (None, TEST) else _as_object(value),
        response_url=url if isinstance(url, str) and url else None,
        trigger_id=trigger,
        channel_id=_text(container.get("channel_id")),
        ts=_text(container.get("message_ts")),
    )


def chosen(payload: Mapping[str, Any]) -> tuple[Click, str, str] | None:
    """Return who sent our window, about which review, with which label; None: another window.

    Raises BadRequest (not_from_slack).
    """
    view = _part(payload, "view")
    if view.get("callback_id") != WINDOW:
        return None
    values = _part(_part(view, "state"), "values")
    option = _part(_part(_part(values, CHOICE), CHOICE), "selected_option")
    click = read({**payload, "actions": [{"action_id": LABEL, "value": "{}"}]})
    review_id = str(_as_object(view.get("private_metadata")).get("review", ""))
    return click, review_id, str(option.get("value", ""))


def _key(trigger: str, payload: Mapping[str, Any]) -> str:
    """Return what tells a click from every other: Slack names each by its trigger."""
    told = trigger or json.dumps(payload, sort_keys=True, default=str)
    return hashlib.sha256(told.encode(errors="replace")).hexdigest()


def _as_object(value: Any) -> Json:
    try:
        found = json.loads(value) if isinstance(value, str) else None
    except ValueError:
        found = None
    return found if isinstance(found, dict) else {}


def _part(value: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = value.get(name)
    return found if isinstance(found, Mapping) else {}


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
