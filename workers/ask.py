"""The ask job: questions go to Slack, their messages show the answers, overdue ones are seen to."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy.orm import Session

from connector import decoding, slack
from connector.alerts.thumbnails import PIXELS
from connector.asks import slack_messages
from connector.db.tables import Asking, Image
from connector.domain import (
    asking,
    asking_messages,
    asking_turns,
    leases,
    overdue,
    picture_links,
    slack_answers,
    slack_replies,
)
from connector.domain.asking_messages import Message
from connector.errors import ColabelError, Gone, LostLease, NotFound
from connector.logs import log_context
from connector.slack import Posted
from connector.slack_errors import SlackFailed, is_closed
from workers import reminding
from workers import runtime as rt_module
from workers.keeper import keep, watchdog
from workers.runtime import Runtime, runtime

logger = logging.getLogger(__name__)

HUNG_SECONDS = 600.0
# In one turn; the others' turn comes after.
MOST_POSTS = 10
# Slack shows it at up to some 360 points; a phone has three pixels a point.
PICTURE_PIXELS = 3 * PIXELS

T = TypeVar("T")


def drain() -> int:
    """Send and settle all that is due (the RQ job); return how much that was."""
    return rt_module.drain(runtime(), asking.JOB, step)


def step(rt: Runtime) -> int:
    """Say one word that waits, or work on one row of asking; return how much was done."""
    with rt.database.read() as session:
        if not asking_turns.any_work(session, rt.settings):
            return 0
    return _reply(rt) or _turn(rt)


def _reply(rt: Runtime) -> int:
    with rt.database.write() as session:
        held = slack_replies.claim(session, rt.settings.lease_seconds)
    if held is None:
        return 0
    error: ColabelError | None = None
    with watchdog(HUNG_SECONDS):
        try:
            slack.respond(rt.settings, held.url, held.text)
        except ColabelError as failed:
            logger.warning("a reply in Slack was not taken: %s", failed.detail)
            error = failed
    with rt.database.write() as session:
        slack_replies.record(session, held, error)
        slack_answers.forget_old(session)
    return 1


def _turn(rt: Runtime) -> int:
    with rt.database.write() as session:
        found = asking_turns.claim(session, rt.settings, rt.settings.lease_seconds)
    if found is None:
        return 0
    claim, row = found
    about = {"workspace_id": row.workspace_id, "asking_id": row.id}
    with log_context(**about), keep(rt, Asking, claim), watchdog(HUNG_SECONDS):
        try:
            Turn(rt, claim).take()
        except LostLease as lost:
            logger.warning(lost.detail)
            return 1
        rt.database.share(lambda session: asking_turns.release(session, claim), group=asking.JOB)
    return 1


class Turn:
    """One worker's turn at a row of asking, whose lease it holds."""

    def __init__(self, rt: Runtime, claim: leases.Claim) -> None:
        self._rt, self._claim, self._settings = rt, claim, rt.settings
        self._outside: bool | None = None

    def take(self) -> None:
        """Do what is due, in the order in which people wait for it. Raises LostLease."""
        self._see_to_overdue()
        if not self._can_send():
            return
        for question_id in self._write(self._changed):
            if not self._try(question_id, self._show):
                return
        for question_id in self._write(self._planned)[:MOST_POSTS]:
            if not self._try(question_id, self._post):
                return
        self._try(None, lambda _: self._summarize())

    def _write(self, write: Callable[[Session, Asking], T]) -> T:
        """Write as whoever holds the row. Raises LostLease."""
        with self._rt.database.write() as session:
            return write(session, asking_messages.mine(session, self._claim))

    def _can_send(self) -> bool:
        return self._write(lambda s, row: asking_turns.can_send(s, self._settings, row))

    def _changed(self, session: Session, row: Asking) -> list[str]:
        return asking_messages.changed(session, row)

    def _planned(self, session: Session, _row: Asking) -> list[str]:
        return asking_turns.plan(session, self._claim)

    def _try(self, question_id: str | None, do: Callable[[str], None]) -> bool:
        """Do something with one message; say whether to go on with the next."""
        try:
            do(question_id or "")
            return True
        except LostLease:
            raise
        except ColabelError as error:
            logger.warning("asking in Slack: %s", error.detail)
            failed = error
        return self._write(
            lambda s, _: asking_messages.note_failed(s, self._claim, question_id, failed)
        )

    def _message(self, question_id: str) -> Message:
        with self._rt.database.read() as session:
            return asking_messages.message(session, self._settings, question_id)

    def _show(self, question_id: str) -> None:
        """Let a message show what is known now."""
        told = self._message(question_id)
        where = Posted(told.row.channel_id or told.row.channel, told.row.ts or "")
        slack.update_message(self._settings, where, self._said(told))
        self._write(lambda s, _: asking_messages.note_shown(s, self._claim, question_id, told))

    def _post(self, question_id: str) -> None:
        """Post a message; who dies between the two steps posts it again."""
        told = self._message(question_id)
        if told.outcome is not None:
            self._write(lambda s, _: asking_messages.note_needless(s, self._claim, question_id))
            return
        said = self._said(told)
        where = slack.post_message(self._settings, told.row.channel, said)
        self._write(lambda s, _: asking_messages.note_posted(s, self._claim, question_id, where))

    def _said(self, told: Message) -> slack_messages.Block:
        asked = self._pictured(told)
        if told.outcome is not None:
            return slack_messages.answered(asked, told.outcome)
        return slack_messages.question(asked)

    def _pictured(self, told: Message) -> slack_messages.Question:
        """Return the question with its picture: by our address, or uploaded where that fails."""
        if told.image is None or told.row.attempts >= asking_messages.TRIES - 1:
            return told.question
        if self._outside is None:
            self._outside = picture_links.is_reachable(self._settings)
        review_id = told.question.review_id
        source: slack_messages.Block | None
        if self._outside and told.row.file_id is None and not told.row.attempts:
            source = {"image_url": picture_links.make(self._settings, review_id)}
        else:
            file_id = told.row.file_id or self._upload(told)
            source = None if file_id is None else {"slack_file": {"id": file_id}}
        return slack_messages.pictured(told.question, source)

    def _upload(self, told: Message) -> str | None:
        try:
            with self._rt.database.read() as session:
                sha256 = session.get_one(Image, told.image).sha256
            data = self._rt.blobs.read(sha256)
            small = decoding.thumbnail(data, self._settings, PICTURE_PIXELS)
        except (decoding.Undecodable, NotFound, Gone) as error:
            # The question is asked all the same, and leads to the page.
            logger.info("a question is asked without its picture: %s", error.detail)
            return None
        about = f"The picture {told.question.name}"
        file_id = slack.upload_unshared(self._settings, slack.File("picture.jpg", small, about))
        question_id = told.row.id
        self._write(lambda s, _: asking_messages.note_file(s, self._claim, question_id, file_id))
        return file_id

    def _summarize(self) -> None:
        """Let one line in the channel say how many more wait on the page."""
        with self._rt.database.read() as session:
            row = session.get_one(Asking, self._claim.ids[0])
            count = asking_turns.count_waiting(session, row)
            subject = next(asking_turns.subjects(session, row))
        if not asking_turns.asks(row) or row.channel is None or count == row.summary_count:
            return
        most = asking_turns.MOST_COUNTED
        said = slack_messages.waiting(subject, count, most, self._review_url(row))
        where = None
        if row.summary_ts is not None and row.summary_channel is not None:
            self._change_summary(Posted(row.summary_channel, row.summary_ts), said)
        else:
            where = slack.post_message(self._settings, row.channel, said)
        self._write(lambda s, _: asking_messages.note_summary(s, self._claim, count, where))

    def _change_summary(self, where: Posted, said: slack_messages.Block) -> None:
        try:
            slack.update_message(self._settings, where, said)
        except SlackFailed as error:
            if not error.permanent or is_closed(error):
                raise
            # Somebody deleted it: the next one is a new message.
            self._write(lambda s, row: asking_messages.forget_summary(row))

    def _review_url(self, row: Asking) -> str:
        return reminding.review_url(self._settings, row)

    def _see_to_overdue(self) -> None:
        def treat(session: Session, row: Asking) -> None:
            done = overdue.treat(session, self._settings, row)
            channel = asking.overdue_of(row).channel
            for review_id in done.passed if channel else ():
                asking_turns.add(session, row, review_id, channel or "", "passed")

        self._write(treat)
        with self._rt.database.read() as session:
            row = session.get_one(Asking, self._claim.ids[0])
            if not overdue.reminding_is_due(session, self._settings, row):
                return
        try:
            reminding.remind(self._rt, row)
        except ColabelError as error:
            failed = error
            self._write(lambda s, mine: overdue.note_not_reminded(s, mine, failed))
        else:
            self._write(overdue.note_reminded)
