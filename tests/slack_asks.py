"""What tests of questions in Slack share: a channel to ask in, a worker that goes until done."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from fake_slack import SECRET, TOKEN, Slack, fake_slack
from sqlalchemy import select, update

from connector.db import Database
from connector.db.tables import Asking, Classifier, Review, SlackQuestion
from connector.db.types import utcnow
from connector.domain import asking, slack_answers
from connector.domain.asking import Overdue, Wanted
from connector.settings import Settings
from workers import ask
from workers.runtime import Runtime


@contextmanager
def slack_of(rt: Runtime) -> Iterator[Slack]:
    """Give a Slack that this runtime asks in."""
    with fake_slack() as server:
        rt.settings = settings_of(rt.settings, server)
        yield server


def settings_of(settings: Settings, slack: Slack) -> Settings:
    changes = {
        "slack_token": TOKEN,
        "slack_signing_secret": SECRET,
        "slack_api": f"{slack.url}/api",
        "allow_private_addresses": ["127.0.0.1"],
    }
    return settings.model_copy(update=changes)


def ask_in(
    rt: Runtime, classifier: Classifier, channel: str | None = "#alerts", **wanted: Any
) -> None:
    """Have the classifier's questions asked in a channel."""
    with rt.database.write() as session:
        mine = session.get_one(Classifier, classifier.id)
        asking.save(session, mine, Wanted(channel=channel, **wanted))


def overdue(hours: float, **policy: Any) -> dict[str, Any]:
    return {"overdue_hours": hours, "overdue": Overdue(**policy)}


def work(rt: Runtime) -> int:
    """Do all that the ask job has to do now."""
    done = 0
    while found := ask.step(rt):
        done += found
        assert done < 100, "it never ends"
    return done


def waits_are_over(rt: Runtime) -> None:
    """Let the time pass for which Slack is left alone."""
    with rt.database.write() as session:
        session.execute(update(Asking).values(paused_until=utcnow() - timedelta(seconds=1)))


def hours_pass(rt: Runtime, hours: float) -> None:
    """Let all that happened have happened so many hours earlier."""
    by = timedelta(hours=hours)
    with rt.database.write() as session:
        for review in session.scalars(select(Review)):
            review.created_at -= by
            review.reminded_at = None if review.reminded_at is None else review.reminded_at - by
        for row in session.scalars(select(Asking)):
            row.reminded_at = None if row.reminded_at is None else row.reminded_at - by


def click(rt: Runtime, payload: dict[str, Any]) -> Any:
    """Let Slack tell of an interaction, once its signature was checked."""
    return slack_answers.take(rt.database, rt.settings, payload)


def questions(database: Database) -> list[SlackQuestion]:
    with database.read() as session:
        return list(session.scalars(select(SlackQuestion).order_by(SlackQuestion.id)))


def the_asking(database: Database) -> Asking:
    with database.read() as session:
        return session.scalars(select(Asking)).one()


def text_of(message: dict[str, Any]) -> str:
    """Return all that a message says."""
    found = [message["text"]]
    for block in message["blocks"]:
        if block["type"] == "section":
            found.append(block["text"]["text"])
        elif block["type"] == "context":
            found += [one["text"] for one in block["elements"]]
        elif block["type"] == "actions":
            found += [one["text"]["text"] for one in block["elements"]]
    return "\n".join(found)
