"""The receptive field: which part of the input one output cell sees, as the union over all paths.

Per spatial axis it is kept as (first, last, stride): output cell i sees the input cells first + i*stride to
last + i*stride. Araujo, Norris & Sim 2019, "Computing Receptive Fields of Convolutional Neural Networks".
Behind an upsampling, neighbours differ in what they see; then a `Cycle` says it for each of them, until it repeats.
Borders are left aside: the field is that of a cell in the middle of a large input.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from math import gcd

from cnncalc.layers.base import Blur, Crop, Layer, Resample, View
from cnncalc.network import Network
from cnncalc.record import Record
from cnncalc.shape import Shape, TransposedWindow, Window

LONGEST = 512  # cells after which a pattern must repeat; beyond, the field is not known
MOST_CELLS = 500_000  # cells looked at in all patterns of a network; fields behind an upsampling are not known beyond


class Cycle(Record):
    """Output cell i + m*n of n = len(seen) sees the input cells seen[i][0] + m*period to seen[i][1] + m*period.

    A cell that sees nothing (a gap that a transposed convolution leaves) has None.
    """

    seen: tuple[tuple[int, int] | None, ...]
    period: int


Axis = tuple[int, int, int] | Cycle


class Whole:
    """Every cell sees the whole input."""

    __slots__ = ()


WHOLE = Whole()
Field = tuple[Axis, ...] | Whole | None  # None: not known


def receptive_fields(network: Network) -> list[Field]:
    """The field of every node, in the order of the nodes; None where it is not known."""
    fields: list[Field] = []
    looked_at = 0
    for node in network.nodes:
        layer, inputs = node.layer, node.inputs
        if layer is None:
            fields.append(((0, 0, 1),) * node.output.rank)
            continue
        field = fields[inputs[0]]
        for index in inputs[1 : len(inputs) - layer.lenders]:
            field = union(field, fields[index])
            looked_at += _cells(field)
        if type(layer).windows is not Layer.windows:
            shapes = network.shapes(node)
            below, field = field, _through(layer, shapes, field)
            if _cells(field):
                reach = max([getattr(view, "reach", 1) for view in layer.windows(*shapes) or ()], default=1)
                looked_at += _cells(field) * min(reach, max(_cells(below), 1))
        fields.append(field if looked_at <= MOST_CELLS or not _cells(field) else None)
    return fields


def _cells(field: Field) -> int:
    """How many cells the patterns of a field have; 0 where there is none."""
    if type(field) is not tuple or Cycle not in map(type, field):
        return 0
    return sum([len(axis.seen) for axis in field if isinstance(axis, Cycle)])


def _through(layer: Layer, shapes: Sequence[Shape], below: Field) -> Field:
    views = layer.windows(*shapes)
    if views == ():
        return below
    if views is None:
        return WHOLE
    if below is None or isinstance(below, Whole):
        return below
    if len(views) != len(below):
        return None
    found: list[Axis] = []
    for number, (view, axis) in enumerate(zip(views, below, strict=True)):
        if number and view is views[number - 1] and axis == below[number - 1]:
            found.append(found[-1])
            continue
        seen = _axis(view, axis)
        if seen is None:
            return None
        found.append(seen)
    return tuple(found)


def _axis(view: View, axis: Axis) -> Axis | None:
    if isinstance(view, Window):
        if not isinstance(axis, Cycle):
            first, last, stride = axis
            start = first - view.before * stride
            return start, last + (view.reach - 1 - view.before) * stride, stride * view.stride
        before, step, reach, dilation = view.before, view.stride, view.reach, view.dilation
        return _pulled(axis, 1, step, lambda cell: range(cell * step - before, cell * step - before + reach, dilation))
    if isinstance(view, Blur):
        return None
    if isinstance(view, Crop):
        if not isinstance(axis, Cycle):
            first, last, stride = axis
            return first + view.start * stride, last + view.start * stride, stride * view.step
        start, step = view.start, view.step
        return _pulled(axis, 1, step, lambda cell: range(cell * step + start, cell * step + start + 1))
    if isinstance(view, TransposedWindow):
        return _pulled(axis, view.stride, 1, lambda cell: _fed(view, cell))
    common = gcd(view.above, view.below)
    return _pulled(axis, view.above // common, view.below // common, lambda cell: _mixed(view, cell))


def _fed(view: TransposedWindow, cell: int) -> range:
    """The input cells i that a transposed convolution adds into output cell o: o + P - i*S = 0, D, ... (F cells)."""
    place, step = cell + view.before, view.stride
    lowest, highest = -((view.reach - 1 - place) // step), place // step
    common = gcd(step, view.dilation)
    grid = view.dilation // common
    if place % common:
        return range(0)
    first = place // common * pow(step // common, -1, grid)  # i*S = o + P on the grid
    return range(lowest + (first - lowest) % grid, highest + 1, grid)


def _mixed(view: Resample, cell: int) -> range:
    """The input cells that an output cell of a resampling is made of: the nearest, or the `reach` ones around it.

    With reach 2 or 4 cell centres are aligned (PyTorch 2, align_corners=False); one that falls on another is a copy.
    """
    if view.reach == 1:
        nearest = cell * view.below // view.above
        return range(nearest, nearest + 1)
    # (cell + 1/2)*below/above - 1/2
    whole, rest = divmod((2 * cell + 1) * view.below - view.above, 2 * view.above)
    half = view.reach // 2
    return range(whole - half + 1, whole + half + 1) if rest else range(whole, whole + 1)


def _pulled(axis: Axis, out: int, into: int, taps: Callable[[int], range]) -> Axis | None:
    """The axis behind a layer whose pattern repeats after `out` output cells, `into` input cells further on.

    `taps` gives the input cells of an output cell. None where the pattern would be too long to follow.
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
    """From the first to the last input cell that any of the cells sees."""
    length = len(seen)
    distinct = min(len(cells), length // gcd(length, abs(cells.step)))  # the ones after them see the same, further on
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
    """The same pattern with the shortest cycle; as a plain axis where every cell sees alike."""
    length = len(seen)
    for short in range(1, length):
        if length % short or period * short % length:
            continue
        shift = period * short // length
        if all(_moved(seen[cell - short], shift) == seen[cell] for cell in range(short, length)):
            return _shortest(seen[:short], shift)
    only = seen[0]
    return (only[0], only[1], period) if length == 1 and only is not None else Cycle(tuple(seen), period)


def _moved(place: tuple[int, int] | None, by: int) -> tuple[int, int] | None:
    return None if place is None else (place[0] + by, place[1] + by)


def union(one: Field, other: Field) -> Field:
    """The field of a value that depends on both; None where the strides differ or either is unknown."""
    if one is other or one == other:
        return one
    if isinstance(one, Whole) or isinstance(other, Whole):
        return WHOLE
    if one is None or other is None or len(one) != len(other):
        return None
    found: list[Axis] = []
    for a, b in zip(one, other, strict=True):
        both = _either(a, b)
        if both is None:
            return None
        found.append(both)
    return tuple(found)


def _either(a: Axis, b: Axis) -> Axis | None:
    """The union on one axis."""
    if not isinstance(a, Cycle) and not isinstance(b, Cycle):
        return (min(a[0], b[0]), max(a[1], b[1]), a[2]) if a[2] == b[2] else None
    one = a if isinstance(a, Cycle) else Cycle(((a[0], a[1]),), a[2])
    two = b if isinstance(b, Cycle) else Cycle(((b[0], b[1]),), b[2])
    if one.period * len(two.seen) != two.period * len(one.seen):
        return None
    length = len(one.seen) * len(two.seen) // gcd(len(one.seen), len(two.seen))
    if length > LONGEST:
        return None
    found = []
    for cell in range(length):
        x = _moved(one.seen[cell % len(one.seen)], cell // len(one.seen) * one.period)
        y = _moved(two.seen[cell % len(two.seen)], cell // len(two.seen) * two.period)
        found.append((min(x[0], y[0]), max(x[1], y[1])) if x and y else x or y)
    return _shortest(found, one.period * length // len(one.seen))


def of_features(fields: Iterable[tuple[Field, Shape]]) -> list[int] | None:
    """The largest receptive field of any feature map, per axis: how far the network sees before a layer sees everything.

    `fields` are those of all nodes with their output shapes. None where one is not known, or there is no feature map.
    """
    best: list[int] | None = None
    last: Field = WHOLE
    for field, shape in fields:
        if field is last or len(shape) == 1 or isinstance(field, Whole):
            continue
        last = field
        if field is None:
            return None
        sizes = [_size(axis) for axis in field]
        best = sizes if best is None or min(sizes) > min(best) else best
    return best


def extent(field: Field, whole: Shape) -> tuple[list[int], list[float | int] | None] | None:
    """(sizes, strides) per axis for an input of shape `whole`; strides None where all of it is seen; None: not known.

    Where neighbours see fields of different sizes, the size is that of the largest.
    """
    if field is None or field == () or whole.rank == 0:
        return None
    if isinstance(field, Whole):
        return list(whole.spatial), None
    return [_size(axis) for axis in field], [_stride(axis) for axis in field]


def _size(axis: Axis) -> int:
    if isinstance(axis, Cycle):
        return max([place[1] - place[0] + 1 for place in axis.seen if place is not None], default=0)
    return axis[1] - axis[0] + 1


def _stride(axis: Axis) -> float | int:
    if isinstance(axis, Cycle):
        length = len(axis.seen)
        return axis.period / length if axis.period % length else axis.period // length
    return axis[2]


def spelled(number: float | int) -> str:
    """A size or stride as it is printed: whole numbers in full, others short.

    >>> spelled(1_048_576), spelled(1 / 3)
    ('1048576', '0.333333')
    """
    return str(number) if isinstance(number, int) else f"{number:g}"
