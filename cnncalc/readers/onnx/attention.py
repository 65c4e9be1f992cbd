"""Find self-attention that is written in single ONNX operators, by tracking the numbers along each axis.

An axis is a list of factors (what, stride, length), from the slowest to the fastest, because reshapes split and merge axes.
The letter `t` is for steps of the query, `s` for steps of key and value, `h` for heads, `e` for the features of one head,
and `f` for features of a projection that are not yet split into heads. Tracking ends at any other operator.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import isclose, prod, sqrt

from cnncalc.layers.attention import Attention
from cnncalc.layers.roles import has_bias_role
from cnncalc.readers.axes import Dims
from cnncalc.readers.onnx.constants.rearranging import slice_arguments, slice_range
from cnncalc.readers.onnx.graph import Operation, Scope, Value
from cnncalc.readers.onnx.patterns import Pattern, ReadOperation

MAX_OPERATORS = 64  # of one attention
VIEWS = ("Reshape", "Flatten", "Squeeze", "Unsqueeze", "Identity", "Cast")

Factor = tuple[str, int, int]
Axis = tuple[Factor, ...]
Part = tuple["Tracked", Factor, Factor]  # query, key or value: the projected numbers, their heads, the features of each


class Tracked:
    """A tracked value: its operator, the values that it is computed from (`below`), and the numbers along its axes.

    `role` is `projected`, `scores`, `weights`, `context` or `out`. `offset` is the first feature of the projection
    `source`, and `scale` is the product of the factors so far.
    """

    __slots__ = ("axes", "below", "done", "offset", "parts", "role", "scale", "source")

    def __init__(self, done: ReadOperation, role: str, axes: Sequence[Axis], below: Sequence[Tracked] = ()) -> None:
        first = below[0] if below else None
        self.done = done
        self.role = role
        self.axes = tuple(axes)
        self.below = below
        self.source: Tracked = first.source if first is not None else self
        self.offset: int = first.offset if first is not None else 0
        self.scale: float = first.scale if first is not None else 1.0
        self.parts: tuple[Part, ...] = first.parts if first is not None else ()


def find_attentions(done: Sequence[ReadOperation], scope: Scope) -> Iterator[Pattern]:
    """Yield self-attentions: softmax(query * key / sqrt(width)) * value of one projected value, and a final projection."""
    tracked: dict[str, Tracked] = {}
    ends: dict[int, Tracked] = {}
    for operation in done:
        for name, fact in _track_outputs(operation, tracked, scope):
            tracked[name] = fact
            if fact.role == "out":
                ends[id(fact.source)] = fact
    for end in ends.values():
        pattern = _pattern_ending_at(end, scope)
        if pattern is not None:
            yield pattern


def _track_outputs(
    operation: ReadOperation, tracked: dict[str, Tracked], scope: Scope
) -> Iterator[tuple[str, Tracked]]:
    """Yield the tracked outputs of an operator, each with its name."""
    step = operation.step
    xs = [tracked.get(name) for name in step.node.input]
    x = xs[0] if xs else None
    if step.op == "Split":
        if x is not None:
            yield from _track_split(operation, x, scope)
        return
    value = scope.values.get(step.outputs[0]) if step.outputs else None
    if value is None or (not any(xs) and step.op not in ("MatMul", "Gemm")):
        return
    fact = None
    if step.op in ("MatMul", "Gemm"):
        left, right = (xs[0], xs[1]) if len(xs) > 1 and step.op == "MatMul" else (None, None)
        fact = (
            _track_product(operation, left, right)
            if left is not None and right is not None
            else _track_projection(operation, x)
        )
    elif step.op in ("Add", "Mul", "Div"):
        fact = _track_constant(operation, xs)
    elif step.op == "Attention":
        fact = _track_attention(operation, xs)
    elif x is not None and step.op in VIEWS:
        axes = regroup(x.axes, value.dims)
        fact = Tracked(operation, x.role, axes, [x]) if axes is not None else None
    elif x is not None and step.op == "Transpose":
        perm = step.attributes.get("perm") or range(len(x.axes))[::-1]
        fact = Tracked(operation, x.role, [x.axes[axis] for axis in perm], [x])
    elif x is not None and step.op in ("Gather", "Slice"):
        fact = _track_part(operation, x, value)
    elif x is not None and step.op == "Softmax" and x.role == "scores" and x.axes[-1][:1] and x.axes[-1][0][0] == "s":
        axis = step.attributes.get("axis")  # its default differs between opsets
        if isinstance(axis, int) and axis in (-1, len(x.axes) - 1):
            fact = Tracked(operation, "weights", x.axes, [x])
    if fact is not None:
        yield step.outputs[0], fact


# -- views ------------------------------------------------------------------------------------------------------------


def regroup(axes: Sequence[Axis], dims: Dims) -> list[Axis] | None:
    """Return the factors of each axis after a reshape; None if an axis would split a factor unevenly.

    >>> regroup([(("t", 1, 10),), (("f", 1, 72),)], (10, 3, 24))
    [(('t', 1, 10),), (('f', 24, 3),), (('f', 1, 24),)]
    """
    rest = [factor for axis in axes for factor in axis][::-1]
    groups = []
    for whole in dims:
        axis: list[Factor] = []
        length = whole
        while length > 1:
            if not rest:
                return None
            what, stride, many = rest.pop()
            if many > length and many % length == 0:
                rest.append((what, stride, many // length))
                stride, many = stride * (many // length), length
            if length % many:
                return None
            length //= many
            if axis and axis[-1][0] == what and axis[-1][1] == stride * many:
                many *= axis.pop()[2]
            axis.append((what, stride, many))
        groups.append(tuple(axis))
    return groups if not rest else None


def _slice_tracked(operation: ReadOperation, x: Tracked, axis: int, start: int, length: int) -> Tracked | None:
    """Return a part of the features of a projection."""
    if x.role != "projected" or len(x.axes[axis]) != 1 or x.axes[axis][0][0] != "f":
        return None
    _, stride, _ = x.axes[axis][0]
    axes = list(x.axes)
    axes[axis] = (("f", stride, length),) if length > 1 else ()
    fact = Tracked(operation, x.role, axes, [x])
    fact.offset += start * stride
    return fact


def _track_part(operation: ReadOperation, x: Tracked, value: Value) -> Tracked | None:
    step = operation.step
    rank = len(x.axes)
    if step.op == "Gather":
        index, axis = step.required(1), step.attributes.get("axis", 0) % rank
        length = step.required(0).dims[axis]
        place = int(index.array.numbers[0]) if index.array is not None and index.size == 1 else length
        if not -length <= place < length:
            return None
        fact = _slice_tracked(operation, x, axis, place % length, 1)
        if fact is not None and index.dims == ():
            fact.axes = (*fact.axes[:axis], *fact.axes[axis + 1 :])
        return fact if fact is not None and len(fact.axes) == len(value.dims) else None
    arrays = [constants.array if constants is not None else None for constants in step.inputs]
    starts, ends, axes, steps = slice_arguments(arrays, step.attributes, rank)
    dims = step.required(0).dims
    cuts = [(axis, slice_range(a, b, by, dims[axis])) for axis, a, b, by in zip(axes, starts, ends, steps, strict=True)]
    cuts = [(axis, cut) for axis, cut in cuts if cut != (0, dims[axis], 1)]
    if len(cuts) != 1:
        return None
    axis, (start, end, by) = cuts[0]
    return _slice_tracked(operation, x, axis, start, end - start) if by == 1 else None


def _track_split(operation: ReadOperation, x: Tracked, scope: Scope) -> Iterator[tuple[str, Tracked]]:
    """Yield the parts of a Split, if they are equally long."""
    step = operation.step
    axis = step.attributes.get("axis", 0) % len(x.axes)
    length, count = step.required(0).dims[axis], len(step.outputs)
    for k, name in enumerate(step.outputs):
        value = scope.values.get(name)
        fact = _slice_tracked(operation, x, axis, k * length // count, length // count)
        if value is not None and fact is not None and value.dims[axis] * count == length:
            yield name, fact


# -- arithmetic -------------------------------------------------------------------------------------------------------


def _track_projection(operation: ReadOperation, x: Tracked | None) -> Tracked | None:
    """Track a product with a matrix in the file. It ends an attention if it projects the context, and can start one otherwise."""
    step = operation.step
    factors = [step.attributes.get(name, 1.0) for name in ("alpha", "beta")]
    if step.op == "Gemm" and (
        step.attributes.get("transA") or not all(isinstance(f, float) and f == 1.0 for f in factors)
    ):
        return None
    a, weight = step.required(0), step.required(1)
    if a.index is None or weight.index is not None or not weight.tensors or len(weight.dims) != 2:
        return None
    wide, units = weight.dims[::-1] if step.op == "Gemm" and step.attributes.get("transB") else weight.dims
    long = [axis for axis, length in enumerate(a.dims[:-1]) if length != 1]
    if len(long) != 1 or len(a.dims) < 2 or a.dims[-1] != wide:
        return None
    steps: Factor = ("t", 1, a.dims[long[0]])
    axes: list[Axis] = [() for _ in a.dims]
    axes[long[0]], axes[-1] = (steps,), (("f", 1, units),)
    if x is None or x.role != "context":
        return Tracked(operation, "projected", axes)
    features = sorted((x.axes[-1]), key=lambda factor: factor[0])
    if x.axes[long[0]] != (steps,) or prod(many for _, _, many in features) != wide or units != wide:
        return None
    if [what for what, _, _ in features] not in (["e", "h"], ["e"]):
        return None
    fact = Tracked(operation, "out", axes, [x])
    fact.source = fact
    return fact


def _track_constant(operation: ReadOperation, xs: Sequence[Tracked | None]) -> Tracked | None:
    """Track a bias after a projection, or a factor that scales query, key or scores."""
    step = operation.step
    if len(xs) != 2 or (xs[0] is None) == (xs[1] is None) or (step.op == "Div" and xs[0] is None):
        return None
    place = 0 if xs[0] is not None else 1
    x, other = xs[place], step.required(1 - place)
    if x is None or other.index is not None:
        return None
    if step.op == "Add":
        vector = other.tensors and other.dims[-1:] == (other.size,) == step.required(place).dims[-1:]
        plain = x.done.step.op == "MatMul" and x.role in ("projected", "out")
        return Tracked(operation, x.role, x.axes, [x]) if vector and plain else None
    if x.role not in ("projected", "scores") or other.array is None or other.size != 1 or len(other.dims) > len(x.axes):
        return None
    factor = float(other.array.numbers[0])
    if not factor:
        return None
    fact = Tracked(operation, x.role, x.axes, [x])
    fact.scale *= factor if step.op == "Mul" else 1 / factor
    return fact


def _track_product(operation: ReadOperation, a: Tracked, b: Tracked) -> Tracked | None:
    """Track query times key, or weights times value. Both sides have the same number of heads as leading axis."""
    if b.role != "projected" or len(a.axes) != len(b.axes) or len(a.axes) < 2:
        return None
    fronts = [axis for axis in zip(a.axes[:-2], b.axes[:-2], strict=True) if axis != ((), ())]
    if any(len(mine) != 1 or len(theirs) != 1 or mine[0][2] != theirs[0][2] for mine, theirs in fronts):
        return None
    heads = fronts[0] if len(fronts) == 1 else (((), ()) if not fronts else None)
    if heads is None:
        return None
    mine, theirs = (side[0] if side else ("h", 0, 1) for side in heads)
    rows, inner, other, columns = a.axes[-2], a.axes[-1], b.axes[-2], b.axes[-1]
    if a.role == "projected":
        steps = len(rows) == len(inner) == len(other) == 1 and rows == columns and rows[0][0] == "t"
        if not steps or {inner[0][0], other[0][0]} != {"f"} or inner[0][2] != other[0][2]:
            return None
        if {mine[0], theirs[0]} - {"f", "h"}:
            return None
        fact = Tracked(operation, "scores", [*_heads(a), rows, (("s", *rows[0][1:]),)], [a, b])
        fact.scale = a.scale * b.scale
        fact.parts = ((a, mine, inner[0]), (b, theirs, other[0]))
        return fact
    if a.role != "weights" or len(inner) != 1 or inner[0][0] != "s" or b.scale != 1.0 or theirs[0] not in ("f", "h"):
        return None
    if other != (("t", *inner[0][1:]),) or len(columns) != 1 or columns[0][0] != "f":
        return None
    fact = Tracked(operation, "context", [*_heads(a), rows, (("e", 1, columns[0][2]),)], [a, b])
    fact.parts = (*a.parts, (b, theirs, columns[0]))
    return fact


def _track_attention(operation: ReadOperation, xs: Sequence[Tracked | None]) -> Tracked | None:
    """Track the operator Attention of opset 23 on heads x steps, without mask, cap or past keys."""
    attributes = operation.step.attributes
    scale = attributes.get("scale")
    plain = all(
        isinstance(attributes.get(name, 0), int | float) and not attributes.get(name, 0)
        for name in ("is_causal", "softcap")
    )
    alone = not any(operation.step.inputs[3:]) and not any(operation.step.outputs[1:])
    if len(xs) < 3 or not (plain and alone and (scale is None or isinstance(scale, float))):
        return None
    query, key, value = xs[:3]
    if query is None or key is None or value is None or query.role != "projected" or len(key.axes) != 4 or key.axes[0]:
        return None
    turned = Tracked(operation, key.role, [*key.axes[:2], key.axes[3], key.axes[2]], [key])
    scores = _track_product(operation, query, turned)
    if scores is None:
        return None
    scores.scale *= 1 / sqrt(scores.parts[0][2][2]) if scale is None else scale
    return _track_product(operation, Tracked(operation, "weights", scores.axes, [scores]), value)


def _heads(x: Tracked) -> Iterator[Axis]:
    return ((("h", 1, axis[0][2]),) if axis else () for axis in x.axes[:-2])


# -- the complete layer -----------------------------------------------------------------------------------------------


def _pattern_ending_at(end: Tracked, scope: Scope) -> Pattern | None:
    """Return the layer that ends at a value; None if query, key and value do not use all features of their projections."""
    sources: dict[int, list[Part]] = {}
    for part in end.parts:
        sources.setdefault(id(part[0].source), []).append(part)
    projections = [parts[0][0].source for parts in sources.values()]
    names = {one.done.step.node.input[0] for one in projections}
    _, head, each = end.parts[0]
    alike = all(part[1][2] == head[2] and part[2][2] == each[2] for part in end.parts)
    if len(names) != 1 or not alike or not all(_covers_features(parts) for parts in sources.values()):
        return None
    if not isclose(end.scale, 1 / sqrt(each[2]), rel_tol=1e-3):
        return None
    operators = _operators(end)
    if operators is None:
        return None
    steps = [one.step for one in operators]
    parameters = _parameter_names(steps)
    x, result = projections[0].done.step.required(0), scope.values[steps[-1].outputs[0]]
    bias = any(has_bias_role(role) for role in parameters)
    layer = Attention(heads=head[2], bias=bias)
    return Pattern(layer, names.pop(), _order(x.dims), _order(result.dims), operators, parameters)


def _covers_features(parts: Sequence[Part]) -> bool:
    """Return whether the parts of a projection together contain each of its features once."""
    source, head, each = parts[0][0].source, parts[0][1], parts[0][2]
    offsets = sorted(part[0].offset for part in parts)
    apart = offsets[1] if len(offsets) > 1 else 0
    if offsets != [number * apart for number in range(len(parts))] or any(part[1:] != (head, each) for part in parts):
        return False
    running = 1
    for stride, many in sorted(
        (stride, many) for stride, many in (head[1:], each[1:], (apart, len(parts))) if many > 1
    ):
        if stride != running:
            return False
        running *= many
    return running == source.axes[-1][0][2]


def _operators(end: Tracked) -> list[ReadOperation] | None:
    """Return the operators of an attention in order; None if there are too many."""
    operators: dict[int, ReadOperation] = {}
    seen: set[int] = set()
    rest = [end]
    while rest:
        operation = rest.pop()
        if id(operation) not in seen:
            seen.add(id(operation))
            operators[id(operation.done)] = operation.done
            rest.extend(operation.below)
        if len(seen) > MAX_OPERATORS:
            return None
    return sorted(operators.values(), key=lambda operation: operation is end.done)


def _parameter_names(steps: Sequence[Operation]) -> dict[str, str]:
    """Return the names of the projections' matrices and biases, each with its role."""
    names: dict[str, str] = {}
    for step in steps:
        for place, (name, x) in enumerate(zip(step.node.input, step.inputs, strict=False)):
            if x is not None and x.tensors and step.op in ("MatMul", "Gemm", "Add") and x.index is None:
                bias = step.op == "Add" or place == 2
                names[f"{'bias' if bias else 'weight'}_{len(names)}"] = name
    return names


def _order(dims: Dims) -> tuple[int, int]:
    """Return the axes of steps and features of a value whose other axes are 1."""
    return next(axis for axis, length in enumerate(dims) if length != 1), len(dims) - 1
