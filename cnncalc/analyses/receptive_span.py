"""What a value sees as a whole: the input cells that any of its cells depends on, traced back through all layers.

Unlike the field of one cell, this respects every border: what was cropped is not seen, and padding is not input. Per axis, the
cells that are needed of a value are the bits of a number.
"""

from __future__ import annotations

from collections.abc import Sequence
from heapq import heappop, heappush

from cnncalc.layers.base import Layer
from cnncalc.layers.merge import Concat, axis_number
from cnncalc.layers.reshape import Slice
from cnncalc.layers.views import Adaptive, Blur, Crop, Mixed, Moved, Resample, Unseen, View
from cnncalc.network import Network, Node
from cnncalc.record import Record
from cnncalc.shape import Shape, TransposedWindow, Window

MOST_STEPS = 200_000  # values and cells examined for one network; after that, spans are not known
Bits = list[int]  # per spatial axis


class Span(Record):
    """Every cell sees the input cells `first` to `last` of `length`."""

    first: int
    last: int
    length: int

    @property
    def whole(self) -> bool:
        """True if that is the whole axis."""
        return self.first == 0 and self.last == self.length - 1

    def joined(self, other: Span) -> Span | None:
        """Return the span from the first to the last cell of both; None if they belong to different axes."""
        if self.length != other.length:
            return None
        return Span(min(self.first, other.first), max(self.last, other.last), self.length)


class Reach:
    """The spans of a network's values, requested from top to bottom.

    `known` has the spans of values whose cells all see the same. `ordered` is true for values whose positions are known.
    """

    def __init__(self, network: Network) -> None:
        self.network = network
        self.known: list[tuple[Span, ...] | None] = []
        self.ordered: list[bool] = []
        self.left = MOST_STEPS
        self.found: dict[int, tuple[Span, ...] | None] = {}

    def note(self, spans: tuple[Span, ...] | None, ordered: bool) -> None:
        """Record what is known about the next value."""
        self.known.append(spans)
        self.ordered.append(ordered)

    def spans(self, index: int) -> tuple[Span, ...] | None:
        """Return what the value sees as a whole, per axis of the input; () if it sees nothing, None if that is not known."""
        if index not in self.found:
            self.found[index] = self._trace(index)
        return self.found[index]

    def _trace(self, start: int) -> tuple[Span, ...] | None:
        nodes = self.network.nodes
        needed: dict[int, Bits] = {start: full(nodes[start].output)}
        queue = [-start]
        seen: list[tuple[Span, ...]] = []
        while queue:
            node = nodes[-heappop(queue)]
            bits = needed.pop(node.index)
            self.left -= 1 + sum(node.output.spatial) // 1000
            if self.left < 0:
                return None
            spans = self.known[node.index] if node.index < len(self.known) else None
            if spans is not None:
                seen.append(spans)
            elif node.layer is None:
                if node.output.rank and all(bits):
                    seen.append(tuple(map(_span, bits, node.output.spatial)))
            else:
                for index, more in self._operands(node, bits):
                    if more is None:
                        return None
                    if not all(more):
                        continue  # nothing of this operand is needed
                    if index not in needed:
                        needed[index] = more
                        heappush(queue, -index)
                    else:
                        needed[index] = [a | b for a, b in zip(needed[index], more, strict=True)]
        return _unite(seen)

    def _operands(self, node: Node, bits: Bits) -> list[tuple[int, Bits | None]]:
        """Return, for every operand, the cells that these cells of the node need; None if that is not known."""
        assert node.statistics is not None
        layer, shapes, out = node.statistics.layer, node.statistics.shapes, node.output
        views = layer.windows(*shapes) if type(layer).windows is not Layer.windows else ()
        if views and isinstance(views[0], Unseen):
            return []
        operands = node.inputs[: len(node.inputs) - layer.reference_inputs]
        if isinstance(layer, Slice) and not views and not self.ordered[operands[0]]:
            return [(operands[0], None)]  # some of the channels, which are positions
        traced: list[tuple[int, Bits | None]] = []
        axis = axis_number(layer.axis, out) if isinstance(layer, Concat) else out.rank
        start = 0
        for index, x in zip(operands, shapes, strict=False):
            if views:
                traced.append((index, self._back(views, x, out, bits)))
            elif views is None or len(x) != len(out):
                traced.append((index, full(x)))
            else:
                own = [
                    more if a == b else (1 << a) - 1 if more else 0 for more, a, b in zip(bits, x, out, strict=False)
                ]
                if axis < out.rank:
                    own[axis] = bits[axis] >> start & (1 << x[axis]) - 1
                    start += x[axis]
                traced.append((index, own))
        return traced

    def _back(self, views: tuple[View, ...], x: Shape, out: Shape, bits: Bits) -> Bits | None:
        if isinstance(views[0], Mixed):
            return full(x) if bits == full(out) else None
        if isinstance(views[0], Moved):
            places = views[0].places
            return [bits[places.index(axis)] if axis in places else 1 for axis in range(x.rank)]
        if len(views) != x.rank or x.rank != out.rank:
            return None
        axes: Bits = []
        for view, more, length in zip(views, bits, x, strict=False):
            own = self._axis(view, more, length, more == (1 << out[len(axes)]) - 1)
            if own is None:
                return None
            axes.append(own & (1 << length) - 1)
        return axes

    def _axis(self, view: View, bits: int, length: int, complete: bool) -> int | None:
        """Return the cells of an axis that these cells of the next layer see."""
        if isinstance(view, Window):
            return spread(smeared(every(bits, view.stride), view.kernel, view.dilation), -view.before)
        if isinstance(view, Crop):
            return spread(every(bits, view.step), view.start)
        if isinstance(view, TransposedWindow):
            kernel, dilation = view.kernel, view.dilation
            reach = (kernel - 1) * dilation
            met = smeared(spread(bits, view.before + reach), kernel, dilation, down=True)
            return thinned(met >> reach, view.stride)
        if isinstance(view, (Adaptive, Resample)):
            if complete and (isinstance(view, Adaptive) or view.above >= view.below):
                return (1 << length) - 1
            self.left -= bits.bit_length()
            return None if self.left < 0 else _taken_bits(view, bits, length)
        assert isinstance(view, (Blur, Mixed, Moved, Unseen))
        return None


def full(shape: Shape) -> Bits:
    """Return all cells of a shape."""
    return [(1 << length) - 1 for length in shape.spatial]


def spread(bits: int, by: int) -> int:
    """Shift the bits up, or down if `by` is negative."""
    return bits << by if by >= 0 else bits >> -by


def every(bits: int, step: int) -> int:
    """Move bit i to i*step.

    >>> bin(every(0b111, 3))
    '0b1001001'
    """
    return bits if step == 1 or not bits else int(("0" * (step - 1)).join(f"{bits:b}"), 2)


def thinned(bits: int, step: int) -> int:
    """Move bit i*step to i, and drop the others.

    >>> bin(thinned(0b1001001, 3))
    '0b111'
    """
    return bits if step == 1 or not bits else int(f"{bits:b}"[::-1][::step][::-1] or "0", 2)


def smeared(bits: int, count: int, step: int, down: bool = False) -> int:
    """Return the union of `count` copies, each `step` bits above the previous one, or below it.

    >>> bin(smeared(0b1, 3, 2)), bin(smeared(0b10000, 3, 2, down=True))
    ('0b10101', '0b10101')
    """
    made = 1
    while made < count:
        more = min(made, count - made)
        bits |= bits >> more * step if down else bits << more * step
        made += more
    return bits


def _taken_bits(view: Adaptive | Resample, bits: int, length: int) -> int:
    taken, cell = 0, 0
    while bits:
        skipped = (bits & -bits).bit_length() - 1
        cell, bits = cell + skipped, bits >> skipped + 1
        taps = view.taps(cell)
        taken |= (1 << min(taps.stop, length)) - (1 << max(taps.start, 0))
        cell += 1
    return taken


def _span(bits: int, length: int) -> Span:
    return Span((bits & -bits).bit_length() - 1, bits.bit_length() - 1, length)


def _unite(seen: Sequence[tuple[Span, ...]]) -> tuple[Span, ...] | None:
    """Unite spans into one per axis. For inputs of different sizes that is possible only if each is seen completely."""
    if not seen:
        return ()
    first = seen[0]
    if any([span.length for span in spans] != [span.length for span in first] for spans in seen):
        return first if all(span.whole for spans in seen for span in spans) else None
    return tuple(
        Span(min(span.first for span in spans), max(span.last for span in spans), spans[0].length)
        for spans in zip(*seen, strict=True)
    )
