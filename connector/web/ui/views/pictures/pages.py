"""The blueprint of the tab Pictures, and what its modules share."""

from __future__ import annotations

from typing import Any

from flask import request

from connector.db.tables import Classifier
from connector.domain import classifiers
from connector.domain.gallery import SURE, UNSURE, Wanted
from connector.web.ui.pages import Pages

pictures = Pages("pictures", __name__)
RULE = "/classifiers/<classifier_id>/pictures"
UNLABELLED, MISTAKES = "unlabelled", "mistakes"
ORDERS = (UNSURE, SURE)
# As many labels as there are keys for get a button of their own.
KEYS = 9


def wanted() -> Wanted:
    """Return what the address or the form says about which pictures are shown."""
    show, sort = request.values.get("show", ""), request.values.get("sort", "")
    return Wanted(
        label=request.values.get("of", ""),
        unlabelled=show == UNLABELLED,
        mistakes=show == MISTAKES,
        origin=request.values.get("origin", ""),
        text=request.values.get("q", "").replace("\0", ""),
        order=sort if sort in ORDERS else "",
        least=_percent("least"),
        most=_percent("most"),
    )


def _percent(name: str) -> int | None:
    """Return a whole number of per cent, None where nothing sensible was said."""
    text = request.values.get(name, "").strip()
    return min(int(text), 100) if text.isascii() and text.isdecimal() and len(text) < 4 else None


def address(wanted: Wanted, **values: str | None) -> dict[str, str]:
    """Return the parameters that lead to these pictures again, but for the `values` given."""
    show = UNLABELLED if wanted.unlabelled else MISTAKES if wanted.mistakes else ""
    said = {
        "of": wanted.label,
        "show": show,
        "origin": wanted.origin,
        "q": wanted.text,
        "sort": wanted.order,
        "least": None if wanted.least is None else str(wanted.least),
        "most": None if wanted.most is None else str(wanted.most),
        **values,
    }
    return {name: value for name, value in said.items() if value}


def takes_new_labels(classifier: Classifier) -> bool:
    """Say whether a person may think of a label, or the recipe fixes them."""
    return not classifiers.RECIPES[classifier.recipe]


def shared(classifier: Classifier) -> dict[str, Any]:
    """Return what every template of this tab needs."""
    return {"classifier": classifier, "open_labels": takes_new_labels(classifier), "keys": KEYS}
