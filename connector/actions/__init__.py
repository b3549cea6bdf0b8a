"""What can be done with a classified picture: one module per kind, found by itself."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from connector.actions.base import (
    Action,
    ActionParams,
    Context,
    Foresight,
    Location,
    Outcome,
    Sight,
    held,
    local,
)
from connector.errors import BadRequest

__all__ = [
    "Action",
    "ActionParams",
    "Context",
    "Foresight",
    "Location",
    "Outcome",
    "Sight",
    "discover",
    "get_action",
    "held",
    "local",
    "registry",
]


def discover(folders: Iterable[str], package: str) -> dict[str, Action[Any]]:
    """Import every module of `package` found in `folders`; return their ACTIONs by kind.

    Raises ValueError when two modules claim one kind: silently losing one would be worse.
    """
    found: dict[str, Action[Any]] = {}
    for info in sorted(pkgutil.iter_modules(folders), key=lambda info: info.name):
        module = importlib.import_module(f"{package}.{info.name}")
        action = getattr(module, "ACTION", None)
        if action is None:
            continue
        if action.kind in found:
            raise ValueError(f"two modules of {package} define the action kind {action.kind!r}")
        found[action.kind] = action
    return found


@cache
def registry() -> Mapping[str, Action[Any]]:
    """Return every kind of action there is, by its name."""
    return discover(__path__, __name__)


def get_action(kind: str) -> Action[Any]:
    """Return the action of this kind. Raises BadRequest (code unknown_action)."""
    try:
        return registry()[kind]
    except KeyError:
        kinds = ", ".join(sorted(registry()))
        raise BadRequest(
            f"There is no action “{kind[:40]}”; use one of: {kinds}.", code="unknown_action"
        ) from None
