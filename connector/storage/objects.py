"""What an object in somebody's bucket is to us, and what a store may refuse to promise."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from connector.errors import ActionFailed

# User metadata of all that we write, so that it never comes in again as a new picture.
MARK = "colabel-action"


@dataclass(frozen=True)
class Dress:
    """What an object carries besides its bytes: headers such as ContentType, metadata, tags."""

    headers: dict[str, str] = field(default_factory=dict)
    metadata: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Found:
    """One state of an object. `version` is None where the bucket keeps none.

    `sha256` (hex) is there where the store has it; `modified` is ISO 8601.
    """

    key: str
    etag: str
    version: str | None
    size: int
    modified: str
    sha256: str | None
    dress: Dress

    @property
    def action(self) -> str | None:
        """Return the id of the action that wrote it, or None for somebody else."""
        return self.dress.metadata.get(MARK)

    def is_same(self, identity: dict[str, Any]) -> bool:
        """Whether it is the very object of that `identity`, not only one of the same bytes."""
        return self.identity() == {name: identity.get(name) for name in self.identity()}

    def identity(self) -> dict[str, Any]:
        """Return what tells this object from any other that ever was under its key."""
        return {"etag": self.etag, "version": self.version, "modified": self.modified}


class Deleted(NamedTuple):
    """What became of an object; `marker` is the version of the delete marker over it, if any."""

    result: Literal["deleted", "gone", "changed"]
    marker: str | None = None


class Promises(NamedTuple):
    """Which conditions a store keeps: on creating, on replacing, on deleting."""

    create: bool
    replace: bool
    delete: bool


class Unconditional(ActionFailed):
    """A store that would overwrite or delete more than it was told to."""

    default_code = "store_not_conditional"
    title = "The store does not keep conditions"
