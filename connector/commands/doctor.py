"""`colabel doctor`: is everything as it should be, and if not, what to do."""

from __future__ import annotations

import sys
from itertools import chain

import click

from connector.checkup import checks, machine
from connector.commands.common import data_option
from connector.settings import load_settings

COLOURS = {"ok": "green", "warn": "yellow", "fail": "red"}


@click.command()
@data_option
def doctor() -> None:
    """Check this installation part by part; the exit code is 1 when something fails."""
    failed = False
    for finding in chain(checks.run(load_settings()), machine.run()):
        mark = click.style(f"{finding.status:<4}", fg=COLOURS[finding.status])
        click.echo(f"{mark}  {finding.part:<12} {finding.sentence}")
        failed = failed or finding.status == "fail"
    sys.exit(1 if failed else 0)
