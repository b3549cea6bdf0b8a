"""Style and scripts: named by their content, kept for long, packed."""

from __future__ import annotations

import gzip
import hashlib
import re
from pathlib import Path

from flask import Flask
from pagereading import Reader

from connector.web.ui import assets

# What the maintainers of htmx published as version 2.0.11 (npm's htmx.org, dist/htmx.min.js).
HTMX = ("htmx-2.0.11.min.js", "d6fdc75f204e6bdefa99b69bf1e6d4ac69b8a364f77929f45c13476b4000f717")


def test_htmx_is_what_its_maintainers_published() -> None:
    name, digest = HTMX
    assert hashlib.sha256((assets.FOLDER / name).read_bytes()).hexdigest() == digest
    assert "Zero-Clause BSD" in (assets.FOLDER / "htmx-LICENSE.txt").read_text()
    documented = (Path(__file__).parents[4] / "docs" / "architecture.md").read_text()
    assert "htmx 2.0.11" in documented


def test_addresses_change_with_the_content_and_are_kept(app: Flask, reader: Reader) -> None:
    with app.app_context():
        address = assets.url("app.css")
    assert re.fullmatch(r"/static/app\.[0-9a-f]{12}\.css", address)
    answer = reader.get(address, headers={"Accept-Encoding": "gzip"})
    assert "immutable" in answer.headers["Cache-Control"]
    assert answer.headers["Content-Encoding"] == "gzip"
    assert answer.mimetype == "text/css"
    plain = reader.get(address)
    assert "Content-Encoding" not in plain.headers
    assert gzip.decompress(answer.data) == plain.data == (assets.FOLDER / "app.css").read_bytes()
    assert len(answer.data) < len(plain.data) / 2
    assert "Set-Cookie" not in answer.headers


def test_an_old_address_gets_what_there_is_and_is_not_kept(reader: Reader) -> None:
    answer = reader.get("/static/app.000000000000.css")
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-cache"


def test_nothing_else_is_given_out(reader: Reader) -> None:
    for name in ("../app.py", "..%2f..%2fapp.x.py", "nothing.x.css", "app", ".x.", "app.css"):
        assert reader.get(f"/static/{name}").status_code == 404, name
