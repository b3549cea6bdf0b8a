"""A first message by e-mail or to Slack, for whoever sets these up: does it arrive?"""

from __future__ import annotations

from connector import mail, slack
from connector.ids import new_id
from connector.settings import Settings
from connector.slack import Posted

# Somebody waits before the page.
DEADLINE = 15.0
SUBJECT = "A test from colabel"
TEXT = (
    "This is a test from colabel at {url}. It arrived, so alerts can be sent here.\n\n"
    "{who} sent it from the settings."
)


def by_mail(settings: Settings, address: str, who: str) -> None:
    """Send a test to one address on behalf of `who`. Raises MailFailed, Unprocessable."""
    mail.send_mail(
        settings,
        to=[mail.check_address(address)],
        subject=SUBJECT,
        text=TEXT.format(url=settings.public_url, who=who),
        message_id=new_id("test"),
        deadline=DEADLINE,
    )


def by_slack(settings: Settings, channel: str, who: str) -> Posted:
    """Post a test to a channel on behalf of `who`; return where it is. Raises as `slack.call`."""
    text = TEXT.format(url=settings.public_url, who=who)
    # As plain text: a name may hold what Slack takes for a mention.
    block = {"type": "section", "text": {"type": "plain_text", "text": text[:2900]}}
    return slack.post_message(settings, channel, {"text": SUBJECT, "blocks": [block]})
