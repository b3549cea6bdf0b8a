"""Pictures that a classifier learned from: looked at, and put right by one click."""

from __future__ import annotations

from flask import request, url_for
from flask.typing import ResponseReturnValue

from connector.domain import classifiers, examples, labelling
from connector.domain.report_pictures import Doubt, Shot
from connector.web.answers import bytes_response
from connector.web.services import services
from connector.web.ui import flashes, navigation, visitors
from connector.web.ui.pages import Pages
from connector.web.ui.rendering import go, part
from connector.web.ui.views.classifier import own_classifier

shots = Pages("shots", __name__)
ONE = "/classifiers/<classifier_id>/examples/<example_id>"
# Places on the page "how good" that one can have come from.
PLACES = ("doubts", "mistakes", "contrary")


@shots.app_template_global("small_picture")
def small(classifier_id: str, shot: Shot) -> str:
    """Return the address of a small form of a picture, or of the picture where there is none."""
    if navigation.exists("pictures.small"):
        return url_for("pictures.small", image_id=shot.image_id)
    return url_for("shots.picture", classifier_id=classifier_id, example_id=shot.example_id)


@shots.app_template_global("picture_page")
def whole(classifier_id: str, shot: Shot) -> str:
    """Return where one sees a picture large, and what is known of it where a page says so."""
    endpoint = "pictures.one" if navigation.exists("pictures.one") else "shots.picture"
    return url_for(endpoint, classifier_id=classifier_id, example_id=shot.example_id)


@shots.part(f"{ONE}/picture")
def picture(classifier_id: str, example_id: str) -> ResponseReturnValue:
    """The bytes as they came."""
    here = services()
    with here.database.read() as session:
        row = examples.get_example(session, own_classifier(session, classifier_id), example_id)
        image = examples.image_of(session, row)
    return bytes_response(
        here.blobs.open(image.sha256),
        size=image.size,
        media_type=image.media_type,
        name=row.name or image.sha256,
        etag=image.sha256,
        inline=True,
    )


@shots.action(f"{ONE}/relabel")
def relabel(classifier_id: str, example_id: str) -> ResponseReturnValue:
    """Give it one of the labels there are; "undo" puts it back and asks again."""
    label, form = request.form.get("label", ""), request.form
    with services().database.write() as session:
        classifier = own_classifier(session, classifier_id)
        row = examples.get_example(session, classifier, example_id)
        # A label that is new would be made: here somebody chooses among those there are.
        chosen = classifiers.find_label(session, classifier, label).name
        before = examples.label_of(session, row)
        labelling.label_example(session, classifier, example_id, chosen)
        image, name = examples.image_of(session, row), row.name
    shot = Shot(example_id, image.id, image.sha256, name, chosen, image.deleted_at is None)
    if form.get("undo"):
        return _answer(classifier_id, shot, "open", before)
    return _answer(classifier_id, shot, "changed", before)


@shots.action(f"{ONE}/confirm")
def confirm(classifier_id: str, example_id: str) -> ResponseReturnValue:
    """Its label is right: nobody is asked about it again."""
    with services().database.write() as session:
        classifier = own_classifier(session, classifier_id)
        label = labelling.confirm_example(session, classifier, example_id)
        row = examples.get_example(session, classifier, example_id)
        image, name = examples.image_of(session, row), row.name
    shot = Shot(example_id, image.id, image.sha256, name, label, image.deleted_at is None)
    return _answer(classifier_id, shot, "confirmed", label)


def _answer(classifier_id: str, shot: Shot, state: str, before: str | None) -> ResponseReturnValue:
    """The picture's place on the page anew, or without script the page."""
    place = request.form.get("place", "")
    place = place if place in PLACES else PLACES[0]
    if not visitors.is_htmx():
        flashes.flash(f"quality.flash_{state}", label=shot.label, before=before)
        return go("quality.show", classifier_id=classifier_id, _anchor=place)
    given = request.form.get("given") or before or ""
    doubt = Doubt(shot, given, request.form.get("other", ""), suspect=place == "doubts")
    return part(
        "learn/doubt_part.html",
        classifier_id=classifier_id,
        doubt=doubt,
        state=state,
        before=before,
        place=place,
    )
