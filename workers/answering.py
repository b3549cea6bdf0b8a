"""What one model makes of pictures whose embeddings are known, and what else is known of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from connector.db.tables import Classifier, ModelVersion
from connector.domain import aliases, promises
from connector.domain.decisions import Answer, Twin
from models.unlike import SHARE
from workers.looking import Looked
from workers.runtime import Runtime
from workers.sessions import Sessions
from workers.twins import Twins


@dataclass(frozen=True)
class Task:
    """One picture, the model that is to answer it, and the classifier that says what follows."""

    prediction_id: str
    sha256: str
    version: ModelVersion
    classifier: Classifier


def answer(
    rt: Runtime,
    sessions: Sessions,
    tasks: Sequence[Task],
    seen: Looked,
    *,
    with_twins: bool = True,
) -> list[Answer]:
    """Answer tasks of one version and classifier. Raises NotFound when its files are gone."""
    version, classifier = tasks[0].version, tasks[0].classifier
    rows = np.stack([seen.vectors[task.sha256] for task in tasks])
    named = named_probabilities(sessions, version, classifier, rows)
    usual, flagged = _usual(sessions, version, rows)
    asks = classifier.promise["kind"] != promises.NONE
    twins: list[Twin | None] = [None] * len(tasks)
    if with_twins:
        thumbnails = [seen.thumbnails.get(task.sha256) for task in tasks]
        twins = _twins_of(rt).find(version, classifier, rows, thumbnails)
    thresholds = thresholds_now(version, classifier)
    return [
        Answer(
            task.prediction_id,
            named[i],
            thresholds,
            version.number,
            usual=None if usual is None else float(usual[i]),
            unlike=_unlike_sentence() if asks and flagged[i] else None,
            twin=twins[i],
            always=promises.why_asked(classifier),
            audit_share=promises.audit_share(classifier),
            relabelled=len(classifier.aliases),
        )
        for i, task in enumerate(tasks)
    ]


def named_probabilities(
    sessions: Sessions,
    version: ModelVersion,
    classifier: Classifier,
    rows: np.ndarray[Any, np.dtype[np.float32]],
) -> list[dict[str, float]]:
    """Return label -> probability for embeddings [N, D], by the names that labels have now."""
    probabilities = sessions.head(version.head_sha256).predict(rows)
    return [
        aliases.probabilities(
            dict(zip(version.labels, map(float, row), strict=True)),
            version.number,
            classifier.aliases,
        )
        for row in probabilities
    ]


def thresholds_now(version: ModelVersion, classifier: Classifier) -> promises.Thresholds:
    """Return the thresholds in force, by the names that labels have now."""
    return aliases.thresholds(
        promises.thresholds(classifier, version), version.number, classifier.aliases
    )


def _usual(
    sessions: Sessions, version: ModelVersion, rows: np.ndarray[Any, np.dtype[np.float32]]
) -> tuple[np.ndarray[Any, np.dtype[np.float64]] | None, np.ndarray[Any, np.dtype[np.bool_]]]:
    """Return how usual each picture is, None where that cannot be told, and which are unlike."""
    if version.unlike_sha256 is None:
        return None, np.zeros(len(rows), bool)
    usual = sessions.unlike(version.unlike_sha256).p_values(rows)
    return usual, usual <= SHARE


def _unlike_sentence() -> str:
    return (
        "It is unlike everything that was labelled: fewer than "
        f"{SHARE:.0%} of ordinary pictures are as unusual. It may be none of the labels."
    )


def _twins_of(rt: Runtime) -> Twins:
    if "twins" not in rt.cache:
        rt.cache["twins"] = Twins(rt)
    twins: Twins = rt.cache["twins"]
    return twins
