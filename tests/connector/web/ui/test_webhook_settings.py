"""Webhooks on their pages: made, tried, failing, sent again, and nothing secret shown twice."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from conftest import Person
from flask import Flask
from loopback import Loopback, answer
from pagereading import Reader, queries
from running import until
from stage import Stage

from connector.db import Database
from connector.db.tables import Delivery, Webhook
from connector.domain import outbound
from connector.settings import Settings
from connector.signing import verify
from connector.web.ui import assets
from connector.web.ui.views.webhook_settings.pages import RECEIVERS
from workers import deliver
from workers.runtime import Runtime

PATH = "/settings/webhooks"
DOCS = Path(__file__).parents[4] / "docs" / "webhooks.md"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"allow_private_addresses": ["127.0.0.1"]})


@pytest.fixture
def server() -> Iterator[Loopback]:
    with closing(Loopback(answer())) as server:
        yield server


def make(alice: Reader, url: str, **values: object) -> tuple[str, str]:
    """Make a webhook on the page; return its path and its secret."""
    form = {"url": url, "event_type": ["alert.raised"], **values}
    made = alice.post(f"{PATH}/new", form, form=f"{PATH}/new")
    assert made.status_code == 200, made.text
    secret = re.search(r"<code[^>]*>(whsec_[^<]+)</code>", made.text)
    path = re.search(rf'href="({PATH}/wh_\w+)"', made.text)
    assert secret is not None
    assert path is not None
    return path[1], html.unescape(secret[1])


def emit(rt: Runtime, person: Person, count: int = 1) -> None:
    with rt.database.write() as session:
        for _ in range(count):
            outbound.emit(session, person.workspace_id, "alert.raised", {"id": "x"})


def headers_of(request: bytes) -> tuple[dict[str, str], bytes]:
    head, _, body = request.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")[1:]
    return {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}, body


def test_made_tried_and_seen_in_the_log(readers: dict[str, Reader], server: Loopback) -> None:
    alice = readers["Alice"]
    path, secret = make(alice, server.url)
    assert secret not in alice.get(path).text
    tested = alice.post(f"{path}/test", form=path)
    assert tested.headers["Location"] == path
    verify(secret, *headers_of(server.requests[0]))
    page = alice.get(path).text
    assert "It took the test with 200" in page
    assert "A test" in page
    server.talk = answer(status="500 Oops")
    alice.post(f"{path}/test", form=path)
    assert "The test was not taken. The receiver answered 500." in alice.get(path).text
    assert server.url in alice.get(PATH).text


def test_what_failed_is_sent_again_under_its_id(
    readers: dict[str, Reader], server: Loopback, rt: Runtime, alice: Person, database: Database
) -> None:
    reader = readers["Alice"]
    path, _ = make(reader, server.url)
    server.talk = answer(status="500 Oops")
    emit(rt, alice, 3)
    deliver.step(rt)
    page = reader.get(path).text
    assert "The receiver answered 500." in page
    assert "Nothing was taken since" in page
    with database.write() as session:
        rows = session.query(Delivery).join(Webhook).filter(Webhook.url == server.url).all()
        for row in rows:
            row.status, row.finished_at = "failed", datetime.now(UTC)
        ids = sorted(row.id for row in rows)
    server.talk = answer()
    one = f"{path}/deliveries/{ids[0]}"
    shown = reader.get(one).text
    assert '"type": "alert.raised"' in html.unescape(shown)
    assert reader.post(f"{one}/replay", form=path).headers["Location"] == one
    assert "It is sent again." in reader.get(one).text
    reader.post(f"{one}/replay", form=path)
    assert "still under way" in reader.get(one).text
    reader.post(f"{path}/replay", {"delivery": ids[1:]}, form=path)
    assert "2 messages are sent again." in reader.get(path).text
    until(lambda: deliver.step(rt) >= 0 and all_delivered(database, ids), 20, "all are taken")
    sent = {headers_of(request)[0]["webhook-id"] for request in server.requests[-3:]}
    with database.read() as session:
        assert sent == {session.get_one(Delivery, one).event_id for one in ids}


def all_delivered(database: Database, ids: list[str]) -> bool:
    with database.read() as session:
        return all(session.get_one(Delivery, one).status == "delivered" for one in ids)


def test_a_period_is_sent_again(readers: dict[str, Reader], stage: Stage) -> None:
    alice, path = readers["Alice"], f"{PATH}/{stage.ids['webhook_id']}"
    now = datetime.now(UTC)
    period = {
        "what": "period",
        "from": f"{now - timedelta(hours=1):%Y-%m-%dT%H:%M}",
        "to": f"{now:%Y-%m-%dT%H:%M}",
    }
    alice.post(f"{path}/replay", {**period, "state": "failed"}, form=path)
    assert "It is sent again." in alice.get(path).text
    alice.post(f"{path}/replay", {**period, "state": ""}, form=path)
    assert "2 messages are sent again." in alice.get(path).text
    alice.post(f"{path}/replay", {**period, "from": "soon"}, form=path)
    assert "Choose when the period begins" in alice.get(path).text
    alice.post(f"{path}/replay", form=path)
    assert "Choose the deliveries" in alice.get(path).text


def test_the_log_is_filtered_and_comes_in_pages(
    readers: dict[str, Reader], stage: Stage, rt: Runtime, alice: Person, server: Loopback
) -> None:
    reader, path = readers["Alice"], f"{PATH}/{stage.ids['webhook_id']}"

    def shown(query: str) -> list[str]:
        return re.findall(r'name="delivery" value="(dlv_\w+)"', reader.get(f"{path}?{query}").text)

    assert len(shown("")) == 3
    assert len(shown("state=failed")) == 1
    assert shown("state=cancelled") == [stage.ids["delivery_id"]]
    assert len(shown("type=prediction.completed")) == 2
    assert len(shown("type=prediction.completed&state=delivered")) == 1
    assert len(shown("since=hour")) == 3
    assert shown("type=model.promoted") == []
    assert len(shown("cursor=nonsense")) == 3
    many, _ = make(reader, server.url)
    emit(rt, alice, 30)
    first = reader.get(many).text
    following = re.search(r'rel="next" href="([^"]+)"', first)
    assert following is not None
    second = reader.get(html.unescape(following[1])).text
    ids = re.findall(r'name="delivery" value="(dlv_\w+)"', first + second)
    assert (len(ids), len(set(ids))) == (30, 30)


def test_filters_are_kept_and_come_back(
    readers: dict[str, Reader], stage: Stage, server: Loopback, database: Database
) -> None:
    alice = readers["Alice"]
    live = stage.classifiers["live"]
    path, _ = make(
        alice,
        server.url,
        classifier=[live],
        labels="red\n blue \n\n",
        least="90",
        decided_by="model",
    )
    with database.read() as session:
        row = session.get_one(Webhook, path.rpartition("/")[2])
        assert row.filters == {
            "classifier_ids": [live],
            "labels": ["red", "blue"],
            "min_confidence": 0.9,
            "decided_by": "model",
        }
    edit = alice.get(f"{path}/change").text
    assert 'value="90"' in edit
    assert "red\nblue" in edit
    assert re.search(rf'value="{live}" checked', edit)
    values = {"url": server.url, "event_type": ["model.promoted"], "classifier": [live]}
    assert alice.post(f"{path}/change", values, form=path).status_code == 303
    with database.read() as session:
        row = session.get_one(Webhook, path.rpartition("/")[2])
        assert (row.event_types, row.filters) == (["model.promoted"], {"classifier_ids": [live]})


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"url": "ftp://example.com/"}, "http"),
        ({"url": "http://169.254.169.254/"}, "169.254.169.254"),
        ({"event_type": []}, "Choose at least one."),
        ({"event_type": ["model.promoted"], "labels": "red"}, "cannot be asked for labels"),
        ({"least": "much"}, "a number from 0 to 100"),
        ({"least": "300"}, "That does not fit"),
        ({"least": "90", "most": "10"}, "would never hold"),
        ({"classifier": ["clf_none"]}, "There is no classifier clf_none"),
    ],
    ids=["scheme", "inside", "no-event", "senseless", "words", "beyond", "never", "foreign"],
)
def test_what_makes_no_sense_comes_back_with_a_sentence(
    readers: dict[str, Reader], server: Loopback, values: dict[str, object], said: str
) -> None:
    form = {"url": server.url, "event_type": ["alert.raised"], **values}
    page = readers["Alice"].post(f"{PATH}/new", form, form=f"{PATH}/new")
    assert page.status_code == 422
    assert said in html.unescape(page.text)
    assert html.escape(str(form["url"])) in page.text


def test_another_secret_signs_beside_the_one_before(
    readers: dict[str, Reader], server: Loopback
) -> None:
    alice = readers["Alice"]
    path, old = make(alice, server.url)
    page = alice.post(f"{path}/rotate", {"hours": "24"}, form=path)
    found = re.search(r"<code[^>]*>(whsec_[^<]+)</code>", page.text)
    assert found is not None
    new = html.unescape(found[1])
    assert "messages carry two signatures" in page.text
    assert "Two secrets are good until" in alice.get(path).text
    alice.post(f"{path}/test", form=path)
    for secret in (old, new):
        verify(secret, *headers_of(server.requests[-1]))
    alice.post(f"{path}/rotate", {"hours": "0"}, form=path)
    assert "Two secrets are good until" not in alice.get(path).text


def test_switched_off_on_and_ended(
    readers: dict[str, Reader], stage: Stage, server: Loopback, database: Database
) -> None:
    alice = readers["Alice"]
    path, _ = make(alice, server.url)
    alice.post(f"{path}/switch", {"on": "no"}, form=path)
    assert "Switched off by hand" in alice.get(path).text
    replayed = alice.post(f"{path}/replay", {"delivery": "dlv_1"}, form=path)
    assert replayed.status_code == 303
    assert "Switch it on again first." in alice.get(path).text
    alice.post(f"{path}/switch", {"on": "yes"}, form=path)
    assert "Switched off by hand" not in alice.get(path).text
    assert alice.post(f"{path}/delete", form=path).headers["Location"] == PATH
    assert alice.get(path).status_code == 404


def test_all_states_are_told_apart(readers: dict[str, Reader]) -> None:
    page = readers["Alice"].get(PATH).text
    for said in ("Takes what it gets", "Failing", "Off", "Every delivery has failed for 5 days."):
        assert said in page
    assert "3 attempts failed in a row" in page
    nothing = readers["Charlie"].get(PATH).text
    assert "Nobody is told anything yet" in nothing
    assert ".invalid" not in nothing


def test_the_log_follows_and_is_quiet_meanwhile(
    readers: dict[str, Reader], stage: Stage, database: Database
) -> None:
    path = f"{PATH}/{stage.ids['webhook_id']}"
    page = readers["Alice"].get(f"{path}/log")
    seen = re.search(r"seen=(\w{16})", page.text)
    assert seen is not None
    assert readers["Alice"].get(f"{path}/log?seen={seen[1]}").status_code == 204
    with database.write() as session:
        session.get_one(Delivery, stage.ids["delivery_id"]).status = "delivered"
    assert readers["Alice"].get(f"{path}/log?seen={seen[1]}").status_code == 200


def test_many_are_listed_with_few_queries(
    app: Flask, readers: dict[str, Reader], rt: Runtime, alice: Person
) -> None:
    def count() -> int:
        with queries(app.extensions["colabel"].database) as sent:
            assert readers["Alice"].get(PATH).status_code == 200
        return len(sent)

    few = count()
    with rt.database.write() as session:
        for number in range(20):
            wanted = outbound.Subscription(f"https://{number}.invalid/", ("alert.raised",))
            outbound.create_webhook(session, alice.workspace_id, wanted)
    assert count() == few


def test_the_code_that_is_shown_is_the_documented_one() -> None:
    text = DOCS.read_text("utf-8")
    for name in RECEIVERS.values():
        code = (assets.FOLDER / name).read_text("utf-8")
        assert f"\n{code}```" in text, name
