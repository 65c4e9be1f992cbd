"""Read ONNX operators that move, cut, join or resize values."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import isfinite, prod

from cnncalc.layers import dense, merge, reshape
from cnncalc.layers.base import Layer
from cnncalc.layers.views import Blur, Crop
from cnncalc.readers.axes import Dims, Order, format_dims, sizes_of, visible
from cnncalc.readers.onnx.constants.arrays import FLOAT32, Array, BadConstants
from cnncalc.readers.onnx.constants.rearranging import slice_arguments, slice_range
from cnncalc.readers.onnx.graph import Operation, Reader, Value
from cnncalc.readers.onnx.operators.common import Handler, broadcast, build_layer
from cnncalc.readers.onnx.operators.elementwise import HANDLERS as ELEMENTWISE
from cnncalc.readers.onnx.operators.elementwise import merge_values, spread_order
from cnncalc.readers.onnx.operators.layers import embedding
from cnncalc.readers.onnx.operators.sums import HANDLERS as SUMS
from cnncalc.readers.onnx.operators.sums import axes_of
from cnncalc.shape import Shape
from cnncalc.text import show

# -- views ------------------------------------------------------------------------------------------------------------


def view(r: Reader, step: Operation, x: Value, dims: Dims, order: Order, k: int = 0) -> Value:
    """Set an output with the same numbers in other dimensions. A layer is added only if the shown shape changes."""
    if x.index is None:
        value = Value(dims, tensors=x.tensors, why=x.why or "they are computed from weights")
        r.set_output(step, value, k)
        return value
    shape, now = visible(dims, order), r.builder.shape(x.index)
    if shape == now and _relative_order(x) == _relative_order(Value(dims, None, order)):
        value = Value(dims, x.index, order)
        r.set_output(step, value, k)
        return value
    layer: Layer = reshape.Flatten() if len(shape) == 1 else reshape.Reshape(to=tuple(shape))
    return r.add_layer(step, layer, [x], order, len(dims), k=k)


def _relative_order(x: Value) -> list[int]:
    """Return the order of the axes that are not 1, numbered without the axes of length 1."""
    axes = [axis for axis in x.order if x.dims[axis] != 1]
    ranks = {axis: rank for rank, axis in enumerate(sorted(axes))}
    return [ranks[axis] for axis in axes]


def change_shape(r: Reader, step: Operation) -> None:
    """Read Reshape, with -1 and 0 in its target. A fixed batch size in the target is read as 1."""
    x = step.required(0)
    to = step.numbers(1, "shape")
    if to is None:
        step.raise_invalid("it has no target shape")
    zeros = [place for place, n in enumerate(to) if n == 0]
    if zeros and not step.attributes.get("allowzero"):
        if zeros[-1] >= len(x.dims):
            step.raise_invalid(
                f"its target copies dimension {zeros[-1]}, but its input has only {len(x.dims)} dimensions"
            )
        to = [x.dims[place] if n == 0 else n for place, n in enumerate(to)]
    if min(to, default=0) < -1 or to.count(-1) > 1 or 0 in to:
        step.raise_invalid(f"its target {show(to)} is not a shape")
    to = r.without_batch(step, to)
    product = prod(n for n in to if n != -1)
    if r.batch > 1 and (product != x.size if -1 not in to else to[0] == r.batch or x.size % product):
        place = next((place for place, n in enumerate(to) if n > 0 and n % r.batch == 0), None)
        if place is not None:
            to[place] //= r.batch
            product //= r.batch
    if -1 in to:
        to[to.index(-1)] = x.size // product
    if prod(to) != x.size:
        step.raise_invalid(
            f"{x.size:,} numbers cannot take the shape {show('x'.join(map(str, step.numbers(1, 'shape') or [])))}",
            "set the sizes that the model was exported with: `--dim NAME=VALUE` or `--input`",
        )
    dims = tuple(to)
    view(r, step, x, dims, _order_after(r, step, x, dims))


def _order_after(r: Reader, step: Operation, x: Value, dims: Dims) -> Order:
    """Return the order after a change of dimensions."""
    if dims == x.dims and x.index is not None:
        return x.order
    return r.order(step, dims)


def flatten(r: Reader, step: Operation) -> None:
    """Read Flatten around an axis, by default 1."""
    x = step.required(0)
    axis = step.attributes.get("axis", 1)
    axis += len(x.dims) if axis < 0 else 0
    dims = (prod(x.dims[:axis]), prod(x.dims[axis:]))
    if x.index is not None and dims[0] == 1:
        r.add_layer(step, reshape.Flatten(), [x], (1,), 2)
    else:
        view(r, step, x, dims, r.order(step, dims))


def squeeze(r: Reader, step: Operation) -> None:
    """Read Squeeze, which removes axes of length 1."""
    x = step.required(0)
    axes = axes_of(step, len(x.dims))
    axes = [axis for axis, length in enumerate(x.dims) if length == 1] if axes is None else axes
    if any(x.dims[axis] != 1 for axis in axes):
        step.raise_invalid(f"not all axes {show(axes)} of its input {format_dims(x.dims)} are 1")
    remaining = [axis for axis in range(len(x.dims)) if axis not in axes]
    dims = tuple(x.dims[axis] for axis in remaining)
    hidden = frozenset(place for place, axis in enumerate(remaining) if axis not in x.order and x.index is not None)
    view(r, step, x, dims, _order_after_move(x, {axis: place for place, axis in enumerate(remaining)}, dims, hidden))


def unsqueeze(r: Reader, step: Operation) -> None:
    """Read Unsqueeze, which inserts axes of length 1."""
    x = step.required(0)
    count = len(step.numbers(1, "axes") or [])
    axes = axes_of(step, len(x.dims) + count) or []
    rest = [axis for axis in range(len(x.dims) + count) if axis not in axes]
    dims = [1] * len(rest + axes)
    for axis, length in zip(rest, x.dims, strict=True):
        dims[axis] = length
    places = dict(enumerate(rest))
    hidden = frozenset(places[axis] for axis in range(len(x.dims)) if axis not in x.order and x.index is not None)
    if 0 in axes:
        hidden |= {0}
    view(r, step, x, tuple(dims), _order_after_move(x, places, tuple(dims), hidden))


def _order_after_move(x: Value, places: dict[int, int], dims: Dims, hidden: frozenset[int]) -> Order:
    """Return the order after axes moved to `places`. New axes have the position that ONNX gives them."""
    order = [places[axis] for axis in x.order if axis in places] if x.index is not None else []
    if order != sorted(order):  # channels last: new axes come before the channels
        new = [axis for axis in range(len(dims)) if axis not in order and axis not in hidden]
        return (*order[:-1], *new, *order[-1:])
    return tuple(axis for axis in range(len(dims)) if axis not in hidden)


def transpose(r: Reader, step: Operation) -> None:
    """Read Transpose. No layer is added if the shown shape stays the same."""
    x = step.required(0)
    rank = len(x.dims)
    perm = list(step.attributes.get("perm") or range(rank)[::-1])
    if sorted(perm) != list(range(rank)):
        step.raise_invalid(f"perm {show(perm)} does not fit {rank} dimensions")
    dims = tuple(x.dims[axis] for axis in perm)
    if x.index is None:
        r.set_output(step, Value(dims, tensors=x.tensors, why="they are computed from weights"))
        return
    hidden = frozenset(place for place, axis in enumerate(perm) if axis not in x.order)
    order = r.order(step, dims, hidden=hidden)
    if rank > 3 and x.order == tuple(range(1, rank)) and perm == [0, rank - 1, *range(1, rank - 1)]:
        order = (*range(2, rank), 1)  # channels move first, but are still shown last
    axes = tuple(x.order.index(perm[place]) for place in order)
    if axes == tuple(range(len(axes))):
        r.set_output(step, Value(dims, x.index, order))
    else:
        r.add_layer(step, reshape.Permute(axes=axes), [x], order, rank)


def expand(r: Reader, step: Operation) -> None:
    """Read Expand and Tile."""
    x, numbers = step.required(0), step.numbers(1) or []
    if step.op == "Tile":
        if len(numbers) != len(x.dims):
            step.raise_invalid(f"{len(numbers)} repeats do not fit {len(x.dims)} dimensions")
        dims = tuple(a * b for a, b in zip(x.dims, numbers, strict=True))
    else:
        numbers = r.without_batch(step, numbers)
        if r.batch > 1 and len(numbers) >= len(x.dims) and numbers[:1] == [r.batch]:
            numbers[0] = 1
        dims = broadcast(step, x.dims, tuple(numbers))
    if dims == x.dims:
        r.set_output(step, x)
    elif x.index is None:
        r.set_output(step, Value(dims, tensors=x.tensors, why="they are computed from weights"))
    else:
        r.add_operator(step, dims, [x], spread_order(x, dims), views=(Blur(),))


# -- cut and joined ---------------------------------------------------------------------------------------------------


def cut_slices(r: Reader, step: Operation) -> None:
    """Read Slice by starts, ends, axes and steps."""
    x = step.required(0)
    arrays = [x.array, *[step.array(place) if step.input(place) is not None else None for place in range(1, 5)]]
    try:
        starts, ends, axes, steps = slice_arguments(arrays, step.attributes, len(x.dims))
        cuts = [slice_range(a, b, c, x.dims[axis]) for a, b, c, axis in zip(starts, ends, steps, axes, strict=True)]
    except BadConstants as error:
        step.raise_invalid(str(error))
    dims = list(x.dims)
    for (start, end, by), axis in zip(cuts, axes, strict=True):
        dims[axis] = max(0, -(-(end - start) // by))
    if 0 in dims:
        step.raise_unsupported(f"its output would be empty: {format_dims(dims)}", "check the size of the input")
    changed = [place for place, axis in enumerate(axes) if cuts[place] != (0, x.dims[axis], 1)]
    if not changed:
        r.set_output(step, x)
        return
    if (
        len(changed) > 1
        and x.index is not None
        and len(set(axes)) == len(axes)
        and _add_crop(r, step, x, tuple(dims), axes, cuts)
    ):
        return
    one = changed[0] if len(changed) == 1 else None
    start, end, by = cuts[one] if one is not None else (0, 0, -1)
    axis = axes[one] if one is not None else -1
    cut(r, step, x, tuple(dims), axis, (start, end, by))


def _add_crop(
    r: Reader, step: Operation, x: Value, dims: Dims, axes: Sequence[int], cuts: Sequence[tuple[int, int, int]]
) -> bool:
    """Add a part of a value along several shown axes, whose receptive field is known. Return whether it is one."""
    parts = {axis: (start, by) for axis, (start, _, by) in zip(axes, cuts, strict=True)}
    views = []
    for axis in x.order[:-1]:
        start, by = parts.get(axis, (0, 1))
        if by < 1:
            return False
        views.append(Crop(start, by))
    if any(dims[axis] != x.dims[axis] and axis not in x.order for axis in axes):
        return False
    r.add_operator(step, dims, [x], x.order, in_place=True, views=tuple(views))
    return True


def cut(r: Reader, step: Operation, x: Value, dims: Dims, axis: int, part: tuple[int, int, int], k: int = 0) -> None:
    """Set an output that is a part of a value along an axis. It becomes a slice layer if the axis has a name."""
    start, end, by = part
    if x.index is not None and axis in x.order and by > 0 and end > start and len(x.order) <= 4:
        names = [*Shape(visible(x.dims, x.order)).axes, "channels"]
        layer = reshape.Slice(start=start, stop=end, step=by, axis=names[x.order.index(axis)])
        r.add_layer(step, layer, [x], x.order, len(dims), k=k)
    elif x.index is None:
        r.set_output(step, Value(dims, tensors=x.tensors, why=x.why or "they are part of a weight"), k)
    else:
        shown = x.order + tuple(a for a in range(len(dims)) if a not in x.order and dims[a] != 1)
        r.add_operator(step, dims, [x], shown, k=k, in_place=True, views=(Blur(),))


def split(r: Reader, step: Operation) -> None:
    """Read Split into parts of given sizes or equal parts."""
    x = step.required(0)
    axis = step.attributes.get("axis", 0)
    axis += len(x.dims) if axis < 0 else 0
    if not 0 <= axis < len(x.dims):
        step.raise_invalid(f"its input of {format_dims(x.dims)} has no axis {axis}")
    length, count = x.dims[axis], len(step.outputs)
    sizes = step.numbers(1, "split")
    if not sizes:
        if step.attributes.get("num_outputs", count) != count:
            step.raise_invalid(f"its num_outputs is {step.attributes['num_outputs']}, but it has {count} outputs")
        each = -(-length // count)
        sizes = [each] * (count - 1) + [length - each * (count - 1)]
    if sum(sizes) != length or min(sizes) < 0 or len(sizes) < len(step.outputs):
        step.raise_invalid(f"parts of {show(sizes)} do not add up to {length}")
    start = 0
    for k, size in enumerate(sizes[: len(step.outputs)]):
        dims = (*x.dims[:axis], size, *x.dims[axis + 1 :])
        if not size:
            r.set_output(step, Value(dims, array=Array(FLOAT32, dims, ())), k)
        elif step.outputs[k] and (step.scope.users.get(step.outputs[k]) or step.outputs[k] in step.scope.outputs):
            cut(r, step, x, dims, axis, (start, start + size, 1), k)
        start += size


def concat(r: Reader, step: Operation) -> None:
    """Read Concat along an axis."""
    xs = [x for x in step.inputs if x is not None and x.size] or [step.required(0)]
    rank = len(xs[0].dims)
    axis = step.attributes.get("axis", 1)
    axis += rank if axis < 0 else 0
    rest = {(len(x.dims), x.dims[:axis], x.dims[axis + 1 :]) for x in xs}
    if len(rest) != 1 or not 0 <= axis < rank:
        step.raise_invalid(f"it cannot join {' and '.join(format_dims(x.dims) for x in xs[:6])} along axis {axis}")
    dims = (*xs[0].dims[:axis], sum(x.dims[axis] for x in xs), *xs[0].dims[axis + 1 :])
    if len(xs) == 1 or _add_concat(r, step, dims, axis, xs):
        if len(xs) == 1:
            r.set_output(step, xs[0])
        return
    learned = [x for x in xs if x.is_learned]
    active = [x for x in xs if x.index is not None]
    order = None
    if active and all(x.order == active[0].order for x in active):
        order = active[0].order + (() if axis in active[0].order else (axis,))
        order = tuple(sorted(order)) if axis not in active[0].order else order
    r.add_operator(step, dims, xs, order, {"weight": merge_values(r, learned) if learned else None}, views=(Blur(),))


def _add_concat(r: Reader, step: Operation, dims: Dims, axis: int, xs: list[Value]) -> bool:
    """Add a Concat as a layer, if its axis has a name. Return whether it was added."""
    active = [x for x in xs if x.index is not None]
    if not active:
        return False
    main = active[0]
    if axis not in main.order:
        return False
    place = main.order.index(axis)
    if len(active) == len(xs) > 1 and len(main.order) <= 4:
        names = [*Shape(visible(main.dims, main.order)).axes, "channels"]
        layer: Layer = merge.Concat(axis=names[place])
    elif len(xs) == 2 and xs[1] is main and len(main.order) == 2 and place == 0 and prod(xs[0].dims) == dims[-1]:
        r.add_layer(step, dense.ClassToken(), [main], main.order, len(dims), {"weight": xs[0]})
        return True
    else:
        return False
    r.add_layer(step, layer, [r.align_value(x, main.order) for x in active], main.order, len(dims))
    return True


def gather(r: Reader, step: Operation) -> None:
    """Read Gather: rows of a table selected by an input, or parts of a value selected by constants."""
    if embedding(r, step):
        return
    x, index = step.required(0), step.required(1)
    rank = len(x.dims)
    axis = step.attributes.get("axis", 0)
    axis += rank if axis < 0 else 0
    if not 0 <= axis < rank:
        step.raise_invalid(f"its input of {format_dims(x.dims)} has no axis {step.attributes.get('axis', 0)}")
    dims = (*x.dims[:axis], *index.dims, *x.dims[axis + 1 :])
    if x.index is None:
        parameters = {"weight": x} if index.index is not None else None
        r.add_operator(step, dims, [x] if index.index is None else [index], None, parameters)
        return
    grown = len(index.dims) - 1
    places = {a: a if a < axis else a + grown for a in range(rank) if a != axis}
    hidden = frozenset(places[a] for a in range(rank) if a != axis and a not in x.order)
    order = tuple(a for a in range(len(dims)) if a not in hidden)
    if x.order != tuple(sorted(x.order)) and grown == 0:
        order = x.order
    elif x.order != tuple(sorted(x.order)) and axis in x.order and grown < 0:
        order = tuple(places[a] for a in x.order if a != axis)
    r.add_operator(step, dims, [x], order, in_place=grown <= 0, views=(Blur(),))


def gather_elements(r: Reader, step: Operation) -> None:
    """Read GatherElements, whose output has the shape of the indices."""
    x, index = step.required(0), step.required(1)
    parameters = {"weight": x} if x.index is None else None
    r.add_operator(step, index.dims, [x] if index.index is None else [x, index], parameters=parameters)


# -- resized --


def resize(r: Reader, step: Operation) -> None:
    """Read Resize and Upsample, by factors or to sizes."""
    x = step.required(0)
    rank = len(x.dims)
    axes = [axis + rank if axis < 0 else axis for axis in step.attributes.get("axes") or range(rank)]
    if any(not 0 <= axis < rank for axis in axes):
        step.raise_invalid(f"its input of {format_dims(x.dims)} has no axes {show(axes)}")
    late = step.op == "Resize" and r.opset >= 11
    scale_at, size_at = (2, 3) if late else (1, -1)
    dims, factors = list(x.dims), [1.0] * rank
    if size_at > 0 and (sizes := step.numbers(size_at) if step.input(size_at) is not None else None):
        if len(sizes) != len(axes):
            step.raise_invalid(f"{len(sizes)} sizes do not fit {len(axes)} axes")
        policy = step.attributes.get("keep_aspect_ratio_policy", "stretch")
        ratios = [size / x.dims[axis] for size, axis in zip(sizes, axes, strict=True)]
        for size, axis in zip(sizes, axes, strict=True):
            ratio = min(ratios) if policy == "not_larger" else max(ratios)
            dims[axis] = size if policy == "stretch" else int(ratio * x.dims[axis] + 0.5)
            if axis == 0 and x.dims[0] == 1 and size == r.batch:
                dims[axis] = 1
    else:
        scale = step.input(scale_at)
        scales = step.attributes.get("scales") if scale is None else list(step.array(scale_at).numbers)
        if not scales or len(scales) != len(axes):
            step.raise_invalid(f"{len(scales or [])} scales do not fit {len(axes)} axes")
        if not all(isfinite(factor) for factor in scales):
            step.raise_invalid(f"its scales must be finite numbers, not {show(scales)}")
        for factor, axis in zip(scales, axes, strict=True):
            factors[axis] = factor
            dims[axis] = int(x.dims[axis] * _nearest_fraction(factor))
    if min(dims) < 1:
        step.raise_invalid(f"its output would be empty: {format_dims(dims)}")
    changed = [axis for axis in range(rank) if dims[axis] != x.dims[axis]]
    if x.index is not None and rank > 2 and 1 not in changed and x.order[-1:] != (1,) and rank - 1 in changed:
        x = r.channels_last(x)
    spatial = len(x.order) - 1
    word = {1: "linear", 2: "bilinear", 3: "trilinear"}.get(spatial, "")
    mode = {"nearest": "nearest", "linear": word, "cubic": "bicubic" if spatial == 2 else ""}.get(
        str(step.attributes.get("mode", "nearest")), ""
    )
    if x.index is None or not mode or not 1 <= spatial <= 3 or any(axis not in x.order[:-1] for axis in changed):
        r.add_operator(step, tuple(dims), [x], x.order if x.index is not None else None, views=(Blur(),))
        return
    shape = visible(x.dims, x.order)
    to = visible(dims, x.order)
    whole = [b // a for a, b in zip(shape[:-1], to[:-1], strict=True)]
    if all(a * f == b for a, b, f in zip(shape, to, whole, strict=False)):
        layer = build_layer(step, reshape.Upsample, factor=sizes_of(whole), mode=mode)
    else:
        layer = build_layer(step, reshape.Resize, to=tuple(to[:-1]), mode=mode)
    r.add_layer(step, layer, [x], x.order, rank)


def _nearest_fraction(factor: float) -> float:
    """Return the fraction that a factor stored in 32 bits was rounded from: 4/3 for 1.3333334."""
    near = Fraction(factor).limit_denominator(1000)
    return float(near) if factor and abs(float(near) / factor - 1) < 1e-7 else factor


def pixel_shuffle(r: Reader, step: Operation) -> None:
    """Read DepthToSpace and SpaceToDepth."""
    x = r.channels_last(step.required(0))
    block = step.attributes.get("blocksize", 1)
    if len(x.dims) != 4 or block < 1:
        step.raise_invalid(f"blocks of {block} do not fit an input of {format_dims(x.dims)}")
    batch, channels, height, width = x.dims
    if step.op == "DepthToSpace" and batch == 1:
        r.add_layer(step, build_layer(step, reshape.PixelShuffle, factor=block), [x], x.order, 4)
    elif step.op == "DepthToSpace" and channels % block**2 == 0:
        r.add_operator(
            step, (batch, channels // block**2, height * block, width * block), [x], x.order, views=(Blur(),)
        )
    elif height % block == width % block == 0 and step.op == "SpaceToDepth":
        r.add_operator(
            step, (batch, channels * block**2, height // block, width // block), [x], x.order, views=(Blur(),)
        )
    else:
        step.raise_invalid(f"an input of {format_dims(x.dims)} cannot be divided into blocks of {block}")


HANDLERS: dict[str, Handler] = {
    **ELEMENTWISE,
    **SUMS,
    "Reshape": change_shape, "Flatten": flatten, "Squeeze": squeeze, "Unsqueeze": unsqueeze, "Transpose": transpose,
    "Expand": expand, "Tile": expand, "Slice": cut_slices, "Split": split, "Concat": concat, "Gather": gather,
    "GatherElements": gather_elements, "Resize": resize, "Upsample": resize,
    "DepthToSpace": pixel_shuffle, "SpaceToDepth": pixel_shuffle,
}  # fmt: skip
