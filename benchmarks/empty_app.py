"""The least that Flask can do: what hook.py compares the hook with."""

from __future__ import annotations

from flask import Flask

app = Flask(__name__)


@app.get("/empty")
def empty() -> tuple[str, int]:
    """Answer nothing."""
    return "", 204


@app.post("/discard")
def discard() -> tuple[str, int]:
    """Answer nothing to a picture that nobody looks at."""
    return "", 204
