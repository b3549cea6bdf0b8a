"""What the next page says first: "Saved.", kept meanwhile in a signed cookie."""

from __future__ import annotations

import json
from typing import Any, Literal, NamedTuple

from flask import Response, g, request
from itsdangerous import BadData, URLSafeTimedSerializer

from connector.web.ui import security, visitors
from connector.web.ui.words import t

COOKIE = "colabel_said"
# A page that comes later than this has nothing to do with what was done.
SECONDS = 120
Kind = Literal["good", "bad", "note"]


class Flash(NamedTuple):
    """A sentence and how it is meant."""

    kind: Kind
    text: str


def flash(key: str, kind: Kind = "good", **values: Any) -> None:
    """Have the next page say the text of that key first; nothing secret belongs there."""
    say(t(key, **values), kind)


def say(text: str, kind: Kind = "good") -> None:
    """Have the next page say this sentence first, such as a domain's error."""
    g.setdefault("flashes", []).append(Flash(kind, text[:500]))


def take() -> list[Flash]:
    """Return what there is to say now; it is said once."""
    said: list[Flash] = g.pop("flashes", [])
    kept = request.cookies.get(COOKIE)
    if kept and not g.get("flashes_taken"):
        g.flashes_taken = True
        try:
            said = [Flash(*one) for one in _seal().loads(kept, max_age=SECONDS)] + said
        except (BadData, TypeError):
            # Too old, or not ours: there is nothing to say.
            return said
    return said


def keep(response: Response) -> Response:
    """Send along what is still to be said, and drop what was."""
    left: list[Flash] = g.get("flashes", [])
    if left:
        response.set_cookie(
            COOKIE,
            str(_seal().dumps(left)),
            max_age=SECONDS,
            httponly=True,
            secure=visitors.is_secure(),
            samesite="Lax",
        )
    elif g.get("flashes_taken"):
        response.delete_cookie(COOKIE, httponly=True, samesite="Lax")
    return response


def _seal() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(security.secret(), salt="flashes", serializer=json)
