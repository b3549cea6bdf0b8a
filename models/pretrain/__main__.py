"""`python -m models.pretrain FOLDER… --out FOLDER`: train colabel_small and write its weights."""

from __future__ import annotations

import argparse
import json
import logging
import sys
from dataclasses import asdict
from pathlib import Path

import torch

from models.colabel_small import NAME, ColabelSmall
from models.errors import ModelError
from models.pretrain.course import VERSION, Settings
from models.pretrain.pictures import Library, gather
from models.pretrain.run import Step, train


def main(arguments: list[str] | None = None) -> int:
    """Run the recipe; returns the exit status."""
    asked = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    settings = Settings(passes=asked.passes, batch=asked.batch, rate=asked.rate, seed=asked.seed)
    try:
        library = gather(asked.folders, asked.keep_out)
        teacher = _teacher(asked.teacher, len(library.labels)) if asked.teacher else None
    except ModelError as error:
        print(error.detail, file=sys.stderr)
        return 1
    print(_described(library), flush=True)
    network = train(library, settings, asked.out, teacher=teacher, progress=_tell)
    written = write(network, library, settings, asked.out)
    print(f"{written} holds the weights ({written.stat().st_size / 1e6:.1f} MB).")
    return 0


def write(network: ColabelSmall, library: Library, settings: Settings, folder: Path) -> Path:
    """Write the weights in half precision, and beside them what they were made of (JSON)."""
    halves = {k: v.half() if v.is_floating_point() else v for k, v in network.state_dict().items()}
    path = folder / f"{NAME}.pth"
    torch.save(halves, path)
    made = {
        "recipe": VERSION,
        "settings": asdict(settings),
        "pictures": len(library),
        "labels": list(library.labels),
        "left_out": library.left_out,
        "unreadable": library.unreadable,
        "data_sha256": library.fingerprint,
        "torch": torch.__version__,
    }
    path.with_suffix(".json").write_text(json.dumps(made, indent=1) + "\n")
    return path


def _teacher(path: Path, labels: int) -> ColabelSmall:
    network = ColabelSmall(labels)
    try:
        network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    except Exception as error:
        raise ModelError(
            f"{path} does not hold the weights of an earlier run on the same labels; "
            f"give the {NAME}.pth that it wrote.",
            code="weights_unreadable",
        ) from error
    return network.to(memory_format=torch.channels_last)


def _described(library: Library) -> str:
    parts = [f"{len(library):,} pictures of {len(library.labels)} labels"]
    if library.left_out:
        parts.append(f"{library.left_out} left out that look like ones to be kept out")
    if library.unreadable:
        parts.append(f"{library.unreadable} that cannot be read")
    return ", ".join(parts)


def _tell(step: Step) -> None:
    words = (
        f"step {step.step}/{step.steps}, loss {step.loss:.3f}, {step.per_second:.0f} pictures/s, "
        f"{step.seconds_left / 60:.0f} min left"
    )
    if step.top1 is not None and step.upright is not None:
        words += f"; held out: {step.top1:.1%} named, {step.upright:.1%} known upright"
    print(words, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m models.pretrain", description=__doc__)
    parser.add_argument("folders", type=Path, nargs="+", help="one folder a label in each")
    parser.add_argument("--out", type=Path, required=True, help="where weights and log go")
    parser.add_argument(
        "--keep-out",
        type=Path,
        nargs="*",
        default=[],
        help="folders of pictures that nothing learned from may look like",
    )
    defaults = Settings()
    parser.add_argument("--passes", type=float, default=defaults.passes)
    parser.add_argument("--batch", type=int, default=defaults.batch)
    parser.add_argument("--rate", type=float, default=defaults.rate, help="peak learning rate")
    parser.add_argument("--seed", type=int, default=defaults.seed)
    parser.add_argument("--teacher", type=Path, help="weights of an earlier run to distil from")
    return parser


if __name__ == "__main__":
    sys.exit(main())
