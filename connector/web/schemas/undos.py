"""Undo in bulk over the wire."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from connector.web.schemas.base import Json, LabelName, Moment, PageOf, Resource, Wanted
from connector.web.schemas.predictions import Action

Id = Annotated[str, StringConstraints(min_length=1, max_length=100)]


class UndoFilter(Wanted):
    """What was done and fits all of this."""

    rule_id: Id | None = None
    classifier_id: Id | None = None
    prediction_id: Id | None = None
    kind: Annotated[str, StringConstraints(max_length=50)] | None = None
    since: Moment | None = Field(None, description="Done at this time or later.")
    until: Moment | None = Field(None, description="Done before this time.")


class UndoCreate(Wanted):
    """Actions by their ids, or a filter."""

    actions: list[Id] | None = Field(None, min_length=1, max_length=1000)
    filter: UndoFilter | None = None
    dry_run: bool = Field(False, description="Only say what could be undone.")

    @model_validator(mode="after")
    def _one_of_them(self) -> UndoCreate:
        if (self.actions is None) == (self.filter is None):
            raise ValueError("give either “actions” or “filter”")
        return self


class Refusal(Resource):
    """An action that stays done, and why."""

    action_id: str
    kind: str
    code: str
    detail: str


class UndoPreview(Resource):
    """What could be undone, by what is written down; files are looked at when it is done."""

    total: int
    undoable: int
    refused: int
    actions: list[str] = Field(description="The ids of the first 100 that could be undone.")
    refusals: list[Refusal] = Field(description="The first 100 that could not, each with why.")


class UndoProgress(Resource):
    """Many actions on their way back."""

    id: str
    status: Literal["running", "done"]
    filter: Json | None
    prediction_id: str | None = Field(description="The prediction that is put right by this.")
    label: str | None = Field(description="The label that it is put right for.")
    total: int
    waiting: int
    undone: int
    refused: int
    requested_by: str = Field(description="The name of the key that asked.")
    url: str
    created_at: str
    finished_at: str | None


class Undo(UndoProgress):
    """With those that stay done."""

    refusals: list[Refusal] = Field(description="The first 100, what was done last first.")


class UndoPage(PageOf[UndoProgress]):
    """One page of undos."""


class RefusalPage(PageOf[Refusal]):
    """One page of refusals."""


class PutRightCreate(Wanted):
    """The label that a picture should have had."""

    label: LabelName | None = Field(
        None, description="Left out: the one that a person gave already, answering an audit."
    )
    dry_run: bool = Field(False, description="Only say what would put it right.")


class PutRightBegun(Resource):
    """A picture that is being put right."""

    label: str
    undo: UndoProgress | None = Field(description="Null when nothing has to be undone.")
    planned: list[Action] = Field(
        description="Done when the undo has undone everything; given up when it could not."
    )
