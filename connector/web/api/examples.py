"""Examples: pictures with the labels that people gave them, and those that wait for one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from flask.typing import ResponseReturnValue

from connector.domain import classifiers, contradictions, forgetting, labelling
from connector.domain import examples as domain
from connector.domain.removals import Rescued, put_surely
from connector.web import intake
from connector.web.answers import bytes_response, delete_now
from connector.web.api.common import CLASSIFIER, listed, own_classifier, public_url
from connector.web.auth import workspace_id
from connector.web.operations import Answer, Api
from connector.web.pictures import read_picture
from connector.web.reading import read_json, read_query
from connector.web.schemas.classifiers import (
    AddedExample,
    Example,
    ExampleCreate,
    ExampleLabelling,
    ExampleListQuery,
    ExamplePage,
    ExampleQuery,
    ExampleUpdate,
    LabelledExamples,
)
from connector.web.schemas.predictions import ForgetQuery
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
    """All of them; those of one label, with or without a label, or of one origin."""
    query = read_query(ExampleListQuery)
    with services().database.read() as session:
        classifier = own_classifier(session, classifier_id)
        page = domain.list_examples(session, classifier, **query.model_dump())
        shown = [domain.resource(session, row, public_url()) for row in page.items]
    return listed(shown, page.next_cursor)


@examples.operation(
    "POST",
    COLLECTION,
    "Add a picture, with its label or to be labelled",
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
    errors=(429, 503, 507),
)
def create(classifier_id: str) -> ResponseReturnValue:
    """A label that is new to the classifier is made. The picture comes in the same forms as for a
    prediction, with the label beside it; without one it is kept to be labelled. A picture that is
    here already keeps its label unless another is given; `contradiction` then tells the old one.
    """
    query = read_query(ExampleQuery)
    here = services()
    with here.database.read() as session:
        own_classifier(session, classifier_id)
    reference, said = read_picture(ExampleCreate, query)
    label = None if said.label is None else classifiers.label_name(said.label)
    data, name = intake.load(reference)
    services().quotas.take_bytes(workspace_id(), [data])
    # Decoded and kept before the transaction, which has only rows to write.
    kept = domain.keep(here.blobs, here.settings, data)

    def write(rescued: Rescued) -> dict[str, Any]:
        again = replace(kept, rescued=rescued.get(kept.sha256))
        with here.database.write() as session:
            classifier = own_classifier(session, classifier_id)
            added = domain.add_kept(session, classifier, again, label, said.name or name, "api")
            return {
                **domain.resource(session, added.example, public_url()),
                "outcome": added.outcome,
                "contradiction": contradictions.resource(added.contradiction),
            }

    shown = put_surely(here.database, here.blobs, lambda _: data, write)
    return shown, 201 if shown["outcome"] == "added" else 200


@examples.operation(
    "POST",
    f"{COLLECTION}/label",
    "Label many examples at once",
    scope="review",
    model=ExampleLabelling,
    answers={200: Answer("All have the label now; how many had another", LabelledExamples)},
)
def label_many(classifier_id: str) -> ResponseReturnValue:
    """All of them or, when one is not there, none. A label that is new to the classifier is made;
    null puts the pictures back among those that wait for a label.
    """
    wanted = read_json(ExampleLabelling)
    with services().database.write() as session:
        classifier = own_classifier(session, classifier_id)
        changed = labelling.label_examples(session, classifier, wanted.example_ids, wanted.label)
    return {"label": wanted.label, "changed": changed}


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
    "PATCH",
    ONE,
    "Label an example",
    scope="review",
    model=ExampleUpdate,
    answers={200: Answer("The example with its label", Example)},
)
def change(classifier_id: str, example_id: str) -> ResponseReturnValue:
    """A label that is new to the classifier is made; null takes the label away."""
    wanted = read_json(ExampleUpdate)
    with services().database.write() as session:
        classifier = own_classifier(session, classifier_id)
        row = labelling.label_example(session, classifier, example_id, wanted.label)
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


@examples.operation(
    "DELETE",
    f"{ONE}/image",
    "Delete an example and its picture",
    scope="admin",
    query=ForgetQuery,
    answers={204: Answer("Deleted")},
    errors=(409,),
)
def delete_image(classifier_id: str, example_id: str) -> ResponseReturnValue:
    """For good. Models that learned from it stay as they are. While something else needs the
    picture, this is refused.
    """
    query = read_query(ForgetQuery)
    here = services()
    with here.database.write() as session:
        forgetting.forget_example(
            session,
            here.settings,
            own_classifier(session, classifier_id),
            example_id,
            force=query.force,
        )
    delete_now(here.database, here.blobs)
    return "", 204
