"""Signed links that ask one question: for somebody without an account, or on the road.

To look at one changes nothing, for mail programs and chats look at links by themselves.
"""

from __future__ import annotations

from flask import request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from connector.domain import predictions, review_cards, review_links
from connector.web.services import services
from connector.web.ui import renditions, visitors
from connector.web.ui.pages import Pages
from connector.web.ui.rendering import page

answer = Pages("answer", __name__)
ONE = f"{review_links.PATH}<signed>"


@answer.page(ONE, title="review.link_title", role=None)
def show(signed: str) -> ResponseReturnValue:
    """The picture and its labels; or what was answered."""
    with services().database.read() as session:
        asked = _look(session, signed)
        review_links.check_unused(asked)
        card = review_cards.card(
            session, asked.review.workspace_id, asked.review.id, examples=False
        )
    return page("review/link.html", card=card, signed=signed)


@answer.action(ONE, role=None)
def send(signed: str) -> ResponseReturnValue:
    """Answer, once."""
    label = None if "none_of_these" in request.form else request.form.get("label", "")
    here = services()
    with here.database.write() as session:
        asked = _look(session, signed)
        review_links.answer(session, here.settings, asked, label)
    return page("review/thanks.html", label=label)


@answer.part(f"{ONE}/picture", role=None)
def picture(signed: str) -> ResponseReturnValue:
    """The one picture that the link is for."""
    with services().database.read() as session:
        asked = _look(session, signed)
        review_links.check_unused(asked)
        _, found = predictions.get_image(session, asked.review.workspace_id, asked.prediction.id)
    return renditions.rendition(found, renditions.LARGE)


def _look(session: Session, signed: str) -> review_links.Asked:
    who = visitors.visitor()
    workspace_id = None if who is None else who.workspace_id
    return review_links.look(session, services().settings, signed, workspace_id)
