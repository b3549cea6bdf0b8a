"""What gets into the log, and what must not."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest

from connector.errors import ConfigurationError
from connector.logs import adopt_loggers, log_context, redact, setup_logging

log = logging.getLogger("connector.test")


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    before = root.handlers[:], root.level
    yield io.StringIO()
    root.handlers[:], level = before
    root.setLevel(level)
    logging.captureWarnings(False)


def test_text_is_one_line_with_what_it_is_about(stream: io.StringIO) -> None:
    setup_logging("act", logging.StreamHandler(stream))
    with log_context(prediction_id="pred_1"), log_context(action="move"):
        log.info("moved %s", "a\nforged \x1b[31mline")
    log.info("after")
    first, second = stream.getvalue().splitlines()
    assert first.endswith(
        r"INFO connector.test moved a\nforged \x1b[31mline [prediction_id=pred_1 action=move]"
    )
    assert second.endswith("INFO connector.test after")


def test_json_is_one_object_per_line(stream: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLABEL_LOG_FORMAT", "json")
    setup_logging("deliver", logging.StreamHandler(stream))
    with log_context(prediction_id="pred_1"):
        try:
            raise ValueError("two\nlines, password=hunter2")
        except ValueError:
            log.exception("it failed für Ölaf")
    (line,) = stream.getvalue().splitlines()
    event = json.loads(line)
    assert event["process"] == "deliver"
    assert event["prediction_id"] == "pred_1"
    assert event["message"] == "it failed für Ölaf"
    assert "ValueError: two\nlines" in event["exception"]
    assert "hunter2" not in line


def test_a_library_s_own_handlers_are_replaced(stream: io.StringIO) -> None:
    theirs = logging.getLogger("test.library")
    theirs.addHandler(logging.NullHandler())
    theirs.propagate = False
    setup_logging("web", logging.StreamHandler(stream))
    adopt_loggers("test.library")
    theirs.warning("listening")
    assert stream.getvalue().endswith("WARNING test.library listening\n")


@pytest.mark.parametrize(
    ("name", "value"), [("COLABEL_LOG_FORMAT", "xml"), ("COLABEL_LOG_LEVEL", "loud")]
)
def test_a_bad_setting_is_named(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError, match=name):
        setup_logging("web")


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Authorization: Bearer SECRET.abc-123", "Authorization: Bearer ***"),
        ("{'Authorization': 'bearer SECRET99'}", "{'Authorization': 'bearer ***'}"),
        ("POST /hooks/SECRET99/s3?x=1 HTTP/1.1", "POST /hooks/***/s3?x=1 HTTP/1.1"),
        ("redis://:SECRET@127.0.0.1:7000/0", "redis://:***@127.0.0.1:7000/0"),
        ("postgresql://colabel:SECRET@db/x", "postgresql://colabel:***@db/x"),
        ("signed with whsec_SECRET+/=", "signed with whsec_***"),
        ("the key clbl_SECRET99 is revoked", "the key clbl_*** is revoked"),
        ("GET /review/1?token=SECRET&page=2", "GET /review/1?token=***&page=2"),
        ('{"password": "SECRET", "a": 1}', '{"password": "***", "a": 1}'),
        ("X-Amz-Signature=SECRET&b=1", "X-Amz-Signature=***&b=1"),
        ("slack said no to xoxb-12-SECRET", "slack said no to xoxb-***"),
        (
            "https://hooks.slack.com/services/T0/B0/SECRET failed",
            "https://hooks.slack.com/services/*** failed",
        ),
        ("COLABEL_SECRET_KEY=SECRET", "COLABEL_SECRET_KEY=***"),
    ],
)
def test_secrets_are_hidden(text: str, kept: str) -> None:
    assert redact(text) == kept


@pytest.mark.parametrize(
    "text", ["the bearer of bad news", "http://127.0.0.1:8484/hooks", "12:30 to 14:00 @home"]
)
def test_other_text_stays(text: str) -> None:
    assert redact(text) == text
