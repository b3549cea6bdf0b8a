"""A picture that is only looked at: kept for that long and no longer."""

from __future__ import annotations

import pytest
from arrived import arrive, settle
from colours import picture
from sqlalchemy import select

from connector.db.tables import Classifier, Image, Study
from connector.domain import classifiers, glances, studies
from connector.domain.predictions import SourceRef
from connector.errors import ColabelError, Conflict, NotFound
from workers.runtime import Runtime


def image_of(rt: Runtime, study_id: str) -> Image:
    with rt.database.read() as session:
        params = session.get_one(Study, study_id).params
        return session.get_one(Image, params["image_id"])


def look(rt: Runtime, source: SourceRef, data: bytes) -> str:
    return glances.of_bytes(rt.database, rt.blobs, rt.settings, source, data, "a.png", {"lot": "7"})


def release(rt: Runtime, study_id: str) -> None:
    with rt.database.read() as session:
        study = session.get_one(Study, study_id)
    glances.release(rt.database, study)


def test_its_bytes_are_let_go_of_afterwards(rt: Runtime, api_source: SourceRef) -> None:
    study_id = look(rt, api_source, picture("red"))
    image = image_of(rt, study_id)
    assert rt.blobs.read(image.sha256) == picture("red")
    with rt.database.read() as session:
        params = session.get_one(Study, study_id).params
    assert (params["name"], params["metadata"]) == ("a.png", {"lot": "7"})
    assert params["source_id"] == api_source.id
    release(rt, study_id)
    assert image_of(rt, study_id).deleted_at is not None
    # The same picture comes in afterwards as if nothing had been.
    arrive(rt, api_source, "red")
    settle(rt)


def test_what_something_else_needs_is_kept(rt: Runtime, api_source: SourceRef) -> None:
    arrive(rt, api_source, "red")
    study_id = look(rt, api_source, picture("red"))
    release(rt, study_id)
    image = image_of(rt, study_id)
    assert image.deleted_at is None
    assert rt.blobs.read(image.sha256) == picture("red")


def test_an_earlier_picture_is_looked_at_with_what_came_with_it(
    rt: Runtime, api_source: SourceRef
) -> None:
    one = arrive(rt, api_source, "red", metadata={"lot": "9"})
    with rt.database.write() as session:
        study_id = glances.of_prediction(session, api_source, one)
    with rt.database.read() as session:
        assert session.get_one(Study, study_id).params["metadata"] == {"lot": "9"}
        assert session.scalars(select(Study.kind)).all() == [studies.GLANCE]
    with rt.database.write() as session, pytest.raises(NotFound):
        glances.of_prediction(session, api_source, "pred_none")


def test_what_is_no_picture_is_refused_and_nothing_queued(
    rt: Runtime, api_source: SourceRef
) -> None:
    with pytest.raises(ColabelError):
        look(rt, api_source, b"some text")
    with rt.database.read() as session:
        assert session.scalars(select(Study)).all() == []


def test_without_a_model_there_is_nothing_to_look_with(rt: Runtime, colours: Classifier) -> None:
    with rt.database.write() as session:
        bare = classifiers.create_classifier(session, colours.workspace_id, name="Bare")
        api = classifiers.source(session, bare, "api")
        source = SourceRef.of(api, bare)
    with pytest.raises(Conflict) as caught:
        look(rt, source, picture("red"))
    assert caught.value.code == "no_model"
