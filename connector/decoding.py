"""Pictures are decoded here: in limited processes, wherever in the service that is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from connector.cores import usable_cores
from connector.errors import Unprocessable
from connector.sandbox import Answer, Broke, Limits, Pool, Refused, TooExpensive
from connector.sandbox.wire import Facts
from connector.settings import Settings

# What decoding takes at most: the pixels as the file has them, the same in RGB (four bytes each in
# Pillow), and the file. WebP, HEIC and AVIF need about twice that for each pixel.
_BYTES_A_PIXEL, _BYTES_BESIDE = 8.6, 80_000_000
# Some formats ask for tables of fixed sizes, however small the picture is.
_LEAST_PIXELS = 10_000_000
_TASKS = "connector.decoding_tasks"
# Imported by every limited process before its limits are set.
_modules = [_TASKS]


class Undecodable(Unprocessable):
    """Bytes that cannot be decoded at all, or not within the limits; `kind`: which error it was."""

    default_code = "truncated_picture"
    kind = ""


@dataclass(frozen=True)
class Header:
    """Width and height in pixels, and whether the file goes on to its end."""

    width: int
    height: int
    whole: bool


def run(settings: Settings, task: str, data: bytes, facts: Facts, *, max_answer: int) -> Answer:
    """Have a task done in a limited process.

    Raises Undecodable (the task's own errors with their code; picture_too_expensive;
    truncated_picture when it broke), and Unavailable (decoder_unavailable).
    """
    try:
        return pool(settings).run(task, data, facts, max_answer=max_answer)
    except Refused as error:
        refused = Undecodable(error.detail, code=error.code)
        refused.kind = error.kind
        raise refused from error
    except TooExpensive as error:
        raise too_expensive(settings) from error
    except Broke as error:
        raise Undecodable(
            "The picture is damaged in a way that its decoder cannot cope with; save it anew and "
            "send that."
        ) from error


def too_expensive(settings: Settings) -> Undecodable:
    """Return the error for a picture that takes too much time or memory."""
    return Undecodable(
        f"Decoding this picture takes more than the {settings.decode_seconds:g} s of computing "
        f"time or the {_memory(settings) / 1e6:,.0f} MB of memory that a picture may take; save it "
        "anew as an ordinary JPEG or PNG, or smaller, and send that.",
        code="picture_too_expensive",
    )


def header(data: bytes, settings: Settings, kind: str) -> Header:
    """Read the size of a picture of Pillow's format `kind`. Raises Undecodable."""
    answer = run(settings, f"{_TASKS}:header", data, {"kind": kind}, max_answer=0)
    return Header(
        int(answer.facts["width"]), int(answer.facts["height"]), bool(answer.facts["whole"])
    )


def verify(data: bytes, settings: Settings, kind: str) -> None:
    """Decode every pixel of a picture of Pillow's format `kind`. Raises Undecodable."""
    run(settings, f"{_TASKS}:verify", data, {"kind": kind}, max_answer=0)


def thumbnail(data: bytes, settings: Settings, pixels: int) -> bytes:
    """Return a JPEG of at most `pixels` a side, upright. Raises Undecodable."""
    facts = {"pixels": pixels, "max_pixels": settings.max_pixels}
    most = 4 * pixels * pixels + 100_000
    return run(settings, f"{_TASKS}:thumbnail", data, facts, max_answer=most).data


def rotate(data: bytes, settings: Settings, degrees: int) -> Answer:
    """Turn a picture file; the facts are {how, note}. Raises Undecodable, its `kind` as theirs."""
    facts = {"degrees": degrees, "max_pixels": settings.max_pixels}
    most = 8 * settings.max_pixels + 2 * len(data) + 1_000_000
    return run(settings, f"{_TASKS}:rotate", data, facts, max_answer=most)


def prepare(module: str) -> None:
    """Have processes that start from now on import `module`, whose tasks will be asked for."""
    if module not in _modules:
        _modules.append(module)


def pool(settings: Settings) -> Pool:
    """Return this process's pool, as the settings limit it."""
    size = settings.threads or usable_cores()
    return _pool(Limits(settings.decode_seconds, _memory(settings)), size)


def _memory(settings: Settings) -> int:
    return _BYTES_BESIDE + int(_BYTES_A_PIXEL * max(settings.max_pixels, _LEAST_PIXELS))


@cache
def _pool(limits: Limits, size: int) -> Pool:
    return Pool(limits, size, _modules)
