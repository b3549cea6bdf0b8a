"""What the pages for operators name exists: settings, commands, processes, checks, codes."""

from __future__ import annotations

import configparser
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from connector.cli import COMMANDS, cli
from connector.settings import VARIABLES, Settings
from connector.web import numbers

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
DEPLOY = (ROOT / "docs/deploy.md").read_text()
TROUBLE = (ROOT / "docs/troubleshooting.md").read_text()
# What our own commands take that click does not list among a command's options.
ANYWHERE = {"--help", "--version"}


def fenced(text: str, language: str) -> list[str]:
    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    return [block for found, block in blocks if found == language]


def code(text: str) -> Iterator[str]:
    """Give every piece of code: spans, and lines of blocks."""
    blocks = re.findall(r"^```\w*\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    for block in blocks:
        yield from block.replace("\\\n", " ").splitlines()
    rest = re.sub(r"^```\w*\n.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)
    yield from (" ".join(span.split()) for span in re.findall(r"`([^`]+)`", rest))


def commands(text: str) -> Iterator[list[str]]:
    """Give the words behind each `colabel`."""
    for piece in code(text):
        for found in re.finditer(r"(?:^|[/\s])colabel ([a-z][^|&;#)]*)", piece):
            yield found[1].split()


def check(words: list[str]) -> None:
    """Follow the words to the command that they name, and look for its options."""
    context = click.Context(cli)
    command = cli.get_command(context, words[0])
    assert command is not None, f"there is no colabel {words[0]}"
    rest = words[1:]
    while isinstance(command, click.Group) and rest and not rest[0].startswith("-"):
        # "label list|add" names several.
        names = rest[0].split("|")
        inner = [command.get_command(context, name) for name in names]
        assert None not in inner, f"there is no colabel {' '.join(words)}"
        command, rest = inner[0], rest[1:]
    assert command is not None
    known = {option for one in command.params for option in one.opts} | ANYWHERE
    for word in rest:
        option = re.match(r"--[a-z-]+", word)
        assert option is None or option[0] in known, f"{' '.join(words)}: no {option[0]}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_that_is_named_exists(page: Path) -> None:
    for words in commands(page.read_text()):
        check(words)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_setting_that_is_named_exists(page: Path) -> None:
    known = {VARIABLES.get(name, f"COLABEL_{name.upper()}") for name in Settings.model_fields}
    known |= {"COLABEL_LOG_FORMAT", "COLABEL_LOG_LEVEL"}
    named = re.findall(r"\b(?:COLABEL_[A-Z_]*[A-Z]|DATABASE_URL|REDIS_URL)\b", page.read_text())
    assert set(named) <= known


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_place_that_is_linked_is_there(page: Path) -> None:
    for target, anchor in re.findall(r"\]\(([^)#:\s]*)#([^)\s]+)\)", page.read_text()):
        other = page.parent / target if target else page
        headings = re.findall(r"^#+ (.*)$", other.read_text(), re.MULTILINE)
        slugs = {re.sub(r"[^\w\- ]", "", one.lower()).replace(" ", "-") for one in headings}
        assert anchor in slugs, f"{page.name}: {target}#{anchor}"


def procfile() -> set[str]:
    lines = (ROOT / "Procfile").read_text().splitlines()
    return {line.partition(": ")[2] for line in lines}


def test_the_table_of_processes_is_the_procfile() -> None:
    assert set(re.findall(r"^\| `(colabel [^`]+)` \|", DEPLOY, re.MULTILINE)) == procfile()


def test_the_composition_runs_every_process() -> None:
    [text] = fenced(DEPLOY, "yaml")
    described: dict[str, Any] = yaml.safe_load(text)
    ours = [one for one in described["services"].values() if "image" not in one]
    runs = [one["command"] for one in ours]
    for words in runs:
        check(words)
    assert {" ".join(["colabel", *words]) for words in runs} >= procfile() - {"colabel web"}
    assert ["web", "--host", "0.0.0.0"] in runs
    assert ["db", "upgrade"] in runs
    known = {VARIABLES.get(name, f"COLABEL_{name.upper()}") for name in Settings.model_fields}
    for one in ours:
        assert {name for name in one["environment"] if not name.startswith("AWS_")} <= known
        # They are values that the settings take.
        assert one["environment"]["DATABASE_URL"].startswith("postgresql://")


def test_the_units_of_systemd_run_what_there_is() -> None:
    units = fenced(DEPLOY, "ini")
    assert len(units) == 2
    for unit in units:
        parsed = configparser.ConfigParser(strict=False, interpolation=None)
        parsed.read_string(unit)
        assert set(parsed) == {"DEFAULT", "Unit", "Service", "Install"}
        start = shlex.split(parsed["Service"]["ExecStart"])
        assert "/opt/colabel/.venv/bin/colabel" in " ".join(start)
    # An instance's dash stands for the space between the words of its command.
    for name in re.findall(r"colabel@([a-z-]+)", units[1]):
        check(name.split("-"))


def test_every_check_of_doctor_is_explained_and_no_other() -> None:
    [table] = re.findall(r"## What doctor checks\n(.*?)\n## ", TROUBLE, re.DOTALL)
    explained = set(re.findall(r"^\| `([^`]+)` \|", table, re.MULTILINE))
    folder = ROOT / "connector/checkup"
    source = "\n".join((folder / f"{name}.py").read_text() for name in CHECKS)
    found = set(re.findall(r'Finding\(\s*"\w+", "([a-z ]+)"', source))
    found |= set(re.findall(r'Finding\("ok" if .*?, "([a-z ]+)"', source))
    found |= set(re.findall(r'\bpart(?:, url)? = "([a-z ]+)"', source))
    found |= set(re.findall(r'Finding\(\s*"\w+",\s*"([a-z ]+)",', source))
    assert explained == found


CHECKS = ("checks", "places", "outside", "machine")


@pytest.mark.parametrize("text", [DEPLOY, TROUBLE], ids=["deploy", "troubleshooting"])
def test_every_code_that_is_named_exists(text: str) -> None:
    paths = [
        path for name in ("connector", "workers", "models") for path in (ROOT / name).rglob("*.py")
    ]
    sources = "\n".join(path.read_text() for path in paths)
    named = {span for span in re.findall(r"`([a-z]+(?:_[a-z]+)*)`", text) if "_" in span}
    named -= set(re.findall(r"colabel_\w+", text))
    # Of PostgreSQL itself.
    named -= {"max_connections"}
    unknown = {one for one in named if f'"{one}"' not in sources and f" {one}=" not in sources}
    assert sorted(one for one in unknown if not _field(one)) == []


def _field(name: str) -> bool:
    """Whether the API has a member of this name."""
    schemas = ROOT / "connector/web/schemas"
    return any(re.search(rf"^    {name}:", p.read_text(), re.M) for p in schemas.glob("*.py"))


def test_every_number_of_the_metrics_that_is_named_exists() -> None:
    sources = Path(str(numbers.__file__)).read_text()
    for name in set(re.findall(r"\bcolabel_[a-z_]+", DEPLOY + TROUBLE)) - {"colabel_small"}:
        assert f'"{name}"' in sources, name


def test_what_is_said_of_sizes_is_what_was_measured() -> None:
    measured = (ROOT / "benchmarks/README.md").read_text()
    for said, found in (
        ("122 pictures a second", "| 122.3 |"),
        ("791 pictures of 50 kB", "| 791 "),
        ("92 files a second", "92 a second"),
        ("about 600 MB of memory; 800 MB with a thousand", "| 607 |"),
    ):
        assert said in DEPLOY
        assert found in measured, "measured anew: correct docs/deploy.md, too"


def test_every_command_of_the_table_is_one() -> None:
    for name in COMMANDS:
        check([name])
