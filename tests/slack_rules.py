"""Block Kit as Slack documents it: the fields that a block may and must have, and their limits.

Held against slack_sdk's own classes as well, which check most of the lengths themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from slack_sdk.errors import SlackObjectFormationError
from slack_sdk.models.blocks import Block, BlockElement
from slack_sdk.models.views import View

Json = dict[str, Any]
Uploads = Callable[[str], bool]


def wrong_message(message: Json, is_picture: Uploads = lambda _: False) -> str | None:
    """Return the error that Slack gives for a message of this form, or None."""
    blocks = message.get("blocks", [])
    if not blocks and not message.get("text"):
        return "no_text"
    if len(message.get("text", "")) > 40_000:
        return "msg_too_long"
    return None if _blocks(blocks, 50, is_picture, MESSAGE) else "invalid_blocks"


def wrong_view(view: Json, is_picture: Uploads = lambda _: False) -> str | None:
    """Return the error that Slack gives for a window of this form, or None."""
    known = {"type", "title", "submit", "close", "blocks", "callback_id", "private_metadata"}
    right = (
        set(view) <= known
        and view.get("type") == "modal"
        and _plain(view["title"], 24)
        and _plain(view["submit"], 24)
        and _plain(view["close"], 24)
        and len(view["callback_id"]) <= 255
        and len(view["private_metadata"]) <= 3000
        and _blocks(view["blocks"], 100, is_picture, MODAL)
    )
    if right:
        try:
            View(**view).validate_json()
        except SlackObjectFormationError:
            right = False
    return None if right else "invalid_arguments"


MESSAGE = {"header", "section", "context", "actions", "image"}
MODAL = MESSAGE | {"input"}


def _blocks(blocks: list[Json], most: int, is_picture: Uploads, kinds: set[str]) -> bool:
    ids = [one["block_id"] for one in blocks if "block_id" in one]
    if len(blocks) > most or len(ids) != len(set(ids)) or any(len(one) > 255 for one in ids):
        return False
    return all(one["type"] in kinds and _block(one, is_picture) for one in blocks)


def _block(block: Json, is_picture: Uploads) -> bool:
    kinds: dict[str, Callable[[], bool]] = {
        "header": lambda: _plain(block["text"], 150),
        "section": lambda: _text(block["text"]),
        "context": lambda: 1 <= len(block["elements"]) <= 10 and all(map(_text, block["elements"])),
        "actions": lambda: _actions(block["elements"]),
        "image": lambda: _image(block, is_picture),
        "input": lambda: _plain(block["label"], 2000) and _select(block["element"]),
    }
    if not kinds[block["type"]]():
        return False
    try:
        parsed = Block.parse(block)
        assert parsed is not None
        parsed.validate_json()
        for element in block.get("elements", []):
            if block["type"] == "actions":
                _parsed(element)
    except SlackObjectFormationError:
        return False
    return True


def _parsed(element: Json) -> None:
    found = BlockElement.parse(element)
    assert found is not None, element
    found.validate_json()


def _text(text: Json) -> bool:
    fields = {"plain_text": {"type", "text", "emoji"}, "mrkdwn": {"type", "text", "verbatim"}}
    return set(text) <= fields[text["type"]] and 1 <= len(text["text"]) <= 3000


def _plain(text: Json, most: int) -> bool:
    return text["type"] == "plain_text" and _text(text) and len(text["text"]) <= most


def _actions(elements: list[Json]) -> bool:
    ids = [one["action_id"] for one in elements]
    return 1 <= len(elements) <= 25 and len(ids) == len(set(ids)) and all(map(_button, elements))


def _button(element: Json) -> bool:
    return (
        set(element) <= {"type", "text", "action_id", "value", "url", "style"}
        and element["type"] == "button"
        and _plain(element["text"], 75)
        and 1 <= len(element["action_id"]) <= 255
        and len(element.get("value", "")) <= 2000
        and len(element.get("url", "")) <= 3000
    )


def _image(block: Json, is_picture: Uploads) -> bool:
    if not set(block) <= {"type", "alt_text", "image_url", "slack_file", "title", "block_id"}:
        return False
    if ("image_url" in block) == ("slack_file" in block) or not 1 <= len(block["alt_text"]) <= 2000:
        return False
    if "image_url" in block:
        return len(block["image_url"]) <= 3000 and block["image_url"].startswith("http")
    return set(block["slack_file"]) == {"id"} and is_picture(block["slack_file"]["id"])


def _select(element: Json) -> bool:
    known = {"type", "action_id", "placeholder", "options", "option_groups"}
    if element["type"] != "static_select" or not set(element) <= known:
        return False
    if not _plain(element["placeholder"], 150) or ("options" in element) == (
        "option_groups" in element
    ):
        return False
    groups = element.get("option_groups", [])
    if len(groups) > 100 or not all(_plain(one["label"], 75) for one in groups):
        return False
    lists = [one["options"] for one in groups] or [element["options"]]
    return all(1 <= len(one) <= 100 and all(map(_option, one)) for one in lists)


def _option(option: Json) -> bool:
    return (
        set(option) == {"text", "value"}
        and _plain(option["text"], 75)
        and (1 <= len(option["value"]) <= 150)
    )


def buttons(message: Json) -> Iterator[Json]:
    """Yield the buttons of a message."""
    for block in message["blocks"]:
        if block["type"] == "actions":
            yield from block["elements"]
