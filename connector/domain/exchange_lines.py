"""What an import from another tool says of one picture, whichever tool and form it came in."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import parse_qs, unquote, urlsplit

from connector.pictures import sanitize_name

# Label Studio puts eight digits and a dash before the name of a file that was uploaded to it.
_UPLOADED = re.compile(r"[0-9a-f]{8}-(?=.)")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Line:
    """One picture: what the report calls it, its label (None: none yet), and where it may be found.

    `image` is an address or a path, `names` what the file may be called, `problem` and `note` each
    a code and a sentence: why it cannot be used, and what is worth knowing of it.
    """

    shown: str
    label: str | None = None
    image: str = ""
    names: tuple[str, ...] = ()
    sha256: str = ""
    by: str | None = None
    problem: tuple[str, str] | None = None
    note: tuple[str, str] | None = None

    @property
    def is_address(self) -> bool:
        """Whether the picture can be asked for over the network."""
        return self.image.lower().startswith(("http://", "https://"))

    @property
    def path(self) -> str:
        """The path that the address or file name holds, with /."""
        return path_of(self.image)


def path_of(image: str) -> str:
    """Return the path in an address, a path, or one of Label Studio's own for local files."""
    parts = urlsplit(image.replace("\\", "/")) if "://" in image or "?" in image else None
    if parts is None:
        return image.replace("\\", "/").lstrip("/")
    local = parse_qs(parts.query).get("d")
    if local and parts.path.rstrip("/").endswith("/local-files"):
        return local[0].lstrip("/")
    return unquote(parts.path).lstrip("/")


def names_of(image: str, *others: str) -> tuple[str, ...]:
    """Return what the picture's file may be called, the likeliest first."""
    named = [*others, PurePosixPath(path_of(image)).name if image else ""]
    found: dict[str, None] = {}
    for name in named:
        clean = sanitize_name(name)
        if clean:
            found.setdefault(clean)
            found.setdefault(_UPLOADED.sub("", clean, count=1))
    return tuple(found)


def clean_hash(value: object) -> str:
    """Return a SHA-256 in small letters, an empty text for anything else."""
    text = value.strip().lower() if isinstance(value, str) else ""
    return text if _SHA256.fullmatch(text) else ""


class Names:
    """Keeps what a report calls its lines apart."""

    def __init__(self) -> None:
        self._seen: dict[str, int] = {}

    def free(self, wanted: str) -> str:
        """Return it, with a number where there is one of that name already."""
        count = self._seen[wanted] = self._seen.get(wanted, 0) + 1
        return wanted if count == 1 else self.free(f"{wanted} ({count})")
