"""ONNX operators that move, cut, join or sum up numbers."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from cnncalc.layers import reshape
from cnncalc.layers.base import Layer
from cnncalc.layers.views import Blur, Crop
from cnncalc.readers.axes import Dims, Order, visible
from cnncalc.readers.onnx.constants import numpy, slice_arguments, slice_range
from cnncalc.readers.onnx.graph import Reader, Step, Value
from cnncalc.readers.onnx.operators.elementwise import HANDLERS as ELEMENTWISE
from cnncalc.readers.onnx.operators.elementwise import spread_order, together
from cnncalc.readers.onnx.operators.layers import embedding, joined
from cnncalc.readers.onnx.operators.sums import HANDLERS as SUMS
from cnncalc.readers.onnx.operators.sums import given_axes
from cnncalc.readers.onnx.operators.windows import SIDES, Handler, broadcast
from cnncalc.shape import Shape
from cnncalc.text import show

# -- views ------------------------------------------------------------------------------------------------------------


def view(r: Reader, step: Step, x: Value, dims: Dims, order: Order, k: int = 0) -> Value:
    """The same numbers with other dimensions: a reshape, or nothing at all where the shown shape stays."""
    if x.index is None:
        value = Value(dims, tensors=x.tensors, why=x.why or "it is worked out from weights")
        r.put(step, value, k)
        return value
    shape, now = visible(dims, order), r.builder.shape(x.index)
    if shape == now and _monotone(x) == _monotone(Value(dims, None, order)):
        value = Value(dims, x.index, order)
        r.put(step, value, k)
        return value
    layer: Layer = reshape.Flatten() if len(shape) == 1 else reshape.Reshape(to=tuple(shape))
    return r.emit(step, layer, [x], order, len(dims), k=k)


def _monotone(x: Value) -> list[int]:
    """The order of the axes that are not 1, counted among themselves."""
    axes = [axis for axis in x.order if x.dims[axis] != 1]
    ranks = {axis: rank for rank, axis in enumerate(sorted(axes))}
    return [ranks[axis] for axis in axes]


def reshaped(r: Reader, step: Step) -> None:
    """Reshape, with -1 and 0; a fixed batch size in the target is read as 1."""
    x = step.need(0)
    to = step.numbers(1, "shape")
    if to is None:
        step.wrong("there is no target shape")
    zeros = [place for place, n in enumerate(to) if n == 0]
    if zeros and not step.given.get("allowzero"):
        if zeros[-1] >= len(x.dims):
            step.wrong(f"it copies dimension {zeros[-1]}, but the input has {len(x.dims)}")
        to = [x.dims[place] if n == 0 else n for place, n in enumerate(to)]
    if min(to, default=0) < -1 or to.count(-1) > 1 or 0 in to:
        step.wrong(f"the target shape {show(to)} is none")
    to = r.without_batch(step, to)
    known = prod(n for n in to if n != -1)
    if r.batch > 1 and (known != x.size if -1 not in to else to[0] == r.batch or x.size % known):
        place = next((place for place, n in enumerate(to) if n > 0 and n % r.batch == 0), None)
        if place is not None:
            to[place] //= r.batch
            known //= r.batch
    if -1 in to:
        to[to.index(-1)] = x.size // known
    if prod(to) != x.size:
        step.wrong(
            f"{x.size:,} numbers cannot take the shape {show('x'.join(map(str, step.numbers(1, 'shape') or [])))}",
            "give the sizes the model was exported with: `--dim NAME=VALUE`, or `--input`",
        )
    dims = tuple(to)
    view(r, step, x, dims, _order_after(r, step, x, dims))


def _order_after(r: Reader, step: Step, x: Value, dims: Dims) -> Order:
    """The order after a change of dimensions: the batch stays hidden in front where it was."""
    if dims == x.dims and x.index is not None:
        return x.order
    return r.order(step, dims)


def flattened(r: Reader, step: Step) -> None:
    """Flatten around an axis, 1 unless given."""
    x = step.need(0)
    axis = step.given.get("axis", 1)
    axis += len(x.dims) if axis < 0 else 0
    dims = (prod(x.dims[:axis]), prod(x.dims[axis:]))
    if x.index is not None and dims[0] == 1:
        r.emit(step, reshape.Flatten(), [x], (1,), 2)
    else:
        view(r, step, x, dims, r.order(step, dims))


def squeezed(r: Reader, step: Step) -> None:
    """Squeeze: axes of 1 taken out."""
    x = step.need(0)
    axes = given_axes(step, len(x.dims))
    axes = [axis for axis, length in enumerate(x.dims) if length == 1] if axes is None else axes
    if any(x.dims[axis] != 1 for axis in axes):
        step.wrong(f"axes {show(axes)} of {show(x.dims)} are not all 1")
    kept = [axis for axis in range(len(x.dims)) if axis not in axes]
    dims = tuple(x.dims[axis] for axis in kept)
    hidden = frozenset(place for place, axis in enumerate(kept) if axis not in x.order and x.index is not None)
    view(r, step, x, dims, _mapped(x, {axis: place for place, axis in enumerate(kept)}, dims, hidden))


def unsqueezed(r: Reader, step: Step) -> None:
    """Unsqueeze: axes of 1 put in."""
    x = step.need(0)
    count = len(step.numbers(1, "axes") or [])
    axes = given_axes(step, len(x.dims) + count) or []
    rest = [axis for axis in range(len(x.dims) + count) if axis not in axes]
    dims = [1] * len(rest + axes)
    for axis, length in zip(rest, x.dims, strict=True):
        dims[axis] = length
    places = dict(enumerate(rest))
    hidden = frozenset(places[axis] for axis in range(len(x.dims)) if axis not in x.order and x.index is not None)
    if 0 in axes:
        hidden |= {0}
    view(r, step, x, tuple(dims), _mapped(x, places, tuple(dims), hidden))


def _mapped(x: Value, places: dict[int, int], dims: Dims, hidden: frozenset[int]) -> Order:
    """The order after axes moved to `places`: that of the input, new axes where they stand in ONNX."""
    order = [places[axis] for axis in x.order if axis in places] if x.index is not None else []
    if order != sorted(order):  # channels last: new axes in front of the channels
        new = [axis for axis in range(len(dims)) if axis not in order and axis not in hidden]
        return (*order[:-1], *new, *order[-1:])
    return tuple(axis for axis in range(len(dims)) if axis not in hidden)


def permuted(r: Reader, step: Step) -> None:
    """Transpose; nothing happens where the shown shape is channels last already."""
    x = step.need(0)
    rank = len(x.dims)
    perm = list(step.given.get("perm") or range(rank)[::-1])
    if sorted(perm) != list(range(rank)):
        step.wrong(f"perm {show(perm)} does not suit {rank} dimensions")
    dims = tuple(x.dims[axis] for axis in perm)
    if x.index is None:
        r.put(step, Value(dims, tensors=x.tensors, why="it is worked out from weights"))
        return
    hidden = frozenset(place for place, axis in enumerate(perm) if axis not in x.order)
    order = r.order(step, dims, hidden=hidden)
    if rank > 3 and x.order == tuple(range(1, rank)) and perm == [0, rank - 1, *range(1, rank - 1)]:
        order = (*range(2, rank), 1)  # channels are moved to the front, and shown last as before
    axes = tuple(x.order.index(perm[place]) for place in order)
    if axes == tuple(range(len(axes))):
        r.put(step, Value(dims, x.index, order))
    else:
        r.emit(step, reshape.Permute(axes=axes), [x], order, rank)


def expanded(r: Reader, step: Step) -> None:
    """Expand and Tile."""
    x, numbers = step.need(0), step.numbers(1) or []
    if step.op == "Tile":
        if len(numbers) != len(x.dims):
            step.wrong(f"{len(numbers)} repeats for {len(x.dims)} dimensions")
        dims = tuple(a * b for a, b in zip(x.dims, numbers, strict=True))
    else:
        numbers = r.without_batch(step, numbers)
        if r.batch > 1 and len(numbers) >= len(x.dims) and numbers[:1] == [r.batch]:
            numbers[0] = 1
        dims = broadcast(step, x.dims, tuple(numbers))
    if dims == x.dims:
        r.put(step, x)
    elif x.index is None:
        r.put(step, Value(dims, tensors=x.tensors, why="it is worked out from weights"))
    else:
        r.operator(step, dims, [x], spread_order(x, dims), views=(Blur(),))


# -- cut and joined ---------------------------------------------------------------------------------------------------


def sliced(r: Reader, step: Step) -> None:
    """Slice by starts, ends, axes and steps."""
    x = step.need(0)
    arrays = [x.array, *[step.array(place) if step.x(place) is not None else None for place in range(1, 5)]]
    try:
        starts, ends, axes, steps = slice_arguments(arrays, step.given, len(x.dims))
        cuts = [slice_range(a, b, c, x.dims[axis]) for a, b, c, axis in zip(starts, ends, steps, axes, strict=True)]
    except ValueError as error:
        step.wrong(str(error))
    dims = list(x.dims)
    for (start, end, by), axis in zip(cuts, axes, strict=True):
        assert start is not None
        assert end is not None
        assert by is not None
        dims[axis] = max(0, -(-(end - start) // by))
    if 0 in dims:
        step.unsupported(f"it cuts everything off: {show(tuple(dims))}", "check the size of the input")
    changed = [place for place, axis in enumerate(axes) if cuts[place] != (0, x.dims[axis], 1)]
    if not changed:
        r.put(step, x)
        return
    if (
        len(changed) > 1
        and x.index is not None
        and len(set(axes)) == len(axes)
        and _cropped(r, step, x, tuple(dims), axes, cuts)
    ):
        return
    one = changed[0] if len(changed) == 1 else None
    start, end, by = cuts[one] if one is not None else (0, 0, -1)
    axis = axes[one] if one is not None else -1
    assert start is not None
    assert end is not None
    assert by is not None
    cut(r, step, x, tuple(dims), axis, (start, end, by))


def _cropped(
    r: Reader, step: Step, x: Value, dims: Dims, axes: Sequence[int], cuts: Sequence[tuple[int | None, ...]]
) -> bool:
    """A part of a value along several axes that are shown: what its cells see is known."""
    parts = {axis: (start, by) for axis, (start, _, by) in zip(axes, cuts, strict=True)}
    views = []
    for axis in x.order[:-1]:
        start, by = parts.get(axis, (0, 1))
        if start is None or by is None or by < 1:
            return False
        views.append(Crop(start, by))
    if any(dims[axis] != x.dims[axis] and axis not in x.order for axis in axes):
        return False
    r.operator(step, dims, [x], x.order, in_place=True, views=tuple(views))
    return True


def cut(r: Reader, step: Step, x: Value, dims: Dims, axis: int, part: tuple[int, int, int], k: int = 0) -> None:
    """A part of a value along an axis: a slice where the axis has a name."""
    start, end, by = part
    if x.index is not None and axis in x.order and by > 0 and end > start and len(x.order) <= 4:
        names = [*Shape(visible(x.dims, x.order)).axes, "channels"]
        layer = reshape.Slice(start=start, stop=end, step=by, axis=names[x.order.index(axis)])
        r.emit(step, layer, [x], x.order, len(dims), k=k)
    elif x.index is None:
        r.put(step, Value(dims, tensors=x.tensors, why=x.why or "it is a part of a weight"), k)
    else:
        shown = x.order + tuple(a for a in range(len(dims)) if a not in x.order and dims[a] != 1)
        r.operator(step, dims, [x], shown, k=k, in_place=True, views=(Blur(),))


def split(r: Reader, step: Step) -> None:
    """Split into parts of given sizes, or into equal ones."""
    x = step.need(0)
    axis = step.given.get("axis", 0)
    axis += len(x.dims) if axis < 0 else 0
    if not 0 <= axis < len(x.dims):
        step.wrong(f"{show(x.dims)} has no axis {axis}")
    length, count = x.dims[axis], len(step.outputs)
    sizes = step.numbers(1, "split")
    if not sizes:
        if step.given.get("num_outputs", count) != count:
            step.wrong(f"num_outputs is {step.given['num_outputs']}, but it has {count}")
        each = -(-length // count)
        sizes = [each] * (count - 1) + [length - each * (count - 1)]
    if sum(sizes) != length or min(sizes) < 0 or len(sizes) < len(step.outputs):
        step.wrong(f"parts of {show(sizes)} do not make up {length}")
    start = 0
    for k, size in enumerate(sizes[: len(step.outputs)]):
        dims = (*x.dims[:axis], size, *x.dims[axis + 1 :])
        if not size:
            r.put(step, Value(dims, array=numpy().empty(dims, "float32")), k)
        elif step.outputs[k] and (step.scope.users.get(step.outputs[k]) or step.outputs[k] in step.scope.outputs):
            cut(r, step, x, dims, axis, (start, start + size, 1), k)
        start += size


def concat(r: Reader, step: Step) -> None:
    """Concat along an axis."""
    xs = [x for x in step.xs if x is not None and x.size] or [step.need(0)]
    rank = len(xs[0].dims)
    axis = step.given.get("axis", 1)
    axis += rank if axis < 0 else 0
    rest = {(len(x.dims), x.dims[:axis], x.dims[axis + 1 :]) for x in xs}
    if len(rest) != 1 or not 0 <= axis < rank:
        step.wrong(f"{' and '.join(show(x.dims) for x in xs[:6])} cannot be joined along axis {axis}")
    dims = (*xs[0].dims[:axis], sum(x.dims[axis] for x in xs), *xs[0].dims[axis + 1 :])
    if len(xs) == 1 or joined(r, step, dims, axis, xs):
        if len(xs) == 1:
            r.put(step, xs[0])
        return
    learned = [x for x in xs if x.learned]
    active = [x for x in xs if x.index is not None]
    order = None
    if active and all(x.order == active[0].order for x in active):
        order = active[0].order + (() if axis in active[0].order else (axis,))
        order = tuple(sorted(order)) if axis not in active[0].order else order
    r.operator(step, dims, xs, order, {"weight": together(r, learned) if learned else None}, views=(Blur(),))


def gathered(r: Reader, step: Step) -> None:
    """Gather: rows of a table by a fed index, or parts of a value by known ones."""
    if embedding(r, step):
        return
    x, index = step.need(0), step.need(1)
    rank = len(x.dims)
    axis = step.given.get("axis", 0)
    axis += rank if axis < 0 else 0
    if not 0 <= axis < rank:
        step.wrong(f"{show(x.dims)} has no axis {step.given.get('axis', 0)}")
    dims = (*x.dims[:axis], *index.dims, *x.dims[axis + 1 :])
    if x.index is None:
        held = {"weight": x} if index.index is not None else None
        r.operator(step, dims, [x] if index.index is None else [index], None, held)
        return
    grown = len(index.dims) - 1
    places = {a: a if a < axis else a + grown for a in range(rank) if a != axis}
    hidden = frozenset(places[a] for a in range(rank) if a != axis and a not in x.order)
    order = tuple(a for a in range(len(dims)) if a not in hidden)
    if x.order != tuple(sorted(x.order)) and grown == 0:
        order = x.order
    elif x.order != tuple(sorted(x.order)) and axis in x.order and grown < 0:
        order = tuple(places[a] for a in x.order if a != axis)
    r.operator(step, dims, [x], order, in_place=grown <= 0, views=(Blur(),))


def gathered_elements(r: Reader, step: Step) -> None:
    """GatherElements: as many numbers as indices."""
    x, index = step.need(0), step.need(1)
    held = {"weight": x} if x.index is None else None
    r.operator(step, index.dims, [x] if index.index is None else [x, index], held=held)


def padded(r: Reader, step: Step) -> None:
    """Pad along any axes."""
    x = step.need(0)
    rank = len(x.dims)
    pads = step.numbers(1, "pads") or step.given.get("paddings") or []
    axes = list(range(rank))
    if step.x(3) is not None:
        axes = [axis + rank if axis < 0 else axis for axis in step.numbers(3) or []]
    if len(pads) != 2 * len(axes) or any(not 0 <= axis < rank for axis in axes):
        step.wrong(f"pads {show(pads)} do not suit {len(axes)} axes")
    before, after = [0] * rank, [0] * rank
    for place, axis in enumerate(axes):
        before[axis], after[axis] = pads[place], pads[place + len(axes)]
    dims = tuple(length + a + b for length, a, b in zip(x.dims, before, after, strict=True))
    if dims == x.dims and not any(before):
        r.put(step, x)
        return
    if min(dims, default=1) < 1:
        step.wrong(f"nothing is left: {show(dims)}")
    changed = [axis for axis in range(rank) if before[axis] or after[axis]]
    if x.index is not None and rank > 2 and 1 not in changed and rank - 1 in changed and x.order[-1:] == (rank - 1,):
        x = r.channels_last(x)
    order, mode = (
        x.order,
        {"constant": "zeros", "reflect": "reflect", "edge": "replicate"}.get(str(step.given.get("mode", "constant"))),
    )
    spatial = len(order) - 1
    if mode and 1 <= spatial <= 3 and min(pads) >= 0 and all(axis in order[:-1] for axis in changed):
        sides = [cells for axis in order[:-1] for cells in (before[axis], after[axis])]
        by = dict(zip(SIDES[spatial], sides, strict=True))
        layer = reshape.Padding(by=sides[0] if len(set(sides)) == 1 else by, mode=mode)
        r.emit(step, layer, [x], order, rank)
    else:
        shown = order + tuple(axis for axis in changed if axis not in order)
        deeper = x.order[-1:] == tuple(changed)  # only the channels are more
        r.operator(step, dims, [x], shown if x.index is not None else None, views=() if deeper else (Blur(),))


HANDLERS: dict[str, Handler] = {
    **ELEMENTWISE,
    **SUMS,
    "Reshape": reshaped, "Flatten": flattened, "Squeeze": squeezed, "Unsqueeze": unsqueezed, "Transpose": permuted,
    "Expand": expanded, "Tile": expanded, "Slice": sliced, "Split": split, "Concat": concat, "Gather": gathered,
    "GatherElements": gathered_elements, "Pad": padded,
}  # fmt: skip
