"""Looking a name up can take seconds, and holds up nobody else's writes meanwhile."""

from __future__ import annotations

import socket
import sqlite3
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest
from caller import Caller

from connector import addresses
from connector.settings import Settings

URL = "https://slow.example/hook"
ALERT = {"kind": "alert", "params": {"channel": "webhook", "url": URL}}


@pytest.fixture
def looked_up(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Note of each look-up whether somebody else could have written to the database during it."""
    notes: list[str] = []
    path = settings.database.removeprefix("sqlite:///")

    def look_up(host: str, port: int, **_: Any) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as other:
            try:
                other.execute("BEGIN IMMEDIATE")
                notes.append(f"{host}: free")
            except sqlite3.OperationalError as error:
                notes.append(f"{host}: {error}")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("93.184.216.34", port))]

    monkeypatch.setattr(addresses.socket, "getaddrinfo", look_up)
    return notes


def webhook(caller: Caller, job: Any) -> Any:
    wanted = {"url": URL, "event_types": ["alert.raised"]}
    return caller.post("/api/v1/webhooks", json=wanted)


def rule(caller: Caller, job: Any) -> Any:
    return caller.post(f"{job.path}/rules", json={"label": None, "actions": [ALERT]})


def changed_rule(caller: Caller, job: Any) -> Any:
    copy = {"kind": "copy", "params": {"folder": "kept"}}
    made = caller.post(f"{job.path}/rules", json={"label": None, "actions": [copy]}).json or {}
    return caller("PATCH", f"{job.path}/rules/{made['id']}", json={"actions": [ALERT]})


def preview(caller: Caller, job: Any) -> Any:
    return caller.post(f"{job.path}/rules/preview", json={"label": None, "actions": [ALERT]})


@pytest.mark.parametrize("request_", [webhook, rule, changed_rule, preview])
def test_a_name_is_looked_up_while_others_may_write(
    as_alice: Caller, job: Any, looked_up: list[str], request_: Callable[[Caller, Any], Any]
) -> None:
    response = request_(as_alice, job)
    assert response.status_code in (200, 201), response.text
    assert looked_up == ["slow.example: free"]


def test_no_name_is_looked_up_for_somebody_elses_classifier(
    as_charlie: Caller, job: Any, looked_up: list[str]
) -> None:
    assert rule(as_charlie, job).status_code == 404
    assert preview(as_charlie, job).status_code == 404
    assert looked_up == []
