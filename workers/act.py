"""The act job: carry out planned actions, or take them back, once each, side by side."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Any

from sqlalchemy.orm import Session

from connector import actions as action_kinds
from connector.actions import Context, Location, Outcome
from connector.actions.places import read_picture
from connector.db.tables import Action, Prediction
from connector.domain import (
    classifiers,
    derivatives,
    digest_sending,
    effects,
    folders,
    lineage,
    outbound,
    picture_facts,
    predictions,
    turns,
    undoing,
)
from connector.domain import digests as gathering
from connector.domain.digest_sending import Bundle
from connector.domain.predictions import SourceRef, Submission
from connector.domain.turns import Turn
from connector.errors import ActionFailed, ColabelError, LostLease
from connector.logs import log_context
from workers import digests
from workers import runtime as rt_module
from workers.keeper import keep, watchdog
from workers.runtime import Runtime, runtime

logger = logging.getLogger(__name__)

AT_ONCE = 8
# How long a step waits for an action to end before it looks for more to do beside it.
PATIENCE_SECONDS = 0.1
HUNG_SECONDS = 600.0
# Of actions that a worker died with, beside others: see `turns.claim`.
MOST_SUSPECTS = 1
# Of digests, whose receivers may be slow: the other threads are for actions.
MOST_DIGESTS = 2
GROUP = "act"


class Crew:
    """The threads that carry out actions, and what is in their hands."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="act")
        self.busy: dict[Future[None], Turn | Bundle] = {}

    @property
    def free(self) -> int:
        """How many more actions can be begun."""
        return AT_ONCE - len(self.busy)

    @property
    def suspects(self) -> int:
        """How many of those in hand a worker has died with."""
        return sum(turn.suspect for turn in self.busy.values())

    @property
    def digests(self) -> int:
        """How many digests are being sent."""
        return sum(isinstance(work, Bundle) for work in self.busy.values())

    def begin(self, rt: Runtime, turn: Turn, shown: Mapping[str, Any]) -> None:
        """Let a thread carry it out."""
        self.busy[self._pool.submit(_act, rt, turn, shown)] = turn

    def tell(self, rt: Runtime, bundle: Bundle) -> None:
        """Let a thread send a digest."""
        self.busy[self._pool.submit(digests.send, rt, bundle)] = bundle

    def collect(self) -> int:
        """Wait a little until some are done; return how many. What goes on stays in hand."""
        done, _ = wait(self.busy, timeout=PATIENCE_SECONDS, return_when=FIRST_COMPLETED)
        for future in done:
            work = self.busy.pop(future)
            if error := future.exception():
                # Nothing was recorded: the lease runs out, and it counts a strike.
                logger.error("%s broke off", work.claim.ids[0], exc_info=error)
        return len(done)


def drain() -> int:
    """Carry out everything whose turn has come (the RQ job); return how many actions."""
    return rt_module.drain(runtime(), "act", step)


def step(rt: Runtime) -> int:
    """See what is done, and begin as many actions as there are threads free.

    Returns how many were done, asked for or refused, at least 1 while any is in hand, so 0 when
    there is nothing more.
    One that takes long is not waited for: the next steps, of this drain or a later one, go on
    beside it.
    """
    crew: Crew = rt.cache.get("crew") or rt.cache.setdefault("crew", Crew())
    done = crew.collect() if crew.busy else 0
    # A claim costs a transaction: rather one for several, unless the others take their time.
    if not done or crew.free >= AT_ONCE // 2:
        done += _begin(rt, crew)
    return max(done, min(1, len(crew.busy)))


def _begin(rt: Runtime, crew: Crew) -> int:
    """Carry undos in bulk on, then begin what is due; return by how much the undos moved."""
    if not crew.free:
        return 0
    limit, suspects = crew.free, max(0, MOST_SUSPECTS - crew.suspects)
    seconds = rt.settings.lease_seconds

    def claim(session: Session) -> tuple[int, list[Bundle], list[Turn]]:
        moved = undoing.carry_on(session)
        session.flush()
        most = min(limit, MOST_DIGESTS - crew.digests)
        told = digest_sending.claim(session, limit=most, seconds=seconds, suspects=suspects)
        left = max(0, suspects - sum(bundle.suspect for bundle in told))
        rest = limit - len(told)
        return moved, told, turns.claim(session, limit=rest, seconds=seconds, suspects=left)

    moved, bundles, found = rt.database.share(claim, group=GROUP)
    for bundle in bundles:
        crew.tell(rt, bundle)
    with rt.database.read() as session:
        shown = picture_facts.of_predictions(
            session, [turn.prediction for turn in found], rt.settings.public_url
        )
    for turn in found:
        crew.begin(rt, turn, picture_facts.for_label(turn.action.label, shown[turn.prediction.id]))
    return moved


def _act(rt: Runtime, turn: Turn, shown: Mapping[str, Any]) -> None:
    emitted: list[tuple[str, dict[str, Any]]] = []
    with log_context(
        prediction_id=turn.prediction.id,
        workspace_id=turn.action.workspace_id,
        action_id=turn.action.id,
    ):
        try:
            with keep(rt, Action, turn.claim), watchdog(HUNG_SECONDS):
                outcome = _carry_out(rt, turn, shown, emitted)
            rt.database.share(lambda session: _finish(session, turn, outcome, emitted), group=GROUP)
        except LostLease as error:
            logger.warning(error.detail)
        except ColabelError as error:
            _fail(rt, turn, error)
        except OSError as error:
            sentence = f"The file could not be worked on: {error.strerror or error}."
            _fail(rt, turn, ActionFailed(sentence, permanent=False))


def _finish(
    session: Session, turn: Turn, outcome: Outcome, emitted: Sequence[tuple[str, dict[str, Any]]]
) -> None:
    if outcome.gather is not None:
        gathering.gather(session, turn.claim, outcome.detail, outcome.gather)
    else:
        effects.finish(session, turn.claim, outcome.detail, outcome.location)
    for event_type, payload in emitted:
        outbound.emit(session, turn.action.workspace_id, event_type, payload)


def _carry_out(
    rt: Runtime,
    turn: Turn,
    shown: Mapping[str, Any],
    emitted: list[tuple[str, dict[str, Any]]],
) -> Outcome:
    action, prediction = turn.action, turn.prediction
    if action.strikes >= effects.STRIKES:
        raise ActionFailed(
            f"Carrying this out ended the worker {effects.STRIKES} times, so it was given up.",
            code="quarantined",
        )
    kind = action_kinds.get_action(action.kind)
    params = kind.Params.model_validate(action.params)

    def record(entries: dict[str, Any]) -> None:
        rt.database.share(
            lambda session: effects.journal(session, turn.claim, entries), group=GROUP
        )

    context = Context(
        action_id=action.id,
        prediction=shown,
        blobs=rt.blobs,
        settings=rt.settings,
        sorted_dir=folders.sorted_dir(rt.database, rt.settings, prediction.workspace_id),
        record=record,
        emit=lambda event_type, payload: emitted.append((event_type, payload)),
        journal=action.journal,
        keep_bytes=lambda data: derivatives.keep(rt.database, rt.blobs, prediction.id, data),
        may_tell=lambda window: rt.database.share(
            lambda session: gathering.may_tell(session, turn.claim, window), group=GROUP
        ),
    )
    context.hand_on = lambda other, location: _hand_on(rt, action, other, location, context)
    if action.undo_requested_at is not None:
        before = action.location_before or prediction.location
        return kind.undo(params, action.detail, before, context)
    return kind.execute(params, prediction.location, context)


def _hand_on(
    rt: Runtime, action: Action, classifier_id: str, location: Location, context: Context
) -> str:
    """Submit the picture as it is now to another classifier, once per action."""
    with rt.database.read() as session:
        prediction = session.get_one(Prediction, action.prediction_id)
        lineage.check(session, prediction)
        other = classifiers.get_classifier(session, action.workspace_id, classifier_id)
        ref = SourceRef.of(classifiers.source(session, other, "api"), other)
    held = location["kind"] == "held"
    submission = Submission(
        read_picture(location, context),
        name=prediction.name,
        idempotency_key=lineage.key(action),
        external_id=prediction.external_id,
        metadata=prediction.meta,
        location=None if held else dict(location),
    )
    return predictions.submit(
        rt.database, rt.blobs, rt.settings, source=ref, submission=submission, way="rule"
    ).id


def _fail(rt: Runtime, turn: Turn, error: ColabelError) -> None:
    logger.warning("%s %s failed: %s", turn.action.kind, turn.action.id, error.detail)
    try:
        rt.database.share(
            lambda session: effects.fail(session, turn.claim, error, rt.settings.public_url),
            group=GROUP,
        )
    except LostLease as lost:
        logger.warning(lost.detail)
