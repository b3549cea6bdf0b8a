"""How a source is connected, tool by tool, with its real address in everything to copy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from flask import request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from connector.db.tables import Source
from connector.domain import accounts, s3_setup, source_names
from connector.domain import sources as domain
from connector.domain.classifiers import FOLDER, S3
from connector.errors import ColabelError
from connector.inbound import folder, generic
from connector.inbound.generic import ImageReference
from connector.pictures import inspect
from connector.web.services import services
from connector.web.ui import snippets, source_forms, visitors
from connector.web.ui.forms import Form
from connector.web.ui.rendering import page
from connector.web.ui.snippets import Block
from connector.web.ui.views.automate.pages import SOURCE, automate, own_source

ZAPIER_SCOPES = ("ingest", "read", "review", "subscribe")


@dataclass(frozen=True)
class Tool:
    """A tab of the page: what it is called in the catalogue, and what there is to copy."""

    code: str
    blocks: Sequence[Block]


@automate.page(f"{SOURCE}/connect", title="connect.title", role="member")
def connect(classifier_id: str, source_id: str) -> ResponseReturnValue:
    """What to paste where."""
    return connect_page(classifier_id, source_id)


@automate.action(f"{SOURCE}/zapier-key", role="owner")
def zapier_key(classifier_id: str, source_id: str) -> ResponseReturnValue:
    """Make a key for Zapier that may do what its Zaps do and no more; it is shown this once."""
    with services().database.write() as session:
        own_source(session, classifier_id, source_id)
        _, secret = accounts.create_key(
            session, visitors.workspace_id(), "Zapier", list(ZAPIER_SCOPES)
        )
    return connect_page(classifier_id, source_id, tool="zapier", secret=secret)


@automate.action(f"{SOURCE}/dry", role="member")
def dry(classifier_id: str, source_id: str) -> ResponseReturnValue:
    """Say which picture would be found in what a tool sends; nothing is kept or fetched."""
    with services().database.read() as session:
        _, row = own_source(session, classifier_id, source_id)
    form, found = Form.sent(), None
    field = form["image_field"].strip() or row.settings.get("image_field")
    try:
        domain.check_kind(row, "hook")
        payload = generic.read("application/json", form["body"].encode(), image_field=field)
        found = [_found(one) for one in payload.images]
    except ValueError as error:
        form.wrong("image_field", f"{error}.")
    except ColabelError as error:
        form.refuse(error, {"wrong_kind_of_source": "body"} if form["body"] else None)
    return connect_page(classifier_id, source_id, tool="any", form=form, found=found)


def _found(image: ImageReference) -> dict[str, Any]:
    shown: dict[str, Any] = {"where": image.where, "url": image.url, "media_type": "", "error": ""}
    if image.url is None:
        try:
            shown["media_type"] = inspect(image.data or b"", services().settings).media_type
        except ColabelError as error:
            shown["error"] = error.detail
    return shown


def connect_page(
    classifier_id: str,
    source_id: str,
    *,
    tool: str = "",
    key: str = "",
    secret: str = "",
    form: Form | None = None,
    found: list[dict[str, Any]] | None = None,
) -> ResponseReturnValue:
    """Return the page; `key` and `secret` are of what was just made, and shown this once."""
    here = services()
    with here.database.read() as session:
        classifier, row = own_source(session, classifier_id, source_id)
        tools, warnings = _tools(session, row, here.settings.public_url)
    wanted = tool or request.args.get("tool", "")
    chosen = next((one for one in tools if one.code == wanted), tools[0])
    if key:
        filled = [replace(one, text=one.text.replace(s3_setup.KEY, key)) for one in chosen.blocks]
        chosen = replace(chosen, blocks=filled)
    form = form or Form.empty(image_field=row.settings.get("image_field", ""))
    return page(
        "automate/connect.html",
        status=form.status,
        classifier=classifier,
        row=row,
        name=source_names.shown_name(row),
        kind=source_forms.way_of(row),
        tools=tools,
        chosen=chosen,
        warnings=warnings,
        key=key,
        placeholder=s3_setup.KEY,
        secret=secret,
        local=_is_local(here.settings.public_url),
        form=form,
        found=found,
    )


def _is_local(url: str) -> bool:
    return any(f"//{name}" in url for name in ("127.0.0.1", "localhost", "[::1]", "0.0.0.0"))  # noqa: S104


def _tools(session: Session, row: Source, public_url: str) -> tuple[list[Tool], list[str]]:
    if row.kind == FOLDER:
        path = folder.checked(row.settings).path
        return [Tool("folder", snippets.folder(path))], []
    if row.kind == S3:
        return _stores(row, public_url)
    url = domain.hook_url(row, public_url)
    return [
        Tool("curl", snippets.curl(url)),
        Tool("python", snippets.python(url)),
        Tool("n8n", snippets.n8n(url)),
        Tool("make", snippets.make(url)),
        Tool("zapier", [Block("connect.zapier_url", public_url)]),
        Tool("any", snippets.address(url)),
    ], []


def _stores(row: Source, public_url: str) -> tuple[list[Tool], list[str]]:
    given = s3_setup.set_up(row, public_url)
    roads = {
        name: snippets.road("connect.commands", given[name])
        for name in ("sqs", "sns", "eventbridge", "minio")
        if given[name] is not None
    }
    if source_forms.way_of(row) == "minio":
        roads = {"minio": roads.pop("minio"), **roads}
    elif "endpoint_url" not in row.settings:
        roads.pop("minio", None)
    tools = [Tool(name, blocks) for name, blocks in roads.items()]
    return [*tools, Tool("iam", snippets.policy(given["iam_policy"]))], given["warnings"]
