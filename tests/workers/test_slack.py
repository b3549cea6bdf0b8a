"""Socket mode: clicks over a connection of ours, acknowledged, once, and again after it broke."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from asking import ask, review_of, values
from fake_slack import APP_TOKEN, Answer, Slack
from fake_socket import Sockets, fake_sockets
from slack_asks import ask_in, questions, slack_of, text_of, work
from sqlalchemy import func, select

from connector.db.tables import Classifier, SlackSeen
from connector.domain.predictions import SourceRef
from workers import slack as socket_mode
from workers.runtime import Runtime

SECONDS = 60.0


@pytest.fixture
def sockets() -> Iterator[Sockets]:
    with fake_sockets() as server:
        yield server


@pytest.fixture
def slack(rt: Runtime, sockets: Sockets) -> Iterator[Slack]:
    with slack_of(rt) as server:
        server.socket_url = sockets.url
        # Nothing outside can reach it: no signing secret.
        changes = {"slack_app_token": APP_TOKEN, "slack_signing_secret": ""}
        rt.settings = rt.settings.model_copy(update=changes)
        yield server


@pytest.fixture
def asked(rt: Runtime, colours: Classifier, api_source: SourceRef, slack: Slack) -> str:
    """The timestamp of a message that asks a question."""
    ask_in(rt, colours)
    ask(rt, api_source)
    work(rt)
    return questions(rt.database)[0].ts or ""


@pytest.fixture
def process(rt: Runtime, asked: str) -> Iterator[threading.Thread]:
    thread = threading.Thread(target=socket_mode.serve, args=[rt])
    thread.start()
    yield thread
    rt.stopping.set()
    thread.join(SECONDS)
    assert not thread.is_alive()


def test_a_click_over_the_socket_answers_and_is_acknowledged(
    rt: Runtime, asked: str, slack: Slack, sockets: Sockets, process: threading.Thread
) -> None:
    connection = sockets.opened.get(timeout=SECONDS)
    click = slack.click(asked, "red")
    connection.deliver("env-1", click)
    assert sockets.said.get(timeout=SECONDS) == {"envelope_id": "env-1"}
    # Slack sends again what it got no answer to in time.
    connection.deliver("env-2", click)
    assert sockets.said.get(timeout=SECONDS) == {"envelope_id": "env-2"}
    [row] = questions(rt.database)
    review, _ = review_of(rt.database, row.review_id)
    assert values(review, "state", "label", "answered_by") == ("answered", "red", "bob (Slack)")
    with rt.database.read() as session:
        assert session.execute(select(func.count()).select_from(SlackSeen)).scalar_one() == 1
    work(rt)
    assert "bob (Slack) answered: *red*." in text_of(slack.updates[-1][2])


def test_it_connects_again_when_slack_says_so_or_the_line_breaks(
    rt: Runtime, asked: str, slack: Slack, sockets: Sockets, process: threading.Thread
) -> None:
    first = sockets.opened.get(timeout=SECONDS)
    first.tell({"type": "disconnect", "reason": "refresh_requested"})
    second = sockets.opened.get(timeout=SECONDS)
    second.drop()
    third = sockets.opened.get(timeout=SECONDS)
    third.deliver("env-1", slack.click(asked, "blue"))
    assert sockets.said.get(timeout=SECONDS) == {"envelope_id": "env-1"}
    [row] = questions(rt.database)
    assert review_of(rt.database, row.review_id)[0].label == "blue"


def test_what_is_no_interaction_is_acknowledged_and_does_nothing(
    rt: Runtime, asked: str, slack: Slack, sockets: Sockets, process: threading.Thread
) -> None:
    connection = sockets.opened.get(timeout=SECONDS)
    connection.deliver("env-1", {"type": "block_actions", "actions": []})
    connection.deliver("env-2", {"type": "shortcut"})
    found = {sockets.said.get(timeout=SECONDS)["envelope_id"] for _ in range(2)}
    assert found == {"env-1", "env-2"}
    [row] = questions(rt.database)
    assert review_of(rt.database, row.review_id)[0].state == "open"


def test_slack_that_is_away_is_waited_for(
    rt: Runtime,
    asked: str,
    slack: Slack,
    sockets: Sockets,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(socket_mode, "FIRST_PAUSE", 0.01)
    slack.instead = [Answer(500, b""), Answer(200, b'{"ok": false, "error": "invalid_auth"}')]
    thread = threading.Thread(target=socket_mode.serve, args=[rt])
    thread.start()
    sockets.opened.get(timeout=SECONDS)
    rt.stopping.set()
    thread.join(SECONDS)
    assert not thread.is_alive()
    assert caplog.text.count("Slack gives no connection") == 2


def test_without_a_token_it_waits_for_its_end(rt: Runtime) -> None:
    thread = threading.Thread(target=socket_mode.serve, args=[rt])
    thread.start()
    rt.stopping.set()
    thread.join(SECONDS)
    assert not thread.is_alive()
