"""Training runs: asked for, and watched while they go on."""

from __future__ import annotations

from flask.typing import ResponseReturnValue

from connector.domain import training as domain
from connector.web.api.common import CLASSIFIER, listed, own_classifier, public_url
from connector.web.operations import Answer, Api
from connector.web.reading import read_json, read_query
from connector.web.schemas.base import PageQuery
from connector.web.schemas.classifiers import TrainingRun, TrainingRunCreate, TrainingRunPage
from connector.web.services import services

training = Api("training", __name__, tag="Training")
COLLECTION = f"{CLASSIFIER}/training-runs"


@training.operation(
    "GET",
    COLLECTION,
    "List training runs",
    scope="read",
    query=PageQuery,
    answers={200: Answer("One page, newest first", TrainingRunPage)},
)
def list_all(classifier_id: str) -> ResponseReturnValue:
    """Past ones too, with what they came to."""
    query = read_query(PageQuery)
    with services().database.read() as session:
        classifier = own_classifier(session, classifier_id)
        page = domain.list_runs(session, classifier, cursor=query.cursor, limit=query.limit)
    return listed((domain.resource(row, public_url()) for row in page.items), page.next_cursor)


@training.operation(
    "POST",
    COLLECTION,
    "Train on the examples there are",
    scope="admin",
    model=TrainingRunCreate,
    answers={202: Answer("Queued; GET it for its progress", TrainingRun)},
    errors=(422,),
)
def create(classifier_id: str) -> ResponseReturnValue:
    """At least two labels need two examples each; no button is needed for that, it begins by itself
    as labels come in. A run that would learn the same is given back instead of a second one. The
    new model goes live only if it is better on held-out pictures.
    """
    wanted = read_json(TrainingRunCreate)
    with services().database.write() as session:
        classifier = own_classifier(session, classifier_id)
        row = domain.request_run(session, classifier, kind=wanted.kind)
        shown = domain.resource(row, public_url())
    return shown, 202, {"Location": shown["url"]}


@training.operation(
    "GET",
    f"{COLLECTION}/<run_id>",
    "Show a training run",
    scope="read",
    answers={200: Answer("Its progress, and its scores when it is done", TrainingRun)},
)
def show(classifier_id: str, run_id: str) -> ResponseReturnValue:
    """Scores are of pictures that the model never saw in training."""
    with services().database.read() as session:
        classifier = own_classifier(session, classifier_id)
        return domain.resource(domain.get_run(session, classifier, run_id), public_url())
