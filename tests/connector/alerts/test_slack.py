"""Alerts in Slack: posted by webhook or bot, with nobody called by a label or a name."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from fake_slack import TOKEN, Answer, Channel, Slack, check, fake_slack
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pydantic import ValidationError
from telling import EVIL, START, digest, shown, single

from connector.actions import get_action
from connector.alerts import channels
from connector.alerts.message import Digest, Message
from connector.alerts.params import AlertParams
from connector.alerts.slack_blocks import as_slack, escape
from connector.errors import ColabelError, Unprocessable
from connector.settings import Settings

BOT = AlertParams(channel="slack", slack_channel="#alerts")


@pytest.fixture
def slack() -> Iterator[Slack]:
    with fake_slack() as server:
        yield server


@pytest.fixture
def configured(slack: Slack) -> Settings:
    return Settings(
        slack_token=TOKEN,
        slack_api=f"{slack.url}/api",
        allow_private_addresses=["127.0.0.1"],
    )


def hook(slack: Slack) -> AlertParams:
    return AlertParams(channel="slack", url=slack.webhook)


def texts(message: dict[str, Any]) -> Iterator[str]:
    """Yield every text that Slack parses as mrkdwn."""
    yield message["text"]
    for block in message["blocks"]:
        for text in [block["text"]] if "text" in block else block["elements"]:
            if text["type"] == "mrkdwn":
                assert text["verbatim"]
                yield text["text"]


def calls(text: str) -> list[str]:
    """Return the control sequences in a text: mentions, channels and links."""
    return [part.partition(">")[0] for part in text.split("<")[1:]]


@pytest.mark.parametrize("message", [single(), digest()], ids=["single", "digest"])
def test_nobody_is_called_and_only_our_links_lead_anywhere(message: Message) -> None:
    said = as_slack(message)
    assert check(said) is None
    assert (said["parse"], said["link_names"]) == ("none", False)
    whole = "\n".join(texts(said))
    assert "&lt;!channel&gt;" in whole
    found = calls(whole)
    assert found
    assert all(one.startswith("https://colabel.example/") for one in found)
    assert said["blocks"][0]["type"] == ("section" if message.digest is None else "header")


@given(st.text(max_size=6000))
@hypothesis_settings(deadline=None, max_examples=50)
def test_whatever_a_label_is_the_message_has_slacks_form(label: str) -> None:
    one = shown(name=label, label=label, message=label or "x")
    told = Digest("dig_1", 60, [(f"{label}{n}", 1) for n in range(60)], START, START, one.url)
    headline = f"{label}: 60 alerts"
    for message in (
        Message("act_1", headline, label or "x", [one], {}),
        Message("dig_1-1", headline, headline, [one] * 5, {}, told),
    ):
        said = as_slack(message)
        assert check(said) is None
        assert all(part.startswith("https://") for part in calls("\n".join(texts(said))))


def test_values_that_grow_by_escaping_still_fit() -> None:
    long = "&" * 6000
    one = shown(label=long, message=long)
    told = Digest("dig_1", 60, [(f"{n}{long}", 1) for n in range(60)], START, START, one.url)
    assert check(as_slack(Message("act_1", long, long, [one], {}))) is None
    assert check(as_slack(Message("dig_1-1", long, long, [one] * 5, {}, told))) is None


def test_values_are_escaped_once_and_on_one_line() -> None:
    assert escape("a\n<b>\t&amp;") == "a &lt;b&gt; &amp;amp;"
    assert len(escape("x" * 10_000)) == 500


def test_an_incoming_webhook_is_posted_to_without_the_token(
    slack: Slack, configured: Settings
) -> None:
    detail = channels.send(hook(slack), single(), configured)
    [(where, message)] = slack.posted
    assert where == "webhook"
    assert "Prediction" in json.dumps(message)
    assert slack.authorizations[0][1] is None
    assert "services" not in json.dumps(detail)


def test_the_bot_posts_and_shows_the_picture_below(slack: Slack, configured: Settings) -> None:
    detail = channels.send(BOT, digest(pictures=2), configured)
    [(where, _)] = slack.posted
    assert (where, detail["slack_channel"], detail["note"]) == ("C0ALERTS", "C0ALERTS", None)
    uploads = list(slack.uploads.values())
    assert [upload.data for upload in uploads] == [b"\xff\xd8jpeg"] * 2
    assert {upload.shared for upload in uploads} == {("C0ALERTS", detail["ts"])}
    assert EVIL in uploads[0].alt
    told = {path.split("/")[1]: said for path, said in slack.authorizations}
    assert told == {"api": f"Bearer {TOKEN}", "upload": None}


def test_a_picture_that_cannot_be_uploaded_holds_no_message_back(
    slack: Slack, configured: Settings
) -> None:
    slack.scopes = {"chat:write", "chat:write.public"}
    detail = channels.send(BOT, single(), configured)
    assert "files:write" in detail["note"]
    slack.scopes.add("files:write")
    slack.channels["alerts"].member = False
    detail = channels.send(BOT, single(), configured)
    assert "/invite" in detail["note"]
    assert len(slack.posted) == 2


def refusal(params: AlertParams, settings: Settings) -> ColabelError:
    with pytest.raises(ColabelError) as caught:
        channels.send(params, single(), settings)
    assert TOKEN not in caught.value.detail
    return caught.value


def test_errors_say_what_to_do_about_them(slack: Slack, configured: Settings) -> None:
    nowhere = AlertParams(channel="slack", slack_channel="nowhere")
    slack.channels["old"] = Channel("C0OLD", archived=True)
    slack.channels["private"] = Channel("C0PRIVATE", member=False)
    old, private = (AlertParams(channel="slack", slack_channel=n) for n in ("old", "C0PRIVATE"))
    wrong = configured.model_copy(update={"slack_token": "xoxb-wrong"})
    for params, settings, said in (
        (nowhere, configured, "no channel nowhere"),
        (old, configured, "archived"),
        (private, configured, "/invite"),
        (BOT, wrong, "COLABEL_SLACK_TOKEN"),
    ):
        error = refusal(params, settings)
        assert said in error.detail
        assert (error.code, error.permanent) == ("slack_failed", True)
    gone = AlertParams(channel="slack", url=f"{slack.url}/services/T0/B0/gone")
    error = refusal(gone, configured)
    assert "make a new incoming webhook" in error.detail
    assert error.permanent
    assert slack.posted == []


@pytest.mark.parametrize("way", ["bot", "webhook"])
def test_what_passes_by_itself_is_told_from_what_does_not(
    slack: Slack, configured: Settings, way: str
) -> None:
    params = BOT if way == "bot" else hook(slack)
    slack.instead = [
        Answer(429, b"ratelimited", {"Retry-After": "77"}),
        Answer(429, b""),
        Answer(500, b"rollup_error"),
        Answer(503, b"<html>"),
    ]
    errors = [refusal(params, configured) for _ in range(4)]
    assert [error.permanent for error in errors] == [False] * 4
    assert [error.retry_after for error in errors] == [77, 30, None, None]


@pytest.mark.parametrize(
    ("answer", "permanent"),
    [
        ({"ok": False, "error": "internal_error"}, False),
        ({"ok": False, "error": "ratelimited"}, False),
        ({"ok": False, "error": "msg_too_long"}, True),
        ({"ok": False, "error": "<b>something new"}, False),
        ({"ok": False}, False),
        ({}, False),
        ([], False),
        ("ok", False),
    ],
)
def test_answers_that_are_not_ok(
    slack: Slack, configured: Settings, answer: Any, permanent: bool
) -> None:
    slack.instead = [Answer(200, json.dumps(answer).encode())]
    error = refusal(BOT, configured)
    assert error.permanent is permanent
    assert "<b>" not in error.detail


def test_an_upload_address_inside_is_not_called(slack: Slack, configured: Settings) -> None:
    inside = {"ok": True, "upload_url": "http://127.0.0.2:9/", "file_id": "F1"}
    posted = {"ok": True, "channel": "C0ALERTS", "ts": "1.2"}
    slack.instead = [Answer(200, json.dumps(one).encode()) for one in (posted, inside)]
    assert "not uploaded" in channels.send(BOT, single(), configured)["note"]


def test_it_is_checked_when_the_rule_is_saved(slack: Slack, configured: Settings) -> None:
    alert = get_action("alert")
    alert.check(BOT, configured)
    with pytest.raises(Unprocessable) as caught:
        alert.check(BOT, Settings())
    assert caught.value.code == "slack_not_configured"
    assert "services" not in alert.describe(hook(slack))
    assert alert.shown(hook(slack).model_dump())["url"].endswith("/services/T0/B0/***")
    for bad in (
        {},
        {"url": slack.webhook, "slack_channel": "alerts"},
        {"slack_channel": "<!channel>"},
        {"slack_channel": "alerts", "to": ["a@b.cd"]},
    ):
        with pytest.raises(ValidationError):
            AlertParams(channel="slack", **bad)
    with pytest.raises(ValidationError):
        AlertParams(channel="webhook", slack_channel="alerts")
