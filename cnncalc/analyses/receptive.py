"""The receptive field: which part of the input one output cell sees, as the union over all paths.

For each axis of the input it is stored as (first, last, stride): output cell i sees the input cells first + i*stride to
last + i*stride. Araujo, Norris & Sim 2019, "Computing Receptive Fields of Convolutional Neural Networks".
After an upsampling, neighbours see different fields. A `Cycle` then has the field of each cell until the pattern repeats.
Borders are ignored: the field is that of a cell in the middle of a large input. What a fully connected or global layer
sees is a `Span`, the same for every cell: everything that its input cells see together, borders included.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from math import gcd

from cnncalc.analyses.receptive_span import Reach, Span
from cnncalc.layers.base import Layer
from cnncalc.layers.merge import Concat, axis_number
from cnncalc.layers.views import Adaptive, Blur, Crop, Mixed, Moved, Unseen, View
from cnncalc.network import Network, Node
from cnncalc.record import Record
from cnncalc.shape import Shape, TransposedWindow, Window

LONGEST = 512  # a pattern must repeat within this many cells, otherwise the field is not known
MOST_CELLS = (
    500_000  # cells examined in all patterns of a network; after that, fields after an upsampling are not known
)


class Cycle(Record):
    """Output cell i + m*n of n = len(seen) sees the input cells seen[i][0] + m*period to seen[i][1] + m*period.

    A cell that sees nothing has None, such as a gap that a transposed convolution leaves.
    """

    seen: tuple[tuple[int, int] | None, ...]
    period: int


Axis = tuple[int, int, int] | Cycle | Span


class Whole:
    """Every cell sees the whole input."""

    __slots__ = ()


WHOLE = Whole()
Field = tuple[Axis, ...] | Whole | None  # None: not known; (): nothing of the input is seen
# per axis of the input: how it is seen, and the axis of the value that runs along it, None if there is none left
State = tuple[tuple[Axis, int | None], ...]


def receptive_fields(network: Network) -> list[Field]:
    """Return the field of every node, in the order of the nodes; None if it is not known."""
    states: list[State | None] = []
    reach = Reach(network)
    looked_at = 0
    for node in network.nodes:
        layer = node.layer
        if layer is None:
            states.append(tuple(((0, 0, 1), axis) for axis in range(node.output.rank)))
            reach.note(None, True)
            continue
        shapes = network.shapes(node)
        views = layer.windows(*shapes) if type(layer).windows is not Layer.windows else ()
        state = _state(reach, node, states, views)
        if state and any(isinstance(axis, Cycle) for axis, _ in state):
            widest = max([getattr(view, "reach", 1) for view in views or ()], default=1)
            before = [states[index] for index in node.inputs]
            looked_at += sum(map(_cells, before)) + _cells(state) * min(widest, max(_cells(before[0]), 1))
            state = state if looked_at <= MOST_CELLS else None
        states.append(state)
        reach.note(_spans(state), state is not None)
    return [_field_of(state) for state in states]


def _cells(state: State | None) -> int:
    """Return the number of cells in the patterns of a state; 0 without a state."""
    return sum([len(axis.seen) for axis, _ in state or () if isinstance(axis, Cycle)])


def _spans(state: State | None) -> tuple[Span, ...] | None:
    """Return the spans of a value whose cells all see the same; None for other values."""
    spans = [axis for axis, _ in state or () if isinstance(axis, Span)]
    return tuple(spans) if state and len(spans) == len(state) else None


def _field_of(state: State | None) -> Field:
    if state is None:
        return None
    if state and all(isinstance(axis, Span) and axis.whole for axis, _ in state):
        return WHOLE
    return tuple([axis for axis, _ in state])


def _state(reach: Reach, node: Node, states: Sequence[State | None], views: tuple[View, ...] | None) -> State | None:
    """Return what a cell of this node sees."""
    assert node.statistics is not None
    layer, shapes = node.statistics.layer, node.statistics.shapes
    if views is None:
        return _spanned(reach, node.index)
    if views and isinstance(views[0], Unseen):
        return ()
    operands = node.inputs[: len(node.inputs) - layer.reference_inputs]
    state = states[operands[0]]
    if isinstance(layer, Concat) and len(operands) > 1 and axis_number(layer.axis, shapes[0]) < shapes[0].rank:
        return _side_by_side([states[index] for index in operands], shapes, axis_number(layer.axis, shapes[0]))
    if len(operands) > 1:
        state = ()
        for index, shape in zip(operands, shapes, strict=False):
            other = states[index]
            if not views and other and not _spans(other) and not isinstance(layer, Concat):
                other = _broadcast_state(reach, index, other, shape, node.output)
            state = _united(state, other)
    return _through(views, shapes[0], state)


def _side_by_side(states: Sequence[State | None], shapes: Sequence[Shape], place: int) -> State | None:
    """Return the state of values joined along a spatial axis; None unless each goes on where the one before it ends.

    Every cell comes from one of the values. Borders are left aside, so that a value that sees nothing is only padding.
    """
    joined: State | None = None
    offset = 0
    for state, shape in zip(states, shapes, strict=True):
        if state is None:
            return None
        if state:
            shifted: list[tuple[Axis, int | None]] = []
            for axis, along in state:
                if along != place:
                    shifted.append((axis, along))
                elif isinstance(axis, tuple):
                    first, last, stride = axis
                    shifted.append(((first - offset * stride, last - offset * stride, stride), along))
                else:
                    return None
            if joined is not None and joined != tuple(shifted):
                return None
            joined = tuple(shifted)
        offset += shape[place]
    return () if joined is None else joined


def _spanned(reach: Reach, index: int) -> State | None:
    """Return the state of a value whose cells each see everything that reaches the value."""
    spans = reach.spans(index)
    return None if spans is None else tuple((span, None) for span in spans)


def _broadcast_state(reach: Reach, index: int, state: State, x: Shape, out: Shape) -> State | None:
    """Return the state of a broadcast operand: along an axis of length 1, all cells see what its only cell sees."""
    if x[:-1] == out[:-1]:
        return state
    alone = reach.spans(index)
    if alone is None:
        return None
    if len(x) != len(out):
        return tuple((span, None) for span in alone)
    return tuple(
        (span, None) if along is not None and x[along] == 1 != out[along] else (axis, along)
        for (axis, along), span in zip(state, alone, strict=True)
    )


def _through(views: tuple[View, ...], x: Shape, below: State | None) -> State | None:
    if not views or not below or _spans(below):
        return below
    if isinstance(views[0], Mixed):
        return None
    if isinstance(views[0], Moved):
        places = views[0].places
        return tuple((axis, places.index(along) if along in places else None) for axis, along in below)
    if len(views) != x.rank:
        return None
    axes: list[tuple[Axis, int | None]] = []
    for number, (axis, along) in enumerate(below):
        if along is None or isinstance(axis, Span):
            axes.append((axis, along))
            continue
        if number and axis == below[number - 1][0] and along and views[along] is views[along - 1]:
            axes.append((axes[-1][0], along))
            continue
        seen = _axis(views[along], axis)
        if seen is None:
            return None
        axes.append((seen, along))
    return tuple(axes)


def _axis(view: View, axis: tuple[int, int, int] | Cycle) -> Axis | None:
    if isinstance(view, Window):
        if not isinstance(axis, Cycle):
            first, last, stride = axis
            start = first - view.before * stride
            return start, last + (view.reach - 1 - view.before) * stride, stride * view.stride
        before, step, reach, dilation = view.before, view.stride, view.reach, view.dilation
        return _axis_after(
            axis, 1, step, lambda cell: range(cell * step - before, cell * step - before + reach, dilation)
        )
    if isinstance(view, (Blur, Mixed, Moved, Unseen)):
        return None
    if isinstance(view, Adaptive):
        common = gcd(view.width, view.length)
        return _axis_after(axis, view.length // common, view.width // common, view.taps)
    if isinstance(view, Crop):
        if not isinstance(axis, Cycle):
            first, last, stride = axis
            return first + view.start * stride, last + view.start * stride, stride * view.step
        start, step = view.start, view.step
        return _axis_after(axis, 1, step, lambda cell: range(cell * step + start, cell * step + start + 1))
    if isinstance(view, TransposedWindow):
        return _axis_after(axis, view.stride, 1, lambda cell: _transposed_taps(view, cell))
    common = gcd(view.above, view.below)
    return _axis_after(axis, view.above // common, view.below // common, view.taps)


def _transposed_taps(view: TransposedWindow, cell: int) -> range:
    """Return the input cells i that a transposed convolution adds into output cell o: o + P - i*S = 0, D, ... (F cells)."""
    place, step = cell + view.before, view.stride
    lowest, highest = -((view.reach - 1 - place) // step), place // step
    common = gcd(step, view.dilation)
    grid = view.dilation // common
    if place % common:
        return range(0)
    first = place // common * pow(step // common, -1, grid)  # i*S = o + P on the grid
    return range(lowest + (first - lowest) % grid, highest + 1, grid)


def _axis_after(axis: tuple[int, int, int] | Cycle, out: int, into: int, taps: Callable[[int], range]) -> Axis | None:
    """Return the axis after a layer whose pattern repeats every `out` output cells and `into` input cells.

    `taps` returns the input cells of an output cell. The result is None if the pattern would be too long to follow.
    """
    if not isinstance(axis, Cycle):
        axis = Cycle(((axis[0], axis[1]),), axis[2])
    seen, period = axis.seen, axis.period
    length = len(seen)
    times = length // gcd(length, into)
    if out * times > LONGEST:
        return None
    return _shortest([_hull(seen, period, taps(cell)) for cell in range(out * times)], period * into * times // length)


def _hull(seen: Sequence[tuple[int, int] | None], period: int, cells: range) -> tuple[int, int] | None:
    """Return the first and the last input cell that any of the cells sees."""
    length = len(seen)
    distinct = min(len(cells), length // gcd(length, abs(cells.step)))  # later cells see the same, shifted
    first = last = None
    for cell in cells[:distinct]:
        place = seen[cell % length]
        if place is not None:
            start = place[0] + cell // length * period
            first = start if first is None else min(first, start)
    for cell in cells[len(cells) - distinct :]:
        place = seen[cell % length]
        if place is not None:
            end = place[1] + cell // length * period
            last = end if last is None else max(last, end)
    return None if first is None or last is None else (first, last)


def _shortest(seen: list[tuple[int, int] | None], period: int) -> Axis:
    """Return the same pattern with the shortest cycle, or as a plain axis if every cell sees the same."""
    length = len(seen)
    for short in range(1, length):
        if length % short or period * short % length:
            continue
        shift = period * short // length
        if all(_shifted(seen[cell - short], shift) == seen[cell] for cell in range(short, length)):
            return _shortest(seen[:short], shift)
    only = seen[0]
    return (only[0], only[1], period) if length == 1 and only is not None else Cycle(tuple(seen), period)


def _shifted(place: tuple[int, int] | None, by: int) -> tuple[int, int] | None:
    return None if place is None else (place[0] + by, place[1] + by)


def _united(one: State | None, other: State | None) -> State | None:
    """Return the state of a value that depends on both; None if the strides differ or either is unknown."""
    if one is other or one == other:
        return one
    if one == () or other == ():
        return one or other
    for state in (one, other):
        if state and all(isinstance(axis, Span) and axis.whole for axis, _ in state):
            return state
    if one is None or other is None or len(one) != len(other):
        return None
    axes: list[tuple[Axis, int | None]] = []
    for (a, along), (b, beside) in zip(one, other, strict=True):
        both = _either(a, b)
        if both is None or (along != beside and not isinstance(both, Span)):
            return None
        axes.append((both, None if isinstance(both, Span) else along))
    return tuple(axes)


def _either(a: Axis, b: Axis) -> Axis | None:
    """Return the union on one axis."""
    if isinstance(a, Span) or isinstance(b, Span):
        if isinstance(a, Span) and isinstance(b, Span):
            return a if a.length != b.length and a.whole else a.joined(b)
        span = a if isinstance(a, Span) else b
        return span if isinstance(span, Span) and span.whole else None
    if not isinstance(a, Cycle) and not isinstance(b, Cycle):
        return (min(a[0], b[0]), max(a[1], b[1]), a[2]) if a[2] == b[2] else None
    cycle = a if isinstance(a, Cycle) else Cycle(((a[0], a[1]),), a[2])
    two = b if isinstance(b, Cycle) else Cycle(((b[0], b[1]),), b[2])
    if cycle.period * len(two.seen) != two.period * len(cycle.seen):
        return None
    length = len(cycle.seen) * len(two.seen) // gcd(len(cycle.seen), len(two.seen))
    if length > LONGEST:
        return None
    bounds = []
    for cell in range(length):
        x = _shifted(cycle.seen[cell % len(cycle.seen)], cell // len(cycle.seen) * cycle.period)
        y = _shifted(two.seen[cell % len(two.seen)], cell // len(two.seen) * two.period)
        bounds.append((min(x[0], y[0]), max(x[1], y[1])) if x and y else x or y)
    return _shortest(bounds, cycle.period * length // len(cycle.seen))


def of_features(fields: Iterable[tuple[Field, Shape]]) -> list[int] | None:
    """Return the largest receptive field of any feature map that does not see the whole input, per axis.

    `fields` are those of all nodes with their output shapes. None if one is not known, or if there is no feature map.
    """
    best: list[int] | None = None
    last: Field = WHOLE
    for field, shape in fields:
        if field is last or len(shape) == 1 or isinstance(field, Whole):
            continue
        last = field
        if field is None:
            return None
        if not field or any(isinstance(axis, Span) for axis in field):  # without axes, it comes from a vector
            continue
        sizes = [_size(axis) for axis in field]
        best = sizes if best is None or min(sizes) > min(best) else best
    return best


def extent(field: Field, whole: Shape) -> tuple[list[int], list[float | int | None] | None] | None:
    """Return (sizes, strides) per axis for an input of shape `whole`; None if the field is not known.

    Strides are None if every cell sees the same, on all axes or on one. If neighbours see fields of different sizes, the
    size is that of the largest.
    """
    if field is None or field == () or whole.rank == 0:
        return None
    if isinstance(field, Whole):
        return list(whole.spatial), None
    strides = [_stride(axis) for axis in field]
    return [_size(axis) for axis in field], strides if any(stride is not None for stride in strides) else None


def _size(axis: Axis) -> int:
    if isinstance(axis, Cycle):
        return max([place[1] - place[0] + 1 for place in axis.seen if place is not None], default=0)
    if isinstance(axis, Span):
        return axis.last - axis.first + 1
    return axis[1] - axis[0] + 1


def _stride(axis: Axis) -> float | int | None:
    if isinstance(axis, Cycle):
        length = len(axis.seen)
        return axis.period / length if axis.period % length else axis.period // length
    return None if isinstance(axis, Span) else axis[2]


def format_number(number: float | int | None) -> str:
    """Format a size or stride: whole numbers in full, others short, None as `-`.

    >>> format_number(1_048_576), format_number(1 / 3)
    ('1048576', '0.333333')
    """
    if number is None:
        return "-"
    return str(number) if isinstance(number, int) else f"{number:g}"
