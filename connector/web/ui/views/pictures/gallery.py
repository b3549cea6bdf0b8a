"""The gallery: pages of pictures by filter, and one picture by itself."""

from __future__ import annotations

from typing import Any

from flask import request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from connector.db.tables import Classifier
from connector.domain import classifiers, examples, gallery, labellings, scores, versions
from connector.domain.gallery import Suspects
from connector.web.services import services
from connector.web.ui import flashes, reports, visitors
from connector.web.ui.rendering import go, page, part
from connector.web.ui.views.classifier import own_classifier
from connector.web.ui.views.pictures.pages import RULE, address, pictures, shared, wanted
from connector.web.ui.words import catalogue, t


@pictures.page(RULE, title="pictures.title")
def show(classifier_id: str) -> ResponseReturnValue:
    """A page of pictures, with what there is to choose from."""
    with services().database.read() as session:
        classifier = own_classifier(session, classifier_id)
        suspects = suspects_of(session, classifier)
        choices = gallery.choices(session, classifier)
        context = {
            **_sheet(session, classifier, suspects),
            "choices": choices,
            "origins": [(kind, origin_name(kind), n) for kind, n in choices.origins.items()],
            "mistakes": gallery.count_suspects(session, classifier, suspects),
            "last": labellings.last(session, classifier, visitors.person().person_id),
        }
        looking = context["wanted"].by_confidence and scores.is_pending(session, classifier)
    return page("pictures/show.html", looking=looking, **context)


@pictures.part(f"{RULE}/rows")
def rows(classifier_id: str) -> ResponseReturnValue:
    """The next pictures alone, to be put below those that are there."""
    with services().database.read() as session:
        classifier = own_classifier(session, classifier_id)
        context = _sheet(session, classifier, suspects_of(session, classifier))
    return part("pictures/rows.html", **context)


@pictures.page(f"{RULE}/<example_id>", title="pictures.one")
def one(classifier_id: str, example_id: str) -> ResponseReturnValue:
    """One picture, large, with what is known of it."""
    with services().database.read() as session:
        classifier = own_classifier(session, classifier_id)
        example = examples.get_example(session, classifier, example_id)
        newer, older = gallery.neighbours(session, classifier, example_id)
        image = examples.image_of(session, example)
        suspect = suspects_of(session, classifier).get(image.sha256)
        label = examples.label_of(session, example)
        context = {
            **shared(classifier),
            "example": example,
            "image": image,
            "label": label,
            "suspect": suspect if suspect is not None and suspect.given == label else None,
            "labels": classifiers.labels(session, classifier),
            "origin": origin_name(example.origin.partition(":")[0]),
            "newer": newer,
            "older": older,
            "last": labellings.last(session, classifier, visitors.person().person_id),
        }
    return page("pictures/one.html", **context)


@pictures.action(f"{RULE}/<example_id>/remove")
def remove(classifier_id: str, example_id: str) -> ResponseReturnValue:
    """Take a picture out of the examples; models that learned from it stay as they are."""
    with services().database.write() as session:
        classifier = own_classifier(session, classifier_id)
        _, older = gallery.neighbours(session, classifier, example_id)
        examples.delete_example(session, classifier, example_id)
    flashes.flash("pictures.removed")
    if older is None:
        return go("pictures.show", classifier_id=classifier_id)
    return go("pictures.one", classifier_id=classifier_id, example_id=older)


def origin_name(kind: str) -> str:
    """Return what an origin is called; one that has no name yet goes by its own."""
    key = f"pictures.origin_{kind}"
    return t(key) if key in catalogue() else kind


def suspects_of(session: Session, classifier: Classifier) -> Suspects:
    """Return the labels that the live version finds unlikely."""
    live = versions.live(session, classifier)
    return gallery.read_suspects(classifier, reports.of_version(live), classifier.live_version)


def _sheet(session: Session, classifier: Classifier, suspects: Suspects) -> dict[str, Any]:
    which, cursor = wanted(), request.args.get("cursor") or None
    sheet = gallery.sheet(session, classifier, which, suspects=suspects, cursor=cursor)
    params = address(which, cursor=sheet.next_cursor)
    return {
        **shared(classifier),
        "wanted": which,
        "address": address,
        "sheet": sheet,
        "cursor": cursor,
        "following": params if sheet.next_cursor else None,
    }
