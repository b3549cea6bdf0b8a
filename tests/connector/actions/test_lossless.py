"""Turning a JPEG: DCT-exact where it can be, with every piece of metadata kept and none stale."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from PIL import ExifTags, Image, ImageCms
from turning import TURNS, XMP, encoded, exif_block, noise, opened, pixels, seen, turn

from connector.actions import exif
from connector.actions.jpeg import take_apart
from connector.actions.orientation import Tag, turned
from connector.actions.rotated import TRANSPOSE


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 0}])
def test_four_quarter_turns_of_a_jpeg_give_the_same_pixels(mode, options):
    data = encoded(noise((64, 32), mode), "JPEG", quality=80, **options)
    current = data
    for _ in range(4):
        result = turn(current, 90)
        assert result.how == "lossless_dct"
        current = result.data
    assert opened(current).tobytes() == opened(data).tobytes()
    assert opened(current).info.get("progressive") == opened(data).info.get("progressive")


@pytest.mark.parametrize("tag", list(Tag))
@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_a_jpeg_with_any_orientation_is_turned_as_it_is_seen(tag, degrees):
    data = encoded(noise((64, 32)), "JPEG", quality=95, exif=b"Exif\0\0" + exif_block(tag))
    result = turn(data, degrees)
    expected = seen(data).transpose(TRANSPOSE[TURNS[degrees]])
    assert result.how == ("orientation_tag" if turned(tag, degrees) == 1 else "lossless_dct")
    assert opened(result.data).getexif()[0x0112] == 1
    found = np.asarray(opened(result.data)).astype(int)
    assert found.shape == np.asarray(expected).shape
    assert np.abs(found - np.asarray(expected)).max() <= 6


def test_jpeg_metadata_are_kept_and_none_is_stale():
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes() + bytes(70_000)
    thumbnail = encoded(noise((16, 8)), "JPEG")
    data = encoded(
        noise((64, 32)),
        "JPEG",
        exif=b"Exif\0\0" + exif_block(1, thumbnail=thumbnail),
        icc_profile=profile,
        xmp=XMP.replace(b'"6"', b'"1"'),
        comment=b"hello",
        dpi=(300, 72),
    )
    iptc = b"Photoshop 3.0\x008BIM\x04\x04\0\0\0\0\0\0"
    data = data[:2] + struct.pack(">BBH", 0xFF, 0xED, len(iptc) + 2) + iptc + data[2:]
    assert opened(data).getexif().get_ifd(ExifTags.IFD.IFD1)[0x0202] == len(thumbnail)
    result = turn(data, 90)
    image = opened(result.data)
    block = image.getexif()
    details = block.get_ifd(0x8769)
    assert result.how == "lossless_dct"
    assert image.size == (32, 64)
    assert image.info["icc_profile"] == profile
    assert image.info["comment"] == b"hello"
    assert iptc in result.data
    assert b'PixelXDimension="32"' in image.info["xmp"]
    assert block[0x010F] == "ACM"
    assert (block[0x011A], block[0x011B]) == (72, 300)
    assert (details[0xA002], details[0xA003], details[0x927C]) == (32, 64, b"note")
    assert block.get_ifd(ExifTags.IFD.IFD1) == {}
    assert thumbnail not in result.data


def test_edges_that_cannot_be_turned_get_the_tag_and_not_one_changed_pixel():
    data = encoded(noise((61, 35)), "JPEG")
    result = turn(data, 90)
    assert result.how == "orientation_tag"
    assert "edge blocks" in (result.note or "")
    assert opened(result.data).tobytes() == opened(data).tobytes()
    assert take_apart(result.data).scans == take_apart(data).scans
    expected = opened(data).transpose(Image.Transpose.ROTATE_270)
    assert pixels(seen(result.data)) == pixels(expected)


def test_the_tag_is_added_to_exif_without_moving_anything():
    block = exif_block(None, thumbnail=encoded(noise((16, 8)), "JPEG"))
    edited = exif.with_orientation(block, 6)
    assert edited[8 : len(block)] == block[8:]
    data = encoded(noise((61, 35)), "JPEG", exif=b"Exif\0\0" + block)
    read = opened(turn(data, 90).data).getexif()
    assert read[0x0112] == 6
    assert read.get_ifd(0x8769)[0x927C] == b"note"
    assert read.get_ifd(ExifTags.IFD.IFD1)[0x0202] > 0


def test_xmp_orientation_counts_when_exif_has_none():
    data = encoded(noise((64, 32)), "JPEG", xmp=XMP, quality=95)
    result = turn(data, 270)
    assert b'tiff:Orientation="1"' in result.data
    assert take_apart(result.data).scans == take_apart(data).scans


def test_further_pictures_in_one_file_keep_their_offsets():
    data = encoded(noise((64, 32)), "JPEG")
    mpf = struct.pack(">BBH", 0xFF, 0xE2, 10) + b"MPF\0abcd"
    film = b"\xff\xd8 a film"
    result = turn(data[:20] + mpf + data[20:] + film, 90)
    assert result.how == "orientation_tag"
    assert result.data.endswith(film)


def test_what_follows_the_picture_is_kept():
    data = encoded(noise((64, 32)), "JPEG", progressive=True)
    result = turn(data + b"film", 90)
    assert result.how == "lossless_dct"
    assert result.data.endswith(b"\xff\xd9film")
    assert opened(result.data).size == (32, 64)


def test_a_torn_jpeg_is_turned_by_its_tag_alone():
    data = encoded(noise((64, 32)), "JPEG", quality=100)
    result = turn(data[:-400], 90)
    assert result.how == "orientation_tag"
    assert take_apart(result.data).scans == take_apart(data[:-400]).scans


def test_without_blocks_or_room_for_the_tag_it_is_compressed_again_and_said():
    full = b"II*\0\x08\0\0\0" + b"\0\0" + bytes(65_517)
    image = noise((61, 35))
    data = encoded(image, "JPEG", quality=95, subsampling=2, comment=b"hello")
    segment = struct.pack(">BBH", 0xFF, 0xE1, len(full) + 8) + b"Exif\0\0" + full
    result = turn(data[:20] + segment + data[20:], 90)
    assert result.how == "recompressed"
    assert "compressed again" in (result.note or "")
    assert full in result.data
    found = opened(result.data)
    assert found.info["comment"] == b"hello"
    expected = opened(data).transpose(Image.Transpose.ROTATE_270)
    assert np.abs(np.asarray(found).astype(int) - np.asarray(expected)).mean() < 2
