"""`colabel demo`: a sample job through the real service."""

from __future__ import annotations

import sys
from pathlib import Path

import click


@click.command()
@click.option("--once", is_flag=True, help="Stop when it is done, instead of serving on.")
@click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("demo-data"),
    show_default=True,
    help="The demo's own data folder.",
)
@click.option("--port", type=int, help="The port to listen on (default: 8484, or any free one).")
@click.option("--examples", type=int, hidden=True, help="Labelled pages per classifier.")
@click.option("--pages", type=int, hidden=True, help="New pages to send.")
def demo(once: bool, data: Path, port: int | None, examples: int | None, pages: int | None) -> None:
    """Train two classifiers on pages it draws, then turn and sort new ones that come by webhook.

    Needs no account, no weights but those in the box, and no internet. Started again on the same
    folder it goes on with what it has learned.
    """
    from connector.demo.labelled import Plan
    from connector.demo.play import play

    usual = Plan()
    plan = Plan(
        turned_examples=examples or usual.turned_examples,
        kind_examples=examples or usual.kind_examples,
        new_pages=pages or usual.new_pages,
    )
    sys.exit(play(data, port=port, once=once, plan=plan))
