"""Digests over HTTP: what is gathered can be seen, and belongs to Alice's workspace alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from caller import Caller
from colours import picture
from postbox import Postbox, postbox

from connector.settings import Settings

MAIL = {"kind": "alert", "params": {"channel": "email", "to": ["alice@example.com"]}}


@pytest.fixture
def box() -> Iterator[Postbox]:
    with postbox() as box:
        yield box


@pytest.fixture
def settings(settings: Settings, box: Postbox) -> Settings:
    return settings.model_copy(update={"smtp_url": box.url})


def test_what_is_gathered_is_seen_and_taken_out(
    as_alice: Caller,
    as_bob: Caller,
    as_charlie: Caller,
    job: Any,
    drain: Callable[[], None],
    box: Postbox,
) -> None:
    rule = as_alice.post(f"{job.path}/rules", json={"actions": [MAIL]}).json or {}
    for colour in ("red", "red", "blue"):
        as_alice.post(f"{job.path}/predictions", data=picture(colour))
        drain()
    [digest] = (as_bob.get("/api/v1/digests?status=open").json or {})["items"]
    assert (digest["count"], digest["labels"]) == (2, {"blue": 1, "red": 1})
    assert (digest["rule_id"], digest["channel"]) == (rule["id"], "email")
    path = f"/api/v1/digests/{digest['id']}"
    assert as_bob.get(path).json == digest
    told = as_bob.get(f"/api/v1/predictions?digest_id={digest['id']}").json or {}
    assert [one["label"] for one in told["items"]] == ["blue", "red"]
    [alert] = told["items"][0]["actions"]
    assert (alert["status"], alert["undoable"]) == ("waiting", True)
    assert digest["due_at"] == alert["detail"]["waits_until"]

    assert as_charlie.get(path).status_code == 404
    assert (as_charlie.get("/api/v1/digests").json or {})["items"] == []
    others = as_charlie.get(f"/api/v1/predictions?digest_id={digest['id']}").json or {}
    assert others["items"] == []

    undone = as_alice.post(f"/api/v1/actions/{alert['id']}/undo")
    assert (undone.status_code, (undone.json or {})["status"]) == (200, "undone")
    assert (as_alice.get(path).json or {})["labels"] == {"red": 1}
    assert as_alice("DELETE", f"{job.path}/rules/{rule['id']}").status_code == 204
    assert (as_alice.get(path).json or {})["status"] == "cancelled"
    drain()
    assert len(box.messages) == 1
    assert as_alice.get("/api/v1/digests?status=eaten").status_code == 422
