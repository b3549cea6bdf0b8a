"""From an answer to the live new head, with many stored examples; and many classifiers in a worker.

    python benchmarks/bench_retrain.py WEIGHTS_DIR
    python benchmarks/bench_retrain.py WEIGHTS_DIR --examples 10000 --classifiers 1000

(a) A classifier with that many examples of ten labels (made-up embeddings of the backbone's size,
    stored as the service stores them) is trained once, then a person's label comes in, and again.
    The seconds are from the commit of the label to the commit that puts the new head live, in a
    train worker that is running already; the quiet time that the service waits for more labels
    (connector.domain.learning.QUIET_SECONDS) comes on top where nobody asked for the training.
(b) A classify worker answers the same number of pictures for one classifier and for that many with
    one backbone, each with a head of its own and all that tells unlike pictures: seconds and
    resident memory (of a process that has done nothing else).
"""

from __future__ import annotations

import argparse
import hashlib
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import common
import numpy as np
from sqlalchemy import select, update

from connector.db import Database
from connector.db.migrate import upgrade
from connector.db.tables import Classifier, Embedding, Example, Image, Label, ModelVersion
from connector.domain import accounts, changes, classifiers, training
from connector.domain.predictions import SourceRef, Submission, submit
from connector.settings import load_settings
from models.embed import Embedder
from models.heads import Head
from models.unlike import Unlike
from workers import classify
from workers.runtime import Runtime, open_runtime

LABELS = tuple(f"label {i}" for i in range(10))
PICTURES = 320
# Seconds for the first and for the next picture of each classifier, and megabytes.
Measured = tuple[float, float, float]
BACKBONE = "backbone.onnx"


def opened(data_dir: Path, weights: Path) -> Runtime:
    """Make a data folder and open what workers stand on."""
    (data_dir / "run").mkdir(parents=True, exist_ok=True)
    settings = load_settings(data_dir=data_dir, weights=weights, finetune_seconds=0)
    upgrade(Database(settings.database))
    return open_runtime(settings, with_redis=False)


def fill(rt: Runtime, backbone: str, dim: int, count: int) -> str:
    """Store examples whose embeddings are known; return the classifier's id."""
    random = np.random.default_rng(0)
    centres = random.normal(size=(len(LABELS), dim)).astype(np.float32)
    with rt.database.write() as session:
        key = accounts.ensure_first_workspace(session)
        workspace = accounts.authenticate(session, str(key)).workspace_id
        row = classifiers.create_classifier(session, workspace, name="many", labels=LABELS)
        labels = list(session.scalars(select(Label.id).where(Label.classifier_id == row.id)))
        for number in range(count):
            sha = hashlib.sha256(str(number).encode()).hexdigest()
            vector = centres[number % 10] + 3 * random.normal(size=dim).astype(np.float32)
            image = Image(
                workspace_id=workspace,
                sha256=sha,
                media_type="image/jpeg",
                width=1,
                height=1,
                size=1,
            )
            session.add(image)
            session.flush()
            session.add(Embedding(sha256=sha, backbone=backbone, vector=vector.tobytes()))
            session.add(
                Example(
                    classifier_id=row.id,
                    image_id=image.id,
                    label_id=labels[number % 10],
                    name="",
                    origin="api",
                )
            )
        changes.note(session, row.id, count)
        return row.id


def retrain(rt: Runtime, classifier_id: str, rounds: int) -> list[float]:
    """Train once, then after one more label each; return seconds to live of each."""
    from workers import train

    found = []
    for number in range(rounds + 1):
        with rt.database.write() as session:
            if number:
                example = session.scalars(
                    select(Example.id).where(Example.classifier_id == classifier_id).limit(1)
                ).one()
                other = select(Label.id).where(Label.classifier_id == classifier_id)
                labels = list(session.scalars(other))
                session.execute(
                    update(Example)
                    .where(Example.id == example)
                    .values(label_id=labels[number % 10])
                )
                changes.note(session, classifier_id)
            row = session.get_one(Classifier, classifier_id)
            training.request_run(session, row)
        started = time.time()
        train.step(rt)
        with rt.database.read() as session:
            made = session.scalars(
                select(ModelVersion.created_at).order_by(ModelVersion.number.desc()).limit(1)
            ).one()
        found.append(made.timestamp() - started)
        print(f"version {number + 1} live after {found[-1]:.2f} s", file=sys.stderr)
    return found


def many(rt: Runtime, embedder: Embedder, count: int) -> list[SourceRef]:
    """Make classifiers with one backbone, each with a live head of its own."""
    random = np.random.default_rng(1)
    sources = []
    with rt.database.write() as session:
        key = accounts.ensure_first_workspace(session)
        workspace = accounts.authenticate(session, str(key)).workspace_id
        for number in range(count):
            weights = random.normal(size=(embedder.dim, 4)) / 100
            head = Head(("a", "b", "c", "d"), weights, np.zeros(4))
            rows = random.normal(size=(100, embedder.dim)).astype(np.float32)
            unlike = Unlike.fit(rows, np.arange(100) % 4)
            row = classifiers.create_classifier(
                session, workspace, name=f"job {number}", labels=head.labels
            )
            session.add(
                ModelVersion(
                    classifier_id=row.id,
                    number=1,
                    labels=list(head.labels),
                    thresholds={},
                    card={},
                    metrics={},
                    backbone_sha256=embedder.sha256,
                    head_sha256=rt.blobs.put(head.to_bytes()),
                    unlike_sha256=rt.blobs.put(unlike.to_bytes()),
                )
            )
            row.live_version = 1
            source = classifiers.source(session, row, "api")
            sources.append(SourceRef(source.id, workspace, row.id))
    return sources


def answer(data_dir: Path, weights: Path, count: int) -> None:
    """Answer PICTURES pictures, spread over `count` classifiers; print seconds and megabytes."""
    rt = opened(data_dir, weights)
    exported = (data_dir.parent / BACKBONE).read_bytes()
    embedder = Embedder(exported)
    rt.blobs.put(exported)
    sources = many(rt, embedder, count)
    drawn = [common.photo(seed) for seed in range(8)]
    taken = []
    # To warm up; each classifier's first picture, for which its files are read; and its next one.
    for first, pictures in ((0, 32), (1000, PICTURES), (2000, PICTURES)):
        for number in range(pictures):
            data = common.numbered(drawn[number % 8], number + first)
            source = sources[(number * 7919) % count]
            submit(rt.database, rt.blobs, rt.settings, source=source, submission=Submission(data))
        started = time.perf_counter()
        while classify.step(rt):
            pass
        taken.append(time.perf_counter() - started)
    # Not getrusage's: that of a child begins with its parent's.
    status = Path("/proc/self/status").read_text()
    peak = int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) / 1024  # type: ignore[index]
    print(f"{taken[1]:.3f} {taken[2]:.3f} {peak:.0f}")


def measured(weights: Path, backbone: bytes, count: int) -> Measured:
    """Run `answer` in a process of its own, which loads no torch, as the worker does not."""
    with tempfile.TemporaryDirectory(prefix="colabel-many-") as folder:
        (Path(folder) / BACKBONE).write_bytes(backbone)
        data_dir = str(Path(folder) / "data")
        command = [sys.executable, __file__, str(weights), "--answer", str(count), data_dir]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    first, again, megabytes = done.stdout.split()[-3:]
    return float(first), float(again), float(megabytes)


def main() -> None:
    """Measure both, print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("weights", type=Path)
    parser.add_argument("--examples", type=int, default=10_000)
    parser.add_argument("--classifiers", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--answer", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    weights = arguments.weights.resolve()
    if arguments.answer:
        answer(Path(arguments.answer[1]), weights, int(arguments.answer[0]))
        return
    from models.train import Options, pretrained_backbone
    from workers.backbones import KeptBackbones

    common.warn_if_busy()
    print(common.machine())
    with tempfile.TemporaryDirectory(prefix="colabel-retrain-") as folder:
        rt = opened(Path(folder), weights)
        exported = pretrained_backbone(Options(weights=weights), KeptBackbones(rt)).onnx
        embedder = Embedder(exported)
        classifier = fill(rt, embedder.sha256, embedder.dim, arguments.examples)
        first, *later = retrain(rt, classifier, arguments.rounds)
    rows = [("first training, strength chosen", first), ("after one more label", max(later))]
    print(f"\n{arguments.examples:,} examples, {len(LABELS)} labels, {embedder.dim} numbers each\n")
    print(common.table(("", "s to live"), rows))
    one = measured(weights, exported, 1)
    all_of_them = measured(weights, exported, arguments.classifiers)
    print(f"\n{PICTURES} pictures, one backbone, one classify worker\n")
    print(
        common.table(
            ("classifiers", "s, first", "of one", "s, next", "of one", "MB resident at most"),
            [("1", *_shown(one, one)), (f"{arguments.classifiers:,}", *_shown(all_of_them, one))],
        )
    )


def _shown(found: Measured, one: Measured) -> tuple[float, ...]:
    return found[0], found[0] / one[0], found[1], found[1] / one[1], found[2]


if __name__ == "__main__":
    main()
