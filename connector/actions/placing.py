"""Placing, taking away and exchanging files so that a crash anywhere loses and doubles nothing.

The scheme: write a private `.colabel-<action>.part` beside the destination, sync and verify it,
journal the intended name, link it there (which never overwrites), journal that it is placed, and
only then take the source away. Each step looks at the disk and the journal before it acts.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Literal

from connector.actions.base import Journal
from connector.actions.files import (
    CHUNK,
    Source,
    append_rest,
    copy_attributes,
    explained,
    free_names,
    inspect,
    matches,
    open_regular,
    private_path,
    sync_folder,
    write_new,
    write_part,
)

_NO_LINKS = frozenset(
    {errno.EPERM, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK, errno.EXDEV}
)


def resume(source: Source, *, action_id: str, journal: Journal) -> Path | None:
    """Return where an earlier attempt has put `source`, completing what it began; else None.

    `source` is as it was for that attempt, whatever the original has become since.
    """
    intent = journal.get("intent")
    if intent is None:
        return None
    path = Path(intent)
    if not journal.get("placed"):
        part = private_path(path.parent, action_id, "part")
        with explained(f"Writing into {path.parent}"):
            if not _finish(path, part, source, journal):
                return None
        journal.note(placed=True)
    return path


def place(
    source: Source, folder: Path, name: str, *, action_id: str, journal: Journal, exact: bool
) -> Path | None:
    """Put `source` into `folder` and return its path, durable, having overwritten nothing.

    A taken name becomes "name (2)"; with `exact` the answer is None instead. Call `resume`
    first, and `clear` when all is done. Raises ActionFailed.
    """
    part = private_path(folder, action_id, "part")
    with explained(f"Writing into {folder}"):
        write_part(source, part)
        path = _link_free(part, folder, name, source=source, journal=journal, exact=exact)
        if path is None:
            part.unlink(missing_ok=True)
            return None
        sync_folder(folder)
    journal.note(placed=True)
    return path


def clear(folder: Path, action_id: str) -> None:
    """Remove the private file that `place` keeps for the case of a crash."""
    with explained(f"Tidying {folder}"):
        private_path(folder, action_id, "part").unlink(missing_ok=True)


def _finish(path: Path, part: Path, source: Source, journal: Journal) -> bool:
    """Whether an earlier attempt got as far as the file at `path`; complete it if half-written."""
    if not path.is_file() or path.is_symlink():
        return False
    if journal.get("without_links"):
        # The name was free when we noted it: a beginning of our bytes there is our own write.
        if not _is_beginning(path, source):
            return False
        append_rest(path, source)
        copy_attributes(source, path)
    elif part.exists():
        if not part.samefile(path):
            return False
    elif inspect(path).sha256 != source.sha256:
        return False
    sync_folder(path.parent)
    return True


def _is_beginning(path: Path, source: Source) -> bool:
    with open_regular(path) as ours, source.open() as whole:
        while chunk := ours.read(CHUNK):
            if whole.read(len(chunk)) != chunk:
                return False
    return True


def _link_free(
    part: Path, folder: Path, name: str, *, source: Source, journal: Journal, exact: bool
) -> Path | None:
    for candidate in free_names(name, lambda name: os.path.lexists(folder / name)):
        if exact and candidate != name:
            return None
        path = folder / candidate
        # `writes`: who watches the folder is to know that this file is ours (domain/written.py).
        writes = [str(path), source.sha256]
        journal.note(intent=str(path), without_links=False, writes=writes)
        try:
            os.link(part, path)
        except FileExistsError:
            continue
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            journal.note(without_links=True)
            try:
                write_new(source, path)
            except FileExistsError:
                continue
            copy_attributes(source, path)
        return path
    return None


def take_away(
    path: Path, *, sha256: str, mtime_ns: int | None = None, action_id: str
) -> Literal["deleted", "gone", "changed"]:
    """Delete the file at `path` if it still has this content (and time, where one is given).

    It is renamed to a private name first: what is then checked and deleted cannot be exchanged
    by anybody. When it is not as expected it gets its name back.
    """
    aside = private_path(path.parent, action_id, "old")
    with explained(f"Deleting {path}"):
        if not os.path.lexists(aside):
            # Looked at in place first: a file that is to stay should not even vanish for a moment.
            if not os.path.lexists(path):
                return "gone"
            if not matches(path, sha256) or mtime_ns not in (None, path.stat().st_mtime_ns):
                return "changed"
            path.rename(aside)
        if matches(aside, sha256):
            aside.unlink()
            sync_folder(path.parent)
            return "deleted"
        _give_back(aside, path)
        return "changed"


def _give_back(aside: Path, path: Path) -> None:
    if path.exists() and path.samefile(aside):
        aside.unlink()
        return
    for name in free_names(path.name, lambda name: os.path.lexists(path.with_name(name))):
        try:
            os.link(aside, path.with_name(name))
        except FileExistsError:
            continue
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            aside.rename(path.with_name(name))
            return
        aside.unlink()
        return


def exchange_content(
    path: Path, source: Source, *, before: str, action_id: str, journal: Journal
) -> bool:
    """Replace the content of `path`, which must hash to `before`, by `source`, in one step.

    Returns False, having changed nothing, when the file is not as expected any more.
    Run again it sees from the hash whether the exchange has happened.
    """
    part = private_path(path.parent, action_id, "part")
    with explained(f"Rewriting {path}"):
        if journal.get("after") is not None and matches(path, journal.get("after")):
            part.unlink(missing_ok=True)
            return True
        write_part(source, part)
        writes = [str(path.parent.resolve() / path.name), source.sha256]
        journal.note(before=before, after=source.sha256, writes=writes)
        if not matches(path, before):
            part.unlink()
            return False
        part.replace(path)
        sync_folder(path.parent)
    return True
