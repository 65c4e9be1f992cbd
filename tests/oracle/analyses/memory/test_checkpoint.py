"""Gradient checkpointing compared with `torch.utils.checkpoint` (not reentrant), to the byte, with and without autocast."""

from __future__ import annotations

import functools
import os
from collections.abc import Collection, Iterator

import pytest

if os.environ.get("CNNCALC_REQUIRE_ORACLES") != "1":
    pytest.importorskip("torch", reason="the oracle is PyTorch")

import torch
from torch import nn

from cnncalc.analyses.memory.peak import train
from cnncalc.network import Network
from cnncalc.problem import Source
from cnncalc.readers.yaml.reader import read
from tests.memory_specs import SPECS
from tests.oracle.analyses.memory.test_storage import BasicBlock, ResNet18
from tests.oracle.storage import Level, again, measure_training, random_network

AMP = {"": None, "float16": torch.float16, "bfloat16": torch.bfloat16}


def names_in(module: nn.Module) -> list[str]:
    """Return the blocks of the specification that are modules."""
    return sorted({part.name for part in module.modules() if isinstance(part, Level) and part.name})


def outermost(module: nn.Module, names: Collection[str]) -> Iterator[Level]:
    """Return the blocks with these names that are not inside another one of them."""
    for part in module.children():
        if isinstance(part, Level) and part.name in names:
            yield part
        else:
            yield from outermost(part, names)


def agree(module: nn.Module, network: Network, shape: tuple[int, ...], batch: int, names: list[str], amp: str) -> None:
    """Compare what remains after forward, and the peaks of forward and backward."""
    measured = measure_training(module, shape, batch, amp=AMP[amp])
    found = train(network, batch, checkpoint=names, amp=amp)
    peaks = [max(moment.live for moment in found.moments if moment.phase == phase) for phase in ("forward", "backward")]
    assert [found.saved, *peaks] == [measured[key] for key in ("act_bytes_end_fwd", "fwd_peak", "bwd_peak")]


SEEDS = [seed for seed in range(160) if names_in(random_network(seed)[0])]
CASES = [(seed, amp) for seed in SEEDS for amp in ("", ("float16", "bfloat16")[seed % 2])]


@pytest.mark.parametrize(("seed", "amp"), CASES)
def test_random_networks(seed: int, amp: str) -> None:
    module, text = random_network(seed)
    network = read(Source(f"random{seed}.yaml", text))
    everyone = names_in(module)
    for names in [everyone] if len(everyone) == 1 else [everyone, everyone[-1:]]:
        for part in module.modules():
            if isinstance(part, Level):
                part.checkpointed = False
        for part in outermost(module, names):
            part.checkpointed = True
        agree(module, network, module.x_shape, 1 + 2 * (seed % 2), names, amp)


@pytest.mark.parametrize("amp", ["", "float16"])
@pytest.mark.parametrize("names", [["layer"], ["layer1", "layer3"], ["Block"], ["layer4", "Block"]], ids=" ".join)
def test_stages_of_a_resnet(names: list[str], amp: str) -> None:
    with torch.device("meta"):
        module = ResNet18()
    blocks: list[nn.Module] = [getattr(module, f"layer{number}") for number in (1, 2, 3, 4)]
    if names != ["layer"]:
        blocks = [getattr(module, name) for name in names if name != "Block"]
    if "Block" in names:
        inside = {part for block in blocks for part in block.modules()}
        blocks += [part for part in module.modules() if isinstance(part, BasicBlock) and part not in inside]
    if names == ["Block"]:
        blocks = [part for part in module.modules() if isinstance(part, BasicBlock)]
    for block in blocks:
        block.forward = functools.partial(again, block.forward)  # type: ignore[method-assign]
    agree(module, read(Source("resnet18.yaml", SPECS["resnet18"])), (3, 224, 224), 8, names, amp)
