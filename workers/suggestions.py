"""What to label next, and groups of look-alikes to label at one go."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from connector.db.tables import Classifier
from connector.db.types import Json
from models import lookalikes, selection
from workers.answering import named_probabilities
from workers.candidates import Candidate, Seen, labelled_rows, look_at, waiting
from workers.classify import sessions_of
from workers.runtime import Runtime

Floats = npt.NDArray[np.float64]

SHOWN = 50
# From this share of a group on, its pictures say what the group may be called.
AGREED = 0.8
NOTHING = "Every picture that is known here has a label already; add some without one."


def label_next(
    rt: Runtime, classifier: Classifier, params: Json, progress: Callable[[int, int], None]
) -> Json:
    """Choose {count} pictures whose labels would teach most, each with a reason.

    Raises Conflict when there is no network to look at pictures with.
    """
    seen = look_at(rt, classifier, waiting(rt, classifier), progress)
    if not seen.candidates:
        return {"sentence": NOTHING, "pictures": []}
    probabilities, labels = _probabilities(rt, classifier, seen)
    chosen = selection.choose(
        seen.rows,
        int(params["count"]),
        probabilities=probabilities,
        labels=labels,
        labelled=labelled_rows(rt, classifier, seen.backbone),
        unlike=_usual(rt, seen),
    )
    pictures = [
        {
            **seen.candidates[one.index].shown(),
            "reason": one.reason,
            "stands_for": one.stands_for,
        }
        for one in chosen
    ]
    total = len(seen.candidates)
    sentence = f"Of {total:,} pictures without a label, these would teach the model most."
    return {"sentence": sentence, "pictures": pictures}


def groups(
    rt: Runtime, classifier: Classifier, params: Json, progress: Callable[[int, int], None]
) -> Json:
    """Group pictures without a label into at most {count} groups of look-alikes.

    With {kept} only those that are kept to be labelled; the ids of all of them are told then.
    Raises Conflict when there is no network to look at pictures with.
    """
    kept = bool(params.get("kept"))
    candidates = [one for one in waiting(rt, classifier) if one.kind == "example" or not kept]
    seen = look_at(rt, classifier, candidates, progress)
    if not seen.candidates:
        return {"sentence": NOTHING, "groups": []}
    probabilities, labels = _probabilities(rt, classifier, seen)
    unlike = _unlike(rt, seen)
    found = lookalikes.lookalikes(seen.rows)
    # What may be a label of its own comes first, then what saves most clicks.
    several = [one for one in found if len(one.members) > 1]
    several.sort(key=lambda one: (-_share(unlike, one.members) > -0.5, -len(one.members)))
    chosen = several[: int(params["count"])]
    shown = [_group(one, seen.candidates, probabilities, labels, unlike) for one in chosen]
    if kept:
        for told, one in zip(shown, chosen, strict=True):
            told["examples"] = [seen.candidates[i].id for i in one.members]
    sentence = (
        f"{len(seen.candidates):,} pictures without a label; {len(several):,} groups of them look "
        "alike."
    )
    return {"sentence": sentence, "groups": shown}


def _group(
    group: lookalikes.Group,
    candidates: Sequence[Candidate],
    probabilities: Floats | None,
    labels: Sequence[str],
    unlike: npt.NDArray[np.bool_],
) -> Json:
    members = list(group.members)
    share = _share(unlike, members)
    suggested = None
    if probabilities is not None and share < 0.5:
        votes = np.bincount(probabilities[members].argmax(axis=1), minlength=len(labels))
        if votes.max() >= AGREED * len(members):
            suggested = labels[int(votes.argmax())]
    return {
        "size": len(members),
        "tightness": round(group.tightness, 3),
        "unlike_share": round(share, 3),
        "suggested_label": suggested,
        "may_be_new": share >= 0.5,
        "pictures": [candidates[i].shown() for i in members[:SHOWN]],
    }


def _share(unlike: npt.NDArray[np.bool_], members: Sequence[int]) -> float:
    return float(unlike[list(members)].mean())


def _probabilities(
    rt: Runtime, classifier: Classifier, seen: Seen
) -> tuple[Floats | None, list[str]]:
    """The live model's probabilities [N, K] by the labels' present names; None without one."""
    if seen.version is None:
        return None, []
    named = named_probabilities(sessions_of(rt), seen.version, classifier, seen.rows)
    labels = list(named[0])
    table = np.array([[one[label] for label in labels] for one in named])
    return (table, labels) if labels else (None, [])


def _usual(rt: Runtime, seen: Seen) -> Floats | None:
    if seen.version is None or seen.version.unlike_sha256 is None:
        return None
    usual: Any = sessions_of(rt).unlike(seen.version.unlike_sha256).p_values(seen.rows)
    return np.asarray(usual, np.float64)


def _unlike(rt: Runtime, seen: Seen) -> npt.NDArray[np.bool_]:
    if seen.version is None or seen.version.unlike_sha256 is None:
        return np.zeros(len(seen.candidates), bool)
    return sessions_of(rt).unlike(seen.version.unlike_sha256).flags(seen.rows)
