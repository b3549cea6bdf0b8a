"""Looking at pages without a browser, and counting what they ask of the database."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flask import Flask
from sqlalchemy import event
from werkzeug.test import TestResponse

from connector.db import Database


class Reader:
    """Somebody with a browser of their own: keeps cookies, and sends forms as pages give them."""

    def __init__(self, app: Flask, token: str | None = None) -> None:
        self.client = app.test_client()
        if token is not None:
            self.client.set_cookie("colabel_session", token)

    def get(self, path: str, **options: Any) -> TestResponse:
        """Look at a page as a browser asks for it."""
        headers = {"Accept": "text/html", **options.pop("headers", {})}
        return self.client.get(path, headers=headers, buffered=True, **options)

    def post(
        self, path: str, data: dict[str, Any] | None = None, *, form: str = "/login", **options: Any
    ) -> TestResponse:
        """Send a form, with the token that the page at `form` holds for this browser."""
        headers = {"Accept": "text/html", **options.pop("headers", {})}
        values = {"csrf": self.csrf(form), **(data or {})}
        return self.client.post(path, data=values, headers=headers, **options)

    def csrf(self, path: str = "/login") -> str:
        """Return the token in the page there; whoever is logged in is led on to one that has it."""
        page = self.client.get(path, headers={"Accept": "text/html"}, follow_redirects=True)
        found = re.search(r'name="csrf" value="(\w+)"', page.text)
        assert found is not None
        return found[1]


@contextmanager
def queries(database: Database) -> Iterator[list[str]]:
    """Collect the statements that are sent to the database within the block."""
    sent: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if not statement.startswith(("BEGIN", "PRAGMA")):
            sent.append(statement)

    event.listen(database.engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(database.engine, "before_cursor_execute", note)
