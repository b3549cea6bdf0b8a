"""What there is to say about the way to others: secrets, our own address, mail."""

from __future__ import annotations

import stat
import urllib.error
import urllib.request
from collections.abc import Iterator
from urllib.parse import urlsplit

from connector import mail
from connector.checkup.finding import Finding
from connector.errors import ColabelError
from connector.settings import Settings

SECONDS = 5.0
HERE = ("127.0.0.1", "localhost", "::1")


def run(settings: Settings, running: bool) -> Iterator[Finding]:
    """Look at each, as far as something is set up."""
    yield secret(settings)
    yield public_url(settings, running)
    yield mail_server(settings)


def secret(settings: Settings) -> Finding:
    """Do all machines sign with one secret, which nobody else can read?"""
    part = "secret key"
    if settings.secret_key:
        return Finding("ok", part, "COLABEL_SECRET_KEY is set.")
    if settings.database_url.startswith("postgresql"):
        return Finding(
            "warn",
            part,
            "COLABEL_SECRET_KEY is not set, so each data folder has one of its own: on several "
            "machines, links that one hands out are refused by the others. Set the same on all.",
        )
    path = settings.data_dir / "secret.key"
    if not path.exists():
        return Finding("ok", part, f"Is made at the first start, in {path}.")
    if stat.S_IMODE(path.stat().st_mode) & (stat.S_IRWXG | stat.S_IRWXO):
        return Finding("fail", part, f"Others can read {path}; run chmod 600 {path}.")
    return Finding("ok", part, f"{path}, which nobody else can read; keep it in the backup.")


def public_url(settings: Settings, running: bool) -> Finding:
    """Does the address that we give to others lead here?"""
    part, url = "public url", settings.public_url
    is_here = urlsplit(url).hostname in HERE
    if is_here and not running and not settings.redis_url:
        return Finding("ok", part, f"{url}, which answers once the service runs.")
    try:
        with urllib.request.urlopen(f"{url}/healthz", timeout=SECONDS) as answer:  # noqa: S310
            ours = b'"status"' in answer.read(1000)
    except (OSError, ValueError) as error:
        return Finding(
            "warn",
            part,
            f"{url} does not answer from here ({_reason(error)}). If it does not from elsewhere "
            "either, check COLABEL_PUBLIC_URL, the proxy, and that `colabel web` runs.",
        )
    if not ours:
        return Finding(
            "warn",
            part,
            f"Something else answers at {url}; check COLABEL_PUBLIC_URL and the proxy.",
        )
    if is_here:
        return Finding(
            "ok", part, f"{url} answers; for use from other machines set COLABEL_PUBLIC_URL."
        )
    return Finding("ok", part, f"{url} answers.")


def _reason(error: Exception) -> str:
    if isinstance(error, urllib.error.URLError) and not isinstance(error, urllib.error.HTTPError):
        return str(error.reason)
    return str(error)


def mail_server(settings: Settings) -> Finding:
    """Does the mail server let us in?"""
    if not settings.smtp_url:
        return Finding("ok", "mail", "None is set up (COLABEL_SMTP_URL): no alerts by e-mail.")
    try:
        mail.check(settings, deadline=SECONDS)
    except ColabelError as error:
        return Finding("fail", "mail", error.detail)
    return Finding("ok", "mail", f"The server lets us in; mails come from {settings.mail_from}.")
