"""Tell somebody: an event for webhook subscribers, a post to a URL, an e-mail, or Slack."""

from __future__ import annotations

from typing import Any, ClassVar

from connector.actions.base import Action, Context, Foresight, Location, Outcome, Sight, held
from connector.actions.templates import fill_text
from connector.alerts import channels, compose
from connector.alerts.params import AlertParams
from connector.settings import Settings

NOT_SENT = "Not sent: these receivers were told a moment ago, and the rule wants no digest."


class Alert(Action[AlertParams]):
    """The event alert.raised is queued with the result, so exactly once; it is signed as all are.

    The first message to somebody leaves at once and opens a window; what comes in it is gathered
    and leaves as one digest. A message can repeat if the worker dies between sending and noting
    that it has sent; it carries the action's or the digest's id to tell by.
    """

    kind: ClassVar[str] = "alert"
    undoable: ClassVar[bool] = False
    Params = AlertParams

    def check(self, params: AlertParams, settings: Settings) -> None:
        """Refuse a URL that may not be called, and a channel that is not set up."""
        channels.check(params, settings)

    def describe(self, params: AlertParams) -> str:
        """Return one sentence for the preview."""
        if params.channel == "webhook" and params.url is None:
            return "Tells everybody whose webhook asks for alerts."
        sentence = f"Raises an alert for all webhook subscribers, and as {channels.whom(params)}"
        if not params.seconds:
            return f"{sentence}."
        every = f"at most every {params.seconds:,.0f} s"
        rest = "the rest in one digest" if params.digest else "what comes in between is not sent"
        return f"{sentence}: {every}, {rest}."

    def foresee(self, params: AlertParams, sight: Sight) -> Foresight:
        """Return what it would say."""
        return Foresight(f"It says: {fill_text(params.message, sight.prediction)}")

    def shown(self, params: dict[str, Any]) -> dict[str, Any]:
        """Hide the address of an incoming webhook: who knows it may post."""
        if params.get("channel") == "slack" and params.get("url"):
            return {**params, "url": f"{str(params['url']).rpartition('/')[0]}/***"}
        return params

    def execute(self, params: AlertParams, location: Location, ctx: Context) -> Outcome:
        """Send, unless it waits for a digest or an earlier attempt has noted that it has sent."""
        said = fill_text(params.message, ctx.prediction)
        payload = {
            "action_id": ctx.action_id,
            "channel": params.channel,
            "message": said,
            "prediction": ctx.public_prediction(),
            "url": f"{ctx.settings.public_url}/api/v1/actions/{ctx.action_id}",
        }
        detail = {"channel": params.channel, "message": said}
        journal = ctx.steps("do")
        sent, window = journal.get("sent"), params.window()
        if sent is None and window.seconds and not ctx.may_tell(window):
            ctx.emit("alert.raised", payload)
            if not params.digest:
                return Outcome(None, {**detail, "note": NOT_SENT})
            return Outcome(None, detail, gather=window)
        if sent is None:
            picture = _picture(params, location, ctx)
            message = compose.single(params, ctx.prediction, payload, picture)
            sent = channels.send(params, message, ctx.settings)
            journal.note(sent=sent)
        ctx.emit("alert.raised", payload)
        return Outcome(None, {**detail, **sent})


def _picture(
    params: AlertParams, location: Location, ctx: Context
) -> tuple[bytes | None, str | None]:
    if not params.shows_pictures:
        return None, None
    sha256 = ctx.prediction.get("sha256")
    # Where it lies now; where that cannot be read, as it came.
    places = [location, held(sha256)] if sha256 else [location]
    return compose.Reader(ctx.blobs, ctx.settings).small(*places)


ACTION = Alert()
