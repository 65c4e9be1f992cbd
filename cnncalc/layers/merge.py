"""Layers that combine several values: sum, product, concatenation."""

from __future__ import annotations

from collections.abc import Callable

from cnncalc.layers.base import Layer
from cnncalc.layers.fields import Choice, Flag
from cnncalc.layers.operations import NEW, PART, SAME, SPREAD, Op, passed_on
from cnncalc.problem import Problem
from cnncalc.shape import Shape
from cnncalc.text import quoted


def shapes_differ(what: str, xs: tuple[Shape, ...], help: str) -> Problem:
    """Return the error for operands with incompatible shapes."""
    return Problem("shapes-differ", f"{what}: {' and '.join(map(str, xs))} differ", help)


def help_for_shapes(xs: tuple[Shape, ...], otherwise: str) -> str:
    """Return help for shapes that differ. It depends on the axes in which they differ."""
    if len({len(x) for x in xs}) > 1 or len(xs[0]) < 2:
        return otherwise
    wide = len({x[-1] for x in xs}) > 1
    if not any(x[:-1] != xs[0][:-1] for x in xs):
        return f"make their channels equal, for example with `conv: {{filters: {xs[0][-1]}, kernel: 1}}`"
    smallest = Shape(map(min, zip(*[x[:-1] for x in xs], strict=True)))
    if wide or any(length - least > 1 for x in xs for length, least in zip(x, smallest, strict=False)):
        return otherwise
    return f"resize both to {smallest}: write `resize: {smallest}` before this step, or in place of an `upsample`"


def chain_operations(xs: tuple[Shape, ...], joined: Callable[[int, int, int], Op]) -> list[Op]:
    """Return a chain of operations of two values that combines several.

    `joined` makes one of them from the sizes of its output and of both inputs.
    """
    if len(xs) == 1:
        return passed_on(xs[0].size)
    ops: list[Op] = []
    so_far = xs[0]
    for number, x in enumerate(xs[1:], 1):
        after = broadcast_shape("a join", (so_far, x))
        op = joined(after.size, so_far.size, x.size)
        places = (len(xs) + number - 2 if number > 1 else 0, number)
        op.inputs, op.saves = places, [places[place] for place in op.saves]
        ops.append(op)
        so_far = after
    return ops


def _summed(size: int, own: int) -> str:
    """Return the gradient operation for one term of a sum. It reuses the gradient of the sum unless the term was broadcast."""
    return SAME if own == size else NEW


def _product(size: int, own: int) -> str:
    """Return the operations that compute the gradient of a factor."""
    return NEW if own == size else SPREAD


class Merge(Layer):
    """Base of the layers with any number of inputs."""

    inputs = None
    least_operands = 2


class Add(Merge, kind="add"):
    """Sum of values of the same shape. He et al. 2015, ResNet.

    >>> Add().out(Shape((56, 56, 64)), Shape((56, 56, 64)))
    (56, 56, 64)
    """

    elsewhere = "Sum Eltwise shortcut skip"
    example = "56x56x64 -> add: [[conv: {filters: 64, kernel: 1}], prev]"

    inplace = Flag("add to the first operand in place, like PyTorch's `+=`", False, also="in_place")
    broadcast = Flag("broadcast axes of length 1, and values with fewer axes, to the shape of the largest value", False)

    def out(self, *xs: Shape) -> Shape:
        if self.broadcast:
            return broadcast_shape(self.kind, xs)
        for x in xs:
            if x != xs[0]:
                raise shapes_differ(
                    "add needs values of the same shape",
                    xs,
                    help_for_shapes(
                        xs, "check the stride and padding of the layers above; `pad: same` keeps height and width"
                    ),
                )
        return xs[0]

    def operations(self, training: bool, *xs: Shape) -> list[Op] | None:
        alias = 0 if self.inplace else None
        return chain_operations(
            xs, lambda size, left, right: Op([0, 1], size, [_summed(size, left), _summed(size, right)], alias=alias)
        )


class Mul(Merge, kind="mul"):
    """Elementwise product of values. A C, 1x1xC or HxWx1 value is broadcast to the shape of the larger one.

    Hu et al. 2017, squeeze-and-excitation.

    >>> Mul().out(Shape((56, 56, 64)), Shape((64,)))
    (56, 56, 64)
    """

    elsewhere = "Multiply scale_channels gate"
    example = "56x56x64 -> mul: {value: prev, gate: [globalavgpool, fc: 64, sigmoid]}"

    def out(self, *xs: Shape) -> Shape:
        return broadcast_shape(self.kind, xs)

    def operations(self, training: bool, *xs: Shape) -> list[Op] | None:
        return chain_operations(
            xs,
            lambda size, left, right: Op([0, 1], size, [_product(size, left), _product(size, right)], saves=[0, 1]),
        )


def _pad_rank(x: Shape, length: int) -> tuple[int, ...]:
    return (1,) * (length - len(x)) + tuple(x)


def broadcast_shape(kind: str, xs: tuple[Shape, ...]) -> Shape:
    """Return the shape of an elementwise merge, which broadcasts axes of length 1 and missing leading axes.

    Raises:
        Problem: `shapes-differ`.
    """
    largest = max(xs, key=len)
    full = [max(lengths) for lengths in zip(*[_pad_rank(x, len(largest)) for x in xs], strict=True)]
    for x in xs:
        if any(a not in (1, b) for a, b in zip(_pad_rank(x, len(largest)), full, strict=True)):
            what = f"{kind} needs values of the same shape, or a gate with one number per channel"
            raise shapes_differ(what, xs, f"a gate for {largest} is a vector of {largest[-1]}")
    return Shape(full)


class Elementwise(Merge):
    """Base of the other elementwise merges, which broadcast axes of length 1."""

    def out(self, *xs: Shape) -> Shape:
        return broadcast_shape(self.kind, xs)


def extreme_operation(size: int, left: int, right: int) -> Op:
    """Return the operation of a maximum or minimum. Backward masks the gradient, and halves it where both values are equal."""
    grads = [_product(size, left), _product(size, right)]
    return Op([0, 1], size, grads, saves=[1, 0], temps=size, masks=2 * size)  # the other order than a product


class Sub(Elementwise, kind="sub"):
    """Elementwise difference of values. Axes of length 1 are broadcast.

    >>> Sub().out(Shape((56, 56, 64)), Shape((56, 56, 64)))
    (56, 56, 64)
    """

    elsewhere = "Subtract minus difference"
    example = "56x56x64 -> sub: [[conv: {filters: 64, kernel: 1}], prev]"

    def operations(self, training: bool, *xs: Shape) -> list[Op] | None:
        return chain_operations(
            xs, lambda size, left, right: Op([0, 1], size, [_summed(size, left), _product(size, right)])
        )


class Average(Elementwise, kind="average"):
    """Elementwise mean of values. Axes of length 1 are broadcast. Keras 3, `Average`.

    >>> Average().out(Shape((56, 56, 64)), Shape((56, 56, 64)))
    (56, 56, 64)
    """

    elsewhere = "mean_of"
    example = "56x56x64 -> average: [[conv: {filters: 64, kernel: 1}], prev]"

    def operations(self, training: bool, *xs: Shape) -> list[Op] | None:
        sums = chain_operations(
            xs, lambda size, left, right: Op([0, 1], size, [_summed(size, left), _summed(size, right)])
        )
        return [*sums, Op([len(xs) + len(sums) - 1], self.out(*xs).size, [NEW])]


class Maximum(Elementwise, kind="maximum"):
    """Elementwise maximum of values. Goodfellow et al. 2013, maxout; Keras 3, `Maximum`.

    >>> Maximum().out(Shape((56, 56, 64)), Shape((56, 56, 64)))
    (56, 56, 64)
    """

    elsewhere = "max_of"
    example = "56x56x64 -> maximum: [[conv: {filters: 64, kernel: 1}], prev]"

    def operations(self, training: bool, *xs: Shape) -> list[Op] | None:
        return chain_operations(xs, extreme_operation)


class Minimum(Elementwise, kind="minimum"):
    """Elementwise minimum of values. Keras 3, `Minimum`.

    >>> Minimum().out(Shape((56, 56, 64)), Shape((56, 56, 64)))
    (56, 56, 64)
    """

    example = "56x56x64 -> minimum: [[conv: {filters: 64, kernel: 1}], prev]"

    def operations(self, training: bool, *xs: Shape) -> list[Op] | None:
        return chain_operations(xs, extreme_operation)


class Concat(Merge, kind="concat"):
    """Concatenation of values along one axis, by default the channels. Szegedy et al. 2014; Huang et al. 2016.

    >>> Concat().out(Shape((28, 28, 64)), Shape((28, 28, 128)))
    (28, 28, 192)
    """

    elsewhere = "Concatenate cat merge route join"
    example = "28x28x192 -> concat: [[conv: {filters: 64, kernel: 1}], [maxpool: {kernel: 3, stride: 1, pad: 1}]]"

    axis = Choice("axis to concatenate along", "channels steps height width depth", "channels", also="dim")

    def out(self, *xs: Shape) -> Shape:
        axis = axis_number(self.axis, xs[0])
        rest = {(len(x), *x[:axis], *x[axis + 1 :]) for x in xs}
        if len(rest) > 1:
            check = "check the stride and padding of the branches; `pad: same` keeps height and width"
            raise shapes_differ(
                f"concat along {self.axis} needs values with the same length along every other axis",
                xs,
                help_for_shapes(xs, check) if self.axis == "channels" else check,
            )
        joined = list(xs[0])
        joined[axis] = sum(x[axis] for x in xs)
        return Shape(joined)

    def operations(self, training: bool, *xs: Shape) -> list[Op] | None:
        return [Op(range(len(xs)), self.out(*xs).size, [PART] * len(xs))]


def axis_number(axis: str, x: Shape) -> int:
    """Return the position of a named axis in a shape.

    Raises:
        Problem: `bad-value` if the shape has no such axis.
    """
    if axis == "channels":
        return len(x) - 1
    if axis in x.axes:
        return x.axes.index(axis)
    named = quoted([*x.axes, "channels"], "and")
    raise Problem(
        "bad-value",
        f"{x} has no axis named {axis}",
        f"its {'axes are' if len(x) > 1 else 'only axis is'} {named}",
        field="axis",
    )
