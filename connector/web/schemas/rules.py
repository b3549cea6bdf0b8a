"""Rules over the wire."""

from __future__ import annotations

from typing import Any

from pydantic import Field, GetJsonSchemaHandler
from pydantic_core import CoreSchema

from connector.actions import registry
from connector.domain.conditions import When
from connector.web.schemas.base import Json, LabelName, Resource, Wanted
from connector.web.schemas.predictions import Fault


class WantedAction(Wanted):
    """One thing to do: its kind, and what that kind needs (docs/actions.md lists them)."""

    kind: str = Field(max_length=50)
    params: Json = Field(default_factory=dict)

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """Say which kinds there are and what each one needs, as their modules define it."""
        schema = handler(core_schema)
        handler.resolve_ref_schema(schema)["oneOf"] = [
            {
                "title": kind,
                "properties": {
                    "kind": {"const": kind},
                    "params": action.Params.model_json_schema(),
                },
            }
            for kind, action in sorted(registry().items())
        ]
        return schema


class RuleCreate(Wanted):
    """When the answer is this label (null: any), or `when` holds, do these actions in order."""

    label: LabelName | None = Field(None, description="Short for when.labels with this one.")
    when: When | None = None
    actions: list[WantedAction] = Field(min_length=1, max_length=10)
    position: int | None = Field(None, ge=0, le=10_000)
    enabled: bool = True


class RuleUpdate(Wanted):
    """What to change; what is absent stays."""

    label: LabelName | None = None
    when: When | None = Field(None, description="In the place of all conditions, label included.")
    actions: list[WantedAction] | None = Field(None, min_length=1, max_length=10)
    position: int | None = Field(None, ge=0, le=10_000)
    enabled: bool | None = None


class RulePreview(Wanted):
    """A rule to look at before it is made."""

    label: LabelName | None = None
    when: When | None = None
    actions: list[WantedAction] = Field(min_length=1, max_length=10)


class ActionPreview(Resource):
    """An action as it would be kept, and what it would do, in one sentence."""

    kind: str
    params: Json
    sentence: str


class PreviewedRule(Resource):
    """What a rule would do, and when, in words."""

    label: str | None
    when: Json
    sentence: str
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
    """A rule; `label` is null when it holds for several or for all, see `when`."""

    id: str
    version: int
    classifier_id: str
    label: str | None
    when: Json
    current: bool
    position: int
    enabled: bool
    actions: list[Json]
    created_at: str


class RuleVersions(Resource):
    """Every version of a rule, the latest first; the actions of each name it."""

    items: list[Rule]
    next_cursor: None = None


class RuleList(Resource):
    """The rules in force, in the order in which they are tried."""

    items: list[Rule]
    next_cursor: None = None
