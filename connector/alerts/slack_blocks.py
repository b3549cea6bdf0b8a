"""An alert as Slack's Block Kit: values are escaped, and nothing in them is looked for.

Escaping `&`, `<` and `>` takes `<!channel>`, `<@U…>` and links away from labels and names;
`verbatim` keeps Slack from turning a bare @here, #channel or URL into one.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote

from connector.alerts.message import Digest, Message, Shown

# Slack's limits: 150 characters in a header, 3,000 in a section. Escaping makes up to five
# characters of one.
HEADER = 150
LINE = 500
LABEL = 30
MOST_LABELS = 15
_IN_URL = ":/?#[]@!$&'()*+,;=%-._~"
_SPACE = re.compile(r"[\x00-\x20\x7f\u2028\u2029]+")


def as_slack(message: Message) -> dict[str, Any]:
    """Return the message's text (for notifications) and blocks, in which nobody is called."""
    digest = message.digest
    blocks = _single(message) if digest is None else _digest(message, digest)
    return {
        "text": escape(message.headline),
        "blocks": blocks,
        # Ours are links to the API, which asks for a key.
        "unfurl_links": False,
        "unfurl_media": False,
        "link_names": False,
        "parse": "none",
    }


def escape(value: str) -> str:
    """Return a value as mrkdwn that shows it, on one line and cut where it is very long."""
    line = clip(_SPACE.sub(" ", value).strip(), LINE)
    return line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def clip(text: str, most: int) -> str:
    """Cut a text that has more than `most` characters."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _single(message: Message) -> list[dict[str, Any]]:
    # Apart, since either alone may fill a section.
    blocks = [_section(f"*{escape(message.subject)}*"), _section(escape(message.headline) or "…")]
    return [*blocks, *(_context(_links(shown)) for shown in message.pictures)]


def _digest(message: Message, digest: Digest) -> list[dict[str, Any]]:
    header = clip(_SPACE.sub(" ", message.headline), HEADER)
    counts = [
        f"{count:,} × {escape(clip(label, LABEL))}" for label, count in digest.labels[:MOST_LABELS]
    ]
    others = len(digest.labels) - MOST_LABELS
    counts += [f"and {others:,} other labels"] if others > 0 else []
    rest = digest.count - len(message.pictures)
    more = f"and {rest:,} more · " if rest > 0 else ""
    return [
        {"type": "header", "text": {"type": "plain_text", "text": header, "emoji": False}},
        _section("\n".join([digest.span, *counts])),
        *(_section(f"{escape(one.message)}\n{_links(one)}") for one in message.pictures),
        _context(f"{more}{_link(digest.url, 'All of them')}"),
    ]


def _links(shown: Shown) -> str:
    return f"{_link(shown.url, 'Prediction')} · {_link(shown.image_url, 'Picture')}"


def _link(url: str, text: str) -> str:
    # “|” would end the address.
    return f"<{quote(url, safe=_IN_URL).replace('&', '&amp;')}|{text}>"


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text, "verbatim": True}}


def _context(text: str) -> dict[str, Any]:
    return {"type": "context", "elements": [{"type": "mrkdwn", "text": text, "verbatim": True}]}
