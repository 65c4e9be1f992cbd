"""Rows and columns that are calculated and never read."""

from __future__ import annotations

from collections.abc import Iterator

from cnncalc.advice.rewrite import SAME, NetworkRewrite, Replacements
from cnncalc.advice.state import State
from cnncalc.advice.windows import producer_of
from cnncalc.advice.wiring import Wiring
from cnncalc.layers.conv import Conv, Depthwise
from cnncalc.layers.fields.sizes import SIDES
from cnncalc.layers.window import Windowed

SIDES_OF = {1: ("start", "end"), 2: ("left", "right", "top", "bottom"), 3: tuple(SIDES)[:6]}


class UnreadRows(NetworkRewrite):
    """Less padding where the next window does not reach the last rows and columns.

    A 3x3 window with stride 2 does not read the last of 28 rows. The layer that makes them need not calculate it, so its
    end can be padded less.
    """

    name = "unread-rows"
    title = "pad less where the last rows and columns are never read"
    effect = (
        "none: the outputs are the same. A batch normalization between the two no longer counts the unread numbers."
    )
    harm = SAME
    saves = ("macs", "memory")

    def units(self, state: State, wiring: Wiring) -> Iterator[Replacements]:
        for node in state.network.nodes:
            reader = node.layer
            if not isinstance(reader, Windowed) or reader.mode != "zeros":
                continue
            before = producer_of(node, wiring)
            layer = None if before is None else before.layer
            if before is None or not isinstance(layer, (Conv, Depthwise)) or layer.mode != "zeros":
                continue
            windows = layer.windows(wiring.network.shapes(before)[0])
            shape = before.output
            sides = []
            for window, reading, width in zip(windows, reader.windows(shape), shape, strict=False):
                unread = max(reading.remainder(width) - reading.after, 0)
                less = min(unread, window.after // window.stride, width - 1)
                sides.append((window.before, window.after - less * window.stride))
            if any(after < window.after for (_, after), window in zip(sides, windows, strict=True)):
                names = [name for name in SIDES_OF[shape.rank] if -SIDES[name][0] <= shape.rank]
                pad = {name: sides[axis][end] for name in names for axis, end in [SIDES[name]]}
                changed = {**layer.nondefault_fields, "pad": {name: cells for name, cells in pad.items() if cells}}
                yield {before.index: [type(layer).from_values(changed)]}
