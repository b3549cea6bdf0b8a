"""Answer pictures from files without keeping anything: `python -m workers.evaluate CLASSIFIER_ID`.

Reads one JSON object per line, {"path": …, "label": … or null}, and writes one per line:
{"path", "probabilities"} or {"path", "error"}; then, if labels were given, {"summary": …}.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from connector.db.tables import Classifier, ModelVersion
from connector.domain import versions
from connector.errors import ColabelError, Conflict
from connector.logs import setup_logging
from connector.settings import load_settings
from models import metrics
from models.errors import ModelError, UnreadablePicture
from workers.classify import sessions_of
from workers.decoding import load_many
from workers.runtime import Runtime, open_runtime

BATCH = 32


@dataclass(frozen=True)
class Item:
    """A file to answer, and its true label where that is known."""

    path: str
    label: str | None


@dataclass(frozen=True)
class Answered:
    """Probabilities in the order of the version's labels, or why there are none."""

    item: Item
    probabilities: list[float] | None
    error: str | None


def answer(rt: Runtime, version: ModelVersion, items: Sequence[Item]) -> Iterator[Answered]:
    """Yield an answer for each file, in their order."""
    embedder = sessions_of(rt).embedder(version.backbone_sha256)
    head = sessions_of(rt).head(version.head_sha256)
    rest = iter(items)
    while batch := list(islice(rest, BATCH)):
        datas = [_read(item.path) for item in batch]
        there = [data for data in datas if isinstance(data, bytes)]
        pictures = iter(load_many(there, embedder.size, rt.settings))
        loaded = [next(pictures) if isinstance(data, bytes) else data for data in datas]
        good = [one for one in loaded if isinstance(one, np.ndarray)]
        rows = iter(head.predict(embedder.embed(np.stack(good)))) if good else iter(())
        for item, one in zip(batch, loaded, strict=True):
            if isinstance(one, np.ndarray):
                yield Answered(item, [float(p) for p in next(rows)], None)
            else:
                yield Answered(item, None, one.detail)


def _read(path: str) -> bytes | UnreadablePicture:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        return UnreadablePicture(f"The file cannot be read ({error.strerror}).")


def summary(labels: Sequence[str], answers: Sequence[Answered]) -> dict[str, Any] | None:
    """Score the answers whose true label the model knows; None when there is none."""
    index = {label: i for i, label in enumerate(labels)}
    scored = [
        (one.probabilities, index[one.item.label])
        for one in answers
        if one.probabilities is not None and one.item.label in index
    ]
    if not scored:
        return None
    probabilities = np.array([row for row, _ in scored])
    targets = np.array([target for _, target in scored])
    unknown = sorted({a.item.label for a in answers if a.item.label is not None} - set(index))
    return metrics.summary(probabilities, targets, labels) | {"unknown_labels": unknown}


def live_version(rt: Runtime, classifier_id: str) -> ModelVersion:
    """Return the version that answers now. Raises Conflict when there is none yet."""
    with rt.database.read() as session:
        classifier = session.get_one(Classifier, classifier_id)
        row = versions.live(session, classifier)
        if row is None:
            raise Conflict(
                f"{classifier.name!r} has no model yet; run `colabel train {classifier.name!r}`.",
                code="no_model",
            )
        session.expunge(row)
    return row


def run(rt: Runtime, classifier_id: str, source: TextIO, out: TextIO) -> None:
    """Answer the files named on `source`, one JSON line each, on `out`."""
    items = [Item(**json.loads(line)) for line in source if line.strip()]
    version = live_version(rt, classifier_id)
    answers = []
    for one in answer(rt, version, items):
        answers.append(one)
        line: dict[str, Any] = {"path": one.item.path}
        if one.probabilities is None:
            line["error"] = one.error
        else:
            line["probabilities"] = dict(zip(version.labels, one.probabilities, strict=True))
        print(json.dumps(line), file=out, flush=True)
    found = summary(version.labels, answers)
    if found is not None:
        print(json.dumps({"summary": found}), file=out, flush=True)


def main() -> int:
    """Answer what comes on standard input."""
    parser = argparse.ArgumentParser(prog="python -m workers.evaluate", description=__doc__)
    parser.add_argument("classifier_id")
    arguments = parser.parse_args()
    setup_logging("evaluate")
    try:
        rt = open_runtime(load_settings(), with_redis=False)
        run(rt, arguments.classifier_id, sys.stdin, sys.stdout)
    except (ColabelError, ModelError) as error:
        print(error.detail, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
