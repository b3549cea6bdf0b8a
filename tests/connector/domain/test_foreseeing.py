"""What a rule would come to for a picture of late, with nothing touched."""

from __future__ import annotations

import pytest
from arrived import arrive, settle
from sqlalchemy import func, select

from connector.actions import Sight
from connector.db.tables import Action, Classifier, Prediction
from connector.domain import folders, foreseeing, rules
from connector.domain.predictions import SourceRef
from workers.runtime import Runtime


@pytest.fixture
def answered(rt: Runtime, colours: Classifier, api_source: SourceRef) -> Runtime:
    """Two red ones and a blue one, answered."""
    for colour, seed in (("red", 1), ("blue", 2), ("red", 3)):
        arrive(rt, api_source, colour, seed=seed, metadata={"lot": "7"})
    settle(rt)
    return rt


def sight(rt: Runtime, classifier: Classifier, label: str | None = None) -> Sight:
    where = folders.sorted_dir(rt.database, rt.settings, classifier.workspace_id)
    with rt.database.read() as session:
        row = foreseeing.latest(session, classifier, {}).row
        assert row is not None
        return foreseeing.sight(session, row, rt.settings, where, label)


def foreseen(
    rt: Runtime, classifier: Classifier, *wanted: dict[str, object], label: str | None = None
) -> list[foreseeing.Foreseen]:
    actions = rules.check_actions(rt.settings, list(wanted))
    with rt.database.read() as session:
        kept = rules.resolve_actions(session, classifier, actions)
    return foreseeing.foresee(kept, sight(rt, classifier, label))


def test_the_latest_that_fits_stands_for_the_others(answered: Runtime, colours: Classifier) -> None:
    with answered.database.read() as session:
        red = foreseeing.latest(session, colours, {"labels": ["red"]})
        assert (red.seen, red.holds, red.fits) == (3, 2, True)
        assert red.row is not None
        assert red.row.name == "red-3.png"
        blue = foreseeing.latest(session, colours, {"labels": ["blue"]})
        assert blue.row is not None
        assert (blue.holds, blue.row.name) == (1, "blue-2.png")
        none = foreseeing.latest(session, colours, {"metadata": {"lot": "8"}})
        assert none.row is not None
        assert (none.holds, none.fits, none.row.name) == (0, False, "red-3.png")


def test_without_a_picture_there_is_nothing_to_see(rt: Runtime, colours: Classifier) -> None:
    with rt.database.read() as session:
        look = foreseeing.latest(session, colours, {})
    assert (look.seen, look.holds, look.row, look.fits) == (0, 0, None, False)


def test_each_kind_says_where_the_picture_would_be(answered: Runtime, colours: Classifier) -> None:
    where = folders.sorted_dir(answered.database, answered.settings, colours.workspace_id)
    where /= colours.name
    move, copy, rotate, keywords, alert = foreseen(
        answered,
        colours,
        {"kind": "move", "params": {"folder": "{label}"}},
        {"kind": "copy", "params": {"folder": "{classifier}", "name": "{stem}-{label}.{ext}"}},
        {"kind": "rotate", "params": {"degrees": 90}},
        {"kind": "tag", "params": {"keywords": ["{label}", "seen"]}},
        {"kind": "alert", "params": {"channel": "webhook", "message": "{name} is {label}"}},
    )
    assert (move.text, move.group) == (f"{where}/red/red-3.png", f"{where}/red")
    assert copy.text.endswith("/red-3-red.png")
    assert "90°" in rotate.text
    assert keywords.text == "Keywords: red, seen."
    assert "red-3.png is red" in alert.text
    assert not [one for one in (move, copy, rotate, keywords, alert) if one.fails]
    assert not where.exists() or not list(where.iterdir()), "nothing was made"
    with answered.database.read() as session:
        assert session.scalar(select(func.count()).select_from(Action)) == 0


def test_another_label_is_taken_where_it_is_asked_for(
    answered: Runtime, colours: Classifier
) -> None:
    (move,) = foreseen(
        answered, colours, {"kind": "move", "params": {"folder": "{label}"}}, label="green"
    )
    assert move.text.endswith("/green/red-3.png")


def test_what_would_fail_says_why(answered: Runtime, colours: Classifier) -> None:
    (tag,) = foreseen(answered, colours, {"kind": "tag", "params": {"tags": {"kind": "{label}"}}})
    assert (tag.fails, tag.group) == (True, "not_in_a_bucket")
    assert "lies in none" in tag.text


def test_classifiers_are_called_by_their_names(
    rt: Runtime, colours: Classifier, charlie: object
) -> None:
    wanted = [{"kind": "classify", "params": {"classifier": colours.id}}]
    with rt.database.read() as session:
        names = foreseeing.classifier_names(session, colours.workspace_id)
        assert names == {colours.id: colours.name}
        assert foreseeing.classifier_names(session, charlie.workspace_id) == {}  # type: ignore[attr-defined]
    (told,) = foreseeing.told(wanted, names)
    assert f"“{colours.name}”" in told
    assert colours.id not in told
    assert foreseeing.told([{"kind": "of_old", "params": {}}], names) == ["of_old"]


def test_a_prediction_of_another_classifier_is_not_looked_at(
    answered: Runtime, colours: Classifier
) -> None:
    with answered.database.read() as session:
        other = Classifier(id="clf_other", workspace_id=colours.workspace_id, name="x")
        assert foreseeing.latest(session, other, {}).row is None
        assert session.scalar(select(func.count()).select_from(Prediction)) == 3
