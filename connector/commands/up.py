"""`colabel up`: the whole service on this machine."""

from __future__ import annotations

import sys

import click

from connector.commands.common import data_option
from connector.settings import DEFAULT_PORT, load_settings


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", default=DEFAULT_PORT, show_default=True, help="The port to listen on.")
@data_option
def up(host: str, port: int) -> None:
    """Run the web process, a worker per queue, the clock, the watch and a Redis, until Ctrl-C."""
    from connector.up import run_up

    sys.exit(run_up(load_settings(), host, port))
