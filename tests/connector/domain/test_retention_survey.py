"""A glance at what retention would do says what it does, and never looks at more than it may."""

from __future__ import annotations

import pytest
from aged import age, answered, prune
from colours import picture
from conftest import Person

from connector.db.tables import Classifier
from connector.domain import retention_survey
from connector.domain.predictions import SourceRef
from connector.domain.retention_survey import Going
from connector.settings import Settings
from workers.runtime import Runtime


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"retention_days": 30})


def look(rt: Runtime, workspace_id: str, most: int = 1000) -> dict[str, Going]:
    with rt.database.read() as session:
        kept = retention_survey.kept(session, rt.settings, workspace_id)
        return retention_survey.glance(session, rt.settings, kept, most)


def test_it_tells_what_goes(
    rt: Runtime, api_source: SourceRef, alice: Person, charlie: Person, colours: Classifier
) -> None:
    old = [answered(rt, api_source), answered(rt, api_source, "green")]
    answered(rt, api_source, "blue")
    assert look(rt, alice.workspace_id) == {colours.id: Going()}
    for one in old:
        age(rt.database, one)
    size = len(picture("red")) + len(picture("green"))
    assert look(rt, alice.workspace_id) == {colours.id: Going(2, size)}
    assert look(rt, alice.workspace_id, most=1) == {
        colours.id: Going(1, len(picture("red")), more=True)
    }
    assert look(rt, charlie.workspace_id) == {}
    assert prune(rt).predictions == 2
    assert look(rt, alice.workspace_id) == {colours.id: Going()}


def test_what_is_in_force(rt: Runtime, alice: Person, colours: Classifier) -> None:
    def kept() -> tuple[int, bool]:
        with rt.database.read() as session:
            [one] = retention_survey.kept(session, rt.settings, alice.workspace_id)
        return one.days, one.own

    assert kept() == (30, False)
    for days, shown in ((5, (5, True)), (0, (0, True))):
        with rt.database.write() as session:
            session.get_one(Classifier, colours.id).retention_days = days
        assert kept() == shown
    assert look(rt, alice.workspace_id) == {}
