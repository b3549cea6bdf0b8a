"""The versions of a model: over time, side by side, put back, taken along."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from pagereading import Reader, queries
from sqlalchemy import select
from stage import JUDGED, Stage

from connector.db import Database
from connector.db.tables import Classifier, ModelVersion, Study
from connector.domain import studies
from connector.web.ui.assets import FOLDER
from workers import study
from workers.runtime import Runtime

MOST_QUERIES = 14
DOCS = Path(__file__).parents[4] / "docs"


@pytest.fixture
def parts() -> Collection[str]:
    return {JUDGED}


@pytest.fixture
def owner(readers: dict[str, Reader]) -> Reader:
    return readers["Alice"]


def path(stage: Stage, state: str = "live") -> str:
    return f"/classifiers/{stage.classifiers[state]}/models"


def live(rt: Runtime, stage: Stage) -> Classifier:
    with rt.database.read() as session:
        return session.get_one(Classifier, stage.classifiers["live"])


def version(rt: Runtime, stage: Stage, number: int, **values: Any) -> ModelVersion:
    with rt.database.write() as session:
        row = session.scalars(
            select(ModelVersion).where(
                ModelVersion.classifier_id == stage.classifiers["live"],
                ModelVersion.number == number,
            )
        ).one()
        for name, value in values.items():
            setattr(row, name, value)
    return row


def test_versions_are_listed_with_how_they_did_and_why(
    owner: Reader, stage: Stage, app: Flask
) -> None:
    mine: Database = app.extensions["colabel"].database
    with queries(mine) as sent:
        text = owner.get(path(stage)).text
    assert len(sent) <= MOST_QUERIES, sent
    assert text.index("Version 2") < text.index("Version 1")
    assert "It has only 94.2% right" in text
    assert text.count('class="whisker"') == 2
    assert 'class="point live"' in text
    assert 'class="point turned_down"' in text


def test_without_a_version_it_says_how_one_comes(owner: Reader, stage: Stage) -> None:
    assert "No version yet" in owner.get(path(stage, "empty")).text


def test_versions_of_earlier_releases_and_long_lists_are_shown(
    owner: Reader, stage: Stage, rt: Runtime
) -> None:
    with rt.database.write() as session:
        like = session.scalars(
            select(ModelVersion).where(ModelVersion.classifier_id == stage.classifiers["live"])
        ).first()
        assert like is not None
        for number in range(3, 26):
            session.add(
                ModelVersion(
                    # Made one after the other, and not all at the same moment.
                    id=f"ver_1{number:025d}",
                    classifier_id=like.classifier_id,
                    number=number,
                    labels=["blue", "green", f"kind {number}"],
                    thresholds={},
                    card={},
                    metrics={},
                    backbone_sha256=like.backbone_sha256,
                    head_sha256=like.head_sha256,
                )
            )
    text = owner.get(path(stage)).text
    assert "Version 25" in text
    assert "New labels: kind 25." in text
    assert "Version 6" in text
    older = text.split('rel="next" href="', 1)[1].split('"', 1)[0].replace("&amp;", "&")
    assert "Version 5</strong>" in owner.get(older).text
    one = owner.get(f"{path(stage)}/25").text
    assert "made by an earlier release" in one
    assert "The file is still being written." in one


def test_a_version_says_which_labels_made_the_difference(owner: Reader, stage: Stage) -> None:
    text = owner.get(f"{path(stage)}/2").text
    assert "Why it was turned down" in text
    assert "The labels that made the difference" in text
    assert "96% → 94%" in text
    assert "worse" in text
    assert "It is the first version" in owner.get(f"{path(stage)}/1").text
    assert owner.get(f"{path(stage)}/99").status_code == 404


def test_the_model_is_taken_along_with_what_runs_it(
    owner: Reader, stage: Stage, rt: Runtime
) -> None:
    text = owner.get(f"{path(stage)}/1").text
    runner = text.split('<a href="/static/run_onnx', 1)[1].split('"', 1)[0]
    assert owner.get(f"/static/run_onnx{runner}").text == (DOCS / "run_onnx.py").read_text()
    assert "onnxruntime.InferenceSession" in text
    answer = owner.get(f"{path(stage)}/1/model.onnx")
    row = version(rt, stage, 1)
    assert row.portable_sha256 is not None
    assert answer.data == rt.blobs.read(row.portable_sha256)
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="colours 1.onnx"')


def test_the_runner_is_the_one_of_the_docs() -> None:
    assert (FOLDER / "run_onnx.py.txt").read_text() == (DOCS / "run_onnx.py").read_text()


def test_a_version_is_put_back_after_a_question(owner: Reader, stage: Stage, rt: Runtime) -> None:
    asked = f"{path(stage)}/2/put-back"
    assert f'href="{asked}"' in owner.get(path(stage)).text
    text = owner.get(asked).text
    assert "Put version 2 live?" in text
    assert live(rt, stage).live_version == 1
    answer = owner.post(asked)
    assert answer.headers["Location"].endswith("/models")
    assert live(rt, stage).live_version == 2
    text = owner.get(path(stage)).text
    assert "Version 2 is live." in text
    assert "was live" in text
    assert "is live already" in owner.get(asked).text


def test_two_versions_are_compared_by_a_worker(owner: Reader, stage: Stage, rt: Runtime) -> None:
    answer = owner.post(f"{path(stage)}/compare", {"older": "2", "newer": "1"})
    where = answer.headers["Location"]
    text = owner.get(where).text
    assert "Version 1 and version 2" in text
    assert "hx-trigger" in text
    while study.step(rt):
        pass
    text = owner.get(f"{where}/state?seen=x").text
    assert "hx-trigger" not in text
    assert "Right before:" in text
    assert "Wrong only since" in text
    assert "/picture" in text


def test_a_comparison_that_failed_says_why(owner: Reader, stage: Stage, rt: Runtime) -> None:
    with rt.database.write() as session:
        row = session.get_one(Study, stage.ids["study_id"])
        row.status, row.error = "failed", "Version 1 kept no record; train again."
    where = f"{path(stage)}/comparisons/{stage.ids['study_id']}"
    assert "kept no record" in owner.get(where).text
    with rt.database.write() as session:
        held = session.get_one(Classifier, stage.classifiers["live"])
        other = studies.request(session, held, studies.REHEARSAL, {}).id
    assert owner.get(f"{path(stage)}/comparisons/{other}").status_code == 404


@pytest.mark.parametrize(
    ("older", "newer", "said"),
    [("1", "1", "two different versions"), ("x", "1", "Choose two versions")],
)
def test_what_cannot_be_compared_is_refused_in_words(
    owner: Reader, stage: Stage, older: str, newer: str, said: str
) -> None:
    owner.post(f"{path(stage)}/compare", {"older": older, "newer": newer})
    assert said in owner.get(path(stage)).text
    unknown = owner.post(f"{path(stage)}/compare", {"older": "1", "newer": "77"})
    assert unknown.status_code == 404


def test_reviewers_compare_and_put_nothing_back(readers: dict[str, Reader], stage: Stage) -> None:
    rosa = readers["Rosa"]
    assert "put-back" not in rosa.get(path(stage)).text
    assert rosa.post(f"{path(stage)}/2/put-back").status_code == 403
    assert rosa.post(f"{path(stage)}/compare", {"older": "1", "newer": "2"}).status_code == 303
