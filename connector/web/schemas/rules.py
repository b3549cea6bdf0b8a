"""Rules over the wire."""

from __future__ import annotations

from pydantic import Field

from connector.web.schemas.base import Json, LabelName, Resource, Wanted
from connector.web.schemas.predictions import Fault


class WantedAction(Wanted):
    """One thing to do: its kind, and what that kind needs (docs/api.md lists them)."""

    kind: str = Field(max_length=50)
    params: Json = Field(default_factory=dict)


class RuleCreate(Wanted):
    """When the answer is this label (null: any), do these actions in order."""

    label: LabelName | None = None
    actions: list[WantedAction] = Field(min_length=1, max_length=10)
    position: int | None = Field(None, ge=0, le=10_000)
    enabled: bool = True


class RuleUpdate(Wanted):
    """What to change; what is absent stays."""

    label: LabelName | None = None
    actions: list[WantedAction] | None = Field(None, min_length=1, max_length=10)
    position: int | None = Field(None, ge=0, le=10_000)
    enabled: bool | None = None


class RulePreview(Wanted):
    """A rule to look at before it is made."""

    label: LabelName | None = None
    actions: list[WantedAction] = Field(min_length=1, max_length=10)


class ActionPreview(Resource):
    """An action as it would be kept, and what it would do, in one sentence."""

    kind: str
    params: Json
    sentence: str


class PreviewedRule(Resource):
    """What a rule would do."""

    label: str | None
    actions: list[ActionPreview]


class AlertTest(Resource):
    """How a test went, by one alert of a rule."""

    position: int = Field(description="Which of the rule's actions, from 0.")
    channel: str
    ok: bool
    answer: Json = Field(description="What the channel answered.")
    error: Fault | None
    duration_ms: int


class AlertTests(Resource):
    """A test by each alert of a rule."""

    items: list[AlertTest]


class Rule(Resource):
    """A rule in force."""

    id: str
    version: int
    classifier_id: str
    label: str | None
    position: int
    enabled: bool
    actions: list[Json]
    created_at: str


class RuleList(Resource):
    """The rules in force, in the order in which they are tried."""

    items: list[Rule]
    next_cursor: None = None
