"""Only looking: what the model says of one picture, and what the rules in force would do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from connector.actions import Sight, held
from connector.db.tables import Classifier, Image, ModelVersion, Rule
from connector.db.types import Json, utcnow
from connector.domain import conditions, folders, foreseeing, rules, versions
from connector.domain.conditions import Facts
from connector.domain.decisions import Answer, question
from connector.errors import Conflict, Unprocessable
from workers import vectors
from workers.answering import Task, answer
from workers.classify import sessions_of
from workers.looking import look
from workers.runtime import Runtime

# Stands for the id that the picture would get; only names made of {id} show it.
NO_ID = "pred_" + 26 * "0"


def run(
    rt: Runtime, classifier: Classifier, params: Json, progress: Callable[[int, int], None]
) -> Json:
    """Look at {image_id, name, metadata, source_id}; see docs/api.md for the result.

    Raises Conflict (no_model), and Unprocessable with the reason for an unreadable picture.
    """
    with rt.database.read() as session:
        image = session.get_one(Image, params["image_id"])
        version = versions.live(session, classifier)
        in_force = [row for row in rules.list_rules(session, classifier) if row.enabled]
        session.expunge_all()
    if version is None:
        raise Conflict("There is no model to look with yet; train it.", code="no_model")
    found = _answer(rt, classifier, version, image)
    progress(1, 1)
    label, confidence = found.best
    asked = None
    if found.twin is not None:
        label = found.twin.label
    else:
        asked = question(label, confidence, found)
    decided_by = "model" if found.twin is None and asked is None else "person"
    facts = Facts(label, confidence, decided_by, params["metadata"], params["source_id"])
    return {
        "label": label,
        "confidence": confidence,
        "probabilities": {name: float(p) for name, p in found.probabilities.items()},
        "decided_by": decided_by,
        "model_version": found.model_version,
        "asked": None if asked is None else {"code": asked[0], "reason": asked[1]},
        # Where a person is asked: what follows if that one says the same.
        "rules": [] if label is None else _rules(rt, classifier, in_force, facts, image, params),
    }


def _answer(rt: Runtime, classifier: Classifier, version: ModelVersion, image: Image) -> Answer:
    sessions = sessions_of(rt)
    seen = look(rt, sessions, version.backbone_sha256, [image.sha256])
    if image.sha256 in seen.errors:
        code, sentence = seen.errors[image.sha256]
        raise Unprocessable(sentence, code=code)
    vectors.keep_rows(rt, seen.rows(version.backbone_sha256))
    task = Task(NO_ID, image.sha256, version, classifier)
    return answer(rt, sessions, [task], seen)[0]


def _rules(
    rt: Runtime,
    classifier: Classifier,
    in_force: list[Rule],
    facts: Facts,
    image: Image,
    params: Json,
) -> list[dict[str, Any]]:
    picture = {
        "id": NO_ID,
        "label": facts.label,
        "confidence": facts.confidence,
        "decided_by": facts.decided_by,
        "classifier_id": classifier.id,
        "classifier_name": classifier.name,
        "name": params["name"],
        "external_id": None,
        "metadata": params["metadata"],
        "media_type": image.media_type,
        "created_at": utcnow(),
    }
    where = folders.sorted_dir(rt.database, rt.settings, classifier.workspace_id)
    seen = Sight(picture, held(image.sha256), rt.settings, where)
    return [
        {
            "rule_id": row.rule_id,
            "version": row.version,
            "when": conditions.of_rule(row),
            "effects": [one.__dict__ for one in foreseeing.foresee(row.actions, seen)],
        }
        for row in in_force
        if conditions.holds(conditions.of_rule(row), facts)
    ]
