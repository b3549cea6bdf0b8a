"""Questions that nobody answers in time: reminded of, given to others, or settled by policy."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from asking import ask, looker, review_of, values
from fake_slack import Answer, Channel, Slack
from postbox import Postbox, plain, postbox
from slack_asks import (
    ask_in,
    click,
    hours_pass,
    overdue,
    questions,
    slack_of,
    text_of,
    the_asking,
    work,
)
from sqlalchemy import func, select, update

from connector.db.tables import AuditEntry, Classifier, Event, Example, Prediction, ReviewSkip
from connector.domain import asking, corrections, outbound, review_queue, reviews
from connector.domain.asking import Wanted
from connector.domain.conditions import Facts, holds, sentence
from connector.domain.predictions import SourceRef
from connector.errors import Conflict, Unprocessable
from workers import clock
from workers.runtime import Runtime


@pytest.fixture
def slack(rt: Runtime) -> Iterator[Slack]:
    with slack_of(rt) as server:
        yield server


@pytest.fixture
def box(rt: Runtime) -> Iterator[Postbox]:
    with postbox() as box:
        rt.settings = rt.settings.model_copy(update={"smtp_url": box.url})
        yield box


def count(rt: Runtime, table: Any) -> int:
    with rt.database.read() as session:
        return session.execute(select(func.count()).select_from(table)).scalar_one()


def best_of(rt: Runtime, review_id: str) -> tuple[str, float]:
    _, prediction = review_of(rt.database, review_id)
    return str(prediction.label), float(prediction.confidence or 0)


def test_people_are_reminded_once_and_of_all_together(
    rt: Runtime, colours: Classifier, api_source: SourceRef, slack: Slack
) -> None:
    ask_in(rt, colours, most_open=1, **overdue(4))
    ask(rt, api_source, 3)
    work(rt)
    posted = len(slack.posted)
    hours_pass(rt, 3)
    assert "ask" not in clock.tick(rt)
    hours_pass(rt, 2)
    assert "ask" in clock.tick(rt)
    work(rt)
    [(_, line)] = slack.posted[posted:]
    assert "3 questions have waited longer than 4 hours" in text_of(line)
    assert f"/classifiers/{colours.id}/review" in text_of(line)
    hours_pass(rt, 100)
    assert work(rt) == 0
    # One that comes later is overdue by itself.
    ask(rt, api_source, first=5)
    hours_pass(rt, 5)
    work(rt)
    assert len(slack.posted) == posted + 2


def test_and_again_every_so_many_hours_by_mail_too(
    rt: Runtime, colours: Classifier, api_source: SourceRef, box: Postbox
) -> None:
    for name in ("Rosa", "Bob"):
        looker(rt.database, colours.workspace_id, name)
    ask_in(rt, colours, None, **overdue(4, again_hours=24, email=True))
    ask(rt, api_source, 2)
    hours_pass(rt, 5)
    assert "ask" in clock.tick(rt)
    work(rt)
    [message] = box.messages
    assert message["Subject"] == "colours: questions wait for an answer"
    assert "2 questions of “colours” waited longer than 4 hours." in plain(message)
    assert all(name in message["To"] for name in ("rosa@", "bob@"))
    hours_pass(rt, 23)
    assert work(rt) == 0
    hours_pass(rt, 2)
    work(rt)
    assert len(box.messages) == 2


def test_a_reminder_that_fails_is_tried_again_in_an_hour_and_holds_nothing_up(
    rt: Runtime, colours: Classifier, api_source: SourceRef, slack: Slack
) -> None:
    ask_in(rt, colours, **overdue(4))
    ask(rt, api_source)
    work(rt)
    hours_pass(rt, 5)
    slack.instead = [Answer(500, b"")]
    posted = len(slack.posted)
    work(rt)
    assert len(slack.posted) == posted
    assert the_asking(rt.database).error_code == "slack_failed"
    hours_pass(rt, 1.1)
    work(rt)
    assert len(slack.posted) == posted + 1


def test_overdue_ones_are_asked_elsewhere_and_of_those_who_skipped_them(
    rt: Runtime, colours: Classifier, api_source: SourceRef, slack: Slack
) -> None:
    slack.channels["leads"] = Channel("C0LEADS")
    rosa = looker(rt.database, colours.workspace_id, "Rosa")
    ask_in(rt, colours, **overdue(4, do="reassign", channel="#leads"))
    [review_id] = ask(rt, api_source)
    work(rt)
    with rt.database.write() as session:
        review_queue.skip(session, rosa, review_id)
        assert review_queue.claim(session, rosa) == []
    hours_pass(rt, 5)
    assert work(rt)
    assert [channel for channel, _ in slack.posted] == ["C0ALERTS", "C0LEADS"]
    assert count(rt, ReviewSkip) == 0
    with rt.database.write() as session:
        assert review_queue.claim(session, rosa) == [review_id]
    hours_pass(rt, 50)
    assert work(rt) == 0
    # Answered in the one, both say so.
    passed = questions(rt.database)[1]
    click(rt, slack.click(passed.ts or "", "red", channel="C0LEADS"))
    work(rt)
    for row in questions(rt.database):
        shown = slack.messages[row.channel_id or "", row.ts or ""]
        assert "bob (Slack) answered: *red*." in text_of(shown)


def test_a_policy_settles_and_says_that_it_was_one(
    rt: Runtime, colours: Classifier, api_source: SourceRef, slack: Slack
) -> None:
    ask_in(rt, colours, **overdue(4, do="settle", min_confidence=0.0))
    wanted = outbound.subscription(rt.settings, f"{slack.url}/services/x", ["review.answered"])
    with rt.database.write() as session:
        outbound.create_webhook(session, colours.workspace_id, wanted)
    [review_id] = ask(rt, api_source)
    label, _ = best_of(rt, review_id)
    work(rt)
    hours_pass(rt, 5)
    assert "ask" in clock.tick(rt)
    work(rt)
    review, prediction = review_of(rt.database, review_id)
    assert values(review, "state", "label", "answered_by") == ("settled", label, "policy")
    assert review.overdue_at is not None
    assert values(prediction, "status", "label", "decided_by") == ("done", label, "policy")
    assert count(rt, Example) == 0, "nobody looked at it, so that it teaches nothing"
    assert f"settled by policy: *{label}*" in text_of(slack.updates[-1][2])
    with rt.database.read() as session:
        event = session.scalars(select(Event).where(Event.type == "review.answered")).one()
        statement = select(AuditEntry).where(AuditEntry.what == "review.settled")
        assert session.scalars(statement).one().actor_kind == "system"
    assert event.payload["state"] == "settled"
    assert work(rt) == 0
    with rt.database.write() as session, pytest.raises(Conflict, match="a policy settled this"):
        reviews.answer(session, rt.settings, colours.workspace_id, review_id, "red", by="Bob")


def test_below_the_confidence_the_given_label_or_nothing(
    rt: Runtime, colours: Classifier, api_source: SourceRef
) -> None:
    ask_in(rt, colours, None, **overdue(4, do="settle", min_confidence=1.0))
    [review_id] = ask(rt, api_source)
    hours_pass(rt, 5)
    work(rt)
    review, prediction = review_of(rt.database, review_id)
    assert (review.state, prediction.status) == ("open", "needs_review")
    assert review.overdue_at is not None
    assert "ask" not in clock.tick(rt), "it is left, and looked at no more"
    ask_in(rt, colours, None, **overdue(4, do="settle", min_confidence=1.0, otherwise="blue"))
    [_, second] = ask(rt, api_source, first=1)
    hours_pass(rt, 5)
    work(rt)
    assert values(review_of(rt.database, second)[0], "state", "label") == ("settled", "blue")


def test_what_a_policy_settled_a_member_can_change_or_confirm(
    rt: Runtime, colours: Classifier, api_source: SourceRef
) -> None:
    ask_in(rt, colours, None, **overdue(4, do="settle", otherwise="blue"))
    first, second = ask(rt, api_source, 2)
    hours_pass(rt, 5)
    work(rt)
    by = corrections.By("Bob", "prs_bob", anybodys=True)
    for review_id, label in ((first, "blue"), (second, "red")):
        with rt.database.write() as session:
            corrections.correct(session, rt.settings, colours.workspace_id, review_id, label, by)
        review, _ = review_of(rt.database, review_id)
        assert values(review, "state", "label", "answered_by") == ("answered", label, "Bob")
    assert review_of(rt.database, first)[1].decided_by == "person"
    assert review_of(rt.database, second)[1].corrected_label == "red"
    assert count(rt, Example) == 2


def test_where_an_error_rate_is_promised_nothing_is_settled(
    rt: Runtime, colours: Classifier, api_source: SourceRef
) -> None:
    policy = overdue(4, do="settle", otherwise="blue")
    ask_in(rt, colours, None, **policy)
    [review_id] = ask(rt, api_source)
    with rt.database.write() as session:
        session.execute(update(Classifier).values(promise={"kind": "error_rate", "rate": 0.02}))
    hours_pass(rt, 5)
    work(rt)
    assert review_of(rt.database, review_id)[0].state == "open"
    with pytest.raises(Unprocessable) as caught:
        ask_in(rt, colours, None, **policy)
    assert caught.value.code == "settle_breaks_promise"


def test_somebody_quicker_than_the_policy_is_heard(
    rt: Runtime, colours: Classifier, api_source: SourceRef
) -> None:
    ask_in(rt, colours, None, **overdue(4, do="settle", otherwise="blue"))
    ids = ask(rt, api_source, 2)
    hours_pass(rt, 5)
    with rt.database.write() as session:
        reviews.answer(session, rt.settings, colours.workspace_id, ids[0], "red", by="Rosa")
    work(rt)
    answered, settled = (review_of(rt.database, one)[0] for one in ids)
    assert values(answered, "state", "label") == ("answered", "red")
    assert values(settled, "state", "label") == ("settled", "blue")


def test_rules_can_ask_for_what_a_policy_decided(
    rt: Runtime, colours: Classifier, api_source: SourceRef
) -> None:
    ask_in(rt, colours, None, **overdue(4, do="settle", otherwise="blue"))
    [review_id] = ask(rt, api_source)
    hours_pass(rt, 5)
    work(rt)
    _, prediction = review_of(rt.database, review_id)
    with rt.database.read() as session:
        facts = Facts.of(session.get_one(Prediction, prediction.id))
    assert holds({"decided_by": "policy"}, facts)
    assert not holds({"decided_by": "person"}, facts)
    assert "the policy for overdue questions" in sentence({"decided_by": "policy"})


@pytest.mark.parametrize(
    ("wanted", "code"),
    [
        (Wanted(channel="no channel"), "bad_asking"),
        (Wanted(channel="#"), "bad_asking"),
        (Wanted(most_open=0), "bad_asking"),
        (Wanted(overdue_hours=0.1), "bad_asking"),
        (Wanted(**overdue(4, again_hours=0.1)), "bad_asking"),
        (Wanted(**overdue(4, do="shout")), "bad_asking"),
        (Wanted(**overdue(4, do="settle")), "bad_asking"),
        (Wanted(**overdue(4, do="settle", min_confidence=2)), "bad_asking"),
        (Wanted(**overdue(4, do="settle", otherwise="purple")), "unknown_label"),
    ],
)
def test_what_cannot_be_is_refused(
    rt: Runtime, colours: Classifier, wanted: Wanted, code: str
) -> None:
    with rt.database.write() as session, pytest.raises(Unprocessable) as caught:
        asking.save(session, session.get_one(Classifier, colours.id), wanted)
    assert caught.value.code == code
