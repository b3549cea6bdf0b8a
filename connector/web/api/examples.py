"""Examples: pictures with the labels that people gave them."""

from __future__ import annotations

from flask.typing import ResponseReturnValue

from connector.domain import classifiers
from connector.domain import examples as domain
from connector.web import intake
from connector.web.answers import bytes_response
from connector.web.api.common import CLASSIFIER, listed, own_classifier, public_url
from connector.web.operations import Answer, Api
from connector.web.pictures import read_picture
from connector.web.reading import read_query
from connector.web.schemas.classifiers import (
    AddedExample,
    Example,
    ExampleCreate,
    ExampleListQuery,
    ExamplePage,
    ExampleQuery,
)
from connector.web.services import services

examples = Api("examples", __name__, tag="Examples")
COLLECTION = f"{CLASSIFIER}/examples"
ONE = f"{COLLECTION}/<example_id>"


@examples.operation(
    "GET",
    COLLECTION,
    "List examples",
    scope="read",
    query=ExampleListQuery,
    answers={200: Answer("One page, newest first", ExamplePage)},
)
def list_all(classifier_id: str) -> ResponseReturnValue:
    """All of them, or those of one label."""
    query = read_query(ExampleListQuery)
    with services().database.read() as session:
        classifier = own_classifier(session, classifier_id)
        page = domain.list_examples(
            session, classifier, label=query.label, cursor=query.cursor, limit=query.limit
        )
        shown = [domain.resource(session, row, public_url()) for row in page.items]
    return listed(shown, page.next_cursor)


@examples.operation(
    "POST",
    COLLECTION,
    "Add a picture with its label",
    scope="ingest",
    body="picture",
    model=ExampleCreate,
    query=ExampleQuery,
    answers={
        201: Answer("Added", AddedExample),
        200: Answer(
            "The same picture was there already; a new label replaced its old one", AddedExample
        ),
    },
)
def create(classifier_id: str) -> ResponseReturnValue:
    """A label that is new to the classifier is made. The picture comes in the same forms as for a
    prediction, with the label beside it.
    """
    query = read_query(ExampleQuery)
    here = services()
    with here.database.read() as session:
        own_classifier(session, classifier_id)
    reference, said = read_picture(ExampleCreate, query)
    label = classifiers.label_name(said.label)
    data, name = intake.load(reference)
    # Decoded and kept before the transaction, which has only rows to write.
    kept = domain.keep(here.blobs, here.settings, data)
    with here.database.write() as session:
        classifier = own_classifier(session, classifier_id)
        row, outcome = domain.add_kept(session, classifier, kept, label, said.name or name, "api")
        shown = domain.resource(session, row, public_url())
    return {**shown, "outcome": outcome}, 201 if outcome == "added" else 200


@examples.operation(
    "GET",
    ONE,
    "Show an example",
    scope="read",
    answers={200: Answer("The example", Example)},
)
def show(classifier_id: str, example_id: str) -> ResponseReturnValue:
    """With its label and where it came from."""
    with services().database.read() as session:
        classifier = own_classifier(session, classifier_id)
        row = domain.get_example(session, classifier, example_id)
        return domain.resource(session, row, public_url())


@examples.operation(
    "DELETE",
    ONE,
    "Delete an example",
    scope="admin",
    answers={204: Answer("Deleted")},
)
def delete(classifier_id: str, example_id: str) -> ResponseReturnValue:
    """Models that learned from it stay as they are."""
    with services().database.write() as session:
        domain.delete_example(session, own_classifier(session, classifier_id), example_id)
    return "", 204


@examples.operation(
    "GET",
    f"{ONE}/image",
    "Read an example's picture",
    scope="read",
    answers={200: Answer("The bytes as they came", media_type="image/*")},
)
def image(classifier_id: str, example_id: str) -> ResponseReturnValue:
    """Byte for byte."""
    here = services()
    with here.database.read() as session:
        classifier = own_classifier(session, classifier_id)
        row = domain.get_example(session, classifier, example_id)
        picture = domain.image_of(session, row)
    return bytes_response(
        here.blobs.open(picture.sha256),
        size=picture.size,
        media_type=picture.media_type,
        name=row.name or picture.sha256,
        etag=picture.sha256,
        inline=True,
    )
