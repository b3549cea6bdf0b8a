"""What a classifier's owner was promised about errors, and what follows for each answer.

A promise is kept by thresholds that a worker works out from pictures which neither trained nor
tuned the model (`workers.judge`); here is what may be promised, and which thresholds hold now.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import and_
from sqlalchemy.orm import Session

from connector.db.session import want
from connector.db.tables import Classifier, ModelVersion
from connector.db.types import Json, utcnow
from connector.domain import audit_log
from connector.errors import Unprocessable

CONFIDENCE = "confidence"
NONE = "none"
ERROR_RATE = "error_rate"
PER_LABEL = "error_rate_per_label"
CAPACITY = "capacity"
KINDS = (CONFIDENCE, NONE, ERROR_RATE, PER_LABEL, CAPACITY)
# Those that say how often the automatic answers may be wrong.
GUARANTEED = (ERROR_RATE, PER_LABEL)
LEAST_RATE, MOST_RATE = 0.001, 0.5
MOST_QUESTIONS = 100_000
# The share of automatic answers that is looked over while an error rate is promised.
DEFAULT_AUDIT_SHARE = 0.02
BROKEN = "broken"

Thresholds = dict[str, float | None]

# Classifiers whose thresholds or error in the field are to be worked out anew.
STALE = and_(
    Classifier.stale, Classifier.deleted_at.is_(None), Classifier.live_version.is_not(None)
)


def check(promise: Mapping[str, Any]) -> Json:
    """Return the promise in the form it is kept in. Raises Unprocessable (bad_promise)."""
    kind = promise.get("kind")
    if kind not in KINDS:
        raise _bad(f"A promise is one of {', '.join(KINDS)}; {kind!r} is none of them.")
    if kind in GUARANTEED:
        rate = _number(promise, "rate", LEAST_RATE, MOST_RATE, "0.02 for 2 wrong in 100")
        return {"kind": kind, "rate": rate}
    if kind == CAPACITY:
        most = MOST_QUESTIONS
        questions = _number(promise, "questions_per_day", 0, most, "20 for 20 questions a day")
        return {"kind": kind, "questions_per_day": questions}
    return {"kind": kind}


def _number(
    promise: Mapping[str, Any], name: str, least: float, most: float, example: str
) -> float:
    value = promise.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise _bad(
            f"The promise {promise['kind']!r} needs {name} between {least:g} and {most:g}, "
            f"such as {example}."
        )
    return float(value)


def _bad(sentence: str) -> Unprocessable:
    return Unprocessable(sentence, code="bad_promise")


def set_promise(session: Session, classifier: Classifier, promise: Mapping[str, Any]) -> None:
    """Promise something else from now on; a worker works out the thresholds at once.

    Until it has, a person is asked about every picture. Raises Unprocessable (bad_promise).
    """
    checked = check(promise)
    if checked != {name: classifier.promise.get(name) for name in checked}:
        before, after = {"promise": classifier.promise}, {"promise": checked}
        audit_log.note_in(
            session, classifier, "promise.changed", classifier.id, before=before, after=after
        )
        classifier.promise = {**checked, "since": utcnow().isoformat()}
        classifier.operating = classifier.field = None
    judge_again(session, classifier)


def set_audit_share(session: Session, classifier: Classifier, share: float | None) -> None:
    """Say which share of the automatic answers (0..1) is looked over; None: as the promise needs.

    Raises Unprocessable (bad_audit_share).
    """
    if share is not None and not 0 <= share <= 1:
        raise Unprocessable(
            "The audited share is between 0 and 1, for example 0.02 for one answer in fifty.",
            code="bad_audit_share",
        )
    before, after = {"audit_share": classifier.audit_share}, {"audit_share": share}
    audit_log.note_in(
        session, classifier, "promise.changed", classifier.id, before=before, after=after
    )
    classifier.audit_share = share
    judge_again(session, classifier)


def judge_again(session: Session, classifier: Classifier) -> None:
    """Have the thresholds and the field's error worked out anew, soon."""
    classifier.stale = True
    session.flush()
    want(session, "judge")


def went_live(
    session: Session, classifier: Classifier, version: ModelVersion, operating: Json | None
) -> None:
    """Take up the thresholds that keep the promise with a version that just went live.

    Without `operating` they are worked out soon, and a person is asked meanwhile. A promise that
    was broken is looked at afresh: the new model has learned from the answers that broke it.
    """
    classifier.operating = operating
    if is_broken(classifier):
        classifier.promise = {**classifier.promise, "since": utcnow().isoformat()}
        classifier.field = None
    judge_again(session, classifier)


def audit_share(classifier: Classifier) -> float:
    """Return the share of automatic answers that a person looks over."""
    if classifier.audit_share is not None:
        return classifier.audit_share
    return DEFAULT_AUDIT_SHARE if classifier.promise["kind"] in GUARANTEED else 0.0


def thresholds(classifier: Classifier, version: ModelVersion) -> Thresholds:
    """Return the confidence per label of `version` from which nobody is asked; None: always ask."""
    kind = classifier.promise["kind"]
    if kind == NONE:
        return dict.fromkeys(version.labels, 0.0)
    if kind == CONFIDENCE:
        if classifier.threshold is not None:
            return dict.fromkeys(version.labels, classifier.threshold)
        return {name: float(value) for name, value in version.thresholds.items()}
    point = classifier.operating
    if point is None or point["version"] != version.number or is_broken(classifier):
        return dict.fromkeys(version.labels, None)
    kept: Thresholds = dict(point["thresholds"])
    return kept


def is_broken(classifier: Classifier) -> bool:
    """Say whether audits showed that the promise does not hold any more."""
    return classifier.field is not None and classifier.field.get("verdict") == BROKEN


def why_asked(classifier: Classifier) -> tuple[str, str]:
    """Return code and sentence for a question that no threshold spares anybody."""
    if is_broken(classifier):
        field = classifier.field or {}
        return "promise_broken", str(field.get("sentence"))
    if classifier.operating is None:
        return "no_evidence", "The thresholds for the promised error rate are being worked out."
    return "no_evidence", str(classifier.operating.get("sentence"))


def describe(promise: Mapping[str, Any]) -> str:
    """Return the promise in a sentence."""
    kind, rate = promise["kind"], 100 * float(promise.get("rate", 0))
    if kind == ERROR_RATE:
        return f"At most {rate:g} in 100 automatic answers are wrong, with 95 % confidence."
    if kind == PER_LABEL:
        return (
            f"At most {rate:g} in 100 of each label's automatic answers are wrong, with 95 % "
            "confidence for each."
        )
    if kind == CAPACITY:
        return f"A person is asked about {promise['questions_per_day']:g} pictures a day."
    if kind == NONE:
        return "Every answer is automatic, and nothing is promised about errors."
    return "A person is asked below a threshold of confidence; no error rate is promised."
