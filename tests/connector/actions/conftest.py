"""A desk to carry out actions on: folders, blobs, a journal that survives, a power switch."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from botocore.httpsession import URLLib3Session
from buckets import S3Bucket
from cloud import Cloud

from connector.actions import Context
from connector.settings import Settings
from connector.storage import LocalBlobs, open_objects


class PowerCut(BaseException):
    """The process is gone: nothing after this, not even a cleanup, reaches the disk."""


@dataclass
class Power:
    """Counts the steps that change something, and cuts the power before or after one of them."""

    at: int = 0
    after: bool = False
    steps: int = 0
    off: bool = False

    def step(self, effect: Callable[[], Any]) -> Any:
        if self.off:
            raise PowerCut
        self.steps += 1
        if self.steps != self.at:
            return effect()
        self.off = True
        if self.after:
            effect()
        raise PowerCut


@dataclass
class Desk:
    root: Path
    settings: Settings
    blobs: LocalBlobs
    prediction: dict[str, Any]
    power: Power = field(default_factory=Power)
    stored: str = "{}"
    events: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def context(self, action_id: str = "act_1") -> Context:
        """What a worker gets that takes the action up, for the first time or again."""
        return Context(
            action_id=action_id,
            prediction=self.prediction,
            blobs=self.blobs,
            settings=self.settings,
            sorted_dir=self.settings.sorted_dir,
            journal=json.loads(self.stored),
            record=self.record,
            emit=lambda kind, payload: self.events.append((kind, payload)),
        )

    def record(self, journal: dict[str, Any]) -> None:
        def store() -> None:
            self.stored = json.dumps(journal)

        self.power.step(store)

    def file(self, path: str, data: bytes = b"picture") -> Path:
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
        os.utime(target, ns=(1_600_000_000_123_456_789,) * 2)
        return target

    def files(self) -> dict[str, bytes]:
        """Every file but the blob store's, temporary ones included."""
        return {
            str(path.relative_to(self.root)): path.read_bytes()
            for path in sorted(self.root.rglob("*"))
            if path.is_file() and not path.is_relative_to(self.settings.blobs_dir)
        }


@contextmanager
def cut_power(power: Power) -> Iterator[None]:
    """Put `power` between the program and all that changes the disk or a bucket."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("fsync", "link", "unlink", "rename", "replace", "mkdir", "utime", "chmod"):
            real = getattr(os, name)

            def guarded(*args: Any, _real: Any = real, _name: str = name, **kwargs: Any) -> Any:
                if _name == "fsync":
                    return power.step(lambda: None)
                return power.step(lambda: _real(*args, **kwargs))

            patch.setattr(os, name, guarded)
        real_open, real_write = os.open, os.write

        def guarded_open(path: Any, flags: int, *args: Any, **kwargs: Any) -> int:
            if not flags & os.O_CREAT:
                return real_open(path, flags, *args, **kwargs)
            descriptor: int = power.step(lambda: real_open(path, flags, *args, **kwargs))
            return descriptor

        def guarded_write(descriptor: int, data: Any) -> int:
            # Half of it, so that "after" leaves a torn file.
            half = data[: max(1, len(data) // 2)]
            written: int = power.step(lambda: real_write(descriptor, half))
            return written

        real_send = URLLib3Session.send

        def guarded_send(session: Any, request: Any) -> Any:
            if request.method in ("GET", "HEAD"):
                return real_send(session, request)
            return power.step(lambda: real_send(session, request))

        patch.setattr(URLLib3Session, "send", guarded_send)
        patch.setattr(os, "open", guarded_open)
        patch.setattr(os, "write", guarded_write)
        yield


@dataclass(frozen=True)
class PowerTools:
    """The switch, for tests that want to cut the power themselves."""

    switch: type[Power]
    cut: type[PowerCut]
    between: Callable[[Power], AbstractContextManager[None]]


@pytest.fixture
def new_desk(tmp_path: Path) -> Callable[[], Desk]:
    numbers = iter(range(100_000))

    def make() -> Desk:
        root = tmp_path / str(next(numbers))
        root.mkdir()
        settings = Settings(data_dir=root / "data", folders=[root / "out"])
        prediction = {
            "id": "pred_1",
            "label": "invoice",
            "confidence": 0.9731,
            "classifier_id": "clf_1",
            "classifier_name": "Papers",
            "name": "scan 1.jpg",
            "created_at": datetime(2026, 10, 3, 12, tzinfo=UTC),
            "external_id": None,
            "metadata": {},
            "media_type": "image/jpeg",
        }
        return Desk(root, settings, LocalBlobs(settings.blobs_dir), prediction)

    return make


@pytest.fixture
def desk(new_desk: Callable[[], Desk]) -> Desk:
    return new_desk()


@pytest.fixture
def every_crash(
    new_desk: Callable[[], Desk], monkeypatch: pytest.MonkeyPatch
) -> Callable[[Callable[[Desk], Callable[[], Any]], Callable[[Desk, Any], None]], int]:
    """Run a job with the power cut at each of its steps, then again in full, and check the end.

    `prepare(desk)` returns the job; `check(desk, result)` must hold after every recovery.
    Returns how many points were tried.
    """

    # No power is really cut, so nothing needs to reach the platters.
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)

    def run(
        prepare: Callable[[Desk], Callable[[], Any]], check: Callable[[Desk, Any], None]
    ) -> int:
        tried = 0
        for after in (False, True):
            for at in range(1, 500):
                desk = new_desk()
                job = prepare(desk)
                desk.power = Power(at=at, after=after)
                with cut_power(desk.power):
                    try:
                        check(desk, job())
                    except PowerCut:
                        desk.power = Power()
                    else:
                        assert not desk.power.off
                        break
                check(desk, job())
                tried += 1
            else:
                pytest.fail("the job never ends")
        return tried

    return run


@pytest.fixture
def power_tools() -> PowerTools:
    return PowerTools(Power, PowerCut, cut_power)


@pytest.fixture
def clouds(bucket: S3Bucket) -> Iterator[Callable[[Desk], Cloud]]:
    """Give desks a folder each in a bucket that rules may use."""
    yield lambda desk: Cloud(desk, bucket)
    open_objects(bucket.name.name).close()
    open_objects.cache_clear()


@pytest.fixture
def cloud(desk: Desk, clouds: Callable[[Desk], Cloud]) -> Cloud:
    return clouds(desk)
