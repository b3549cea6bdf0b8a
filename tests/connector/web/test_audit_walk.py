"""Every operation that changes something leaves an entry in the audit log: all of them are walked.

Whoever adds an operation adds a step here, or says below why it needs no entry.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from caller import Caller
from colours import add_version, picture
from conftest import Person
from flask import Flask
from loopback import Loopback, answer
from sqlalchemy import select, update
from werkzeug.test import TestResponse

from connector.db import Database
from connector.db.tables import AuditEntry, Classifier, Prediction
from connector.domain import outbound
from connector.settings import Settings
from connector.storage import LocalBlobs
from workers import deliver
from workers.runtime import Runtime

CHANGING = ("post", "patch", "delete", "put")
NEED_NONE = {
    "hooks_take": "a picture that comes in leaves its prediction, with its source",
    "s3_hook_take": "the same",
    "slack_hook_take": "an answer leaves its own, by whoever gave it in Slack",
    "rules_test_alert": "what it sends changes nothing here",
    "predictions_create": "the same",
    "predictions_call_back": "whoever asks is told; each delivery is kept",
    "sources_test": "a dry run, nothing is kept",
    "rules_preview": "a dry run, nothing is kept",
    "studies_rehearse": "a question about past pictures; it leaves its study and changes nothing",
    "studies_suggest": "the same",
    "studies_compare": "the same",
}
# Operation -> what its entry says.
LEAVE = {
    "classifiers_create": "classifier.created",
    "classifiers_change": "classifier.changed",
    "labels_create": "label.added",
    "labels_change": "label.renamed",
    "labels_merge": "label.merged",
    "labels_delete": "label.removed",
    "examples_create": "example.added",
    "examples_change": "example.labelled",
    "examples_label_many": "example.labelled",
    "examples_delete": "example.deleted",
    "imports_create": "import.started",
    "exchanges_create": "import.started",
    "sources_create": "source.created",
    "sources_change": "source.changed",
    "sources_rotate_token": "source.token_rotated",
    "sources_delete": "source.deleted",
    "sources_scan": "source.scanned",
    "s3_begin": "backfill.started",
    "s3_stop": "backfill.stopped",
    "undos_create": "undo.requested",
    "put_right_create": "prediction.put_right",
    "examples_delete_image": "example.picture_deleted",
    "predictions_delete_image": "prediction.picture_deleted",
    "training_create": "training.requested",
    "versions_promote": "version.promoted",
    "rules_create": "rule.created",
    "rules_change": "rule.changed",
    "rules_delete": "rule.deleted",
    "webhooks_create": "webhook.created",
    "webhooks_change": "webhook.changed",
    "webhooks_rotate": "webhook.secret_rotated",
    "webhooks_delete": "webhook.deleted",
    "deliveries_test": "webhook.tested",
    "deliveries_replay_one": "webhook.replayed",
    "deliveries_replay_period": "webhook.replayed",
    "actions_undo": "action.undo_requested",
    "actions_undo_all": "action.undo_requested",
    "reviews_answer": "review.answered",
    "reviews_none_of_these": "review.answered",
    "reviews_link": "review.link_made",
    "predictions_retry": "prediction.retried",
    "classifiers_delete": "classifier.deleted",
}
COPY = {"kind": "copy", "params": {"folder": "kept"}}


@pytest.fixture
def settings(settings: Settings, tmp_path: Path) -> Settings:
    (tmp_path / "in").mkdir()
    return settings.model_copy(
        update={
            "allow_private_addresses": ["127.0.0.1"],
            "folders": [tmp_path / "in"],
            "buckets": ["pictures"],
        }
    )


def changing(app: Flask) -> set[str]:
    document: dict[str, Any] = app.extensions["colabel.openapi"]()
    return {
        operation["operationId"]
        for methods in document["paths"].values()
        for method, operation in methods.items()
        if method in CHANGING
    }


def test_every_changing_operation_is_on_one_of_the_lists(app: Flask) -> None:
    assert set(LEAVE) | set(NEED_NONE) == changing(app)
    assert not set(LEAVE) & set(NEED_NONE)


class Walker:
    """Alice, who does one thing after the other; each must leave its entry."""

    def __init__(self, caller: Caller, person: Person, database: Database) -> None:
        self.caller, self.person, self.database = caller, person, database
        self.walked: list[str] = []

    def entries(self) -> list[AuditEntry]:
        with self.database.read() as session:
            statement = select(AuditEntry).where(
                AuditEntry.workspace_id == self.person.workspace_id
            )
            return list(session.scalars(statement.order_by(AuditEntry.id)))

    def __call__(self, method: str, path: str, **options: Any) -> Any:
        """Call, and see that exactly what the list says was written, by Alice."""
        before = len(self.entries())
        response: TestResponse = self.caller(method, path, **options)
        assert response.status_code < 300, response.text
        operation = self.operation(method, path)
        fresh = self.entries()[before:]
        assert LEAVE[operation] in [one.what for one in fresh], operation
        for one in fresh:
            assert (one.actor_kind, one.actor_name) == ("key", "Alice's key")
            assert one.actor_id is not None
            assert one.address == "127.0.0.1"
            assert one.resource_id
        self.walked.append(operation)
        return response.json

    def operation(self, method: str, path: str) -> str:
        adapter = self.caller.app.url_map.bind("localhost")
        endpoint, _ = adapter.match(path.partition("?")[0], method=method)
        return str(endpoint).replace(".", "_")


@pytest.fixture
def walker(as_alice: Caller, alice: Person, database: Database) -> Walker:
    return Walker(as_alice, alice, database)


def archive() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        file.writestr("red/a.png", picture("red", seed=50))
    return out.getvalue()


def test_every_changing_operation_leaves_an_entry(
    walker: Walker, app: Flask, rt: Runtime, job: Any, drain: Callable[[], None], blobs: LocalBlobs
) -> None:
    classifier_and_labels(walker)
    examples(walker, job.path)
    sources_and_rules(walker, job.path, rt.settings.folders[0])
    versions(walker, job, rt.database, blobs)
    effects_and_reviews(walker, job.path, drain)
    failures(walker, job.path, rt.database)
    with closing(Loopback(answer())) as server:
        webhooks(walker, server.url, rt)
    walker("DELETE", job.path)
    assert sorted(set(walker.walked)) == sorted(LEAVE)
    assert_no_secrets(walker)


def assert_no_secrets(walker: Walker) -> None:
    with walker.database.read() as session:
        kept = "".join(str((one.before, one.after)) for one in session.scalars(select(AuditEntry)))
        for table, columns in (("sources", ("token",)), ("webhooks", ("secret", "url"))):
            for column in columns:
                query = f"SELECT {column} FROM {table} WHERE {column} <> ''"
                for (secret,) in session.connection().exec_driver_sql(query):
                    assert secret not in kept, (table, column)


def classifier_and_labels(walker: Walker) -> None:
    made = walker("POST", "/api/v1/classifiers", json={"name": "new", "labels": ["a", "b", "c"]})
    path = f"/api/v1/classifiers/{made['id']}"
    walker("PATCH", path, json={"name": "newer", "threshold": 0.7})
    added = walker("POST", f"{path}/labels", json={"name": "d"})
    walker("PATCH", f"{path}/labels/{added['id']}", json={"name": "e", "position": 0})
    ids = [one["id"] for one in (walker.caller.get(f"{path}/labels").json or {})["items"]]
    walker("POST", f"{path}/labels/{ids[0]}/merge", json={"into": ids[1]})
    walker("DELETE", f"{path}/labels/{ids[2]}")


def examples(walker: Walker, path: str) -> None:
    ids = []
    for colour in ("red", "red", "blue", "blue"):
        data = picture(colour, seed=len(ids) + 20)
        options = {"content_type": "image/png", "query_string": {"label": colour}}
        ids.append(walker("POST", f"{path}/examples", data=data, **options)["id"])
    walker("PATCH", f"{path}/examples/{ids[0]}", json={"label": "green"})
    many = {"example_ids": ids[:2], "label": "blue"}
    walker("POST", f"{path}/examples/label", json=many)
    walker("PATCH", f"{path}/examples/{ids[0]}", json={"label": "red"})
    walker("PATCH", f"{path}/examples/{ids[1]}", json={"label": "red"})
    walker("POST", f"{path}/imports", data=archive(), content_type="application/zip")
    table = b"file,label\na.png,red\n"
    walker("POST", f"{path}/examples/imports", data=table, content_type="text/csv")
    walker("POST", f"{path}/training-runs", json={})
    walker("DELETE", f"{path}/examples/{ids[0]}")
    walker("DELETE", f"{path}/examples/{ids[2]}/image?force=true")


def sources_and_rules(walker: Walker, path: str, folder: Path) -> None:
    made = walker("POST", f"{path}/sources", json={"name": "Shop"})
    one = f"{path}/sources/{made['id']}"
    walker("PATCH", one, json={"state": "paused"})
    walker("POST", f"{one}/rotate-token", json={})
    walker("DELETE", one)
    wanted = {"kind": "folder", "name": "Scans", "settings": {"path": str(folder)}}
    scans = walker("POST", f"{path}/sources", json=wanted)
    walker("POST", f"{path}/sources/{scans['id']}/scan")
    wanted = {"kind": "s3", "name": "Bucket", "settings": {"buckets": ["pictures"]}}
    bucket = walker("POST", f"{path}/sources", json=wanted)
    back = walker("POST", f"{path}/sources/{bucket['id']}/backfills", json={})
    walker("POST", f"{path}/sources/{bucket['id']}/backfills/{back['id']}/stop")
    rule = walker("POST", f"{path}/rules", json={"label": "red", "actions": [COPY]})
    walker("PATCH", f"{path}/rules/{rule['id']}", json={"enabled": False})
    walker("DELETE", f"{path}/rules/{rule['id']}")


def versions(walker: Walker, job: Any, database: Database, blobs: LocalBlobs) -> None:
    with database.write() as session:
        add_version(session, blobs, session.get_one(Classifier, job.id), 2)
    walker("POST", f"{job.path}/versions/2/promote")


def send(walker: Walker, path: str, colour: str, seed: int = 70) -> str:
    data = picture(colour, seed=seed)
    response = walker.caller.post(f"{path}/predictions", data=data, content_type="image/png")
    return str((response.json or {})["id"])


def effects_and_reviews(walker: Walker, path: str, drain: Callable[[], None]) -> None:
    for folder in ("one", "two"):
        action = {"kind": "copy", "params": {"folder": folder}}
        walker("POST", f"{path}/rules", json={"label": "red", "actions": [action]})
    red, _ = send(walker, path, "red"), send(walker, path, "grey")
    drain()
    shown = walker.caller.get(f"/api/v1/predictions/{red}").json or {}
    # Not waited for: nobody works here meanwhile.
    walker("POST", f"/api/v1/actions/{shown['actions'][0]['id']}/undo")
    walker("POST", f"/api/v1/predictions/{red}/undo")
    drain()
    walker("POST", f"/api/v1/predictions/{red}/put-right", json={"label": "blue"})
    other = send(walker, path, "red", seed=71)
    drain()
    acted = (walker.caller.get(f"/api/v1/predictions/{other}").json or {})["actions"]
    walker("POST", "/api/v1/undos", json={"actions": [one["id"] for one in acted]})
    drain()
    (review,) = (walker.caller.get("/api/v1/reviews").json or {})["items"]
    walker("POST", f"/api/v1/reviews/{review['id']}/link", json={"name": "Dana"})
    walker("POST", f"/api/v1/reviews/{review['id']}/answer", json={"label": "blue"})
    drain()
    walker("DELETE", f"/api/v1/predictions/{review['prediction_id']}/image?force=true")
    send(walker, path, "grey", seed=72)
    drain()
    (review,) = (walker.caller.get("/api/v1/reviews").json or {})["items"]
    walker("POST", f"/api/v1/reviews/{review['id']}/none-of-these")


@pytest.fixture(autouse=True)
def _nobody_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Undo answers at once that it is under way."""
    from connector.web.api import actions

    monkeypatch.setattr(actions, "UNDO_SECONDS", 0.0)


def failures(walker: Walker, path: str, database: Database) -> None:
    green = send(walker, path, "green")
    with database.write() as session:
        failed = {"status": "failed", "error_code": "quarantined", "error": "It was set aside."}
        session.execute(update(Prediction).where(Prediction.id == green).values(**failed))
    walker("POST", f"/api/v1/predictions/{green}/retry")


def webhooks(walker: Walker, url: str, rt: Runtime) -> None:
    wanted = {"url": f"{url}/secret-path?key=1", "event_types": ["model.promoted"]}
    made = walker("POST", "/api/v1/webhooks", json=wanted)
    one = f"/api/v1/webhooks/{made['id']}"
    walker("POST", f"{one}/rotate-secret", json={})
    walker("POST", f"{one}/test")
    with rt.database.write() as session:
        outbound.emit(session, walker.person.workspace_id, "model.promoted", {})
    while deliver.step(rt):
        pass
    (sent,) = [
        delivery
        for delivery in (walker.caller.get(f"{one}/deliveries").json or {})["items"]
        if delivery["event_type"] == "model.promoted"
    ]
    walker("POST", f"{one}/deliveries/{sent['id']}/replay")
    period = {"from": "2020-01-01T00:00:00Z", "to": "2100-01-01T00:00:00Z"}
    walker("POST", f"{one}/replay", json=period)
    walker("PATCH", one, json={"url": f"{url}/another"})
    walker("PATCH", one, json={"enabled": False})
    walker("DELETE", one)
