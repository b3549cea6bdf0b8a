"""What one rule would have done, picture by picture: where each would have gone."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from connector.actions import Sight
from connector.db.types import Json
from connector.domain import conditions, foreseeing
from connector.domain.conditions import Facts
from connector.settings import Settings

# Pictures that are listed, and different effects that are counted.
SHOWN, EFFECTS = 200, 50


@dataclass
class Rehearsed:
    """Collects what a rule (`when`, `actions`) would come to; nothing is done to any picture."""

    rule: Json
    settings: Settings
    sorted_dir: Path
    pictures: int = 0
    failing: int = 0
    otherwise: int = 0
    effects: Counter[str] = field(default_factory=Counter)
    shown: list[Json] = field(default_factory=list)

    def see(self, facts: Facts, picture: Json, location: Json, changed: bool) -> None:
        """Take a picture in; `changed`: what rules do with it in all would not be the same."""
        self.otherwise += changed
        if not conditions.holds(self.rule["when"], facts):
            return
        said = {"label": facts.label, "confidence": facts.confidence, "metadata": facts.metadata}
        seen = Sight(
            {**picture, **said, "decided_by": facts.decided_by},
            location,
            self.settings,
            self.sorted_dir,
        )
        found = foreseeing.foresee(self.rule["actions"], seen)
        self.pictures += 1
        self.failing += any(one.fails for one in found)
        self.effects.update({one.group for one in found if not one.fails})
        if len(self.shown) < SHOWN:
            self.shown.append(_row(facts, picture, found))

    def result(self) -> Json:
        """Return it as JSON values."""
        return {
            "pictures": self.pictures,
            "failing": self.failing,
            "otherwise": self.otherwise,
            "effects": [list(pair) for pair in self.effects.most_common(EFFECTS)],
            "shown": self.shown,
        }


def _row(facts: Facts, picture: Json, found: list[foreseeing.Foreseen]) -> Json:
    return {
        "prediction_id": picture["id"],
        "image_id": picture["image_id"],
        "name": picture["name"],
        "label": facts.label,
        "confidence": facts.confidence,
        "decided_by": facts.decided_by,
        "effects": [
            {"text": one.text or one.sentence, "sentence": one.sentence, "fails": one.fails}
            for one in found
        ],
    }
