"""All that is wrong with a rule's actions at once, each at its place: for forms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from connector import actions as action_kinds
from connector.domain.conditions import When
from connector.errors import ColabelError
from connector.settings import Settings


@dataclass(frozen=True)
class Problem:
    """What is wrong: with which action (from 0), with which parameter ("": with it as a whole)."""

    action: int
    field: str
    sentence: str


def problems(settings: Settings, actions: Sequence[Mapping[str, Any]]) -> list[Problem]:
    """Return what keeps actions, as a person gave them, from being saved; names are looked up."""
    return [
        problem
        for number, given in enumerate(actions)
        for problem in _of_action(settings, number, given)
    ]


def _of_action(settings: Settings, number: int, given: Mapping[str, Any]) -> list[Problem]:
    try:
        kind = action_kinds.get_action(str(given.get("kind")))
        params = kind.Params.model_validate(given.get("params", {}))
        kind.check(params, settings)
    except ValidationError as error:
        return [
            Problem(number, str(one["loc"][0]) if one["loc"] else "", _sentence(one["msg"]))
            for one in error.errors()
        ]
    except ColabelError as error:
        return [Problem(number, "", error.detail)]
    return []


def read_when(given: Mapping[str, Any]) -> tuple[When | None, dict[str, str]]:
    """Return conditions as a person gave them, else None and what is wrong by its field."""
    try:
        return When.model_validate(given), {}
    except ValidationError as error:
        found = {
            str(one["loc"][0]) if one["loc"] else "": _sentence(one["msg"])
            for one in error.errors()
        }
        return None, found


def _sentence(said: str) -> str:
    plain = said.removeprefix("Value error, ").rstrip(".")
    return f"{plain[:1].upper()}{plain[1:]}."
