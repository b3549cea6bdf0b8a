"""The pictures of a training job: decoded in threads, each failure kept with its reason."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice

import numpy as np
import numpy.typing as npt

from models.errors import UnreadablePicture
from models.preprocess import Load, Picture

_CHUNK = 32
_AHEAD = 2 * _CHUNK


@dataclass(frozen=True)
class Sample:
    """One labelled picture: the SHA-256 of its bytes, its label, and how to get the bytes.

    `read` is called in threads; an OSError from it counts as an unreadable picture.
    """

    sha256: str
    label: str
    read: Callable[[], bytes]


class Album:
    """Samples by content hash, the first of each; remembers which could not be read, and why."""

    def __init__(self, samples: Sequence[Sample], *, threads: int, load: Load) -> None:
        self.samples: dict[str, Sample] = {}
        for sample in samples:
            self.samples.setdefault(sample.sha256, sample)
        self.unreadable: dict[str, str] = {}
        self._threads = threads
        self._load = load

    def __len__(self) -> int:
        return len(self.samples)

    def by_label(self, labels: Sequence[str]) -> dict[str, list[str]]:
        """Hashes of each label's pictures, without those known to be unreadable."""
        result: dict[str, list[str]] = {label: [] for label in labels}
        for sha, sample in self.samples.items():
            if sha not in self.unreadable and sample.label in result:
                result[sample.label].append(sha)
        return result

    def chunks(self, hashes: Sequence[str], size: int) -> Iterator[dict[str, Picture]]:
        """Readable pictures, squashed to `size`, some at a time; the next decode meanwhile."""
        coming: deque[tuple[str, Future[Picture | None]]] = deque()
        following = iter(hashes)
        with ThreadPoolExecutor(self._threads) as pool:
            while True:
                for sha in islice(following, _AHEAD - len(coming)):
                    coming.append((sha, pool.submit(self._read, sha, size)))
                if not coming:
                    return
                now = [coming.popleft() for _ in range(min(_CHUNK, len(coming)))]
                answers = {sha: future.result() for sha, future in now}
                yield {sha: picture for sha, picture in answers.items() if picture is not None}

    def sample(self, size: int, count: int = 8) -> npt.NDArray[np.uint8] | None:
        """A few pictures uint8 [n, size, size, 3] for comparing one road with another."""
        for chunk in self.chunks([*self.samples][: 4 * count], size):
            if chunk:
                return np.stack(list(chunk.values())[:count])
        return None

    def _read(self, sha: str, size: int) -> Picture | None:
        try:
            return self._load(self.samples[sha].read(), size)
        except UnreadablePicture as error:
            self.unreadable[sha] = error.detail
        except OSError as error:
            self.unreadable[sha] = f"The file could not be read: {error.strerror or error}."
        return None
