"""GET /metrics: the numbers of all processes, for those who may read them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from caller import Caller
from colours import picture
from flask import Flask
from prometheus_client.parser import text_string_to_metric_families
from redis import Redis
from running import until

from connector import presence
from connector.db import Database
from connector.embedded import EmbeddedRedis
from connector.settings import Settings
from connector.web.app import create_app
from connector.web.numbers import BYTES_HOLD_SECONDS, COUNTERS, HOLDS_SECONDS, Numbers
from connector.web.services import Services


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(app: Flask) -> Clock:
    clock = Clock()
    here: Services = app.extensions["colabel"]
    object.__setattr__(here, "numbers", Numbers(here.database, here.bells, clock))
    return clock


@pytest.fixture
def numbers(as_nobody: Caller, clock: Clock) -> Callable[[], dict[str, float]]:
    """Read the numbers as they are now: sample with its labels -> value."""

    def read() -> dict[str, float]:
        clock.now += BYTES_HOLD_SECONDS
        response = as_nobody.get("/metrics")
        assert response.mimetype == "text/plain"
        return samples(response.text)

    return read


def samples(text: str) -> dict[str, float]:
    found = {}
    for family in text_string_to_metric_families(text):
        for one in family.samples:
            labels = ",".join(f'{name}="{one.labels[name]}"' for name in sorted(one.labels))
            found[f"{one.name}{{{labels}}}" if labels else one.name] = one.value
    return found


def test_metrics_count_what_happens(
    as_nobody: Caller, job: Any, numbers: Any, drain: Callable[[], None]
) -> None:
    before = numbers()
    assert before['colabel_waiting{queue="classify"}'] == 0
    as_nobody.post(job.hook, data=picture("red"))
    as_nobody.post(job.hook, data=b"no picture")
    after = numbers()
    assert after['colabel_waiting{queue="classify"}'] == 1
    assert after['colabel_accepted_total{way="hook"}'] == 1
    refused = 'colabel_errors_total{code="not_a_picture",status="415"}'
    assert after[refused] == before.get(refused, 0) + 1
    assert after["process_resident_memory_bytes"] > 1_000_000
    assert after["colabel_kept_bytes"] == len(picture("red"))
    assert after['colabel_live_versions{kind="head"}'] == 1
    assert (after["colabel_database_up"], after["colabel_redis_up"]) == (1, 0)
    drain()
    done = numbers()
    assert done['colabel_classified_total{outcome="model",recipe="sort"}'] == 1
    assert done["colabel_answer_seconds_count"] == 1
    assert done['colabel_answer_seconds_bucket{le="+Inf"}'] == 1
    assert done["colabel_answer_seconds_sum"] > 0


def test_effects_are_counted_with_how_long_they_took(
    as_alice: Caller, job: Any, numbers: Any, drain: Callable[[], None]
) -> None:
    copy = {"kind": "copy", "params": {"folder": "kept"}}
    as_alice.post(f"{job.path}/rules", json={"label": None, "actions": [copy]})
    as_alice.post(f"{job.path}/predictions", data=picture("red"), content_type="image/png")
    drain()
    found = numbers()
    assert found['colabel_actions_total{kind="copy",outcome="done"}'] == 1
    assert found['colabel_action_seconds_count{kind="copy"}'] == 1
    assert found['colabel_action_seconds_bucket{kind="copy",le="86400"}'] == 1


def test_the_numbers_are_read_once_in_a_few_seconds(
    as_nobody: Caller, job: Any, clock: Clock
) -> None:
    sample = 'colabel_accepted_total{way="hook"}'
    assert sample not in samples(as_nobody.get("/metrics").text)
    as_nobody.post(job.hook, data=picture("red"))
    assert sample not in samples(as_nobody.get("/metrics").text)
    clock.now += HOLDS_SECONDS
    assert samples(as_nobody.get("/metrics").text)[sample] == 1


def test_two_web_processes_show_the_same(app: Flask, settings: Settings, job: Any) -> None:
    for _ in range(2):
        Caller(app, {}).post(job.hook, data=picture("red"))
    other = create_app(settings)
    text = Caller(other, {}).get("/metrics").text
    assert samples(text)['colabel_accepted_total{way="hook"}'] == 2
    other.extensions["colabel"].database.close()


def test_a_database_that_is_away_is_a_number_too(settings: Settings, tmp_path: Path) -> None:
    away = f"sqlite:///{tmp_path}/missing/folder/colabel.db"
    app = create_app(settings.model_copy(update={"database_url": away}))
    found = samples(Caller(app, {}).get("/metrics").text)
    assert found["colabel_database_up"] == 0


@pytest.fixture
def redis_url(tmp_path: Path) -> Iterator[str]:
    with EmbeddedRedis(tmp_path / "redis").running() as url:
        yield url


def test_workers_are_counted_by_queue_and_device(
    settings: Settings, database: Database, redis_url: str
) -> None:
    app = create_app(settings.model_copy(update={"redis_url": redis_url}))
    known: list[str] = []
    about = {"url": lambda: redis_url, "lease_seconds": 1.0}
    with (
        closing(Redis.from_url(redis_url)) as client,
        presence.signed_in("classify", **about, device=lambda: known[0] if known else None),
        presence.signed_in("act", **about),
    ):
        until(lambda: presence.devices(client, "classify") == {"unknown": 1}, 10, "signed in")
        # Known once a model is loaded; it is the same worker still.
        known.append("cuda")
        until(lambda: presence.devices(client, "classify") == {"cuda": 1}, 10, "says its device")
        until(lambda: presence.count(client, "act") == 1, 10, "signed in")
        found = samples(Caller(app, {}).get("/metrics").text)
    assert found["colabel_redis_up"] == 1
    assert found['colabel_workers{queue="classify"}'] == 1
    assert found['colabel_workers{queue="act"}'] == 1
    assert found['colabel_workers{queue="train"}'] == 0
    assert found['colabel_model_workers{device="cuda",queue="classify"}'] == 1
    app.extensions["colabel"].bells.client.close()
    app.extensions["colabel"].database.close()


def test_with_a_token_only_who_has_it_reads_them(settings: Settings, database: Database) -> None:
    app = create_app(settings.model_copy(update={"metrics_token": "open sesame"}))
    right = {"Authorization": "Bearer open sesame"}
    for wrong in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "open sesame"}):
        response = Caller(app, wrong).get("/metrics")
        assert response.status_code == 401
        assert (response.json or {})["code"] == "bad_metrics_token"
    assert Caller(app, right).get("/metrics").status_code == 200
    proxied = {**right, "X-Forwarded-For": "8.8.8.8"}
    assert Caller(app, proxied).get("/metrics").status_code == 200
    app.extensions["colabel"].database.close()


@pytest.mark.parametrize(
    ("address", "headers", "status"),
    [
        ("127.0.0.1", {}, 200),
        ("::1", {}, 200),
        ("10.1.2.3", {}, 200),
        ("::ffff:192.168.1.5", {}, 200),
        ("8.8.8.8", {}, 403),
        ("::ffff:8.8.8.8", {}, 403),
        ("2001:4860:4860::8888", {}, 403),
        ("127.0.0.1", {"X-Forwarded-For": "8.8.8.8"}, 403),
        ("127.0.0.1", {"Forwarded": "for=10.0.0.1"}, 403),
    ],
)
def test_without_a_token_only_who_is_near_reads_them(
    app: Flask, address: str, headers: dict[str, str], status: int
) -> None:
    answer = Caller(app, headers).get("/metrics", environ_base={"REMOTE_ADDR": address})
    assert answer.status_code == status
    if status == 403:
        assert (answer.json or {})["code"] == "metrics_not_public"


def test_a_key_opens_nothing_here(settings: Settings, alice: Any) -> None:
    app = create_app(settings.model_copy(update={"metrics_token": "open sesame"}))
    assert Caller(app, alice.headers).get("/metrics").status_code == 401
    app.extensions["colabel"].database.close()


def test_the_docs_list_every_number(as_nobody: Caller) -> None:
    page = (Path(__file__).parents[3] / "docs" / "operations.md").read_text()
    documented = set(re.findall(r"`(colabel_\w+)`", page))
    families = text_string_to_metric_families(as_nobody.get("/metrics").text)
    shown = {
        f"{one.name}_total" if one.type == "counter" else one.name
        for one in families
        if one.name.startswith("colabel_") and not one.name.endswith("_created")
    }
    counted = {f"colabel_{name}_total" for name in COUNTERS}
    assert documented - shown == {"colabel_workers", "colabel_model_workers"}, "Redis is away here"
    assert shown | counted <= documented


def test_the_numbers_name_no_workspace(
    as_alice: Caller, as_nobody: Caller, job: Any, drain: Callable[[], None], alice: Any
) -> None:
    as_alice.post(f"{job.path}/predictions", data=picture("red"), query_string={"name": "a.png"})
    drain()
    text = as_nobody.get("/metrics").text
    for secret in ("Alice", "colours", '"red"', alice.workspace_id, job.id, "a.png"):
        assert secret not in text
    assert set(re.findall(r'(\w+)="', text)) <= {
        *("way", "recipe", "outcome", "kind", "what", "code", "final", "le", "queue", "device"),
        *("status", "implementation", "major", "minor", "patchlevel", "version", "generation"),
    }
