"""Sending mail to a real SMTP server on loopback."""

from __future__ import annotations

import email
import socket
import threading
import time
from collections.abc import Iterator
from email.message import EmailMessage
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from connector.errors import Unprocessable
from connector.mail import MailFailed, check, check_address, send_mail
from connector.settings import Settings


class FreePort(Controller):
    """Listens on a port that the system chooses, where aiosmtpd itself wants to be told one."""

    def _trigger_server(self) -> None:
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


class Inbox:
    """Keeps what it is sent; refuses whom it is told to refuse."""

    def __init__(self) -> None:
        self.messages: list[tuple[list[str], EmailMessage]] = []
        self.logins: list[bytes] = []

    async def handle_RCPT(  # noqa: N802
        self, server: Any, session: Any, envelope: Any, address: str, options: Any
    ) -> str:
        if address.startswith("nobody"):
            return "550 no such user"
        if address.startswith("later"):
            return "451 try again later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802 - the name that aiosmtpd calls
        self, server: Any, session: Any, envelope: Any
    ) -> str:
        policy = email.policy.default
        message = email.message_from_bytes(envelope.content, policy=policy)
        self.messages.append((envelope.rcpt_tos, message))
        return "250 OK"

    def authenticate(self, server: Any, session: Any, envelope: Any, kind: str, data: Any) -> Any:
        self.logins.append(data.login)
        return AuthResult(success=data.password == b"s/cret", handled=False)


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
def server(inbox: Inbox) -> Iterator[Controller]:
    controller = FreePort(
        inbox,
        hostname="127.0.0.1",
        port=0,
        authenticator=inbox.authenticate,
        auth_require_tls=False,
    )
    controller.start()
    yield controller
    controller.stop()


@pytest.fixture
def settings(server: Controller) -> Settings:
    return Settings(smtp_url=f"smtp://127.0.0.1:{server.port}", mail_from="colabel@example.org")


def send(settings: Settings, **changes: Any) -> None:
    message = {"to": ["alice@example.com"], "subject": "S", "text": "T\n", "message_id": "act_1"}
    send_mail(settings, **(message | changes))


def test_a_message_arrives_whole(settings, inbox):
    send(
        settings,
        to=["alice@example.com", "bob@example.com", "alice@example.com"],
        subject="Größe 请",
        text="Grüße\n",
    )
    [(receivers, message)] = inbox.messages
    assert receivers == ["alice@example.com", "bob@example.com"]
    assert message["Subject"] == "Größe 请"
    assert message["Message-ID"] == "<act_1@example.org>"
    assert message.get_body().get_content() == "Grüße\r\n"


def test_no_header_can_be_smuggled_in(settings, inbox):
    send(settings, subject="a\r\nBcc: eve@example.com\r\n\r\nbody", message_id="x>\r\nBcc: eve")
    [(receivers, message)] = inbox.messages
    assert receivers == ["alice@example.com"]
    assert message["Bcc"] is None
    assert message["Subject"] == "a Bcc: eve@example.com body"


@pytest.mark.parametrize(
    "address",
    ["", "alice", "a@b\r\nBcc: c@d", "alice@", "@b", "a b@c.d", "a@b, c@d", "x" * 300 + "@b.c"],
)
def test_what_is_no_address_is_refused(address):
    with pytest.raises(Unprocessable, match="not an e-mail address"):
        check_address(address)


@pytest.mark.parametrize(("address", "permanent"), [("nobody@x.y", True), ("later@x.y", False)])
def test_a_refusal_says_whom_and_whether_to_try_again(settings, address, permanent):
    with pytest.raises(MailFailed, match=address) as caught:
        send(settings, to=[address])
    assert caught.value.permanent is permanent


def test_one_refused_receiver_of_two_is_reported_and_final(settings, inbox):
    with pytest.raises(MailFailed, match=r"later@x\.y") as caught:
        send(settings, to=["alice@example.com", "later@x.y"])
    assert caught.value.permanent
    assert len(inbox.messages) == 1


def test_user_and_password_are_unquoted_and_sent_to_loopback(settings, inbox):
    url = settings.smtp_url.replace("127.", "ann%40x.y:s%2Fcret@127.")
    send(settings.model_copy(update={"smtp_url": url}))
    assert inbox.logins == [b"ann@x.y"]
    assert len(inbox.messages) == 1


def test_a_wrong_password_is_final(settings):
    url = settings.smtp_url.replace("127.", "ann:wrong@127.")
    with pytest.raises(MailFailed, match="user name or password") as caught:
        send(settings.model_copy(update={"smtp_url": url}))
    assert caught.value.permanent


def test_without_a_server_the_setting_is_named():
    with pytest.raises(Unprocessable, match="COLABEL_SMTP_URL"):
        send(Settings())


def test_a_server_that_is_away_is_tried_again():
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(MailFailed) as caught:
        send(Settings(smtp_url=f"smtp://127.0.0.1:{port}"))
    assert not caught.value.permanent


def test_a_server_that_drips_bytes_ends_at_the_deadline():
    stop = threading.Event()

    def drip(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            try:
                while not stop.wait(0.05):
                    connection.sendall(b"2")
            except OSError:
                return

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=drip, args=(listener,))
        thread.start()
        started = time.monotonic()
        with pytest.raises(MailFailed) as caught:
            send(
                Settings(smtp_url=f"smtp://127.0.0.1:{listener.getsockname()[1]}"),
                deadline=0.5,
            )
        took = time.monotonic() - started
        stop.set()
        thread.join(5)
    assert 0.4 < took < 3
    assert not caught.value.permanent


def test_a_server_is_tried_without_sending_anything(settings, server, inbox):
    check(settings)
    mine = {"smtp_url": f"smtp://alice:s%2Fcret@127.0.0.1:{server.port}"}
    check(settings.model_copy(update=mine))
    wrong = {"smtp_url": f"smtp://alice:wrong@127.0.0.1:{server.port}"}
    with pytest.raises(MailFailed, match="refuses the user name or password"):
        check(settings.model_copy(update=wrong))
    assert set(inbox.logins) == {b"alice"}
    assert inbox.messages == []
