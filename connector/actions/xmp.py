"""Add keywords to an XMP packet (dc:subject), leaving every other byte in place.

The packet is parsed to find where to write, and not written anew: a library would drop what it
does not know, and editors find their own formatting again.
Source: Adobe XMP Specification Part 1, 7.4 to 7.9.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from xml.parsers import expat
from xml.sax.saxutils import escape, quoteattr

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
DC = "http://purl.org/dc/elements/1.1/"
_BAG = (f"{RDF} RDF", f"{RDF} Description", f"{DC} subject", f"{RDF} Bag")
_LEFT_OUT = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_FRAME = (
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="%s"></rdf:RDF></x:xmpmeta>'
    '<?xpacket end="w"?>'
)


class BadXmp(ValueError):
    """The packet is damaged, or written in a way that leaves no place for another keyword."""


class _Places:
    """What a packet says of keywords, and the positions of the end tags to write before."""

    def __init__(self, packet: bytes) -> None:
        self.packet = packet
        self.keywords: list[str] = []
        self.about = ""
        self.bag_end: int | None = None
        self.rdf_end: int | None = None
        self.has_subject = False
        self._open: list[str] = []
        self._parse()

    def _parse(self) -> None:
        parser = expat.ParserCreate("utf-8", namespace_separator=" ")
        parser.buffer_text = True
        parser.StartDoctypeDeclHandler = self._refuse
        parser.StartElementHandler = self._start
        parser.CharacterDataHandler = self._text
        self._parser = parser
        parser.EndElementHandler = self._end
        try:
            self.packet.decode("utf-8")
            parser.Parse(self.packet, True)
        except (expat.ExpatError, UnicodeDecodeError) as error:
            raise BadXmp("the packet is damaged") from error

    def _refuse(self, *_: object) -> None:
        raise BadXmp("the packet declares a document type")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._open.append(name)
        if tuple(self._open[-2:]) == _BAG[:2] and not self.about:
            self.about = attributes.get(f"{RDF} about", "")
        if tuple(self._open[-3:]) == _BAG[:3]:
            self.has_subject = True
        if self._in_item():
            self.keywords.append("")

    def _text(self, text: str) -> None:
        if self._in_item():
            self.keywords[-1] += text

    def _in_item(self) -> bool:
        return tuple(self._open[-5:]) == (*_BAG, f"{RDF} li")

    def _end(self, name: str) -> None:
        here = self._parser.CurrentByteIndex
        # Of an element without an end tag ("<rdf:Bag/>") nothing can be written before it.
        if self.packet[here : here + 2] == b"</":
            if tuple(self._open[-4:]) == _BAG and self.bag_end is None:
                self.bag_end = here
            if name == _BAG[0]:
                self.rdf_end = here
        self._open.pop()


def keywords_of(packet: bytes) -> list[str]:
    """Return the keywords of a packet. Raises BadXmp."""
    return _Places(packet).keywords


def with_keywords(packet: bytes | None, keywords: Sequence[str]) -> bytes:
    """Return the packet with these keywords too, or a new one; the same bytes when they are there.

    Raises BadXmp.
    """
    if packet is None:
        packet = (_FRAME % RDF).encode()
    places = _Places(packet)
    clean = [_LEFT_OUT.sub("_", one) for one in keywords]
    new = [one for one in dict.fromkeys(clean) if one not in places.keywords]
    if not new:
        return packet
    # With declarations of their own: a packet may use other prefixes than the usual ones.
    items = "".join(f'<rdf:li xmlns:rdf="{RDF}">{escape(one)}</rdf:li>' for one in new)
    position = places.bag_end
    if position is None:
        position = places.rdf_end
        if places.has_subject or position is None:
            raise BadXmp("it has no place for another keyword")
        items = (
            f'<rdf:Description xmlns:rdf="{RDF}" rdf:about={quoteattr(places.about)}>'
            f'<dc:subject xmlns:dc="{DC}"><rdf:Bag>{items}</rdf:Bag></dc:subject>'
            "</rdf:Description>"
        )
    return packet[:position] + items.encode() + packet[position:]
