"""Faults on purpose: pictures arrive while processes are killed and Redis is emptied.

What is sent, what must come of it, and the comparison of the two; the suite runs it small
(tests/service/test_chaos.py) and benchmarks/chaos.py in full.
"""

from __future__ import annotations

import hashlib
import io
import random
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import redis
from colours import LABELS, picture
from PIL import Image
from running import CHILDREN, Service, until
from sqlalchemy import func, select

from connector.db.tables import Action, Delivery, Prediction
from connector.settings import load_settings
from connector.storage import open_blobs

CLIENTS = 6
# Before a sender tries again: the service needs the machine more, which both stand on.
PAUSE_SECONDS = 0.05
TURN: dict[str, Any] = {"kind": "rotate", "params": {"degrees": 90}}
MOVE: dict[str, Any] = {"kind": "move", "params": {"folder": "{label}"}}
COPY: dict[str, Any] = {"kind": "copy", "params": {"folder": "copies/{label}"}}
# Held pictures turned, files turned in place, and files left as they are; a copy of each.
RULES = {"red": [TURN, MOVE], "green": [MOVE, TURN], "blue": [MOVE]}


@dataclass(frozen=True)
class Sent:
    """One picture of the storm: everything about it follows from its number."""

    number: int

    @property
    def colour(self) -> str:
        """What it shows."""
        return LABELS[self.number % len(LABELS)]

    @property
    def name(self) -> str:
        """Its file name; no two are the same, so a second file of it would stand out."""
        return f"storm-{self.number:05d}.png"

    @property
    def key(self) -> str:
        """Its idempotency key."""
        return f"storm:{self.number}"

    def data(self) -> bytes:
        """Its bytes."""
        return picture(self.colour, seed=self.number)

    def headers(self) -> dict[str, str]:
        """What is sent with it."""
        return {
            "Content-Type": "image/png",
            "Idempotency-Key": self.key,
            "Content-Disposition": f'attachment; filename="{self.name}"',
        }


@dataclass
class Storm:
    """`count` pictures sent to the hook within about `seconds`, under faults until all are in."""

    service: Service
    count: int
    seconds: float
    accepted: dict[int, str] = field(default_factory=dict)
    retries: int = 0
    kills: Counter[str] = field(default_factory=Counter)
    flushes: int = 0
    _pause: threading.Event = field(default_factory=threading.Event)

    def make_rules(self) -> None:
        """Tell the service what is to be done with each label."""
        path = f"/api/v1/classifiers/{self.service.prepared.classifier_id}/rules"
        for label, actions in RULES.items():
            self.service.call("POST", path, {"label": label, "actions": actions})
        self.service.call("POST", path, {"label": None, "actions": [COPY]})

    def rage(self, *, kill_every: float = 0.0, flush_every: float = 0.0, seed: int = 1) -> None:
        """Send everything, with faults at these intervals (0: none) until all is accepted."""
        calm = threading.Event()
        faults: list[tuple[float, Callable[[], None]]] = []
        if kill_every:
            faults.append((kill_every, self._killer(random.Random(seed))))
        if flush_every:
            faults.append((flush_every, self._flush))
        threads = [
            threading.Thread(target=_repeat, args=(calm, interval, fault))
            for interval, fault in faults
        ]
        for thread in threads:
            thread.start()
        try:
            self._send_all()
        finally:
            calm.set()
            for thread in threads:
                thread.join()

    def _send_all(self) -> None:
        begun, gate = time.monotonic(), threading.Event()

        def send(number: int) -> None:
            # Spread over the storm's length: the faults are to meet pictures at every stage.
            gate.wait(max(0.0, begun + self.seconds * number / self.count - time.monotonic()))
            self.accepted[number] = self._send(Sent(number))

        with ThreadPoolExecutor(CLIENTS) as pool:
            list(pool.map(send, range(self.count)))

    def _send(self, sent: Sent) -> str:
        """Send until it is accepted, always under the same key; return the prediction's id."""
        path, data = self.service.prepared.hook_path, sent.data()
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            try:
                status, answer = self.service.request("POST", path, data, sent.headers())
            except (OSError, HTTPException):
                self.retries += 1
                self._pause.wait(PAUSE_SECONDS)
                continue
            if status in (200, 202):
                return str(answer["id"])
            assert status >= 500, answer
            self.retries += 1
            self._pause.wait(PAUSE_SECONDS)
        raise AssertionError(f"{sent.name} was not accepted within two minutes")

    def _killer(self, choose: random.Random) -> Callable[[], None]:
        def kill() -> None:
            # Of all seven: one that is dead already is left alone, else none would ever get up.
            name = choose.choice(CHILDREN)
            child = self.service.children().get(name)
            if child is None:
                return
            with suppress(psutil.NoSuchProcess):
                child.kill()
                self.kills[name] += 1

        return kill

    def _flush(self) -> None:
        address = (self.service.prepared.data_dir / "run" / "redis.url").read_text().strip()
        with redis.Redis.from_url(address) as client, suppress(redis.RedisError):
            client.flushall()
            self.flushes += 1

    def settle(self, seconds: float) -> float:
        """Wait until everything accepted is answered and acted on; return how long it took."""
        started = time.monotonic()
        database = self.service.prepared.database()

        def settled() -> bool:
            with database.read() as session:
                queued = session.scalar(select(func.count()).where(Prediction.status == "queued"))
                open_actions = session.scalar(select(func.count()).where(Action.pending))
                unsent = session.scalar(select(func.count()).where(Delivery.status == "pending"))
            return not queued and not open_actions and not unsent

        try:
            until(settled, seconds, "every picture is answered and every action done")
        finally:
            database.close()
        return time.monotonic() - started

    def check(self) -> None:
        """Compare what is there with what must be. Raises AssertionError."""
        found = self.findings()
        assert not any(found.values()), found

    def findings(self) -> dict[str, list[str]]:
        """Return what is lost, doubled or wrong, each in words; all is well when nothing is."""
        found: dict[str, list[str]] = {"lost": [], "doubled": [], "wrong": []}
        self._look_at_keys(found)
        self._look_at_rows(found)
        self._look_at_files(found)
        return found

    def _look_at_keys(self, found: dict[str, list[str]]) -> None:
        """A repeat of a key is answered with the first one's id, and makes nothing."""
        found["lost"] += [
            f"{number}" for number in range(self.count) if number not in self.accepted
        ]
        ids = Counter(self.accepted.values())
        found["wrong"] += [
            f"{one} answered {times} keys" for one, times in ids.items() if times > 1
        ]
        for number in range(0, self.count, max(1, self.count // 20)):
            again = self._send(Sent(number))
            if again != self.accepted[number]:
                found["doubled"].append(f"{self.accepted[number]} is now also {again}")

    def _look_at_rows(self, found: dict[str, list[str]]) -> None:
        database = self.service.prepared.database()
        with database.read() as session:
            rows = {row.id: row for row in session.scalars(select(Prediction))}
            done: dict[str, list[tuple[str, str]]] = defaultdict(list)
            for action in session.scalars(select(Action).order_by(Action.sequence)):
                done[action.prediction_id].append((action.kind, action.status))
        database.close()
        found["doubled"] += sorted(set(rows) - set(self.accepted.values()))
        for number, prediction_id in self.accepted.items():
            row, sent = rows.get(prediction_id), Sent(number)
            if row is None:
                found["lost"].append(prediction_id)
            elif (row.status, row.label, row.error) != ("done", sent.colour, None):
                found["wrong"].append(f"{sent}: {row.status} {row.label} {row.error}")
            elif done[row.id] != [(one["kind"], "done") for one in [*RULES[sent.colour], COPY]]:
                found["wrong"].append(f"{sent}: {done[row.id]}")

    def _look_at_files(self, found: dict[str, list[str]]) -> None:
        """Exactly one file per picture and rule, each with the content that it must have."""
        folder = self.service.prepared.data_dir / "sorted" / "colours"
        present = {path.relative_to(folder) for path in folder.rglob("*") if path.is_file()}
        blobs = open_blobs(load_settings(data_dir=self.service.prepared.data_dir))
        wanted = {
            Path(*parts, sent.colour, sent.name): sent
            for sent in map(Sent, range(self.count))
            for parts in ((), ("copies",))
        }
        found["lost"] += sorted(str(path) for path in wanted.keys() - present)
        found["doubled"] += sorted(str(path) for path in present - wanted.keys())
        for path in wanted.keys() & present:
            sent = wanted[path]
            if not _is_as_it_must_be((folder / path).read_bytes(), sent):
                found["wrong"].append(f"{path} has another content")
            if not blobs.exists(hashlib.sha256(sent.data()).hexdigest()):
                found["lost"].append(f"the original of {path}")


def _is_as_it_must_be(found: bytes, sent: Sent) -> bool:
    data = sent.data()
    if TURN not in RULES[sent.colour]:
        return found == data
    # Once clockwise; a second time would show.
    return np.array_equal(_pixels(found), np.rot90(_pixels(data), -1))


def _pixels(data: bytes) -> Any:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


def _repeat(calm: threading.Event, interval: float, fault: Callable[[], None]) -> None:
    while not calm.wait(interval):
        fault()
