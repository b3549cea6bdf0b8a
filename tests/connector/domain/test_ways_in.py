"""Sources at a glance: what came last by each, and what went wrong since."""

from __future__ import annotations

import pytest
from arrived import arrive

from connector.db.tables import Classifier, Source
from connector.domain import source_events, sources, ways_in
from connector.domain.predictions import SourceRef
from connector.domain.ways_in import WayIn
from workers.runtime import Runtime


@pytest.fixture
def gate(rt: Runtime, colours: Classifier) -> SourceRef:
    """A webhook source."""
    with rt.database.write() as session:
        row = sources.create_source(session, colours, name="Gate", settings={})
        return SourceRef.of(row, colours)


def seen(rt: Runtime, classifier: Classifier) -> dict[str, WayIn]:
    with rt.database.read() as session:
        return {one.name: one for one in ways_in.of_classifier(session, classifier)}


def refuse(rt: Runtime, source: SourceRef, code: str, detail: str) -> None:
    with rt.database.write() as session:
        source_events.note_refusal(session, source.id, code=code, detail=detail, pictures=1)


def test_each_way_says_when_a_picture_came_last(
    rt: Runtime, colours: Classifier, gate: SourceRef
) -> None:
    assert seen(rt, colours)["Gate"].last_at is None
    arrive(rt, gate, "red", seed=1)
    arrive(rt, gate, "red", seed=2)
    found = seen(rt, colours)
    assert found["Gate"].last_at is not None
    assert [name for name, one in found.items() if one.last_at] == ["Gate"]
    with rt.database.read() as session:
        assert ways_in.count_taken(session, session.get_one(Source, gate.id)) == 2


def test_trouble_is_over_when_a_picture_came_since(
    rt: Runtime, colours: Classifier, gate: SourceRef
) -> None:
    assert seen(rt, colours)["Gate"].trouble is None
    refuse(rt, gate, "not_a_picture", "This is a text.")
    refuse(rt, gate, "truncated_picture", "It is cut short.")
    trouble = seen(rt, colours)["Gate"].trouble
    assert trouble is not None
    assert (trouble.code, trouble.detail) == ("truncated_picture", "It is cut short.")
    arrive(rt, gate, "red")
    assert seen(rt, colours)["Gate"].trouble is None
    refuse(rt, gate, "truncated_picture", "It is cut short.")
    assert seen(rt, colours)["Gate"].trouble is not None


def test_a_deleted_source_is_no_way_in(rt: Runtime, colours: Classifier, gate: SourceRef) -> None:
    with rt.database.write() as session:
        sources.delete_source(session, session.get_one(Source, gate.id))
    assert "Gate" not in seen(rt, colours)


def test_a_folder_says_why_it_takes_nothing(rt: Runtime, colours: Classifier) -> None:
    with rt.database.write() as session:
        row = sources.create_source(
            session, colours, name="Share", kind="folder", settings={"path": "/srv/scans"}
        )
        (way,) = [one for one in ways_in.of_classifier(session, colours) if one.row.id == row.id]
        assert way.watching is not None
        way.watching.state, way.watching.detail = "away", "The folder /srv/scans is not there."
        session.flush()
        assert ways_in.one(session, row).held_up == "The folder /srv/scans is not there."
