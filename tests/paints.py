"""Colours to learn: examples of them, training as the worker does it, and how it went."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from colours import picture
from sqlalchemy import update

from connector.db.tables import Classifier, Import, Study, TrainingRun
from connector.db.types import utcnow
from connector.domain import examples, training
from workers import train
from workers.runtime import Runtime

COLOURS = ("blue", "green", "red")


def add(rt: Runtime, classifier: Classifier, seeds: Sequence[int], shift: int = 0) -> None:
    """Give every label a picture per seed; with a shift the labels are wrong."""
    with rt.database.write() as session:
        row = session.get_one(Classifier, classifier.id)
        for i, colour in enumerate(COLOURS):
            label = COLOURS[(i + shift) % len(COLOURS)]
            for seed in seeds:
                data = picture(colour, seed=seed)
                examples.add_example(session, rt.blobs, rt.settings, row, data, label, "", "test")


def request(rt: Runtime, classifier: Classifier) -> str:
    """Ask for a training run; return its id."""
    with rt.database.write() as session:
        row = session.get_one(Classifier, classifier.id)
        return training.request_run(session, row).id


def shown(rt: Runtime, run_id: str) -> dict[str, Any]:
    """Return a run as the API shows it."""
    with rt.database.read() as session:
        return training.resource(session.get_one(TrainingRun, run_id), "https://c.example")


def live_version(rt: Runtime, classifier: Classifier) -> int | None:
    """Return the number of the version in service."""
    with rt.database.read() as session:
        return session.get_one(Classifier, classifier.id).live_version


def trained(rt: Runtime, classifier: Classifier) -> dict[str, Any]:
    """Ask for a run, carry it out, and return it."""
    run_id = request(rt, classifier)
    assert train.step(rt) == 1
    return shown(rt, run_id)


def crash(rt: Runtime) -> None:
    """Let all leases run out, as when the worker was killed."""
    with rt.database.write() as session:
        for table in (TrainingRun, Import, Study):
            session.execute(update(table).values(lease_until=utcnow()))
