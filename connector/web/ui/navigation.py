"""Where one can go: the main places, and the tabs of a classifier.

What is listed here and has no page yet is not shown.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from flask import current_app, g, url_for

from connector.domain import people
from connector.web.ui import visitors
from connector.web.ui.words import t

# Endpoint of the page, where its place may begin, key of its name, icon.
PLACES = (
    ("home.show", ("/classifiers",), "nav.classifiers", "grid"),
    ("review.show", ("/review",), "nav.review", "question"),
    ("activity.show", ("/activity", "/predictions"), "nav.activity", "list"),
    ("settings.show", ("/settings",), "nav.settings", "gear"),
)
# Endpoint of the page, key of its name, the least role that sees it.
CLASSIFIER_TABS = (
    ("classifier.show", "tabs.overview", people.REVIEWER),
    ("pictures.show", "tabs.pictures", people.REVIEWER),
    ("train.show", "tabs.train", people.REVIEWER),
    ("quality.show", "tabs.quality", people.REVIEWER),
    ("automate.show", "tabs.automate", people.REVIEWER),
    ("classifier_review.show", "tabs.review", people.REVIEWER),
    ("classifier_activity.show", "tabs.activity", people.REVIEWER),
    ("models.show", "tabs.models", people.REVIEWER),
    ("classifier_settings.show", "tabs.settings", people.MEMBER),
)
# Pages that belong to another one's tab.
WITHIN = {"asking": "classifier_review", "exchange": "pictures", "sample": "classifier"}
SETTINGS_TABS = (
    ("account.show", "settings.account", people.REVIEWER),
    ("people.show", "settings.people", people.OWNER),
    ("keys.show", "settings.keys", people.OWNER),
    ("webhook_settings.show", "settings.webhooks", people.OWNER),
    ("messages.show", "settings.messages", people.OWNER),
    ("storage.show", "settings.storage", people.OWNER),
    ("machine.show", "settings.health", people.OWNER),
)


class Item(NamedTuple):
    """A link to a place, and whether one is there."""

    url: str
    name: str
    current: bool
    icon: str = ""


def may(role: str) -> bool:
    """Say whether whoever is looking may do what this role may."""
    who = visitors.visitor()
    return who is not None and people.may(who.role, role)


def items() -> list[Item]:
    """Return the main places."""
    rule = str(g.page.rule) if "page" in g else ""
    return [
        Item(
            url_for(endpoint),
            t(name),
            rule.startswith(beginnings) or (rule == "/" and endpoint == "home.show"),
            icon,
        )
        for endpoint, beginnings, name, icon in PLACES
        if exists(endpoint)
    ]


def classifier_tabs(classifier_id: str) -> list[Item]:
    """Return the tabs of a classifier's pages."""
    return _tabs(CLASSIFIER_TABS, {"classifier_id": classifier_id})


def settings_tabs() -> list[Item]:
    """Return the tabs of the settings."""
    return _tabs(SETTINGS_TABS, {})


def _tabs(tabs: tuple[tuple[str, str, str], ...], values: dict[str, Any]) -> list[Item]:
    here = str(g.page.endpoint).partition(".")[0] if "page" in g else ""
    here = WITHIN.get(here, here)
    return [
        Item(url_for(endpoint, **values), t(name), endpoint.partition(".")[0] == here)
        for endpoint, name, role in tabs
        if exists(endpoint) and may(role)
    ]


def exists(endpoint: str) -> bool:
    """Say whether there is such a page yet."""
    return endpoint in current_app.view_functions
