"""The HTML of an alert by e-mail: everything in it is escaped, nothing is loaded from elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from connector.alerts.message import Digest, Message, Shown
from connector.mail import Inline

_PAGE = (
    '<!DOCTYPE html><html><head><meta charset="utf-8"></head><body style="'
    'font-family:sans-serif;font-size:15px;line-height:1.4;color:#222">{}</body></html>'
)
_IMAGE = (
    '<img src="cid:{cid}" alt="{name}" style="max-width:320px;border:1px solid #ddd;'
    'border-radius:4px"><br>'
)
_CELL = '<td style="padding:0 12px 2px 0{}">{}</td>'


def as_html(message: Message) -> tuple[str, list[Inline]]:
    """Return the HTML and the pictures inside it, which it names by their content ids."""
    images = inline_images(message.pictures)
    cids = {number: image.cid for number, image in images}
    digest = message.digest
    parts = [f"<p><strong>{escape(message.headline)}</strong></p>"]
    if digest is not None:
        parts.append(_counts(digest))
    for number, shown in enumerate(message.pictures):
        parts.append(_picture(shown, cids.get(number), told=digest is None))
    if digest is not None:
        rest = digest.count - len(message.pictures)
        more = f"and {rest:,} more &middot; " if rest > 0 else ""
        parts.append(f"<p>{more}{_link(digest.url, 'All of them')}</p>")
    return _PAGE.format("".join(parts)), [image for _, image in images]


def inline_images(pictures: Sequence[Shown]) -> list[tuple[int, Inline]]:
    """Return the thumbnails there are, each with its picture's number."""
    return [
        (number, Inline(f"picture-{number}@colabel", f"picture-{number}.jpg", shown.thumbnail))
        for number, shown in enumerate(pictures)
        if shown.thumbnail is not None
    ]


def _counts(digest: Digest) -> str:
    rows = "".join(
        "<tr>"
        + _CELL.format(";text-align:right", f"{count:,}")
        + _CELL.format("", escape(label))
        + "</tr>"
        for label, count in digest.labels
    )
    return f"<p>{escape(digest.span)}</p><table>{rows}</table>"


def _picture(shown: Shown, cid: str | None, *, told: bool) -> str:
    image = "" if cid is None else _IMAGE.format(cid=cid, name=escape(shown.name))
    # The headline of a single alert is its message already.
    said = "" if told else f"{escape(shown.message)}<br>"
    links = f"{_link(shown.image_url, 'Picture')} &middot; {_link(shown.url, 'Prediction')}"
    return f"<p>{image}{said}{links}</p>"


def _link(url: str, text: str) -> str:
    return f'<a href="{escape(url)}">{escape(text)}</a>'
