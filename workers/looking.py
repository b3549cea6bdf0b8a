"""Looking at kept pictures: decoded in threads, embedded in one run, what was known looked up."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache

import numpy as np

from connector.errors import Damaged, NotFound
from models.duplicates import thumbnail
from models.embed import usable_cores
from models.errors import UnreadablePicture
from models.preprocess import Picture
from workers import vectors
from workers.decoding import load
from workers.runtime import Runtime
from workers.sessions import Sessions
from workers.vectors import Thumbnail, Vector


@dataclass
class Looked:
    """What is known of pictures now, by their content hash.

    `errors` gives (code, sentence) for those that cannot be read; `fresh` and `fresh_thumbnails`
    name what was not kept before.
    """

    vectors: dict[str, Vector]
    thumbnails: dict[str, Thumbnail]
    errors: dict[str, tuple[str, str]] = field(default_factory=dict)
    fresh: list[str] = field(default_factory=list)
    fresh_thumbnails: list[str] = field(default_factory=list)

    def rows(self, backbone: str) -> list[dict[str, object]]:
        """The rows that keep what is fresh."""
        made = [vectors.row(sha, backbone, self.vectors[sha]) for sha in self.fresh]
        return made + [
            vectors.thumbnail_row(sha, self.thumbnails[sha]) for sha in self.fresh_thumbnails
        ]


def look(rt: Runtime, sessions: Sessions, backbone: str, hashes: Sequence[str]) -> Looked:
    """Return vectors and thumbnails of pictures; those that are not kept are made now."""
    wanted = list(dict.fromkeys(hashes))
    seen = Looked(vectors.known(rt, backbone, wanted), vectors.thumbnails(rt, wanted))
    missing = [sha for sha in wanted if sha not in seen.vectors]
    if not missing:
        return seen
    try:
        embedder = sessions.embedder(backbone)
    except (NotFound, Damaged) as error:
        seen.errors = dict.fromkeys(missing, (error.code, error.detail))
        return seen
    pool = _pool(rt.settings.threads or usable_cores())
    loaded = dict(
        zip(missing, pool.map(lambda sha: _load(rt, sha, embedder.size), missing), strict=True)
    )
    seen.errors = {sha: one for sha, one in loaded.items() if isinstance(one, tuple)}
    good = {sha: one for sha, one in loaded.items() if not isinstance(one, tuple)}
    if good:
        seen.vectors.update(zip(good, embedder.embed(np.stack(list(good.values()))), strict=True))
    seen.fresh = list(good)
    seen.fresh_thumbnails = [sha for sha in good if sha not in seen.thumbnails]
    seen.thumbnails |= {sha: thumbnail(good[sha]) for sha in seen.fresh_thumbnails}
    return seen


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, thread_name_prefix="decode")


def _load(rt: Runtime, sha256: str, size: int) -> Picture | tuple[str, str]:
    try:
        return load(rt.blobs.read(sha256), size, rt.settings)
    except UnreadablePicture as error:
        return error.code, str(error)
    except (NotFound, Damaged) as error:
        return error.code, error.detail
