"""Reviews: the questions to people."""

from __future__ import annotations

from flask.typing import ResponseReturnValue

from connector.db.tables import Prediction
from connector.domain import contradictions, remedies, resources, review_links
from connector.domain import reviews as domain
from connector.web.api.common import PREFIX, listed, public_url
from connector.web.auth import principal, workspace_id
from connector.web.operations import Answer, Api
from connector.web.reading import read_json, read_query
from connector.web.schemas.predictions import (
    AnsweredReview,
    Review,
    ReviewAnswer,
    ReviewLink,
    ReviewLinkCreate,
    ReviewPage,
    ReviewQuery,
)
from connector.web.services import services

reviews = Api("reviews", __name__, tag="Reviews")


@reviews.operation(
    "GET",
    f"{PREFIX}/reviews",
    "List the questions to people",
    scope="read",
    query=ReviewQuery,
    answers={200: Answer("One page, the oldest question first", ReviewPage)},
)
def list_all() -> ResponseReturnValue:
    """The open ones unless asked otherwise."""
    query = read_query(ReviewQuery)
    with services().database.read() as session:
        page = domain.list_reviews(session, workspace_id(), **query.model_dump())
        shown = [
            resources.review(row, session.get_one(Prediction, row.prediction_id), public_url())
            for row in page.items
        ]
    return listed(shown, page.next_cursor)


@reviews.operation(
    "GET",
    f"{PREFIX}/reviews/<review_id>",
    "Show a question",
    scope="read",
    answers={200: Answer("The review", Review)},
)
def show(review_id: str) -> ResponseReturnValue:
    """With what the model thinks, the likeliest label first."""
    with services().database.read() as session:
        row, prediction = domain.get_review(session, workspace_id(), review_id)
        return resources.review(row, prediction, public_url())


@reviews.operation(
    "POST",
    f"{PREFIX}/reviews/<review_id>/answer",
    "Answer a question",
    scope="review",
    model=ReviewAnswer,
    answers={
        200: Answer("Answered; rules follow, and the picture is an example now", AnsweredReview)
    },
    errors=(409,),
)
def answer(review_id: str) -> ResponseReturnValue:
    """Of two people who answer at once, one wins and the other is told (409). When an answer that
    was acted on is corrected, `put_right` says what does not follow from it any more.
    """
    return _answered(review_id, read_json(ReviewAnswer).label)


@reviews.operation(
    "POST",
    f"{PREFIX}/reviews/<review_id>/none-of-these",
    "Say that it is none of the labels",
    scope="review",
    answers={
        200: Answer("Answered; no rule follows, and the picture waits for a label", AnsweredReview)
    },
    errors=(409,),
)
def none_of_these(review_id: str) -> ResponseReturnValue:
    """The picture is kept as an example without a label, for one that is still to be made."""
    return _answered(review_id, None)


@reviews.operation(
    "POST",
    f"{PREFIX}/reviews/<review_id>/link",
    "Make a link that asks this one question",
    scope="review",
    model=ReviewLinkCreate,
    answers={201: Answer("The link; whoever has it can answer, once", ReviewLink)},
    errors=(409,),
)
def link(review_id: str) -> ResponseReturnValue:
    """For a mail, a chat or a tool. It shows this picture and its labels and nothing else, needs
    no account, and ends with the answer or after `expires_in_hours`. To open it changes nothing.
    """
    wanted = read_json(ReviewLinkCreate)
    here = services()
    with here.database.write() as session:
        made = review_links.make(
            session,
            here.settings,
            workspace_id(),
            review_id,
            name=wanted.name,
            hours=wanted.expires_in_hours,
        )
    shown = {
        "review_id": review_id,
        "url": made.url,
        "expires_at": resources.iso(made.expires_at),
    }
    return shown, 201


def _answered(review_id: str, label: str | None) -> ResponseReturnValue:
    here = services()
    with here.database.write() as session:
        answered = domain.answer(
            session,
            here.settings,
            workspace_id(),
            review_id,
            label,
            by=principal().key_name,
        )
        row, prediction = domain.get_review(session, workspace_id(), review_id)
        shown = resources.review(row, prediction, public_url())
        offer = remedies.offer(session, prediction, public_url())
    contradiction = contradictions.resource(answered.contradiction)
    return {**shown, "contradiction": contradiction, "put_right": offer}
