"""Small files of many pixels; the largest that are taken, and beyond."""

from __future__ import annotations

from PIL import Image

from hostile.base import Pictures, encoded

# Per side; under the limit that the tests set, and above it.
UNDER, OVER = (3_000, 3_300), (3_000, 3_500)
LIMIT = 10_000_000


def pictures() -> Pictures:
    """Return them by what they are."""
    made: Pictures = {}
    for name, size in (("under", UNDER), ("over", OVER)):
        for kind, mode, options in (
            ("PNG", "1", {}),
            ("PNG", "RGBA", {}),
            ("PNG", "I;16", {}),
            ("PNG", "P", {}),
            ("TIFF", "F", {"compression": "tiff_deflate"}),
            ("TIFF", "CMYK", {"compression": "tiff_lzw"}),
            ("TIFF", "1", {"compression": "group4"}),
            ("TIFF", "RGB", {"compression": "packbits"}),
            ("GIF", "P", {}),
            ("WEBP", "RGBA", {"lossless": True, "method": 0, "quality": 0}),
            ("JPEG", "RGB", {"progressive": True}),
            ("AVIF", "RGB", {"speed": 10}),
        ):
            image = Image.new(mode, size)
            made[f"{kind} of {mode} pixels, {name} the limit"] = encoded(image, kind, **options)
    return made
