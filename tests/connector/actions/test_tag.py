"""Tagging: an object's tags are merged and taken off again, keywords cost no pixel."""

from __future__ import annotations

import io
import struct
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from pydantic import ValidationError
from turning import encoded, exif_block, noise, opened, pixels

from connector.actions import get_action, held, local, xmp
from connector.actions.jpeg import take_apart
from connector.actions.keywords import with_keywords
from connector.actions.tag import TagParams
from connector.errors import ActionFailed, Conflict

TAG = get_action("tag")
TAGS = TagParams(tags={"kind": "{label}", "who": "colabel"})
WORDS = TagParams(keywords=["{label}", "by colabel"])
PHOTO = encoded(noise((64, 32)), "JPEG", exif=b"Exif\0\0" + exif_block())
KEY = "in/x.jpg"
PACKETS = {
    "none": None,
    "plain": b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><r:RDF xmlns:r="' + xmp.RDF.encode() + b'">'
    b'<r:Description r:about="uuid:1" xmlns:t="t:" t:Orientation="6"/></r:RDF></x:xmpmeta>   ',
    "with keywords": b'<?xpacket begin="" id="W"?><rdf:RDF xmlns:rdf="' + xmp.RDF.encode() + b'">'
    b'<rdf:Description rdf:about=""><d:subject xmlns:d="' + xmp.DC.encode() + b'"><rdf:Bag>'
    b"<rdf:li>invoice</rdf:li><rdf:li>&lt;old&gt;</rdf:li></rdf:Bag></d:subject>"
    b'</rdf:Description></rdf:RDF><?xpacket end="w"?>',
}


def keywords(data: bytes) -> list[str]:
    """Read them with Pillow's own XMP reader."""
    with Image.open(io.BytesIO(data)) as image:
        image.load()
        packet = image.info["xmp"]
    return xmp.keywords_of(packet if isinstance(packet, bytes) else packet.encode())


def test_tags_are_merged_and_taken_off_again(cloud):
    location = cloud.put(KEY)
    outcome = TAG.execute(TAGS, location, cloud.desk.context())
    assert outcome.location is None
    expected = {"year": "2026", "who": "colabel", "kind": "invoice"}
    assert cloud.tags(KEY) == expected
    assert outcome.detail["before"] == {"kind": None, "who": "A B"}
    cloud.desk.stored = "{}"
    TAG.undo(TAGS, outcome.detail, location, cloud.desk.context())
    assert cloud.tags(KEY) == {"year": "2026", "who": "A B"}
    assert cloud.get(KEY)["ETag"] == location["etag"]


def test_an_object_without_any_has_none_again_after_the_undo(cloud):
    location = cloud.put(KEY, Tagging="")
    outcome = TAG.execute(TAGS, location, cloud.desk.context())
    cloud.desk.stored = "{}"
    TAG.undo(TAGS, outcome.detail, location, cloud.desk.context())
    assert cloud.tags(KEY) == {}


def test_just_the_version_that_was_classified_is_tagged(cloud):
    cloud.versioned()
    location = cloud.put(KEY)
    cloud.write(KEY, b"newer")
    with pytest.raises(ActionFailed, match="changed since it was classified"):
        TAG.execute(TAGS, location, cloud.desk.context())
    assert cloud.tags(KEY) == {"year": "2026", "who": "A B"}


def test_more_than_ten_tags_are_refused_and_nothing_is_tagged(cloud):
    many = "&".join(f"t{number}=x" for number in range(9))
    location = cloud.put(KEY, Tagging=many)
    with pytest.raises(ActionFailed, match="would have 11 tags") as caught:
        TAG.execute(TAGS, location, cloud.desk.context())
    assert caught.value.code == "too_many_tags"
    assert len(cloud.tags(KEY)) == 9


def test_values_become_what_a_tag_may_hold(cloud):
    cloud.desk.prediction["label"] = "a&b<é>" + "x" * 300
    TAG.execute(TAGS, cloud.put(KEY), cloud.desk.context())
    assert cloud.tags(KEY)["kind"] == ("a_b_é_" + "x" * 300)[:256]


def test_a_tag_or_an_object_that_somebody_changed_is_left(cloud):
    location = cloud.put(KEY)
    detail = TAG.execute(TAGS, location, cloud.desk.context()).detail
    cloud.desk.stored = "{}"
    mine = [{"Key": "kind", "Value": "theirs"}, {"Key": "who", "Value": "colabel"}]
    cloud.client.put_object_tagging(
        Bucket=cloud.name, Key=cloud.prefix + KEY, Tagging={"TagSet": mine}
    )
    with pytest.raises(Conflict, match="“kind” of s3://"):
        TAG.undo(TAGS, detail, location, cloud.desk.context())
    assert cloud.tags(KEY) == {"kind": "theirs", "who": "colabel"}
    cloud.write(KEY, b"edited")
    with pytest.raises(Conflict, match="has changed since"):
        TAG.undo(TAGS, detail, location, cloud.desk.context())
    cloud.delete(KEY)
    with pytest.raises(Conflict, match="not there any more"):
        TAG.undo(TAGS, detail, location, cloud.desk.context())


@pytest.mark.parametrize("phase", ["do", "undo"])
def test_a_crash_at_any_step_of_tagging_is_healed(every_crash, clouds, phase):
    def prepare(desk):
        desk.cloud = clouds(desk)
        location = desk.cloud.put(KEY)
        if phase == "do":
            return lambda: TAG.execute(TAGS, location, desk.context())
        detail = TAG.execute(TAGS, location, desk.context()).detail
        return lambda: TAG.undo(TAGS, detail, location, desk.context())

    def check(desk, outcome):
        added = {"who": "colabel", "kind": "invoice"} if phase == "do" else {"who": "A B"}
        assert desk.cloud.tags(KEY) == {"year": "2026", **added}
        if phase == "do":
            assert outcome.detail["before"] == {"kind": None, "who": "A B"}

    assert every_crash(prepare, check) >= 4


def test_tags_on_a_picture_in_no_bucket_are_a_sentence(desk):
    with pytest.raises(ActionFailed, match="use “keywords”") as caught:
        TAG.execute(TAGS, local(desk.file("in/x.jpg")), desk.context())
    assert caught.value.code == "not_in_a_bucket"


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_keywords_go_into_a_file_and_out_again_to_the_byte(desk, kind):
    data = PHOTO if kind == "JPEG" else encoded(noise((64, 32)), "PNG")
    path = desk.file("in/x.jpg", data)
    outcome = TAG.execute(WORDS, local(path), desk.context())
    written = path.read_bytes()
    assert keywords(written) == ["invoice", "by colabel"]
    assert pixels(opened(written)) == pixels(opened(data))
    desk.stored = "{}"
    again = TAG.execute(WORDS, outcome.location, desk.context("act_2"))
    assert (again.detail["how"], path.read_bytes()) == ("unchanged", written)
    desk.stored = "{}"
    TAG.undo(WORDS, outcome.detail, local(path), desk.context())
    assert desk.files() == {"in/x.jpg": data}
    assert path.stat().st_mtime_ns == 1_600_000_000_123_456_789


def test_keywords_go_into_held_pictures_and_objects_alike(cloud):
    sha256 = cloud.desk.blobs.put(PHOTO)
    outcome = TAG.execute(WORDS, held(sha256), cloud.desk.context())
    assert keywords(cloud.desk.blobs.read(outcome.location["sha256"]))[0] == "invoice"
    back = TAG.undo(WORDS, outcome.detail, held(sha256), cloud.desk.context())
    assert back.location == held(sha256)
    location = cloud.put(KEY, PHOTO)
    cloud.desk.stored = "{}"
    outcome = TAG.execute(WORDS, location, cloud.desk.context())
    assert keywords(cloud.get(KEY)["Body"]) == ["invoice", "by colabel"]
    cloud.desk.stored = "{}"
    TAG.undo(WORDS, outcome.detail, location, cloud.desk.context())
    assert cloud.objects() == {KEY: PHOTO}


@pytest.mark.parametrize("packet", PACKETS.values(), ids=PACKETS)
def test_a_packet_keeps_every_byte_that_was_there(packet):
    words = ["invoice", "a<b>&c", "日本 \u0001"]
    changed = xmp.with_keywords(packet, words)
    assert set(xmp.keywords_of(changed)) >= {"invoice", "a<b>&c", "日本 _"}
    assert xmp.keywords_of(changed).count("invoice") == 1
    if packet is not None:
        head = next(n for n in range(len(packet)) if packet[n] != changed[n])
        added = len(changed) - len(packet)
        assert packet == changed[:head] + changed[head + added :]
    assert xmp.with_keywords(changed, words) == changed


@pytest.mark.parametrize(
    "packet",
    [
        b"<a><b></a>",
        b"\xff\xfe<\0",
        b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>',
        b"<x/>",
        PACKETS["with keywords"].replace(b"rdf:Bag", b"rdf:Seq"),
    ],
)
def test_a_packet_with_no_place_for_keywords_is_refused(packet):
    with pytest.raises(xmp.BadXmp):
        xmp.with_keywords(packet, ["a"])


def test_all_else_in_a_jpeg_stays_and_a_full_one_is_refused():
    changed = take_apart(with_keywords(PHOTO, ["a"]))
    was = take_apart(PHOTO)
    assert changed.scans == was.scans
    rest = [piece for piece in changed.segments if not piece[1].startswith(b"http://ns.adobe")]
    assert rest == was.segments
    with pytest.raises(ActionFailed, match="left as it is"):
        with_keywords(PHOTO, ["x" * 70_000])


def test_a_packet_that_is_compressed_in_a_png_and_bytes_behind_it_stay():
    data = encoded(noise((8, 8)), "PNG")
    packed = b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(PACKETS["plain"])
    chunk = struct.pack(">I", len(packed)) + b"iTXt" + packed
    chunk += struct.pack(">I", zlib.crc32(b"iTXt" + packed))
    changed = with_keywords(data[:33] + chunk + data[33:] + b"more", ["a"])
    assert keywords(changed) == ["a"]
    assert changed.endswith(b"more")
    assert pixels(opened(changed)) == pixels(opened(data))


@pytest.mark.parametrize("kind", ["WEBP", "GIF", "TIFF", "BMP"])
def test_other_formats_are_refused_and_left(desk, kind):
    data = encoded(noise((8, 8)), kind)
    path = desk.file("in/x", data)
    with pytest.raises(ActionFailed, match="JPEG and PNG only") as caught:
        TAG.execute(WORDS, local(path), desk.context())
    assert caught.value.code == "cannot_carry_keywords"
    assert desk.files() == {"in/x": data}


@settings(deadline=None, max_examples=60)
@given(cut=st.integers(0, len(PHOTO)), junk=st.binary(max_size=40), png=st.booleans())
def test_damaged_files_are_refused_or_keep_their_bytes(cut, junk, png):
    whole = encoded(noise((8, 8)), "PNG") if png else PHOTO
    data = whole[:cut] + junk + whole[cut + len(junk) :]
    try:
        changed = with_keywords(data, ["a"])
    except ActionFailed:
        return
    assert changed == data or len(changed) > len(data)


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"tags": {"a": "b"}, "keywords": ["c"]},
        {"tags": {"aws:x": "b"}},
        {"tags": {"a&b": "b"}},
        {"tags": {"a": "{nothing}"}},
        {"keywords": ["{label.x}"]},
        {"keywords": [" "]},
        {"tags": {str(number): "x" for number in range(11)}},
    ],
)
def test_parameters_that_could_never_work_are_refused(params):
    with pytest.raises(ValidationError):
        TagParams(**params)
