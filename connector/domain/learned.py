"""What each training came to: versions with their runs, and what changed between two of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from connector.db.tables import Classifier, ModelVersion, TrainingRun
from connector.domain import training, versions

Report = Mapping[str, Any]
Names = Callable[[str], str]

PAGE = 20
# Of a chart and of the choices for a comparison; older ones are in the list.
MOST_CHARTED = 50
MOST_CHANGES = 12


@dataclass(frozen=True)
class Entry:
    """A version, what came of it when it was made, and the version before it (of lower number).

    `state` is live, was_live (it went live once), or turned_down.
    """

    version: ModelVersion
    run: TrainingRun | None
    state: str
    before: ModelVersion | None

    @property
    def number(self) -> int:
        return self.version.number

    @property
    def accuracy(self) -> float | None:
        """The share of its held-out pictures that it had right."""
        return _number(self.version.metrics.get("accuracy"))

    @property
    def interval(self) -> tuple[float, float] | None:
        """The interval of that share."""
        found = self.version.metrics.get("accuracy_interval")
        return None if found is None else (float(found[0]), float(found[1]))

    @property
    def judged_on(self) -> int:
        """How many pictures were held out."""
        return int(self.version.metrics.get("count") or 0)

    @property
    def learned_from(self) -> int | None:
        """How many pictures it learned from; None for versions that did not keep it."""
        found = self.version.metrics.get("training_count")
        return None if found is None else int(found)

    @property
    def more(self) -> int | None:
        """How many more those are than before; None where nobody knows."""
        if self.before is None or self.learned_from is None:
            return None
        earlier = self.before.metrics.get("training_count")
        return None if earlier is None else self.learned_from - int(earlier)

    @property
    def labels_added(self) -> list[str]:
        """Labels that the version before did not know."""
        known = set() if self.before is None else set(self.before.labels)
        return [] if self.before is None else [x for x in self.version.labels if x not in known]

    @property
    def labels_gone(self) -> list[str]:
        """Labels that only the version before knew."""
        known = set(self.version.labels)
        return [] if self.before is None else [x for x in self.before.labels if x not in known]

    @property
    def verdict(self) -> str:
        """Why it went live, or did not, in a sentence."""
        return str(self.version.metrics.get("verdict") or "")


@dataclass(frozen=True)
class History:
    """A page of versions, newest first."""

    entries: list[Entry]
    next_cursor: str | None


@dataclass(frozen=True)
class LabelChange:
    """What became of a label between two versions: pictures it learned from, and share found."""

    name: str
    pictures: int | None
    more: int | None
    before: float | None
    after: float | None

    @property
    def change(self) -> float | None:
        """Of the share of its held-out pictures that were found."""
        if self.before is None or self.after is None:
            return None
        return self.after - self.before


def history(
    session: Session, classifier: Classifier, *, cursor: str | None = None, limit: int = PAGE
) -> History:
    """Return versions with their runs, newest first. Raises BadRequest for bad paging."""
    # One more than is shown: what the last one shown is compared with.
    page = versions.list_versions(session, classifier, cursor=cursor, limit=limit + 1)
    entries = _entries(session, classifier, page.items)[:limit]
    following = entries[-1].version.id if len(page.items) > limit else None
    return History(entries, following)


def entry(session: Session, classifier: Classifier, number: int) -> Entry:
    """Return one version with its run and the one before. Raises NotFound."""
    row = versions.version(session, classifier, number)
    before = session.scalars(
        select(ModelVersion)
        .where(ModelVersion.classifier_id == classifier.id, ModelVersion.number < number)
        .order_by(ModelVersion.number.desc())
        .limit(1)
    ).first()
    return _entries(session, classifier, [row] if before is None else [row, before])[0]


def numbers(session: Session, classifier: Classifier) -> list[int]:
    """Return the numbers of the newest versions, newest first."""
    statement = (
        select(ModelVersion.number)
        .where(ModelVersion.classifier_id == classifier.id)
        .order_by(ModelVersion.number.desc())
        .limit(MOST_CHARTED)
    )
    return list(session.scalars(statement))


def label_changes(before: Report, after: Report, older: Names, newer: Names) -> list[LabelChange]:
    """Return what changed for each label, what made the most difference first.

    `older` and `newer` turn the names of either report into the present ones. Labels with as many
    pictures and as many of them found as before are left out.
    """
    then = {older(one["label"]): one for one in before["per_label"]}
    changes = [_label_change(newer(one["label"]), then, one) for one in after["per_label"]]
    return sorted(
        (one for one in changes if one.more or one.change or one.before is None),
        key=lambda one: (-abs(one.change or 0.0), -(one.more or 0), one.name),
    )[:MOST_CHANGES]


def seconds(run: TrainingRun) -> float | None:
    """Return how long a run took; None while it has not ended."""
    if run.started_at is None or run.finished_at is None:
        return None
    return (run.finished_at - run.started_at).total_seconds()


def recent_runs(session: Session, classifier: Classifier, limit: int = 8) -> list[TrainingRun]:
    """Return the newest runs that have come to an end, newest first."""
    page = training.list_runs(session, classifier, limit=limit + 1)
    return [row for row in page.items if row.status in ("done", "failed")][:limit]


def _entries(session: Session, classifier: Classifier, rows: list[ModelVersion]) -> list[Entry]:
    ids = [row.run_id for row in rows if row.run_id is not None]
    runs = {
        run.id: run for run in session.scalars(select(TrainingRun).where(TrainingRun.id.in_(ids)))
    }
    return [
        _entry(classifier, row, runs.get(row.run_id or ""), before)
        for row, before in zip_longest(rows, rows[1:])
    ]


def _entry(
    classifier: Classifier,
    row: ModelVersion,
    run: TrainingRun | None,
    before: ModelVersion | None,
) -> Entry:
    if row.number == classifier.live_version:
        state = "live"
    else:
        state = "turned_down" if run is not None and run.promoted is False else "was_live"
    return Entry(row, run, state, before)


def _label_change(name: str, then: Mapping[str, Any], one: Mapping[str, Any]) -> LabelChange:
    earlier = then.get(name)
    pictures, known = one["trained_on"], None if earlier is None else earlier["trained_on"]
    return LabelChange(
        name=name,
        pictures=pictures,
        more=None if pictures is None or known is None else pictures - known,
        before=None if earlier is None else _number(earlier["recall"]["value"]),
        after=_number(one["recall"]["value"]),
    )


def _number(value: Any) -> float | None:
    return None if value is None else float(value)
