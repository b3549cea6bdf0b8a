"""Predictions: hand a picture in, wait for its answer, look it up, try it again."""

from __future__ import annotations

from flask.typing import ResponseReturnValue

from connector.domain import callbacks, classifiers, forgetting, prediction_list, resources
from connector.domain import predictions as domain
from connector.domain.prediction_list import PredictionFilter
from connector.domain.predictions import SourceRef
from connector.fetch import check_url
from connector.web import downloads, intake
from connector.web.answers import bytes_response, delete_now
from connector.web.api.common import CLASSIFIER, PREFIX, listed, own_classifier, public_url
from connector.web.auth import workspace_id
from connector.web.operations import Answer, Api
from connector.web.pictures import read_picture
from connector.web.reading import idempotency_key, read_json, read_query
from connector.web.schemas.predictions import (
    CallbackCreate,
    ExportQuery,
    ForgetQuery,
    Prediction,
    PredictionArray,
    PredictionCreate,
    PredictionPage,
    PredictionQuery,
    SubmissionQuery,
)
from connector.web.services import services

predictions = Api("predictions", __name__, tag="Predictions")
ONE = f"{PREFIX}/predictions/<prediction_id>"


@predictions.operation(
    "POST",
    f"{CLASSIFIER}/predictions",
    "Hand in a picture",
    scope="ingest",
    body="picture",
    model=PredictionCreate,
    query=SubmissionQuery,
    idempotent_key=True,
    answers={
        202: Answer("Accepted: the picture is safe and will be answered", Prediction),
        200: Answer("Answered while you waited, or accepted before", Prediction),
    },
    errors=(409, 429, 503, 507),
)
def create(classifier_id: str) -> ResponseReturnValue:
    """The picture comes as the file `image` of a multipart form, as the raw body, or in JSON as
    image_url or image_base64. With `wait`, the answer is given at once if it is there in time.
    """
    query = read_query(SubmissionQuery)
    with services().database.read() as session:
        classifier = own_classifier(session, classifier_id)
        source = SourceRef.of(classifiers.source(session, classifier, "api"), classifier)
    reference, said = read_picture(PredictionCreate, query)
    what = domain.Submission(
        data=b"",
        name=said.name or "",
        idempotency_key=idempotency_key(said.idempotency_key),
        external_id=said.external_id,
        metadata=said.metadata,
        callback_url=said.callback_url,
    )
    accepted = intake.accept(source, [reference], what, way="api")[0]
    decided = False
    if query.wait:
        decided = intake.wait_until_decided([accepted.id], query.wait)
        shown = intake.show(source.workspace_id, [accepted.id])[0]
    else:
        shown = intake.show_accepted(source.workspace_id, [accepted])[0]
    headers = {"Location": shown["url"]}
    if not accepted.created:
        headers["Idempotent-Replayed"] = "true"
    return shown, 200 if decided or not accepted.created else 202, headers


@predictions.operation(
    "GET",
    f"{PREFIX}/predictions",
    "List predictions",
    scope="read",
    query=PredictionQuery,
    answers={200: Answer("One page, newest first", PredictionPage)},
)
def list_all() -> ResponseReturnValue:
    """All of them, or those that fit all filters."""
    query = read_query(PredictionQuery)
    wanted = PredictionFilter(**query.model_dump(exclude={"cursor", "limit"}))
    with services().database.read() as session:
        page = prediction_list.list_predictions(
            session, workspace_id(), wanted, cursor=query.cursor, limit=query.limit
        )
        shown = resources.predictions(session, page.items, public_url())
    return listed(shown, page.next_cursor)


@predictions.operation(
    "GET",
    f"{PREFIX}/predictions/export",
    "Write predictions out",
    scope="read",
    query=ExportQuery,
    answers={
        200: Answer("All of them, newest first", media_type="text/csv", as_json=PredictionArray)
    },
)
def export() -> ResponseReturnValue:
    """All that the filters fit, in one answer that is sent while it is read: a CSV table, or with
    format=json an array. A text that a spreadsheet would take for a formula begins with an
    apostrophe in CSV.
    """
    query = read_query(ExportQuery)
    wanted = PredictionFilter(**query.model_dump(exclude={"format"}))
    return downloads.predictions(workspace_id(), wanted, query.format)


@predictions.operation(
    "GET",
    ONE,
    "Show a prediction",
    scope="read",
    answers={200: Answer("The prediction", Prediction)},
)
def show(prediction_id: str) -> ResponseReturnValue:
    """With its answer, once it is there, and what was done with the picture."""
    return intake.show(workspace_id(), [prediction_id])[0]


@predictions.operation(
    "POST",
    f"{ONE}/retry",
    "Try a failed prediction again",
    scope="ingest",
    answers={202: Answer("Queued again", Prediction)},
    errors=(409, 410),
)
def retry(prediction_id: str) -> ResponseReturnValue:
    """Only failed ones can be tried again."""
    with services().database.write() as session:
        row = domain.retry(session, workspace_id(), prediction_id)
        shown = resources.prediction(session, row, public_url())
    return shown, 202, {"Location": shown["url"]}


@predictions.operation(
    "POST",
    f"{ONE}/callbacks",
    "Have an address called once it is decided",
    scope="ingest",
    model=CallbackCreate,
    answers={202: Answer("It will be called, or was told before", Prediction)},
    errors=(409,),
)
def call_back(prediction_id: str) -> ResponseReturnValue:
    """For who learns only afterwards that it will take a while. It gets `prediction.completed`, at
    once when the answer is there already, and is tried until it accepts, for 30 days.
    """
    url, here = read_json(CallbackCreate).callback_url, services()
    check_url(url, settings=here.settings)
    with here.database.write() as session:
        row = callbacks.add(session, workspace_id(), prediction_id, url, public_url())
        shown = resources.prediction(session, row, public_url())
    return shown, 202, {"Location": shown["url"]}


@predictions.operation(
    "GET",
    f"{ONE}/image",
    "Read a prediction's picture",
    scope="read",
    answers={200: Answer("The bytes as they came", media_type="image/*")},
    errors=(410,),
)
def image(prediction_id: str) -> ResponseReturnValue:
    """Byte for byte what was handed in, whatever rules did with it since."""
    here = services()
    with here.database.read() as session:
        row, picture = domain.get_image(session, workspace_id(), prediction_id)
    return bytes_response(
        here.blobs.open(picture.sha256),
        size=picture.size,
        media_type=picture.media_type,
        name=row.name,
        etag=picture.sha256,
        inline=True,
    )


@predictions.operation(
    "DELETE",
    f"{ONE}/image",
    "Delete a prediction's picture",
    scope="admin",
    query=ForgetQuery,
    answers={200: Answer("Deleted; the answer is kept", Prediction)},
    errors=(409,),
)
def delete_image(prediction_id: str) -> ResponseReturnValue:
    """For good, with what was made of it: thumbnail, embeddings, the picture as it was before it
    was turned. Files that rules wrote to folders stay. While something needs it, this is refused.
    """
    query = read_query(ForgetQuery)
    here = services()
    with here.database.write() as session:
        row = forgetting.forget_prediction(
            session, here.settings, workspace_id(), prediction_id, force=query.force
        )
        shown = resources.prediction(session, row, public_url())
    delete_now(here.database, here.blobs)
    return shown
