"""What people do in Slack: clicks and choices become answers, once, by the road of any answer.

What is said here has come from Slack itself: by a request whose signature was checked, or over the
connection that we opened. The same click again changes nothing, whoever sends it.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from connector import slack
from connector.alerts.slack_blocks import clip, escape
from connector.asks import slack_clicks, slack_messages
from connector.asks.slack_clicks import Click
from connector.db import Database
from connector.db.insert import insert_missing
from connector.db.session import now, want
from connector.db.tables import Label, Review, SlackQuestion, SlackReply, SlackSeen
from connector.db.types import Json, utcnow
from connector.domain import asking, asking_messages, audit_log, review_cards, reviews
from connector.errors import ColabelError, Conflict, Unprocessable
from connector.ids import new_id
from connector.settings import Settings

logger = logging.getLogger(__name__)

# Slack takes a window for three seconds after the click, and an answer to its request as long.
WINDOW_SECONDS = 2.2
# Longer than a signature counts (five minutes) by far.
REMEMBERED = timedelta(days=1)
WORKS = "The button works: this click has reached colabel."
NO_WINDOW = "The labels could not be shown here ({why}). Answer in colabel: {url}"


def take(database: Database, settings: Settings, payload: Mapping[str, Any]) -> Json | None:
    """Do what an interaction asks for; return what to answer Slack with, None for nothing.

    Raises BadRequest (not_from_slack) for what is no interaction that Slack sends.
    """
    kind = payload.get("type")
    if kind == "block_actions":
        _clicked(database, settings, slack_clicks.read(payload))
    if kind == "view_submission":
        return _chosen(database, settings, payload)
    return None


def _clicked(database: Database, settings: Settings, click: Click) -> None:
    review_id = str(click.value.get("review", ""))
    if click.action == slack_messages.TEST:
        with database.write() as session:
            if _first_time(session, click.key):
                _reply(session, click, WORKS)
    elif click.action == slack_messages.OTHER:
        _open_window(database, settings, click, review_id)
    elif click.action == slack_messages.NONE or click.action.startswith(slack_messages.LABEL):
        label_id = click.value.get("label")
        _answer(database, settings, click, review_id, None if label_id is None else str(label_id))


def _answer(
    database: Database, settings: Settings, click: Click, review_id: str, label_id: str | None
) -> ColabelError | None:
    """Answer, or tell whoever clicked why not; return that error."""
    try:
        with _as(click), database.write() as session:
            if _first_time(session, click.key):
                _give(session, settings, click, review_id, label_id)
        return None
    except Conflict as error:
        failed: ColabelError = error
    except ColabelError as error:
        if error.status >= 500:
            raise
        failed = error
    with database.write() as session:
        if _first_time(session, click.key):
            _reply(session, click, _kindly(session, click, review_id, label_id, failed))
            _note_copy(session, click, review_id)
    return failed


def _give(
    session: Session, settings: Settings, click: Click, review_id: str, label_id: str | None
) -> None:
    row = session.get(Review, review_id)
    workspace_id = "" if row is None else row.workspace_id
    label = None
    if label_id is not None:
        found = session.get(Label, label_id)
        if found is None:
            raise Unprocessable(
                "This label was removed since; choose another.", code="unknown_label"
            )
        label = found.name
    reviews.answer(session, settings, workspace_id, review_id, label, by=click.by)
    _note_copy(session, click, review_id)


def _note_copy(session: Session, click: Click, review_id: str) -> None:
    """A message that nobody wrote down, as its sender died, is to show the answer, too."""
    if click.ts is None or click.channel_id is None:
        return
    known = session.scalars(select(SlackQuestion).where(SlackQuestion.review_id == review_id)).all()
    if any(one.ts == click.ts for one in known) or not known:
        return
    values = {
        "id": new_id("slq"),
        "workspace_id": known[0].workspace_id,
        "asking_id": known[0].asking_id,
        "review_id": review_id,
        "place": f"again:{click.ts}",
        "state": "closed",
        "channel": click.channel_id,
        "channel_id": click.channel_id,
        "ts": click.ts,
        "due": True,
        "file_id": known[0].file_id,
        "attempts": 0,
        "created_at": utcnow(),
    }
    insert_missing(session, SlackQuestion, values, ["review_id", "place"])
    want(session, asking.JOB)


def _kindly(
    session: Session, click: Click, review_id: str, label_id: str | None, error: ColabelError
) -> str:
    """Return the sentence for whoever's answer did not count; empty for their own second click."""
    row = session.get(Review, review_id)
    if row is None or row.state == "open":
        return error.detail
    if row.answered_by == click.by:
        label = None if label_id is None else session.get(Label, label_id)
        same = row.label == (None if label is None else label.name)
        return "" if same else f"You answered this already: {_said(row)}."
    ago = _ago((now(session) - (row.answered_at or now(session))).total_seconds())
    if row.state == "settled":
        return f"Nobody answered in time, so this was settled by policy {ago}: {_said(row)}."
    return f"Thank you! {escape(row.answered_by or 'Somebody')} answered this {ago}: {_said(row)}."


def _said(row: Review) -> str:
    return "none of these" if row.label is None else f"*{escape(row.label)}*"


def _ago(seconds: float) -> str:
    if seconds < 60:
        return "just now"
    for size, unit in ((60, "minute"), (3600, "hour"), (86_400, "day")):
        count = int(seconds // size)
        if count < {"minute": 60, "hour": 48, "day": 10_000}[unit]:
            break
    return f"{count} {unit}{'s' if count != 1 else ''} ago"


def _open_window(database: Database, settings: Settings, click: Click, review_id: str) -> None:
    with database.write() as session:
        if not _first_time(session, click.key):
            return
        row = session.get(Review, review_id)
        if row is None:
            return
        if row.state != "open":
            _reply(session, click, _kindly(session, click, review_id, "", Conflict("")))
            _note_copy(session, click, review_id)
            return
        card = review_cards.card(session, row.workspace_id, review_id, examples=False)
        choices = asking_messages.choices(session, card)
        view = slack_messages.window(review_id, choices, None)
    try:
        slack.open_view(settings, click.trigger_id, view, WINDOW_SECONDS)
    except ColabelError as error:
        logger.warning("a window could not be opened in Slack: %s", error.detail)
        url = f"{settings.public_url}/review/{review_id}"
        with database.write() as session:
            _reply(session, click, NO_WINDOW.format(why=escape(error.detail), url=url))


def _chosen(database: Database, settings: Settings, payload: Mapping[str, Any]) -> Json | None:
    """An answer from the window; its errors are shown in the window."""
    chosen = slack_clicks.chosen(payload)
    if chosen is None:
        return None
    click, review_id, label_id = chosen
    error = _answer(database, settings, click, review_id, label_id)
    if error is None:
        return None
    with database.read() as session:
        sentence = _kindly(session, click, review_id, label_id, error)
    if not sentence:
        return None
    plain = sentence.replace("*", "")
    return {"response_action": "errors", "errors": {slack_messages.CHOICE: clip(plain, 300)}}


def _first_time(session: Session, key: str) -> bool:
    """Remember a click; say whether it is new."""
    row = {"key": key, "created_at": utcnow()}
    return insert_missing(session, SlackSeen, row, ["key"])


def forget_old(session: Session) -> None:
    """Forget clicks whose requests could not come again for long, and replies that were sent."""
    before = now(session) - REMEMBERED
    session.execute(delete(SlackSeen).where(SlackSeen.created_at < before))
    sent = SlackReply.status != "waiting"
    session.execute(delete(SlackReply).where(sent, SlackReply.created_at < before))


def _reply(session: Session, click: Click, text: str) -> None:
    """Have something said to whoever clicked; a window has no address for that."""
    if text and click.response_url is not None:
        session.add(SlackReply(url=click.response_url, text=text))
        session.flush()
        want(session, asking.JOB)


def _as(click: Click) -> Any:
    return audit_log.acting(audit_log.Actor("slack", click.by, click.user_id or None))
