"""Webhooks in the browser: made, tried, seen in the log, failing, and sent again; labels merged."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing

import pytest
from browsing import PHONE, sideways, violations, window
from loopback import Loopback, answer
from playwright.sync_api import Browser, expect
from running import running
from sites import Opener, Site, furnished

from connector.signing import verify

# A worker may have to start first.
WORKER_MS = 60_000


@pytest.fixture(scope="module")
def site(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Give a service of this module alone, which may call receivers on this machine."""
    prepared, stage = furnished(tmp_path_factory.mktemp("webhooks") / "data")
    allowed = {"COLABEL_ALLOW_PRIVATE_ADDRESSES": "127.0.0.1"}
    with running(prepared, environment=allowed) as service:
        yield Site(service, stage)


@pytest.fixture
def receiver() -> Iterator[Loopback]:
    with closing(Loopback(answer())) as server:
        yield server


def headers_of(request: bytes) -> tuple[dict[str, str], bytes]:
    head, _, body = request.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")[1:]
    return {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}, body


def test_made_tried_failing_and_sent_again(open_as: Opener, receiver: Loopback) -> None:
    page = open_as("Alice", "/settings/webhooks")
    page.get_by_role("link", name="Add a webhook").click()
    page.get_by_label("Address").fill(receiver.url)
    page.get_by_label("A person is asked").check()
    page.keyboard.press("Enter")
    secret = page.locator(".copyable code").inner_text()
    assert violations(page) == []
    page.get_by_role("button", name="Send a test").click()
    expect(page.get_by_text("It took the test with 200")).to_be_visible()
    verify(secret, *headers_of(receiver.requests[0]))
    receiver.talk = answer(status="500 Oops")
    page.get_by_role("button", name="Send a test").click()
    expect(page.get_by_text("The test was not taken. The receiver answered 500.")).to_be_visible()
    expect(page.locator(".deliveries .badge")).to_have_text(["given up", "taken"])
    assert violations(page) == []
    receiver.talk = answer()
    # By keyboard alone; the log follows what the worker does.
    page.get_by_role("checkbox").first.focus()
    page.keyboard.press("Space")
    page.get_by_role("button", name="Send the chosen again").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("It is sent again.")).to_be_visible()
    expect(page.locator(".deliveries .badge").first).to_have_text("taken", timeout=WORKER_MS)
    ids = [headers_of(request)[0]["webhook-id"] for request in receiver.requests]
    assert (len(ids), len(set(ids))) == (3, 2)
    page.locator(".deliveries a").first.click()
    expect(page.get_by_text("Taken with 200")).to_be_visible()
    expect(page.get_by_text("This is a test from colabel.")).to_be_visible()
    assert violations(page) == []


def test_what_is_chosen_stays_chosen_while_the_log_follows(
    open_as: Opener, site: Site, receiver: Loopback
) -> None:
    values = {"url": receiver.url, "event_types": ["review.answered"]}
    made = site.service.call("POST", "/api/v1/webhooks", values)
    path = f"/api/v1/webhooks/{made['id']}/test"
    site.service.call("POST", path, {})
    page = open_as("Alice", f"/settings/webhooks/{made['id']}")
    page.get_by_role("checkbox").check()
    site.service.call("POST", path, {})
    expect(page.get_by_role("checkbox")).to_have_count(2, timeout=WORKER_MS)
    expect(page.get_by_role("checkbox").nth(1)).to_be_checked()
    expect(page.get_by_role("checkbox").nth(0)).not_to_be_checked()


def test_without_script_on_a_phone_two_labels_become_one(browser: Browser, site: Site) -> None:
    tab = f"/classifiers/{site.stage.classifiers['live']}/settings"
    token = site.token("Bob")
    with window(browser, site.url, token, size=PHONE, script=False) as page:
        page.goto(tab)
        page.get_by_role("link", name="Change the label red").click()
        expect(page.get_by_text(re.compile("pictures have this label"))).to_be_visible()
        page.get_by_label("Into which").select_option("blue")
        page.get_by_role("button", name="Merge").click()
        expect(page.get_by_text("“red” is part of “blue” now.")).to_be_visible()


def test_health_is_looked_at(open_as: Opener) -> None:
    page = open_as("Alice", "/settings/health")
    expect(page.get_by_text("Part by part")).to_be_visible()
    page.get_by_role("link", name="Check everything").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("can be written, read and deleted")).to_be_visible(timeout=WORKER_MS)
    expect(page.get_by_role("link", name="Check again")).to_be_visible()
    assert violations(page) == []
    assert sideways(page) == 0
