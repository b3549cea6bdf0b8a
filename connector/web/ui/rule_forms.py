"""The form of a rule: its conditions and its actions in order, all of it in the form itself.

Whatever somebody does before saving (another action, one up, a preview) sends the whole form and
gets it back changed, so that it works the same with and without script.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from flask import request

from connector.db.tables import Rule
from connector.domain import conditions, rule_checking
from connector.domain.conditions import When
from connector.domain.rules import MAX_ACTIONS
from connector.settings import Settings
from connector.web.ui import action_forms
from connector.web.ui.forms import Form
from connector.web.ui.words import t


@dataclass
class ActionForm:
    """One action: its kind, its values, and what is wrong with it."""

    kind: str
    values: dict[str, str]
    form: Form = field(default_factory=Form)
    error: str = ""

    @property
    def fields(self) -> tuple[action_forms.Field, ...]:
        """What is asked."""
        return action_forms.fields(self.kind)

    @property
    def name(self) -> str:
        """What it is called."""
        return action_forms.kind_name(self.kind)

    def given(self) -> dict[str, Any]:
        """Return it as the API would be sent it."""
        return {"kind": self.kind, "params": action_forms.read(self.kind, self.values)}


@dataclass
class RuleForm:
    """All that somebody typed about a rule so far."""

    labels: list[str] = field(default_factory=list)
    sources: list[str] = field(default_factory=list)
    form: Form = field(default_factory=Form)
    actions: list[ActionForm] = field(default_factory=list)
    # Of the rule that the form began with; None for a new one.
    version: int | None = None

    @property
    def wrong(self) -> bool:
        """Whether anything was refused."""
        return bool(self.form.error or self.form.errors) or any(
            one.error or one.form.errors for one in self.actions
        )


def of_kept(when: Mapping[str, Any], actions: list[dict[str, Any]]) -> RuleForm:
    """Return the form of a rule as it is kept."""
    values = {name: _percent(when.get(f"{name}_confidence")) for name in ("min", "max")} | {
        "decided_by": when.get("decided_by", ""),
        "metadata": _metadata(when.get("metadata", {})),
    }
    return RuleForm(
        list(when.get("labels", ())),
        list(when.get("sources", ())),
        Form.empty(**values),
        [
            ActionForm(one["kind"], action_forms.shown(one["kind"], one["params"]))
            for one in actions
        ],
    )


def of_rule(row: Rule) -> RuleForm:
    """Return the form of a rule in force."""
    found = of_kept(conditions.of_rule(row), row.actions)
    found.version = row.version
    return found


def fresh(kind: str, label: str = "") -> RuleForm:
    """Return the form of a new rule that begins with an action of this kind."""
    first = ActionForm(kind, action_forms.start(kind))
    if kind == "rotate":
        first.values["to_upright"] = "on"
    return RuleForm([label] if label else [], [], Form.empty(), [first])


def sent() -> RuleForm:
    """Return the form that was sent."""
    found = RuleForm(request.form.getlist("label"), request.form.getlist("from"), Form.sent())
    if (version := request.form.get("version", "")).isdecimal():
        found.version = int(version[:9])
    for number in range(MAX_ACTIONS):
        kind = request.form.get(f"a{number}-kind")
        if kind is None:
            break
        if kind not in dict(action_forms.kinds()):
            continue
        values = {
            one.name: request.form.get(f"a{number}-{one.name}", "")
            for one in action_forms.fields(kind)
        }
        found.actions.append(ActionForm(kind, values))
    return found


def change(rule: RuleForm, do: str) -> bool:
    """Add, remove or shift an action where that was asked for; say whether it was."""
    what, _, number = do.partition("-")
    at = int(number) if number.isdecimal() and len(number) < 3 else -1
    actions = rule.actions
    if what == "add":
        kind = request.form.get("kind", "")
        if kind in dict(action_forms.kinds()) and len(actions) < MAX_ACTIONS:
            actions.append(ActionForm(kind, action_forms.start(kind)))
        return True
    if what not in ("remove", "up", "down"):
        return False
    if 0 <= at < len(actions):
        one = actions.pop(at)
        if what != "remove":
            actions.insert(max(0, at + (-1 if what == "up" else 1)), one)
    return True


def read(rule: RuleForm, settings: Settings) -> When | None:
    """Return when it is to hold, None where that is wrong; what is wrong is noted in the form.

    The actions are checked, too: names are looked up, so no transaction may be open.
    """
    given = _when(rule)
    found, wrong = rule_checking.read_when(given)
    for name, sentence in wrong.items():
        if name in FIELDS:
            rule.form.wrong(FIELDS[name], sentence)
        else:
            rule.form.error = sentence
    if not rule.actions:
        rule.form.error = t("rules.no_action")
    for problem in rule_checking.problems(settings, [one.given() for one in rule.actions]):
        one = rule.actions[problem.action]
        if problem.field:
            one.form.wrong(problem.field, problem.sentence)
        else:
            one.error = problem.sentence
    if rule.wrong:
        rule.form.status = 422
    return found


FIELDS = {
    "min_confidence": "min",
    "max_confidence": "max",
    "metadata": "metadata",
    "labels": "labels",
    "sources": "sources",
    "decided_by": "decided_by",
}


def _when(rule: RuleForm) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if rule.labels:
        found["labels"] = rule.labels
    for name in ("min", "max"):
        if text := rule.form[name].strip().removesuffix("%").strip():
            found[f"{name}_confidence"] = _share(text)
    if rule.form["decided_by"]:
        found["decided_by"] = rule.form["decided_by"]
    if metadata := read_metadata(rule.form["metadata"]):
        found["metadata"] = metadata
    if rule.sources:
        found["sources"] = rule.sources
    return found


def _share(text: str) -> float | str:
    try:
        return round(float(text.replace(",", ".")) / 100, 6)
    except ValueError:
        return text


def _percent(share: float | None) -> str:
    return "" if share is None else f"{share * 100:g}"


def read_metadata(text: str) -> dict[str, Any]:
    """Return names and values of lines such as "customer = acme | globex"."""
    found: dict[str, Any] = {}
    for line in text.splitlines():
        name, _, said = line.partition("=")
        if name.strip():
            values = [one.strip() for one in re.split(r"\s*\|\s*", said.strip())]
            found[name.strip()] = values[0] if len(values) == 1 else values
    return found


def _metadata(wanted: Mapping[str, Any]) -> str:
    def text(value: Any) -> str:
        return value if isinstance(value, str) else json.dumps(value)

    return "\n".join(
        f"{name} = {' | '.join(map(text, value)) if isinstance(value, list) else text(value)}"
        for name, value in wanted.items()
    )
