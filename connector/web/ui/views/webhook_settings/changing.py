"""One subscription: changed, tried, given another secret, switched off and on, ended."""

from __future__ import annotations

from datetime import timedelta

from flask import request
from flask.typing import ResponseReturnValue

from connector.domain import delivery_log, outbound
from connector.errors import ColabelError
from connector.sending import send
from connector.web.services import services
from connector.web.ui import flashes, visitors, webhook_forms
from connector.web.ui.forms import Form
from connector.web.ui.rendering import go
from connector.web.ui.views.webhook_settings.pages import (
    ONE,
    form_page,
    own_webhook,
    secret_page,
    webhook_settings,
)

# For how long the secret before signs, too: long enough to change over in peace, or not at all.
GRACE_HOURS = (24, 168, 0)


@webhook_settings.page(f"{ONE}/change", title="webhooks.change", role="owner")
def edit(webhook_id: str) -> ResponseReturnValue:
    """Its address, events and filters, to be changed."""
    with services().database.read() as session:
        row = own_webhook(session, webhook_id)
    form, lists = webhook_forms.of_row(row)
    return form_page(form, dict(lists), row)


@webhook_settings.action(f"{ONE}/change", role="owner")
def change(webhook_id: str) -> ResponseReturnValue:
    """Send something else, or elsewhere, from now on."""
    here = services()
    with here.database.read() as session:
        row = own_webhook(session, webhook_id)
    form = Form.sent()
    try:
        wanted = webhook_forms.read(form)
        checked = outbound.subscription(
            here.settings, wanted.url, wanted.event_types, wanted.filters
        )
        with here.database.write() as session:
            outbound.change_webhook(session, own_webhook(session, webhook_id), checked, None)
    except ColabelError as error:
        form.refuse(error, webhook_forms.WHERE)
        return form_page(form, webhook_forms.chosen(), row)
    flashes.flash("webhooks.changed")
    return go("webhook_settings.one", webhook_id=webhook_id)


@webhook_settings.action(f"{ONE}/test", role="owner")
def test(webhook_id: str) -> ResponseReturnValue:
    """Send a signed sample now, and say what came back."""
    here = services()
    with here.database.write() as session:
        claim, parcel = delivery_log.begin_test(session, own_webhook(session, webhook_id))
    outcome = send(here.settings, parcel)
    with here.database.write() as session:
        delivery_log.end_test(session, claim, outcome)
    if outcome.error is None:
        flashes.flash("webhooks.tested", status=outcome.status, ms=outcome.duration_ms)
    else:
        flashes.flash("webhooks.test_failed", "bad", reason=outcome.error)
    return go("webhook_settings.one", webhook_id=webhook_id)


@webhook_settings.action(f"{ONE}/rotate", role="owner")
def rotate(webhook_id: str) -> ResponseReturnValue:
    """Give it another secret, shown this once; the one before signs too for a while."""
    text = request.form.get("hours", "")
    hours = int(text) if text in {str(one) for one in GRACE_HOURS} else GRACE_HOURS[0]
    with services().database.write() as session:
        row = own_webhook(session, webhook_id)
        secret = outbound.rotate_secret(session, row, timedelta(hours=hours)).secret
    return secret_page(webhook_id, secret, "webhooks.rotated" if hours else "webhooks.rotated_now")


@webhook_settings.action(f"{ONE}/switch", role="owner")
def switch(webhook_id: str) -> ResponseReturnValue:
    """Switch it off, or on again as if it had never failed."""
    wanted = request.form.get("on") == "yes"
    with services().database.write() as session:
        row = own_webhook(session, webhook_id)
        same = outbound.Subscription(row.url, tuple(row.event_types), row.filters)
        outbound.change_webhook(session, row, same, wanted)
    flashes.flash("webhooks.is_on" if wanted else "webhooks.is_off")
    return go("webhook_settings.one", webhook_id=webhook_id)


@webhook_settings.action(f"{ONE}/delete", role="owner")
def delete(webhook_id: str) -> ResponseReturnValue:
    """End it at once."""
    with services().database.write() as session:
        outbound.delete_webhook(session, visitors.workspace_id(), webhook_id)
    flashes.flash("webhooks.deleted")
    return go("webhook_settings.show")
