"""fastai's fine_tune on a folder of pictures, for bench_learning.py; runs in fastai's interpreter.

    PYTHON benchmarks/fastai_peer.py TRAIN TEST --weights FILE --network NAME --seconds S

PYTHON is an environment that has fastai beside torch and torchvision; nothing else here needs it.
The recipe is fastai's own: vision_learner with the same pretrained weights, its default transforms
(crops from 256 to 224 pixels, flips, small turns, zoom, light), a 20 % validation part, and
fine_tune(epochs): one epoch with the network frozen, then `epochs` unfrozen. One batch is timed
first, and `epochs` is as many as S seconds allow, at most --epochs. Prints {"accuracy": …,
"seconds": …, "epochs": …}.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from pathlib import Path

import torch
import torchvision

warnings.filterwarnings("ignore")

# ruff: noqa: E402 - what these warn about is the environment's affair
from fastai.vision.all import (
    ImageDataLoaders,
    Learner,
    Normalize,
    Resize,
    accuracy,
    aug_transforms,
    get_image_files,
    imagenet_stats,
    set_seed,
    vision_learner,
)
from fastai.vision.learner import default_split, model_meta

# Training a picture costs about this many times what answering it does.
_FROZEN_COST = 0.55


def learner(train: Path, network: str, weights: Path, seed: int) -> Learner:
    """Return what vision_learner makes, with these weights instead of downloaded ones."""
    loaders = ImageDataLoaders.from_folder(
        train,
        valid_pct=0.2,
        seed=seed,
        bs=min(64, max(8, len(get_image_files(train)) // 8)),
        item_tfms=Resize(256, method="squish"),
        batch_tfms=[*aug_transforms(size=224), Normalize.from_stats(*imagenet_stats)],
        num_workers=0,
    )
    architecture = getattr(torchvision.models, network)
    # Both networks are a body of features and a classifier, which fastai replaces by its own.
    # fastai knows where to cut some networks only, and takes `cut` of none but timm's.
    known = {"cut": -1, "split": default_split, "stats": imagenet_stats}
    model_meta.setdefault(architecture, known)
    made = vision_learner(
        loaders, architecture, pretrained=False, normalize=False, metrics=accuracy
    )
    pretrained = architecture(weights=None)
    state = torch.load(weights, map_location="cpu", weights_only=True)
    pretrained.load_state_dict({key: value.float() for key, value in state.items()})
    body = torch.nn.Sequential(*list(pretrained.children())[:-1])
    made.model[0].load_state_dict(body.state_dict())
    made.freeze()
    return made


def seconds_an_epoch(made: Learner) -> float:
    """Time one training step of the whole network and multiply; the weights stay as they are."""
    pictures, targets = made.dls.one_batch()
    made.model.train()
    state = {key: value.clone() for key, value in made.model.state_dict().items()}
    taken = []
    for _ in range(2):
        start = time.monotonic()
        made.loss_func(made.model(pictures), targets).backward()
        taken.append(time.monotonic() - start)
    made.model.zero_grad()
    made.model.load_state_dict(state)
    start = time.monotonic()
    made.dls.one_batch()
    loading = time.monotonic() - start
    return (min(taken) + loading) * max(len(made.dls.train), 1)


def main() -> None:
    """Train, score on TEST, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("train", type=Path)
    parser.add_argument("test", type=Path)
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--network", required=True)
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    set_seed(arguments.seed)
    start = time.monotonic()
    made = learner(arguments.train, arguments.network, arguments.weights, arguments.seed)
    each = seconds_an_epoch(made)
    left = arguments.seconds - (time.monotonic() - start)
    epochs = max(1, min(arguments.epochs, int(left / each - _FROZEN_COST)))
    with made.no_bar(), made.no_logging():
        made.fine_tune(epochs)
    seconds = time.monotonic() - start
    files = get_image_files(arguments.test)
    loader = made.dls.test_dl(files, with_labels=True)
    with made.no_bar():
        answers, truths = made.get_preds(dl=loader)
    right = float((answers.argmax(dim=1) == truths).float().mean())
    print(json.dumps({"accuracy": right, "seconds": seconds, "epochs": epochs}))


if __name__ == "__main__":
    main()
