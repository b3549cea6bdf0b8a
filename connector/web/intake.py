"""From a request to accepted predictions: the road that the API and the hooks share."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

from flask import request

from connector.db.tables import Prediction
from connector.domain import predictions, resources
from connector.domain.predictions import Accepted, SourceRef, Submission
from connector.errors import ColabelError
from connector.fetch import get_bytes
from connector.inbound.generic import ImageReference
from connector.pictures import inspect
from connector.web.answers import wait_for
from connector.web.reading import disposition_name
from connector.web.services import services

# What a prediction does not have yet when it was just accepted.
_UNDECIDED = dict.fromkeys(
    (
        "label",
        "confidence",
        "probabilities",
        "decided_by",
        "model_version",
        "usual",
        "twin_of",
        "image_deleted_at",
        "corrected_label",
        "error_code",
        "error",
        "decided_at",
    )
)


def load(reference: ImageReference) -> tuple[bytes, str]:
    """Return a picture's bytes and name, fetched when it came as a URL.

    Raises what connector.fetch raises.
    """
    if reference.url is None:
        return reference.data or b"", reference.name or disposition_name(request.headers)
    settings = services().settings
    fetched = get_bytes(reference.url, settings=settings, max_bytes=settings.max_upload_bytes)
    return fetched.data, reference.name or fetched.filename or ""


def accept(
    source: SourceRef, references: Sequence[ImageReference], what: Submission, *, way: str
) -> list[Accepted]:
    """Accept all the pictures of a request, or none of them when one cannot be taken.

    `what` says what the sender said about them; its key becomes KEY, KEY#2, KEY#3 …
    Raises what `predictions.submit` and the fetching of URLs raise, and TooMany.
    """
    keys = [_nth_key(what.idempotency_key, number) for number in range(1, len(references) + 1)]
    accepted: list[Accepted] = []
    brakes = services().brakes.on(source.workspace_id)
    with brakes, _within_quota(source, keys, accepted) as fresh:
        loaded = _load_all(references)
        new = [data for (data, _), is_new in zip(loaded, fresh, strict=True) if is_new]
        services().quotas.take_bytes(source.workspace_id, new)
        for number, ((data, name), key) in enumerate(zip(loaded, keys, strict=True), 1):
            with _about(number if len(loaded) > 1 else None, name, accepted):
                submission = replace(what, data=data, name=what.name or name, idempotency_key=key)
                accepted.append(_submit(source, submission, way))
    return accepted


@contextmanager
def _within_quota(
    source: SourceRef, keys: Sequence[str | None], accepted: Sequence[Accepted]
) -> Iterator[list[bool]]:
    """Count the pictures that are new against the quota; yield which of them are.

    A repeat leaves no row behind, so it gets its first answer, whatever the quota is. What does not
    come to a row after all is given back. Raises TooMany.
    """
    here = services()
    known: set[str] = set()
    if here.quotas.limits_pictures or here.quotas.limits_bytes:
        known = predictions.known_keys(here.database, source, [key for key in keys if key])
    fresh = [key not in known for key in keys]
    here.quotas.take(source.workspace_id, pictures=sum(fresh))
    try:
        yield fresh
    finally:
        unused = sum(fresh) - sum(one.created for one in accepted)
        here.quotas.give_back(source.workspace_id, pictures=unused)


def _load_all(references: Sequence[ImageReference]) -> list[tuple[bytes, str]]:
    several, loaded = len(references) > 1, []
    for number, reference in enumerate(references, 1):
        with _about(number if several else None, reference.name or reference.where, ()):
            loaded.append(load(reference))
            if several:
                inspect(loaded[-1][0], services().settings)
    return loaded


def _submit(source: SourceRef, submission: Submission, way: str) -> Accepted:
    here = services()
    with here.lanes.of(source.workspace_id):
        return predictions.submit(
            here.database, here.blobs, here.settings, source=source, submission=submission, way=way
        )


def _nth_key(key: str | None, number: int) -> str | None:
    if key is None or number == 1:
        return key
    numbered = f"{key}#{number}"
    if len(numbered) <= predictions.MAX_KEY:
        return numbered
    return f"{hashlib.sha256(key.encode()).hexdigest()}#{number}"


@contextmanager
def _about(number: int | None, name: str, taken: Sequence[Accepted]) -> Iterator[None]:
    """Say in an error which of several pictures it is about, and which were taken before it."""
    try:
        yield
    except ColabelError as error:
        if number is not None:
            error.detail = f"Picture {number} ({name or 'without a name'}): {error.detail}"
        if taken:
            # Checked pictures fail only by what changed meanwhile (the disk, the database).
            error.extra["accepted"] = [one.id for one in taken]
            error.detail += f" The {len(taken)} before it were taken: see accepted."
        raise


def wait_until_decided(ids: Sequence[str], seconds: float) -> bool:
    """Wait until none of these predictions is queued any more; say whether that was in time."""
    waiting = list(ids)

    def all_decided() -> bool:
        with services().database.read() as session:
            while waiting and predictions.status(session, waiting[-1]) != "queued":
                waiting.pop()
        return not waiting

    return wait_for(all_decided, seconds)


def show_accepted(workspace_id: str, accepted: Sequence[Accepted]) -> list[dict[str, Any]]:
    """Return what was just accepted as resources; new ones without asking the database."""
    url = services().settings.public_url
    shown = {
        one.id: resources.decided(_as_written(one.row), url, (), None)
        for one in accepted
        if one.row is not None
    }
    known = [one.id for one in accepted if one.id not in shown]
    if known:
        shown |= {resource["id"]: resource for resource in show(workspace_id, known)}
    return [shown[one.id] for one in accepted]


def _as_written(row: Mapping[str, Any]) -> Prediction:
    """Return columns as something that reads like a row: making a real one costs ten times more."""
    return cast(Prediction, SimpleNamespace(**_UNDECIDED, **row, meta=row["metadata"]))


def show(workspace_id: str, ids: Sequence[str]) -> list[dict[str, Any]]:
    """Return the predictions of these ids as resources, in this order."""
    here = services()
    with here.database.read() as session:
        rows = [predictions.get(session, workspace_id, prediction_id) for prediction_id in ids]
        return resources.predictions(session, rows, here.settings.public_url)
