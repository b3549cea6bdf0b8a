"""What one workspace may have waiting and keep; its neighbours notice nothing of its limits."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest
from caller import Caller
from colours import picture
from flask import Flask

from connector.domain.quotas import Quotas
from connector.settings import Settings
from connector.web.services import Services


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"max_waiting": 3, "max_kept_bytes": 30_000})


@pytest.fixture
def clock(app: Flask) -> Clock:
    clock = Clock()
    here: Services = app.extensions["colabel"]
    object.__setattr__(here, "quotas", Quotas(here.database, here.settings, clock))
    return clock


def send(caller: Caller, path: str, seed: int) -> Any:
    return caller.post(path, data=picture("red", seed=seed), content_type="image/png")


def test_more_than_may_wait_is_refused_until_some_are_answered(
    as_alice: Caller, as_nobody: Caller, job: Any, drain: Callable[[], None], clock: Clock
) -> None:
    path = f"{job.path}/predictions"
    assert [send(as_alice, path, seed).status_code for seed in range(3)] == [202] * 3
    for refused in (send(as_alice, path, 3), send(as_nobody, job.hook, 4)):
        assert refused.status_code == 429
        assert refused.json["code"] == "too_many_waiting"
        assert int(refused.headers["Retry-After"]) > 0
        assert "COLABEL_MAX_WAITING" in refused.json["detail"]
    shown = as_alice.get("/api/v1/predictions").json or {}
    assert len(shown["items"]) == 3, "what was refused left nothing behind"
    drain()
    clock.now += 1
    assert send(as_nobody, job.hook, 5).status_code == 202


def test_several_pictures_in_one_call_count_as_several(
    as_nobody: Caller, job: Any, clock: Clock
) -> None:
    def call(*seeds: int) -> int:
        files = {
            f"f{seed}": (io.BytesIO(picture("red", seed=seed)), f"{seed}.png") for seed in seeds
        }
        return int(as_nobody.post(job.hook, data=files).status_code)

    assert call(0, 1, 2, 3) == 429
    assert call(0, 1, 2) == 202


def test_a_neighbour_has_a_limit_of_its_own(
    as_alice: Caller, as_charlie: Caller, job: Any, clock: Clock
) -> None:
    for seed in range(4):
        send(as_alice, f"{job.path}/predictions", seed)
    his = as_charlie.post("/api/v1/classifiers", json={"name": "his"}).json or {}
    added = as_charlie.post(
        f"/api/v1/classifiers/{his['id']}/examples",
        data=picture("red"),
        content_type="image/png",
        query_string={"label": "red"},
    )
    assert added.status_code == 201


def test_no_more_bytes_are_kept_than_allowed(as_alice: Caller, job: Any, clock: Clock) -> None:
    def add(seed: int) -> Any:
        return as_alice.post(
            f"{job.path}/examples",
            data=picture("red", seed=seed),
            content_type="image/png",
            query_string={"label": "red"},
        )

    size = len(picture("red", seed=0))
    taken = [add(seed) for seed in range(30_000 // size + 2)]
    assert taken[0].status_code == 201
    assert taken[-1].status_code == 429
    assert taken[-1].json["code"] == "too_many_bytes_kept"
