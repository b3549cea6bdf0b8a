"""How to fine-tune a network in the time there is: at what size, from which stage on."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.backbone import Backbone
from models.tunable import Tunable, autocast, freeze_leading

BATCH = 32
# Statistics of fewer batches than this a pass lead astray (measured: see benchmarks/README.md).
_BATCHES_FOR_NORMS = 10
# Fewer passes than this over the pictures teach less than a smaller task that allows for more.
_LEAST_EPOCHS = 10
_CROP, _SMALL_CROP = 7 / 8, 3 / 4
# Maps this much smaller than the picture end the stages that may be frozen.
_EARLY, _LATE = 8, 16
# Padding makes maps a little smaller than the stride says.
_TOLERANCE = 0.85


@dataclass(frozen=True)
class Plan:
    """Train on crops of `size` pixels, all but the first `frozen` parameters of the network.

    With `norms` batch normalisation takes in the statistics of the pictures that are learned.
    """

    size: int
    frozen: int
    mixed: bool
    norms: bool = False

    def allowing(self, model: Tunable) -> None:
        """Let train in `model` what the plan says."""
        freeze_leading(model, self.frozen)
        model.norms_learn = self.norms


def choose(
    model: Tunable,
    base: Backbone,
    device: str,
    *,
    seconds: float,
    pictures: int,
    mixed: bool | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Plan:
    """The most thorough plan that `seconds` allow ten passes over `pictures` of; else the cheapest.

    Each is tried with a batch of noise and judged by how long that took. `mixed` precision of None
    is for a GPU: bfloat16 on a CPU saved a quarter of the time and cost three points of accuracy.
    """
    if mixed is None:
        mixed = device == "cuda"
    norms = pictures >= _BATCHES_FOR_NORMS * BATCH
    plans = [Plan(size, frozen, mixed, norms) for size, frozen in _options(model, base)]
    for plan in plans:
        each = _seconds_a_step(model, plan, device, clock) / BATCH
        if each * pictures * _LEAST_EPOCHS <= seconds:
            break
    plan.allowing(model)
    return plan


def _options(model: Tunable, base: Backbone) -> list[tuple[int, int]]:
    """Size and frozen parameters, from the most thorough to the cheapest.

    The first stages stay as they are: training them as well was slower and no better on a few
    hundred pictures, and what two networks have in common is computed once (see `together`).
    """
    full, small = _size(model, base, _CROP), _size(model, base, _SMALL_CROP)
    early, late = leading(model, base.input_size, _EARLY), leading(model, base.input_size, _LATE)
    options = [(full, early), (small, early), (small, late)]
    return list(dict.fromkeys(options))


def _size(model: Tunable, base: Backbone, share: float) -> int:
    """Crops are smaller than what is served: things look larger on them (Touvron et al. 2019)."""
    size = round(base.input_size * share / 32) * 32
    if size < 32 or not _takes(model, size):
        return base.input_size
    return size


@torch.no_grad()
def _takes(model: Tunable, size: int) -> bool:
    device = model.weight.device
    try:
        model(torch.zeros(1, 3, size, size, device=device))
    except (RuntimeError, ValueError, AssertionError):
        # Networks with learned positions take one size only, and say so in ways of their own.
        return False
    return True


@torch.no_grad()
def leading(model: Tunable, size: int, stride: int) -> int:
    """How many of the network's first parameters make maps of at least size / stride cells a side.

    A network without such maps counts by its parameters: a third of them for a stride of 8, two
    thirds for more.
    """
    sides: dict[nn.Module, int] = {}

    def note(module: nn.Module, _inputs: object, output: object) -> None:
        if isinstance(output, Tensor) and output.ndim == 4:
            _, one, two, three = output.shape
            # Channels come first in most networks and last within some.
            sides[module] = two if two == three else one if one == two else 0

    handles = [m.register_forward_hook(note) for m in model.network.modules()]
    try:
        model(torch.zeros(1, 3, size, size, device=model.weight.device))
    finally:
        for handle in handles:
            handle.remove()
    owners = [m for m in model.network.modules() for _ in m.parameters(recurse=False)]
    count = 0
    for owner in owners:
        if sides.get(owner, 0) < _TOLERANCE * size / stride:
            break
        count += 1
    if count in (0, len(owners)):
        count = len(owners) * (1 if stride <= _EARLY else 2) // 3
    return count


def _seconds_a_step(model: Tunable, plan: Plan, device: str, clock: Callable[[], float]) -> float:
    """The better of two, after one that sets the libraries up. The model stays as it is."""
    plan.allowing(model)
    dice = torch.Generator().manual_seed(0)
    pictures = torch.rand(BATCH, 3, plan.size, plan.size, generator=dice).to(device)
    targets = torch.zeros(BATCH, dtype=torch.int64, device=device)
    taken = []
    for _ in range(3):
        start = clock()
        with autocast(device, plan.mixed):
            loss = functional.cross_entropy(model(pictures), targets)
        torch.autograd.backward(loss)
        model.zero_grad(set_to_none=True)
        if device == "cuda":
            torch.cuda.synchronize()
        taken.append(clock() - start)
    return min(taken[1:])
