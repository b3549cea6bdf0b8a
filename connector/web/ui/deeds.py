"""What was done with a picture, in words. Kinds of actions that have no words go by their names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from connector import actions as action_kinds
from connector.db.tables import Action
from connector.domain.activity import Entry
from connector.web.ui.words import catalogue, t

# The end of a path that a list shows.
PARTS = 2


class Said(NamedTuple):
    """A text, and how it is meant: "", good, warn, bad, busy."""

    text: str
    kind: str = ""


class Fact(NamedTuple):
    """The name of something that is known of an action, and what it is."""

    name: str
    text: str


def kind_name(kind: str) -> str:
    """Return what a kind of action is called."""
    key = f"deed.kind_{kind}"
    return t(key) if key in catalogue() else kind


def deed(action: Action, *, short: bool = False) -> str:
    """Return what an action did, or its name where it has not: `short` cuts paths."""
    key = f"deed.did_{action.kind}"
    if action.status != "done" or key not in catalogue():
        return kind_name(action.kind)
    detail = action.detail
    if detail.get("how") in ("unchanged", "already_there"):
        return t("deed.unchanged", kind=kind_name(action.kind))
    if action.kind in ("move", "copy") and "to" in detail:
        return t(key, to=cut(detail["to"]) if short else detail["to"])
    if action.kind == "rotate" and "degrees" in detail:
        return t(key, degrees=detail["degrees"])
    if action.kind == "tag":
        pairs = [f"{name}={value}" for name, value in detail.get("tags", {}).items()]
        return t(key, tags=", ".join(detail.get("keywords") or pairs))
    # An action of a release that kept less of what it did.
    return kind_name(action.kind) if "{" in str(catalogue()[key]) else t(key)


def state(action: Action) -> Said | None:
    """Return how it stands with an action, None where it is simply done."""
    if action.pending and action.undo_requested_at is not None:
        return Said(t("deed.is_undoing"), "busy")
    if action.status == "done":
        return Said(t("deed.is_stuck"), "warn") if action.error_code else None
    if action.status == "planned":
        tried = "deed.is_retried" if action.attempts else "deed.is_planned"
        return Said(t(tried), "warn" if action.attempts else "busy")
    return Said(t(f"deed.is_{action.status}"), "bad" if action.status == "failed" else "")


def facts(action: Action) -> list[Fact]:
    """Return what was before and after, and what else is to be known of an action."""
    detail, found = action.detail, list[Fact]()
    if isinstance(detail.get("from"), Mapping):
        found.append(Fact(t("deed.from"), address(detail["from"])))
    if isinstance(detail.get("to"), str):
        found.append(Fact(t("deed.to"), detail["to"]))
    if isinstance(detail.get("to"), list):
        found.append(Fact(t("deed.to"), ", ".join(map(str, detail["to"]))))
    if detail.get("path"):
        found.append(Fact(t("deed.file"), detail["path"]))
    for name, value in (detail.get("before") or {}).items() if _has_tags(detail) else ():
        found.append(Fact(t("deed.tag_before", name=name), value or t("deed.nothing")))
    if detail.get("message"):
        found.append(Fact(t("deed.message"), detail["message"]))
    found += [Fact(t("deed.note"), detail[key]) for key in ("note", "kept") if detail.get(key)]
    return found


def _has_tags(detail: Mapping[str, Any]) -> bool:
    return isinstance(detail.get("before"), Mapping)


def address(location: Mapping[str, Any]) -> str:
    """Return where a picture is, or was."""
    if location.get("kind") == "s3":
        return f"s3://{location['bucket']}/{location['key']}"
    return str(location.get("path") or t("deed.held"))


def cut(path: str) -> str:
    """Return the end of a path."""
    parts = path.split("/")
    return path if len(parts) <= PARTS + 1 else "…/" + "/".join(parts[-PARTS:])


def undoable(action: Action) -> bool:
    """Say whether somebody can ask for it to be taken back now."""
    kind = action_kinds.registry().get(action.kind)
    if action.status == "waiting":
        return True
    return action.status == "done" and not action.pending and kind is not None and kind.undoable


def picture_state(entry: Entry) -> Said | None:
    """Return how it stands with a picture in a list, None where it is simply answered."""
    if entry.row.status == "done":
        return None
    kinds = {"queued": "busy", "needs_review": "warn", "failed": "bad"}
    return Said(t(f"activity.is_{entry.row.status}"), kinds[entry.row.status])


def decider(entry: Entry) -> str:
    """Return who gave a picture its answer, for a list."""
    row, review = entry.row, entry.review
    if row.decided_by == "model":
        return t("activity.by_model", version=row.model_version)
    if row.decided_by is None:
        return t("activity.by_nobody") if row.label else ""
    if row.twin_of is not None:
        return t("activity.by_twin")
    if review is not None and review.answered_by:
        return t("activity.by_person", name=review.answered_by)
    return t("activity.by_somebody")
