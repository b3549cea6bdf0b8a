"""Reminding people of overdue questions: one line in Slack, one e-mail, however many they are."""

from __future__ import annotations

import logging

from connector import mail, slack
from connector.asks import slack_messages
from connector.db.tables import Asking
from connector.domain import asking_turns, overdue
from connector.errors import ColabelError
from connector.ids import new_id
from connector.settings import Settings
from workers.runtime import Runtime

logger = logging.getLogger(__name__)

SUBJECT = "{classifier}: questions wait for an answer"
TEXT = """{number} of “{classifier}” waited longer than {hours:g} hours.

Answer here: {url}
"""


def remind(rt: Runtime, row: Asking) -> None:
    """Remind by all the ways there are; who dies before that is noted reminds again.

    One way that works is enough. Raises what the last one raised where none did.
    """
    with rt.database.read() as session:
        count = overdue.count(session, row, asking_turns.MOST_COUNTED)
        subject = next(asking_turns.subjects(session, row))
        to = overdue.reviewers(session, row.workspace_id)
    failed: ColabelError | None = None
    told = 0
    for way in overdue.ways(rt.settings, row):
        try:
            if way == "slack":
                _in_slack(rt.settings, row, subject, count)
            elif to:
                _by_mail(rt.settings, row, subject, count, to)
            told += 1
        except ColabelError as error:
            logger.warning("reminding by %s: %s", way, error.detail)
            failed = error
    if failed is not None and not told:
        raise failed


def review_url(settings: Settings, row: Asking) -> str:
    """Return where the questions of a row are answered."""
    if row.classifier_id is None:
        return f"{settings.public_url}/review"
    return f"{settings.public_url}/classifiers/{row.classifier_id}/review"


def _in_slack(settings: Settings, row: Asking, subject: str, count: int) -> None:
    most, hours = asking_turns.MOST_COUNTED, row.overdue_hours or 0.0
    url = review_url(settings, row)
    said = slack_messages.reminder(subject, count, most, hours, url)
    slack.post_message(settings, row.channel or "", said)


def _by_mail(settings: Settings, row: Asking, subject: str, count: int, to: list[str]) -> None:
    number = "One question" if count == 1 else f"{count:,} questions"
    text = TEXT.format(
        number=number, classifier=subject, hours=row.overdue_hours, url=review_url(settings, row)
    )
    mail.send_mail(
        settings,
        to=to,
        subject=SUBJECT.format(classifier=subject),
        text=text,
        message_id=new_id("rem"),
    )
