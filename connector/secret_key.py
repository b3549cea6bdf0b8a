"""The secret that signs links and cookies: COLABEL_SECRET_KEY, or one made for this data folder."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from connector.settings import Settings


def secret_key(settings: Settings) -> str:
    """Return the secret; the first call without COLABEL_SECRET_KEY makes DATA/secret.key (600).

    Processes that start together agree on one: the file appears whole, and only once.
    """
    if settings.secret_key:
        return settings.secret_key
    path = settings.data_dir / "secret.key"
    if not path.exists():
        _create(path, secrets.token_urlsafe(32))
    return path.read_text().strip()


def _create(path: Path, text: str) -> None:
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(text + "\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            path.hardlink_to(temporary)
        except FileExistsError:  # another process was first: its secret counts
            return
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    finally:
        temporary.unlink()
