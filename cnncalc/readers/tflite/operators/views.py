"""Read TFLite operators that move, cut, join or repeat values."""

from __future__ import annotations

from math import prod

from cnncalc.layers import merge, reshape
from cnncalc.layers.base import Layer
from cnncalc.layers.views import Blur, Crop, Mixed
from cnncalc.readers.axes import Dims, format_dims
from cnncalc.readers.tflite.arithmetic import LARGEST
from cnncalc.readers.tflite.graph import Operation, Reader, Value
from cnncalc.readers.tflite.operators.common import Handler, broadcast, build_layer, view
from cnncalc.readers.tflite.operators.products import add_embedding
from cnncalc.readers.tflite.slices import Cut, Part, slice_cuts, strided_cuts, taken_numbers
from cnncalc.text import show

# -- views --


def change_shape(r: Reader, step: Operation) -> None:
    """Read RESHAPE, to the numbers of its second input or of its options. One of them may be -1."""
    x = step.required(0)
    stated = step.input(1) is not None
    to = step.numbers(1) if stated else [int(n) for n in step.option("shape")]
    if min(to, default=0) < -1 or to.count(-1) > 1:
        step.raise_invalid(f"its target {show(to)} is not a shape")
    whole = list(to)
    known = prod(n for n in to if n != -1)
    if r.batch > 1 and (known != x.size if -1 not in to else to[0] == r.batch or not known or x.size % known):
        place = next((place for place, n in enumerate(to) if n > 0 and n % r.batch == 0), None)
        if place is not None:
            to[place] //= r.batch
            known //= r.batch
    if -1 in to:
        to[to.index(-1)] = x.size // known if known else 0
    if prod(to) != x.size:
        step.raise_invalid(
            f"{x.size:,} numbers cannot take the shape {show('x'.join(map(str, whole)))}",
            "use the input size that the model was converted with",
        )
    r.set_output(step, view(r, step, x, tuple(to)))


def squeeze(r: Reader, step: Operation) -> None:
    """Read SQUEEZE, which removes axes of length 1."""
    x = step.required(0)
    axes = [step.axis(axis, len(x.dims)) for axis in step.option("axes")]
    axes = axes or [axis for axis, length in enumerate(x.dims) if length == 1]
    if any(x.dims[axis] != 1 for axis in axes):
        step.raise_invalid(f"not all axes {show(axes)} of its input {format_dims(x.dims)} are 1")
    r.set_output(step, view(r, step, x, tuple(n for axis, n in enumerate(x.dims) if axis not in axes)))


def expand_dims(r: Reader, step: Operation) -> None:
    """Read EXPAND_DIMS, which inserts an axis of length 1."""
    x = step.required(0)
    axis = step.axis((step.numbers(1) or [0])[0], len(x.dims) + 1)
    r.set_output(step, view(r, step, x, (*x.dims[:axis], 1, *x.dims[axis:])))


def transpose(r: Reader, step: Operation) -> None:
    """Read TRANSPOSE. No layer is added if only axes of length 1 move, or if it reads an input that is shown channels last."""
    x = step.required(0)
    result = step.scope.results.get(id(step.info))
    if result is not None:
        r.set_output(step, result)
        return
    perm = step.axes(1, len(x.dims))
    if sorted(perm) != list(range(len(x.dims))):
        step.raise_invalid(f"perm {show(perm)} does not fit {len(x.dims)} axes")
    after = Value(
        tuple(x.dims[axis] for axis in perm), x.index, tensors=x.tensors, why="they are computed from weights"
    )
    long = [axis for axis in perm if x.dims[axis] != 1]
    if x.index is None:
        r.set_output(step, after)
    elif long == sorted(long):
        r.set_output(step, view(r, step, x, after.dims))
    elif sorted(perm[place] for place in after.order) == list(x.order):
        axes = tuple(x.order.index(perm[place]) for place in after.order)
        r.set_output(step, r.add_layer(step, reshape.Permute(axes=axes), [x], dims=after.dims))
    else:
        r.set_output(step, r.add_operator(step, after.dims, [x], in_place=True, views=(Mixed(),), name="permute"))


def expand(r: Reader, step: Operation) -> None:
    """Read TILE and BROADCAST_TO."""
    x, numbers = step.required(0), step.numbers(1)
    if step.kind == "TILE":
        if len(numbers) != len(x.dims):
            step.raise_invalid(f"{len(numbers)} repeats do not fit {len(x.dims)} axes")
        dims = tuple(a * b for a, b in zip(x.dims, numbers, strict=True))
    else:
        if r.batch > 1 and len(numbers) >= len(x.dims) and numbers[:1] == [r.batch]:
            numbers[0] = 1
        dims = broadcast(step, x.dims, tuple(numbers))
    if dims == x.dims:
        r.set_output(step, x)
    elif x.index is None:
        r.set_output(step, Value(dims, tensors=x.tensors, why="they are computed from weights"))
    elif prod(dims) == x.size:
        r.set_output(step, view(r, step, x, dims))
    else:
        r.set_output(step, r.add_operator(step, dims, [x], views=(Blur(),)))


# -- cut and joined --


def cut_slice(r: Reader, step: Operation) -> None:
    """Read SLICE and STRIDED_SLICE."""
    x = step.required(0)
    try:
        if step.kind == "SLICE":
            part = slice_cuts(x.dims, step.numbers(1), step.numbers(2))
        else:
            part = strided_cuts(x.dims, [step.numbers(place) for place in (1, 2, 3)], step.info.options)
    except ValueError as error:
        step.raise_invalid(str(error))
    r.set_output(step, take(r, step, x, part))


def take(r: Reader, step: Operation, x: Value, part: Part, name: str = "") -> Value:
    """Return a part of a value. It becomes a slice layer if it is cut along one axis."""
    dims = tuple(cut.length for cut in part.cuts)
    if x.index is None:
        numbers = taken_numbers(x.numbers, x.dims, part, LARGEST) if x.numbers is not None else None
        return Value(part.dims, numbers=numbers, tensors=x.tensors, why=x.why or "they are part of a weight")
    if 0 in dims:
        step.raise_unsupported(f"its output would be empty: {format_dims(dims)}", "check the size of the input")
    changed = [axis for axis, cut in enumerate(part.cuts) if not cut.is_whole(x.dims[axis])]
    one = changed[0] if len(changed) == 1 else -1
    if not changed:
        return view(r, step, x, part.dims)
    cuts_only = tuple(part.dims) == dims
    step.several = step.several or not cuts_only
    if one in x.order and len(x.order) <= 4 and part.cuts[one].step > 0:
        names, cut = [*x.shape.axes, "channels"], part.cuts[one]
        layer = reshape.Slice(start=cut.start, stop=cut.stop, step=cut.step, axis=names[x.order.index(one)])
        value = r.add_layer(step, layer, [x], dims=_shown_dims(x, dims), part=name)
    else:
        spatial = [part.cuts[axis] for axis in x.order[:-1]]
        plain = all(cut.step > 0 for cut in spatial) and set(changed) <= set(x.order)
        views = tuple(Crop(cut.start, cut.step) for cut in spatial) if plain else (Blur(),)
        if len(Value(dims).order) != len(x.order):
            views = (Blur(),)
        value = r.add_operator(step, dims, [x], in_place=True, views=views, name="slice", part=name)
    return view(r, step, value, part.dims)


def _shown_dims(x: Value, dims: Dims) -> Dims:
    """Return dimensions that are shown like those of `x`: an axis cut to 1 in the first place would be hidden."""
    return dims if len(Value(dims).order) == len(x.order) else (1, *dims)


def split(r: Reader, step: Operation) -> None:
    """Read SPLIT into equal parts and SPLIT_V into parts of given sizes, of which one may be -1."""
    equal = step.kind == "SPLIT"
    x, count = step.required(1 if equal else 0), len(step.info.outputs)
    places = step.numbers(0 if equal else 2)
    axis = step.axis(places[0] if places else 0, len(x.dims))
    length = x.dims[axis]
    if equal:
        if not count or length % count:
            step.raise_invalid(f"{length} cells cannot be split into {count} equal parts")
        sizes = [length // count] * count
    else:
        sizes = step.numbers(1)
        if sizes.count(-1) == 1:
            sizes[sizes.index(-1)] = length - sum(sizes) - 1
    if sum(sizes) != length or min(sizes, default=0) < 0 or len(sizes) != count:
        step.raise_invalid(f"parts of {show(sizes)} do not add up to {length}")
    start = 0
    step.several = count > 1
    for k, size in enumerate(sizes):
        output = step.info.outputs[k]
        cuts = [Cut(0, n, 1) for n in x.dims]
        cuts[axis] = Cut(start, start + size, 1)
        start += size
        if x.index is None or (size and (step.scope.users.get(output) or output in step.scope.outputs)):
            dims = (*x.dims[:axis], size, *x.dims[axis + 1 :])
            r.set_output(step, take(r, step, x, Part(tuple(cuts), dims), f"slice{k}"), k)


def unpack(r: Reader, step: Operation) -> None:
    """Read UNPACK, which splits an axis into single places and removes it."""
    x = step.required(0)
    axis = step.axis(step.option("axis"), len(x.dims))
    if len(step.info.outputs) != x.dims[axis]:
        step.raise_invalid(f"it has {len(step.info.outputs)} outputs for an axis of length {x.dims[axis]}")
    step.several = True
    dims = (*x.dims[:axis], *x.dims[axis + 1 :])
    for k, output in enumerate(step.info.outputs):
        if step.scope.users.get(output) or output in step.scope.outputs or x.index is None:
            cuts = [Cut(0, n, 1) for n in x.dims]
            cuts[axis] = Cut(k, k + 1, 1)
            r.set_output(step, take(r, step, x, Part(tuple(cuts), dims), f"slice{k}"), k)


def concat(r: Reader, step: Operation) -> None:
    """Read CONCATENATION along an axis."""
    xs = [x for x in step.inputs if x is not None and x.size] or [step.required(0)]
    rank = len(xs[0].dims)
    axis = step.axis(step.option("axis"), rank)
    if len({(len(x.dims), x.dims[:axis], x.dims[axis + 1 :]) for x in xs}) != 1:
        step.raise_invalid(f"it cannot join {' and '.join(format_dims(x.dims) for x in xs[:6])} along axis {axis}")
    dims = (*xs[0].dims[:axis], sum(x.dims[axis] for x in xs), *xs[0].dims[axis + 1 :])
    active = [x for x in xs if x.index is not None]
    if len(xs) == 1 or not active:
        value = xs[0] if len(xs) == 1 else Value(dims, tensors=r.tensors_of(xs), why="they are computed from weights")
        r.conclude(step, value)
        return
    nodes = [x if x.index is not None else r.add_constant(x) for x in xs]
    order = nodes[0].order
    if axis in order and all(x.order == order for x in nodes) and len(order) <= 4:
        names = [*nodes[0].shape.axes, "channels"]
        layer: Layer = build_layer(step, merge.Concat, axis=names[order.index(axis)])
        r.conclude(step, r.add_layer(step, layer, nodes, dims=dims))
    else:
        r.conclude(step, r.add_operator(step, dims, nodes, views=(Blur(),), name="concat"))


def pack(r: Reader, step: Operation) -> None:
    """Read PACK, which joins values along a new axis."""
    xs = [x for x in step.inputs if x is not None]
    if not xs or len({x.dims for x in xs}) != 1:
        step.raise_invalid(f"it cannot stack {' and '.join(format_dims(x.dims) for x in xs[:6]) or 'nothing'}")
    axis = step.axis(step.option("axis"), len(xs[0].dims) + 1)
    dims = (*xs[0].dims[:axis], len(xs), *xs[0].dims[axis:])
    if len(xs) == 1:
        r.set_output(step, view(r, step, xs[0], dims))
        return
    learned = [x for x in xs if x.is_learned]
    parameters = {"weight": Value((), tensors=r.tensors_of(learned))} if learned else None
    r.set_output(step, r.add_operator(step, dims, xs, parameters, views=(Blur(),)))


def gather(r: Reader, step: Operation) -> None:
    """Read GATHER: rows of a table of weights, or chosen places along an axis of a value."""
    x, index = step.required(0), step.required(1)
    axis, lead = step.axis(step.option("axis"), len(x.dims)), step.option("batch_dims")
    lead += len(index.dims) if lead < 0 else 0
    if not 0 <= lead <= min(axis, len(index.dims)) or x.dims[:lead] != index.dims[:lead]:
        step.raise_invalid(
            f"{lead} leading axes of {format_dims(x.dims)} and {format_dims(index.dims)} are not the same"
        )
    if x.index is None and index.index is not None and axis == lead == 0:
        add_embedding(r, step, x, index)
        return
    dims = (*x.dims[:axis], *index.dims[lead:], *x.dims[axis + 1 :])
    if x.index is not None and index.numbers is not None and len(index.numbers) == 1 and not lead:
        place = int(index.numbers[0])
        if not 0 <= place < x.dims[axis]:
            step.raise_invalid(f"its axis {axis} has a length of {x.dims[axis]}, so there is no place {place}")
        step.shape_places.add(1)
        cuts = [Cut(0, n, 1) for n in x.dims]
        cuts[axis] = Cut(place, place + 1, 1)
        r.set_output(step, take(r, step, x, Part(tuple(cuts), dims)))
        return
    r.set_output(step, r.add_operator(step, dims, [x, index], _table(x), views=(Blur(),)))


def _table(x: Value) -> dict[str, Value | None] | None:
    return {"weight": x} if x.index is None else None


def gather_nd(r: Reader, step: Operation) -> None:
    """Read GATHER_ND: the last axis of the indices names a place."""
    x, index = step.required(0), step.required(1)
    if not index.dims or index.dims[-1] > len(x.dims):
        step.raise_invalid(f"indices of {format_dims(index.dims)} do not fit {format_dims(x.dims)}")
    dims = (*index.dims[:-1], *x.dims[index.dims[-1] :])
    r.set_output(step, r.add_operator(step, dims, [x, index], _table(x), views=(Blur(),)))


HANDLERS: dict[str, Handler] = {
    "RESHAPE": change_shape, "SQUEEZE": squeeze, "EXPAND_DIMS": expand_dims, "TRANSPOSE": transpose,
    "TILE": expand, "BROADCAST_TO": expand, "SLICE": cut_slice, "STRIDED_SLICE": cut_slice, "SPLIT": split,
    "SPLIT_V": split, "UNPACK": unpack, "CONCATENATION": concat, "PACK": pack, "GATHER": gather, "GATHER_ND": gather_nd,
}  # fmt: skip
