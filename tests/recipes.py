"""The pages about automation tools, and the n8n workflows that belong to them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
AUTOMATIONS = (ROOT / "docs" / "automations.md").read_text()
ZAPIER = (ROOT / "docs" / "zapier.md").read_text()
WORKFLOWS = ("send-pictures.json", "receive-events.json")


def workflow(name: str) -> dict[str, Any]:
    """Return an n8n workflow as it is exported."""
    read: dict[str, Any] = json.loads((ROOT / "docs" / "n8n" / name).read_text())
    return read


def fenced(text: str, language: str) -> list[str]:
    """Return the code blocks of that language, those in lists too."""
    blocks = re.findall(r"^ *```(\w*)\n(.*?)^ *```$", text, re.DOTALL | re.MULTILINE)
    return [block for found, block in blocks if found == language]


def chapter(text: str, heading: str) -> str:
    """Return what stands below a heading of the second level, up to the next one."""
    _, _, behind = text.partition(f"\n## {heading}\n")
    assert behind, f"there is no chapter {heading}"
    return behind.partition("\n## ")[0]


def sent_by_curl(text: str) -> list[Any]:
    """Return the JSON bodies of the curl commands."""
    return [json.loads(body) for body in re.findall(r"-d '(.*)'", text)]
