"""`colabel doctor`: each check says what is wrong, and what to do."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from buckets import S3Bucket
from redis import Redis
from running import until

from connector import presence
from connector.checkup import checks, outside, places
from connector.checkup.finding import Finding
from connector.embedded import EmbeddedRedis
from connector.jobs import QUEUES
from connector.secret_key import secret_key
from connector.settings import Settings, load_settings


@pytest.fixture
def local(tmp_path: Path) -> Settings:
    folder = tmp_path / "data"
    folder.mkdir()
    return load_settings(data_dir=folder)


def but(settings: Settings, **changes: object) -> Settings:
    return settings.model_copy(update=changes)


def test_what_is_kept_can_be_written(local: Settings) -> None:
    assert places.storage(local).status == "ok"
    assert not [path for path in local.blobs_dir.rglob("*") if path.is_file()]
    (local.data_dir / "taken").write_bytes(b"a file is no folder")
    found = places.storage(but(local, storage=f"file://{local.data_dir}/taken"))
    assert found.status == "fail"
    assert "COLABEL_STORAGE" in found.sentence


def test_a_bucket_is_tried(local: Settings, bucket: S3Bucket) -> None:
    assert places.storage(but(local, storage=str(bucket.name))).status == "ok"
    found = places.storage(but(local, storage="s3://no-such-bucket-here"))
    assert found.status == "fail"
    assert "does not exist" in found.sentence


def test_everybody_signs_with_one_secret(local: Settings) -> None:
    assert outside.secret(local).status == "ok"
    secret_key(local)
    assert outside.secret(local).status == "ok"
    (local.data_dir / "secret.key").chmod(0o640)
    found = outside.secret(local)
    assert found.status == "fail"
    assert "chmod 600" in found.sentence
    many = but(local, database_url="postgresql+psycopg://db/colabel")
    assert "on several machines" in outside.secret(many).sentence
    assert outside.secret(but(many, secret_key="one")).status == "ok"


@contextmanager
def answering(status: int, body: bytes) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_the_public_address_leads_here(local: Settings) -> None:
    assert "once the service runs" in outside.public_url(local, running=False).sentence
    with answering(200, b'{"status": "ok"}') as url:
        found = outside.public_url(but(local, public_url=url), running=True)
        assert found.status == "ok"
        assert "set COLABEL_PUBLIC_URL" in found.sentence
    away = outside.public_url(but(local, public_url=url), running=True)
    assert away.status == "warn"
    assert "COLABEL_PUBLIC_URL" in away.sentence
    for status, body, words in ((200, b"<html>", "Something else"), (502, b"", "502")):
        with answering(status, body) as url:
            found = outside.public_url(but(local, public_url=url), running=True)
            assert found.status == "warn"
            assert words in found.sentence


def test_no_mail_server_is_no_fault(local: Settings) -> None:
    assert outside.mail_server(local).status == "ok"
    found = outside.mail_server(but(local, smtp_url="smtp://127.0.0.1:9"))
    assert found.status == "fail"
    assert "COLABEL_SMTP_URL" in found.sentence


@pytest.fixture
def server(local: Settings) -> Iterator[Redis]:
    redis = EmbeddedRedis(local.data_dir)
    with redis.running(), closing(Redis.from_url(url(local))) as client:
        yield client


def url(settings: Settings) -> str:
    return (settings.data_dir / "run/redis.url").read_text().strip()


def test_the_clock_and_the_releases_are_known(
    local: Settings, server: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "run `colabel clock`" in checks.clock(local, running=False).sentence
    assert checks.clock(local, running=True).status == "warn"
    with presence.signed_in(presence.CLOCK, lambda: url(local)):
        until(lambda: presence.count(server, presence.CLOCK) == 1, 30, "the clock")
        assert checks.clock(local, running=False).status == "ok"
        assert checks.release(local) == Finding("ok", "release", f"{_mine()}, everywhere.")
        monkeypatch.setattr(presence, "version", lambda _: "0.0.7")
        with presence.signed_in(QUEUES[0], lambda: url(local)):
            until(lambda: presence.count(server, QUEUES[0]) == 1, 30, "a worker")
            found = checks.release(local)
            assert found.status == "warn"
            assert "workers of 0.0.7" in found.sentence


def _mine() -> str:
    from importlib.metadata import version

    return version("colabel")


def test_redis_need_not_keep_anything(local: Settings, server: Redis) -> None:
    found = checks.redis_server(local, running=True)
    assert found.status == "ok"
    assert "need not keep" in found.sentence
