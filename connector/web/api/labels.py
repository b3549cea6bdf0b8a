"""Labels: the answers a classifier can give, and their names."""

from __future__ import annotations

from flask.typing import ResponseReturnValue

from connector.domain import labels as domain
from connector.web.api.common import CLASSIFIER, listed, own_classifier
from connector.web.operations import Answer, Api
from connector.web.reading import read_json, read_query
from connector.web.schemas.labels import (
    Label,
    LabelCreate,
    LabelList,
    LabelMerge,
    LabelRemovalQuery,
    LabelUpdate,
)
from connector.web.services import services

labels = Api("labels", __name__, tag="Labels")
COLLECTION = f"{CLASSIFIER}/labels"
ONE = f"{COLLECTION}/<label_id>"


@labels.operation(
    "GET",
    COLLECTION,
    "List labels",
    scope="read",
    answers={200: Answer("All of them, in their order", LabelList)},
)
def list_all(classifier_id: str) -> ResponseReturnValue:
    """With how many examples each has."""
    with services().database.read() as session:
        return listed(domain.resources(session, own_classifier(session, classifier_id)))


@labels.operation(
    "POST",
    COLLECTION,
    "Add a label",
    scope="admin",
    model=LabelCreate,
    answers={201: Answer("Added, after the others", Label)},
    errors=(409,),
)
def create(classifier_id: str) -> ResponseReturnValue:
    """The model knows it once it has examples and was trained; pictures sent before count too."""
    wanted = read_json(LabelCreate)
    with services().database.write() as session:
        classifier = own_classifier(session, classifier_id)
        return domain.resource(session, domain.add_label(session, classifier, wanted.name)), 201


@labels.operation(
    "PATCH",
    ONE,
    "Rename or move a label",
    scope="admin",
    model=LabelUpdate,
    answers={200: Answer("The label as it is now", Label)},
    errors=(409,),
)
def change(classifier_id: str, label_id: str) -> ResponseReturnValue:
    """Its examples and rules follow it, and the live model answers with the new name at once. Past
    answers and open questions keep their words.
    """
    wanted = read_json(LabelUpdate)
    with services().database.write() as session:
        classifier = own_classifier(session, classifier_id)
        row = domain.get_label(session, classifier, label_id)
        if wanted.name is not None:
            row = domain.rename_label(session, classifier, label_id, wanted.name)
        if wanted.position is not None:
            row = domain.move_label(session, classifier, label_id, wanted.position)
        return domain.resource(session, row)


@labels.operation(
    "POST",
    f"{ONE}/merge",
    "Make one label of two",
    scope="admin",
    model=LabelMerge,
    answers={200: Answer("The label that is left", Label)},
    errors=(409,),
)
def merge(classifier_id: str, label_id: str) -> ResponseReturnValue:
    """Examples and rules of this label go to the other, and it is no more. What the live model
    gives to either counts for the one that is left.
    """
    wanted = read_json(LabelMerge)
    with services().database.write() as session:
        classifier = own_classifier(session, classifier_id)
        row = domain.merge_labels(session, classifier, label_id, wanted.into)
        return domain.resource(session, row)


@labels.operation(
    "DELETE",
    ONE,
    "Remove a label",
    scope="admin",
    query=LabelRemovalQuery,
    answers={204: Answer("Removed")},
    errors=(409,),
)
def delete(classifier_id: str, label_id: str) -> ResponseReturnValue:
    """A label that has examples is removed only when you say what becomes of them. Its rules go out
    of force. What the live model gives to it counts for no other label, so a person is asked.
    """
    query = read_query(LabelRemovalQuery)
    with services().database.write() as session:
        classifier = own_classifier(session, classifier_id)
        domain.remove_label(session, classifier, label_id, query.examples)
    return "", 204
