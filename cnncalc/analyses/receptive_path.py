"""The receptive field along a single path of windows: 1 + the sum of (F - 1) times the strides of the layers before."""

from __future__ import annotations

from itertools import accumulate
from operator import mul

from cnncalc.layers.pool import Pool
from cnncalc.network import Network, Node
from cnncalc.record import Record
from cnncalc.shape import Window

LETTERS = "1 + sum of (F - 1)*(strides of the layers before)"


class Step(Record):
    """A layer with windows on the path from the input, with one window per axis."""

    windows: tuple[Window, ...]
    is_pool: bool


def path_to(network: Network, node: Node) -> list[Step]:
    """Return the layers with windows from the input to a node; nothing if there are branches or other views."""
    steps: list[Step] = []
    while node.layer is not None:
        views = node.layer.windows(*network.shapes(node))
        windows = tuple(view for view in views or () if isinstance(view, Window))
        if len(node.inputs) != 1 or views is None or len(windows) != len(views):
            return []
        if windows:
            steps.append(Step(windows, isinstance(node.layer, Pool)))
        node = network.nodes[node.inputs[0]]
    steps.reverse()
    return steps


def strides_before(steps: list[Step], axis: int) -> list[int]:
    """Return the product of the strides before each layer, and after the last one."""
    return list(accumulate((step.windows[axis].stride for step in steps), mul, initial=1))


def size_of(steps: list[Step], axis: int) -> int:
    """Return the receptive field along an axis."""
    pairs = zip(steps, strides_before(steps, axis), strict=False)
    return 1 + sum((step.windows[axis].reach - 1) * stride for step, stride in pairs)


def numbers_of(steps: list[Step], axis: int) -> str:
    """Format the formula with numbers, such as `1 + (5 - 1)*1 + (3 - 1)*2`."""
    pairs = zip(steps, strides_before(steps, axis), strict=False)
    return " + ".join(["1", *[f"({step.windows[axis].reach} - 1)*{stride}" for step, stride in pairs]])
