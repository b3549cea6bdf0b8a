"""What an action is: parameters that a person sets, an effect, and the way back."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from pydantic import BaseModel, ConfigDict

from connector.errors import ActionFailed, Conflict
from connector.storage.base import Blobs

if TYPE_CHECKING:
    from connector.settings import Settings

# {"kind": "held", "sha256": …}, {"kind": "local", "path": …[, "sha256": …]} or {"kind": "s3",
# "bucket": …, "key": …, "version": …, "etag": …, "source_id": …[, "sha256": …]}. With a hash, an
# action works only on the content that was classified; a local path without one stands for
# whatever lies there, an object without one for the picture that the prediction is about.
Location = dict[str, Any]


def held(sha256: str) -> Location:
    """Return the location of a picture that only our blob store holds."""
    return {"kind": "held", "sha256": sha256}


def local(path: Path | str, sha256: str | None = None) -> Location:
    """Return the location of a picture that lies in a folder."""
    location = {"kind": "local", "path": str(path)}
    return {**location, "sha256": sha256} if sha256 else location


class ActionParams(BaseModel):
    """Base of every action's parameters; an unknown one is an error, not a silent no-op."""

    model_config = ConfigDict(extra="forbid", frozen=True)


P = TypeVar("P", bound=ActionParams)


@dataclass(frozen=True)
class Sight:
    """A picture to look ahead with: what is known of it, and where it lies. Nothing is touched."""

    prediction: Mapping[str, Any]
    location: Location
    settings: Settings
    sorted_dir: Path


@dataclass(frozen=True)
class Foresight:
    """What an action would come to for one picture; `group`: what it has in common with others."""

    text: str
    group: str = ""


@dataclass(frozen=True)
class Window:
    """How often one receiver is told: `target` says who it is among a rule's receivers."""

    target: str
    seconds: float


@dataclass(frozen=True)
class Outcome:
    """What an action did.

    `location` is where the picture's working file is now, or None when it has not moved.
    `detail` (JSON) is shown to people and handed back to `undo`. With `gather`, the action is not
    done yet: it waits to be told with others, in one message at the window's end.
    """

    location: Location | None
    detail: dict[str, Any]
    gather: Window | None = None


@dataclass
class Context:
    """What an action may know and touch. `prediction` holds id, label, name, created_at, ….

    `record(journal)` commits the journal durably and raises LostLease when another worker has
    taken over; `emit(type, payload)` queues an event that is committed with the result.
    """

    action_id: str
    prediction: Mapping[str, Any]
    blobs: Blobs
    settings: Settings
    # Where relative folders begin; no other workspace's pictures come into it.
    sorted_dir: Path
    record: Callable[[dict[str, Any]], None]
    emit: Callable[[str, dict[str, Any]], None]
    journal: dict[str, Any] = field(default_factory=dict)
    # hand_on(classifier id, location): submit the picture to another classifier, once for this
    # action however often it is called; returns the new prediction's id.
    hand_on: Callable[[str, Location], str] | None = None
    # keep_bytes(data): keep what was made of the picture as long as the picture itself, and
    # return its hash.
    keep_bytes: Callable[[bytes], str] | None = None
    # may_tell(window): whether this action may send a message of its own now, which opens a
    # window; False while another one's is open. Asked again after a crash, it says the same.
    may_tell: Callable[[Window], bool] = lambda window: True

    def keep(self, data: bytes) -> str:
        """Keep bytes that were made of the picture; return their hash. Raises NoSpace."""
        return self.blobs.put(data) if self.keep_bytes is None else self.keep_bytes(data)

    def steps(self, phase: str) -> Journal:
        """Return the journal of one phase ("do" or "undo"), so that the two never mix."""
        return Journal(self, phase)

    def created_at(self) -> datetime:
        """Return when the picture arrived, as an aware UTC datetime."""
        value = self.prediction.get("created_at")
        if isinstance(value, str):
            value = datetime.fromisoformat(value)
        if not isinstance(value, datetime):
            raise ActionFailed("The prediction has no time of arrival; classify it again.")
        return value.astimezone(UTC)

    def public_prediction(self) -> dict[str, Any]:
        """Return the prediction as plain JSON values, times in ISO 8601."""
        plain = json.dumps(dict(self.prediction), default=_plain, ensure_ascii=False)
        result: dict[str, Any] = json.loads(plain)
        return result


def _plain(value: object) -> str:
    # As the API shows times.
    return value.isoformat(timespec="milliseconds") if isinstance(value, datetime) else str(value)


class Journal:
    """What earlier attempts of the same action noted, and the only way to note more."""

    def __init__(self, context: Context, phase: str) -> None:
        self._context = context
        self._phase = phase

    def get(self, key: str) -> Any:
        """Return what was noted under `key`, or None."""
        return self._context.journal.get(self._phase, {}).get(key)

    def note(self, **facts: Any) -> None:
        """Commit `facts` before going on; a later attempt will find them."""
        journal = dict(self._context.journal)
        journal[self._phase] = {**journal.get(self._phase, {}), **facts}
        self._context.record(journal)
        self._context.journal = journal


class Action(ABC, Generic[P]):
    """One kind of action. A module of this package that sets `ACTION` to one is all it takes.

    `execute` and `undo` may be run again after a crash at any point, with the journal of the
    earlier attempts: then they must finish the work without doing any of it twice.
    """

    kind: ClassVar[str]
    undoable: ClassVar[bool]
    # Whether an undo takes bytes that we hold, wherever the picture itself was.
    undo_takes_bytes: ClassVar[bool] = False
    Params: type[P]

    def check(self, params: P, settings: Settings) -> None:
        """Refuse parameters that could never work here, before they are saved.

        Raises BadRequest or another ColabelError whose sentence says what to change.
        """

    def resolve(self, params: P, find_classifier: Callable[[str], str]) -> P:
        """Replace names by ids before the parameters are saved; most have none to replace.

        `find_classifier` turns the id or name of a classifier into its id, or raises NotFound.
        """
        return params

    def follows_label(self, params: P) -> bool:
        """Say whether it does something else for a picture with another label."""
        return "{label" in params.model_dump_json()

    def shown(self, params: dict[str, Any]) -> dict[str, Any]:
        """Return the parameters as an action that was done shows them: nothing secret in them."""
        return params

    @abstractmethod
    def describe(self, params: P) -> str:
        """Return one sentence that tells a person what will happen."""

    def brief(self, params: P) -> str:
        """Return the same as short as a list of rules wants it."""
        return self.describe(params)

    def foresee(self, params: P, sight: Sight) -> Foresight | None:
        """Return what it would come to for this very picture; None adds nothing to `describe`.

        Raises what keeps it from being done to this picture, as far as that can be told.
        """
        return None

    @abstractmethod
    def execute(self, params: P, location: Location, ctx: Context) -> Outcome:
        """Carry it out. Raises ActionFailed (permanent or not) or lets LostLease pass."""

    def undo(
        self, params: P, outcome_detail: dict[str, Any], location: Location, ctx: Context
    ) -> Outcome:
        """Take it back; `location` is where the picture was before. Raises Conflict.

        A file that changed since is left alone: that is the Conflict.
        """
        raise Conflict(
            f"An action of the kind “{self.kind}” cannot be undone; what it sent is sent.",
            code="not_undoable",
        )
