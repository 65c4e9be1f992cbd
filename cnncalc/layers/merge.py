"""Layers that join several values: sum, product, concatenation."""

from __future__ import annotations

from collections.abc import Callable

from cnncalc.layers.base import Layer
from cnncalc.layers.fields import Choice, Flag
from cnncalc.layers.operations import NEW, PART, SAME, SPREAD, Op, passed_on
from cnncalc.problem import Problem
from cnncalc.shape import Shape
from cnncalc.text import quoted


def differ(what: str, xs: tuple[Shape, ...], help: str) -> Problem:
    """The error for operands whose shapes do not go together."""
    return Problem("shapes-differ", f"{what}: {' and '.join(map(str, xs))} differ", help)


def united(xs: tuple[Shape, ...], otherwise: str) -> str:
    """Help for shapes that differ: what brings them together, which depends on the axes in which they differ."""
    if len({len(x) for x in xs}) > 1 or len(xs[0]) < 2:
        return otherwise
    wide = len({x[-1] for x in xs}) > 1
    if not any(x[:-1] != xs[0][:-1] for x in xs):
        return f"bring them to one number of channels, with `conv: {{filters: {xs[0][-1]}, kernel: 1}}` for example"
    smallest = Shape(map(min, zip(*[x[:-1] for x in xs], strict=True)))
    if wide or any(length - least > 1 for x in xs for length, least in zip(x, smallest, strict=False)):
        return otherwise
    return f"bring both to {smallest}: `resize: {smallest}` before this step, or in place of an `upsample`"


def chained(xs: tuple[Shape, ...], joined: Callable[[int, int, int], Op]) -> list[Op]:
    """An operation of two values applied to several, one after the other; from the sizes of its output and of both."""
    if len(xs) == 1:
        return passed_on(xs[0].size)
    found: list[Op] = []
    so_far = xs[0]
    for number, x in enumerate(xs[1:], 1):
        after = spread_out("a join", (so_far, x))
        op = joined(after.size, so_far.size, x.size)
        places = (len(xs) + number - 2 if number > 1 else 0, number)
        op.inputs, op.saves = places, [places[place] for place in op.saves]
        found.append(op)
        so_far = after
    return found


def _summed(size: int, own: int) -> str:
    """What the gradient of a term is made of: the sum's own, added up where the term was spread."""
    return SAME if own == size else NEW


def _product(size: int, own: int) -> str:
    """What the gradient of a factor is made of."""
    return NEW if own == size else SPREAD


class Merge(Layer):
    """What merges share: two or more inputs."""

    inputs = None
    least_operands = 2


class Add(Merge, kind="add"):
    """The sum of values of the same shape. He et al. 2015, ResNet.

    >>> Add().out(Shape((56, 56, 64)), Shape((56, 56, 64)))
    (56, 56, 64)
    """

    elsewhere = "Sum Eltwise shortcut skip"
    example = "56x56x64 -> add: [[conv: {filters: 64, kernel: 1}], prev]"

    inplace = Flag("add into the first operand, as PyTorch's `+=`", False, also="in_place")
    broadcast = Flag("spread axes of length 1, and values of fewer axes, over the largest value", False)

    def out(self, *xs: Shape) -> Shape:
        if self.broadcast:
            return spread_out(self.kind, xs)
        for x in xs:
            if x != xs[0]:
                raise differ(
                    "add needs values of the same shape",
                    xs,
                    united(xs, "check stride and padding of what leads here; `pad: same` keeps height and width"),
                )
        return xs[0]

    def operations(self, training: bool, *xs: Shape) -> list[Op] | None:
        alias = 0 if self.inplace else None
        return chained(
            xs, lambda size, left, right: Op([0, 1], size, [_summed(size, left), _summed(size, right)], alias=alias)
        )


class Mul(Merge, kind="mul"):
    """The product of values, number by number; a vector of C, a 1x1xC or a HxWx1 is spread over the larger value.

    Hu et al. 2017, squeeze-and-excitation.

    >>> Mul().out(Shape((56, 56, 64)), Shape((64,)))
    (56, 56, 64)
    """

    elsewhere = "Multiply scale_channels gate"
    example = "56x56x64 -> mul: {value: prev, gate: [globalavgpool, fc: 64, sigmoid]}"

    def out(self, *xs: Shape) -> Shape:
        return spread_out(self.kind, xs)

    def operations(self, training: bool, *xs: Shape) -> list[Op] | None:
        return chained(
            xs,
            lambda size, left, right: Op([0, 1], size, [_product(size, left), _product(size, right)], saves=[0, 1]),
        )


def _spread(x: Shape, length: int) -> tuple[int, ...]:
    return (1,) * (length - len(x)) + tuple(x)


def spread_out(kind: str, xs: tuple[Shape, ...]) -> Shape:
    """The shape of values joined number by number, axes of length 1 and missing ones in front spread over the others.

    Raises:
        Problem: `shapes-differ`.
    """
    largest = max(xs, key=len)
    full = [max(lengths) for lengths in zip(*[_spread(x, len(largest)) for x in xs], strict=True)]
    for x in xs:
        if any(a not in (1, b) for a, b in zip(_spread(x, len(largest)), full, strict=True)):
            what = f"{kind} needs values of one shape, or a gate of one number per channel"
            raise differ(what, xs, f"a gate for {largest} is a vector of {largest[-1]}")
    return Shape(full)


class Elementwise(Merge):
    """What further joins number by number share: axes of length 1 are spread over the larger value."""

    def out(self, *xs: Shape) -> Shape:
        return spread_out(self.kind, xs)


def extreme(size: int, left: int, right: int) -> Op:
    """The larger or smaller of two values: backward halves the gradient where they are equal, and masks it."""
    grads = [_product(size, left), _product(size, right)]
    return Op([0, 1], size, grads, saves=[1, 0], temps=size, masks=2 * size)  # this order: not those of a product


class Sub(Elementwise, kind="sub"):
    """The difference of values, number by number; axes of length 1 are spread over the larger value.

    >>> Sub().out(Shape((56, 56, 64)), Shape((56, 56, 64)))
    (56, 56, 64)
    """

    elsewhere = "Subtract minus difference"
    example = "56x56x64 -> sub: [[conv: {filters: 64, kernel: 1}], prev]"

    def operations(self, training: bool, *xs: Shape) -> list[Op] | None:
        return chained(xs, lambda size, left, right: Op([0, 1], size, [_summed(size, left), _product(size, right)]))


class Average(Elementwise, kind="average"):
    """The mean of values, number by number; axes of length 1 are spread over the larger value. Keras 3, `Average`.

    >>> Average().out(Shape((56, 56, 64)), Shape((56, 56, 64)))
    (56, 56, 64)
    """

    elsewhere = "mean_of"
    example = "56x56x64 -> average: [[conv: {filters: 64, kernel: 1}], prev]"

    def operations(self, training: bool, *xs: Shape) -> list[Op] | None:
        sums = chained(xs, lambda size, left, right: Op([0, 1], size, [_summed(size, left), _summed(size, right)]))
        return [*sums, Op([len(xs) + len(sums) - 1], self.out(*xs).size, [NEW])]


class Maximum(Elementwise, kind="maximum"):
    """The larger of values, number by number. Goodfellow et al. 2013, maxout; Keras 3, `Maximum`.

    >>> Maximum().out(Shape((56, 56, 64)), Shape((56, 56, 64)))
    (56, 56, 64)
    """

    elsewhere = "max_of"
    example = "56x56x64 -> maximum: [[conv: {filters: 64, kernel: 1}], prev]"

    def operations(self, training: bool, *xs: Shape) -> list[Op] | None:
        return chained(xs, extreme)


class Minimum(Elementwise, kind="minimum"):
    """The smaller of values, number by number. Keras 3, `Minimum`.

    >>> Minimum().out(Shape((56, 56, 64)), Shape((56, 56, 64)))
    (56, 56, 64)
    """

    example = "56x56x64 -> minimum: [[conv: {filters: 64, kernel: 1}], prev]"

    def operations(self, training: bool, *xs: Shape) -> list[Op] | None:
        return chained(xs, extreme)


class Concat(Merge, kind="concat"):
    """Values joined along one axis, the channels unless another is named. Szegedy et al. 2014; Huang et al. 2016.

    >>> Concat().out(Shape((28, 28, 64)), Shape((28, 28, 128)))
    (28, 28, 192)
    """

    elsewhere = "Concatenate cat merge route join"
    example = "28x28x192 -> concat: [[conv: {filters: 64, kernel: 1}], [maxpool: {kernel: 3, stride: 1, pad: 1}]]"

    axis = Choice("the axis to join along", "channels steps height width depth", "channels", also="dim")

    def out(self, *xs: Shape) -> Shape:
        axis = axis_number(self.axis, xs[0])
        rest = {(len(x), *x[:axis], *x[axis + 1 :]) for x in xs}
        if len(rest) > 1:
            check = "check stride and padding of the branches; `pad: same` keeps height and width"
            raise differ(
                f"concat along {self.axis} needs values that agree in every other axis",
                xs,
                united(xs, check) if self.axis == "channels" else check,
            )
        joined = list(xs[0])
        joined[axis] = sum(x[axis] for x in xs)
        return Shape(joined)

    def operations(self, training: bool, *xs: Shape) -> list[Op] | None:
        return [Op(range(len(xs)), self.out(*xs).size, [PART] * len(xs))]


def axis_number(axis: str, x: Shape) -> int:
    """The place of a named axis in a shape.

    Raises:
        Problem: `bad-value` where the shape has no such axis.
    """
    if axis == "channels":
        return len(x) - 1
    if axis in x.axes:
        return x.axes.index(axis)
    named = quoted([*x.axes, "channels"], "and")
    raise Problem("bad-value", f"{x} has no axis named {axis}", f"what it has: {named}", field="axis")
