"""Rehearsal: what a version, a promise or rules would have done with the pictures of late.

Nothing is done to any picture. Embeddings are kept, so this is arithmetic unless the version has
another backbone; pictures without an embedding of its are then looked at once more.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from sqlalchemy import select

from connector.db.session import now
from connector.db.tables import Classifier, Image, ModelVersion, Prediction
from connector.db.types import Json
from connector.domain import conditions, folders, promises, rules, versions
from connector.domain.conditions import Facts
from connector.domain.decisions import Answer, question
from connector.errors import Conflict
from workers import judge, vectors
from workers.answering import Task, answer
from workers.classify import sessions_of
from workers.judging import record_of
from workers.looking import look
from workers.rehearsed import Rehearsed
from workers.runtime import Runtime

SHOWN, MOST = 500, 20_000
_AT_ONCE = 256
ASKED = "a person is asked"


@dataclass(frozen=True)
class Past:
    """A picture of late, and what came of it."""

    prediction_id: str
    sha256: str
    name: str
    label: str | None
    status: str
    decided_by: str | None
    # What a person said of it, where one did.
    truth: str | None
    facts: Facts
    # What actions may know of it, and where it lies.
    picture: Json
    location: Json

    @property
    def outcome(self) -> str:
        """The label that stood without asking, or that a person was asked."""
        asked = self.status == "needs_review" or self.decided_by in ("person", "policy")
        return ASKED if asked else str(self.label)


def run(
    rt: Runtime, classifier: Classifier, params: Json, progress: Callable[[int, int], None]
) -> Json:
    """Rehearse with {version?, promise?, threshold?, rules?, days}; see docs/api.md for the result.

    Raises Conflict (no_model) without a version, NotFound for one that is not there.
    """
    version = _version(rt, classifier, params.get("version"))
    changed = _changed(rt, classifier, version, params)
    pasts = _pasts(rt, classifier, float(params["days"]))
    outcomes: dict[str, Answer] = {}
    for start in range(0, len(pasts), _AT_ONCE):
        part = pasts[start : start + _AT_ONCE]
        outcomes |= _answers(rt, version, changed, part)
        progress(min(start + _AT_ONCE, len(pasts)), len(pasts))
    return _result(rt, classifier, version, params, pasts, outcomes)


def _version(rt: Runtime, classifier: Classifier, number: int | None) -> ModelVersion:
    with rt.database.read() as session:
        if number is not None:
            row: ModelVersion | None = versions.version(session, classifier, number)
        else:
            row = versions.live(session, classifier)
        if row is None:
            raise Conflict("There is no model to rehearse with yet; train it.", code="no_model")
        session.expunge(row)
    return row


def _changed(
    rt: Runtime, classifier: Classifier, version: ModelVersion, params: Json
) -> Classifier:
    """Return the classifier as it would be: a copy that no session knows."""
    names = [column.name for column in Classifier.__table__.columns]
    copy = Classifier(**{name: getattr(classifier, name) for name in names})
    if params.get("promise") is not None:
        copy.promise = promises.check(params["promise"])
        copy.field = None
    if params.get("threshold") is not None:
        copy.promise, copy.threshold = {"kind": promises.CONFIDENCE}, params["threshold"]
    if copy.promise["kind"] not in (promises.CONFIDENCE, promises.NONE):
        copy.operating = judge.operating(rt, copy, version.number, record_of(rt, version))
    return copy


def _pasts(rt: Runtime, classifier: Classifier, days: float) -> list[Past]:
    with rt.database.read() as session:
        since = now(session) - timedelta(days=days)
        statement = (
            select(Prediction, Image.sha256, Image.media_type)
            .join(Image, Image.id == Prediction.image_id)
            .where(
                Prediction.classifier_id == classifier.id,
                Prediction.created_at >= since,
                Prediction.status.in_(("done", "needs_review")),
                Prediction.image_deleted_at.is_(None),
            )
            .order_by(Prediction.id.desc())
            .limit(MOST)
        )
        return [_past(classifier, *found) for found in session.execute(statement)]


def _past(classifier: Classifier, row: Prediction, sha256: str, media_type: str) -> Past:
    by_person = row.decided_by == "person" and row.status == "done"
    truth = row.corrected_label or (row.label if by_person else None)
    picture = {
        "id": row.id,
        "image_id": row.image_id,
        "classifier_name": classifier.name,
        "name": row.name,
        "external_id": row.external_id,
        "media_type": media_type,
        "created_at": row.created_at,
    }
    return Past(
        row.id,
        sha256,
        row.name,
        row.label,
        row.status,
        row.decided_by,
        truth,
        Facts.of(row),
        picture,
        row.location,
    )


def _answers(
    rt: Runtime, version: ModelVersion, classifier: Classifier, pasts: Sequence[Past]
) -> dict[str, Answer]:
    hashes = list(dict.fromkeys(one.sha256 for one in pasts))
    sessions = sessions_of(rt)
    seen = look(rt, sessions, version.backbone_sha256, hashes)
    vectors.keep_rows(rt, seen.rows(version.backbone_sha256))
    tasks = [
        Task(one.prediction_id, one.sha256, version, classifier)
        for one in pasts
        if one.sha256 in seen.vectors
    ]
    if not tasks:
        return {}
    # Twins obey people now who had not answered then: a rehearsal is of the model alone.
    found = answer(rt, sessions, tasks, seen, with_twins=False)
    return {one.prediction_id: one for one in found}


def _outcome(answered: Answer) -> tuple[str, str | None, float]:
    """What would come of a picture, the model's label, and its confidence."""
    label, confidence = answered.best
    asked = label is None or question(label, confidence, answered) is not None
    return (ASKED if asked else str(label)), label, confidence


def _result(
    rt: Runtime,
    classifier: Classifier,
    version: ModelVersion,
    params: Json,
    pasts: Sequence[Past],
    answers: Mapping[str, Answer],
) -> Json:
    effects = _Effects(rt, classifier, params.get("rules"))
    about = params.get("about")
    rehearsed = None if about is None else _rehearsed(rt, classifier, params["rules"][about])
    counts: dict[str, Counter[str]] = {"before": Counter(), "after": Counter()}
    differ: list[Json] = []
    total = wrong_before = wrong_after = judged = 0
    for past in pasts:
        if past.prediction_id not in answers:
            continue
        after, label, confidence = _outcome(answers[past.prediction_id])
        counts["before"][past.outcome] += 1
        counts["after"][after] += 1
        if past.truth is not None:
            judged += 1
            wrong_before += past.outcome not in (ASKED, past.truth)
            wrong_after += after not in (ASKED, past.truth)
        changed = effects.changed(past, after, confidence)
        if rehearsed is not None and (after != ASKED or past.status == "done"):
            facts = effects.facts(past, after, confidence)
            rehearsed.see(facts, past.picture, past.location, changed is not None)
        if after != past.outcome or changed is not None:
            total += 1
            if len(differ) < SHOWN:
                differ.append(_difference(past, after, label, confidence, changed))
    seen = sum(counts["before"].values())
    return {
        "version": version.number,
        "pictures": seen,
        "not_readable": len(pasts) - seen,
        "before": dict(counts["before"].most_common()),
        "after": dict(counts["after"].most_common()),
        "checked_by_people": judged,
        "wrong_before": wrong_before,
        "wrong_after": wrong_after,
        "differ_count": total,
        "differ": differ,
        **({} if rehearsed is None else {"rule": rehearsed.result()}),
    }


def _rehearsed(rt: Runtime, classifier: Classifier, rule: Json) -> Rehearsed:
    where = folders.sorted_dir(rt.database, rt.settings, classifier.workspace_id)
    return Rehearsed(rule, rt.settings, where)


def _difference(
    past: Past, after: str, label: str | None, confidence: float, changed: Json | None
) -> Json:
    return {
        "prediction_id": past.prediction_id,
        "name": past.name,
        "before": past.outcome,
        "after": after,
        "label": label,
        "confidence": confidence,
        "person_said": past.truth,
        "actions": changed,
    }


class _Effects:
    """What rules do with a label, in sentences: those in force, and those to be rehearsed."""

    def __init__(self, rt: Runtime, classifier: Classifier, wanted: Sequence[Json] | None) -> None:
        with rt.database.read() as session:
            current = rules.list_rules(session, classifier)
        self._before = [(conditions.of_rule(row), row.actions) for row in current if row.enabled]
        self._after = self._before
        if wanted is not None:
            self._after = [(_when(one), one["actions"]) for one in wanted]

    @staticmethod
    def facts(past: Past, after: str, confidence: float) -> Facts:
        """Return what rules would look at: the model's answer where nobody would be asked."""
        if after == ASKED:
            return past.facts
        return replace(past.facts, label=after, confidence=confidence, decided_by="model")

    def changed(self, past: Past, after: str, confidence: float) -> Json | None:
        """Return what would be done instead, None when the rules do the same."""
        if self._after is self._before:
            return None
        facts = self.facts(past, after, confidence)
        before, then = _effects(self._before, facts), _effects(self._after, facts)
        return None if before == then else {"before": before, "after": then}


def _when(rule: Json) -> Json:
    """When a rule is to hold; the release before knew labels alone."""
    if "when" in rule:
        when: Json = rule["when"]
        return when
    return {} if rule["label"] is None else {"labels": [rule["label"]]}


def _effects(rows: Sequence[tuple[Json, list[dict[str, Any]]]], facts: Facts) -> list[str]:
    return [
        sentence
        for when, actions in rows
        if conditions.holds(when, facts)
        for sentence in rules.describe(actions)
    ]
