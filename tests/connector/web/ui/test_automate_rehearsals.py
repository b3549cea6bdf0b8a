"""A rule rehearsed on past pictures by pages, and then adopted, or not."""

from __future__ import annotations

import re
from collections.abc import Collection
from html import unescape

import pytest
from pagereading import Reader
from stage import AUTOMATED, Stage

from connector.db import Database
from connector.db.tables import Action, Classifier, Rule, Study
from connector.domain import conditions, rules
from workers import study
from workers.runtime import Runtime

Readers = dict[str, Reader]
MOVE = {"a0-kind": "move", "a0-folder": "Sorted/{label}", "a0-name": "{name}"}


@pytest.fixture
def parts() -> Collection[str]:
    return {AUTOMATED}


@pytest.fixture
def tab(stage: Stage) -> str:
    """The tab of the live classifier."""
    return f"/classifiers/{stage.classifiers['live']}/automate"


def in_force(database: Database, stage: Stage) -> list[Rule]:
    with database.read() as session:
        live = session.get_one(Classifier, stage.classifiers["live"])
        return rules.list_rules(session, live)


def said(text: str) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", "", text)))


def answered(rt: Runtime) -> None:
    while study.step(rt):
        pass


def test_a_new_rule_is_rehearsed_and_adopted(
    readers: Readers, tab: str, stage: Stage, rt: Runtime, database: Database
) -> None:
    bob, before = readers["Bob"], len(in_force(database, stage))
    form = {"do": "rehearse", "label": "red", **MOVE}
    answer = bob.post(f"{tab}/rules/new", form)
    path = answer.headers["Location"]
    assert answer.status_code == 303
    assert len(in_force(database, stage)) == before, "nothing is in force yet"
    page = bob.get(path).text
    assert "Going through past pictures." in page
    assert f'hx-get="{path}/state' in page
    assert f'action="{path}/adopt"' not in page, "before it was looked at"
    assert 'http-equiv="refresh"' in page, "without script it looks again, too"
    with database.read() as session:
        done = session.query(Action).count()
    answered(rt)
    page = bob.get(path).text
    assert "it would have acted on 2." in said(page)
    assert "Nothing was done to any picture." in page
    assert re.findall(r">(red-\d\.png)</a>", page) == ["red-3.png", "red-0.png"]
    assert re.search(r"/Sorted/red", page)
    with database.read() as session:
        assert session.query(Action).count() == done
    # Rosa may look; only who changes things adopts.
    assert "adopt" not in readers["Rosa"].get(path).text
    answer = bob.post(f"{path}/adopt", follow_redirects=True)
    assert "The rule is on: it holds for answers from now on." in answer.text
    made = in_force(database, stage)[-1]
    assert (made.enabled, conditions.of_rule(made)) == (True, {"labels": ["red"]})
    assert made.actions[0]["params"]["folder"] == "Sorted/{label}"


def test_the_draft_is_gone_on_with_and_rehearsed_on_other_days(
    readers: Readers, tab: str, rt: Runtime, database: Database
) -> None:
    bob = readers["Bob"]
    path = bob.post(f"{tab}/rules/new", {"do": "rehearse", **MOVE}).headers["Location"]
    answered(rt)
    page = bob.get(path).text
    back = re.search(rf'href="({re.escape(tab)}/rules/new\?from=[^"]+)"', page)
    assert back is not None
    assert 'value="Sorted/{label}"' in bob.get(back[1]).text
    other = bob.post(f"{path}/again", {"days": "90"}).headers["Location"]
    assert other != path
    with database.read() as session:
        row = session.get_one(Study, other.rpartition("/")[2])
        assert row.params["days"] == 90
        assert row.params["draft"]["actions"][0]["params"]["folder"] == "Sorted/{label}"


def test_a_rule_that_was_changed_meanwhile_is_not_overwritten(
    readers: Readers, tab: str, stage: Stage, rt: Runtime, database: Database
) -> None:
    bob, rule = readers["Bob"], f"{tab}/rules/{stage.ids['rule_id']}"
    form = {"do": "rehearse", "version": "1", "label": "green", **MOVE}
    path = bob.post(f"{rule}/edit", form).headers["Location"]
    answered(rt)
    hers = {"do": "on", "version": "1", "label": "blue", **MOVE}
    assert readers["Alice"].post(f"{rule}/edit", hers).status_code == 303
    answer = bob.post(f"{path}/adopt", follow_redirects=True)
    assert "The rule was changed meanwhile" in answer.text
    assert conditions.of_rule(in_force(database, stage)[0]) == {"labels": ["blue"]}
    # Nor is it by a form that was opened before.
    version = re.search(r'name="version" value="(\d+)"', bob.get(f"{rule}/edit").text)
    assert version is not None
    old = {"do": "on", "version": str(int(version[1]) - 1), "label": "green", **MOVE}
    answer = bob.post(f"{rule}/edit", old)
    assert answer.status_code == 409
    assert "The rule was changed meanwhile" in answer.text
    assert conditions.of_rule(in_force(database, stage)[0]) == {"labels": ["blue"]}
    # What was typed is still there, and may be saved once it was seen.
    assert 'value="Sorted/{label}"' in answer.text
    seen = re.search(r'name="version" value="(\d+)"', answer.text)
    assert seen is not None
    assert seen[1] == version[1]
    answer = bob.post(f"{rule}/edit", old | {"version": seen[1]})
    assert answer.status_code == 303
    assert conditions.of_rule(in_force(database, stage)[0]) == {"labels": ["green"]}


def test_a_rehearsal_that_failed_says_why(
    readers: Readers, tab: str, stage: Stage, database: Database
) -> None:
    path = f"{tab}/rehearsals/{stage.ids['rehearsal_id']}"
    with database.write() as session:
        row = session.get_one(Study, stage.ids["rehearsal_id"])
        row.status, row.error_code, row.error = "failed", "no_model", "There is no model yet."
        row.result = None
    page = readers["Bob"].get(path).text
    assert "There is no model yet." in page
    assert f'action="{path}/adopt"' not in page
    assert f'action="{path}/again"' in page


def test_what_is_no_rehearsal_of_a_rule_is_not_found(
    readers: Readers, tab: str, stage: Stage
) -> None:
    assert readers["Bob"].get(f"{tab}/rehearsals/{stage.ids['look_id']}").status_code == 404
    assert readers["Bob"].get(f"{tab}/looks/{stage.ids['rehearsal_id']}").status_code == 404
    assert readers["Bob"].get(f"{tab}/rules/new?from=nothing").status_code == 404
