"""Storage: where pictures and models are kept, how much, for how long, and how much may be."""

from __future__ import annotations

from typing import Any

from flask import request
from flask.typing import ResponseReturnValue

from connector.checkup import places
from connector.domain import retention_survey, stored
from connector.domain.retention_survey import Going
from connector.web.services import services
from connector.web.ui import visitors
from connector.web.ui.pages import Pages
from connector.web.ui.rendering import page, part

storage = Pages("storage", __name__)
TAB = "/settings/storage"


@storage.page(TAB, title="storage.title", role="owner")
def show() -> ResponseReturnValue:
    """All of it; with `preview`, what would be deleted next, too."""
    here = services()
    kept = here.shelf.of(visitors.workspace_id())
    with here.database.read() as session:
        waiting = stored.waiting(session, visitors.workspace_id())
    return page(
        "settings/storage.html",
        stored=kept,
        waiting=waiting,
        settings=here.settings,
        place=here.settings.bucket or here.settings.blobs_dir,
        disk=places.room(here.settings),
        disk_says=places.disk(here.settings),
        **_retention(preview=bool(request.args.get("preview"))),
    )


@storage.part(f"{TAB}/preview", role="owner")
def preview() -> ResponseReturnValue:
    """What the next run of retention would delete."""
    return part("settings/retention.html", **_retention(preview=True))


def _retention(*, preview: bool) -> dict[str, Any]:
    here = services()
    going: dict[str, Going] | None = None
    with here.database.read() as session:
        kept = retention_survey.kept(session, here.settings, visitors.workspace_id())
        if preview:
            going = retention_survey.glance(session, here.settings, kept)
    found = [] if going is None else list(going.values())
    total = Going(
        sum(one.predictions for one in found),
        sum(one.bytes for one in found),
        any(one.more for one in found),
    )
    return {
        "kept": kept,
        "going": going,
        "total": total,
        "nothing": Going(),
        "default_days": here.settings.retention_days,
        "undo_days": here.settings.undo_days,
    }
