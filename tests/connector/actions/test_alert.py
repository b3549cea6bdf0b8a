"""Alerts: the event once, the post or e-mail not again once it is known to have left."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from PIL import Image
from postbox import Postbox, postbox
from pydantic import ValidationError

from connector.actions import get_action, held, local
from connector.actions.alert import AlertParams
from connector.errors import ColabelError, Conflict, FetchFailed, ForbiddenAddress, LostLease

ALERT = get_action("alert")


class Receiver(ThreadingHTTPServer):
    """Keeps what is posted to it and answers with `status`."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.status = 200
        self.bodies: list[dict[str, Any]] = []


class Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        self.server.bodies.append(json.loads(self.rfile.read(length)))
        self.send_response(self.server.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args: object) -> None:
        """Stay quiet."""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def posting(desk, receiver):
    desk.settings = desk.settings.model_copy(update={"allow_private_addresses": ["127.0.0.1"]})
    url = f"http://127.0.0.1:{receiver.server_port}/alert"
    return AlertParams(channel="webhook", url=url, message="{label} in {name}")


def picture() -> bytes:
    out = io.BytesIO()
    Image.linear_gradient("L").resize((640, 320)).convert("RGB").save(out, "JPEG")
    return out.getvalue()


def test_without_a_url_only_the_event_is_raised(desk):
    params = AlertParams(channel="webhook")
    outcome = ALERT.execute(params, held("0" * 64), desk.context())
    assert outcome.location is None
    [(kind, payload)] = desk.events
    assert kind == "alert.raised"
    assert payload["message"] == "scan 1.jpg was recognised as “invoice” (97%)."
    assert payload["prediction"]["created_at"] == "2026-10-03T12:00:00.000+00:00"
    json.dumps(payload)


def test_a_url_is_posted_to(desk, receiver, posting):
    ALERT.check(posting, desk.settings)
    outcome = ALERT.execute(posting, held("0" * 64), desk.context())
    [body] = receiver.bodies
    assert body["message"] == "invoice in scan 1.jpg"
    assert body == desk.events[0][1]
    assert outcome.detail["status_code"] == 200


def test_what_is_noted_as_sent_is_not_sent_again(desk, receiver, posting):
    for _ in range(2):
        ALERT.execute(posting, held("0" * 64), desk.context())
    assert len(receiver.bodies) == 1


@pytest.mark.parametrize(("status", "permanent"), [(500, False), (429, False), (404, True)])
def test_a_refused_post_raises_no_event(desk, receiver, posting, status, permanent):
    receiver.status = status
    with pytest.raises(FetchFailed, match=str(status)) as caught:
        ALERT.execute(posting, held("0" * 64), desk.context())
    assert caught.value.permanent is permanent
    assert desk.events == []


def test_an_address_inside_is_refused_when_saved_and_when_sent(desk):
    params = AlertParams(channel="webhook", url="http://127.0.0.1:9/")
    with pytest.raises(ForbiddenAddress):
        ALERT.check(params, desk.settings)
    with pytest.raises(ForbiddenAddress):
        ALERT.execute(params, held("0" * 64), desk.context())


def test_a_lost_lease_raises_no_event(desk):
    context = desk.context()

    def lost(journal: dict[str, Any]) -> None:
        raise LostLease("Another worker has this action.")

    context.record = lost
    with pytest.raises(LostLease):
        ALERT.execute(AlertParams(channel="webhook"), held("0" * 64), context)
    assert desk.events == []


@pytest.fixture
def inbox(desk) -> Iterator[Postbox]:
    with postbox() as box:
        desk.settings = desk.settings.model_copy(update={"smtp_url": box.url})
        yield box


@pytest.mark.parametrize("kind", ["held", "local"])
def test_an_e_mail_carries_a_small_picture(desk, inbox, kind):
    if kind == "held":
        location = held(desk.blobs.put(picture()))
    else:
        location = local(desk.file("in/a.jpg", picture()))
    params = AlertParams(channel="email", to="alice@example.com", subject="{label}!\n")
    ALERT.check(params, desk.settings)
    for _ in range(2):
        ALERT.execute(params, location, desk.context())
    [message] = inbox.messages
    assert message["Subject"] == "invoice!"
    [image] = [part for part in message.walk() if part.get_content_type() == "image/jpeg"]
    assert image.get_content_disposition() == "inline"
    with Image.open(io.BytesIO(image.get_content())) as thumbnail:
        assert thumbnail.size == (320, 160)
    html = message.get_body(("html",)).get_content()
    assert f"cid:{image['Content-ID'].strip('<>')}" in html


def test_an_e_mail_goes_without_a_picture_that_cannot_be_read(desk, inbox):
    params = AlertParams(channel="email", to=["alice@example.com"])
    outcome = ALERT.execute(params, local(desk.root / "gone.jpg"), desk.context())
    assert len(inbox.messages) == 1
    assert "No thumbnail" in outcome.detail["note"]


def test_e_mail_without_a_server_is_refused_when_saved(desk):
    with pytest.raises(ColabelError, match="COLABEL_SMTP_URL"):
        ALERT.check(AlertParams(channel="email", to=["a@b.cd"]), desk.settings)


def test_an_alert_cannot_be_taken_back(desk):
    assert not ALERT.undoable
    with pytest.raises(Conflict, match="cannot be undone"):
        ALERT.undo(AlertParams(channel="webhook"), {}, held("0" * 64), desk.context())


def test_while_its_window_is_open_it_is_gathered_or_left_out(desk, receiver, posting):
    often = posting.model_copy(update={"at_most_every": 60.0})
    for digest in (True, False):
        context = desk.context()
        context.may_tell = lambda window: False
        params = often.model_copy(update={"digest": digest})
        outcome = ALERT.execute(params, held("0" * 64), context)
        assert (outcome.gather == params.window()) is digest
        assert ("note" in outcome.detail) is not digest
    assert receiver.bodies == []
    assert [kind for kind, _ in desk.events] == ["alert.raised"] * 2


def test_what_was_sent_before_a_crash_asks_for_no_window(desk, receiver, posting):
    often = posting.model_copy(update={"at_most_every": 60.0})
    ALERT.execute(often, held("0" * 64), desk.context())
    context = desk.context()
    context.may_tell = lambda window: pytest.fail("asked again")
    outcome = ALERT.execute(often, held("0" * 64), context)
    assert (outcome.gather, len(receiver.bodies)) == (None, 1)


def test_people_are_told_less_often_than_programs():
    mail = AlertParams(channel="email", to="a@b.cd")
    assert mail.seconds == 300
    assert AlertParams(channel="webhook", url="https://example.com/").seconds == 0
    assert AlertParams(channel="webhook", at_most_every=60).seconds == 0
    assert AlertParams(channel="email", to="a@b.cd", at_most_every=0).seconds == 0
    others = AlertParams(channel="email", to="e@f.gh")
    assert mail.window().target != others.window().target
    reworded = AlertParams(channel="email", to=["a@b.cd"], message="{label}!")
    assert mail.window() == reworded.window()


@pytest.mark.parametrize(
    "params",
    [
        {"channel": "pigeon"},
        {"channel": "email", "to": ["a@b.cd"], "at_most_every": -1},
        {"channel": "email", "to": ["a@b.cd"], "at_most_every": 10**9},
        {"channel": "email"},
        {"channel": "email", "to": ["not an address"]},
        {"channel": "email", "to": ["a@b.cd"], "url": "https://example.com"},
        {"channel": "webhook", "to": ["a@b.cd"]},
        {"channel": "webhook", "message": "{nonsense}"},
        {"channel": "webhook", "message": "{label.__class__}"},
        {"channel": "webhook", "surprise": 1},
    ],
)
def test_parameters_that_do_not_fit_are_refused(params):
    with pytest.raises(ValidationError):
        AlertParams(**params)
