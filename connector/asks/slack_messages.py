"""A question as Slack's Block Kit: labels and names are data, and nothing in them is looked for.

https://docs.slack.dev/reference/block-kit says how long each text may be.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from connector.alerts.slack_blocks import clip, escape

Block = dict[str, Any]

# Characters of a button or an option, an option's value, an alternative text, a window's title.
BUTTON, VALUE, ALT, TITLE = 75, 150, 300, 24
# Escaping makes up to five characters of one, and a section holds 3,000.
REASON = 400
MOST_BUTTONS, MOST_OPTIONS = 5, 100
LABEL, NONE, OTHER, OPEN, TEST = "label", "none", "other", "open", "test"
WINDOW, CHOICE = "colabel_choice", "choice"


@dataclass(frozen=True)
class Choice:
    """A label, by its id and its name."""

    id: str
    name: str


@dataclass(frozen=True)
class Question:
    """What a message says: what is asked, of which picture, with the likeliest labels first.

    `picture`: an image block's source, image_url or slack_file; None where there is none to show.
    """

    review_id: str
    classifier: str
    name: str
    reason: str
    choices: Sequence[Choice]
    url: str
    picture: Block | None = None


@dataclass(frozen=True)
class Outcome:
    """How a question ended: a label or none of them (None), and who said so.

    `by` None: nobody answered in time, and the classifier's policy did.
    """

    label: str | None
    by: str | None


def question(asked: Question) -> Block:
    """Return the message that asks."""
    first = asked.choices[:MOST_BUTTONS]
    buttons = [
        _button(one.name, f"{LABEL}:{n}", _value(asked.review_id, one.id))
        for n, one in enumerate(first)
    ]
    buttons.append(_button("None of these", NONE, _value(asked.review_id, None)))
    if len(asked.choices) > len(first):
        buttons.append(_button("Other…", OTHER, _value(asked.review_id, None)))
    head = f"*{escape(asked.classifier)}*: which is it?"
    return _message(
        f"{escape(asked.classifier)}: which is it? {escape(asked.name)}",
        [
            _section(f"{head}\n{escape(clip(asked.reason, REASON))}"),
            *_picture(asked),
            {"type": "actions", "elements": buttons},
            _context(f"{_link(asked.url, 'Answer in colabel')} · {escape(asked.name)}"),
        ],
    )


def pictured(asked: Question, source: Block | None) -> Question:
    """Return the question with its picture: {"image_url": …} or {"slack_file": {"id": …}}."""
    return replace(asked, picture=source)


def answered(asked: Question, outcome: Outcome) -> Block:
    """Return what stands in the question's place once it is answered."""
    said = "none of these" if outcome.label is None else f"*{escape(outcome.label)}*"
    who = (
        f"{escape(outcome.by)} answered: {said}."
        if outcome.by is not None
        else f"Nobody answered in time; settled by policy: {said}."
    )
    return _message(
        f"{escape(asked.classifier)}: {who}",
        [
            _section(f"*{escape(asked.classifier)}*\n{who}"),
            *_picture(asked),
            _context(f"{_link(asked.url, 'Change it in colabel')} · {escape(asked.name)}"),
        ],
    )


def waiting(classifier: str, count: int, most: int, url: str) -> Block:
    """Return the line that says how many questions wait beside those in the channel."""
    number = f"at least {most:,}" if count >= most else f"{count:,}"
    noun = "question waits" if count == 1 else "questions wait"
    text = f"{escape(classifier)}: {number} more {noun}"
    if not count:
        text = f"{escape(classifier)}: no more questions wait"
    return _message(f"{text}.", [_section(f"{text}: {_link(url, 'open Review')}.")])


def reminder(classifier: str, count: int, most: int, hours: float, url: str) -> Block:
    """Return the line that reminds of overdue questions."""
    number = f"at least {most:,}" if count >= most else f"{count:,}"
    noun = "question has" if count == 1 else "questions have"
    text = f"{escape(classifier)}: {number} {noun} waited longer than {hours:g} hours"
    return _message(f"{text}.", [_section(f"{text}: {_link(url, 'open Review')}.")])


def trial(classifier: str, url: str) -> Block:
    """Return a message that tries whether asking works, buttons included."""
    text = f"This is a test from colabel: questions of *{escape(classifier)}* will come here."
    return _message(
        text,
        [
            _section(text),
            {"type": "actions", "elements": [_button("Does this button work?", TEST, TEST)]},
            _context(_link(url, "Settings")),
        ],
    )


def window(review_id: str, choices: Sequence[Choice], picture: Block | None) -> Block:
    """Return the view that lets one choose among all labels; a hundred of them in each group."""
    options = [{"text": _plain(one.name, BUTTON), "value": one.id[:VALUE]} for one in choices]
    element: Block = {
        "type": "static_select",
        "action_id": CHOICE,
        "placeholder": _plain("Choose a label", BUTTON),
    }
    if len(options) <= MOST_OPTIONS:
        element["options"] = options
    else:
        parts = [options[n : n + MOST_OPTIONS] for n in range(0, len(options), MOST_OPTIONS)]
        element["option_groups"] = [_group(part) for part in parts]
    shown = [] if picture is None else [{"type": "image", "alt_text": "The picture", **picture}]
    return {
        "type": "modal",
        "callback_id": WINDOW,
        "private_metadata": json.dumps({"review": review_id}),
        "title": _plain("Which is it?", TITLE),
        "submit": _plain("Answer", TITLE),
        "close": _plain("Cancel", TITLE),
        "blocks": [
            *shown,
            {
                "type": "input",
                "block_id": CHOICE,
                "label": _plain("Label", BUTTON),
                "element": element,
            },
        ],
    }


def _group(options: Sequence[Block]) -> Block:
    first, last = (options[n]["text"]["text"] for n in (0, -1))
    return {"label": _plain(f"{clip(first, 35)} … {clip(last, 35)}", BUTTON), "options": options}


def _picture(asked: Question) -> list[Block]:
    if asked.picture is None:
        return []
    alt = clip(f"The picture {asked.name}", ALT)
    return [{"type": "image", "alt_text": alt, **asked.picture}]


def _value(review_id: str, label_id: str | None) -> str:
    return json.dumps({"review": review_id, "label": label_id}, separators=(",", ":"))


def _button(text: str, action_id: str, value: str) -> Block:
    return {
        "type": "button",
        "action_id": action_id,
        "text": _plain(text, BUTTON),
        "value": value,
    }


def _message(text: str, blocks: list[Block]) -> Block:
    return {"text": text, "blocks": blocks, "unfurl_links": False, "unfurl_media": False}


def _plain(text: str, most: int) -> Block:
    return {"type": "plain_text", "text": clip(text, most), "emoji": False}


def _section(text: str) -> Block:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text, "verbatim": True}}


def _context(text: str) -> Block:
    return {"type": "context", "elements": [{"type": "mrkdwn", "text": text, "verbatim": True}]}


def _link(url: str, text: str) -> str:
    # Ours: public_url and an id, in which no “|” or “>” can be.
    return f"<{url.replace('&', '&amp;')}|{text}>"
