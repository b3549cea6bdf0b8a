"""`colabel export`: the live model as one ONNX file that runs anywhere."""

from __future__ import annotations

import os
from pathlib import Path

import click

from connector.commands.common import data_option, open_service, workspace_option
from connector.domain import classifiers, versions
from connector.errors import Conflict


@click.command()
@click.argument("classifier")
@click.argument("out", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--version", "number", type=int, help="Which version (default: the live one).")
@click.option("--force", is_flag=True, help="Replace OUT if it exists.")
@workspace_option
@data_option
def export(
    classifier: str, out: Path, number: int | None, force: bool, workspace: str | None
) -> None:
    """Write CLASSIFIER's model to OUT, preprocessing, labels and thresholds included."""
    if out.exists() and not force:
        raise Conflict(f"{out} exists already; choose another name, or replace it with --force.")
    with open_service() as service:
        workspace_id = service.workspace_id(workspace)
        with service.database.read() as session:
            row = classifiers.find_classifier(session, workspace_id, classifier)
            if number is None and row.live_version is None:
                raise Conflict(
                    f"{row.name!r} has no model yet; run `colabel train {row.name!r}`.",
                    code="no_model",
                )
            chosen = versions.version(session, row, number or row.live_version or 0)
            sha256, which, labels = versions.portable(chosen), chosen.number, list(chosen.labels)
        data = service.blobs.read(sha256)
    # Under another name first: whoever watches OUT never sees half a model.
    temporary = out.with_name(f".{out.name}.{os.getpid()}")
    temporary.write_bytes(data)
    temporary.replace(out)
    click.echo(f"Wrote version {which} to {out} ({len(data) / 1e6:.1f} MB): {', '.join(labels)}.")
    click.echo("Run it with docs/run_onnx.py: only onnxruntime, NumPy and Pillow are needed.")
