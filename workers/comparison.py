"""Two versions on the same held-out pictures: what the newer one gets right or wrong instead."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from connector.db.tables import Classifier, ModelVersion
from connector.db.types import Json
from connector.domain import aliases, versions
from connector.domain.training_sets import training_set
from models import split
from models.answers import Answers
from models.changes import compare_versions
from models.track_record import TrackRecord
from workers.judging import record_of
from workers.runtime import Runtime


def run(
    rt: Runtime, classifier: Classifier, params: Json, progress: Callable[[int, int], None]
) -> Json:
    """Compare {versions: [older, newer]}. Raises NotFound, ModelError where no record was kept."""
    with rt.database.read() as session:
        pair = [versions.version(session, classifier, number) for number in params["versions"]]
        truths = {one.sha256: one.label for one in training_set(session, classifier.id).pictures}
        session.expunge_all()
    records = [record_of(rt, version) for version in pair]
    groups = records[0].group_names | records[1].group_names
    fair = _fair(records, groups)
    progress(1, 2)
    before, after = (
        _answers(classifier, version, record, truths, fair)
        for version, record in zip(pair, records, strict=True)
    )
    return {"versions": params["versions"], **compare_versions(before, after, groups)}


def _fair(records: list[TrackRecord], groups: Mapping[str, str]) -> set[str]:
    """Pictures that both answered and neither learned from, nor a near-identical one."""
    learned = {sha for record in records for sha in record.trained_on}
    both = set(records[0].held_out.hashes) & set(records[1].held_out.hashes)
    return {
        sha
        for twins in split.clusters(both | learned, groups)
        if not learned & set(twins)
        for sha in twins
    }


def _answers(
    classifier: Classifier,
    version: ModelVersion,
    record: TrackRecord,
    truths: Mapping[str, str],
    fair: set[str],
) -> Answers:
    """What a version answered, with the labels' present names and what is held true now."""
    rows = [i for i, sha in enumerate(record.held_out.hashes) if sha in fair and sha in truths]
    chosen = record.held_out.take(rows)
    names = tuple(
        # A label that was removed since is wrong for every picture, and stays so by this name.
        aliases.current_name(label, version.number, classifier.aliases) or f"{label} (removed)"
        for label in chosen.labels
    )
    present = tuple(truths[sha] for sha in chosen.hashes)
    return Answers(names, chosen.hashes, chosen.probabilities, present)
