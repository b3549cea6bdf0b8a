"""Sources of each kind with what came by them, rules, a rehearsal and a look: for stages."""

from __future__ import annotations

from colours import picture
from sqlalchemy import select
from sqlalchemy.orm import Session

from connector.db.tables import Backfill, Classifier, Prediction, Source, SourceEvent
from connector.db.types import utcnow
from connector.domain import glances, rule_drafts, rules, sources
from connector.domain.conditions import When
from connector.domain.predictions import SourceRef
from connector.ids import new_id
from workers import study
from workers.runtime import Runtime

REFUSAL = "The JPEG picture is damaged or cut short; send it again, or save it anew first."


def furnish(rt: Runtime, classifier_id: str) -> dict[str, str]:
    """Fill a classifier's tab; return the ids that its addresses need.

    Nothing of it acts by itself: the rules hold for one source alone, and the folder is paused.
    """
    move = rules.check_actions(
        rt.settings,
        [
            {"kind": "copy", "params": {"folder": "{label}/{date:%Y-%m}"}},
            {"kind": "alert", "params": {"channel": "webhook"}},
        ],
    )
    with rt.database.write() as session:
        live = session.get_one(Classifier, classifier_id)
        scanner = sources.create_source(session, live, name="Scanner", settings={})
        session.add(
            SourceEvent(source_id=scanner.id, code="truncated_picture", detail=REFUSAL, pictures=1)
        )
        folder_id, bucket_id, walk_id = _others(session, live)
        when = When.model_validate(
            {"labels": ["red"], "min_confidence": 0.9, "sources": [scanner.id]}
        )
        rule = rules.create_rule(session, live, when=when, actions=move)
        rules.create_rule(session, live, label="blue", actions=move[1:], enabled=False)
        draft = rule_drafts.Draft({"labels": ["green"]}, rule.actions)
        rehearsal = rule_drafts.rehearse(session, live, draft, 30)
        picked = select(Prediction.id).where(Prediction.classifier_id == live.id).limit(1)
        prediction_id = session.execute(picked).scalar_one()
        ref = SourceRef.of(scanner, live)
        rehearsal_id, rule_id, source_id = rehearsal.id, rule.rule_id, scanner.id
    look_id = glances.of_bytes(
        rt.database, rt.blobs, rt.settings, ref, picture("red", seed=77), "new.png", {}
    )
    while study.step(rt):
        pass
    return {
        "source_id": source_id,
        "folder_id": folder_id,
        "bucket_id": bucket_id,
        "backfill_id": walk_id,
        "rule_id": rule_id,
        "rehearsal_id": rehearsal_id,
        "look_id": look_id,
        "prediction_id": prediction_id,
    }


def _others(session: Session, live: Classifier) -> tuple[str, str, str]:
    watched = sources.create_source(
        session, live, name="Share", kind="folder", settings={"path": "/srv/scans"}
    )
    watched.state = sources.PAUSED
    # Made by hand: no test's settings allow a bucket.
    bucket = Source(
        workspace_id=live.workspace_id,
        classifier_id=live.id,
        kind="s3",
        name="Archive",
        settings={"buckets": ["scans-2026"], "prefix": "in/", "key_sha256": "0" * 64},
    )
    session.add(bucket)
    session.flush()
    walk = Backfill(
        id=new_id("bkf"),
        workspace_id=live.workspace_id,
        source_id=bucket.id,
        bucket="scans-2026",
        prefix="in/",
        status="done",
        seen=1203,
        accepted=1180,
        known=20,
        ignored=3,
        strikes=0,
        finished_at=utcnow(),
    )
    session.add(walk)
    session.flush()
    return watched.id, bucket.id, walk.id
