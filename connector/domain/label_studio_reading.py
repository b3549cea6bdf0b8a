"""Reading what Label Studio exports: JSON, which holds everything, and JSON-MIN."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any

from connector.domain.annotations import Vote, settle, votes_of
from connector.domain.exchange_lines import Line, Names, clean_hash, names_of
from connector.errors import Unprocessable

Task = Mapping[str, Any]

# Where tasks keep their picture, the likeliest first.
_IMAGES = ("image", "img", "picture", "photo", "image_url", "url", "file")
_SUFFIX = re.compile(r"\.(jpe?g|png|webp|gif|bmp|tiff?|heic|heif|avif)\b", re.I)
# What JSON-MIN says of a task beside its data and what was chosen, and what our own tasks say.
_OF_THE_TASK = frozenset(
    ["id", "annotator", "annotation_id", "created_at", "updated_at", "lead_time", "agreement"]
)
_OURS = frozenset(("name", "sha256", "source", "labelled_by"))
# Controls that are called so are the ones that hold the label.
_LIKELY = ("choice", "label", "choices", "class", "category")


def read(data: bytes, control: str = "") -> list[Line]:
    """Return the tasks of an export, in their order, each a picture.

    `control` names the choices that hold the label, where there are several (their `from_name`).
    Raises Unprocessable: bad_label_studio, which_control.
    """
    first = next(_tasks(data), None)
    if first is None or _is_full(first):
        return _full(_tasks(data), control)
    # Read twice rather than held whole: a project may have a hundred thousand tasks.
    return _minimal(_tasks(data), control or _control(_tasks(data)))


def _tasks(data: bytes) -> Iterator[Task]:
    """Yield the objects of an array, or one after the other; each is let go before the next."""
    try:
        text = data.decode("utf-8-sig")
        decoder, place = json.JSONDecoder(), _start(text, 0)
        while place < len(text):
            value, place = decoder.raw_decode(text, place)
            if not isinstance(value, dict):
                raise _no_export("it holds something else than tasks")
            yield value
            place = _start(text, place)
    except (ValueError, RecursionError) as error:
        raise _no_export(str(error)) from error


def _start(text: str, place: int) -> int:
    """Return where the next task begins: behind what stands between them."""
    while place < len(text) and text[place] in " \t\r\n,[]":
        place += 1
    return place


def _no_export(reason: str) -> Unprocessable:
    return Unprocessable(
        f"This is no export of Label Studio ({reason}); export the project as JSON or JSON-MIN.",
        code="bad_label_studio",
    )


def _is_full(task: Task) -> bool:
    return isinstance(task.get("data"), dict) or "annotations" in task or "completions" in task


def _full(tasks: Iterable[Task], control: str) -> list[Line]:
    names = Names()
    lines = []
    for number, task in enumerate(tasks, 1):
        data = task.get("data")
        said = data if isinstance(data, dict) else {}
        line = _line(task, said, number, names, str(task.get("file_upload") or ""))
        given = task.get("annotations", task.get("completions"))
        votes = votes_of(given if isinstance(given, list) else [], control)
        lines.append(_decided(line, votes))
    return lines


def _minimal(records: Iterable[Task], control: str) -> list[Line]:
    """JSON-MIN has a record for each annotation: those of one task belong together."""
    names, lines = Names(), dict[object, Line]()
    votes: dict[object, list[Vote]] = defaultdict(list)
    for number, record in enumerate(records, 1):
        key = record.get("id")
        if not isinstance(key, int | str):
            key = ("without", number)
        if key not in lines:
            data = {k: v for k, v in record.items() if k not in _OF_THE_TASK and k != control}
            lines[key] = _line(record, data, len(lines) + 1, names, "")
        if control in record:
            votes[key].append(Vote.minimal(record, control))
    return [_decided(line, votes[key]) for key, line in lines.items()]


def _control(records: Iterable[Task]) -> str:
    """Return the key under which the label stands. Raises Unprocessable (which_control)."""
    found: dict[str, None] = {}
    for record in records:
        picture = _image(record)[0]
        for key, value in record.items():
            if key not in _OF_THE_TASK | _OURS and key != picture and _may_be_choice(value):
                found.setdefault(key)
    likely = next((name for name in _LIKELY if name in found), None)
    if likely is not None:
        return likely
    if len(found) > 1:
        raise _which_control(found)
    return next(iter(found), "")


def _may_be_choice(value: object) -> bool:
    if isinstance(value, dict):
        return "choices" in value
    if isinstance(value, list):
        return bool(value) and all(_may_be_choice(one) for one in value)
    return isinstance(value, str) and "/" not in value and len(value) <= 100


def _which_control(names: Mapping[str, None]) -> Unprocessable:
    return Unprocessable(
        f"Labels could be told by {', '.join(sorted(names))}; say which of them to take.",
        code="which_control",
    )


def _line(task: Task, data: Task, number: int, names: Names, upload: str) -> Line:
    key, image = _image(data)
    identity = task.get("id")
    called = f"task {identity}" if isinstance(identity, int | str) else f"task no. {number}"
    own = data.get("name")
    others = [one for one in (own, PurePosixPath(upload).name) if isinstance(one, str) and one]
    found = names_of(image, *others)
    shown = names.free(f"{called}: {found[0]}" if found else called)
    line = Line(shown, image=image, names=found, sha256=clean_hash(data.get("sha256")))
    if key is None and not line.sha256 and not found:
        return replace(
            line,
            problem=("no_picture_named", "Nothing in it says which picture it is about."),
        )
    who = data.get("labelled_by")
    return replace(line, by=who if isinstance(who, str) and who else None)


def _image(data: Task) -> tuple[str | None, str]:
    """Return under which key the picture stands, and its address or path."""
    for key in _IMAGES:
        value = data.get(key)
        if isinstance(value, str) and value.strip():
            return key, value.strip()
    for key, value in data.items():
        if isinstance(value, str) and _SUFFIX.search(value):
            return key, value.strip()
    return None, ""


def _decided(line: Line, votes: Sequence[Vote]) -> Line:
    if line.problem is not None or not votes:
        return line
    settled = settle(votes)
    return replace(
        line,
        label=settled.label,
        by=settled.by or line.by,
        problem=settled.problem,
        note=settled.note,
    )
