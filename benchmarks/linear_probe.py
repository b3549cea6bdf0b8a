"""The plain baseline of first_model.py: a linear probe on a frozen backbone.

    python benchmarks/linear_probe.py TRAIN TEST --weights DIR [--backbone NAME]

One squashed view of each picture, the backbone's pooled features, standardised, multinomial
logistic regression whose C is chosen by 5-fold cross-validation on the training pictures. Prints
{"accuracy": …, "count": …, "backbone": …}.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import common
import numpy as np
import torch
from sklearn.linear_model import LogisticRegressionCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from models.backbone import Backbone, resolve
from models.preprocess import load_many

BATCH = 32


@torch.inference_mode()
def features(backbone: Backbone, paths: list[Path]) -> np.ndarray[Any, Any]:
    """Return the frozen features [N, D] of these pictures."""
    mean = torch.tensor(backbone.mean).view(1, 3, 1, 1)
    std = torch.tensor(backbone.std).view(1, 3, 1, 1)
    rows = []
    for start in range(0, len(paths), BATCH):
        datas = [path.read_bytes() for path in paths[start : start + BATCH]]
        pictures = np.stack([np.asarray(one) for one in load_many(datas, backbone.input_size, 2)])
        planes = torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 255
        rows.append(backbone.module((planes - mean) / std).numpy())
    return np.concatenate(rows)


def plain_probe() -> Pipeline:
    """Return the probe, not yet fitted."""
    return make_pipeline(
        StandardScaler(),
        LogisticRegressionCV(
            Cs=np.logspace(-4, 1, 6),
            cv=5,
            max_iter=300,
            scoring="accuracy",
            l1_ratios=(0,),
            use_legacy_attributes=False,
        ),
    )


def labelled(folder: Path) -> tuple[list[Path], list[str]]:
    """Return the pictures below `folder` and the names of the folders that they lie in."""
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in common.SUFFIXES)
    return paths, [path.parent.name for path in paths]


def main() -> None:
    """Fit on TRAIN, score on TEST, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("train", type=Path)
    parser.add_argument("test", type=Path)
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--backbone")
    arguments = parser.parse_args()
    backbone = resolve(arguments.backbone, arguments.weights)
    (train, train_labels), (test, test_labels) = labelled(arguments.train), labelled(arguments.test)
    probe = plain_probe()
    probe.fit(features(backbone, train), train_labels)
    accuracy = probe.score(features(backbone, test), test_labels)
    print(json.dumps({"accuracy": accuracy, "count": len(test), "backbone": backbone.name}))


if __name__ == "__main__":
    main()
