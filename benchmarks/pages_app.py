"""The web application, which says of each request what it cost: `pages.py` runs it in gunicorn.

In the header X-Cost: milliseconds until the answer began, milliseconds of CPU time of the thread,
and statements that went to the database.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

from sqlalchemy import event

from connector.web.app import create_app

_SENT = threading.local()


def _note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
    if not statement.startswith(("BEGIN", "PRAGMA")):
        _SENT.count = getattr(_SENT, "count", 0) + 1


def _measured(application: Callable[..., Iterable[bytes]]) -> Callable[..., Iterable[bytes]]:
    def measured(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        _SENT.count = 0
        wall, busy = time.perf_counter(), time.thread_time()

        def start(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            spent = 1000 * (time.perf_counter() - wall), 1000 * (time.thread_time() - busy)
            cost = f"{spent[0]:.3f} {spent[1]:.3f} {_SENT.count}"
            return start_response(status, [*headers, ("X-Cost", cost)], *rest)

        return application(environ, start)

    return measured


app = create_app()
event.listen(app.extensions["colabel"].database.engine, "before_cursor_execute", _note)
app.wsgi_app = _measured(app.wsgi_app)  # type: ignore[method-assign]
