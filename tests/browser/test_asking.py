"""Questions in Slack, from the settings on the page to a click in the channel: a real service."""

from __future__ import annotations

from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from browsing import violations, window
from fake_slack import SECRET, TOKEN, Slack, fake_slack, signed
from playwright.sync_api import Browser, expect
from running import running, until
from sites import Site, furnished
from slack_asks import text_of


@pytest.fixture
def slack() -> Iterator[Slack]:
    with fake_slack() as server:
        yield server


@pytest.fixture
def asking_site(slack: Slack, tmp_path: Path) -> Iterator[Site]:
    prepared, stage = furnished(tmp_path / "data")
    environment = {
        "COLABEL_SLACK_TOKEN": TOKEN,
        "COLABEL_SLACK_SIGNING_SECRET": SECRET,
        "COLABEL_SLACK_API": f"{slack.url}/api",
        "COLABEL_ALLOW_PRIVATE_ADDRESSES": "127.0.0.1",
    }
    with running(prepared, environment=environment) as service:
        yield Site(service, stage)


def clicked(site: Site, slack: Slack, ts: str, text: str) -> None:
    """Somebody clicks in Slack, which tells the service."""
    body, headers = signed(slack.click(ts, text))
    connection = HTTPConnection(urlsplit(site.url).netloc, timeout=10)
    connection.request("POST", "/slack/interactions", body, headers)
    assert connection.getresponse().status == 200
    connection.close()


def test_a_channel_is_chosen_and_a_click_in_it_answers(
    browser: Browser, asking_site: Site, slack: Slack
) -> None:
    classifier = asking_site.stage.classifiers["live"]
    with window(browser, asking_site.url, asking_site.token("Bob")) as page:
        page.goto(f"/classifiers/{classifier}/review")
        expect(page.get_by_text("1 question is open.")).to_be_visible()
        page.get_by_role("link", name="How people are asked").click()
        page.get_by_label("Channel", exact=False).first.fill("#alerts")
        page.get_by_label("Overdue after").fill("4")
        page.get_by_label("Settle it without anybody").check()
        page.get_by_label("The likeliest label").fill("90")
        assert violations(page) == []
        page.get_by_role("button", name="Save", exact=True).click()
        expect(page.get_by_text("Saved.")).to_be_visible()
        until(lambda: len(slack.posted) == 1, 30, "the question is asked in Slack")
        [(channel, ts)] = slack.messages
        assert "which is it?" in text_of(slack.messages[channel, ts])
        # Slack has the message a moment before that is written down.
        counted = page.get_by_text("1 open in Slack")
        until(lambda: page.reload() and counted.count(), 30, "the page counts it")
        page.get_by_role("button", name="Send a test message").click()
        expect(page.get_by_text("A message is in #alerts.")).to_be_visible()
        clicked(asking_site, slack, ts, "red")
        shown = "bob (Slack) answered: *red*."
        until(lambda: shown in text_of(slack.messages[channel, ts]), 30, "the message shows it")
        page.goto(f"/review/{asking_site.stage.ids['review_id']}")
        expect(page.get_by_text("bob (Slack) answered: red.")).to_be_visible()
