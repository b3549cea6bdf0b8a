"""What one workspace may have waiting and keep; its neighbours notice nothing of its limits."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest
from caller import Caller
from colours import picture
from flask import Flask

from connector.db import Database
from connector.db.tables import Source
from connector.domain.quotas import Quotas
from connector.embedded import EmbeddedRedis
from connector.rates import Rates, connect
from connector.settings import Settings
from connector.web.app import create_app
from connector.web.refusals import PAUSE_SECONDS, Refusals
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


def with_key(caller: Caller, path: str, seed: int, key: str) -> Any:
    return caller.post(
        path,
        data=picture("red", seed=seed),
        content_type="image/png",
        headers={"Idempotency-Key": key},
    )


def test_a_repeat_gets_its_first_answer_at_every_quota(
    as_alice: Caller, as_nobody: Caller, job: Any, clock: Clock, paced: Rates
) -> None:
    for caller, path in ((as_alice, f"{job.path}/predictions"), (as_nobody, job.hook)):
        first = with_key(caller, path, 1, "one")
        assert first.status_code == 202
        fill(as_nobody, job)
        for _ in range(5):
            again = with_key(caller, path, 1, "one")
            assert again.status_code == 200
            assert again.json["id"] == first.json["id"]
            assert again.headers["Idempotent-Replayed"] == "true"
        assert with_key(caller, path, 2, "two").status_code == 429
        other = with_key(caller, path, 2, "one")
        assert other.json["code"] == "idempotency_key_reused"
        clock.now += 600


def fill(caller: Caller, job: Any) -> None:
    """Send until something says stop."""
    for seed in range(100, 120):
        if send(caller, job.hook, seed).status_code == 429:
            return
    raise AssertionError("nothing says stop")


def test_of_a_call_that_was_cut_short_only_the_rest_counts(
    as_nobody: Caller, job: Any, clock: Clock
) -> None:
    def call(*seeds: int) -> Any:
        files = {
            f"f{seed}": (io.BytesIO(picture("red", seed=seed)), f"{seed}.png") for seed in seeds
        }
        return as_nobody.post(job.hook, data=files, headers={"Idempotency-Key": "many"})

    assert call(0).status_code == 202
    assert call(0, 1, 2).status_code == 202
    assert call(0, 1, 2).status_code == 200
    assert send(as_nobody, job.hook, 9).status_code == 429


def test_bytes_that_are_kept_already_are_no_more_bytes(
    as_alice: Caller, job: Any, clock: Clock
) -> None:
    path = f"{job.path}/examples"
    size = len(picture("red", seed=0))
    for seed in range(30_000 // size):
        assert send(as_alice, f"{path}?label=red", seed).status_code == 201
    assert send(as_alice, f"{path}?label=red", 99).status_code == 429
    assert send(as_alice, f"{path}?label=green", 0).status_code == 200
    assert send(as_alice, f"{job.path}/predictions", 0).status_code == 202
    assert send(as_alice, f"{job.path}/predictions", 99).json["code"] == "too_many_bytes_kept"


@pytest.fixture
def paced(app: Flask, clock: Clock, tmp_path: Any) -> Rates:
    """Two pictures a minute, counted by this process, as Redis is away."""
    here: Services = app.extensions["colabel"]
    away = connect(f"unix://{tmp_path}/none.sock")
    rates = Rates(away, per_minute=2, burst=2, clock=clock)
    settings = here.settings.model_copy(update={"max_waiting": 50, "max_rate": 2})
    object.__setattr__(here, "quotas", Quotas(here.database, settings, clock, rates))
    object.__setattr__(here, "refusals", Refusals(here.database, clock))
    return rates


def test_who_sends_too_fast_is_told_when_to_come_back(
    as_alice: Caller, as_nobody: Caller, job: Any, clock: Clock, paced: Rates
) -> None:
    assert send(as_nobody, job.hook, 0).status_code == 202
    assert send(as_alice, f"{job.path}/predictions", 1).status_code == 202
    refused = send(as_nobody, job.hook, 2)
    assert (refused.status_code, refused.json["code"]) == (429, "too_many_a_minute")
    assert refused.headers["Retry-After"] == "30"
    assert "COLABEL_MAX_RATE" in refused.json["detail"]
    clock.now += 29
    assert send(as_nobody, job.hook, 2).status_code == 429
    clock.now += 1
    assert send(as_nobody, job.hook, 2).status_code == 202


def test_what_is_refused_does_not_use_up_the_rate(
    as_alice: Caller, as_nobody: Caller, job: Any, paced: Rates
) -> None:
    for _ in range(5):
        assert as_nobody.post(job.hook, data=b"no picture").status_code == 415
    files = {"a": (io.BytesIO(picture("red")), "a.png"), "b": (io.BytesIO(b"no"), "b.png")}
    assert as_nobody.post(job.hook, data=files).status_code == 415
    for seed in range(2):
        assert send(as_alice, f"{job.path}/predictions", seed).status_code == 202


def test_a_source_beyond_its_rate_costs_few_writes(
    as_nobody: Caller, as_alice: Caller, job: Any, clock: Clock, paced: Rates, database: Database
) -> None:
    fill(as_nobody, job)
    for _ in range(20):
        assert send(as_nobody, job.hook, 9).status_code == 429
    assert refused_calls(database) == 1
    clock.now += PAUSE_SECONDS
    assert send(as_nobody, job.hook, 9).status_code == 429
    assert refused_calls(database) == 22, "those that were held back are counted now"
    clock.now += 60
    assert as_nobody.post(job.hook, data=b"no picture").status_code == 415
    assert refused_calls(database) == 23, "every other refusal leaves its trace"


def test_web_processes_count_together(settings: Settings, job: Any, tmp_path: Any) -> None:
    with EmbeddedRedis(tmp_path / "redis").running() as url:
        limits = {"redis_url": url, "max_rate": 60, "max_burst": 2, "max_waiting": 0}
        apps = [create_app(settings.model_copy(update=limits)) for _ in range(2)]
        codes = [send(Caller(app, {}), job.hook, seed).status_code for seed, app in enumerate(apps)]
        assert codes == [202, 202]
        refused = [send(Caller(app, {}), job.hook, 7) for app in apps]
        assert [one.status_code for one in refused] == [429, 429]
        assert refused[0].headers["Retry-After"] == "1"
        for app in apps:
            app.extensions["colabel"].bells.client.close()
            app.extensions["colabel"].quotas.close()
            app.extensions["colabel"].database.close()


def refused_calls(database: Database) -> int:
    with database.read() as session:
        return max(source.refused for source in session.query(Source))
