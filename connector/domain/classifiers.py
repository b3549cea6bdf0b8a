"""Classifiers, their labels and their sources."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session

from connector.db.tables import Classifier, Example, Label, ModelVersion, Source
from connector.db.types import utcnow
from connector.domain import audit_log, facts, promises
from connector.domain.paging import DEFAULT_LIMIT, Page, page
from connector.errors import Conflict, NotFound, Unprocessable
from connector.ids import new_id

# The labels that each kind of job starts with.
RECIPES: dict[str, tuple[str, ...]] = {
    "sort": (),
    "yes_no": ("yes", "no"),
    "orientation": ("upright", "left", "right", "upside_down"),
}
API, HOOK, FOLDER, S3 = "api", "hook", "folder", "s3"
MAX_LABELS = 1000
_AUDITED = ("name", "threshold", "auto_train", "retention_days", "sides_matter")
MAX_NAME = 100


def create_classifier(
    session: Session,
    workspace_id: str,
    *,
    name: str,
    recipe: str = "sort",
    labels: Sequence[str] = (),
) -> Classifier:
    """Make a classifier with its labels and its two sources (kinds "api" and "hook").

    Raises Unprocessable for an unknown recipe or a bad name or label, Conflict for a taken name.
    """
    if recipe not in RECIPES:
        raise Unprocessable(
            f"There is no recipe {recipe!r}; use one of {', '.join(RECIPES)}.",
            code="unknown_recipe",
        )
    classifier = Classifier(
        id=new_id("clf"),
        workspace_id=workspace_id,
        name=_free_name(session, workspace_id, name),
        recipe=recipe,
    )
    session.add(classifier)
    session.flush()
    session.add_all(
        Source(workspace_id=workspace_id, classifier_id=classifier.id, kind=kind)
        for kind in (API, HOOK)
    )
    made = _add_labels(session, classifier, labels or RECIPES[recipe])
    after = {"name": classifier.name, "recipe": recipe, "labels": [one.name for one in made]}
    audit_log.note_in(session, classifier, "classifier.created", classifier.id, after=after)
    return classifier


def get_classifier(session: Session, workspace_id: str, classifier_id: str) -> Classifier:
    """Return a classifier of this workspace. Raises NotFound, for others' and deleted ones too."""
    classifier = session.get(Classifier, classifier_id)
    if (
        classifier is None
        or classifier.workspace_id != workspace_id
        or classifier.deleted_at is not None
    ):
        raise NotFound(f"There is no classifier {classifier_id} here; see GET /api/v1/classifiers.")
    return classifier


def find_classifier(session: Session, workspace_id: str, id_or_name: str) -> Classifier:
    """Return the classifier of that id or name. Raises NotFound with the names there are."""
    statement = _all(workspace_id).order_by(Classifier.id.desc())
    found: list[Classifier] = list(session.scalars(statement))
    for classifier in found:
        if id_or_name in (classifier.id, classifier.name):
            return classifier
    names = ", ".join(sorted(classifier.name for classifier in found)) or "none yet"
    raise NotFound(f"There is no classifier {id_or_name!r} here; there are: {names}.")


def list_classifiers(
    session: Session,
    workspace_id: str,
    *,
    name: str | None = None,
    cursor: str | None = None,
    limit: int = DEFAULT_LIMIT,
) -> Page[Classifier]:
    """Return this workspace's classifiers, newest first, or those that are called `name`.

    Upper and lower case are the same. Raises BadRequest for bad paging.
    """
    statement = _all(workspace_id)
    if name is not None:
        # The database's lower() may know ASCII alone.
        names = session.execute(statement.with_only_columns(Classifier.id, Classifier.name))
        called = [row.id for row in names if row.name.casefold() == name.strip().casefold()]
        statement = statement.where(Classifier.id.in_(called))
    return page(session, statement, Classifier.id, cursor=cursor, limit=limit)


def update_classifier(
    session: Session,
    classifier: Classifier,
    *,
    name: str | None = None,
    threshold: float | None = None,
    clear_threshold: bool = False,
    labels: Sequence[str] = (),
    promise: Mapping[str, Any] | None = None,
    audit_share: float | None = None,
    clear_audit_share: bool = False,
    auto_train: bool | None = None,
    sides_matter: bool | None = None,
    retention_days: int | None = None,
    clear_retention: bool = False,
) -> Classifier:
    """Change the name, the threshold (0..1, or back to the model's own) or the promise; add labels.

    Raises Unprocessable for values out of range, Conflict for a taken name.
    """
    before = audit_log.brief(classifier, *_AUDITED)
    if name is not None and name != classifier.name:
        classifier.name = _free_name(session, classifier.workspace_id, name)
    if threshold is not None and not 0 <= threshold <= 1:
        raise Unprocessable(
            "The threshold is a confidence between 0 and 1, for example 0.9.", code="bad_threshold"
        )
    if threshold is not None or clear_threshold:
        classifier.threshold = threshold
    for label in labels:
        ensure_label(session, classifier, label)
    if promise is not None:
        promises.set_promise(session, classifier, promise)
    if threshold is not None and classifier.promise["kind"] != promises.CONFIDENCE:
        raise Unprocessable(
            "A threshold of your own takes the place of a promised error rate; to use it, set the "
            'promise to {"kind": "confidence"} as well.',
            code="threshold_without_effect",
        )
    if audit_share is not None or clear_audit_share:
        promises.set_audit_share(session, classifier, audit_share)
    if auto_train is not None:
        classifier.auto_train = auto_train
    if sides_matter is not None:
        classifier.sides_matter = sides_matter
    if retention_days is not None or clear_retention:
        classifier.retention_days = retention_days
    session.flush()
    after = audit_log.brief(classifier, *_AUDITED)
    audit_log.note_in(
        session, classifier, "classifier.changed", classifier.id, before=before, after=after
    )
    return classifier


def is_stale(session: Session, classifier_id: str) -> bool:
    """Say whether its thresholds and its error in the field are still to be worked out anew."""
    statement = select(Classifier.stale).where(Classifier.id == classifier_id)
    return bool(session.execute(statement).scalar_one())


def delete_classifier(session: Session, classifier: Classifier) -> None:
    """Take a classifier out of service: no source takes pictures for it any more."""
    classifier.deleted_at = utcnow()
    session.flush()
    audit_log.note_in(
        session, classifier, "classifier.deleted", classifier.id, before={"name": classifier.name}
    )


def labels(session: Session, classifier: Classifier) -> list[Label]:
    """Return the labels in their order."""
    statement = select(Label).where(Label.classifier_id == classifier.id)
    return list(session.scalars(statement.order_by(Label.position, Label.name)))


def find_label(session: Session, classifier: Classifier, name: str) -> Label:
    """Return an existing label. Raises Unprocessable with the labels there are."""
    known = labels(session, classifier)
    for label in known:
        if label.name == name:
            return label
    names = ", ".join(label.name for label in known) or "none yet"
    raise Unprocessable(
        f"{name!r} is not a label of {classifier.name!r}; its labels are: {names}.",
        code="unknown_label",
    )


def ensure_label(session: Session, classifier: Classifier, name: str) -> Label:
    """Return the label, made when it is new and the recipe leaves the labels open.

    Raises Unprocessable for a bad name, or one outside a recipe's fixed labels.
    """
    check_label(session, classifier, name)
    statement = select(Label).where(
        Label.classifier_id == classifier.id, Label.name == label_name(name)
    )
    found = session.scalars(statement).first()
    if found is None:
        found = _add_labels(session, classifier, [name])[0]
        after = {"name": found.name}
        audit_log.note_in(session, classifier, "label.added", found.id, after=after)
    return found


def check_label(session: Session, classifier: Classifier, name: str) -> None:
    """Raise Unprocessable for a bad name, or one outside a recipe's fixed labels."""
    cleaned = label_name(name)
    if RECIPES[classifier.recipe]:
        find_label(session, classifier, cleaned)


def label_name(name: str) -> str:
    """Return the name as it is kept (single spaces). Raises Unprocessable (bad_label)."""
    cleaned = " ".join(name.split())
    if not cleaned or len(cleaned) > MAX_NAME or not cleaned.isprintable():
        raise Unprocessable(
            f"A label needs a name of 1 to {MAX_NAME} printable characters.", code="bad_label"
        )
    return cleaned


def source(session: Session, classifier: Classifier, kind: str) -> Source:
    """Return the classifier's source of that kind ("api" or "hook"). Raises NotFound."""
    found = _first_source(session, classifier, kind)
    if found is None:
        raise NotFound(f"{classifier.name!r} takes no pictures by {kind!r}.")
    return found


def _first_source(session: Session, classifier: Classifier, kind: str) -> Source | None:
    statement = select(Source).where(
        Source.classifier_id == classifier.id, Source.kind == kind, Source.deleted_at.is_(None)
    )
    return session.scalars(statement.order_by(Source.id).limit(1)).first()


def source_by_token(session: Session, token: str) -> Source:
    """Return the source that this token opens, or did until it was rotated and still may.

    Raises NotFound, also for a deleted source or classifier.
    """
    lately = and_(Source.previous_token == token, Source.previous_token_until > utcnow())
    statement = (
        select(Source)
        .join(Classifier, Classifier.id == Source.classifier_id)
        .where(
            or_(Source.token == token, lately),
            Source.kind != API,
            Source.deleted_at.is_(None),
            Classifier.deleted_at.is_(None),
        )
    )
    found = session.scalars(statement).first()
    if found is None:
        raise NotFound("No hook has this address; copy it again from the classifier's hook_url.")
    return found


def example_counts(session: Session, classifier: Classifier) -> dict[str, int]:
    """Return label name -> how many examples it has, in the labels' order, 0 included."""
    # Counted first and named afterwards: an index alone holds the numbers.
    counts = (
        select(Example.label_id, func.count().label("examples"))
        .where(Example.classifier_id == classifier.id, Example.label_id.is_not(None))
        .group_by(Example.label_id)
        .subquery()
    )
    statement = (
        select(Label.name, func.coalesce(counts.c.examples, 0).label("examples"))
        .outerjoin(counts, counts.c.label_id == Label.id)
        .where(Label.classifier_id == classifier.id)
        .order_by(Label.position, Label.name)
    )
    return {row.name: row.examples for row in session.execute(statement)}


def unlabelled_count(session: Session, classifier: Classifier) -> int:
    """Return how many pictures wait for a label."""
    statement = (
        select(func.count())
        .select_from(Example)
        .where(Example.classifier_id == classifier.id, Example.label_id.is_(None))
    )
    return session.execute(statement).scalar_one()


def summary(session: Session, classifier: Classifier, public_url: str) -> dict[str, Any]:
    """Return the resource as JSON values: what it answers, how well, and how to reach it."""
    live = _live_version(session, classifier)
    hook = _first_source(session, classifier, HOOK)
    return {
        "id": classifier.id,
        "name": classifier.name,
        "recipe": classifier.recipe,
        "labels": [
            {"name": name, "examples": count}
            for name, count in example_counts(session, classifier).items()
        ],
        "unlabelled": unlabelled_count(session, classifier),
        "live_version": classifier.live_version,
        "accuracy": None if live is None else live.metrics.get("accuracy"),
        "threshold": classifier.threshold,
        "promise": classifier.promise,
        "operating": classifier.operating,
        "field": classifier.field,
        "audit_share": promises.audit_share(classifier),
        "auto_train": classifier.auto_train,
        "sides_matter": classifier.sides_matter,
        "retention_days": classifier.retention_days,
        "hook_url": None if hook is None else f"{public_url}/hooks/{hook.token}",
        "url": f"{public_url}/api/v1/classifiers/{classifier.id}",
        "notice": facts.weights_notice(session),
        "created_at": classifier.created_at.isoformat(),
    }


def _live_version(session: Session, classifier: Classifier) -> ModelVersion | None:
    statement = select(ModelVersion).where(
        ModelVersion.classifier_id == classifier.id,
        ModelVersion.number == classifier.live_version,
    )
    return session.scalars(statement).first()


def _all(workspace_id: str) -> Any:
    return select(Classifier).where(
        Classifier.workspace_id == workspace_id, Classifier.deleted_at.is_(None)
    )


def _free_name(session: Session, workspace_id: str, name: str) -> str:
    cleaned = " ".join(name.split())
    if not cleaned or len(cleaned) > MAX_NAME or not cleaned.isprintable():
        raise Unprocessable(
            f"A classifier needs a name of 1 to {MAX_NAME} printable characters.", code="bad_name"
        )
    taken = _all(workspace_id).where(Classifier.name == cleaned)
    if session.scalars(taken.limit(1)).first() is not None:
        raise Conflict(
            f"There is a classifier {cleaned!r} already; choose another name.", code="name_taken"
        )
    return cleaned


def _add_labels(session: Session, classifier: Classifier, names: Sequence[str]) -> list[Label]:
    """Add the labels that are new, at the end, in the order given; return the added ones."""
    known = {label.name for label in labels(session, classifier)}
    fresh = [
        name for name in dict.fromkeys(label_name(name) for name in names) if name not in known
    ]
    if len(known) + len(fresh) > MAX_LABELS:
        raise Unprocessable(
            f"A classifier can have {MAX_LABELS} labels; this would be {len(known) + len(fresh)}.",
            code="too_many_labels",
        )
    rows = [
        Label(classifier_id=classifier.id, name=name, position=len(known) + i)
        for i, name in enumerate(fresh)
    ]
    session.add_all(rows)
    session.flush()
    return rows
