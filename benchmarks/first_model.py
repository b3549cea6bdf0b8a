"""A person's first model: from sorted pictures to a live classifier, and how good it is.

    python benchmarks/first_model.py DATASETS_DIR WEIGHTS_DIR
    python benchmarks/first_model.py DATASETS_DIR WEIGHTS_DIR --sets ants_bees --seeds 1

DATASETS_DIR holds one folder per set, with one folder of pictures per label. Of each label 100
pictures, chosen by the seed, are imported with `colabel import` and trained with `colabel train`
into a fresh data folder, with no service running and nothing kept from before: the seconds to live
are those from the start of the train command, start of Python, export of the backbone and all,
until the version answers; the command then writes the portable file and the report. Then `colabel
evaluate` scores the rest of the pictures, next to a plain linear probe on the same pictures (see
linear_probe.py).
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import common
import numpy as np
from sqlalchemy import select

from connector.db import Database
from connector.db.tables import Classifier, ModelVersion
from connector.settings import load_settings

LINEAR_PROBE = Path(__file__).with_name("linear_probe.py")
SETS = ("ants_bees", "trash", "steel_defects")


@dataclass(frozen=True)
class Outcome:
    """One run: seconds to live, and shares of right answers."""

    seconds: float
    command: float
    held_out: float
    rest: float
    probe: float
    tested: int


def split(dataset: Path, work: Path, per_label: int, seed: int) -> None:
    """Lay out links work/train/LABEL and work/test/LABEL."""
    for label in sorted(path for path in dataset.iterdir() if path.is_dir()):
        pictures = sorted(p for p in label.iterdir() if p.suffix.lower() in common.SUFFIXES)
        random.Random(f"{seed} {label.name}").shuffle(pictures)
        if len(pictures) <= per_label:
            raise SystemExit(f"{label} holds {len(pictures)} pictures; none would be left to test.")
        for number, picture in enumerate(pictures):
            folder = work / ("train" if number < per_label else "test") / label.name
            folder.mkdir(parents=True, exist_ok=True)
            (folder / picture.name).symlink_to(picture.resolve())


def colabel(work: Path, weights: Path, backbone: str | None, *arguments: str) -> str:
    """Run the command line on the run's own data folder; return what it printed."""
    environment = {
        **os.environ,
        "COLABEL_DATA_DIR": str(work / "data"),
        "COLABEL_WEIGHTS": str(weights.resolve()),
        **({"COLABEL_BACKBONE": backbone} if backbone else {}),
    }
    command = [sys.executable, "-m", "connector.cli", *arguments]
    done = subprocess.run(command, env=environment, cwd=common.ROOT, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"colabel {' '.join(arguments)} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


def live_version(work: Path) -> tuple[float, float]:
    """Return the accuracy that the service tells of its live version, and when that was made."""
    database = Database(load_settings(data_dir=work / "data").database)
    statement = select(ModelVersion.metrics, ModelVersion.created_at).join(
        Classifier,
        (Classifier.id == ModelVersion.classifier_id)
        & (Classifier.live_version == ModelVersion.number),
    )
    with database.read() as session:
        metrics, made_at = session.execute(statement).one()
    database.close()
    return float(metrics["accuracy"]), made_at.timestamp()


def run(dataset: Path, arguments: argparse.Namespace, seed: int) -> Outcome:
    """Import, train, evaluate, and fit the probe."""
    with tempfile.TemporaryDirectory(prefix="colabel-first-model-") as folder:
        work = Path(folder)
        split(dataset, work, arguments.per_label, seed)
        here = (work, arguments.weights, arguments.backbone)
        colabel(*here, "import", "job", str(work / "train"), "--labels", "folders")
        started = time.time()
        colabel(*here, "train", "job")
        command = time.time() - started
        accuracy, made_at = live_version(work)
        scored = colabel(*here, "evaluate", "job", str(work / "test"))
        found = re.match(r"([\d.]+) ?% of ([\d,]+) pictures right", scored)
        if found is None:
            raise SystemExit(f"colabel evaluate printed something else:\n{scored}")
        probe = [sys.executable, str(LINEAR_PROBE), str(work / "train"), str(work / "test")]
        probe += ["--weights", str(arguments.weights.resolve())]
        probe += ["--backbone", arguments.backbone] if arguments.backbone else []
        plain = subprocess.run(probe, cwd=common.ROOT, check=True, stdout=subprocess.PIPE)
        return Outcome(
            made_at - started,
            command,
            100 * accuracy,
            float(found[1]),
            100 * float(json.loads(plain.stdout)["accuracy"]),
            int(found[2].replace(",", "")),
        )


def main() -> None:
    """Run every set with every seed; print means and the largest times."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("datasets", type=Path)
    parser.add_argument("weights", type=Path)
    parser.add_argument("--sets", nargs="+", default=SETS)
    parser.add_argument("--seeds", type=int, default=3, help="how many random splits")
    parser.add_argument("--per-label", type=int, default=100)
    parser.add_argument("--backbone", default="mobilenet_v2")
    arguments = parser.parse_args()
    common.warn_if_busy()
    print(common.machine())
    rows = []
    for name in arguments.sets:
        outcomes = []
        for seed in range(arguments.seeds):
            outcomes.append(run(arguments.datasets / name, arguments, seed))
            print(f"{name}, seed {seed}: {outcomes[-1]}", file=sys.stderr, flush=True)
        rows.append(_row(name, outcomes))
    print(
        f"{arguments.backbone}, {arguments.per_label} pictures a label, {arguments.seeds} splits\n"
    )
    header = (
        "set",
        "tested",
        "seconds to live",
        "command s",
        "held out %",
        "on the rest %",
        "linear probe %",
    )
    print(common.table(header, rows))


def _row(name: str, outcomes: list[Outcome]) -> tuple[object, ...]:
    def spread(values: list[float]) -> str:
        return f"{np.mean(values):.1f} ± {np.std(values):.1f}"

    return (
        name,
        outcomes[0].tested,
        f"{max(one.seconds for one in outcomes):.1f}",
        f"{max(one.command for one in outcomes):.1f}",
        spread([one.held_out for one in outcomes]),
        spread([one.rest for one in outcomes]),
        spread([one.probe for one in outcomes]),
    )


if __name__ == "__main__":
    main()
