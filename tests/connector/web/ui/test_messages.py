"""Messages on their page: what is set up, nothing secret of it, and whether a test arrives."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest
from fake_slack import TOKEN, Slack, fake_slack
from flask import Flask
from pagereading import Reader
from postbox import Postbox, plain, postbox
from stage import Stage

from connector.settings import Settings
from connector.web.app import create_app

PATH = "/settings/messages"
Opened = Callable[..., Reader]


@pytest.fixture
def opened(settings: Settings, stage: Stage) -> Iterator[Opened]:
    """Open the pages as Alice with other settings."""
    apps: list[Flask] = []

    def with_settings(**changes: object) -> Reader:
        changes["allow_private_addresses"] = ["127.0.0.1"]
        apps.append(create_app(settings.model_copy(update=changes)))
        return Reader(apps[-1], stage.people["Alice"].token)

    yield with_settings
    for app in apps:
        app.extensions["colabel"].database.close()
        app.extensions["colabel"].bells.client.close()


@pytest.fixture
def slack() -> Iterator[Slack]:
    with fake_slack() as server:
        yield server


@pytest.fixture
def box() -> Iterator[Postbox]:
    with postbox() as box:
        yield box


def said(reader: Reader, path: str = PATH) -> str:
    return html.unescape(reader.get(path).text)


def test_nothing_is_set_up_and_how_it_is_done(readers: dict[str, Reader]) -> None:
    page = said(readers["Alice"])
    assert page.count("Not set up") == 2
    assert "COLABEL_SMTP_URL=smtps://" in page
    assert "COLABEL_SLACK_TOKEN=xoxb-" in page
    tried = readers["Alice"].post(f"{PATH}/email", {"address": "a@example.com"}, form=PATH)
    assert tried.status_code == 422
    tried = readers["Alice"].post(f"{PATH}/slack", {"channel": "#alerts"}, form=PATH)
    assert tried.status_code == 422


def test_a_test_arrives_by_mail(opened: Opened, box: Postbox) -> None:
    alice = opened(smtp_url=box.url, mail_from="colabel@mill.example")
    page = said(alice)
    assert f"127.0.0.1, port {urlsplit(box.url).port}" in page
    assert 'value="alice@example.com"' in page
    sent = alice.post(f"{PATH}/email", {"address": " ops@mill.example "}, form=PATH)
    assert sent.status_code == 303
    assert "took a test for ops@mill.example" in said(alice)
    [message] = box.messages
    assert (message["To"], message["From"]) == ("ops@mill.example", "colabel@mill.example")
    assert "Alice sent it from the settings." in plain(message)


def test_what_the_mail_server_says_is_shown(opened: Opened, box: Postbox) -> None:
    alice = opened(smtp_url=box.url)
    box.refusal = "550 no such mailbox here"
    refused = alice.post(f"{PATH}/email", {"address": "ops@mill.example"}, form=PATH)
    assert refused.status_code == 422
    assert "no such mailbox here" in refused.text
    assert 'value="ops@mill.example"' in refused.text
    nonsense = alice.post(f"{PATH}/email", {"address": "nobody"}, form=PATH)
    assert "is not an e-mail address" in nonsense.text
    away = opened(smtp_url="smtp://127.0.0.1:9")
    tried = away.post(f"{PATH}/email", {"address": "ops@mill.example"}, form=PATH)
    assert "did not answer as it should" in tried.text


def test_no_password_is_shown(opened: Opened) -> None:
    url = "smtps://ops%40mill.example:of-the-tests@smtp.mill.example"
    page = said(opened(smtp_url=url, slack_token=TOKEN))
    assert "smtp.mill.example, port 465, encrypted from the start" in page
    assert "ops@mill.example" in page
    assert "of-the-tests" not in page


def test_whose_token_it_is(opened: Opened, slack: Slack) -> None:
    alice = opened(slack_token=TOKEN, slack_api=f"{slack.url}/api")
    page = said(alice)
    assert "There is a bot token" in page
    # Slack is not asked while somebody waits for the page.
    assert slack.authorizations == []
    for path in (f"{PATH}?check=1", f"{PATH}/slack"):
        assert "It is of The Paper Mill, where it is called colabel." in said(alice, path)
    wrong = opened(slack_token="xoxb-another", slack_api=f"{slack.url}/api")
    assert "Slack refuses the token" in said(wrong, f"{PATH}/slack")


def test_a_test_is_posted(opened: Opened, slack: Slack) -> None:
    alice = opened(slack_token=TOKEN, slack_api=f"{slack.url}/api")
    assert alice.post(f"{PATH}/slack", {"channel": "#alerts"}, form=PATH).status_code == 303
    assert "The test is posted to #alerts." in said(alice)
    [(channel, message)] = slack.posted
    assert channel == "C0ALERTS"
    assert "Alice sent it from the settings." in message["blocks"][0]["text"]["text"]
    refused = alice.post(f"{PATH}/slack", {"channel": "#nowhere"}, form=PATH)
    assert refused.status_code == 422
    assert "Slack finds no channel #nowhere" in refused.text
