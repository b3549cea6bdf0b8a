"""Signed addresses of one picture, for chats that fetch it from outside: nothing else is opened."""

from __future__ import annotations

import json
import time
from ipaddress import ip_address

from itsdangerous import BadData, URLSafeSerializer
from sqlalchemy.orm import Session

from connector.addresses import AddressPolicy, resolve
from connector.db.tables import Image, Review
from connector.domain import predictions
from connector.errors import FetchFailed, Gone, NotFound
from connector.secret_key import secret_key
from connector.settings import Settings
from connector.urls import bare_host, parse_target, port_of

SALT = "picture link"
PATH = "/asked/"
# Slack keeps a copy of its own; who opens an old message later may still see it.
SECONDS = 14 * 24 * 3600
LOOK_UP_SECONDS = 3.0


def make(settings: Settings, review_id: str) -> str:
    """Return the address of the picture that a question is about, which works for two weeks."""
    token = str(_seal(settings).dumps([review_id, int(time.time()) + SECONDS]))
    return f"{settings.public_url}{PATH}{token}/picture.jpg"


def look(session: Session, settings: Settings, token: str) -> Image:
    """Return the picture of an address. Raises NotFound (unknown_link), Gone."""
    try:
        review_id, until = _seal(settings).loads(token)
        row = session.get(Review, str(review_id))
    except (BadData, ValueError, TypeError):
        row = None
    if row is None:
        raise NotFound(
            "This link is not one we gave; look whether it was copied whole.", code="unknown_link"
        )
    if int(until) <= time.time():
        raise Gone("This link does not work any more; open the question.", code="link_expired")
    _, image = predictions.get_image(session, row.workspace_id, row.prediction_id)
    return image


def is_reachable(settings: Settings) -> bool:
    """Say whether those outside can reach our public address, as far as its name tells."""
    target = parse_target(settings.public_url)
    host = bare_host(target)
    try:
        ip_address(host)
    except ValueError:
        if "." not in host:
            return False
    try:
        return bool(resolve(host, port_of(target), AddressPolicy(), timeout=LOOK_UP_SECONDS))
    except (FetchFailed, OSError, ValueError):
        return False


def _seal(settings: Settings) -> URLSafeSerializer:
    return URLSafeSerializer(secret_key(settings), salt=SALT, serializer=json)
