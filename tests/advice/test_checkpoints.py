"""The best set of checkpointed blocks, compared with all sets of small networks; the replay of a training step is the judge."""

from __future__ import annotations

from itertools import product
from random import Random

import pytest

import cnncalc
from cnncalc.analyses.memory.checkpoints import Step, best_checkpoints, partitions, recomputed_macs
from cnncalc.analyses.memory.peak import train
from cnncalc.network import Network
from tests.helpers import network_of

BLOCKS = {
    "Normed": "[conv: {filters: $f, kernel: 3, pad: 1, bias: false}, batchnorm, relu]",
    "Plain": "[conv: {filters: $f, kernel: 1}, {dropout: 0.2}]",
    "Wide": "[residual: [conv: {filters: $f, kernel: 5, pad: 2}, gelu, conv: {filters: $f, kernel: 3, pad: 1}], relu]",
}


def chain(draw: Random, length: int) -> Network:
    """Blocks of random kinds and widths, with a few layers between them."""
    steps, used, width = [], set(), 8
    for _ in range(length):
        name = draw.choice(list(BLOCKS))
        width = width if name == "Wide" else draw.choice([4, 8, 16, 24])
        used.add(name)
        steps.append(f"  - {name}: {width}")
        if draw.random() < 0.3:
            steps.append(draw.choice(["  - tanh", f"  - conv: {{filters: {width}, kernel: 1}}"]))
    blocks = [f"  {name}(f): {BLOCKS[name]}" for name in BLOCKS if name in used]
    return network_of(
        "\n".join(["input: 24x24x8", "blocks:", *blocks, "layers:", *steps, "  - globalavgpool", "  - fc: 4"])
    )


def every_set(network: Network, blocks: list[str]) -> list[tuple[int, int]]:
    """The peak of every set of blocks, and the multiply-adds that it recomputes."""
    found = []
    for states in product((0, 1), repeat=len(blocks)):
        chosen = tuple(block for block, state in zip(blocks, states, strict=True) if state)
        found.append((train(network, 4, checkpoint=chosen).peak.live, recomputed_macs(network, chosen)))
    return found


@pytest.mark.parametrize("seed", [*range(4), *[pytest.param(seed, marks=pytest.mark.heavy) for seed in range(4, 60)]])
def test_against_all_sets(seed: int) -> None:
    """For every limit that makes a difference, the set recomputes as little as any set that keeps it."""
    draw = Random(seed)
    network = chain(draw, draw.randint(2, 5))
    sets = [one for level in partitions(network) for one in every_set(network, [block.path for block in level])]
    peaks = sorted({peak for peak, _ in sets})
    for limit in [one - less for one in peaks for less in (0, 1)]:
        found = best_checkpoints(network, limit, Step(4))
        best = min((cost for peak, cost in sets if peak <= limit), default=None)
        assert (None if found is None else found.recomputed) == best
        if found is not None:
            assert train(network, 4, checkpoint=found.blocks).peak.live == found.peak <= limit
            assert recomputed_macs(network, found.blocks) == found.recomputed


@pytest.mark.parametrize(("name", "batch", "limit"), [("resnet50", 64, 3 * 10**9), ("unet", 4, 3 * 10**9)])
def test_shipped_networks(name: str, batch: int, limit: int) -> None:
    """The set keeps the limit, and no block of it can be left out."""
    network = cnncalc.load(name)
    found = best_checkpoints(network, limit, Step(batch))
    assert found is not None
    assert found.peak == train(network, batch, checkpoint=found.blocks).peak.live <= limit
    for block in found.blocks:
        fewer = tuple(other for other in found.blocks if other != block)
        assert train(network, batch, checkpoint=fewer).peak.live > limit


def test_advice_has_the_set() -> None:
    """Where no single block is enough."""
    network = cnncalc.load("resnet50")
    first = network.advise({"memory": "3GB"}, batch=64).advice[0]
    assert first.rewrite.name == "checkpoint-set"
    assert len(first.state.running.checkpoint) > 1
    assert first.recomputed == 64 * recomputed_macs(network, first.state.running.checkpoint)
    assert "recomputes 116G MACs in each step" in str(network.advise({"memory": "3GB"}, batch=64))
    assert not [
        one for one in network.advise({"memory": "3GB"}, mode="infer").advice if "checkpoint" in one.rewrite.name
    ]
