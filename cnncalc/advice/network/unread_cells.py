"""Cells that are calculated and skipped by the stride of the next layer."""

from __future__ import annotations

from collections.abc import Iterator

from cnncalc.advice.rewrite import SAME, NetworkRewrite, Replacements
from cnncalc.advice.state import State
from cnncalc.advice.windows import producer_of
from cnncalc.advice.wiring import Wiring
from cnncalc.layers.conv import Conv, Depthwise
from cnncalc.layers.pool import AvgPool, MaxPool
from cnncalc.layers.window import Windowed
from cnncalc.shape import Shape


class UnreadCells(NetworkRewrite):
    """The stride of a 1x1 window one layer earlier.

    A 1x1 convolution with stride 2 reads a quarter of the cells. The layer that makes them need not calculate the others.
    """

    name = "stride-before-1x1"
    title = "move the stride of a 1x1 window to the layer that it reads"
    effect = (
        "none: the outputs are the same. A batch normalization between the two no longer counts the unread numbers."
    )
    harm = SAME
    saves = ("macs", "memory")

    def units(self, state: State, wiring: Wiring) -> Iterator[Replacements]:
        changed: set[int] = set()
        for node in state.network.nodes:
            reader = node.layer
            if not isinstance(reader, (Conv, Depthwise, MaxPool, AvgPool)):
                continue
            before = producer_of(node, wiring)
            layer = None if before is None else before.layer
            if before is None or not isinstance(layer, (Conv, Depthwise, MaxPool)) or before.index in changed:
                continue
            steps = _strides(reader, before.output)
            own = [window.stride for window in layer.windows(wiring.network.shapes(before)[0])]
            if steps is None or layer.ceil or layer.pad == "same":  # the padding of `same` depends on the stride
                continue
            both = tuple(a * b for a, b in zip(own, steps, strict=True))
            changed.update((before.index, node.index))
            yield {
                before.index: [type(layer).from_values({**layer.nondefault_fields, "stride": _short(both)})],
                node.index: [] if isinstance(reader, (MaxPool, AvgPool)) else [_unstrided(reader)],
            }


def _strides(reader: Windowed, shape: Shape) -> list[int] | None:
    """Return the strides of a 1x1 window that skips cells; None for any other window."""
    windows = reader.windows(shape)
    if any(window.reach != 1 or window.before or window.after for window in windows) or reader.ceil:
        return None
    strides = [window.stride for window in windows]
    return strides if max(strides) > 1 else None


def _unstrided(reader: Windowed) -> Windowed:
    return type(reader).from_values({**reader.nondefault_fields, "stride": 1})


def _short(sizes: tuple[int, ...]) -> int | tuple[int, ...]:
    return sizes[0] if len(set(sizes)) == 1 else sizes
