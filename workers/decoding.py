"""Pictures -> arrays for the workers: `models.preprocess.load`, in limited processes."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from connector import decoding
from connector.settings import Settings
from models.errors import UnreadablePicture
from models.preprocess import Picture

_TASKS = "workers.decoding_tasks"
decoding.prepare(_TASKS)


def load(data: bytes, size: int, settings: Settings) -> Picture:
    """Return uint8 [size, size, 3], RGB. Raises UnreadablePicture, and Unavailable.

    A picture that takes too much time or memory to decode, or ends its decoder, is unreadable.
    """
    facts = {"size": size, "max_pixels": settings.max_pixels}
    try:
        answer = decoding.run(settings, f"{_TASKS}:load", data, facts, max_answer=size * size * 3)
    except decoding.Undecodable as error:
        raise UnreadablePicture(error.detail, code=error.code) from error
    return np.frombuffer(answer.data, np.uint8).reshape(size, size, 3)


def load_many(
    datas: Sequence[bytes], size: int, settings: Settings
) -> list[Picture | UnreadablePicture]:
    """`load` for many, side by side. A picture that cannot be read gives its error in its place."""

    def one(data: bytes) -> Picture | UnreadablePicture:
        try:
            return load(data, size, settings)
        except UnreadablePicture as error:
            return error

    with ThreadPoolExecutor(decoding.pool(settings).size, "decode") as threads:
        return list(threads.map(one, datas))
