"""Write keywords into a picture's file, as XMP, without touching a pixel."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

from connector.actions import png, xmp
from connector.actions.exif import BadExif
from connector.actions.jpeg import Jpeg, take_apart
from connector.actions.rotated import Unrotatable
from connector.errors import ActionFailed

MAX_PACKET = 4_000_000
_APP0, _APP1, _APP2 = 0xE0, 0xE1, 0xE2
_JPEG_XMP, _EXIF, _MPF = b"http://ns.adobe.com/xap/1.0/\0", b"Exif\0\0", b"MPF\0"
_PNG_XMP = b"XML:com.adobe.xmp\0"


class Unmarkable(ActionFailed):
    """A picture that cannot carry a keyword without being written anew."""

    default_code = "cannot_carry_keywords"
    title = "This picture cannot carry keywords"


def with_keywords(data: bytes, keywords: Sequence[str]) -> bytes:
    """Return the file with these keywords too; the same bytes when it has them all.

    Raises Unmarkable for anything but JPEG and PNG, and for files with no place for them.
    """
    try:
        if data.startswith(b"\xff\xd8\xff"):
            return _jpeg(data, keywords)
        if data.startswith(png.SIGNATURE):
            return _png(data, keywords)
    except (xmp.BadXmp, BadExif) as error:
        raise Unmarkable(
            f"The picture's metadata could not be added to ({error}), so it was left as it is; "
            "save it anew, or sort it with “move”."
        ) from error
    except Unrotatable as error:
        raise Unmarkable(
            "The picture is damaged, so it was left as it is; replace the file."
        ) from error
    raise Unmarkable(
        "Keywords can be written into JPEG and PNG only, so this picture was left as it is; save "
        "it as one of them, or sort it with “move”."
    )


def _jpeg(data: bytes, keywords: Sequence[str]) -> bytes:
    jpeg = take_apart(data)
    segments = list(jpeg.segments)
    place = _jpeg_packet(segments)
    packet = None if place is None else segments[place][1].removeprefix(_JPEG_XMP)
    changed = xmp.with_keywords(packet, keywords)
    if changed == packet:
        return data
    segment = (_APP1, _JPEG_XMP + changed)
    if place is not None:
        segments[place] = segment
    else:
        segments.insert(_after_header(segments), segment)
    return Jpeg(segments, jpeg.scans).joined()


def _jpeg_packet(segments: list[tuple[int, bytes]]) -> int | None:
    """Return where the packet stands. Raises BadXmp where it may not grow."""
    further = False
    for number, (marker, payload) in enumerate(segments):
        # The places of further pictures are counted from here (CIPA DC-007, 5.2.3.3.3).
        further = further or (marker == _APP2 and payload.startswith(_MPF))
        if marker == _APP1 and payload.startswith(_JPEG_XMP):
            if further:
                raise xmp.BadXmp("it stands between this picture and further ones")
            return number
    return None


def _after_header(segments: list[tuple[int, bytes]]) -> int:
    """JFIF's header and EXIF have to stay first."""
    number = 0
    while number < len(segments):
        marker, payload = segments[number]
        if marker != _APP0 and not (marker == _APP1 and payload.startswith(_EXIF)):
            break
        number += 1
    return number


def _png(data: bytes, keywords: Sequence[str]) -> bytes:
    chunks = png.chunks(data)
    # What follows the end of the picture stays, too.
    rest = data[len(png.joined(chunks)) :]
    for number, (kind, payload) in enumerate(chunks):
        if kind == b"iTXt" and payload.startswith(_PNG_XMP):
            packet = _unpacked(payload)
            changed = xmp.with_keywords(packet, keywords)
            if changed == packet:
                return data
            chunks[number] = (kind, _PNG_XMP + bytes(4) + changed)
            break
    else:
        packed = _PNG_XMP + bytes(4) + xmp.with_keywords(None, keywords)
        chunks.insert(1, (b"iTXt", packed))
    return png.joined(chunks) + rest


def _unpacked(payload: bytes) -> bytes:
    """Return the text of an iTXt chunk (PNG specification, third edition, 11.3.3.4)."""
    fields = payload[len(_PNG_XMP) :]
    parts = fields[2:].split(b"\0", 2)
    if len(parts) != 3:
        raise xmp.BadXmp("the packet is damaged")
    if fields[:1] != b"\1":
        return parts[2]
    unpacker = zlib.decompressobj()
    try:
        whole = unpacker.decompress(parts[2], MAX_PACKET)
    except zlib.error as error:
        raise xmp.BadXmp("the packet is damaged") from error
    if not unpacker.eof:
        raise xmp.BadXmp("the packet is damaged or too large")
    return whole
