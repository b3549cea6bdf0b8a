"""What the head of a JPEG says: its size, and where its pixel data begins."""

from __future__ import annotations

from dataclasses import dataclass

_SCAN = 0xDA
_TABLES = 0xDB
# Start of frame, of every coding process; the others in that range say something else.
_FRAMES = frozenset({*range(0xC0, 0xD0), 0xDE}) - {0xC4, 0xC8, 0xCC}
# Markers without a length: stuffing, fill, restarts, start of image.
_BARE = frozenset({0x00, 0xFF, *range(0xD0, 0xD9)})
_FIRST_MARKER = 0xC0
_LAYERS = (1, 3, 4)
_END = b"\xff\xd9"
_SCAN_MARKER = b"\xff\xda"
_PROGRESSIVE = frozenset({0xC2, 0xC6, 0xCA, 0xCE})
# Of segments and fill bytes before the picture: a colour profile takes the most, some dozens.
_MAX_STEPS = 20_000


@dataclass(frozen=True)
class JpegHeader:
    """Width and height in pixels as stored; `scan`: the offset at which pixel data begins.

    `many_scans`: the first scan does not hold everything, so that others follow.
    """

    width: int
    height: int
    scan: int
    many_scans: bool

    def scans(self, data: bytes) -> int:
        """Count the scans, those of pictures behind this one included."""
        return 1 + (data.count(_SCAN_MARKER, self.scan) if self.many_scans else 0)

    def is_whole(self, data: bytes) -> bool:
        """Say whether the picture ends behind its first scan: an end in a thumbnail is another."""
        return data.rfind(_END, self.scan) >= 0


def read_header(data: bytes) -> JpegHeader:
    """Walk the segments up to the first scan (ITU T.81, annex B). Raises ValueError if damaged.

    Refuses what decoders refuse at this point: no frame or an empty one, samples of other than 8
    bits, other than 1, 3 or 4 layers, a quantization table cut short. Pillow tells the same, in
    ten times the time, since it also unpacks every table.
    """
    frame, position = None, 2
    for _ in range(_MAX_STEPS):
        if position + 4 > len(data):
            break
        if data[position] != 0xFF:
            raise ValueError("no marker where a segment ended")
        marker = data[position + 1]
        if marker in _BARE:
            position += 1 if marker == 0xFF else 2
            continue
        if marker < _FIRST_MARKER:
            raise ValueError("a marker that means nothing")
        start = position + 4
        position += 2 + ((data[position + 2] << 8) | data[position + 3])
        if not start <= position <= len(data):
            raise ValueError("a segment that ends before it begins, or behind the file")
        if marker == _SCAN:
            if frame is None:
                raise ValueError("a scan before any frame")
            width, height, layers, progressive = frame
            partial = progressive or data[start : start + 1] < bytes([layers])
            return JpegHeader(width, height, position, partial)
        if marker in _FRAMES:
            frame = *_frame(data[start:position]), marker in _PROGRESSIVE
        elif marker == _TABLES:
            _check_tables(data[start:position])
    raise ValueError("cut short before the pixel data")


def _frame(segment: bytes) -> tuple[int, int, int]:
    if len(segment) < 6 or segment[0] != 8 or segment[5] not in _LAYERS:
        raise ValueError("a kind of frame that no decoder here reads")
    height, width = int.from_bytes(segment[1:3], "big"), int.from_bytes(segment[3:5], "big")
    if not width or not height:
        raise ValueError("a frame without pixels")
    return width, height, segment[5]


def _check_tables(segment: bytes) -> None:
    position = 0
    while position < len(segment):
        position += 129 if segment[position] >> 4 else 65
    if position != len(segment):
        raise ValueError("a quantization table is cut short")
