"""Templates to answers: whole pages, parts of pages, and parts that follow something live."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Any

from flask import Flask, Response, g, render_template, request, url_for
from jinja2 import StrictUndefined
from markupsafe import Markup

from connector.web.services import services
from connector.web.ui import assets, flashes, forms, navigation, security, themes, visitors
from connector.web.ui.icons import icon
from connector.web.ui.words import LANGUAGE, rich, t

HTML = "text/html; charset=utf-8"
# Stands where a live part says what it shows already.
SEEN = "__seen__"
AGES = ((60, "second"), (60, "minute"), (24, "hour"), (31, "day"))

# What is in a user agent -> what it is called; most say several, so the order counts.
BROWSERS = (
    ("Edg/", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)


def page(template: str, *, status: int = 200, **context: Any) -> Response:
    """Return a whole page; the template extends base.html, or outside.html before log-in."""
    response = Response(render_template(template, **context), status, content_type=HTML)
    return flashes.keep(response)


def part(template: str, *, status: int = 200, **context: Any) -> Response:
    """Return a fragment for htmx to put into a page."""
    return Response(render_template(template, **context), status, content_type=HTML)


def live(template: str, **context: Any) -> Response:
    """Return a fragment that asks for itself again every few seconds (`ui.live` makes it so).

    Where the page shows the same already, the answer is empty, and nothing on it is touched.
    Asking again costs less than a connection that stays: each would hold one of the web
    process's threads for as long as somebody has the page open.
    """
    text = render_template(template, **context)
    digest = hashlib.sha256(text.encode()).hexdigest()[:16]
    if request.args.get("seen") == digest:
        return Response(status=204)
    return Response(text.replace(SEEN, digest), content_type=HTML)


def go(endpoint: str, **values: Any) -> Response:
    """Lead on to a page after an action, as a form without script and htmx both understand."""
    return go_to(url_for(endpoint, **values))


def go_to(path: str) -> Response:
    """Lead on to an address of ours; one that somebody sent goes through `safe_path` first."""
    if visitors.is_htmx():
        answer = Response(status=204, headers={"HX-Redirect": path})
    else:
        answer = Response(status=303, headers={"Location": path})
    return flashes.keep(answer)


def set_up_templates(app: Flask) -> None:
    """Give every template what it may use without asking."""
    env = app.jinja_env
    env.undefined = StrictUndefined
    env.trim_blocks = env.lstrip_blocks = True
    env.globals.update(
        t=t,
        rich=rich,
        icon=icon,
        asset=assets.url,
        csrf_token=security.csrf_token,
        csrf_field=security.FIELD,
        csrf_header=security.HEADER,
        take_flashes=flashes.take,
        SEEN=SEEN,
        language=LANGUAGE,
        no_form=forms.Form.empty(),
    )
    env.filters.update(
        ago=ago, moment=moment, number=number, percent=percent, size=size, browser=browser
    )
    app.context_processor(_context)


def _context() -> dict[str, Any]:
    current = g.get("page")
    title = current.title if current is not None else None
    return {
        "visitor": visitors.visitor(),
        "page": current,
        "page_title": t(title) if title else "",
        "navigation": navigation.items,
        "classifier_tabs": navigation.classifier_tabs,
        "settings_tabs": navigation.settings_tabs,
        "theme": themes.chosen(),
        "public_url": services().settings.public_url,
        "is_htmx": visitors.is_htmx(),
        "may": navigation.may,
    }


def ago(value: datetime | None) -> Markup:
    """Return e.g. "3 minutes ago", with the exact time behind it."""
    if value is None:
        return Markup("")
    count: float = max(0.0, (datetime.now(UTC) - value).total_seconds())
    if count < 45:
        return _time(value, t("time.just_now"))
    for size_, unit in AGES:
        if count < size_:
            return _time(value, t(f"time.{unit}s_ago", count=int(count)))
        count /= size_
    return moment(value)


def moment(value: datetime | None) -> Markup:
    """Return e.g. "24 Nov 2026, 10:30 UTC"."""
    if value is None:
        return Markup("")
    at = value.astimezone(UTC)
    return _time(value, f"{at.day} {t(f'time.month_{at.month}')} {at:%Y, %H:%M} UTC")


def _time(value: datetime, text: str) -> Markup:
    at = value.astimezone(UTC)
    return Markup('<time datetime="{}" title="{}">{}</time>').format(
        at.isoformat(timespec="seconds"), f"{at:%Y-%m-%d %H:%M:%S} UTC", text
    )


def number(value: float | int | None) -> str:
    """Return a number with its thousands apart."""
    return "" if value is None else f"{value:,}"


def percent(value: float | None) -> str:
    """Return a share (0..1) in per cent, never 100 % or 0 % for what is a little less or more."""
    if value is None:
        return ""
    shown = f"{value:.0%}"
    if (shown == "100%" and value < 1) or (shown == "0%" and value > 0):
        shown = f"{value:.1%}"
    return {"100.0%": ">99.9%", "0.0%": "<0.1%"}.get(shown, shown)


def browser(user_agent: str) -> str:
    """Return e.g. "Firefox on Linux", as far as a browser says what it is."""
    name = next((shown for mark, shown in BROWSERS if mark in user_agent), None)
    system = next((shown for mark, shown in SYSTEMS if mark in user_agent), None)
    if name is None:
        return t("account.unknown_browser")
    return name if system is None else t("account.browser_on", browser=name, system=system)


def size(value: int | None) -> str:
    """Return bytes as a person says them."""
    amount = float(value or 0)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if amount >= 10 or unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} TB"
