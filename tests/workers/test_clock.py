"""What waits is found from the database alone, and rung for."""

from __future__ import annotations

import os

from colours import picture

from connector.domain import predictions
from connector.domain.predictions import SourceRef, Submission
from connector.domain.waiting import waiting
from workers import act, classify, clock
from workers.runtime import Runtime, drain


class RecordingBells:
    """Stands where the bells hang and writes down the order of things."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def ring(self, name: str) -> bool:
        self.heard.append(f"ring {name}")
        return True

    def answer(self, name: str) -> None:
        self.heard.append(f"answer {name}")


def send(rt: Runtime, source: SourceRef) -> None:
    predictions.submit(
        rt.database,
        rt.blobs,
        rt.settings,
        source=source,
        submission=Submission(picture("red")),
    )


def test_nothing_waits_at_first(rt: Runtime) -> None:
    assert clock.tick(rt) == []


def test_a_queued_picture_waits_until_it_is_claimed(rt: Runtime, api_source: SourceRef) -> None:
    send(rt, api_source)
    assert clock.tick(rt) == ["classify"]
    classify.step(rt)
    assert clock.tick(rt) == []
    assert act.step(rt) == 0


def test_the_bell_is_taken_down_before_anything_is_claimed(
    rt: Runtime, api_source: SourceRef
) -> None:
    send(rt, api_source)
    bells = RecordingBells()
    rt.bells = bells  # type: ignore[assignment]

    def step(runtime: Runtime) -> int:
        bells.heard.append("claim")
        return classify.step(runtime)

    assert drain(rt, "classify", step) == 1
    assert bells.heard == ["answer classify", "claim", "claim"]


def test_a_drain_gives_way_when_told_to_stop(rt: Runtime, api_source: SourceRef) -> None:
    send(rt, api_source)
    rt.stopping.set()
    assert drain(rt, "classify", classify.step) == 0
    with rt.database.read() as session:
        assert waiting(session) == ["classify"]


def test_a_commit_rings_and_a_rollback_does_not(rt: Runtime, api_source: SourceRef) -> None:
    heard: list[str] = []
    rt.database.ring = heard.append
    send(rt, api_source)
    assert heard == ["classify"]


def test_unfinished_files_are_removed_a_day_later(rt: Runtime) -> None:
    left = rt.settings.blobs_dir / ".incoming.abc"
    left.parent.mkdir(parents=True, exist_ok=True)
    left.write_bytes(b"half")
    clock.sweep(rt)
    assert left.exists()
    os.utime(left, (0, 0))
    clock.sweep(rt)
    assert not left.exists()
