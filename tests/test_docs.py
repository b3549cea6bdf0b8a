"""The docs name what there is, and nothing that is not."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from connector.settings import VARIABLES, Settings

ROOT = Path(__file__).parent.parent
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")])


def test_every_setting_is_documented_with_its_default() -> None:
    table = (ROOT / "docs/configuration.md").read_text()
    for name, field in Settings.model_fields.items():
        variable = VARIABLES.get(name, f"COLABEL_{name.upper()}")
        row = re.search(rf"^\| `{variable}` \| ([^|]*) \|", table, re.MULTILINE)
        assert row, f"{variable} is not in docs/configuration.md"
        if isinstance(field.default, int | float) and field.default:
            shown = re.search(r"`([^`]*)`", row[1])
            assert shown, f"{variable} shows no default"
            assert float(shown[1]) == field.default, variable


def test_every_documented_setting_exists() -> None:
    known = {VARIABLES.get(name, f"COLABEL_{name.upper()}") for name in Settings.model_fields}
    known |= {"COLABEL_LOG_FORMAT", "COLABEL_LOG_LEVEL"}
    text = (ROOT / "docs/configuration.md").read_text()
    assert set(re.findall(r"\b(?:COLABEL_[A-Z_]+|DATABASE_URL|REDIS_URL)\b", text)) <= known


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_inside_the_repository_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
        assert (page.parent / target).exists(), f"{page.name} links to {target}"
