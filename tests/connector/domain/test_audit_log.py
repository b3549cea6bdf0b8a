"""Entries of the audit log: with the change or not at all, brief, and without secrets."""

from __future__ import annotations

import threading

import pytest
from colours import picture
from conftest import Person
from sqlalchemy import select

from connector.db import Database
from connector.db.tables import AuditEntry, Classifier
from connector.domain import accounts, audit_log, classifiers, outbound, training, versions
from connector.domain.audit_log import Actor
from connector.domain.examples import add_example
from connector.settings import Settings
from connector.storage import LocalBlobs


def entries(database: Database, what: str | None = None) -> list[AuditEntry]:
    with database.read() as session:
        found = session.scalars(select(AuditEntry).order_by(AuditEntry.id)).all()
    return [one for one in found if what in (None, one.what)]


def test_it_is_written_with_the_change_or_not_at_all(database: Database, alice: Person) -> None:
    before = len(entries(database))

    def break_off() -> None:
        with database.write() as session:
            classifiers.create_classifier(session, alice.workspace_id, name="lost")
            raise KeyError

    with pytest.raises(KeyError):
        break_off()
    assert len(entries(database)) == before
    with database.write() as session:
        classifiers.create_classifier(session, alice.workspace_id, name="kept")
    assert [one.what for one in entries(database)[before:]] == ["classifier.created"]


def test_only_what_differs_is_kept(database: Database, alice: Person) -> None:
    with database.write() as session:
        values = {"before": {"a": 1, "b": 2}, "after": {"a": 1, "b": 3}}
        audit_log.note(session, alice.workspace_id, "x.changed", "x_1", **values)
        same = {"before": {"a": 1}, "after": {"a": 1}}
        audit_log.note(session, alice.workspace_id, "x.same", "x_1", **same)
    (entry,) = entries(database, "x.changed")
    assert (entry.before, entry.after) == ({"b": 2}, {"b": 3})
    assert entries(database, "x.same") == []


def test_long_texts_are_cut_and_secrets_masked(database: Database, alice: Person) -> None:
    after = {"text": "a" * 999, "many": list(range(999)), "inner": {"key": "clbl_SECRET99"}}
    with database.write() as session:
        audit_log.note(session, alice.workspace_id, "x.made", "x_1", after=after)
    (entry,) = entries(database, "x.made")
    assert entry.after is not None
    assert entry.after["text"] == "a" * 200 + "…"
    assert len(entry.after["many"]) == 50
    assert entry.after["inner"] == {"key": "clbl_***"}


@pytest.mark.parametrize(
    "url",
    [
        "https://hooks.slack.example/services/SECRET/SECRET2",
        "https://user:SECRET@example.com:8443/a?token=SECRET#SECRET",
    ],
)
def test_of_an_address_only_the_host_is_shown(url: str) -> None:
    shown = audit_log.shown_url(url)
    assert "SECRET" not in shown
    assert "user" not in shown
    assert "example" in shown


def test_a_webhook_whose_path_alone_changed_says_so(
    database: Database, alice: Person, settings: Settings
) -> None:
    first, second = (
        outbound.subscription(settings, f"https://93.184.216.34/{path}", ["alert.raised"])
        for path in ("SECRET1", "SECRET2")
    )
    with database.write() as session:
        webhook = outbound.create_webhook(session, alice.workspace_id, first)
        outbound.change_webhook(session, webhook, second, None)
        outbound.change_webhook(session, webhook, second, None)
    (entry,) = entries(database, "webhook.changed")
    assert entry.after == {"url_changed": True}


def test_somebody_acts_only_inside_the_block_and_in_this_thread(
    database: Database, alice: Person
) -> None:
    def make(name: str) -> None:
        with database.write() as session:
            accounts.create_key(session, alice.workspace_id, name)

    with audit_log.acting(Actor("cli", "root@host")):
        make("inside")
        thread = threading.Thread(target=make, args=("beside",))
        thread.start()
        thread.join()
        with audit_log.acting(Actor("person", "Zoë", address="10.0.0.1")):
            make("innermost")
    make("after")
    found = {
        one.after["name"]: (one.actor_kind, one.actor_name, one.address)
        for one in entries(database, "key.created")
        if one.after
    }
    assert found["inside"] == ("cli", "root@host", None)
    assert found["beside"] == ("system", "colabel", None)
    assert found["innermost"] == ("person", "Zoë", "10.0.0.1")
    assert found["after"] == ("system", "colabel", None)


def test_what_the_service_puts_live_by_itself_is_noted_too(
    database: Database, colours: Classifier
) -> None:
    new = versions.NewVersion("head", ("red",), {}, {}, {}, "b", "h", None)
    with database.write() as session:
        classifier = session.get_one(Classifier, colours.id)
        verdict = versions.Verdict(True, "Better.", 1)
        versions.register(session, classifier, None, new, verdict)  # type: ignore[arg-type]
    (entry,) = entries(database, "version.promoted")
    assert entry.actor_kind == "system"
    assert (entry.before, entry.after) == ({"live_version": 1}, {"live_version": 2})


def test_a_training_that_begins_by_itself_leaves_its_run_alone(
    database: Database, colours: Classifier, blobs: LocalBlobs, settings: Settings
) -> None:
    with database.write() as session:
        for seed, label in enumerate(("red", "red", "blue", "blue")):
            data = picture(label, seed=seed)
            add_example(session, blobs, settings, colours, data, label, "", "api")
        run = training.request_run(session, colours, reason="new_labels")
    assert entries(database, "training.requested") == []
    with database.write() as session:
        assert training.request_run(session, colours).id == run.id
    (entry,) = entries(database, "training.requested")
    assert entry.resource_id == run.id
