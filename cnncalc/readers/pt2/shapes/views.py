"""Shapes of operators that move, cut and join values."""

from __future__ import annotations

from math import prod

from cnncalc.readers.aten.events import Dims, Var
from cnncalc.readers.pt2.shapes.arguments import Arguments, Rule, broadcast


def _view(arguments: Arguments) -> list[Dims] | None:
    x = arguments.tensor("self")
    name = "shape" if "shape" in arguments.values else "size"
    sizes = arguments.integers(name, -1)
    if sizes.count(-1) == 1:
        rest = -prod(sizes)
        if rest and not x.size % rest:
            sizes[sizes.index(-1)] = x.size // rest
    if -1 in sizes or prod(sizes) != x.size:
        raise arguments.wrong(name, f"does not have the {x.size:,} numbers of the input")
    return [tuple(sizes)]


def _like_second(arguments: Arguments) -> list[Dims] | None:
    x, other = arguments.tensor("self"), arguments.tensor("other")
    if arguments.op == "expand_as":
        return [broadcast(arguments, [x.dims, other.dims])]
    if x.size != other.size:
        raise arguments.wrong("other", f"does not have the {x.size:,} numbers of the input")
    return [other.dims]


def _flatten(arguments: Arguments) -> list[Dims] | None:
    x = arguments.tensor("self")
    start, end = arguments.axis("start_dim", len(x.dims), 0), arguments.axis("end_dim", len(x.dims), -1)
    if start > end:
        raise arguments.wrong("start_dim", "is after `end_dim`")
    return [(*x.dims[:start], prod(x.dims[start : end + 1]), *x.dims[end + 1 :])]


def _unflatten(arguments: Arguments) -> list[Dims] | None:
    x = arguments.tensor("self", 1)
    axis = arguments.axis("dim", len(x.dims))
    sizes = arguments.integers("sizes", -1)
    rest = -prod(sizes)
    if sizes.count(-1) == 1 and rest:
        sizes[sizes.index(-1)] = x.dims[axis] // rest
    if -1 in sizes or prod(sizes) != x.dims[axis]:
        raise arguments.wrong("sizes", f"does not have the product {x.dims[axis]:,}")
    return [(*x.dims[:axis], *sizes, *x.dims[axis + 1 :])]


def _squeeze(arguments: Arguments) -> list[Dims] | None:
    x = arguments.tensor("self")
    axes = arguments.axes("dim", len(x.dims))
    return [tuple(length for axis, length in enumerate(x.dims) if axis not in axes or length != 1)]


def _unsqueeze(arguments: Arguments) -> list[Dims] | None:
    x = arguments.tensor("self")
    axis = arguments.axis("dim", len(x.dims) + 1)
    return [(*x.dims[:axis], 1, *x.dims[axis:])]


def _permute(arguments: Arguments) -> list[Dims] | None:
    x = arguments.first()
    rank = len(x.dims)
    if arguments.op == "permute":
        axes = arguments.axes("dims", rank)
        if len(axes) != rank:
            raise arguments.wrong("dims", f"names {len(axes)} of {rank} axes")
        return [tuple(x.dims[axis] for axis in axes)]
    if arguments.op in ("movedim", "moveaxis"):
        if len(arguments.axes("source", rank)) != len(arguments.axes("destination", rank)):
            raise arguments.wrong("destination", "does not have one axis for each of `source`")
        return None
    if arguments.op in ("t", "numpy_T"):
        return [x.dims[::-1]]
    names = {"transpose": ("dim0", "dim1"), "swapdims": ("dim0", "dim1"), "swapaxes": ("axis0", "axis1")}.get(
        arguments.op
    )
    if names is None and rank < 2:
        raise arguments.wrong("self", f"has {rank} dimensions instead of at least 2")
    a, b = (arguments.axis(name, rank) for name in names) if names else (rank - 2, rank - 1)
    dims = list(x.dims)
    if dims:
        dims[a], dims[b] = dims[b], dims[a]
    return [tuple(dims)]


def _expand(arguments: Arguments) -> list[Dims] | None:
    x = arguments.tensor("self")
    sizes = arguments.integers("size", -1)
    shift = len(sizes) - len(x.dims)
    if shift < 0 or -1 in sizes[:shift]:
        raise arguments.wrong("size", f"has {len(sizes)} lengths for {len(x.dims)} axes")
    dims = [*sizes[:shift], *(old if new == -1 else new for new, old in zip(sizes[shift:], x.dims, strict=True))]
    if any(old not in (1, new) for new, old in zip(dims[shift:], x.dims, strict=True)):
        raise arguments.wrong("size", "changes an axis that is longer than 1")
    return [tuple(dims)]


def _repeat(arguments: Arguments) -> list[Dims] | None:
    x = arguments.tensor("self")
    times = arguments.integers("repeats" if arguments.op == "repeat" else "dims", 0)
    dims = [1] * (len(times) - len(x.dims)) + list(x.dims)
    times = [1] * (len(dims) - len(times)) + times
    return [tuple(length * count for length, count in zip(dims, times, strict=True))]


def _slice(arguments: Arguments) -> list[Dims] | None:
    x = arguments.tensor("self", 1)
    axis = arguments.axis("dim", len(x.dims))
    if arguments.op == "narrow":
        arguments.integer("start")
        length = arguments.integer("length", 0, max(x.dims[axis], 0))
    else:
        start, end = (
            arguments.integer(name, -(2**63), 2**63) if arguments.values.get(name) is not None else None
            for name in ("start", "end")
        )
        length = len(range(*slice(start, end, arguments.integer("step", 1)).indices(x.dims[axis])))
    return [(*x.dims[:axis], length, *x.dims[axis + 1 :])]


def _select(arguments: Arguments) -> list[Dims] | None:
    x = arguments.tensor("self", 1)
    axis = arguments.axis("dim", len(x.dims))
    if not isinstance(arguments.values.get("index"), Var):
        arguments.integer("index", -x.dims[axis], x.dims[axis] - 1)
    return [(*x.dims[:axis], *x.dims[axis + 1 :])]


def _split(arguments: Arguments) -> list[Dims] | None:
    x = arguments.tensor("self", 1)
    axis = arguments.axis("dim", len(x.dims))
    whole, outs = x.dims[axis], arguments.event.outs
    if arguments.op == "unbind":
        dims = (*x.dims[:axis], *x.dims[axis + 1 :])
        sizes = [1] * whole if whole == len(outs) else []
        return [dims] * len(sizes) if sizes else _parts(arguments, whole, [])
    if arguments.op == "split_with_sizes" or isinstance(arguments.values.get("split_size"), list):
        sizes = arguments.integers("split_sizes" if "split_sizes" in arguments.values else "split_size", 0)
    elif arguments.op in ("split", "unsafe_split"):
        step = arguments.integer("split_size", 1)
        sizes = _steps(arguments, whole, step)
    elif arguments.op in ("chunk", "unsafe_chunk"):
        sizes = _steps(arguments, whole, max(-(-whole // arguments.integer("chunks", 1)), 1))
    else:
        return None
    if sum(sizes) != whole or len(sizes) != len(outs):
        return _parts(arguments, whole, sizes)
    return [(*x.dims[:axis], size, *x.dims[axis + 1 :]) for size in sizes]


def _steps(arguments: Arguments, whole: int, step: int) -> list[int]:
    if whole // step > len(arguments.event.outs):
        _parts(arguments, whole, [])
    return [min(step, whole - start) for start in range(0, whole, step)] or [0]


def _parts(arguments: Arguments, whole: int, sizes: list[int]) -> list[Dims] | None:
    stated = f" into {len(sizes)} parts" if sizes else ""
    raise arguments.wrong("self", f"has the length {whole:,}, which is not divided{stated} as the file states")


def _concat(arguments: Arguments) -> list[Dims] | None:
    tensors = [x for x in arguments.tensors("tensors") if x.dims != (0,)]
    if not tensors or not any(x.size for x in tensors):
        raise arguments.wrong("tensors", "has no tensor with numbers")
    first = tensors[0].dims
    axis = arguments.axis("dim", len(first))
    for x in tensors:
        if len(x.dims) != len(first) or any(
            a != b for place, (a, b) in enumerate(zip(x.dims, first, strict=True)) if place != axis
        ):
            raise arguments.wrong("tensors", f"contains {first} and {x.dims}, which differ in another axis than {axis}")
    return [(*first[:axis], sum(x.dims[axis] for x in tensors), *first[axis + 1 :])]


def _stack(arguments: Arguments) -> list[Dims] | None:
    tensors = arguments.tensors("tensors")
    first = tensors[0].dims
    axis = arguments.axis("dim", len(first) + 1)
    if any(x.dims != first for x in tensors):
        raise arguments.wrong("tensors", "contains tensors of different shapes")
    return [(*first[:axis], len(tensors), *first[axis:])]


def _index(arguments: Arguments) -> list[Dims] | None:
    x, indices = arguments.tensor("self"), arguments.values.get("indices")
    if not isinstance(indices, list) or not all(each is None or isinstance(each, Var) for each in indices):
        raise arguments.wrong("indices", "is not a list of tensors")
    if len(indices) > len(x.dims):
        raise arguments.wrong("indices", f"has {len(indices)} entries for {len(x.dims)} axes")
    places = [axis for axis, each in enumerate(indices) if each is not None]
    rest = [length for axis, length in enumerate(x.dims) if axis not in places]
    chosen = broadcast(arguments, [each.dims for each in indices if each is not None])
    together = bool(places) and places[-1] - places[0] + 1 == len(places)
    at = places[0] if together else 0
    return [(*rest[:at], *chosen, *rest[at:])]


def _index_select(arguments: Arguments) -> list[Dims] | None:
    x, index = arguments.tensor("self", 1), arguments.tensor("index")
    axis = arguments.axis("dim", len(x.dims))
    return [(*x.dims[:axis], index.size, *x.dims[axis + 1 :])]


def _repeat_interleave(arguments: Arguments) -> list[Dims] | None:
    if "dim" not in arguments.values or isinstance(arguments.values.get("repeats"), Var):
        return None
    x, times = arguments.tensor("self", 1), arguments.integer("repeats", 0)
    axis = arguments.axis("dim", len(x.dims))
    return [(*x.dims[:axis], x.dims[axis] * times, *x.dims[axis + 1 :])]


def _meshgrid(arguments: Arguments) -> list[Dims] | None:
    tensors = arguments.tensors("tensors")
    sizes: list[int] = [x.size for x in tensors]
    if arguments.values.get("indexing") == "xy":
        sizes[:2] = sizes[1::-1]
    return [tuple(sizes)] * len(tensors)


def _like_first(arguments: Arguments) -> list[Dims] | None:
    return [arguments.tensor("self").dims]


def _gather(arguments: Arguments) -> list[Dims] | None:
    return [arguments.tensor("index").dims]


RULES: dict[str, Rule] = {
    **dict.fromkeys(("view", "reshape", "_unsafe_view", "_reshape_alias"), _view), "flatten": _flatten, "unflatten": _unflatten,
    **dict.fromkeys(("view_as", "reshape_as", "expand_as"), _like_second), "squeeze": _squeeze, "unsqueeze": _unsqueeze,
    **dict.fromkeys(("permute", "transpose", "swapaxes", "swapdims", "movedim", "moveaxis", "t", "numpy_T", "mT", "mH",
                     "adjoint"), _permute),
    **dict.fromkeys(("expand", "broadcast_to"), _expand), "repeat": _repeat, "tile": _repeat, "slice": _slice, "narrow": _slice,
    "select": _select, **dict.fromkeys(("split", "split_with_sizes", "chunk", "unbind", "tensor_split", "unsafe_split",
                                        "unsafe_chunk"), _split),
    **dict.fromkeys(("cat", "concat", "concatenate"), _concat), "stack": _stack, "index": _index,
    "repeat_interleave": _repeat_interleave, "meshgrid": _meshgrid, "index_select": _index_select, "gather": _gather,
    **dict.fromkeys(("slice_scatter", "select_scatter", "index_put"), _like_first),
}  # fmt: skip
