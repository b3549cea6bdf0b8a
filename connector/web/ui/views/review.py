"""The review page: one question after the other, across classifiers or of one of them."""

from __future__ import annotations

from flask import request
from flask.typing import ResponseReturnValue

from connector.db.tables import Image
from connector.domain import corrections, examples, people, predictions, review_cards
from connector.domain import review_queue as queue
from connector.domain import reviews as domain
from connector.errors import Gone
from connector.web.services import services
from connector.web.ui import desk, flashes, renditions, visitors
from connector.web.ui.pages import Pages
from connector.web.ui.rendering import page, part
from connector.web.ui.views.classifier import own_classifier
from connector.web.ui.words import t

review = Pages("review", __name__)
ONE = "/review/<review_id>"


@review.page("/review", title="review.title")
def show() -> ResponseReturnValue:
    """The next question of all classifiers."""
    return desk.show("review/all.html", "")


@review.part("/review/card")
def card() -> ResponseReturnValue:
    """The question after those that the page holds, for it to have the picture ready."""
    within, besides = request.args.get("within", ""), request.args.getlist("besides")
    if within:
        with services().database.read() as session:
            own_classifier(session, within)
    claimed = desk.claim(within, besides)
    if claimed is None and besides:
        # Something is before this person still: the page asks again without it.
        return "", 204
    with services().database.read() as session:
        if claimed is None:
            return part("review/nothing.html", desk=desk.lay(session, within, None))
        found = review_cards.card(session, visitors.workspace_id(), claimed)
    return part("review/card.html", card=found, within=within)


@review.page(ONE, title="review.title")
def one(review_id: str) -> ResponseReturnValue:
    """One question by its address: to answer it, or to take an answer back."""
    who = desk.looker()
    with services().database.write() as session:
        mine = queue.claim_one(session, who, review_id)
    with services().database.read() as session:
        found = review_cards.card(session, who.workspace_id, review_id)
    within = request.args.get("within", "")
    return page("review/one.html", card=found, within=within, mine=mine, may_correct=_mine(found))


def _mine(found: review_cards.Card) -> bool:
    who = visitors.person()
    return found.review.person_id == who.person_id or people.may(who.role, people.MEMBER)


@review.part(f"{ONE}/picture")
def picture(review_id: str) -> ResponseReturnValue:
    """The picture that is asked about, large."""
    with services().database.read() as session:
        row, _ = domain.get_review(session, visitors.workspace_id(), review_id)
        _, found = predictions.get_image(session, visitors.workspace_id(), row.prediction_id)
    return renditions.rendition(found, renditions.LARGE)


@review.part("/classifiers/<classifier_id>/review/like/<example_id>")
def like(classifier_id: str, example_id: str) -> ResponseReturnValue:
    """A labelled example, small, to compare a picture with."""
    with services().database.read() as session:
        owner = own_classifier(session, classifier_id)
        found: Image = examples.image_of(session, examples.get_example(session, owner, example_id))
    if found.deleted_at is not None:
        raise Gone(t("review.picture_deleted"), code="image_deleted")
    return renditions.rendition(found, renditions.SMALL)


@review.action(f"{ONE}/answer", role="reviewer")
def answer(review_id: str) -> ResponseReturnValue:
    """Answer it; what follows from that begins at once."""
    who, within, here = visitors.person(), request.form.get("within", ""), services()
    with here.database.write() as session:
        domain.answer(
            session,
            here.settings,
            who.workspace_id,
            review_id,
            _chosen(),
            by=who.name,
            person_id=who.person_id,
        )
        row, _ = domain.get_review(session, who.workspace_id, review_id)
        left = desk.count(queue.waiting(session, who.workspace_id), within)
    if visitors.is_htmx():
        return part("review/said.html", last=row, within=within, left=left)
    return desk.go_on(within, last=review_id)


@review.action(f"{ONE}/correct", role="reviewer")
def correct(review_id: str) -> ResponseReturnValue:
    """Give another answer than before: what followed from the first one is put right."""
    who, within, here = visitors.person(), request.form.get("within", ""), services()
    by = corrections.By(who.name, who.person_id, people.may(who.role, people.MEMBER))
    with here.database.write() as session:
        done = corrections.correct(
            session, here.settings, who.workspace_id, review_id, _chosen(), by
        )
    said = t("review.none_said") if done.review.label is None else done.review.label
    flashes.flash("review.corrected", label=said)
    if done.undone:
        flashes.flash("review.undone", "note", count=done.undone)
    if done.kept:
        flashes.flash("review.kept", "bad", count=done.kept)
    return desk.go_on(within, last=review_id)


@review.action(f"{ONE}/skip", role="reviewer")
def skip(review_id: str) -> ResponseReturnValue:
    """Leave it to others."""
    within = request.form.get("within", "")
    with services().database.write() as session:
        queue.skip(session, desk.looker(), review_id)
    if visitors.is_htmx():
        return part("review/skipped.html")
    return desk.go_on(within)


@review.action("/review/hold", role="reviewer")
def hold() -> ResponseReturnValue:
    """Keep the claims of a page that is looked at; say which questions it has lost."""
    held = request.form.getlist("held")[: desk.MOST_HELD]
    with services().database.write() as session:
        return {"lost": queue.lost(session, desk.looker(), held)}


@review.action("/review/leave", role="reviewer")
def leave() -> ResponseReturnValue:
    """Give back what the page held."""
    with services().database.write() as session:
        queue.release(session, desk.looker(), request.form.getlist("held")[: desk.MOST_HELD])
    return "", 204


@review.action("/review/again", role="reviewer")
def again() -> ResponseReturnValue:
    """Ask what was skipped."""
    with services().database.write() as session:
        queue.see_again(session, desk.looker())
    return desk.go_on(request.form.get("within", ""))


def _chosen() -> str | None:
    """Return the label that was chosen, None for none of them."""
    return None if "none_of_these" in request.form else request.form.get("label", "")
