"""Classifiers, examples, imports, training and versions over the wire."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from connector.web.schemas.asking import Asking, AskingWanted
from connector.web.schemas.base import (
    FileName,
    Json,
    LabelName,
    Name,
    PageOf,
    PageQuery,
    PictureBody,
    Resource,
    Wanted,
)
from connector.web.schemas.labels import Contradiction
from connector.web.schemas.predictions import Fault

Recipe = Literal["sort", "yes_no", "orientation"]
WorkStatus = Literal["queued", "running", "done", "failed"]


class Me(Resource):
    """Whose key this is, and what it may do."""

    workspace_id: str
    workspace_name: str
    key_id: str
    key_name: str
    scopes: list[str]


class ClassifierQuery(PageQuery):
    """Which classifiers to list."""

    name: Name | None = Field(None, description="Called so; upper and lower case are the same.")


class ClassifierCreate(Wanted):
    """A new classifier."""

    name: Name
    recipe: Recipe = "sort"
    labels: list[LabelName] = Field(default_factory=list, max_length=1000)


PromiseKind = Literal["confidence", "none", "error_rate", "error_rate_per_label", "capacity"]


class PromiseWanted(Wanted):
    """What to promise about the errors of automatic answers."""

    kind: PromiseKind = Field(
        description="confidence: ask below a threshold, nothing is promised; none: ask about "
        "nothing; error_rate, error_rate_per_label: at most `rate` of the automatic answers (of "
        "each label's) are wrong, with 95 % confidence; capacity: ask about `questions_per_day`."
    )
    rate: float | None = Field(None, ge=0.001, le=0.5, description="0.02 is 2 wrong in 100.")
    questions_per_day: float | None = Field(None, ge=0, le=100_000)


class ClassifierUpdate(Wanted):
    """What to change; what is absent stays."""

    name: Name | None = None
    threshold: float | None = Field(
        None,
        ge=0,
        le=1,
        description="Below this confidence a person is asked; null: the model's own.",
    )
    labels: list[LabelName] | None = Field(None, max_length=1000, description="Labels to add.")
    promise: PromiseWanted | None = None
    audit_share: float | None = Field(
        None,
        ge=0,
        le=1,
        description="The share of automatic answers that a person looks over; null: 0.02 while an "
        "error rate is promised, else none.",
    )
    auto_train: bool | None = Field(None, description="Whether it trains by itself.")
    sides_matter: bool | None = Field(
        None,
        description="Whether left and right matter: true never learns from mirrored pictures, "
        "false finds out. From the next training on.",
    )
    retention_days: int | None = Field(
        None,
        ge=0,
        le=36_500,
        description="Delete pictures older than so many days; 0: never; null: as the service does.",
    )
    asking: AskingWanted | None = Field(
        None, description="How people are asked; null: as the workspace's default says."
    )


class LabelCount(Resource):
    """A label and how many examples it has."""

    name: str
    examples: int


class Classifier(Resource):
    """One sorting job."""

    id: str
    name: str
    recipe: Recipe
    labels: list[LabelCount]
    unlabelled: int = Field(description="Pictures that wait for a label.")
    live_version: int | None
    accuracy: float | None
    threshold: float | None
    promise: Json = Field(description="What is promised about errors; `kind` says which way.")
    operating: Json | None = Field(
        description="The thresholds that keep the promise, what they stand on, and what is missing."
    )
    field: Json | None = Field(description="The error in the field by audits, and drift.")
    audit_share: float
    auto_train: bool
    sides_matter: bool
    retention_days: int | None = Field(
        description="After so many days pictures are deleted; null: as the service does."
    )
    asking: Asking | None = Field(
        description="How people are asked, in Slack and when nobody answers; null: on the pages."
    )
    hook_url: str | None
    notice: str | None
    url: str
    created_at: str


class ClassifierPage(PageOf[Classifier]):
    """One page of classifiers."""


class ExampleCreate(PictureBody):
    """A picture by URL or in base64, and its label; without one it is kept to be labelled."""

    label: LabelName | None = None


class ExampleQuery(Wanted):
    """The label of a picture that is the body or a form's file."""

    label: LabelName | None = None
    name: FileName | None = Field(None, description="The picture's file name.")


class ExampleListQuery(PageQuery):
    """Which examples to list."""

    label: LabelName | None = Field(None, description="Those of one label.")
    labelled: bool | None = Field(None, description="false: those that wait for a label.")
    origin: str | None = Field(
        None,
        min_length=1,
        max_length=100,
        description="api, page, review, audit, import (all of them), or import:ID.",
    )


class ExampleUpdate(Wanted):
    """Another label for an example; null takes it away."""

    label: LabelName | None


class ExampleLabelling(Wanted):
    """One label for many examples; null takes theirs away."""

    example_ids: list[Annotated[str, StringConstraints(max_length=100)]] = Field(
        min_length=1, max_length=1000
    )
    label: LabelName | None


class LabelledExamples(Resource):
    """How many examples have another label than before."""

    label: str | None
    changed: int


class Example(Resource):
    """A picture with the label that a person gave it, or one that waits for a label."""

    id: str
    classifier_id: str
    label: str | None
    name: str
    origin: str = Field(description="api, page, import, import:ID, review or audit.")
    media_type: str
    width: int
    height: int
    size: int
    sha256: str
    image_url: str
    labelled_at: str | None
    labelled_by: str | None = Field(
        description="The name of the person or key, or what another tool called its annotator."
    )
    created_at: str


class AddedExample(Example):
    """An example, and what adding it came to."""

    outcome: Literal["added", "duplicate", "labelled", "relabelled"] = Field(
        description="The same picture as one that is here is no second one: labelled, when it had "
        "waited for a label; relabelled, when it had another."
    )
    contradiction: Contradiction | None = Field(
        description="Another label that this picture had before."
    )


class ExamplePage(PageOf[Example]):
    """One page of examples."""


class ImportQuery(Wanted):
    """Where a zip's labels come from."""

    labels: str = Field(
        "auto",
        max_length=300,
        description="folders, names, csv:FILE (a table in the zip), auto, which looks, or none: "
        "the pictures are kept to be labelled later.",
    )


class ImportProblem(Resource):
    """A file that was skipped, and why."""

    name: str
    code: str
    reason: str


class Import(Resource):
    """A zip on its way in."""

    id: str
    classifier_id: str
    status: WorkStatus
    label_mode: str
    total: int
    done: int
    added: int = Field(description="Pictures that are new, or have another label than before.")
    labelled: int = Field(description="Of those, how many were here already.")
    duplicates: int
    skipped: int
    error: Fault | None
    problems: list[ImportProblem]
    notes: list[ImportProblem] = Field(
        description="What is worth knowing of pictures that were taken: of an import from another "
        "tool, where annotators disagreed and what was chosen."
    )
    url: str
    created_at: str
    finished_at: str | None


class ImportPage(PageOf[Import]):
    """One page of imports."""


class TrainingRunCreate(Wanted):
    """How to train."""

    kind: Literal["head", "finetune"] = Field(
        "head",
        description="head: learn from embeddings, in seconds; finetune: the whole network too, in "
        "minutes.",
    )


class TrainingRun(Resource):
    """One attempt to make a better model."""

    id: str
    classifier_id: str
    kind: Literal["head", "finetune"]
    reason: str = Field(
        description="asked, first_examples, new_labels, or more_examples (fine-tuning)."
    )
    status: WorkStatus
    step: str | None
    done: int
    total: int
    remaining_seconds: float | None
    message: str | None
    notice: str | None
    version: int | None
    promoted: bool | None
    metrics: Json | None
    error: Fault | None
    url: str
    created_at: str
    started_at: str | None
    finished_at: str | None


class TrainingRunPage(PageOf[TrainingRun]):
    """One page of training runs."""


class Version(Resource):
    """A model as it was exported."""

    number: int
    classifier_id: str
    kind: str = Field(description="head, finetune, scratch or orientation.")
    backbone: str | None = Field(None, description="The network that it stands on.")
    weights_source: str | None = Field(None, description="Where its weights came from.")
    live: bool
    labels: list[str]
    thresholds: dict[str, float]
    metrics: Json
    model_url: str
    created_at: str


class Report(Resource):
    """How good a version is."""

    version: int
    report: Json = Field(description="docs/api.md says what is in it.")


class VersionPage(PageOf[Version]):
    """One page of versions."""
