"""Sending e-mail through the SMTP server of the settings."""

from __future__ import annotations

import re
import smtplib
import socket
import ssl
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from urllib.parse import unquote, urlsplit

from connector.errors import ActionFailed, Unprocessable
from connector.settings import Settings

DEADLINE = 30.0
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f\u2028\u2029]+")


@dataclass(frozen=True)
class Inline:
    """A JPEG shown inside the HTML, which names it as cid:…; `cid` looks like an address."""

    cid: str
    name: str
    data: bytes


class MailFailed(ActionFailed):
    """The message was not accepted."""

    default_code = "mail_failed"
    title = "The e-mail could not be sent"


def check_address(address: str) -> str:
    """Return the bare address. Raises Unprocessable (code invalid_address)."""
    text = address.strip()
    try:
        parsed = Address(addr_spec=text)
    except (MessageError, ValueError, IndexError) as error:
        raise _invalid(text) from error
    if not parsed.domain or len(text) > 254 or _UNPRINTABLE.search(text):
        raise _invalid(text)
    return text


def _invalid(text: str) -> Unprocessable:
    return Unprocessable(
        f"“{text[:80]}” is not an e-mail address; write one like alice@example.com.",
        code="invalid_address",
    )


def check_configured(settings: Settings) -> None:
    """Refuse to go on without an SMTP server. Raises Unprocessable (code mail_not_configured)."""
    if not settings.smtp_url:
        raise Unprocessable(
            "No mail server is set up; set COLABEL_SMTP_URL to smtp://user:password@host:587 or "
            "smtps://user:password@host:465.",
            code="mail_not_configured",
        )


def send_mail(
    settings: Settings,
    *,
    to: Sequence[str],
    subject: str,
    text: str,
    message_id: str,
    html: str | None = None,
    inline: Sequence[Inline] = (),
    deadline: float = DEADLINE,
) -> None:
    """Send one message to all of `to`, within `deadline` seconds altogether.

    `message_id` should be the same when the same message is sent again, so that mail programs can
    recognise a repetition. With `html`, they show that or the text, whichever they like better;
    `inline` pictures belong to the HTML.
    Raises MailFailed (permanent or not) or Unprocessable.
    """
    check_configured(settings)
    message = _compose(settings, to, subject, message_id)
    message.set_content(text)
    if html is not None:
        _add_html(message, html, inline)
    recipients = list(message_recipients(to))
    with _told(settings, ", ".join(to)), _connection(settings.smtp_url, deadline) as client:
        refused = client.send_message(message, settings.mail_from, recipients)
    if refused:
        # The others have the message; sending it again to all would be worse.
        address, reason = next(iter(refused.items()))
        raise _refused(reason, address, permanent=True)


def check(settings: Settings, *, deadline: float = DEADLINE) -> None:
    """Connect and log in, but send nothing. Raises MailFailed, Unprocessable."""
    check_configured(settings)
    with _told(settings, "us"), _connection(settings.smtp_url, deadline):
        pass


@contextmanager
def _told(settings: Settings, whom: str) -> Iterator[None]:
    """Turn what goes wrong with the mail server in the block into MailFailed."""
    host = urlsplit(settings.smtp_url).hostname or "localhost"
    try:
        yield
    except smtplib.SMTPRecipientsRefused as error:
        raise _refused(next(iter(error.recipients.values())), whom) from error
    except smtplib.SMTPAuthenticationError as error:
        raise MailFailed(
            f"The mail server {host} refuses the user name or password; correct COLABEL_SMTP_URL."
        ) from error
    except smtplib.SMTPResponseException as error:
        raise _refused((error.smtp_code, _bytes(error.smtp_error)), host) from error
    except smtplib.SMTPNotSupportedError as error:
        raise MailFailed(
            f"The mail server {host} cannot do that ({error}); use another."
        ) from error
    except ssl.SSLError as error:
        raise MailFailed(
            f"No secure connection to the mail server {host} could be made; check its certificate "
            "and whether smtp:// or smtps:// is right.",
            permanent=False,
        ) from error
    except (OSError, smtplib.SMTPException) as error:
        raise MailFailed(
            f"The mail server {host} did not answer as it should; it is tried again. Check "
            "COLABEL_SMTP_URL if this lasts.",
            permanent=False,
        ) from error


def message_recipients(to: Sequence[str]) -> Iterator[str]:
    """Yield each valid address once. Raises Unprocessable."""
    yield from dict.fromkeys(check_address(address) for address in to)


def _bytes(value: bytes | str) -> bytes:
    return value if isinstance(value, bytes) else value.encode()


def _refused(answer: tuple[int, bytes], whom: str, *, permanent: bool | None = None) -> MailFailed:
    code, reason = answer
    said = _UNPRINTABLE.sub(" ", reason.decode(errors="replace"))[:200]
    return MailFailed(
        f"The mail server refused the message for {whom} ({code} {said}); check the address.",
        # RFC 5321, 4.2.1: 4yz replies are transient, 5yz permanent.
        permanent=code >= 500 if permanent is None else permanent,
    )


def _compose(settings: Settings, to: Sequence[str], subject: str, message_id: str) -> EmailMessage:
    message = EmailMessage()
    message["From"] = settings.mail_from
    message["To"] = ", ".join(message_recipients(to))
    # A line break in a header would begin another one.
    message["Subject"] = _UNPRINTABLE.sub(" ", subject)[:200].strip()
    message["Date"] = format_datetime(datetime.now(UTC))
    domain = settings.mail_from.rpartition("@")[2].strip("> ") or "localhost"
    message["Message-ID"] = f"<{re.sub(r'[^A-Za-z0-9_.-]', '', message_id)}@{domain}>"
    message["Auto-Submitted"] = "auto-generated"
    return message


def _add_html(message: EmailMessage, html: str, inline: Sequence[Inline]) -> None:
    """Make it multipart/alternative: the text, then multipart/related with HTML and pictures."""
    message.add_alternative(html, subtype="html")
    part = message.get_body(("html",))
    assert isinstance(part, EmailMessage)
    for one in inline:
        part.add_related(
            one.data,
            maintype="image",
            subtype="jpeg",
            cid=f"<{one.cid}>",
            filename=one.name,
            disposition="inline",
        )


@contextmanager
def _connection(url: str, deadline: float) -> Iterator[smtplib.SMTP]:
    """Connect, secure and log in; after `deadline` seconds the connection is cut off."""
    parts = urlsplit(url)
    host = parts.hostname or "localhost"
    context = ssl.create_default_context()
    # The default asks the DNS for our own name, which can take long where there is none.
    me = socket.gethostname()
    client: smtplib.SMTP
    if parts.scheme == "smtps":
        client = smtplib.SMTP_SSL(local_hostname=me, timeout=deadline, context=context)
        port = parts.port or 465
    else:
        client = smtplib.SMTP(local_hostname=me, timeout=deadline)
        port = parts.port or 587
    # connect() does not tell which name the certificate must bear, and the constructor would
    # connect before the watchdog is on.
    client._host = host  # type: ignore[attr-defined]
    watchdog = threading.Timer(deadline, _cut_off, [client])
    watchdog.daemon = True
    watchdog.start()
    try:
        client.connect(host, port)
        client.ehlo_or_helo_if_needed()
        if parts.scheme == "smtp" and client.has_extn("starttls"):
            client.starttls(context=context)
        if parts.username:
            _log_in(client, parts.scheme, host, unquote(parts.username), parts.password or "")
        yield client
        client.quit()
    finally:
        watchdog.cancel()
        client.close()


def _log_in(client: smtplib.SMTP, scheme: str, host: str, user: str, password: str) -> None:
    secure = isinstance(client.sock, ssl.SSLSocket)
    if not secure and host not in ("localhost", "127.0.0.1", "::1"):
        raise MailFailed(
            f"The mail server {host} offers no encryption ({scheme}), and the password is not sent "
            "in the clear; use smtps:// or a server with STARTTLS."
        )
    client.login(user, unquote(password))


def _cut_off(client: smtplib.SMTP) -> None:
    """A server that drips bytes resets every socket timeout; closing the socket ends it."""
    if client.sock is not None:
        try:
            client.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            return  # closed already, which is what was wanted
