"""Shapes of elementwise operators, activations, norms, reductions and constants."""

from __future__ import annotations

from math import ceil

from cnncalc.readers.aten.elementwise import BINARY, UNARY
from cnncalc.readers.aten.events import DROPS, Dims
from cnncalc.readers.aten.layers import ACTIVATIONS
from cnncalc.readers.pt2.shapes.arguments import LARGEST, Arguments, Rule, broadcast


def _same(arguments: Arguments) -> list[Dims] | None:
    return [arguments.first().dims]


def _broadcast(arguments: Arguments) -> list[Dims] | None:
    arguments.first()
    return [broadcast(arguments, [x.dims for x in arguments.event.inputs])]


def _clipped(arguments: Arguments) -> list[Dims] | None:
    for name in ("min_val", "max_val"):
        if not isinstance(arguments.values.get(name), (int, float)):
            raise arguments.wrong(name, "is not a number")
    return _same(arguments)


def _dropout(arguments: Arguments) -> list[Dims] | None:
    rate = arguments.values.get("p")
    if not isinstance(rate, (int, float)) or not 0 <= rate <= 1:
        raise arguments.wrong("p", "is not a probability")
    return _same(arguments)


def _along_axis(arguments: Arguments) -> list[Dims] | None:
    x = arguments.tensor("self")
    arguments.axis("dim", len(x.dims))
    return [x.dims]


def _glu(arguments: Arguments) -> list[Dims] | None:
    x = arguments.tensor("self", 1)
    axis = arguments.axis("dim", len(x.dims))
    return [(*x.dims[:axis], x.dims[axis] // 2, *x.dims[axis + 1 :])]


def _prelu(arguments: Arguments) -> list[Dims] | None:
    x, slope = arguments.tensor("self"), arguments.tensor("weight")
    if slope.size not in (1, x.dims[1] if len(x.dims) > 1 else 1):
        raise arguments.wrong("weight", "has neither one slope nor one for each channel")
    return [x.dims]


def _channel_norm(arguments: Arguments) -> list[Dims] | None:
    x = arguments.tensor("input", 2)
    for name in ("weight", "bias", "running_mean", "running_var"):
        tensor = arguments.maybe(name)
        if tensor is not None and tensor.dims != (x.dims[1],):
            raise arguments.wrong(name, f"does not have one number for each of the {x.dims[1]:,} channels")
    return [x.dims]


def _group_norm(arguments: Arguments) -> list[Dims] | None:
    x = arguments.tensor("input", 2)
    if x.dims[1] % arguments.integer("num_groups", 1, 10**6):
        raise arguments.wrong("num_groups", f"does not divide {x.dims[1]:,} channels")
    for name in ("weight", "bias"):
        tensor = arguments.maybe(name)
        if tensor is not None and tensor.dims != (x.dims[1],):
            raise arguments.wrong(name, f"does not have one number for each of the {x.dims[1]:,} channels")
    return [x.dims]


def _layer_norm(arguments: Arguments) -> list[Dims] | None:
    x = arguments.tensor("input", 1)
    shape = tuple(arguments.integers("normalized_shape", 1))
    if not shape or x.dims[len(x.dims) - len(shape) :] != shape:
        raise arguments.wrong("normalized_shape", f"is {shape}, which does not end {x.dims}")
    for name in ("weight", "bias"):
        tensor = arguments.maybe(name)
        if tensor is not None and tensor.dims != shape:
            raise arguments.wrong(name, f"is {tensor.dims} instead of {shape}")
    return [x.dims]


def _reduction(arguments: Arguments) -> list[Dims] | None:
    x = arguments.first()
    axes = arguments.axes("dim", len(x.dims))
    if arguments.values.get("keepdim"):
        dims = tuple(1 if axis in axes else length for axis, length in enumerate(x.dims))
    else:
        dims = tuple(length for axis, length in enumerate(x.dims) if axis not in axes)
    return [dims] * len(arguments.event.outs)


def _sorting(arguments: Arguments) -> list[Dims] | None:
    x = arguments.first()
    axis = arguments.axis("dim", len(x.dims), default=-1)
    dims = list(x.dims)
    if arguments.op == "topk" and dims:
        dims[axis] = arguments.integer("k", 0, max(dims[axis], 0))
    return [tuple(dims)] * len(arguments.event.outs)


def _sized(arguments: Arguments) -> list[Dims] | None:
    return [tuple(arguments.integers("size", 0))]


def _arange(arguments: Arguments) -> list[Dims] | None:
    numbers = [arguments.values.get(name, default) for name, default in (("start", 0), ("end", 0), ("step", 1))]
    if not all(isinstance(number, (int, float)) and abs(number) < LARGEST for number in numbers) or not numbers[2]:
        raise arguments.wrong("end", "is not a number, or there is no step to it")
    return [(max(ceil((numbers[1] - numbers[0]) / numbers[2]), 0),)]


def _square(arguments: Arguments) -> list[Dims] | None:
    rows = arguments.integer("n", 0)
    return [(rows, arguments.integer("m", 0, default=rows))]


def _linspace(arguments: Arguments) -> list[Dims] | None:
    return [(arguments.integer("steps", 0),)]


def _scalar(arguments: Arguments) -> list[Dims] | None:
    return [()]


RULES: dict[str, Rule] = {
    **dict.fromkeys((*UNARY.split(), *BINARY.split()), _broadcast), **dict.fromkeys(ACTIVATIONS, _same), "hardtanh": _clipped,
    **dict.fromkeys(DROPS, _dropout), **dict.fromkeys(("softmax", "log_softmax", "cumsum", "cumprod"), _along_axis),
    "glu": _glu, "prelu": _prelu, **dict.fromkeys(("batch_norm", "instance_norm"), _channel_norm), "group_norm": _group_norm,
    **dict.fromkeys(("layer_norm", "rms_norm"), _layer_norm), "tril": _same, "triu": _same, "roll": _same, "flip": _same,
    **dict.fromkeys(("mean", "sum", "amax", "amin", "max", "min", "var", "std", "prod", "logsumexp", "norm", "var_mean",
                     "linalg_vector_norm", "std_mean", "any", "all", "argmax", "argmin", "count_nonzero", "median"), _reduction),
    **dict.fromkeys(("sort", "topk"), _sorting), "arange": _arange, "scalar_tensor": _scalar, "eye": _square,
    "linspace": _linspace,
    **dict.fromkeys(("zeros", "ones", "empty", "full", "new_zeros", "new_ones", "new_empty", "new_full", "rand",
                     "randn"), _sized),
    **dict.fromkeys(("zeros_like", "ones_like", "empty_like", "full_like", "rand_like", "randn_like", "lift_fresh_copy",
                     "clone", "contiguous", "detach", "alias", "to", "_to_copy", "type_as", "lift_fresh", "positive", "copy",
                     "fill", "zero", "float", "double", "half", "resolve_conj", "resolve_neg", "detach_"), _same),
}  # fmt: skip
