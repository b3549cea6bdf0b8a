"""`colabel web`, `worker`, `clock` and so on: what a Procfile runs; each becomes a process."""

from __future__ import annotations

import os
import sys

import click

from connector.commands.common import data_option
from connector.jobs import QUEUES
from connector.settings import DEFAULT_PORT, load_settings
from connector.storage import check_at_start


def _become(*arguments: str) -> None:
    """Replace this process: signals and exit codes then are the process's own."""
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-m", *arguments])  # noqa: S606 - no shell wanted


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option(
    "--port", default=DEFAULT_PORT, envvar="PORT", show_default=True, help="The port to listen on."
)
@data_option
def web(host: str, port: int) -> None:
    """Run the web process under gunicorn."""
    check_at_start(load_settings())
    config = ["--config", "python:connector.web.gunicorn_conf"]
    _become("gunicorn", *config, "--bind", f"{host}:{port}", "connector.web.wsgi:app")


@click.command()
@click.argument("queue", type=click.Choice(QUEUES))
@click.option("--burst", is_flag=True, help="Do what waits, then end; needs no Redis.")
@data_option
def worker(queue: str, burst: bool) -> None:
    """Run the worker of one QUEUE until it is told to stop."""
    _become("workers.main", queue, *(["--burst"] if burst else []))


@click.command()
@data_option
def clock() -> None:
    """Run the clock, which rings for whatever was left behind."""
    _become("workers.clock")


@click.command()
@data_option
def slack() -> None:
    """Take what people do in Slack over a connection of our own (socket mode)."""
    _become("workers.slack")


@click.command()
@data_option
def watch() -> None:
    """Look at the folders that sources watch. Run it where the folders are."""
    _become("workers.watch")
