"""Forms for actions, made from what each kind says of its parameters: none is written by hand.

Names and help texts are in words/en/actions.toml by kind and parameter; a kind that has none there
is shown by what its own schema says.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from connector import actions as action_kinds
from connector.web.ui.words import catalogue, t

# In this order they are offered; what is not named here comes after.
FIRST = ("move", "copy", "rotate", "tag", "alert", "classify")
# A text whose default is longer gets more than one line.
LONG = 40
TEXT, LONG_TEXT, LINES, PAIRS, NUMBER, CHOICE, YES, CLASSIFIER = (
    "text",
    "long",
    "lines",
    "pairs",
    "number",
    "choice",
    "yes",
    "classifier",
)


@dataclass(frozen=True)
class Field:
    """One parameter as a form asks for it; `only` says for which values of others it is asked."""

    name: str
    kind: str
    label: str
    help: str
    required: bool
    start: str = ""
    choices: tuple[tuple[str, str], ...] = ()
    numeric: bool = False
    only: Mapping[str, list[str]] = field(default_factory=dict)
    decides: bool = False


def kinds() -> list[tuple[str, str]]:
    """Return every kind of action with what it is called, the usual ones first."""
    known = action_kinds.registry()
    ordered = [*(one for one in FIRST if one in known), *sorted(set(known) - set(FIRST))]
    return [(one, kind_name(one)) for one in ordered]


def kind_name(kind: str) -> str:
    """Return what a kind is called."""
    return _said(f"{kind}.called", kind.replace("_", " ").capitalize())


@cache
def fields(kind: str) -> tuple[Field, ...]:
    """Return what a form for this kind asks. Raises BadRequest (unknown_action)."""
    schema = action_kinds.get_action(kind).Params.model_json_schema()
    required = set(schema.get("required", ()))
    properties: dict[str, Any] = schema.get("properties", {})
    deciding = {name for one in properties.values() for name in one.get("x-only-for", {})}
    return tuple(
        _field(kind, name, one, name in required, name in deciding)
        for name, one in properties.items()
    )


def _field(kind: str, name: str, schema: Mapping[str, Any], required: bool, decides: bool) -> Field:
    plain = _plain(schema)
    default = schema.get("default")
    start = default if default is not None else (schema.get("examples") or [""])[0]
    what = _what(name, plain, default)
    values = [str(one) for one in plain.get("enum", ())]
    choices = [(one, _said(f"{kind}.{name}_{one}", one)) for one in values]
    if choices and not required and default is None:
        choices.insert(0, ("", _said(f"{kind}.{name}_none", t("actions.nothing"))))
    if choices and required and not start:
        start = choices[0][0]  # what a browser shows as chosen
    return Field(
        name,
        what,
        _said(f"{kind}.{name}", name.replace("_", " ").capitalize()),
        _said(f"{kind}.{name}_help", str(schema.get("description", ""))),
        required,
        _shown(what, start),
        tuple(choices),
        plain.get("type") in ("integer", "number") or _all_numbers(plain),
        schema.get("x-only-for", {}),
        decides,
    )


def _said(key: str, otherwise: str) -> str:
    return t(f"actions.{key}") if f"actions.{key}" in catalogue() else otherwise


def _plain(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what is asked where something is given: without the null of what may be left out."""
    for one in schema.get("anyOf", ()):
        if one.get("type") != "null":
            return dict(one)
    return schema


def _what(name: str, plain: Mapping[str, Any], default: Any) -> str:
    if "enum" in plain:
        return CHOICE
    if name == "classifier":
        return CLASSIFIER
    kind = plain.get("type")
    if kind == "string":
        return LONG_TEXT if len(str(default or "")) > LONG else TEXT
    return {"array": LINES, "object": PAIRS, "boolean": YES}.get(
        str(kind), NUMBER if kind in ("integer", "number") else TEXT
    )


def _all_numbers(plain: Mapping[str, Any]) -> bool:
    values = list(plain.get("enum", ()))
    return bool(values) and all(isinstance(one, int | float) for one in values)


def start(kind: str) -> dict[str, str]:
    """Return what the form of a new action of this kind begins with."""
    return {one.name: one.start for one in fields(kind)}


def shown(kind: str, params: Mapping[str, Any]) -> dict[str, str]:
    """Return kept parameters as a form holds them."""
    found = {one.name: "" if one.kind != YES else one.start for one in fields(kind)}
    for one in fields(kind):
        if one.name in params:
            found[one.name] = _shown(one.kind, params[one.name])
    return found


def _shown(kind: str, value: Any) -> str:
    if kind == YES:
        return "on" if value else ""
    if kind == LINES:
        return "\n".join(map(str, value or ()))
    if kind == PAIRS:
        return "\n".join(f"{name} = {text}" for name, text in (value or {}).items())
    if kind == NUMBER and isinstance(value, float) and value.is_integer():
        value = int(value)
    return "" if value is None else str(value)


def read(kind: str, values: Mapping[str, str]) -> dict[str, Any]:
    """Return the parameters that a form's values stand for; what is wrong in them stays wrong."""
    found: dict[str, Any] = {}
    for one in fields(kind):
        if all(values.get(name) in wanted for name, wanted in one.only.items()):
            value = _read(one, values.get(one.name, "").strip())
            if value is not None:
                found[one.name] = value
    return found


def _read(one: Field, text: str) -> Any:
    if one.kind == YES:
        return text == "on"
    if one.kind == LINES:
        return [line.strip() for line in re.split(r"[\n,]", text) if line.strip()]
    if one.kind == PAIRS:
        pairs = (line.partition("=") for line in text.splitlines() if line.strip())
        return {name.strip(): value.strip() for name, _, value in pairs}
    if not text:
        # An empty required one is a mistake that its own check explains.
        return "" if one.required and not one.numeric else None
    return _number(text) if one.numeric else text


def _number(text: str) -> Any:
    """Return a number, or the text itself, which will be refused as none."""
    try:
        return int(text)
    except ValueError:
        pass
    try:
        return float(text)
    except ValueError:
        return text
