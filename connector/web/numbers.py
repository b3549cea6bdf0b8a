"""The numbers of the whole service as Prometheus' families, read now and then and then kept.

They come from the database and from Redis, so that every web process of every host shows the same.
However often they are asked for, each process reads them once in a few seconds, in one thread,
while the others are shown those from before.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence

import redis
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)

from connector import presence
from connector.db import Database
from connector.db.tallies import BUCKETS
from connector.domain import numbers
from connector.domain.numbers import Total, Waiting
from connector.errors import ColabelError
from connector.jobs import QUEUES, Bells

HOLDS_SECONDS = 5.0
# Read from an index entry for each picture.
BYTES_HOLD_SECONDS = 300.0
COUNTERS = {
    "accepted": ("Pictures accepted, by the way they came", ("way",)),
    "classified": ("Pictures answered, by recipe and what came of them", ("recipe", "outcome")),
    "reviews_answered": ("Questions that people answered", ("kind",)),
    "actions": ("Actions that ended, by kind and outcome", ("kind", "outcome")),
    "deliveries": ("Messages that were taken or given up", ("outcome",)),
    "work": ("Trainings, imports and studies that ended", ("what", "outcome")),
    "failures": (
        "Attempts that failed; final=yes: not tried again by itself",
        ("what", "code", "final"),
    ),
}
HISTOGRAMS = {
    "answer_seconds": ("From a picture's acceptance to what came of it", ()),
    "action_seconds": ("From a decision (or a request to undo) to its effect", ("kind",)),
    "delivery_seconds": ("From an event to the receiver's taking it", ()),
    "delivery_attempt_seconds": ("One attempt at a delivery", ()),
}


class Numbers:
    """Reads the numbers, and remembers them for a few seconds."""

    def __init__(
        self, database: Database, bells: Bells, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._database, self._bells, self._clock = database, bells, clock
        self._families: list[Metric] = []
        self._bytes = 0
        self._until = self._bytes_until = float("-inf")
        self._reading = threading.Lock()

    def families(self) -> list[Metric]:
        """Return the families. Never raises for a database or a Redis that is away."""
        # Who comes while another reads is not kept waiting, unless there is nothing to show yet.
        if self._clock() >= self._until and self._reading.acquire(blocking=not self._families):
            try:
                if self._clock() >= self._until:
                    self._families = [*self._of_database(), *self._of_redis()]
                    self._until = self._clock() + HOLDS_SECONDS
            finally:
                self._reading.release()
        return self._families

    def _of_database(self) -> list[Metric]:
        up = GaugeMetricFamily("colabel_database_up", "Whether the database answers")
        try:
            with self._database.read() as session:
                waiting, totals = numbers.waiting(session), numbers.totals(session)
                versions = numbers.live_versions(session)
                if self._clock() >= self._bytes_until:
                    self._bytes = numbers.bytes_kept(session)
                    self._bytes_until = self._clock() + BYTES_HOLD_SECONDS
        except ColabelError:
            up.add_metric([], 0)
            return [up]
        up.add_metric([], 1)
        live = GaugeMetricFamily(
            "colabel_live_versions", "Model versions that are live", labels=["kind"]
        )
        for kind, count in versions.items():
            live.add_metric([kind], count)
        kept = GaugeMetricFamily("colabel_kept_bytes", "Bytes of pictures that are kept")
        kept.add_metric([], self._bytes)
        return [up, *_waiting(waiting), live, kept, *_counters(totals), *_histograms(totals)]

    def _of_redis(self) -> list[Metric]:
        up = GaugeMetricFamily("colabel_redis_up", "Whether Redis answers")
        workers = GaugeMetricFamily(
            "colabel_workers", "Worker processes alive, on all hosts", labels=["queue"]
        )
        devices = GaugeMetricFamily(
            "colabel_model_workers",
            "Workers by what their models run on (cuda, cpu; unknown: none loaded yet)",
            labels=["queue", "device"],
        )
        try:
            client = self._bells.client
            for queue in (*QUEUES, "clock"):
                workers.add_metric([queue], presence.count(client, queue))
            for queue in ("classify", "train"):
                for device, count in sorted(presence.devices(client, queue).items()):
                    devices.add_metric([queue, device], count)
        except redis.RedisError:
            up.add_metric([], 0)
            return [up]
        up.add_metric([], 1)
        return [up, workers, devices]


def _waiting(found: Sequence[Waiting]) -> Iterator[Metric]:
    count = GaugeMetricFamily("colabel_waiting", "What waits and could be done", labels=["queue"])
    later = GaugeMetricFamily(
        "colabel_waiting_later", "What waits for its next attempt", labels=["queue"]
    )
    oldest = GaugeMetricFamily(
        "colabel_waiting_oldest_seconds",
        "How long the oldest that could be done has waited",
        labels=["queue"],
    )
    for one in found:
        count.add_metric([one.queue], one.count)
        later.add_metric([one.queue], one.later)
        oldest.add_metric([one.queue], one.oldest)
    yield from (count, later, oldest)


def _counters(totals: Sequence[Total]) -> Iterator[Metric]:
    for name, (description, labels) in COUNTERS.items():
        family = CounterMetricFamily(f"colabel_{name}", description, labels=labels)
        for one in totals:
            if one.name == name:
                family.add_metric([one.labels.get(label, "") for label in labels], one.value)
        yield family


def _histograms(totals: Sequence[Total]) -> Iterator[Metric]:
    for name, (description, labels) in HISTOGRAMS.items():
        family = HistogramMetricFamily(f"colabel_{name}", description, labels=labels)
        counts: dict[tuple[str, ...], dict[str, float]] = defaultdict(dict)
        sums: dict[tuple[str, ...], float] = {}
        for one in totals:
            values = tuple(one.labels.get(label, "") for label in labels)
            if one.name == name:
                counts[values][one.labels["le"]] = one.value
            elif one.name == f"{name}_sum":
                sums[values] = one.value
        for values, found in counts.items():
            family.add_metric(list(values), _cumulative(found), sums.get(values, 0.0))
        yield family


def _cumulative(counts: dict[str, float]) -> list[tuple[str, float]]:
    """Return (upper bound, how many are at most that) in order; all bounds, the empty ones too."""
    so_far, buckets = 0.0, []
    for bound in BUCKETS:
        so_far += counts.get(bound, 0.0)
        buckets.append((bound, so_far))
    return buckets
