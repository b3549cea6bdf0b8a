"""Turn a JPEG without decoding it: in the DCT domain, or by its orientation tag."""

from __future__ import annotations

import io
import re
import struct
from dataclasses import dataclass

import turbojpeg
from PIL import Image, JpegImagePlugin

from connector.actions import exif
from connector.actions.orientation import Tag, swaps_sides, turned
from connector.actions.rotated import TRANSPOSE, Rotated, Unrotatable, too_large

_OPS = {
    Tag.FLIP_HORIZONTAL: turbojpeg.OP.HFLIP,
    Tag.ROTATE_180: turbojpeg.OP.ROT180,
    Tag.FLIP_VERTICAL: turbojpeg.OP.VFLIP,
    Tag.TRANSPOSE: turbojpeg.OP.TRANSPOSE,
    Tag.ROTATE_90: turbojpeg.OP.ROT90,
    Tag.TRANSVERSE: turbojpeg.OP.TRANSVERSE,
    Tag.ROTATE_270: turbojpeg.OP.ROT270,
}
_APP0, _APP1, _APP2, _APP14, _COM = 0xE0, 0xE1, 0xE2, 0xEE, 0xFE
_SOF = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_PROGRESSIVE, _ARITHMETIC = frozenset({0xC2, 0xCA}), frozenset({0xC9, 0xCA})
_EXIF = b"Exif\0\0"
_XMP = b"http://ns.adobe.com/xap/1.0/\0"
_MARKER_IN_SCAN = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
MAX_PAYLOAD = 65533
RECOMPRESSED_QUALITY = 97


@dataclass(frozen=True)
class Jpeg:
    """A JPEG taken apart: its segments up to the first scan, and everything from there."""

    segments: list[tuple[int, bytes]]
    scans: bytes

    def joined(self) -> bytes:
        """Return the file again. Raises BadExif when a segment has outgrown its length field."""
        out = [b"\xff\xd8"]
        for marker, payload in self.segments:
            if len(payload) > MAX_PAYLOAD:
                raise exif.BadExif("the block has no room for another tag")
            out += [struct.pack(">BBH", 0xFF, marker, len(payload) + 2), payload]
        return b"".join([*out, self.scans])

    def frame(self) -> tuple[int, tuple[int, int]]:
        """Return the kind of frame (its marker) and the size in pixels. Raises Unrotatable."""
        for marker, payload in self.segments:
            if marker in _SOF and len(payload) >= 6:
                height, width = struct.unpack_from(">HH", payload, 1)
                return marker, (width, height)
        raise _damaged()

    def orientation(self) -> int:
        """Return the orientation stated in EXIF, else in XMP, else 1."""
        for marker, payload in self.segments:
            if marker == _APP1 and payload.startswith(_EXIF):
                value = exif.read_orientation(payload[len(_EXIF) :])
                if value is not None:
                    return value
        for marker, payload in self.segments:
            if marker == _APP1 and payload.startswith(_XMP):
                value = exif.xmp_orientation(payload)
                if value is not None:
                    return value
        return 1

    def carries_more_pictures(self) -> bool:
        """Whether offsets to further pictures (CIPA DC-007, HDR gain maps) must stay valid."""
        return any(m == _APP2 and payload.startswith(b"MPF\0") for m, payload in self.segments)

    def trailer(self) -> bytes:
        """Return what follows the end of the picture, such as the film of a motion photo."""
        position = 0
        while found := _MARKER_IN_SCAN.search(self.scans, position):
            if self.scans[found.start() + 1] == 0xD9:
                return self.scans[found.end() :]
            if found.end() + 2 > len(self.scans):
                break
            position = found.end() + struct.unpack_from(">H", self.scans, found.end())[0]
        return b""


def take_apart(data: bytes) -> Jpeg:
    """Split a JPEG into its segments. Raises Unrotatable when it is not one."""
    segments: list[tuple[int, bytes]] = []
    position = 2
    while position + 4 <= len(data) and data[position] == 0xFF:
        marker = data[position + 1]
        if marker == 0xFF:
            position += 1
            continue
        if marker == 0xDA:
            return Jpeg(segments, data[position:])
        length = struct.unpack_from(">H", data, position + 2)[0]
        segments.append((marker, data[position + 4 : position + 2 + length]))
        position += 2 + length
    raise _damaged()


def _damaged() -> Unrotatable:
    return Unrotatable("This JPEG is damaged, so it was left as it is; replace the file.")


def rotate_jpeg(data: bytes, degrees: int, *, max_pixels: int) -> Rotated:
    """Turn clockwise as seen. The first of these that is possible: lossless, tag, recompressed."""
    jpeg = take_apart(data)
    _, (width, height) = jpeg.frame()
    if width * height > max_pixels:
        raise too_large(max_pixels)
    target = turned(jpeg.orientation(), degrees)
    reason = "its stored pixels lie that way already"
    if target != Tag.UPRIGHT:
        if jpeg.carries_more_pictures():
            reason = "it carries further pictures that refer to this one"
        else:
            try:
                return Rotated(_in_dct_domain(data, jpeg, target), "lossless_dct")
            except RuntimeError as error:
                reason = (
                    "its edge blocks cannot be turned without loss"
                    if "not perfect" in str(error)
                    else "its data cannot be turned block by block"
                )
    try:
        return Rotated(
            _by_tag(jpeg, target),
            "orientation_tag",
            f"Only the orientation tag was set, because {reason}; no pixel has changed.",
        )
    except exif.BadExif:
        return _recompressed(data, jpeg, target)


def _in_dct_domain(data: bytes, jpeg: Jpeg, target: Tag) -> bytes:
    frame, _ = jpeg.frame()
    turned_data = turbojpeg.transform(
        data,
        op=_OPS[target],
        perfect=True,
        progressive=frame in _PROGRESSIVE,
        arithmetic=frame in _ARITHMETIC,
    )
    result = take_apart(turned_data)
    _, size = result.frame()
    return _with_metadata(result, size, swaps_sides(target)).joined() + jpeg.trailer()


def _with_metadata(jpeg: Jpeg, size: tuple[int, int], sides_swapped: bool) -> Jpeg:
    """Correct what the metadata say about pixels that have been turned upright."""
    segments = []
    for marker, payload in jpeg.segments:
        if marker == _APP1 and payload.startswith(_EXIF):
            block = exif.after_turn(payload[len(_EXIF) :], size, sides_swapped=sides_swapped)
            payload = _EXIF + block
        elif marker == _APP1 and payload.startswith(_XMP):
            payload = exif.xmp_with(payload, 1, size)
        elif marker == _APP0 and payload.startswith(b"JFXX\0"):
            continue  # a thumbnail of the picture as it was
        elif marker == _APP0 and payload.startswith(b"JFIF\0") and len(payload) >= 14:
            across, down = payload[8:10], payload[10:12]
            density = down + across if sides_swapped else across + down
            payload = payload[:8] + density + b"\0\0"  # without its own thumbnail
        segments.append((marker, payload))
    return Jpeg(segments, jpeg.scans)


def _by_tag(jpeg: Jpeg, target: Tag) -> bytes:
    segments, stated = [], False
    for marker, payload in jpeg.segments:
        if marker == _APP1 and payload.startswith(_EXIF) and not stated:
            payload = _EXIF + exif.with_orientation(payload[len(_EXIF) :], target)
            stated = True
        elif marker == _APP1 and payload.startswith(_XMP):
            payload = exif.xmp_with(payload, target)
        segments.append((marker, payload))
    if not stated:
        # After the JFIF header, which has to be first, and before anything with offsets.
        place = 1 if segments and segments[0][0] == _APP0 else 0
        segments.insert(place, (_APP1, _EXIF + exif.minimal(target)))
    return Jpeg(segments, jpeg.scans).joined()


def _recompressed(data: bytes, jpeg: Jpeg, target: Tag) -> Rotated:
    out = io.BytesIO()
    try:
        with Image.open(io.BytesIO(data), formats=["JPEG"]) as image:
            sampling = JpegImagePlugin.get_sampling(image)
            upright = image if target == Tag.UPRIGHT else image.transpose(TRANSPOSE[target])
            upright.save(out, "JPEG", quality=RECOMPRESSED_QUALITY, subsampling=max(sampling, 0))
    except OSError as error:
        raise _damaged() from error
    fresh = take_apart(out.getvalue())
    kept = [
        (marker, payload)
        for marker, payload in jpeg.segments
        if (_APP1 <= marker <= 0xEF or marker == _COM) and marker != _APP14
    ]
    own = [piece for piece in fresh.segments if piece[0] in (_APP0, _APP14)]
    coding = [piece for piece in fresh.segments if piece[0] not in (_APP0, _APP14)]
    merged = Jpeg([*own, *kept, *coding], fresh.scans)
    whole = _with_metadata(merged, fresh.frame()[1], sides_swapped=False)
    return Rotated(
        whole.joined() + jpeg.trailer(),
        "recompressed",
        "The picture was compressed again at high quality, because neither its blocks nor its "
        "orientation tag could be turned.",
    )
