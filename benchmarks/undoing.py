"""Does a mistake with a thousand pictures come back whole? Undo in bulk, measured and checked.

    python benchmarks/undoing.py
    python benchmarks/undoing.py --count 5000 --changed 50 --data /a/folder/on/the/disk/to/measure

Half of the pictures lie in a folder, half are held by the service. Rules turn, copy and move them,
one, two or three of these each. Of `--changed` pictures the moved file is then changed, as somebody
would who worked on. The clock starts, everything that was done is undone through the act worker's
drain, and the result is checked: each file in its old place with its old bytes and time, each held
picture where it was, nothing left over, and exactly the changed ones refused and as they were.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import common
from sqlalchemy import func, select

sys.path.append(str(common.ROOT / "tests"))

from colours import backbone, head, picture

from connector.actions import local
from connector.db.tables import Action, Classifier, Prediction
from connector.domain import rules, undo_selection, undos
from connector.domain.action_list import ActionFilter
from connector.domain.predictions import Submission, submit
from workers import act, classify
from workers import runtime as rt_module
from workers.runtime import Runtime

TURN = {"kind": "rotate", "params": {"degrees": 90}}
COPY = {"kind": "copy", "params": {"folder": "copies/{label}"}}
MOVE = {"kind": "move", "params": {"folder": "{label}"}}
# What rules do with pictures of each colour; another rule copies and moves the blue ones.
RECIPES: dict[str, list[dict[str, Any]]] = {"red": [MOVE], "green": [TURN, MOVE], "blue": [TURN]}
COPIED = "blue"
# An odd time, to the nanosecond, long ago.
MOMENT_NS = 1_500_000_000_123_456_789

Look = dict[str, tuple[bytes, int]]


@dataclass(frozen=True)
class Before:
    """How everything was: files with their bytes and times, and where each picture was."""

    files: Look
    places: dict[str, str]


def look(*folders: Path) -> Look:
    """Return bytes and time (ns) of every file below these folders."""
    files = (path for folder in folders for path in folder.rglob("*") if path.is_file())
    return {str(path): (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


def places(rt: Runtime) -> dict[str, str]:
    """Return each prediction's path, or the hash of its held picture."""
    with rt.database.read() as session:
        rows = session.scalars(select(Prediction)).all()
    return {row.id: row.location.get("path") or row.location["sha256"] for row in rows}


def add_rules(rt: Runtime, classifier_id: str) -> None:
    """Let pictures of each colour be turned, copied or moved."""
    for label, actions in [*RECIPES.items(), (COPIED, [COPY, MOVE])]:
        checked = rules.check_actions(rt.settings, actions)
        with rt.database.write() as session:
            classifier = session.get_one(Classifier, classifier_id)
            rules.create_rule(session, classifier, label=label, actions=checked)


def fill(rt: Runtime, prepared: common.Prepared, inbox: Path, count: int) -> None:
    """Accept pictures, every second one with its file in `inbox`, until `count` actions wait."""
    wanted = {"red": 1, "green": 2, "blue": 3}
    number = planned = 0
    while planned < count:
        colour = tuple(wanted)[number // 2 % 3]
        data, location = picture(colour, seed=number), None
        if number % 2:
            path = inbox / f"scan {number:05d}.png"
            path.write_bytes(data)
            _set_time(path, MOMENT_NS + number)
            location = local(path)
        submit(
            prepared.database,
            prepared.blobs,
            prepared.settings,
            source=prepared.source,
            submission=Submission(data, f"{number:05d}.png", location=location),
        )
        number, planned = number + 1, planned + wanted[colour]


def _set_time(path: Path, moment_ns: int) -> None:
    os.utime(path, ns=(moment_ns, moment_ns))


def drain(rt: Runtime) -> None:
    """Classify and act until nothing is left."""
    while classify.step(rt) or rt_module.drain(rt, "act", act.step):
        pass


def change(rt: Runtime, count: int) -> dict[str, str]:
    """Change the files of `count` red pictures, moved and nothing else; return them by action."""
    statement = (
        select(Action)
        .join(Prediction, Prediction.id == Action.prediction_id)
        .where(Prediction.label == "red", Action.kind == "move")
        .order_by(Action.id)
        .limit(count)
    )
    with rt.database.read() as session:
        moved = {action.id: action.detail["to"] for action in session.scalars(statement)}
    if len(moved) < count:
        raise SystemExit(f"Only {len(moved)} pictures can be changed; take more actions.")
    for path in moved.values():
        Path(path).write_bytes(b"somebody's work on " + path.encode())
    return moved


def undo_all(rt: Runtime, classifier_id: str, workspace_id: str) -> dict[str, Any]:
    """Undo everything that the classifier's rules did; return the undo as the API shows it."""
    wanted = ActionFilter(classifier_id=classifier_id)
    with rt.database.write() as session:
        chosen, _ = undo_selection.selection(session, workspace_id, wanted=wanted)
        undo_id = undos.request(session, chosen, "benchmark").id
    while rt_module.drain(rt, "act", act.step):
        pass
    with rt.database.read() as session:
        return undos.shown(session, undos.get(session, workspace_id, undo_id), "")


def check(
    rt: Runtime, inbox: Path, before: Before, changed: dict[str, str], undo: dict[str, Any]
) -> None:
    """Hold everything against how it was. Raises SystemExit with what differs."""
    refused = {one["action_id"] for one in undo["refusals"]}
    codes = Counter(one["code"] for one in undo["refusals"])
    counted = (undo["status"], undo["undone"], undo["refused"], undo["waiting"])
    if counted != ("done", undo["total"] - len(changed), len(changed), 0):
        raise SystemExit(f"The undo ended like this: {counted}.")
    if refused != set(changed) or codes != Counter({"file_changed": len(changed)}):
        raise SystemExit(f"Refused were {dict(codes)}, changed {len(changed)}.")
    with rt.database.read() as session:
        statement = select(Action.prediction_id, Action.detail).where(Action.id.in_(changed))
        stayed = {row.prediction_id: row.detail for row in session.execute(statement)}
    kept_away = {detail["from"].get("path") for detail in stayed.values()}
    expected = {path: value for path, value in before.files.items() if path not in kept_away}
    found = look(inbox, rt.settings.sorted_dir)
    left = {path: found.pop(path)[0] for path in changed.values() if path in found}
    if left != {path: b"somebody's work on " + path.encode() for path in changed.values()}:
        raise SystemExit("A file that was changed since is not as it was left.")
    if found != expected:
        raise SystemExit(_difference(found, expected))
    now = {key: place for key, place in places(rt).items() if key not in stayed}
    if now != {key: place for key, place in before.places.items() if key not in stayed}:
        raise SystemExit("A picture is not where it was.")


def _difference(found: Look, expected: Look) -> str:
    both = found.keys() & expected.keys()
    return (
        f"{len(expected.keys() - both)} files are missing, {len(found.keys() - both)} too many, "
        f"{sum(found[path][0] != expected[path][0] for path in both)} have other bytes, "
        f"{sum(found[path][1] != expected[path][1] for path in both)} another time."
    )


def kinds(rt: Runtime) -> list[tuple[str, int]]:
    """Return how many actions of each kind were done."""
    statement = select(Action.kind, func.count()).where(Action.status == "done")
    with rt.database.read() as session:
        found: dict[str, int] = dict(session.execute(statement.group_by(Action.kind)).all())
    return sorted(found.items())


def main() -> None:
    """Do, undo, check, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=1000, help="how many actions, at least")
    parser.add_argument(
        "--changed",
        type=int,
        default=10,
        choices=range(undo_selection.SHOWN + 1),
        metavar="0…100",
        help="files changed before the undo",
    )
    parser.add_argument("--data", type=Path, help="where to make the data folder (its disk counts)")
    arguments = parser.parse_args()
    common.warn_if_busy()
    print(common.machine())
    with tempfile.TemporaryDirectory(prefix="colabel-undoing-", dir=arguments.data) as work:
        prepared = common.prepare(Path(work) / "data", backbone(), head().to_bytes())
        rt = rt_module.open_runtime(prepared.settings, with_redis=False)
        inbox = Path(work) / "in"
        inbox.mkdir()
        classifier_id, workspace_id = prepared.source.classifier_id, prepared.source.workspace_id
        add_rules(rt, classifier_id)
        fill(rt, prepared, inbox, arguments.count)
        before = Before(look(inbox), places(rt))
        drain(rt)
        said = ", ".join(f"{count} {kind}" for kind, count in kinds(rt))
        changed = change(rt, arguments.changed)
        started, used = time.perf_counter(), time.process_time()
        undo = undo_all(rt, classifier_id, workspace_id)
        seconds, used = time.perf_counter() - started, time.process_time() - used
        check(rt, inbox, before, changed, undo)
    print(f"done: {said}")
    print(
        f"{undo['undone']} undone and {undo['refused']} refused of {undo['total']} in "
        f"{seconds:.1f} s: {undo['total'] / seconds:.0f} a second, "
        f"{1000 * used / undo['total']:.1f} ms of one core each; every byte, name and time is back"
    )


if __name__ == "__main__":
    main()
