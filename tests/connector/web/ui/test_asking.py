"""The page of how people are asked: Slack's channel, overdue questions, and setting Slack up."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from asking import ask
from fake_slack import Slack, fake_slack
from flask import Flask
from pagereading import Reader
from slack_asks import ask_in, questions, settings_of, work
from sqlalchemy import select
from stage import Stage

from connector.db import Database
from connector.db.tables import Asking, Classifier
from connector.domain import asking, picture_links
from connector.domain.predictions import SourceRef
from connector.settings import Settings
from workers.runtime import Runtime

Readers = dict[str, Reader]


@pytest.fixture
def slack() -> Iterator[Slack]:
    with fake_slack() as server:
        yield server


@pytest.fixture
def settings(settings: Settings, slack: Slack) -> Settings:
    return settings_of(settings, slack)


def path(stage: Stage, what: str = "") -> str:
    return f"/classifiers/{stage.classifiers['live']}/asking{what}"


FORM = {"channel": "#alerts", "most_open": "3", "enabled": "on", "do": "remind"}


def row(database: Database) -> Asking:
    with database.read() as session:
        return session.scalars(select(Asking)).one()


def test_a_channel_is_chosen_and_tried(
    readers: Readers, stage: Stage, database: Database, slack: Slack
) -> None:
    bob = readers["Bob"]
    assert "Nothing is set" in bob.get(path(stage)).text
    response = bob.post(
        path(stage), {**FORM, "overdue_hours": "4", "again_hours": "24"}, form="/review"
    )
    assert response.status_code == 303
    kept = row(database)
    assert (kept.channel, kept.most_open, kept.enabled) == ("#alerts", 3, True)
    assert (kept.overdue_hours, asking.overdue_of(kept).again_hours) == (4.0, 24.0)
    page = bob.get(path(stage)).text
    assert "This classifier has a way of its own." in page
    assert 'value="#alerts"' in page
    assert bob.post(path(stage, "/test"), form="/review").status_code == 303
    assert "test from colabel" in slack.posted[0][1]["text"]
    assert "A message is in #alerts" in bob.get(path(stage)).text
    slack.channels.clear()
    refused = bob.post(path(stage, "/test"), form="/review")
    assert refused.status_code == 422
    assert "no channel #alerts" in refused.text


def test_what_cannot_be_comes_back_with_its_sentence(
    readers: Readers, stage: Stage, database: Database
) -> None:
    for changed, sentence in (
        ({"most_open": "0"}, "Between 1 and 50"),
        ({"most_open": "many"}, "is not a number"),
        ({"overdue_hours": "nan"}, "is not a number"),
        ({"overdue_hours": "4", "do": "settle"}, "name a confidence"),
        ({"overdue_hours": "4", "do": "settle", "otherwise": "purple"}, "is not a label"),
        ({"channel": "no channel"}, "A channel is its name"),
    ):
        response = readers["Bob"].post(path(stage), {**FORM, **changed}, form="/review")
        assert response.status_code == 422, changed
        assert sentence in response.text.replace("&#39;", "'")
    with database.read() as session:
        assert session.scalars(select(Asking)).all() == []


def test_the_default_of_the_workspace(readers: Readers, stage: Stage, database: Database) -> None:
    alice, other = readers["Alice"], f"/classifiers/{stage.classifiers['collecting']}/asking"
    alice.post(path(stage), {**FORM, "for_all": "yes"}, form="/review")
    assert row(database).classifier_id is None
    for page in (path(stage), other):
        assert "The workspace’s default counts here." in alice.get(page).text
    alice.post(other, FORM, form="/review")
    assert "a way of its own" in alice.get(other).text
    alice.post(f"{other}/default", form="/review")
    assert "The workspace’s default counts here." in alice.get(other).text


def test_reviewers_and_outsiders_change_nothing(readers: Readers, stage: Stage) -> None:
    for name, status in (("Rosa", 403), ("Charlie", 404)):
        assert readers[name].get(path(stage)).status_code == status
        for what in ("", "/default", "/test"):
            response = readers[name].post(path(stage, what), FORM, form="/review")
            assert response.status_code == status, (name, what)


def test_why_it_was_switched_off_is_on_the_page(
    readers: Readers,
    rt: Runtime,
    colours: Classifier,
    stage: Stage,
    api_source: SourceRef,
    slack: Slack,
) -> None:
    ask_in(rt, colours)
    slack.revoked = True
    work(rt)
    page = readers["Bob"].get(path(stage)).text
    assert "Slack was switched off." in page
    assert "token_revoked" in page
    slack.revoked = False
    readers["Bob"].post(path(stage), FORM, form="/review")
    assert "Slack was switched off." not in readers["Bob"].get(path(stage)).text


def test_slack_fetches_the_picture_without_an_account_and_nothing_else(
    reader: Reader,
    rt: Runtime,
    colours: Classifier,
    api_source: SourceRef,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    [review_id] = ask(rt, api_source)
    url = picture_links.make(settings, review_id).removeprefix(settings.public_url)
    answer = reader.get(url)
    assert (answer.status_code, answer.mimetype) == (200, "image/jpeg")
    assert reader.get(url.replace("/picture", "x/picture")).status_code == 404
    assert reader.get(f"{picture_links.PATH}x/picture.jpg").status_code == 404
    # A link to answer by is signed with another salt, and opens no picture here.
    monkeypatch.setattr(picture_links, "SECONDS", -1)
    old = picture_links.make(settings, review_id).removeprefix(settings.public_url)
    assert reader.get(old).status_code == 410


def test_without_a_token_it_says_how_to_connect(
    app: Flask, readers: Readers, stage: Stage, settings: Settings
) -> None:
    here = app.extensions["colabel"]
    bare = {"slack_token": "", "slack_signing_secret": ""}
    object.__setattr__(here, "settings", here.settings.model_copy(update=bare))
    page = readers["Bob"].get(path(stage)).text
    assert "No Slack app is connected" in page
    assert f"request_url: {settings.public_url}/slack/interactions" in page
    assert "socket_mode_enabled: true" in page
    response = readers["Bob"].post(
        path(stage), {"overdue_hours": "8", "do": "remind", "most_open": "5"}, form="/review"
    )
    assert response.status_code == 303
    assert questions(here.database) == []
