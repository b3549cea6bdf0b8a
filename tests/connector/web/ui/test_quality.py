"""How good it is: every state, the choice of a promise, and labels put right by one click."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask
from judged import SUSPECTS, crowded, judged
from pagereading import Reader, queries
from sqlalchemy import select
from stage import JUDGED, Stage

from connector.db import Database
from connector.db.tables import AuditEntry, Classifier, Example, Image, Label, ModelVersion
from connector.domain import classifiers, labelling, labels
from workers import judge
from workers.runtime import Runtime

MOST_QUERIES = 14


@pytest.fixture
def parts() -> Collection[str]:
    return {JUDGED}


@dataclass(frozen=True)
class Tab:
    """The page of the classifier that has everything."""

    rt: Runtime
    stage: Stage

    @property
    def path(self) -> str:
        return f"/classifiers/{self.id}/quality"

    @property
    def id(self) -> str:
        return self.stage.classifiers["live"]

    def row(self) -> Classifier:
        with self.rt.database.read() as session:
            return session.get_one(Classifier, self.id)

    def set(self, **values: Any) -> None:
        with self.rt.database.write() as session:
            row = session.get_one(Classifier, self.id)
            for name, value in values.items():
                setattr(row, name, value)

    def report(self, change: Any) -> None:
        """Give the live version a report that `change` made of the one it has."""
        with self.rt.database.write() as session:
            version = session.query(ModelVersion).filter_by(classifier_id=self.id, number=1).one()
            report = json.loads(self.rt.blobs.read(str(version.report_sha256)))
            version.report_sha256 = self.rt.blobs.put(json.dumps(change(report)).encode())

    def version(self, **values: Any) -> None:
        with self.rt.database.write() as session:
            version = session.query(ModelVersion).filter_by(classifier_id=self.id, number=1).one()
            for name, value in values.items():
                setattr(version, name, value)

    def suspect(self, number: int = 0) -> tuple[str, str, str]:
        """Return example, the label that it has, and the one that is likelier."""
        one = judged().report["suspects"]["pictures"][number]
        with self.rt.database.read() as session:
            example = session.execute(
                select(Example.id)
                .join(Image, Image.id == Example.image_id)
                .where(Image.sha256 == one["sha256"], Example.classifier_id == self.id)
            ).scalar_one()
        return example, one["given"], one["suggested"]

    def label(self, example: str) -> str:
        with self.rt.database.read() as session:
            return session.execute(
                select(Label.name)
                .join(Example, Example.label_id == Label.id)
                .where(Example.id == example)
            ).scalar_one()


@pytest.fixture
def tab(rt: Runtime, stage: Stage) -> Tab:
    return Tab(rt, stage)


@pytest.fixture
def owner(readers: dict[str, Reader]) -> Reader:
    return readers["Alice"]


def test_the_page_says_how_often_it_is_wrong_with_the_interval(owner: Reader, tab: Tab) -> None:
    text = owner.get(tab.path).text
    assert "Wrong about 3 times in 100; between 1 and 7" in text
    assert text.count('class="dot wrong"') == 3
    assert text.count('class="dot maybe"') == 4


def test_few_queries_do(owner: Reader, tab: Tab, app: Flask) -> None:
    mine: Database = app.extensions["colabel"].database
    with queries(mine) as sent:
        assert owner.get(tab.path).status_code == 200
    assert len(sent) <= MOST_QUERIES, sent


def test_without_a_version_it_says_what_comes_first(owner: Reader, tab: Tab) -> None:
    for state, said in (("empty", "As soon as a first version"), ("training", "It is learning.")):
        text = owner.get(f"/classifiers/{tab.stage.classifiers[state]}/quality").text
        assert "Nothing to judge yet" in text
        assert said in text
        assert f"/classifiers/{tab.stage.classifiers[state]}/training" in text


def test_while_the_report_is_written_the_page_waits_for_it(owner: Reader, tab: Tab) -> None:
    with tab.rt.database.read() as session:
        version = session.query(ModelVersion).filter_by(classifier_id=tab.id, number=1).one()
    tab.version(report_sha256=None, portable_sha256=None)
    text = owner.get(tab.path).text
    assert "The report is being written" in text
    assert f'hx-get="{tab.path}/state?seen=' in text
    tab.version(report_sha256=version.report_sha256)
    arrived = owner.get(f"{tab.path}/state?seen=x")
    assert "Wrong about 3 times" in arrived.text
    assert "hx-trigger" not in arrived.text.split("<form", 1)[0]


def test_a_version_of_an_earlier_release_has_no_report(owner: Reader, tab: Tab) -> None:
    tab.version(report_sha256=None)
    text = owner.get(tab.path).text
    assert "There is no report of this version" in text
    assert f"/classifiers/{tab.id}/training/start" in text


def test_a_report_of_an_earlier_release_is_shown_by_its_curve(owner: Reader, tab: Tab) -> None:
    tab.report(lambda report: {k: v for k, v in report.items() if k != "promises"})
    text = owner.get(tab.path).text
    assert "This report is from an earlier release" in text
    assert "That is an estimate" in text


def test_a_network_from_scratch_can_promise_nothing(owner: Reader, tab: Tab) -> None:
    tab.report(lambda report: {**report, "promises": []})
    assert "trained from scratch" in owner.get(tab.path).text


def test_without_a_picture_kept_aside_there_is_nothing_to_judge_by(owner: Reader, tab: Tab) -> None:
    empty = {
        "headline": {
            "count": 0,
            "accuracy": {"value": None, "low": 0.0, "high": 1.0},
            "sentence": "There is no picture to judge by yet.",
        },
        "risk_coverage": {"points": [], "aurc": None},
        "calibration": {"count": 0, "verdict": "too_few", "sentence": "Too few."},
        "confusion": {"cells": [], "cells_left_out": 0},
        "worst_mistakes": [],
    }
    tab.report(lambda report: {**report, **empty})
    text = owner.get(tab.path).text
    assert "No picture could be kept aside yet" in text
    assert '<svg class="dots"' not in text


def test_it_says_when_labels_changed_since(owner: Reader, tab: Tab) -> None:
    assert "changed since then" not in owner.get(tab.path).text
    example, _, likelier = tab.suspect()
    owner.post(f"/classifiers/{tab.id}/examples/{example}/relabel", {"label": likelier})
    assert "One label changed since then" in owner.get(tab.path).text


def test_what_cannot_be_promised_yet_says_how_many_answers_it_takes(
    owner: Reader, tab: Tab
) -> None:
    told = {one["rate"]: one for one in judged().report["promises"]}
    short = next(one for one in told.values() if not one["kept"] and one["more_labelled"])
    text = owner.get(tab.path).text
    assert f"About {short['more_labelled']:,} more answers are needed to promise that." in text
    kept = min(rate for rate, one in told.items() if one["kept"])
    # The most careful that can be promised is suggested.
    assert f'<option value="{kept:g}" selected>' in text


def test_a_choice_is_promised_and_worked_out(owner: Reader, tab: Tab) -> None:
    answer = owner.post(f"{tab.path}/promise", {"choice": "0.05"})
    assert answer.headers["Location"].endswith("/quality#careful")
    assert tab.row().promise | {"since": ""} == {"kind": "error_rate", "rate": 0.05, "since": ""}
    text = owner.get(tab.path).text
    assert "Being worked out" in text
    assert '<option value="0.05" selected>' in text
    while judge.step(tab.rt):
        pass
    part = owner.get(f"{tab.path}/promise?seen=x").text
    assert "Kept" in part
    assert "hx-trigger" not in part
    # It comes to what the page had said before.
    told = next(one for one in judged().report["promises"] if one["rate"] == 0.05)
    found = tab.row().operating
    assert found is not None
    assert found["kept"] == told["kept"]
    assert round(found["review_share"], 4) == told["review_share"]


def test_a_promise_without_evidence_says_what_is_missing(owner: Reader, tab: Tab) -> None:
    owner.post(f"{tab.path}/promise", {"choice": "0.005"})
    while judge.step(tab.rt):
        pass
    text = owner.get(tab.path).text
    assert "Not proven yet" in text
    point = tab.row().operating
    assert point is not None
    missing = point["evidence"]["more_labelled"]
    assert f"About {missing:,} more answers are needed" in text


@pytest.mark.parametrize(
    ("form", "promise"),
    [
        ({"choice": "none"}, {"kind": "none"}),
        ({"choice": "0.1", "per_label": "on"}, {"kind": "error_rate_per_label", "rate": 0.1}),
        ({"choice": "capacity", "questions": "12"}, {"kind": "capacity", "questions_per_day": 12}),
    ],
)
def test_other_promises(
    owner: Reader, tab: Tab, form: dict[str, str], promise: dict[str, Any]
) -> None:
    owner.post(f"{tab.path}/promise", form)
    kept = tab.row().promise
    assert {name: kept[name] for name in promise} == promise
    assert owner.get(tab.path).status_code == 200
    owner.post(f"{tab.path}/promise", {"choice": "confidence"})
    assert tab.row().promise["kind"] == "confidence"


@pytest.mark.parametrize("choice", ["", "nonsense", "7", "nan", "capacity"])
def test_what_cannot_be_promised_is_refused_in_words(owner: Reader, tab: Tab, choice: str) -> None:
    before = tab.row().promise
    assert owner.post(f"{tab.path}/promise", {"choice": choice}).status_code == 303
    assert tab.row().promise == before
    assert 'class="alert bad"' in owner.get(tab.path).text


def test_a_rate_from_elsewhere_has_its_place_among_the_choices(owner: Reader, tab: Tab) -> None:
    owner.post(f"{tab.path}/promise", {"choice": "0.04"})
    assert '<option value="0.04" selected>' in owner.get(tab.path).text
    while judge.step(tab.rt):
        pass
    text = owner.get(tab.path).text
    assert text.index('value="0.03"') < text.index('value="0.04"') < text.index('value="0.05"')


def test_the_field_tells_what_audits_found(owner: Reader, tab: Tab) -> None:
    assert "No automatic answer was looked over yet" in owner.get(tab.path).text
    for verdict, badge in (("holds", "Holds"), ("warning", "May not hold"), ("broken", "Broken")):
        tab.set(
            promise={"kind": "error_rate", "rate": 0.02},
            field={"verdict": verdict, "sentence": f"It {verdict}.", "drift": None},
        )
        text = owner.get(tab.path).text
        assert f"It {verdict}." in text
        assert badge in text
    owner.post(f"{tab.path}/audits", {"share": "0.1"})
    assert tab.row().audit_share == 0.1
    owner.post(f"{tab.path}/audits", {"share": "17"})
    assert tab.row().audit_share == 0.1


def test_a_wrong_label_is_put_right_by_one_click_and_back(owner: Reader, tab: Tab) -> None:
    example, given, likelier = tab.suspect()
    path = f"/classifiers/{tab.id}/examples/{example}/relabel"
    assert path in owner.get(tab.path).text
    form = {"label": likelier, "given": given, "other": likelier, "place": "doubts"}
    part = owner.post(path, form, headers={"HX-Request": "true"})
    assert f"<strong>{likelier}</strong> now" in part.text
    assert "Undo" in part.text
    assert tab.label(example) == likelier
    assert f'examples/{example}/relabel"' not in owner.get(tab.path).text
    undone = {**form, "label": given, "undo": "yes"}
    part = owner.post(path, undone, headers={"HX-Request": "true"})
    assert f"Labelled <strong>{given}</strong>" in part.text
    assert tab.label(example) == given
    assert path in owner.get(tab.path).text


def test_without_script_the_page_comes_back_to_the_place(owner: Reader, tab: Tab) -> None:
    example, given, likelier = tab.suspect()
    answer = owner.post(
        f"/classifiers/{tab.id}/examples/{example}/relabel",
        {"label": likelier, "place": "mistakes"},
    )
    assert answer.headers["Location"] == f"{tab.path}#mistakes"
    assert f"It is “{likelier}” now; it was “{given}”." in owner.get(tab.path).text


def test_a_label_that_is_right_is_not_doubted_again(owner: Reader, tab: Tab) -> None:
    example, given, _ = tab.suspect()
    path = f"/classifiers/{tab.id}/examples/{example}/confirm"
    before = tab.row().changes
    assert "stays" in owner.post(path, headers={"HX-Request": "true"}).text
    assert path not in owner.get(tab.path).text
    assert (tab.label(example), tab.row().changes) == (given, before)
    with tab.rt.database.read() as session:
        entry = session.scalars(
            select(AuditEntry).where(AuditEntry.what == labelling.CONFIRMED)
        ).one()
    assert (entry.actor_name, entry.resource_id, entry.after) == (
        "Alice",
        example,
        {"label": given},
    )


def test_a_label_that_is_not_there_is_not_made_by_a_form(owner: Reader, tab: Tab) -> None:
    example, given, _ = tab.suspect()
    answer = owner.post(
        f"/classifiers/{tab.id}/examples/{example}/relabel", {"label": "never heard of"}
    )
    assert answer.status_code == 422
    assert tab.label(example) == given


def test_contradictions_are_settled_together(owner: Reader, tab: Tab) -> None:
    text = owner.get(tab.path).text
    assert "The same picture, two labels" in text
    group = judged().report["near_duplicates"]["contradicting"][0]
    with tab.rt.database.read() as session:
        examples = list(
            session.scalars(
                select(Example.id)
                .join(Image, Image.id == Example.image_id)
                .where(Image.sha256.in_([one["sha256"] for one in group]))
            )
        )
    owner.post(f"{tab.path}/settle", {"example": examples, "label": group[0]["given"]})
    assert {tab.label(one) for one in examples} == {group[0]["given"]}
    assert "The same picture, two labels" not in owner.get(tab.path).text


def test_each_number_of_the_matrix_leads_to_its_pictures(owner: Reader, tab: Tab) -> None:
    cell = next(
        one for one in judged().report["confusion"]["cells"] if one["given"] != one["answered"]
    )
    path = f"{tab.path}/cells/{cell['given']}/{cell['answered']}"
    text = owner.get(tab.path).text
    assert f'href="{path}"' in text
    whole, part = owner.get(path).text, owner.get(path, headers={"HX-Request": "true"}).text
    for shown in (whole, part):
        assert f"{cell['count']} pictures of" in shown
        assert "/picture" in shown
    assert "<html" in whole
    assert "<html" not in part
    assert owner.get(f"{tab.path}/cells/0/9").status_code == 404
    assert "no picture here" in owner.get(f"{path}?from=400").text


def test_labels_go_by_their_present_names(owner: Reader, tab: Tab) -> None:
    with tab.rt.database.write() as session:
        row = session.get_one(Classifier, tab.id)
        red = classifiers.find_label(session, row, "red")
        labels.rename_label(session, row, red.id, "crimson")
    text = owner.get(tab.path).text
    assert 'title="crimson"' in text
    assert text.count('class="doubt open"') >= SUSPECTS


def test_many_labels_are_cut_to_those_with_the_most_mistakes(owner: Reader, tab: Tab) -> None:
    tab.report(crowded)
    text = owner.get(tab.path).text
    assert text.count('class="matrix-name"') == 12
    assert "48 labels with fewer mistakes are left out" in text
    assert "was taken for “kind 0” 60 times" in text
    assert "Show 35 more labels" in text
    assert owner.get(f"{tab.path}?labels=all").text.count('class="row-name"') == 60


def test_reviewers_see_and_change_nothing(readers: dict[str, Reader], tab: Tab) -> None:
    text = readers["Rosa"].get(tab.path).text
    assert "Wrong about 3 times" in text
    assert "Promise this" not in text
    assert "/relabel" not in text
    assert readers["Rosa"].post(f"{tab.path}/promise", {"choice": "0.05"}).status_code == 403


def test_pictures_are_shown_as_they_came(owner: Reader, tab: Tab) -> None:
    example, _, _ = tab.suspect()
    answer = owner.get(f"/classifiers/{tab.id}/examples/{example}/picture")
    assert answer.mimetype == "image/png"
    assert answer.data in {one.data for one in judged().pictures}
    assert "sandbox" in answer.headers["Content-Security-Policy"]
