"""The work that throughput.py measures: `measured_work.py bare|worker|forking` (see there).

The settings come from the environment; the last line printed is {"pictures": N, "seconds": S}.
"""

from __future__ import annotations

import argparse
import cProfile
import json
import logging
import pstats
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from sqlalchemy import select

from connector.db.tables import ModelVersion, Prediction
from connector.embedded import EmbeddedRedis
from connector.settings import Settings, load_settings
from connector.storage import LocalBlobs
from models.embed import Embedder, usable_cores
from models.preprocess import load
from workers import classify
from workers.runtime import Runtime, open_runtime


def _open(settings: Settings) -> Runtime:
    return open_runtime(settings, with_redis=False)


def bare(settings: Settings, half: int) -> tuple[int, float]:
    """Decode and embed the first or second half of the pictures, batch by batch."""
    hashes = json.loads((settings.data_dir / "hashes.json").read_text())
    middle = len(hashes) // 2
    hashes = hashes[middle:] if half else hashes[:middle]
    blobs = LocalBlobs(settings.blobs_dir)
    with _open(settings).database.read() as session:
        backbone = session.scalars(select(ModelVersion.backbone_sha256)).first()
    threads = settings.threads or usable_cores()
    embedder = Embedder(blobs.read(str(backbone)), threads=threads)
    size = embedder.size
    embedder.embed(np.zeros((settings.batch_size, size, size, 3), np.uint8))
    started = time.perf_counter()
    with ThreadPoolExecutor(threads) as pool:
        for start in range(0, len(hashes), settings.batch_size):
            batch = hashes[start : start + settings.batch_size]
            arrays = pool.map(lambda sha: load(blobs.read(sha), size), batch)
            embedder.embed(np.stack(list(arrays)))
    return len(hashes), time.perf_counter() - started


def worker(settings: Settings, *, profile: bool = False) -> tuple[int, float]:
    """Drain the queue as the classify worker does."""
    rt = _open(settings)
    classify.warm(rt)
    profiler = cProfile.Profile()
    total, started = 0, time.perf_counter()
    if profile:
        profiler.enable()
    while done := classify.step(rt):
        total += done
    seconds = time.perf_counter() - started
    if profile:
        profiler.disable()
        pstats.Stats(profiler, stream=sys.stderr).sort_stats("cumulative").print_stats(60)
    _check_all_answered(rt)
    return total, seconds


def classify_one() -> int:
    """Answer one picture: the job that RQ's forked process runs, everything opened anew."""
    return classify.step(_open(load_settings().model_copy(update={"batch_size": 1})))


def forking(settings: Settings) -> tuple[int, float]:
    """Answer one picture a job, in RQ's default worker, which forks for each."""
    from redis import Redis
    from rq import Queue, Worker

    rt = _open(settings)
    with rt.database.read() as session:
        count = len(session.scalars(select(Prediction.id)).all())
    rt.database.close()
    with EmbeddedRedis(settings.data_dir).running() as url, Redis.from_url(url) as connection:
        queue = Queue("classify", connection=connection)
        for _ in range(count):
            queue.enqueue_call("measured_work.classify_one", result_ttl=0)
        started = time.perf_counter()
        Worker([queue], connection=connection).work(burst=True, logging_level="WARNING")
        seconds = time.perf_counter() - started
    _check_all_answered(_open(settings))
    return count, seconds


def _check_all_answered(rt: Runtime) -> None:
    with rt.database.read() as session:
        states = set(session.scalars(select(Prediction.status)))
    if states != {"done"}:
        raise SystemExit(f"Not all pictures were answered: {sorted(states)}.")


def main() -> None:
    """Run one of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("bare", "worker", "forking"))
    parser.add_argument("--half", type=int, choices=(0, 1), default=0, help="of bare")
    parser.add_argument("--profile", action="store_true", help="of worker")
    arguments = parser.parse_args()
    logging.getLogger().setLevel(logging.WARNING)
    settings = load_settings()
    if arguments.what == "bare":
        count, seconds = bare(settings, arguments.half)
    elif arguments.what == "worker":
        count, seconds = worker(settings, profile=arguments.profile)
    else:
        count, seconds = forking(settings)
    print(json.dumps({"pictures": count, "seconds": seconds}))


if __name__ == "__main__":
    main()
