"""What people do in Slack comes in over HTTP: signed, fresh, once; whoever is first is heard."""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from asking import ask, values
from fake_slack import SECRET, Slack, fake_slack, signed
from flask import Flask
from slack_asks import ask_in, questions, settings_of, text_of, work
from slack_sdk.signature import SignatureVerifier
from sqlalchemy import func, select

from connector import slack as wire
from connector.asks import slack_messages
from connector.db.tables import Classifier, Example, Label, Review, SlackReply, SlackSeen
from connector.domain import labels as labelling
from connector.domain.predictions import SourceRef
from connector.settings import Settings
from workers.runtime import Runtime

ON_BOTH_DATABASES = True
PATH = "/slack/interactions"


@pytest.fixture
def slack() -> Iterator[Slack]:
    with fake_slack() as server:
        yield server


@pytest.fixture
def settings(settings: Settings, slack: Slack) -> Settings:
    return settings_of(settings, slack)


@pytest.fixture
def asked(rt: Runtime, colours: Classifier, api_source: SourceRef, slack: Slack) -> str:
    """The timestamp of a message that asks a question."""
    ask_in(rt, colours)
    ask(rt, api_source)
    work(rt)
    return questions(rt.database)[0].ts or ""


def the_review(rt: Runtime) -> Review:
    with rt.database.read() as session:
        return session.scalars(select(Review)).one()


def send(app: Flask, payload: dict[str, Any], **how: Any) -> Any:
    body, headers = signed(payload, **how)
    return app.test_client().post(PATH, data=body, headers=headers)


def count(rt: Runtime, table: Any) -> int:
    with rt.database.read() as session:
        return session.execute(select(func.count()).select_from(table)).scalar_one()


def test_what_we_are_sent_is_what_slacks_own_verifier_takes(
    app: Flask, asked: str, slack: Slack
) -> None:
    body, headers = signed(slack.click(asked, "red"))
    assert SignatureVerifier(SECRET).is_valid_request(body, headers)
    response = app.test_client().post(PATH, data=body, headers=headers)
    assert (response.status_code, response.data) == (200, b"")


def test_a_double_click_counts_once_and_says_nothing(
    app: Flask, rt: Runtime, asked: str, slack: Slack
) -> None:
    for _ in range(2):
        assert send(app, slack.click(asked, "red")).status_code == 200
    work(rt)
    assert values(the_review(rt), "state", "label") == ("answered", "red")
    assert (count(rt, Example), len(slack.responses)) == (1, 0)
    assert len(slack.updates) == 1
    # Another answer of the same person's is told.
    slack.messages["C0ALERTS", asked] = slack.posted[0][1]
    send(app, slack.click(asked, "blue"))
    work(rt)
    assert slack.responses[0][1]["text"] == "You answered this already: *red*."


def test_the_same_request_again_does_nothing(
    app: Flask, rt: Runtime, asked: str, slack: Slack
) -> None:
    body, headers = signed(slack.click(asked, "red"))
    client = app.test_client()
    for _ in range(3):
        # Slack's own verifier takes a replay for five minutes.
        assert SignatureVerifier(SECRET).is_valid_request(body, headers)
        assert client.post(PATH, data=body, headers=headers).status_code == 200
    work(rt)
    assert (count(rt, SlackSeen), count(rt, SlackReply), count(rt, Example)) == (1, 0, 1)


def test_a_replay_after_a_correction_changes_nothing(
    app: Flask, rt: Runtime, colours: Classifier, asked: str, slack: Slack
) -> None:
    late = slack.click(asked, "blue", user="eve")
    body, headers = signed(late)
    send(app, slack.click(asked, "red"))
    client = app.test_client()
    for _ in range(2):
        assert client.post(PATH, data=body, headers=headers).status_code == 200
    work(rt)
    assert values(the_review(rt), "label", "answered_by") == ("red", "bob (Slack)")
    assert len(slack.responses) == 1, "told once, however often it is sent"


def test_a_late_answer_is_told_kindly_who_was_first(
    app: Flask, rt: Runtime, asked: str, slack: Slack
) -> None:
    late = slack.click(asked, "blue", user="carla")
    send(app, slack.click(asked, "red"))
    assert send(app, late).status_code == 200
    work(rt)
    [(path, said)] = slack.responses
    assert late["response_url"].endswith(path)
    assert said == {
        "response_type": "ephemeral",
        "replace_original": False,
        "text": "Thank you! bob (Slack) answered this just now: *red*.",
    }
    assert the_review(rt).label == "red"


def test_of_two_people_at_once_one_is_heard(
    app: Flask, rt: Runtime, asked: str, slack: Slack
) -> None:
    clicks = [slack.click(asked, label, user) for label, user in (("red", "ann"), ("blue", "ben"))]
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda one: send(app, one).status_code, clicks))
    assert answers == [200, 200]
    work(rt)
    review = the_review(rt)
    winner, other = ("ann", "ben") if review.label == "red" else ("ben", "ann")
    assert review.answered_by == f"{winner} (Slack)"
    [(path, said)] = slack.responses
    [loser] = [one for one in clicks if one["response_url"].endswith(path)]
    assert loser["user"]["name"] == other
    assert f"{winner} (Slack) answered this" in said["text"]
    assert count(rt, Example) == 1


def test_other_opens_a_choice_of_all_labels(
    app: Flask, rt: Runtime, colours: Classifier, api_source: SourceRef, slack: Slack
) -> None:
    with rt.database.write() as session:
        mine = session.get_one(Classifier, colours.id)
        for number in range(240):
            session.add(
                Label(classifier_id=mine.id, name=f"shade {number:03}", position=9 + number)
            )
    ask_in(rt, colours)
    ask(rt, api_source)
    work(rt)
    ts = questions(rt.database)[0].ts or ""
    assert len(list(text_of(slack.posted[0][1]).splitlines())) > 7
    opened = slack.click(ts, "Other…")
    assert send(app, opened).status_code == 200
    [(trigger, view)] = slack.views
    assert trigger == opened["trigger_id"]
    groups = view["blocks"][-1]["element"]["option_groups"]
    assert [len(group["options"]) for group in groups] == [100, 100, 43]
    assert the_review(rt).state == "open"
    sent = send(app, slack.choose(view, "shade 117"))
    assert (sent.status_code, sent.data) == (200, b"")
    work(rt)
    assert values(the_review(rt), "label", "answered_by") == ("shade 117", "bob (Slack)")
    assert "bob (Slack) answered: *shade 117*." in text_of(slack.updates[-1][2])
    # Somebody had the window open meanwhile.
    late = send(app, slack.choose(view, "shade 002", user="carla"))
    assert late.json["response_action"] == "errors"
    assert "bob (Slack) answered this just now: shade 117" in late.json["errors"]["choice"]


def test_a_window_that_cannot_be_opened_leads_to_the_page(
    app: Flask, rt: Runtime, colours: Classifier, api_source: SourceRef, slack: Slack
) -> None:
    with rt.database.write() as session:
        for number in range(5):
            session.add(
                Label(classifier_id=colours.id, name=f"shade {number}", position=9 + number)
            )
    ask_in(rt, colours)
    ask(rt, api_source)
    work(rt)
    payload = slack.click(questions(rt.database)[0].ts or "", "Other…")
    assert send(app, {**payload, "trigger_id": "too late"}).status_code == 200
    work(rt)
    assert f"/review/{the_review(rt).id}" in slack.responses[0][1]["text"]


def test_a_label_that_was_removed_since_is_told(
    app: Flask, rt: Runtime, colours: Classifier, asked: str, slack: Slack
) -> None:
    with rt.database.write() as session:
        mine = session.get_one(Classifier, colours.id)
        [blue] = session.scalars(
            select(Label).where(Label.classifier_id == mine.id, Label.name == "blue")
        )
        labelling.remove_label(session, mine, blue.id)
    assert send(app, slack.click(asked, "blue")).status_code == 200
    work(rt)
    assert "removed since" in slack.responses[0][1]["text"]
    assert the_review(rt).state == "open"


def test_a_message_that_nobody_wrote_down_shows_the_answer_too(
    app: Flask, rt: Runtime, asked: str, slack: Slack
) -> None:
    # Posted a second time by a worker that was killed before it could say so.
    slack.messages["C0ALERTS", "1700000000.900000"] = slack.posted[0][1]
    send(app, slack.click("1700000000.900000", "red"))
    work(rt)
    for ts in (asked, "1700000000.900000"):
        assert "bob (Slack) answered: *red*." in text_of(slack.messages["C0ALERTS", ts])


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"secret": "another secret"}, "bad_slack_signature"),
        ({"at": time.time() - 301}, "stale_slack_request"),
        ({"at": time.time() + 3600}, "stale_slack_request"),
    ],
)
def test_forged_and_stale_requests_are_refused(
    app: Flask, rt: Runtime, asked: str, slack: Slack, changed: dict[str, Any], code: str
) -> None:
    response = send(app, slack.click(asked, "red"), **changed)
    assert (response.status_code, response.json["code"]) == (401, code)
    assert the_review(rt).state == "open"


def test_nothing_is_read_of_what_is_not_signed(app: Flask, asked: str, slack: Slack) -> None:
    body, headers = signed(slack.click(asked, "red"))
    client = app.test_client()
    for changed in (
        {"X-Slack-Signature": ""},
        {"X-Slack-Signature": "v0=ä"},
        {"X-Slack-Request-Timestamp": "soon"},
        {"X-Slack-Request-Timestamp": str(int(headers["X-Slack-Request-Timestamp"]) + 1)},
    ):
        response = client.post(PATH, data=body, headers={**headers, **changed})
        assert (response.status_code, response.json["code"]) == (401, "bad_slack_signature")
    response = client.post(PATH, data=body.replace(b"red", b"blue"), headers=headers)
    assert response.status_code == 401
    for odd in (b"", b"payload=", b"payload=[]", b"payload=%7B", b"x=1", b"\xff", b"a=1&" * 50):
        timestamp = headers["X-Slack-Request-Timestamp"]
        told = {**headers, "X-Slack-Signature": _signature(timestamp, odd)}
        response = client.post(PATH, data=odd, headers=told)
        assert response.status_code == 400, odd


def _signature(timestamp: str, body: bytes) -> str:
    told = f"v0:{timestamp}:".encode() + body
    return f"v0={hmac.new(SECRET.encode(), told, hashlib.sha256).hexdigest()}"


def test_without_a_secret_there_is_nothing_here(app: Flask, asked: str, slack: Slack) -> None:
    here = app.extensions["colabel"]
    bare = here.settings.model_copy(update={"slack_signing_secret": ""})
    object.__setattr__(here, "settings", bare)
    response = send(app, slack.click(asked, "red"))
    assert (response.status_code, response.json["code"]) == (404, "slack_not_configured")


def test_a_test_message_says_that_its_button_works(
    app: Flask, rt: Runtime, colours: Classifier, slack: Slack
) -> None:
    where = wire.post_message(rt.settings, "#alerts", slack_messages.trial("colours", "http://x"))
    send(app, slack.click(where.ts, "Does this button work?"))
    work(rt)
    assert "The button works" in slack.responses[0][1]["text"]
