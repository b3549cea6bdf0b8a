"""Logging: one line per event, as text or JSON, with what it is about and without secrets."""

from __future__ import annotations

import json
import logging
import os
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from types import TracebackType

from connector.errors import ConfigurationError

_about: ContextVar[Mapping[str, str]] = ContextVar("about", default={})  # noqa: B039 - never changed

HIDDEN = "***"
# What to look for first, in lower case: hardly any line holds one, and looking with the pattern
# takes a hundred times longer.
SECRETS: tuple[tuple[tuple[str, ...], re.Pattern[str], str], ...] = (
    # "Authorization: Bearer KEY", wherever it is quoted
    (
        ("bearer", "basic"),
        re.compile(r"(?i)\b(bearer|basic)(\s+)[\w.~+/=-]{6,}"),
        rf"\1\2{HIDDEN}",
    ),
    # /hooks/TOKEN: who knows the address may send pictures
    (
        ("hooks",),
        re.compile(r"(?i)((?:/|%2f)hooks(?:/|%2f))[^/\s\"'?#]+"),
        rf"\1{HIDDEN}",
    ),
    # /link/TOKEN: who knows the address may make an account or choose a password
    (
        ("link",),
        re.compile(r"(?i)((?:/|%2f)link(?:/|%2f))[^/\s\"'?#]+"),
        rf"\1{HIDDEN}",
    ),
    # scheme://user:password@host
    (("://",), re.compile(r"(\w://[^\s/:@\"']*:)[^\s/@\"']+(@)"), rf"\1{HIDDEN}\2"),
    # API keys, and the signing secrets of Standard Webhooks
    (("clbl_", "whsec_"), re.compile(r"\b(clbl_|whsec_)[\w+/=-]+"), rf"\1{HIDDEN}"),
    # Slack's tokens, and its incoming webhooks: who knows the address may post
    (("xox", "xapp-"), re.compile(r"\b(xox[a-z]-|xapp-)[\w-]+"), rf"\1{HIDDEN}"),
    (
        ("hooks.slack",),
        re.compile(r"(hooks\.slack(?:-gov)?\.com/\w+/)[^\s\"'?#]+"),
        rf"\1{HIDDEN}",
    ),
    # ?token=…, "password": "…", secret_key=…, X-Amz-Signature=…
    (
        ("token", "passw", "secret", "key", "signature"),
        re.compile(
            r"(?i)\b([\w-]*(?:token|password|passwd|secret|secret_key|api_?key|signature))"
            r"(\"?'?\s*[=:]\s*\"?'?)[^\s&\"',;}]+"
        ),
        rf"\1\2{HIDDEN}",
    ),
)


def redact(text: str) -> str:
    """Return the text with keys, tokens, passwords and signatures hidden."""
    lower = text.lower()
    for hints, pattern, replacement in SECRETS:
        if any(hint in lower for hint in hints):
            text = pattern.sub(replacement, text)
    return text


@contextmanager
def log_context(**about: str) -> Iterator[None]:
    """Add fields, such as prediction_id="pred_…", to every line that is logged inside the block."""
    token = _about.set({**_about.get(), **about})
    try:
        yield
    finally:
        _about.reset(token)


def note(logger: logging.Logger, message: str, **about: str | float | None) -> None:
    """Log a line of the level INFO with these fields beside those of the context.

    A name that the context has, too, is taken from here; None leaves a field out.
    """
    fields = {name: value for name, value in about.items() if value is not None}
    logger.info(message, extra={"about": fields}, stacklevel=2)


def _fields(record: logging.LogRecord) -> dict[str, str | float]:
    return {**_about.get(), **getattr(record, "about", {})}


def _time(record: logging.LogRecord) -> str:
    moment = datetime.fromtimestamp(record.created, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _one_line(text: str) -> str:
    """Escape control characters: a picture's name must not forge a line or steer a terminal."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


class TextFormatter(logging.Formatter):
    """`time LEVEL logger message [field=value …]`; a traceback follows on indented lines."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of one event."""
        about = "".join(f" {key}={value}" for key, value in _fields(record).items())
        line = f"{_time(record)} {record.levelname} {record.name} {record.getMessage()}"
        line = _one_line(redact(line + (f" [{about.strip()}]" if about else "")))
        if record.exc_info:
            trace = redact(self.formatException(record.exc_info))
            line += "".join(f"\n    {_one_line(part)}" for part in trace.splitlines())
        return line


class JsonFormatter(logging.Formatter):
    """One JSON object per event and line."""

    def __init__(self, process: str) -> None:
        super().__init__()
        self._process = process

    def format(self, record: logging.LogRecord) -> str:
        """Return the object of one event."""
        event = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "process": self._process,
            "pid": record.process,
            "logger": record.name,
            "message": redact(record.getMessage()),
            **{
                key: redact(value) if isinstance(value, str) else value
                for key, value in _fields(record).items()
            },
        }
        if record.exc_info:
            event["exception"] = redact(self.formatException(record.exc_info))
        return json.dumps(event, ensure_ascii=False)


def log_format() -> str:
    """Return COLABEL_LOG_FORMAT: "text" (the default) or "json". Raises ConfigurationError."""
    wanted = os.environ.get("COLABEL_LOG_FORMAT", "") or "text"
    if wanted not in ("text", "json"):
        raise ConfigurationError(
            f"COLABEL_LOG_FORMAT has a bad value ({wanted!r}): use text or json."
        )
    return wanted


def _log_level() -> int:
    wanted = os.environ.get("COLABEL_LOG_LEVEL", "") or "info"
    level = logging.getLevelNamesMapping().get(wanted.upper())
    if level is None:
        raise ConfigurationError(
            f"COLABEL_LOG_LEVEL has a bad value ({wanted!r}): use debug, info, warning or error."
        )
    return level


def setup_logging(name: str, handler: logging.Handler | None = None) -> None:
    """Send everything that is logged in this process, called `name`, to standard error.

    `handler` takes another way out. Warnings and uncaught exceptions are logged as well. Calling
    it again replaces what the first call set up. Raises ConfigurationError for a bad setting.
    """
    formatter = JsonFormatter(name) if log_format() == "json" else TextFormatter()
    level = _log_level()
    handler = handler or logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    logging.basicConfig(handlers=[handler], level=level, force=True)
    logging.captureWarnings(True)
    sys.excepthook = _log_uncaught


def adopt_loggers(*names: str) -> None:
    """Let loggers that a library gave handlers of its own (gunicorn's) log as everything else."""
    for name in names:
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True


def _log_uncaught(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
        return
    logging.getLogger(__name__).critical(
        "An error nobody expected ends this process: %s", error, exc_info=(kind, error, trace)
    )
