"""Health: what waits, who works, and whether each part is as it should be."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from flask import request
from flask.typing import ResponseReturnValue
from markupsafe import Markup, escape

from connector.checkup import checks, now
from connector.checkup import machine as computing
from connector.checkup.finding import Finding
from connector.checkup.now import Now
from connector.domain import facts
from connector.web.services import services
from connector.web.ui.pages import Pages
from connector.web.ui.rendering import live, page, part
from connector.web.ui.words import t

machine = Pages("machine", __name__)
TAB = "/settings/health"
_COMMAND = re.compile(r"`([^`]+)`")
_WORST = ("ok", "warn", "fail")


@machine.page(TAB, title="machine.title", role="owner")
def show() -> ResponseReturnValue:
    """All of it; with `all`, what takes longer to find out, too."""
    found = _checked() if request.args.get("all") else None
    return page("settings/machine.html", now=_now(), found=found, **_words())


@machine.part(f"{TAB}/state", role="owner")
def state() -> ResponseReturnValue:
    """How it does now, for the page to keep itself up to date."""
    return live("settings/machine_state.html", now=_now(), **_words())


@machine.part(f"{TAB}/checks", role="owner")
def everything() -> ResponseReturnValue:
    """Everything that `colabel doctor` looks at, looked at now."""
    return part("settings/machine_checks.html", found=_checked(), **_words())


def _now() -> Now:
    here = services()
    with here.database.read() as session:
        return now.look(session, here.bells.client, here.settings)


def _checked() -> list[Finding]:
    here = services()
    with here.database.read() as session:
        known = facts.several(session, (facts.DEVICE, facts.WEIGHTS))
    # Loading torch here to see what it can do would cost the web process dear: workers have said.
    of_machine = computing.known(known.get(facts.DEVICE), known.get(facts.WEIGHTS))
    return [*checks.run(here.settings), *of_machine]


def worst(findings: Sequence[Finding]) -> str:
    """Return how the worst of them is: ok, warn or fail."""
    return max((one.status for one in findings), key=_WORST.index, default="ok")


def shown(sentence: str) -> Markup:
    """Return a finding's sentence, its commands as such."""
    return Markup(_COMMAND.sub(r"<code>\1</code>", str(escape(sentence))))  # noqa: S704 - escaped


def lasting(seconds: float) -> str:
    """Return how long something has waited, as a person says it."""
    if seconds < 90:
        return t("machine.seconds", count=round(seconds))
    if seconds < 5400:
        return t("machine.minutes", count=round(seconds / 60))
    return t("machine.hours", count=round(seconds / 3600))


def _words() -> dict[str, Any]:
    return {"worst": worst, "shown": shown, "lasting": lasting}
