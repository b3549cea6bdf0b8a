"""A test of a rule's alerts over HTTP answers with what each channel said."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from caller import Caller
from fake_slack import TOKEN, Slack, fake_slack
from postbox import Postbox, plain, postbox

from connector.settings import Settings

ALERTS = [
    {"kind": "alert", "params": {"channel": "email", "to": ["alice@example.com"]}},
    {"kind": "copy", "params": {"folder": "kept"}},
    {"kind": "alert", "params": {"channel": "slack", "slack_channel": "alerts"}},
    {"kind": "alert", "params": {"channel": "webhook"}},
]


@pytest.fixture
def slack() -> Iterator[Slack]:
    with fake_slack() as server:
        yield server


@pytest.fixture
def box() -> Iterator[Postbox]:
    with postbox() as box:
        yield box


@pytest.fixture
def settings(settings: Settings, box: Postbox, slack: Slack) -> Settings:
    changes = {
        "smtp_url": box.url,
        "slack_token": TOKEN,
        "slack_api": f"{slack.url}/api",
        "allow_private_addresses": ["127.0.0.1"],
    }
    return settings.model_copy(update=changes)


def made(caller: Caller, job: Any, *actions: dict[str, Any]) -> str:
    response = caller.post(f"{job.path}/rules", json={"actions": list(actions)})
    assert response.status_code == 201, response.text
    return f"{job.path}/rules/{(response.json or {})['id']}/test-alert"


def test_each_channel_is_tried_and_says_what_came_back(
    as_alice: Caller, as_charlie: Caller, job: Any, box: Postbox, slack: Slack
) -> None:
    path = made(as_alice, job, *ALERTS)
    assert as_charlie.post(path).status_code == 404
    slack.channels.clear()
    mail, bot, event = (as_alice.post(path).json or {})["items"]
    assert (mail["position"], mail["ok"], mail["answer"]["to"]) == (0, True, ["alice@example.com"])
    [message] = box.messages
    assert "This is a test" in message["Subject"]
    assert "This is a test" in plain(message)
    assert (bot["position"], bot["ok"], bot["error"]["code"]) == (2, False, "slack_failed")
    assert "no channel alerts" in bot["error"]["detail"]
    assert (event["ok"], "alert.raised" in event["answer"]["note"]) == (True, True)
    assert (as_alice.get("/api/v1/digests").json or {})["items"] == []


def test_a_url_is_told_that_it_is_a_test_whatever_it_answers(
    as_alice: Caller, job: Any, slack: Slack
) -> None:
    url = {"kind": "alert", "params": {"channel": "webhook", "url": f"{slack.url}/services/none"}}
    [tried] = (as_alice.post(made(as_alice, job, url)).json or {})["items"]
    assert (tried["ok"], "answered 404" in tried["error"]["detail"]) == (False, True)


def test_a_rule_without_an_alert_has_none_to_test(as_alice: Caller, job: Any) -> None:
    response = as_alice.post(made(as_alice, job, ALERTS[1]))
    assert (response.status_code, (response.json or {})["code"]) == (422, "no_alert")
