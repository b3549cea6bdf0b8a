"""The blueprint of the tab Pictures, and what its modules share."""

from __future__ import annotations

from typing import Any

from flask import request

from connector.db.tables import Classifier
from connector.domain import classifiers
from connector.domain.gallery import Wanted
from connector.web.ui.pages import Pages

pictures = Pages("pictures", __name__)
RULE = "/classifiers/<classifier_id>/pictures"
UNLABELLED, MISTAKES = "unlabelled", "mistakes"
# As many labels as there are keys for get a button of their own.
KEYS = 9


def wanted() -> Wanted:
    """Return what the address or the form says about which pictures are shown."""
    show = request.values.get("show", "")
    return Wanted(
        label=request.values.get("of", ""),
        unlabelled=show == UNLABELLED,
        mistakes=show == MISTAKES,
        origin=request.values.get("origin", ""),
        text=request.values.get("q", "").replace("\0", ""),
    )


def address(wanted: Wanted, **values: str | None) -> dict[str, str]:
    """Return the parameters that lead to these pictures again, but for the `values` given."""
    show = UNLABELLED if wanted.unlabelled else MISTAKES if wanted.mistakes else ""
    said = {"of": wanted.label, "show": show, "origin": wanted.origin, "q": wanted.text, **values}
    return {name: value for name, value in said.items() if value}


def takes_new_labels(classifier: Classifier) -> bool:
    """Say whether a person may think of a label, or the recipe fixes them."""
    return not classifiers.RECIPES[classifier.recipe]


def shared(classifier: Classifier) -> dict[str, Any]:
    """Return what every template of this tab needs."""
    return {"classifier": classifier, "open_labels": takes_new_labels(classifier), "keys": KEYS}
