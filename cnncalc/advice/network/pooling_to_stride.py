"""A stride in the convolution instead of a pooling after it."""

from __future__ import annotations

from collections.abc import Iterator

from cnncalc.advice.rewrite import LESS, NetworkRewrite, Replacements
from cnncalc.advice.state import State
from cnncalc.advice.wiring import Wiring
from cnncalc.layers.activation import Activation
from cnncalc.layers.conv import Conv
from cnncalc.layers.norm import BatchNorm
from cnncalc.layers.pool import AvgPool, MaxPool


class PoolingToStride(NetworkRewrite):
    """Stride 2 in the last convolution before a 2x2 pooling, which is removed.

    Springenberg et al. 2014, "Striving for simplicity: the all convolutional net".
    """

    name = "stride-for-pooling"
    title = "use stride 2 in the convolution before a pooling, and remove the pooling"
    effect = "only every second position is calculated, instead of the largest or mean of four. Receptive fields shrink slightly."
    harm = LESS
    saves = ("macs", "memory")

    def units(self, state: State, wiring: Wiring) -> Iterator[Replacements]:
        for node in state.network.nodes:
            pool = node.layer
            if not isinstance(pool, (MaxPool, AvgPool)) or pool.kernel != 2 or pool.stride not in (None, 2) or pool.pad:
                continue
            before = wiring.source(node)
            while isinstance(before.layer, (Activation, BatchNorm)) and wiring.only_reader(before) is not None:
                before = wiring.source(before)
            conv = before.layer
            if not isinstance(conv, Conv) or conv.stride != 1 or wiring.only_reader(before) is None:
                continue
            if any(length % 2 for length in before.output[:-1]):  # the pooling drops a row that the stride would keep
                continue
            yield {before.index: [Conv.from_values({**conv.nondefault_fields, "stride": 2})], node.index: []}
