"""Questions in Slack: posted at a pace, answered by a click, and their messages show it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from asking import ask, review_of, values
from fake_slack import Answer, Channel, Slack
from slack_asks import (
    ask_in,
    click,
    questions,
    slack_of,
    text_of,
    the_asking,
    waits_are_over,
    work,
)
from slack_rules import buttons
from sqlalchemy import select

from connector.db.tables import AuditEntry, Classifier, SlackQuestion
from connector.domain import (
    asking,
    asking_messages,
    asking_turns,
    classifiers,
    corrections,
    leases,
    picture_links,
    reviews,
)
from connector.domain.asking import Wanted
from connector.domain.predictions import SourceRef
from connector.errors import LostLease
from connector.slack import Posted
from workers import clock
from workers.runtime import Runtime


@pytest.fixture
def slack(rt: Runtime) -> Iterator[Slack]:
    with slack_of(rt) as server:
        yield server


def test_a_question_is_asked_and_a_click_answers_it(
    rt: Runtime, colours: Classifier, api_source: SourceRef, slack: Slack
) -> None:
    ask_in(rt, colours)
    [review_id] = ask(rt, api_source)
    assert "ask" in clock.tick(rt)
    work(rt)
    assert "ask" not in clock.tick(rt)
    [(channel, message)] = slack.posted
    assert channel == "C0ALERTS"
    said = text_of(message)
    assert "*colours*: which is it?" in said
    assert f"{rt.settings.public_url}/review/{review_id}" in said
    review, prediction = review_of(rt.database, review_id)
    sure = prediction.probabilities or {}
    texts = [one["text"]["text"] for one in buttons(message)]
    assert texts == [*sorted(sure, key=lambda n: -sure[n]), "None of these"]
    [row] = questions(rt.database)
    assert (row.state, row.channel_id, row.ts) == ("open", channel, "1700000000.000001")
    assert click(rt, slack.click(row.ts, "blue")) is None
    review, prediction = review_of(rt.database, review_id)
    assert values(review, "state", "label", "answered_by") == ("answered", "blue", "bob (Slack)")
    assert values(prediction, "status", "label", "decided_by") == ("done", "blue", "person")
    work(rt)
    shown = slack.messages[channel, row.ts]
    assert "bob (Slack) answered: *blue*." in text_of(shown)
    assert list(buttons(shown)) == []
    assert questions(rt.database)[0].state == "closed"
    with rt.database.read() as session:
        entry = session.scalars(
            select(AuditEntry).where(AuditEntry.what == "review.answered")
        ).one()
    assert values(entry, "actor_kind", "actor_name", "actor_id") == (
        "slack",
        "bob (Slack)",
        "UBOB",
    )


def test_where_slack_cannot_reach_us_the_picture_is_uploaded_once(
    rt: Runtime, colours: Classifier, api_source: SourceRef, slack: Slack
) -> None:
    ask_in(rt, colours)
    ask(rt, api_source)
    work(rt)
    [message] = [message for _, message in slack.posted]
    [image] = [block for block in message["blocks"] if block["type"] == "image"]
    [number] = slack.uploads
    assert image["slack_file"] == {"id": number}
    assert slack.uploads[number].shared is None
    [row] = questions(rt.database)
    click(rt, slack.click(row.ts or "", "None of these"))
    work(rt)
    assert list(slack.uploads) == [number]
    assert "bob (Slack) answered: none of these." in text_of(slack.updates[-1][2])


@pytest.mark.parametrize(
    ("url", "reachable"),
    [
        ("http://127.0.0.1:8484", False),
        ("http://192.168.1.4", False),
        ("http://scanner:8484", False),
        ("http://localhost", False),
        ("https://93.184.216.34", True),
        ("https://[fd00::1]", False),
    ],
)
def test_who_is_inside_is_known_by_the_address(rt: Runtime, url: str, reachable: bool) -> None:
    settings = rt.settings.model_copy(update={"public_url": url})
    assert picture_links.is_reachable(settings) is reachable


def test_from_a_public_address_slack_fetches_the_picture(
    rt: Runtime, colours: Classifier, api_source: SourceRef, slack: Slack
) -> None:
    rt.settings = rt.settings.model_copy(update={"public_url": "https://93.184.216.34"})
    ask_in(rt, colours)
    ask(rt, api_source)
    work(rt)
    assert slack.uploads == {}
    [image] = [one for one in slack.posted[0][1]["blocks"] if one["type"] == "image"]
    start = "https://93.184.216.34/asked/"
    assert image["image_url"].startswith(start)
    assert image["image_url"].endswith("/picture.jpg")


def test_only_so_many_are_asked_at_once_and_a_line_tells_of_the_rest(
    rt: Runtime, colours: Classifier, api_source: SourceRef, slack: Slack
) -> None:
    ask_in(rt, colours, most_open=2)
    ask(rt, api_source, 5)
    work(rt)
    _, _, line = (message for _, message in slack.posted)
    assert "3 more questions wait" in text_of(line)
    assert f"/classifiers/{colours.id}/review" in text_of(line)
    click(rt, slack.click(questions(rt.database)[0].ts or "", "red"))
    work(rt)
    assert len(slack.posted) == 4
    assert "2 more questions wait" in text_of(slack.updates[-1][2])
    for row in questions(rt.database)[1:3]:
        click(rt, slack.click(row.ts or "", "red"))
    work(rt)
    assert "no more questions wait" in text_of(slack.updates[-1][2])
    assert [row.state for row in questions(rt.database)] == ["closed"] * 3 + ["open"] * 2


def test_an_answer_on_the_web_and_a_correction_are_shown(
    rt: Runtime, colours: Classifier, api_source: SourceRef, slack: Slack
) -> None:
    ask_in(rt, colours)
    [review_id] = ask(rt, api_source)
    work(rt)
    workspace = colours.workspace_id
    with rt.database.write() as session:
        reviews.answer(session, rt.settings, workspace, review_id, "red", by="Rosa")
    work(rt)
    assert "Rosa answered: *red*." in text_of(slack.updates[-1][2])
    by = corrections.By("Alice", "prs_alice", anybodys=True)
    with rt.database.write() as session:
        corrections.correct(session, rt.settings, workspace, review_id, None, by)
    work(rt)
    assert "Alice answered: none of these." in text_of(slack.updates[-1][2])
    assert len(slack.posted) == 1


def test_what_was_answered_before_it_could_be_asked_is_not_asked(
    rt: Runtime, colours: Classifier, api_source: SourceRef, slack: Slack
) -> None:
    ask_in(rt, colours)
    [review_id] = ask(rt, api_source)
    with rt.database.write() as session:
        claim, _ = asking_turns.claim(session, rt.settings, 0.0) or pytest.fail("nothing to do")
        assert len(asking_turns.plan(session, claim)) == 1
        reviews.answer(session, rt.settings, colours.workspace_id, review_id, "red", by="Rosa")
    work(rt)
    assert slack.posted == []
    assert questions(rt.database)[0].state == "closed"


def test_a_revoked_token_switches_the_asking_off_visibly(
    rt: Runtime,
    colours: Classifier,
    api_source: SourceRef,
    slack: Slack,
    caplog: pytest.LogCaptureFixture,
) -> None:
    ask_in(rt, colours)
    [review_id] = ask(rt, api_source)
    slack.revoked = True
    work(rt)
    row = the_asking(rt.database)
    assert (row.enabled, row.error_code) == (False, "slack_failed")
    assert "token_revoked" in (row.error or "")
    assert "switched off" in caplog.text
    with rt.database.read() as session:
        statement = select(AuditEntry).where(AuditEntry.what == "asking.switched_off")
        assert session.scalars(statement).one().classifier_id == colours.id
    assert review_of(rt.database, review_id)[0].state == "open"
    assert "ask" not in clock.tick(rt)
    slack.revoked = False
    ask_in(rt, colours)
    work(rt)
    assert len(slack.posted) == 1
    assert the_asking(rt.database).error is None


def test_what_was_answered_while_it_was_off_is_shown_afterwards(
    rt: Runtime, colours: Classifier, api_source: SourceRef, slack: Slack
) -> None:
    ask_in(rt, colours)
    [review_id] = ask(rt, api_source)
    work(rt)
    slack.revoked = True
    with rt.database.write() as session:
        reviews.answer(session, rt.settings, colours.workspace_id, review_id, "red", by="Rosa")
    work(rt)
    assert slack.updates == []
    slack.revoked = False
    ask_in(rt, colours)
    work(rt)
    assert "Rosa answered: *red*." in text_of(slack.updates[-1][2])


@pytest.mark.parametrize(
    ("channel", "says"),
    [("#nowhere", "no channel #nowhere"), ("#private", "/invite"), ("#old", "archived")],
)
def test_a_channel_that_takes_nothing_switches_it_off(
    rt: Runtime, colours: Classifier, api_source: SourceRef, slack: Slack, channel: str, says: str
) -> None:
    slack.channels |= {
        "private": Channel("C0PRIVATE", member=False),
        "old": Channel("C0OLD", archived=True),
    }
    ask_in(rt, colours, channel)
    ask(rt, api_source)
    work(rt)
    row = the_asking(rt.database)
    assert not row.enabled
    assert says in (row.error or "")


def test_slack_is_left_alone_for_as_long_as_it_asks(
    rt: Runtime, colours: Classifier, api_source: SourceRef, slack: Slack
) -> None:
    ask_in(rt, colours)
    ask(rt, api_source)
    slack.uploads.clear()
    slack.instead = [Answer(429, b"", {"Retry-After": "90"})]
    work(rt)
    row = the_asking(rt.database)
    assert row.enabled
    assert row.paused_until is not None
    assert row.failed_at is not None
    assert 80 <= (row.paused_until - row.failed_at).total_seconds() <= 91
    assert slack.posted == []
    assert "ask" not in clock.tick(rt)
    waits_are_over(rt)
    work(rt)
    assert len(slack.posted) == 1
    assert the_asking(rt.database).paused_until is None


def test_while_slack_is_away_the_questions_stay_on_the_page(
    rt: Runtime, colours: Classifier, api_source: SourceRef, slack: Slack
) -> None:
    api, rt.settings = (
        rt.settings.slack_api,
        rt.settings.model_copy(update={"slack_api": "http://127.0.0.1:1/api"}),
    )
    ask_in(rt, colours)
    [review_id] = ask(rt, api_source)
    for _ in range(8):
        work(rt)
        waits_are_over(rt)
    row = the_asking(rt.database)
    assert (row.enabled, row.failures) == (True, 8)
    assert review_of(rt.database, review_id)[0].state == "open"
    rt.settings = rt.settings.model_copy(update={"slack_api": api})
    work(rt)
    assert len(slack.posted) == 1


def test_a_picture_that_slack_cannot_show_holds_no_question_up(
    rt: Runtime, colours: Classifier, api_source: SourceRef, slack: Slack
) -> None:
    ask_in(rt, colours)
    ask(rt, api_source)
    refusal = Answer(200, b'{"ok": false, "error": "invalid_blocks"}')
    for _ in range(asking_messages.TRIES - 1):
        # An upload is three calls, and was done by the first attempt.
        [row] = questions(rt.database) or [None]
        steps = 0 if row is not None and row.file_id is not None else 3
        _refuse_after(slack, steps, refusal)
        work(rt)
        waits_are_over(rt)
    work(rt)
    [(_, message)] = slack.posted
    assert [one["type"] for one in message["blocks"]] == ["section", "actions", "context"]
    assert the_asking(rt.database).enabled


def _refuse_after(slack: Slack, steps: int, refusal: Answer) -> None:
    """Let so many calls pass and refuse the one after them."""
    slack.instead = [*[None] * steps, refusal]


def test_whoever_lost_the_lease_writes_nothing(
    rt: Runtime, colours: Classifier, api_source: SourceRef, slack: Slack
) -> None:
    ask_in(rt, colours)
    ask(rt, api_source)
    with rt.database.write() as session:
        slow, _ = asking_turns.claim(session, rt.settings, 0.0) or pytest.fail("nothing to do")
        [question_id] = asking_turns.plan(session, slow)
    work(rt)
    with rt.database.write() as session, pytest.raises(LostLease):
        asking_messages.note_posted(session, slow, question_id, Posted("C0ALERTS", "1.2"))
    [row] = questions(rt.database)
    assert row.ts == "1700000000.000001"
    with rt.database.write() as session, pytest.raises(LostLease):
        asking_messages.mine(session, leases.Claim(slow.ids, "made up", frozenset()))


def test_the_default_counts_for_whoever_has_no_own_way(
    rt: Runtime, colours: Classifier, api_source: SourceRef, slack: Slack
) -> None:
    slack.channels["sorting"] = Channel("C0SORTING")
    with rt.database.write() as session:
        asking.save_default(session, colours.workspace_id, Wanted(channel="#sorting"))
    ask(rt, api_source)
    work(rt)
    assert [channel for channel, _ in slack.posted] == ["C0SORTING"]
    ask_in(rt, colours)
    ask(rt, api_source, first=1)
    work(rt)
    assert [channel for channel, _ in slack.posted][1:] == ["C0ALERTS"]
    with rt.database.write() as session:
        asking.follow_default(session, session.get_one(Classifier, colours.id))
    ask(rt, api_source, first=2)
    work(rt)
    assert [channel for channel, _ in slack.posted][2:] == ["C0SORTING"]
    with rt.database.read() as session:
        assert len(set(session.scalars(select(SlackQuestion.asking_id)))) == 2


def test_switched_off_by_a_person_it_asks_no_more_and_still_shows_answers(
    rt: Runtime, colours: Classifier, api_source: SourceRef, slack: Slack
) -> None:
    ask_in(rt, colours)
    [first] = ask(rt, api_source)
    work(rt)
    ask_in(rt, colours, enabled=False)
    ask(rt, api_source, first=1)
    with rt.database.write() as session:
        reviews.answer(session, rt.settings, colours.workspace_id, first, "red", by="Rosa")
    work(rt)
    assert len(slack.posted) == 1
    assert "Rosa answered: *red*." in text_of(slack.updates[-1][2])


def test_questions_of_a_deleted_classifier_take_no_room(
    rt: Runtime, colours: Classifier, api_source: SourceRef, slack: Slack
) -> None:
    with rt.database.write() as session:
        asking.save_default(session, colours.workspace_id, Wanted(channel="#alerts", most_open=1))
    ask(rt, api_source)
    work(rt)
    with rt.database.write() as session:
        row = asking.default(session, colours.workspace_id)
        assert row is not None
        assert asking_turns.room(session, row) == 0
        classifiers.delete_classifier(session, session.get_one(Classifier, colours.id))
        session.flush()
        assert asking_turns.room(session, row) == 1
