"""The least that Flask and RQ can do: what hook.py and burst.py compare the hook with."""

from __future__ import annotations

import os
from functools import cache

from flask import Flask, request
from redis import Redis
from rq import Queue

app = Flask(__name__)


@app.get("/empty")
def empty() -> tuple[str, int]:
    """Answer nothing."""
    return "", 204


@app.post("/discard")
def discard() -> tuple[str, int]:
    """Answer nothing to a picture that nobody looks at."""
    return "", 204


@cache
def queue() -> Queue:
    """Return the queue of `enqueue`."""
    return Queue("plain", connection=Redis.from_url(os.environ["REDIS_URL"]))


@app.post("/enqueue")
def enqueue() -> tuple[str, int]:
    """Make one RQ job of an event, as most services do."""
    queue().enqueue_call("empty_app.size", args=(request.get_data(),), result_ttl=0)
    return "", 202


def size(data: bytes) -> int:
    """Look at nothing but the length: the job of `enqueue`."""
    return len(data)
