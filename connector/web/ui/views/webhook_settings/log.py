"""What was sent to a subscription: looked through, looked at, sent again."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import request, url_for
from flask.typing import ResponseReturnValue

from connector.domain import delivery_log, webhook_health
from connector.domain.event_filters import EVENT_TYPES
from connector.errors import BadRequest, ColabelError, Unprocessable
from connector.sending import body_of
from connector.web.services import services
from connector.web.ui import flashes
from connector.web.ui.rendering import go, live, page
from connector.web.ui.views.webhook_settings.changing import GRACE_HOURS
from connector.web.ui.views.webhook_settings.pages import (
    ONE,
    own_webhook,
    receivers,
    shared,
    webhook_settings,
)
from connector.web.ui.words import t

STATES = ("pending", "delivered", "failed", "cancelled")
TYPES = (*EVENT_TYPES, delivery_log.TEST_TYPE)
HOURS = {"hour": 1, "day": 24, "week": 24 * 7, "month": 24 * 30}
A_PAGE = 25
# What stands in a form's field for a moment, in UTC.
MOMENT = "%Y-%m-%dT%H:%M"


@webhook_settings.page(ONE, title="webhooks.one", role="owner")
def one(webhook_id: str) -> ResponseReturnValue:
    """How it fares, what can be done with it, and the log of what was sent."""
    context = _seen(webhook_id)
    until = datetime.now(UTC) + timedelta(minutes=1)
    since = context["health"].failing_since or until - timedelta(days=1)
    return page(
        "webhooks/one.html",
        graces=GRACE_HOURS,
        receivers=receivers(),
        period=(since.strftime(MOMENT), until.strftime(MOMENT)),
        **context,
    )


@webhook_settings.part(f"{ONE}/log", role="owner")
def log(webhook_id: str) -> ResponseReturnValue:
    """The log as it is now: the page follows what is under way."""
    return live("webhooks/log.html", **_seen(webhook_id))


@webhook_settings.page(f"{ONE}/deliveries/<delivery_id>", title="webhooks.delivery", role="owner")
def delivery(webhook_id: str, delivery_id: str) -> ResponseReturnValue:
    """One message: each attempt, and what is sent."""
    with services().database.read() as session:
        row = own_webhook(session, webhook_id)
        found = delivery_log.look(session, row, delivery_id)
    sent = body_of(found.parcel)
    body = json.dumps(json.loads(sent), ensure_ascii=False, indent=2)
    return page("webhooks/delivery.html", webhook=row, found=found, body=body, sent_bytes=len(sent))


@webhook_settings.action(f"{ONE}/deliveries/<delivery_id>/replay", role="owner")
def replay_one(webhook_id: str, delivery_id: str) -> ResponseReturnValue:
    """Send one again, under its old webhook-id."""
    with services().database.write() as session:
        row = own_webhook(session, webhook_id)
        try:
            delivery_log.replay(session, row, delivery_id)
        except ColabelError as error:
            _say(error)
        else:
            flashes.flash("webhooks.replayed", count=1)
    return go("webhook_settings.delivery", webhook_id=webhook_id, delivery_id=delivery_id)


@webhook_settings.action(f"{ONE}/replay", role="owner")
def replay(webhook_id: str) -> ResponseReturnValue:
    """Send those that were chosen again, or all of a period."""
    with services().database.write() as session:
        row = own_webhook(session, webhook_id)
        try:
            if request.form.get("what") == "period":
                count = delivery_log.replay_period(session, row, _period())
            else:
                chosen = request.form.getlist("delivery")
                count = delivery_log.replay_chosen(session, row, chosen)
        except ColabelError as error:
            _say(error)
        else:
            flashes.flash("webhooks.replayed", "good" if count else "note", count=count)
    return go("webhook_settings.one", webhook_id=webhook_id, _anchor="log")


def _say(error: ColabelError) -> None:
    """Say what a person can mend; raise the rest again."""
    key = {"webhook_disabled": "webhooks.off_first"}.get(error.code)
    if error.status not in (400, 409, 422):
        raise error
    flashes.say(t(key) if key else error.detail, "bad")


def _period() -> delivery_log.Period:
    form = request.form
    try:
        start, end = (
            datetime.strptime(form.get(name, "")[:16], MOMENT).replace(tzinfo=UTC)
            for name in ("from", "to")
        )
    except ValueError as error:
        raise Unprocessable(t("webhooks.bad_period"), code="bad_period") from error
    # The minute that is named belongs to the period.
    state = form.get("state", "")
    return delivery_log.Period(
        start, end + timedelta(minutes=1), state if state in STATES[1:] else None
    )


def _seen(webhook_id: str) -> dict[str, Any]:
    asked = {name: request.args.get(name, "") for name in ("state", "type", "since", "cursor")}
    hours = HOURS.get(asked["since"])
    with services().database.read() as session:
        row = own_webhook(session, webhook_id)
        try:
            found = delivery_log.list_deliveries(
                session,
                row,
                state=asked["state"] if asked["state"] in STATES else None,
                event_type=asked["type"] if asked["type"] in TYPES else None,
                since=None if hours is None else datetime.now(UTC) - timedelta(hours=hours),
                cursor=asked["cursor"] or None,
                limit=A_PAGE,
            )
        except BadRequest:
            # A cursor that somebody made up: the list begins anew.
            found = delivery_log.list_deliveries(session, row, limit=A_PAGE)
        [health] = webhook_health.of_rows(session, [row])
        types = delivery_log.event_types(session, found.items)
        context = shared(session)
    filters: dict[str, Any] = {name: value for name, value in asked.items() if value}
    following = None
    if found.next_cursor:
        where = {**filters, "webhook_id": webhook_id, "cursor": found.next_cursor}
        following = url_for("webhook_settings.one", _anchor="log", **where)
    return {
        "health": health,
        "entries": [(one, types[one.event_id]) for one in found.items],
        "following": following,
        "asked": asked,
        "filtered": bool(asked["state"] or asked["type"] or asked["since"]),
        "states": STATES,
        "types": TYPES,
        "periods": tuple(HOURS),
        "log_url": url_for("webhook_settings.log", webhook_id=webhook_id, **filters),
        "alive": not asked["cursor"],
        **context,
    }
