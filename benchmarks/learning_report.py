"""The table of bench_learning.py."""

from __future__ import annotations

from typing import Any

import common
import numpy as np

Row = dict[str, Any]


def report(rows: list[Row]) -> str:
    """Return one table: means over seeds, in per cent and seconds."""
    rows = [row for row in rows if "chosen" in row]
    lines = []
    groups = {(row["set"], row["backbone"]) for row in rows}
    for name, network in sorted(groups):
        of = [row for row in rows if (row["set"], row["backbone"]) == (name, network)]
        lines.append((name, network, len(of), *_means(of)))
    lines.append(("all", "", len(rows), *_means(rows)))
    header = (
        "set",
        "backbone",
        "seeds",
        "probe %",
        "first head %",
        "head %",
        "tuned %",
        "chosen %",
        "took tuned",
        "fastai %",
        "first head s",
        "tuned s",
        "fastai s",
    )
    return common.table(header, lines)


def _means(rows: list[Row]) -> list[str]:
    def mean(key: str, factor: float = 100) -> str:
        values = [factor * row[key] for row in rows if key in row]
        return f"{np.mean(values):.1f} ± {np.std(values):.1f}" if values else "-"

    took = sum(row["choice"] == "tuned" for row in rows)
    return [
        *(mean(key) for key in ("probe", "first_head", "head", "tuned", "chosen")),
        f"{took} of {len(rows)}",
        mean("fastai_accuracy"),
        *(mean(f"{key}_seconds", 1) for key in ("live", "tuned", "fastai")),
    ]
