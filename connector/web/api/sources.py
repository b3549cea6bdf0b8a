"""Sources: the addresses at which other tools hand pictures in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from flask.typing import ResponseReturnValue

from connector.domain import folders, source_events, source_names, source_settings, watched
from connector.domain import sources as domain
from connector.domain.classifiers import FOLDER, HOOK, S3
from connector.errors import ColabelError
from connector.inbound import folder
from connector.inbound.generic import ImageReference
from connector.pictures import inspect
from connector.web.api.common import CLASSIFIER, listed, own_classifier, public_url
from connector.web.operations import Answer, Api
from connector.web.reading import read_json, read_payload, read_query
from connector.web.schemas.base import PageQuery
from connector.web.schemas.sources import (
    Source,
    SourceCreate,
    SourcePage,
    SourceSettings,
    SourceTest,
    SourceUpdate,
    SourceWithEvents,
    TestQuery,
    TokenRotation,
)
from connector.web.services import services

sources = Api("sources", __name__, tag="Sources")
COLLECTION = f"{CLASSIFIER}/sources"
ONE = f"{COLLECTION}/<source_id>"


@sources.operation(
    "GET",
    COLLECTION,
    "List sources",
    scope="read",
    query=PageQuery,
    answers={200: Answer("One page, newest first", SourcePage)},
)
def list_all(classifier_id: str) -> ResponseReturnValue:
    """The hooks of a classifier with how much came by each."""
    query = read_query(PageQuery)
    with services().database.read() as session:
        row = own_classifier(session, classifier_id)
        page = domain.list_sources(session, row, cursor=query.cursor, limit=query.limit)
        shown = [domain.summary(session, one, public_url()) for one in page.items]
    return listed(shown, page.next_cursor)


@sources.operation(
    "POST",
    COLLECTION,
    "Make a source",
    scope="admin",
    model=SourceCreate,
    answers={201: Answer("Made", Source)},
    errors=(409,),
)
def create(classifier_id: str) -> ResponseReturnValue:
    """One for each tool, so that each can be paused, rotated and looked at by itself; or a
    folder that is watched.
    """
    wanted = read_json(SourceCreate)
    settings = _given(wanted.settings, wanted.kind)
    _check_folder(classifier_id, wanted.kind, settings)
    with services().database.write() as session:
        classifier = own_classifier(session, classifier_id)
        row = domain.create_source(
            session,
            classifier,
            name=wanted.name,
            settings=settings,
            kind=wanted.kind,
            take_existing=wanted.take_existing,
            house=services().settings,
        )
        shown = domain.summary(session, row, public_url())
    return shown, 201, {"Location": shown["url"]}


@sources.operation(
    "GET",
    ONE,
    "Show a source",
    scope="read",
    answers={200: Answer("The source", SourceWithEvents)},
)
def show(classifier_id: str, source_id: str) -> ResponseReturnValue:
    """With its last 20 events: pictures taken, and calls refused with the reason."""
    with services().database.read() as session:
        row = source_names.get_source(session, own_classifier(session, classifier_id), source_id)
        shown = domain.summary(session, row, public_url())
        return {**shown, "events": source_events.shown(session, row)}


@sources.operation(
    "PATCH",
    ONE,
    "Change a source",
    scope="admin",
    model=SourceUpdate,
    answers={200: Answer("The source as it is now", Source)},
    errors=(409,),
)
def change(classifier_id: str, source_id: str) -> ResponseReturnValue:
    """Its name, its settings, or whether it takes pictures (active) or not (paused)."""
    wanted = read_json(SourceUpdate)
    settings = None
    if wanted.settings is not None:
        with services().database.read() as session:
            classifier = own_classifier(session, classifier_id)
            kind = source_names.get_source(session, classifier, source_id).kind
        settings = _given(wanted.settings, kind)
        _check_folder(classifier_id, kind, settings)
    with services().database.write() as session:
        classifier = own_classifier(session, classifier_id)
        row = source_names.get_source(session, classifier, source_id)
        domain.update_source(
            session,
            classifier,
            row,
            name=wanted.name,
            state=wanted.state,
            settings=settings,
            house=services().settings,
        )
        shown = domain.summary(session, row, public_url())
    services().hooks.forget(classifier_id)
    return shown


@sources.operation(
    "DELETE",
    ONE,
    "Delete a source",
    scope="admin",
    answers={204: Answer("Deleted")},
)
def delete(classifier_id: str, source_id: str) -> ResponseReturnValue:
    """Its address takes nothing more from now on; the predictions that it brought stay."""
    with services().database.write() as session:
        classifier = own_classifier(session, classifier_id)
        domain.delete_source(session, source_names.get_source(session, classifier, source_id))
    services().hooks.forget(classifier_id)
    return "", 204


@sources.operation(
    "POST",
    f"{ONE}/rotate-token",
    "Give a source a new address",
    scope="admin",
    model=TokenRotation,
    answers={200: Answer("The source with its new address", Source)},
    errors=(409,),
)
def rotate_token(classifier_id: str, source_id: str) -> ResponseReturnValue:
    """The address before goes on working for the grace period; one from before that ends now."""
    wanted = read_json(TokenRotation)
    with services().database.write() as session:
        row = source_names.get_source(session, own_classifier(session, classifier_id), source_id)
        domain.check_kind(row, HOOK)
        domain.rotate_token(session, row, grace_hours=wanted.grace_hours)
        shown = domain.summary(session, row, public_url())
    services().hooks.forget(classifier_id)
    return shown


@sources.operation(
    "POST",
    f"{ONE}/scan",
    "Take what lies in a watched folder",
    scope="admin",
    answers={200: Answer("The source; its pictures follow one by one", Source)},
    errors=(409,),
)
def scan(classifier_id: str, source_id: str) -> ResponseReturnValue:
    """Also files that lay there before it was watched, and those refused, once more."""
    with services().database.write() as session:
        row = source_names.get_source(session, own_classifier(session, classifier_id), source_id)
        domain.check_kind(row, FOLDER)
        watched.scan(session, row)
        return domain.summary(session, row, public_url())


def _given(settings: SourceSettings, kind: str) -> dict[str, Any]:
    """Return the settings that were given; of a store, null takes one away."""
    given: dict[str, Any] = settings.model_dump(exclude_unset=True, exclude_none=kind != S3)
    return given


def _check_folder(classifier_id: str, kind: str, settings: dict[str, Any]) -> None:
    """Raise Unprocessable for a folder that this workspace may not watch."""
    if kind != FOLDER:
        return
    here = services()
    with here.database.read() as session:
        workspace_id = own_classifier(session, classifier_id).workspace_id
    own = folders.sorted_dir(here.database, here.settings, workspace_id)
    watched.check_allowed(here.settings, own, Path(folder.checked(settings).path))


@sources.operation(
    "POST",
    f"{ONE}/test",
    "Try what a call would hand in",
    scope="read",
    body="picture",
    query=TestQuery,
    answers={200: Answer("What was found, and where", SourceTest)},
    errors=(409,),
)
def test(classifier_id: str, source_id: str) -> ResponseReturnValue:
    """Takes the same bodies as the hook, keeps nothing, makes no prediction, fetches no URL."""
    query = read_query(TestQuery)
    with services().database.read() as session:
        row = source_names.get_source(session, own_classifier(session, classifier_id), source_id)
        domain.check_kind(row, HOOK)
        settings = row.settings
    if query.image_field is not None:
        settings = source_settings.hook({"image_field": query.image_field})
    images = read_payload(settings.get("image_field")).images
    found = [_found(image) for image in images]
    return {"pictures": found, "would_be_accepted": not any(one["code"] for one in found)}


def _found(image: ImageReference) -> dict[str, Any]:
    form = "bytes" if image.url is None else "url"
    shown: dict[str, Any] = {"where": image.where, "form": form, "name": image.name}
    shown |= {"media_type": None, "code": None, "detail": None}
    if image.url is not None:
        return shown
    try:
        info = inspect(image.data or b"", services().settings)
    except ColabelError as error:
        return {**shown, "code": error.code, "detail": error.detail}
    return {**shown, "media_type": info.media_type}
