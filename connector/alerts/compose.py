"""Messages from what is known of pictures: one of a single alert, or a digest of many."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from connector.actions.base import Location
from connector.actions.files import open_regular
from connector.actions.templates import fill_text
from connector.alerts.message import Digest, Message, Shown
from connector.alerts.params import AlertParams
from connector.alerts.thumbnails import thumbnail
from connector.errors import ColabelError
from connector.settings import Settings
from connector.storage.base import Blobs

UNREADABLE = "No thumbnail could be made of the picture."


@dataclass(frozen=True)
class Reader:
    """Where pictures are read from, and the limits that hold for them."""

    blobs: Blobs
    settings: Settings

    def small(self, *locations: Location) -> tuple[bytes | None, str | None]:
        """Return a thumbnail from the first place that has one, or None and why there is none."""
        note = UNREADABLE
        for location in locations:
            try:
                return thumbnail(self._read(location), self.settings), None
            except ColabelError as error:
                note = error.detail if error.code == "no_thumbnail" else UNREADABLE
            except OSError:
                note = UNREADABLE
        return None, note

    def _read(self, location: Location) -> bytes:
        if location["kind"] == "held":
            return self.blobs.read(location["sha256"])
        if location["kind"] != "local":
            raise OSError(f"pictures of the kind {location['kind']} are read from the store")
        with open_regular(Path(location["path"])) as stream:
            # One more than is taken, so that a larger file is known to be one.
            return stream.read(self.settings.max_upload_bytes + 1)


def single(
    params: AlertParams,
    prediction: Mapping[str, Any],
    payload: dict[str, Any],
    picture: tuple[bytes | None, str | None],
) -> Message:
    """Return the message of one alert; its id is the action's."""
    said = fill_text(params.message, prediction)
    one = shown(prediction, said, picture)
    return Message(
        payload["action_id"], fill_text(params.subject, prediction), said, [one], payload
    )


def shown(
    prediction: Mapping[str, Any], said: str, picture: tuple[bytes | None, str | None]
) -> Shown:
    """Return a picture as messages show it."""
    url = str(prediction.get("url") or "")
    return Shown(
        name=str(prediction.get("name") or prediction["id"]),
        label=str(prediction.get("label") or ""),
        confidence=prediction.get("confidence"),
        message=said,
        url=url,
        image_url=str(prediction.get("image_url") or f"{url}/image"),
        thumbnail=picture[0],
        note=picture[1],
    )


def gathered(
    classifier: str,
    message_id: str,
    digest: Digest,
    pictures: Sequence[Shown],
    predictions: Sequence[Mapping[str, Any]],
) -> Message:
    """Return the message of a digest."""
    headline = f"{classifier}: {digest.count:,} {'alert' if digest.count == 1 else 'alerts'}"
    payload = {
        "digest_id": digest.id,
        "channel": "webhook",
        "message": headline,
        "digest": {
            "count": digest.count,
            "labels": dict(digest.labels),
            "first_id": _iso(digest.start),
            "last_at": _iso(digest.end),
            "url": digest.url,
        },
        "predictions": json.loads(json.dumps(list(predictions), default=str)),
    }
    return Message(message_id, headline, headline, pictures, payload, digest)


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat(timespec="milliseconds")
