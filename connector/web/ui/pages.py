"""Pages with their declarations: whoever adds one says here where it is, who may see it, and what
it is called. Tests walk all of them, and nothing else adds pages.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, Literal, ParamSpec

from flask import Blueprint, g, request
from flask.typing import ResponseReturnValue

from connector.domain import audit_log, people
from connector.errors import Forbidden, NotFound
from connector.web.ui import security, visitors
from connector.web.ui.words import t

P = ParamSpec("P")
View = Callable[P, ResponseReturnValue]
Method = Literal["GET", "POST"]
Role = Literal["reviewer", "member", "owner"]

FORM_BYTES = 1_000_000


@dataclass(frozen=True)
class Page:
    """What is known of one page, part or action without calling it."""

    endpoint: str
    method: Method
    rule: str
    # The least that somebody must be; None: anybody may come, logged in or not.
    role: Role | None
    # The key of its title; None for what is no whole page: parts, pictures, files, actions.
    title: str | None
    limit: int


class Pages(Blueprint):
    """A blueprint whose every route is declared as a page, a part of one, or an action."""

    def __init__(self, name: str, import_name: str, *, anonymous: bool = False) -> None:
        """`anonymous` is for what is the same for everybody: nobody asks who is looking."""
        super().__init__(name, import_name)
        self.anonymous = anonymous
        self.pages: list[Page] = []
        self.after_request(security.harden)

    def page(
        self, rule: str, *, title: str, role: Role | None = "reviewer"
    ) -> Callable[[View[P]], View[P]]:
        """Register a whole page at GET `rule`; `title` is the key of what it is called."""
        return self._declare("GET", rule, role, title, FORM_BYTES)

    def part(self, rule: str, *, role: Role | None = "reviewer") -> Callable[[View[P]], View[P]]:
        """Register what is no page by itself at GET `rule`: a fragment, a picture, a file."""
        return self._declare("GET", rule, role, None, FORM_BYTES)

    def action(
        self, rule: str, *, role: Role | None = "member", limit: int = FORM_BYTES
    ) -> Callable[[View[P]], View[P]]:
        """Register what a form does, at POST `rule`, with a body of at most `limit` bytes.

        That the form is one of ours is checked before the view is called.
        """
        return self._declare("POST", rule, role, None, limit)

    def _declare(
        self, method: Method, rule: str, role: Role | None, title: str | None, limit: int
    ) -> Callable[[View[P]], View[P]]:
        def register(view: View[P]) -> View[P]:
            page = Page(f"{self.name}.{view.__name__}", method, rule, role, title, limit)
            self.pages.append(page)
            guarded = view if self.anonymous else _guarded(page, view)
            super(Pages, self).add_url_rule(rule, view.__name__, guarded, methods=[method])
            return view

        return register

    def add_url_rule(self, *_args: Any, **_options: Any) -> None:
        """Refuse: every route goes through `page`, `part` or `action`, which ask for a role."""
        raise TypeError("Use Pages.page, Pages.part or Pages.action, which ask who may come.")


def _guarded(page: Page, view: Callable[P, ResponseReturnValue]) -> Callable[..., Any]:
    @wraps(view)
    def endpoint(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
        g.page = page
        request.max_content_length = page.limit
        request.max_form_memory_size = FORM_BYTES
        who = visitors.identify(needed=page.role is not None)
        if page.role is not None:
            if who is None:
                return visitors.to_login()
            _require(who.role, page.role)
        if page.method == "POST":
            security.check_form()
        if any("\0" in str(value) for value in kwargs.values()):
            raise NotFound(t("errors.no_page"))
        with audit_log.acting(visitors.actor()):
            return view(*args, **kwargs)

    return endpoint


def _require(role: str, wanted: Role) -> None:
    if not people.may(role, wanted):
        raise Forbidden(t(f"errors.needs_{wanted}"), code="missing_role")
