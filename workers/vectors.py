"""Embeddings and thumbnails of kept pictures: from the table where they are known, else made now.

A thumbnail stands in the table of embeddings under a name of its own: it, too, is a short vector
that tells pictures apart, and is made and asked for together with them. Behind its pixels stands
the key by which the web process finds near-identical pictures (see `connector.domain.looks`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice

import numpy as np
import numpy.typing as npt
from sqlalchemy import select

from connector.db.insert import insert_all_missing
from connector.db.tables import Embedding
from connector.domain.looks import THUMBNAILS
from connector.errors import Damaged, NotFound
from models.duplicates import THUMBNAIL
from models.errors import UnreadablePicture
from models.look import look
from workers.decoding import load_many
from workers.runtime import Runtime
from workers.sessions import Sessions

Vector = npt.NDArray[np.float32]
# Grey, uint8 [32, 32].
Thumbnail = npt.NDArray[np.uint8]

# Below the number of parameters that one statement may have on either database.
_AT_ONCE = 500
_CHUNK = 32
# Pictures read at the same time: a bucket on another machine takes its time for each.
_READERS = 8


def known(rt: Runtime, backbone: str, hashes: Iterable[str]) -> dict[str, Vector]:
    """Return the vectors that are kept already, by the picture's hash."""
    return {sha: np.frombuffer(raw, "<f4") for sha, raw in _kept(rt, backbone, hashes)}


def thumbnails(rt: Runtime, hashes: Iterable[str]) -> dict[str, Thumbnail]:
    """Return the thumbnails that are kept, by the picture's hash."""
    shape = (THUMBNAIL, THUMBNAIL)
    return {
        sha: np.frombuffer(raw, np.uint8, THUMBNAIL**2).reshape(shape)
        for sha, raw in _kept(rt, THUMBNAILS, hashes)
    }


def _kept(rt: Runtime, backbone: str, hashes: Iterable[str]) -> Iterator[tuple[str, bytes]]:
    rest = iter(hashes)
    while part := list(islice(rest, _AT_ONCE)):
        statement = select(Embedding.sha256, Embedding.vector).where(
            Embedding.backbone == backbone, Embedding.sha256.in_(part)
        )
        with rt.database.read() as session:
            yield from session.execute(statement).all()


def row(sha256: str, backbone: str, vector: Vector) -> dict[str, object]:
    """Return the row that keeps a vector."""
    return {"sha256": sha256, "backbone": backbone, "vector": vector.astype("<f4").tobytes()}


def thumbnail_row(sha256: str, made: Thumbnail) -> dict[str, object]:
    """Return the row that keeps a thumbnail and the key of its look."""
    return {"sha256": sha256, "backbone": THUMBNAILS, "vector": made.tobytes() + look(made)}


def keep(rt: Runtime, backbone: str, vectors: Mapping[str, Vector]) -> None:
    """Keep vectors for later, in small transactions."""
    keep_rows(rt, (row(sha, backbone, vector) for sha, vector in vectors.items()))


def keep_rows(rt: Runtime, rows: Iterable[dict[str, object]]) -> None:
    """Keep what `row` and `thumbnail_row` made, in small transactions."""
    rest = iter(rows)
    while part := list(islice(rest, _AT_ONCE)):
        with rt.database.write() as session:
            insert_all_missing(session, Embedding, part, ["sha256", "backbone"])


def read(rt: Runtime, sha256: str) -> bytes:
    """Return a kept picture's bytes. Raises UnreadablePicture when they are gone or damaged."""
    try:
        return rt.blobs.read(sha256)
    except (NotFound, Damaged) as error:
        raise UnreadablePicture(error.detail, code=error.code) from error


def embed(
    rt: Runtime, sessions: Sessions, backbone: str, hashes: Sequence[str]
) -> dict[str, Vector]:
    """Return the vectors of all readable pictures; those that were not kept are made.

    Raises NotFound when the backbone's bytes are gone.
    """
    vectors = known(rt, backbone, hashes)
    missing = [sha for sha in hashes if sha not in vectors]
    embedder = sessions.embedder(backbone) if missing else None
    while missing and embedder is not None:
        part, missing = missing[:_CHUNK], missing[_CHUNK:]
        datas = _read_many(rt, part)
        loaded = load_many(list(datas.values()), embedder.size, rt.settings)
        good = [
            (sha, one)
            for sha, one in zip(datas, loaded, strict=True)
            if not isinstance(one, UnreadablePicture)
        ]
        if good:
            made = embedder.embed(np.stack([one for _, one in good]))
            vectors.update(zip([sha for sha, _ in good], made, strict=True))
    return vectors


def _read_many(rt: Runtime, hashes: Sequence[str]) -> dict[str, bytes]:
    """Return the bytes of those pictures that can be read."""
    with ThreadPoolExecutor(_READERS, "read") as pool:
        datas = pool.map(partial(_read_if_kept, rt), hashes)
        return {sha: data for sha, data in zip(hashes, datas, strict=True) if data is not None}


def _read_if_kept(rt: Runtime, sha256: str) -> bytes | None:
    try:
        return rt.blobs.read(sha256)
    except (NotFound, Damaged):
        return None
