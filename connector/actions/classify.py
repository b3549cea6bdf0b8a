"""Hand a picture, as it stands now, to another classifier: first upright, then by kind, say."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from pydantic import Field

from connector.actions.base import Action, ActionParams, Context, Location, Outcome
from connector.errors import ActionFailed


class ToClassifier(ActionParams):
    """Which classifier goes on with the picture: its id or its name."""

    classifier: str = Field(min_length=1, max_length=200)


class Classify(Action[ToClassifier]):
    """Submit the picture to another classifier; what that one's rules do comes after."""

    kind: ClassVar[str] = "classify"
    undoable: ClassVar[bool] = False
    Params = ToClassifier

    def resolve(self, params: ToClassifier, find_classifier: Callable[[str], str]) -> ToClassifier:
        """Keep the classifier's id: names change."""
        return ToClassifier(classifier=find_classifier(params.classifier))

    def describe(self, params: ToClassifier) -> str:
        """Return one sentence."""
        return f"Hands the picture, as it is then, to the classifier {params.classifier}."

    def execute(self, params: ToClassifier, location: Location, ctx: Context) -> Outcome:
        """Submit it once; the other prediction's id goes into the detail."""
        if ctx.hand_on is None:
            raise ActionFailed("Pictures cannot be handed on from here.")
        return Outcome(None, {"prediction_id": ctx.hand_on(params.classifier, location)})


ACTION = Classify()
