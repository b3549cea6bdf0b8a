"""Studies over the wire: rehearsals, what to label next, groups of look-alikes, comparisons."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from connector.domain.conditions import When
from connector.web.schemas.base import Json, LabelName, PageOf, PageQuery, Resource, Wanted
from connector.web.schemas.classifiers import PromiseWanted, WorkStatus
from connector.web.schemas.predictions import Fault
from connector.web.schemas.rules import WantedAction

StudyKind = Literal["rehearsal", "label_next", "groups", "comparison", "glance"]


class RehearsedRule(Wanted):
    """A rule to rehearse: when the answer is this label, or `when` holds, these actions."""

    label: LabelName | None = None
    when: When | None = None
    actions: list[WantedAction] = Field(min_length=1, max_length=10)


class RehearsalCreate(Wanted):
    """What to try on past pictures; what is absent is as it is now."""

    version: int | None = Field(None, ge=1, le=999_999_999, description="Null: the live one.")
    promise: PromiseWanted | None = None
    threshold: float | None = Field(None, ge=0, le=1)
    rules: list[RehearsedRule] | None = Field(
        None, max_length=50, description="In the place of all rules that are in force."
    )
    days: float = Field(30, gt=0, le=366, description="How far back.")


class SuggestionCreate(Wanted):
    """What to suggest."""

    kind: Literal["label_next", "groups"] = Field(
        description="label_next: the pictures whose labels would teach most; groups: look-alikes "
        "among pictures without a label, to label at one go."
    )
    count: int = Field(20, ge=1, le=200, description="How many pictures, or groups at most.")


VersionNumber = Annotated[int, Field(ge=1, le=999_999_999)]


class ComparisonCreate(Wanted):
    """Two versions to compare."""

    versions: tuple[VersionNumber, VersionNumber] = Field(description="The older one first.")


class StudyQuery(PageQuery):
    """Which studies to list."""

    kind: StudyKind | None = None


class StudyWait(Wanted):
    """How long to wait for the answer."""

    wait: float = Field(0, ge=0, le=60, description="Seconds to wait until it is done.")


class Study(Resource):
    """A question about pictures, and its answer when there is one."""

    id: str
    classifier_id: str
    kind: StudyKind
    params: Json
    status: WorkStatus
    done: int
    total: int
    result: Json | None
    error: Fault | None
    url: str
    created_at: str
    finished_at: str | None


class StudyPage(PageOf[Study]):
    """One page of studies."""
