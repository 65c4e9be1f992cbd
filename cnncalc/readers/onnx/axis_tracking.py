"""Track each axis of the inputs from operator to operator, to find out which one is the batch.

No operator mixes numbers along the batch. A recurrent layer mixes steps, a convolution mixes channels and cells, and a
matrix product mixes the axis that it sums over. The other axes continue to the output. Reshapes merge and split axes, so
an axis of a value is a list of factors (token, length), from the slowest to the fastest. A token is an axis of an input.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from cnncalc.problem import Refused
from cnncalc.readers.axes import Dims
from cnncalc.readers.onnx.graph import Axis, Factor, Marks, Operation, Value
from cnncalc.readers.onnx.operators.elementwise import ACTIVATIONS, BINARY, REDUCED, UNARY, words

NONE = -1  # the token of a factor that does not come from an axis of an input
CUT, MIXED = 1, 2
WINDOWS = words(
    "Conv FusedConv ConvInteger QLinearConv ConvTranspose MaxPool AveragePool LpPool GlobalAveragePool GlobalMaxPool "
    "GlobalLpPool DepthToSpace SpaceToDepth MaxUnpool GridSample RoiAlign "
    "DeformConv"
)
ROWS = words("Softmax LogSoftmax Hardmax ArgMax ArgMin TopK CumSum LayerNormalization RMSNormalization LpNormalization")
MAX_FACTORS = 16  # of a tracked axis
_FIRST_AXIS = {"Split": 0, "Concat": 1, "GatherElements": 0}


class _NoAxis(Exception):
    """An operator names an axis that its input does not have."""


class AxisTracker:
    """Records which axes of the inputs are the same, and what the operators do along each of them."""

    def __init__(self, opset: int) -> None:
        self.opset = opset
        self.tokens: dict[tuple[str, int], int] = {}
        self.symbols: dict[str, int] = {}
        self.parents: list[int] = []
        self.batches: dict[int, str] = {}  # token -> the operator to which it is a batch
        self.mixed: dict[int, tuple[int, str]] = {}  # token -> CUT or MIXED, and the operator
        # output of a reshape -> the written target, and the axes of the output
        self.reshapes: dict[tuple[str, str], tuple[Dims, Marks]] = {}

    def add(self, name: str, value: Value, symbols: Sequence[str]) -> None:
        """Track the axes of an input. Dimensions with the same name are the same axis."""
        marks = []
        for axis, length in enumerate(value.dims):
            token = len(self.parents)
            self.parents.append(token)
            self.tokens[name, axis] = token
            symbol = symbols[axis] if axis < len(symbols) else ""
            if symbol:
                self._merge(token, self.symbols.setdefault(symbol, token))
            marks.append(((token, length),))
        value.marks = tuple(marks)

    def root(self, token: int) -> int:
        """Return the token that represents all tokens of the same axis."""
        while self.parents[token] != token:
            self.parents[token] = self.parents[self.parents[token]]
            token = self.parents[token]
        return token

    def follow(self, step: Operation) -> None:
        """Record what an operator does along the axes of its inputs, and mark the axes of its outputs."""
        if not any(x is not None and x.marks is not None for x in step.inputs):
            return
        rule = RULES.get(step.op)
        if rule is None or not step.outputs:
            return
        try:
            results = rule(self, step)
        except (Refused, _NoAxis):  # the operator's own rule refuses the node
            return
        for name, marks in zip(step.outputs, results, strict=False):
            value = step.scope.values.get(name)
            if value is None or marks is None or value.index is None or value.marks is not None:
                continue
            if len(marks) == len(value.dims) and any(token >= 0 for axis in marks for token, _ in axis):
                pairs = zip(marks, value.dims, strict=True)
                value.marks = tuple(axis if _product(axis) == length else _blank(length) for axis, length in pairs)
                if step.op in ("Reshape", "Expand"):
                    self.reshapes[step.scope.prefix, name] = (tuple(step.numbers(1, "shape") or ()), value.marks)

    def _merge(self, a: int, b: int) -> None:
        self.parents[self.root(a)] = self.root(b)

    def as_batch(self, axis: Axis, step: Operation) -> None:
        """Record that an axis is a batch to an operator."""
        for token, _ in axis:
            if token >= 0:
                self.batches.setdefault(token, step.label)

    def mix(self, axes: Iterable[Axis], step: Operation, much: int = MIXED) -> None:
        """Record that an operator mixes numbers along axes (MIXED) or changes their length (CUT)."""
        for axis in axes:
            for token, length in axis:
                if token >= 0 and (length > 1 or len(axis) == 1) and self.mixed.get(token, (0, ""))[0] < much:
                    self.mixed[token] = (much, step.label)

    def merge_axes(self, sides: Sequence[Marks]) -> Marks:
        """Return the axes of values broadcast together. Axes that meet with the same length become the same axis."""
        rank = max(len(side) for side in sides)
        axes: list[Axis] = []
        for place in range(-rank, 0):
            column = [side[place] for side in sides if len(side) >= -place]
            longest = max(_product(axis) for axis in column)
            column = [axis for axis in column if _product(axis) == longest]
            named = [axis for axis in column if any(token >= 0 for token, _ in axis)]
            for other in named[1:]:
                if [length for _, length in other] == [length for _, length in named[0]]:
                    for (a, _), (b, _) in zip(named[0], other, strict=True):
                        if a >= 0 and b >= 0:
                            self._merge(a, b)
            axes.append(named[0] if named else column[0])
        return tuple(axes)


def _product(axis: Axis) -> int:
    if len(axis) == 1:
        return axis[0][1]
    product = 1
    for _, length in axis:
        product *= length
    return product


def _blank(length: int) -> Axis:
    return ((NONE, length),)


def _marks(x: Value) -> Marks:
    """Return the axes of a value; blank axes if they are not tracked."""
    return x.marks if x.marks is not None else tuple(_blank(length) for length in x.dims)


def _blanks(dims: Dims) -> Marks:
    return tuple(_blank(length) for length in dims)


def _axis(axis: Any, rank: int) -> int:
    """Return an axis counted from the first one.

    Raises:
        _NoAxis: The value has no such axis.
    """
    if not isinstance(axis, int) or not -rank <= axis < rank:
        raise _NoAxis
    return axis % rank


def regroup(marks: Marks, dims: Dims) -> Marks | None:
    """Return the factors of each axis after a reshape; None if an axis would split a factor unevenly.

    >>> regroup((((0, 8),), ((1, 12),)), (8, 3, 4))
    (((0, 8),), ((1, 3),), ((1, 4),))
    """
    rest = [factor for axis in marks for factor in axis][::-1]
    if len(rest) > 4 * MAX_FACTORS:
        return None
    axes = []
    for whole in dims:
        axis: list[Factor] = []
        need = whole
        if need == 1 and rest and rest[-1][1] == 1:
            axis.append(rest.pop())
        while need > 1:
            if not rest or len(axis) > MAX_FACTORS:
                return None
            token, many = rest.pop()
            if need % many == 0:
                axis.append((token, many))
                need //= many
            elif many % need == 0:
                axis.append((token, need))
                rest.append((token, many // need))
                need = 1
            else:
                return None
        axes.append(tuple(axis) or _blank(1))
    return tuple(axes)


# Rules: each records what an operator does and returns the axes of its outputs.

Found = Sequence[Marks | None]
Rule = Callable[[AxisTracker, Operation], Found]


def _same(a: AxisTracker, step: Operation) -> Found:
    x = step.input(0)
    return [_marks(x)] if x is not None else []


def _broadcast(a: AxisTracker, step: Operation) -> Found:
    xs = [x for x in step.inputs if x is not None]
    operands = [x for x in xs if x.index is not None]
    marks = a.merge_axes([_marks(x) for x in operands])
    for x in xs:
        if x.is_learned and len(x.dims) <= len(marks):  # its own numbers for each place along an axis
            spread = [marks[place] for place in range(-len(x.dims), 0) if x.dims[place] > 1]
            a.mix(spread, step, CUT)
    return [a.merge_axes([marks, *[_blanks(x.dims) for x in xs if x.index is None]])]


def _window(a: AxisTracker, step: Operation) -> Found:
    x = step.input(0)
    if x is None or len(x.dims) < 2:
        return []
    marks = _marks(x)
    a.as_batch(marks[0], step)
    a.mix(marks[1:], step)
    out = step.scope.values.get(step.outputs[0])
    return [(marks[0], *_blanks(out.dims[1:]))] if out is not None else []


def _norm(a: AxisTracker, step: Operation) -> Found:
    x = step.input(0)
    if x is None or len(x.dims) < 2:
        return []
    marks = _marks(x)
    a.as_batch(marks[0], step)
    a.mix(marks[1:2] if step.op == "BatchNormalization" else marks[1:], step)
    return [marks]


def _product_of(a: AxisTracker, step: Operation) -> Found:
    left, right = step.input(0), step.input({"QLinearMatMul": 3, "QGemm": 3}.get(step.op, 1))
    if left is None or right is None or min(len(left.dims), len(right.dims)) < 2:
        return []
    one, two = _marks(left), _marks(right)
    if step.op in ("Gemm", "QGemm", "FusedMatMul"):
        one = (*one[:-2], one[-1], one[-2]) if step.attributes.get("transA") else one
        two = (*two[:-2], two[-1], two[-2]) if step.attributes.get("transB") else two
    a.mix((one[-1], two[-2]), step)
    fronts = [side[:-2] for side in (one, two) if len(side) > 2]
    return [(*(a.merge_axes(fronts) if fronts else ()), one[-2], two[-1])]


def _recurrent(a: AxisTracker, step: Operation) -> Found:
    x = step.input(0)
    if x is None or len(x.dims) != 3:
        return []
    first = step.attributes.get("layout", 0) == 1
    steps, batch, features = (_marks(x)[axis] for axis in ((1, 0, 2) if first else (0, 1, 2)))
    a.as_batch(batch, step)
    a.mix((steps, features), step)
    sides = [batch]
    for state in (step.input(5), step.input(6)):
        if state is not None and len(state.dims) == 3 and state.marks is not None:
            marks = state.marks
            mark, others = (marks[0], (marks[1], marks[2])) if first else (marks[1], (marks[0], marks[2]))
            a.as_batch(mark, step)
            a.mix(others, step)
            sides.append(mark)
    batch = a.merge_axes([(side,) for side in sides])[0]
    lengths = step.input(4)
    if lengths is not None and lengths.marks is not None and len(lengths.marks) == 1:
        a.as_batch(lengths.marks[0], step)
        a.merge_axes([lengths.marks, (batch,)])
    build_layer = next((value for name in step.outputs if (value := step.scope.values.get(name)) is not None), None)
    if build_layer is None:
        return []
    both, units = _blank(2 if step.attributes.get("direction") == "bidirectional" else 1), _blank(build_layer.dims[-1])
    last = (batch, both, units) if first else (both, batch, units)
    return [(batch, steps, both, units) if first else (steps, both, batch, units), last, last]


def _transpose(a: AxisTracker, step: Operation) -> Found:
    x = step.input(0)
    if x is None:
        return []
    marks = _marks(x)
    perm = [_axis(axis, len(marks)) for axis in step.attributes.get("perm") or range(len(marks))[::-1]]
    return [tuple(marks[axis] for axis in perm)]


def _reshape(a: AxisTracker, step: Operation) -> Found:
    x, out = step.input(0), step.scope.values.get(step.outputs[0])
    if step.op == "Flatten" and x is not None and x.dims and step.attributes.get("axis", 1) == 1:
        a.as_batch(_marks(x)[0], step)
    return [regroup(_marks(x), out.dims)] if x is not None and out is not None else []


def _squeeze(a: AxisTracker, step: Operation) -> Found:
    x, out = step.input(0), step.scope.values.get(step.outputs[0])
    if x is None or out is None:
        return []
    numbers = step.numbers(1, "axes")
    larger = max(len(x.dims), len(out.dims))
    if numbers is None:
        return [tuple(axis for axis, length in zip(_marks(x), x.dims, strict=True) if length != 1)]
    axes = {_axis(axis, larger) for axis in numbers}
    rest = iter(_marks(x))
    if step.op == "Squeeze":
        return [tuple(mark for axis, mark in enumerate(rest) if axis not in axes)]
    if 0 in axes and x.dims:
        a.mix(_marks(x)[:1], step, CUT)  # another axis becomes the first
    return [tuple(_blank(1) if axis in axes else next(rest) for axis in range(larger))]


def _along(a: AxisTracker, step: Operation) -> Found:
    """Handle parts of a value and joined values: the axes whose lengths change are cut."""
    x, out = step.input(0), step.scope.values.get(step.outputs[0])
    if x is None or out is None:
        return []
    marks = _marks(x)
    if step.op == "Concat":
        operands = [
            one for one in step.inputs if one is not None and one.index is not None and len(one.dims) == len(out.dims)
        ]
        axis = _axis(step.attributes.get("axis", 1), len(out.dims))
        sides = [(*_marks(one)[:axis], *_marks(one)[axis + 1 :]) for one in operands]
        a.mix((_marks(one)[axis] for one in operands), step, CUT)
        rest = a.merge_axes(sides) if sides and sides[0] else ()
        return [(*rest[:axis], _blank(out.dims[axis]), *rest[axis:])]
    shift = len(out.dims) - len(x.dims)
    marks = (*[_blank(1)] * shift, *marks)
    if len(marks) != len(out.dims):
        return []
    usual = _FIRST_AXIS.get(step.op)
    cut = {_axis(step.attributes.get("axis", usual), len(marks))} if usual is not None else set()
    changed = {axis for axis, mark in enumerate(marks) if _product(mark) != out.dims[axis]} | cut
    a.mix((marks[axis] for axis in changed), step, CUT)
    result = tuple(_blank(n) if axis in changed else marks[axis] for axis, n in enumerate(out.dims))
    if step.op != "Split":
        return [result]
    lengths = [one.dims if (one := step.scope.values.get(name)) is not None else () for name in step.outputs]
    return [tuple(_blank(n) if axis in changed else marks[axis] for axis, n in enumerate(dims)) for dims in lengths]


def _gather(a: AxisTracker, step: Operation) -> Found:
    x, index = step.input(0), step.input(1)
    if x is None or index is None or not x.dims:
        return []
    axis, marks = _axis(step.attributes.get("axis", 0), len(x.dims)), _marks(x)
    a.mix(marks[axis : axis + 1], step, CUT)
    return [(*marks[:axis], *_marks(index), *marks[axis + 1 :])]


def _reduce(a: AxisTracker, step: Operation) -> Found:
    x = step.input(0)
    if x is None:
        return []
    marks, numbers = _marks(x), step.numbers(1, "axes")
    if not numbers:
        return []
    axes = {_axis(axis, len(marks)) for axis in numbers}
    if len(axes) < len(marks):
        a.mix((marks[axis] for axis in axes), step)
    keep = step.attributes.get("keepdims", 1)
    return [tuple(_blank(1) if axis in axes else mark for axis, mark in enumerate(marks) if keep or axis not in axes)]


def _along_rows(a: AxisTracker, step: Operation) -> Found:
    x = step.input(0)
    if x is None or not x.dims:
        return []
    marks = _marks(x)
    old = step.op in ("Softmax", "LogSoftmax", "Hardmax") and a.opset < 13
    usual = 1 if old else 0 if step.op in ("ArgMax", "ArgMin") else -1
    axis_number = (step.numbers(1) or [0])[0] if step.op == "CumSum" else step.attributes.get("axis", usual)
    axis = _axis(axis_number, len(marks))
    to_end = old or (step.op.endswith("Normalization") and step.op != "LpNormalization")
    a.mix(marks[axis:] if to_end else marks[axis : axis + 1], step)
    if step.op in ("ArgMax", "ArgMin", "TopK"):
        keep = step.op == "TopK" or step.attributes.get("keepdims", 1)
        out = step.scope.values.get(step.outputs[0])
        length = out.dims[axis] if keep and out is not None and axis < len(out.dims) else 1
        one = (*marks[:axis], *([_blank(length)] if keep else []), *marks[axis + 1 :])
        return [one, one]
    return [marks]


def _einsum(a: AxisTracker, step: Operation) -> Found:
    terms, arrow, right = str(step.attributes.get("equation", "")).replace(" ", "").partition("->")
    if not arrow or "." in terms + right or len(terms.split(",")) != len(step.inputs):
        return []
    axes: dict[str, Axis] = {}
    for term, x in zip(terms.split(","), step.inputs, strict=True):
        if x is None or len(term) != len(x.dims):
            return []
        for letter, mark in zip(term, _marks(x), strict=True):
            axes[letter] = a.merge_axes([(axes[letter],), (mark,)])[0] if letter in axes else mark
    a.mix((axis for letter, axis in axes.items() if letter not in right), step)
    return [tuple(axes[letter] for letter in right)] if set(right) <= set(axes) else []


def _attention(a: AxisTracker, step: Operation) -> Found:
    operands = [x for x in step.inputs[:3] if x is not None and len(x.dims) > 2]
    for x in operands:
        a.as_batch(_marks(x)[0], step)
        a.mix(_marks(x)[1:], step)
    out = step.scope.values.get(step.outputs[0])
    if not operands or out is None:
        return []
    first = a.merge_axes([_marks(x)[:1] for x in operands])
    return [(*first, *_blanks(out.dims[1:]))]


def _reverse(a: AxisTracker, step: Operation) -> Found:
    x = step.input(0)
    if x is None or len(x.dims) < 2:
        return []
    marks = _marks(x)
    a.as_batch(marks[_axis(step.attributes.get("batch_axis", 1), len(marks))], step)
    a.mix((marks[_axis(step.attributes.get("time_axis", 0), len(marks))],), step)
    return [marks]


RULES: dict[str, Rule] = {
    **dict.fromkeys([*UNARY, *ACTIVATIONS, "Dropout", "PRelu"], _same),
    **dict.fromkeys(BINARY, _broadcast),
    **dict.fromkeys(WINDOWS, _window), **dict.fromkeys(REDUCED, _reduce), **dict.fromkeys(ROWS, _along_rows),
    **dict.fromkeys(("BatchNormalization", "InstanceNormalization", "GroupNormalization", "LRN"), _norm),
    **dict.fromkeys(("MatMul", "MatMulInteger", "QLinearMatMul", "FusedMatMul", "Gemm", "QGemm"), _product_of),
    **dict.fromkeys(("LSTM", "GRU", "RNN"), _recurrent), **dict.fromkeys(("Reshape", "Flatten"), _reshape),
    **dict.fromkeys(("Squeeze", "Unsqueeze"), _squeeze),
    **dict.fromkeys(("Slice", "Split", "Concat", "Pad", "GatherElements", "Tile", "Expand", "Resize", "Upsample"), _along),
    "Transpose": _transpose, "Gather": _gather, "Einsum": _einsum, "Attention": _attention,
    "MultiHeadAttention": _attention, "ReverseSequence": _reverse,
}  # fmt: skip
