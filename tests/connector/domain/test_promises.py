"""What may be promised, which thresholds follow from it, and when nobody may rely on the model."""

from __future__ import annotations

from typing import Any

import pytest

from connector.db import Database
from connector.db.tables import Classifier
from connector.domain import promises, versions
from connector.domain.waiting import waiting
from connector.errors import Unprocessable
from connector.settings import Settings

ALWAYS = {"blue": None, "green": None, "red": None}


def change(database: Database, classifier: Classifier, **values: Any) -> None:
    with database.write() as session:
        row = session.get_one(Classifier, classifier.id)
        for name, value in values.items():
            setattr(row, name, value)


def promise(database: Database, classifier: Classifier, **wanted: Any) -> None:
    with database.write() as session:
        promises.set_promise(session, session.get_one(Classifier, classifier.id), wanted)


def thresholds(database: Database, classifier: Classifier) -> dict[str, float | None]:
    with database.read() as session:
        row = session.get_one(Classifier, classifier.id)
        live = versions.live(session, row)
        assert live is not None
        return promises.thresholds(row, live)


def why(database: Database, classifier: Classifier) -> tuple[str, str]:
    with database.read() as session:
        return promises.why_asked(session.get_one(Classifier, classifier.id))


def test_without_a_promise_the_models_own_thresholds_or_a_persons_hold(
    database: Database, colours: Classifier
) -> None:
    assert thresholds(database, colours) == {"blue": 0.8, "green": 0.8, "red": 0.8}
    change(database, colours, threshold=0.6)
    assert thresholds(database, colours) == {"blue": 0.6, "green": 0.6, "red": 0.6}


def test_asking_about_nothing_takes_every_answer(database: Database, colours: Classifier) -> None:
    promise(database, colours, kind="none")
    assert thresholds(database, colours) == {"blue": 0.0, "green": 0.0, "red": 0.0}


def test_a_new_promise_asks_about_everything_until_a_worker_has_looked(
    database: Database, colours: Classifier
) -> None:
    promise(database, colours, kind="error_rate", rate=0.02)
    assert thresholds(database, colours) == ALWAYS
    assert "being worked out" in why(database, colours)[1]
    with database.read() as session:
        assert "judge" in waiting(session)
    found = {"blue": 0.7, "green": None, "red": 0.9}
    change(database, colours, operating={"version": 1, "thresholds": found, "sentence": "So far."})
    assert thresholds(database, colours) == found
    assert why(database, colours) == ("no_evidence", "So far.")


def test_thresholds_of_another_version_keep_no_promise(
    database: Database, colours: Classifier
) -> None:
    promise(database, colours, kind="error_rate", rate=0.02)
    found = dict.fromkeys(ALWAYS, 0.5)
    change(database, colours, operating={"version": 7, "thresholds": found, "sentence": ""})
    assert thresholds(database, colours) == ALWAYS


def test_a_promise_that_was_broken_falls_back_to_asking_until_the_next_model(
    database: Database, colours: Classifier, settings: Settings
) -> None:
    promise(database, colours, kind="error_rate", rate=0.02)
    point = {"version": 1, "thresholds": dict.fromkeys(ALWAYS, 0.5), "sentence": ""}
    field = {"verdict": "broken", "sentence": "Of 40 answers looked over, 9 were wrong."}
    change(database, colours, operating=point, field=field)
    assert thresholds(database, colours) == ALWAYS
    assert why(database, colours) == ("promise_broken", field["sentence"])
    with database.write() as session:
        row = session.get_one(Classifier, colours.id)
        live = versions.live(session, row)
        assert live is not None
        before = row.promise["since"]
        promises.went_live(session, row, live, point)
        assert row.promise["since"] > before
    assert thresholds(database, colours) == dict.fromkeys(ALWAYS, 0.5)


def test_the_same_promise_again_keeps_its_evidence(database: Database, colours: Classifier) -> None:
    promise(database, colours, kind="error_rate", rate=0.02)
    point = {"version": 1, "thresholds": dict.fromkeys(ALWAYS, 0.5), "sentence": ""}
    change(database, colours, operating=point)
    promise(database, colours, kind="error_rate", rate=0.02)
    assert thresholds(database, colours) == dict.fromkeys(ALWAYS, 0.5)
    promise(database, colours, kind="error_rate", rate=0.01)
    assert thresholds(database, colours) == ALWAYS


def test_answers_are_audited_while_an_error_rate_is_promised(
    database: Database, colours: Classifier
) -> None:
    def share() -> float:
        with database.read() as session:
            return promises.audit_share(session.get_one(Classifier, colours.id))

    assert share() == 0.0
    promise(database, colours, kind="error_rate_per_label", rate=0.1)
    assert share() == promises.DEFAULT_AUDIT_SHARE
    with database.write() as session:
        promises.set_audit_share(session, session.get_one(Classifier, colours.id), 0.0)
    assert share() == 0.0


@pytest.mark.parametrize(
    "wanted",
    [
        {},
        {"kind": "perfect"},
        {"kind": "error_rate"},
        {"kind": "error_rate", "rate": 0},
        {"kind": "error_rate", "rate": 0.6},
        {"kind": "error_rate", "rate": True},
        {"kind": "error_rate_per_label", "rate": "2 %"},
        {"kind": "capacity", "questions_per_day": -1},
    ],
)
def test_what_cannot_be_promised_is_refused_with_a_sentence(wanted: dict[str, Any]) -> None:
    with pytest.raises(Unprocessable) as refused:
        promises.check(wanted)
    assert refused.value.code == "bad_promise"
    assert refused.value.detail.endswith(".")
