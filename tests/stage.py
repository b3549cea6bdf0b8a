"""A furnished workspace for tests of pages: people, and classifiers in every state there is.

Who adds pages names here what their addresses need (`ids`): the walks then open them.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import timedelta

import automated
import judged
import numpy as np
from colours import LABELS, colour_classifier, picture
from sqlalchemy.orm import Session
from subscribed import subscriptions

from connector import passwords
from connector.db.tables import (
    Classifier,
    Example,
    Import,
    ImportProblem,
    ModelVersion,
    Person,
    PersonSession,
    Review,
    TrainingRun,
)
from connector.db.types import utcnow
from connector.domain import (
    accounts,
    classifiers,
    examples,
    links,
    logins,
    people,
    picture_links,
    predictions,
    review_links,
    rules,
    studies,
    undo_selection,
    undos,
)
from connector.domain.conditions import When
from connector.domain.logins import Place
from connector.domain.predictions import SourceRef, Submission
from models import report
from models.answers import Answers
from workers import act, classify
from workers.runtime import Runtime

PASSWORD = "three words apart"
LINUX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


@dataclass(frozen=True)
class Actor:
    """Somebody with an account, and the token of a session of theirs."""

    id: str
    name: str
    email: str
    token: str
    session_id: str


@dataclass
class Stage:
    """What there is: people by name, and the ids of Alice's things by the name of the parameter."""

    workspace_id: str
    people: dict[str, Actor] = field(default_factory=dict)
    ids: dict[str, str] = field(default_factory=dict)
    classifiers: dict[str, str] = field(default_factory=dict)

    def path(self, rule: str) -> str:
        """Return a rule's address for Alice's things; KeyError: name the parameter in `ids`."""
        parts = []
        for part in rule.split("/"):
            name = part.strip("<>").rpartition(":")[2]
            parts.append(self.ids[name] if part.startswith("<") else part)
        return "/".join(parts)


# What the live classifier may have besides: sorted pictures and an import; two versions with whole
# reports and the pictures behind them; pictures to compare a question with, and a link to it; two
# pictures that a rule moved, one of which was moved back; sources of each kind and rules.
SORTED, JUDGED, ASKED, ACTED = "sorted", "judged", "asked", "acted"
AUTOMATED = "automated"
EVERYTHING = frozenset({SORTED, JUDGED, ASKED, ACTED, AUTOMATED})


def furnish(
    rt: Runtime,
    workspace_id: str,
    colours_id: str | None = None,
    parts: Collection[str] = EVERYTHING,
) -> Stage:
    """Fill Alice's workspace; `colours_id` is its classifier of colours, where there is one."""
    stage = Stage(workspace_id)
    with rt.database.write() as session:
        _people(session, stage)
        made = None if colours_id is None else session.get_one(Classifier, colours_id)
        live = made or colour_classifier(session, rt.blobs, workspace_id)
        live.auto_train = False
        stage.classifiers["live"] = live.id
        stage.ids |= {"number": "1", "given": "0", "answered": "1"}
        if JUDGED in parts:
            stage.ids |= _judged(session, rt, live)
        else:
            _report(session, rt, live)
        if SORTED in parts:
            stage.ids |= _examples(session, rt, live)
        _others(session, rt, stage)
        label_id = classifiers.labels(session, live)[0].id
        key, _ = accounts.create_key(session, workspace_id, "Scanner", ["ingest"])
        invitation = links.invite(session, workspace_id, "dora@example.com", people.REVIEWER)
    stage.ids |= {
        "classifier_id": live.id,
        "person_id": stage.people["Bob"].id,
        "session_id": stage.people["Alice"].session_id,
        "key_id": key.id,
        "label_id": label_id,
        "link_id": invitation.link.id,
        "token": invitation.token,
    }
    _pictures(rt, live.id)
    with rt.database.write() as session:
        stage.ids |= subscriptions(session, workspace_id)
    if ASKED in parts:
        _question(rt, stage)
    if ACTED in parts:
        stage.ids |= _acted(rt, live.id)
    if AUTOMATED in parts:
        stage.ids |= automated.furnish(rt, live.id)
    return stage


def _judged(session: Session, rt: Runtime, live: Classifier) -> dict[str, str]:
    """Two versions, one of which was turned down, and a comparison of the two."""
    judged.furnish(session, rt, live)
    judged.turned_down(session, rt, live)
    pictured = session.query(Example.id).filter_by(classifier_id=live.id).limit(1).scalar()
    study = studies.request(session, live, studies.COMPARISON, {"versions": [1, 2]})
    return {"example_id": pictured, "study_id": study.id}


def _question(rt: Runtime, stage: Stage) -> None:
    """Labelled pictures to compare the question with, and a signed link that asks it."""
    with rt.database.write() as session:
        live = session.get_one(Classifier, stage.classifiers["live"])
        for seed, colour in enumerate(("red", "green", "blue", "red", "green", "blue")):
            data = picture(colour, seed=seed)
            added = examples.add_example(
                session, rt.blobs, rt.settings, live, data, colour, f"{colour}.png", "upload"
            )
        review = session.query(Review).filter_by(workspace_id=stage.workspace_id).one()
        made = review_links.make(session, rt.settings, stage.workspace_id, review.id, name="Dana")
    stage.ids |= {
        "review_id": review.id,
        "example_id": added.example.id,
        "signed": made.url.rpartition("/")[2],
        "signed_picture": picture_links.make(rt.settings, review.id).rsplit("/", 2)[1],
    }


def _people(session: Session, stage: Stage) -> None:
    # Hashing is slow on purpose: once is enough for everybody.
    hashed = passwords.hashed(PASSWORD)
    elsewhere = accounts.create_workspace(session, "Charlie's own").id
    for name, workspace_id, role in (
        ("Alice", stage.workspace_id, people.OWNER),
        ("Bob", stage.workspace_id, people.MEMBER),
        ("Rosa", stage.workspace_id, people.REVIEWER),
        ("Charlie", elsewhere, people.OWNER),
    ):
        person = people.add(
            session,
            workspace_id,
            email=f"{name.lower()}@example.com",
            name=name,
            password_hash=hashed,
            role=role,
        )
        stage.people[name] = _actor(session, person)


def _actor(session: Session, person: Person) -> Actor:
    token = logins.begin_session(session, person, Place("127.0.0.1", LINUX))
    session_id = session.query(PersonSession.id).filter_by(person_id=person.id).scalar()
    return Actor(person.id, person.name, person.email, token, str(session_id))


def _examples(session: Session, rt: Runtime, live: Classifier) -> dict[str, str]:
    """A picture of each label and two without one; return the ids of one, and of a zip."""
    for number, label in enumerate((*LABELS, None, None)):
        data, name = picture(label or "red", seed=50 + number), f"sorted-{number}.png"
        added = examples.add_example(
            session, rt.blobs, rt.settings, live, data, label, name, "import"
        )
    zipped = Import(
        classifier_id=live.id, status="done", label_mode="folders", total=6, done=6, added=5
    )
    zipped.skipped, zipped.finished_at = 1, utcnow()
    session.add(zipped)
    session.flush()
    reason = "This is not a picture, whatever its name says."
    problem = ImportProblem(
        import_id=zipped.id, name="red/notes.txt", code="not_a_picture", reason=reason
    )
    session.add(problem)
    return {
        "example_id": added.example.id,
        "image_id": added.example.image_id,
        "import_id": zipped.id,
    }


def _report(session: Session, rt: Runtime, live: Classifier) -> None:
    """The report of the live version, made from answers as the train worker makes it."""
    random = np.random.default_rng(7)
    count = 120
    truths = [LABELS[number % 3] for number in range(count)]
    rows = np.full((count, 3), 0.04) + random.random((count, 3)) * 0.02
    for number in range(count):
        right = number % 40 != 0
        rows[number, (number if right else number + 1) % 3] = 0.9
    rows /= rows.sum(axis=1, keepdims=True)
    answers = Answers(LABELS, tuple(f"{n:064x}" for n in range(count)), rows, tuple(truths))
    version = session.query(ModelVersion).filter_by(classifier_id=live.id).one()
    built = report.build(answers, training_counts=dict.fromkeys(LABELS, 40))
    version.report_sha256 = rt.blobs.put(json.dumps(built).encode())
    version.metrics = {**version.metrics, "accuracy": 117 / 120}


def _others(session: Session, rt: Runtime, stage: Stage) -> None:
    def add(name: str, state: str, **options: object) -> Classifier:
        row = classifiers.create_classifier(session, stage.workspace_id, name=name, **options)  # type: ignore[arg-type]
        row.auto_train = False
        stage.classifiers[state] = row.id
        return row

    add("Pages from the scanner", "empty", recipe="orientation")
    collecting = add("Is the lid scratched?", "collecting", recipe="yes_no")
    for seed in range(3):
        examples.add_example(
            session,
            rt.blobs,
            rt.settings,
            collecting,
            picture("red", seed=seed),
            "yes",
            "lid.png",
            "upload",
        )
    training = add("Spare parts", "training", labels=["bolt", "nut", "washer"])
    for seed, label in enumerate(("bolt", "nut", "washer") * 4):
        data = picture("green", seed=100 + seed)
        examples.add_example(
            session, rt.blobs, rt.settings, training, data, label, "part.png", "upload"
        )
    moment = utcnow()
    session.add(
        TrainingRun(
            classifier_id=training.id,
            status="running",
            step="embed",
            done=130,
            total=200,
            remaining_seconds=12,
            message="Looking at 200 pictures: 130 done.",
            # A worker that lives holds it: no real one takes it up.
            lease_token="of a test",
            lease_until=moment + timedelta(days=1),
            started_at=moment,
        )
    )
    failed = add("Plants of the greenhouse, by the row that they stand in", "failed")
    session.add(
        TrainingRun(
            classifier_id=failed.id,
            status="failed",
            error_code="too_few_pictures",
            error="Too few pictures could be read: 3 of 40. Look at the others and train again.",
            finished_at=moment,
        )
    )


def _acted(rt: Runtime, classifier_id: str) -> dict[str, str]:
    """Move two pictures that say that they are for the rule, and one of them back."""
    move = [{"kind": "move", "params": {"folder": "sorted/{label}"}}]
    checked = rules.check_actions(rt.settings, move)
    with rt.database.write() as session:
        live = session.get_one(Classifier, classifier_id)
        when = When(metadata={"shelf": "seven"})
        rules.create_rule(session, live, when=when, actions=checked)
    source = _api(rt, classifier_id)
    ids = []
    for seed in (70, 71):
        sent = Submission(
            picture("red", seed=seed),
            f"shelf-{seed}.png",
            None,
            f"order-{seed}",
            {"shelf": "seven"},
        )
        ids.append(
            predictions.submit(
                rt.database, rt.blobs, rt.settings, source=source, submission=sent
            ).id
        )
    _work(rt)
    with rt.database.write() as session:
        chosen = undo_selection.of_pictures(session, source.workspace_id, ids[:1])
        wanted, _ = undo_selection.selection(session, source.workspace_id, ids=chosen)
        undo = undos.request(session, wanted, "Alice")
        (action,) = undo_selection.of_pictures(session, source.workspace_id, ids[1:])
    _work(rt)
    return {"prediction_id": ids[1], "action_id": action, "undo_id": undo.id}


def _api(rt: Runtime, classifier_id: str) -> SourceRef:
    with rt.database.read() as session:
        row = classifiers.source(session, session.get_one(Classifier, classifier_id), "api")
        return SourceRef(row.id, row.workspace_id, row.classifier_id)


def _work(rt: Runtime) -> None:
    while classify.step(rt) or act.step(rt):
        pass


def _pictures(rt: Runtime, classifier_id: str) -> None:
    """Six that the model is sure of, and one that it asks a person about."""
    source = _api(rt, classifier_id)
    for seed, colour in enumerate(("red", "green", "blue", "red", "green", "blue", "grey")):
        submission = Submission(picture(colour, seed=seed), f"{colour}-{seed}.png")
        predictions.submit(rt.database, rt.blobs, rt.settings, source=source, submission=submission)
    _work(rt)
