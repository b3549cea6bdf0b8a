"""The sample project's pages: drawn and put in, and later handed in as new ones."""

from __future__ import annotations

from functools import partial
from hashlib import sha256

from sqlalchemy.orm import Session

from connector.db.tables import Classifier
from connector.demo.sample import Planned, arrivals, examples, mislabelled
from connector.domain import classifiers, imports, predictions, samples
from connector.domain.import_loop import Importer, Problem, Report
from connector.domain.import_sources import Collection, Entry
from connector.domain.imports import Claimed
from connector.domain.predictions import SourceRef, Submission
from connector.errors import Conflict, NotFound
from models.split import is_held_out
from workers.runtime import Runtime


def run(rt: Runtime, claimed: Claimed) -> Report:
    """Work on a sample's import, on from where an earlier attempt ended.

    Raises NotFound when the sample was deleted meanwhile, Conflict (no_model) when its training
    came to nothing, LostLease, NoSpace, Unavailable.
    """
    _look(rt, claimed)
    if claimed.row.label_mode == samples.DRAWN:
        return _put_in(rt, claimed)
    return _hand_in(rt, claimed)


def _look(rt: Runtime, claimed: Claimed) -> None:
    with rt.database.read() as session:
        row = session.get_one(Classifier, claimed.row.classifier_id)
        if row.deleted_at is not None:
            raise NotFound("The sample was deleted.")
        if claimed.row.label_mode == samples.ARRIVING and row.live_version is None:
            raise Conflict(
                "The sample's training came to nothing, so that no new page can be answered; train "
                "it again, or delete it.",
                code="no_model",
            )


class _Labels:
    """Tells the labels of pages by their names."""

    def __init__(self, pages: list[Planned]) -> None:
        self._labels = {page.name: page.label for page in pages}

    def label(self, name: str) -> str | None:
        """Return what was planned for it."""
        return self._labels[name]


def _put_in(rt: Runtime, claimed: Claimed) -> Report:
    row = claimed.row
    pages = mislabelled(examples(), lambda data: is_held_out(sha256(data).hexdigest()))

    def record(session: Session, report: Report, fresh: tuple[Problem, ...]) -> None:
        imports.note(session, claimed, report, fresh)

    importer = Importer(
        rt.database, rt.blobs, rt.settings, row.classifier_id, samples.ORIGIN, resumes=True
    )
    begun = Report(len(pages), done=row.done, added=row.added, earlier=row.skipped)
    report = importer.take(
        Collection([Entry(page.name, page.draw) for page in pages]),
        _Labels(pages),
        record=record,
        begun=begun,
    )
    with rt.database.write() as session:
        imports.WORK.done(session, claimed)
        samples.learn(session, session.get_one(Classifier, row.classifier_id))
    return report


def _hand_in(rt: Runtime, claimed: Claimed) -> Report:
    row, pages = claimed.row, arrivals()
    with rt.database.read() as session:
        classifier = session.get_one(Classifier, row.classifier_id)
        source = classifiers.source(session, classifier, classifiers.API)
        ref = SourceRef(source.id, source.workspace_id, source.classifier_id)
    submit = partial(predictions.submit, rt.database, rt.blobs, rt.settings, source=ref)
    for done, page in enumerate(pages, 1):
        # A repeat after a crash finds the first one by its key.
        submit(submission=Submission(page.draw(), page.name, idempotency_key=f"sample/{page.name}"))
        report = Report(len(pages), done=done, added=done)
        with rt.database.write() as session:
            imports.note(session, claimed, report, ())
    with rt.database.write() as session:
        imports.WORK.done(session, claimed)
    return report
