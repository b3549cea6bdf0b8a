"""What Slack's errors mean: a sentence with a way on, and whether trying again can help."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connector.errors import ActionFailed, ColabelError

# How long to wait where Slack does not say.
PAUSE_SECONDS = 30

_BAD_KEY = (
    "Slack refuses the token ({code}); put the app's bot token (xoxb-…) into COLABEL_SLACK_TOKEN "
    "and start again."
)
_ADDRESS = (
    "Slack does not know this webhook any more ({code}); make a new incoming webhook and put its "
    "URL into the rule."
)
_FORBIDDEN = (
    "Slack does not let the app post to {channel} ({code}); ask whoever runs your Slack to allow "
    "it."
)
_ARCHIVED = "Slack's channel {channel} is archived; name another one, or restore it."
_FORM = "Slack does not take the message as it is ({code}); shorten what the rule says."
_MESSAGE_GONE = "Slack does not let the message be changed any more ({code}); it stays as it is."
_UPLOADS = "Slack does not take files here ({code}); ask whoever runs your Slack to allow it."
# What trying again does not help against.
_PERMANENT = {
    **dict.fromkeys(
        (
            "invalid_auth",
            "not_authed",
            "token_revoked",
            "token_expired",
            "account_inactive",
            "not_allowed_token_type",
        ),
        _BAD_KEY,
    ),
    "missing_scope": "The Slack app lacks the scope {needed}; add it to the bot's scopes and "
    "install the app again.",
    "channel_not_found": "Slack finds no channel {channel} for the bot; check the name, and invite "
    "the bot if it is private: /invite @your-app.",
    "not_in_channel": "The bot is no member of {channel}; write /invite @your-app there, or give "
    "the app the scope chat:write.public to post in public channels.",
    **dict.fromkeys(("is_archived", "channel_is_archived"), _ARCHIVED),
    **dict.fromkeys(
        (
            "no_service",
            "no_service_id",
            "no_team",
            "no_active_hooks",
            "invalid_token",
            "team_disabled",
            "user_not_found",
        ),
        _ADDRESS,
    ),
    **dict.fromkeys(
        (
            "action_prohibited",
            "restricted_action",
            "restricted_action_read_only_channel",
            "restricted_action_thread_only_channel",
            "restricted_action_non_threadable_channel",
            "posting_to_general_channel_denied",
            "no_permission",
            "access_denied",
            "ekm_access_denied",
            "team_access_not_granted",
        ),
        _FORBIDDEN,
    ),
    **dict.fromkeys(
        (
            "invalid_payload",
            "invalid_blocks",
            "invalid_blocks_format",
            "msg_too_long",
            "msg_blocks_too_long",
            "no_text",
            "invalid_arguments",
            "invalid_attachments",
            "too_many_attachments",
        ),
        _FORM,
    ),
    **dict.fromkeys(
        ("message_not_found", "cant_update_message", "edit_window_closed"), _MESSAGE_GONE
    ),
    **dict.fromkeys(
        ("file_uploads_disabled", "file_upload_size_restricted", "storage_limit_reached"), _UPLOADS
    ),
}
# What no message can be sent with until somebody has put it right in Slack or in the settings.
_CLOSED = frozenset(
    code
    for code, sentence in _PERMANENT.items()
    if sentence in (_BAD_KEY, _FORBIDDEN, _ARCHIVED)
    or code in ("missing_scope", "channel_not_found", "not_in_channel")
)
_STATUSES = {
    400: "invalid_payload",
    401: "invalid_auth",
    403: "action_prohibited",
    404: "no_service",
    410: "no_service",
}
_PASSING = "Slack could not take the message just now ({code}); it is tried again."
_SLOWER = "Slack wants fewer messages for a while; it is tried again after the time that it asks."


class SlackFailed(ActionFailed):
    """Slack has not taken the message."""

    default_code = "slack_failed"
    title = "The message could not be posted to Slack"


def is_known(code: str) -> bool:
    """Say whether this is a code that we have a sentence for."""
    return code in _PERMANENT


def is_closed(error: ColabelError) -> bool:
    """Say whether Slack takes nothing more there, whatever the message says, as it stands."""
    return isinstance(error, SlackFailed) and error.extra.get("slack_error") in _CLOSED


def slower(code: str, seconds: int | None = None) -> SlackFailed:
    """Return the error for too many messages; Slack asks for a pause of `seconds`."""
    return SlackFailed(
        _SLOWER, permanent=False, retry_after=seconds or PAUSE_SECONDS, slack_error=code
    )


def of_status(status: int) -> str:
    """Return what to call a webhook's answer that names no error that we know."""
    return _STATUSES.get(status, f"http_{status}")


def refused(code: str, channel: str, answer: Mapping[str, Any] | None = None) -> SlackFailed:
    """Return the error for what Slack calls `code`; unknown ones may pass by themselves."""
    # Codes are short words; anything else is no code of Slack's and could say anything.
    code = code if code.isascii() and code.replace("_", "").isalnum() else "unknown_error"
    if code in ("ratelimited", "rate_limited", "message_limit_exceeded"):
        return slower(code)
    sentence = _PERMANENT.get(code)
    needed = str((answer or {}).get("needed", "that it needs"))[:100]
    return SlackFailed(
        (sentence or _PASSING).format(code=code[:60], channel=channel, needed=needed),
        permanent=sentence is not None,
        slack_error=code[:60],
    )
