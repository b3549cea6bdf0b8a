"""Predictions, reviews and actions over the wire."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, RootModel, field_validator

from connector.inbound.metadata import check_metadata
from connector.web.schemas.base import (
    ExternalId,
    FileName,
    Json,
    Moment,
    PageOf,
    PageQuery,
    PictureBody,
    Resource,
    Url,
    Wanted,
)
from connector.web.schemas.labels import Contradiction

Status = Literal["queued", "needs_review", "done", "failed"]


class Fault(Resource):
    """What went wrong, in a code and a sentence."""

    code: str
    detail: str


class Action(Resource):
    """One effect of a rule on a picture."""

    id: str
    prediction_id: str
    rule_id: str
    rule_version: int
    kind: str
    params: Json
    status: Literal["planned", "waiting", "done", "failed", "undone"] = Field(
        description="waiting: an alert that is told with others later; `detail.waits` says when."
    )
    undoable: bool
    undo_requested: bool
    detail: Json = Field(description="Before and after, such as paths.")
    error: Fault | None
    created_at: str
    finished_at: str | None


class ActionList(Resource):
    """Several actions."""

    items: list[Action]


class Prediction(Resource):
    """A picture and its answer."""

    id: str
    classifier_id: str
    status: Status
    label: str | None
    confidence: float | None
    probabilities: dict[str, float] | None
    decided_by: Literal["model", "person", "policy"] | None
    model_version: int | None
    usual: float | None = Field(
        description="How usual the picture is among the labelled ones (a p-value): near 0, it is "
        "unlike them all."
    )
    twin_of: str | None = Field(
        description="The prediction of a near-identical picture whose answer by a person it got."
    )
    corrected_label: str | None = Field(
        description="What a person said later of an answer that stood already."
    )
    review_id: str | None
    review_url: str | None
    external_id: str | None
    name: str = Field(description="The picture's own file name, if it came with one.")
    metadata: Json
    location: Json = Field(description="Where the picture is now.")
    actions: list[Action]
    image_url: str | None
    image_deleted_at: str | None = Field(description="Since then the picture is not kept.")
    image_note: str | None = Field(description="A sentence about a picture that was deleted.")
    url: str
    error: Fault | None
    created_at: str
    decided_at: str | None


class ForgetQuery(Wanted):
    """How to delete a picture."""

    force: bool = Field(False, description="Also where something still needs it that may go.")


class CallbackCreate(Wanted):
    """A further address to be called."""

    callback_url: Url


class PredictionPage(PageOf[Prediction]):
    """One page of predictions."""


class Submitted(Resource):
    """The predictions of a call that held several pictures."""

    predictions: list[Prediction]


class Submission(Wanted):
    """What can be said about a picture beside the picture itself."""

    name: FileName | None = Field(None, description="The picture's file name.")
    external_id: ExternalId | None = Field(None, description="Your own id; find it again by this.")
    metadata: Json = Field(
        default_factory=dict, description="A JSON object of at most 16 kB, kept."
    )
    callback_url: Url | None = Field(None, description="Told when the answer is there.")
    idempotency_key: str | None = Field(None, max_length=255)

    @field_validator("metadata", mode="before")
    @classmethod
    def _metadata(cls, value: object) -> object:
        return check_metadata(value)


class PredictionCreate(Submission, PictureBody):
    """A picture by URL or in base64, with what belongs to it."""


class HookQuery(Wanted):
    """The one query parameter of a hook that means something to us."""

    wait: float = Field(0, ge=0, le=60, description="Seconds to wait for the answer.")


class SubmissionQuery(Submission):
    """The same, as query parameters or form fields beside a picture."""

    # A text here, because a query parameter is one.
    metadata: Json = Field(
        default_factory=dict,
        description="A JSON object as text.",
        json_schema_extra={"type": "string", "contentMediaType": "application/json"},
    )
    wait: float = Field(0, ge=0, le=60, description="Seconds to wait for the answer.")


class PredictionFilters(Wanted):
    """Which predictions: those of which all of this holds."""

    external_id: ExternalId | None = None
    classifier_id: str | None = None
    source_id: str | None = Field(None, description="Those that came in by this source.")
    status: Status | None = None
    label: str | None = Field(
        None,
        max_length=200,
        description="With `classifier_id`, by the names that the label had before, too.",
    )
    decided_by: Literal["model", "person"] | None = None
    min_confidence: float | None = Field(None, ge=0, le=1)
    max_confidence: float | None = Field(None, ge=0, le=1)
    since: Moment | None = Field(None, description="Came in then or later.")
    until: Moment | None = Field(None, description="Came in before then.")
    rule_id: str | None = Field(None, description="Something was planned for them by this rule.")
    action_kind: str | None = Field(None, max_length=50, description="With such an action.")
    action_status: Literal["planned", "waiting", "done", "failed", "undone"] | None = Field(
        None, description="With an action of this status; of that rule and kind, if they are given."
    )
    digest_id: str | None = Field(None, description="Only those that this digest tells of.")
    q: str | None = Field(
        None,
        max_length=200,
        description="A whole id or external_id, else a part of external_id or name.",
    )


class PredictionQuery(PageQuery, PredictionFilters):
    """Which predictions to list."""


class ExportQuery(PredictionFilters):
    """Which predictions to write out, and how."""

    format: Literal["csv", "json"] = Field(
        "csv", description="A table, or an array with a prediction a line."
    )


class PredictionArray(RootModel[list[Prediction]]):
    """All of them, newest first."""


class Review(Resource):
    """A question to a person about one prediction."""

    id: str
    prediction_id: str
    classifier_id: str
    kind: Literal["question", "audit"] = Field(
        description="A question holds its picture up; an audit looks an answer over that stands."
    )
    state: Literal["open", "answered", "settled"] = Field(
        description="settled: nobody answered in time, and the classifier's policy did."
    )
    code: Literal["unsure", "unlike", "no_evidence", "promise_broken", "audit"]
    reason: str
    suggestions: list[str] = Field(description="The labels, the likeliest first.")
    probabilities: dict[str, float]
    label: str | None = Field(
        description="The answer; null while it is open, and where it is none of the labels."
    )
    answered_by: str | None
    name: str
    image_url: str | None
    url: str
    prediction_url: str
    overdue_at: str | None = Field(
        description="When it was found that nobody answers it in time; null: not yet."
    )
    created_at: str
    answered_at: str | None


class ForeseenAction(Resource):
    """What a rule has for the corrected label."""

    rule_id: str
    rule_version: int
    kind: str
    params: Json
    sentence: str


class PutRight(Resource):
    """What would put a picture right whose answer was corrected after it was acted on."""

    label: str
    undo: list[Action] = Field(
        description="Done, and to be undone: the rules in force do not say so for this label."
    )
    cannot_undo: list[Action] = Field(description="Done likewise, but of a kind that stays done.")
    cancel: list[Action] = Field(description="Planned likewise; not done any more.")
    would_do: list[ForeseenAction] = Field(description="To be done once all of that is undone.")
    url: str = Field(description="POST here to do it.")


class AnsweredReview(Review):
    """A question that was just answered."""

    put_right: PutRight | None = Field(
        description="When the answer was acted on and is another now: what would put it right."
    )

    contradiction: Contradiction | None = Field(
        description="Another label that was given to this picture before."
    )


class ReviewPage(PageOf[Review]):
    """One page of reviews."""


class ReviewQuery(PageQuery):
    """Which reviews to list."""

    state: Literal["open", "answered", "settled"] = "open"
    kind: Literal["question", "audit"] | None = None
    classifier_id: str | None = None


class ReviewAnswer(Wanted):
    """A person's answer."""

    label: str = Field(min_length=1, max_length=200)


class ReviewLinkCreate(Wanted):
    """Whom a link is for, and how long it works."""

    name: str | None = Field(
        None, min_length=1, max_length=100, description="Who counts as the one who answers by it."
    )
    expires_in_hours: int = Field(72, ge=1, le=720)


class ReviewLink(Resource):
    """A link that asks one question, without an account."""

    review_id: str
    url: str = Field(description="Opens a page with the picture and its labels; works once.")
    expires_at: str
