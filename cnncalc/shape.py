"""Shapes, and the formula for the output size of a window: (W - F + 2P)/S + 1."""

from __future__ import annotations

from math import prod

from cnncalc.problem import Problem

AXES = {0: (), 1: ("steps",), 2: ("height", "width"), 3: ("depth", "height", "width")}


class Shape(tuple[int, ...]):
    """The shape of one example: spatial axes first, channels last, no batch.

    >>> print(Shape((224, 224, 64)), Shape((224, 224, 64)).size)
    224x224x64 3211264
    """

    __slots__ = ()

    @property
    def channels(self) -> int:
        """The size of the last axis: channels of an image, features of a sequence, or the length of a vector."""
        return self[-1]

    @property
    def spatial(self) -> tuple[int, ...]:
        """The sizes of all axes except the channels."""
        return self[:-1]

    @property
    def rank(self) -> int:
        """The number of spatial axes: 0 for a vector, 1 for a sequence, 2 for an image, 3 for a volume."""
        return len(self) - 1

    @property
    def size(self) -> int:
        """The total number of values."""
        return prod(self)

    @property
    def axes(self) -> tuple[str, ...]:
        """The names of the spatial axes."""
        return AXES.get(len(self) - 1) or tuple(f"axis {number}" for number in range(len(self) - 1))

    def __str__(self) -> str:
        return "x".join(map(str, self))

    def words(self) -> str:
        """Describe the shape in words, such as `height 480, width 640, 3 channels`."""
        if len(self) == 1:
            return f"a vector of {self[0]}"
        last = "features" if len(self) == 2 else "channels"
        if len(self) == 2:
            return f"{self[0]} steps of {self[1]} features"
        if len(self) > 4:
            return str(self)
        unit = last if self[-1] != 1 else last[:-1]
        return (
            ", ".join(f"{axis} {length}" for axis, length in zip(self.axes, self, strict=False))
            + f", {self[-1]} {unit}"
        )


class Window:
    """A window of `kernel` cells that slides along one axis, with stride S, padding P on either side, and dilation.

    `out(W)` is (W - F + P + P')/S + 1 rounded down, where F = dilation*(kernel - 1) + 1 is the length of the window.
    With `ceil` it is rounded up, but the last window must start inside the input or its left padding
    (PyTorch 2, `pooling_output_shape`; Caffe, `PoolingLayer::Reshape`).

    >>> Window(kernel=11, stride=4).out(227)
    55
    """

    __slots__ = ("after", "before", "ceil", "dilation", "kernel", "reach", "stride")

    def __init__(
        self,
        kernel: int,
        stride: int = 1,
        before: int = 0,
        after: int | None = None,
        dilation: int = 1,
        ceil: bool = False,
    ) -> None:
        self.kernel = kernel
        self.stride = stride
        self.before = before
        self.after = before if after is None else after
        self.dilation = dilation
        self.ceil = ceil
        self.reach = dilation * (kernel - 1) + 1  # F: the length of the window, including the gaps of the dilation

    def out(self, width: int) -> int:
        """Calculate the number of window positions along an axis of `width` cells.

        Raises:
            Problem: `window-does-not-fit` if the window is longer than the padded axis, or with `ceil`, longer by a
                stride or more.
        """
        room = width - self.reach + self.before + self.after
        if room < 0 and room + self._beyond < 0:
            raise self._misfit(width)
        places = room // self.stride + 1
        if self.ceil and room % self.stride and places * self.stride < width + self.before:
            places += 1
        return places

    @property
    def _beyond(self) -> int:
        """The number of cells by which the window may extend past the padded axis: with `ceil`, up to a stride minus 1."""
        return self.stride - 1 if self.ceil else 0

    def remainder(self, width: int) -> int:
        """Count the cells of the padded axis after the last window. Negative if `ceil` lets the window extend past the axis."""
        room = width - self.reach + self.before + self.after
        return room - (self.out(width) - 1) * self.stride

    @property
    def formula(self) -> str:
        """The formula with letters."""
        return "(W - F + 2P)/S + 1" if self.before == self.after else "(W - F + P + P')/S + 1"

    def numbers(self, width: int) -> str:
        """Format the formula with numbers, such as `(227 - 11 + 2*0)/4 + 1`."""
        pads = f"2*{self.before}" if self.before == self.after else f"{self.before} + {self.after}"
        return f"({width} - {self.reach} + {pads})/{self.stride} + 1"

    def quotient(self, width: int) -> str:
        """Format the result before rounding, as a decimal such as `112.5` with at most four decimal places."""
        return _decimal(width - self.reach + self.before + self.after, self.stride)

    def _misfit(self, width: int) -> Problem:
        reach = f"{self.reach}-wide window"
        if self.dilation > 1:
            reach += f" ({self.kernel} cells at dilation {self.dilation})"
        padded = "padded input" if self.before or self.after else "input"
        total = width + self.before + self.after
        missing = self.reach - self._beyond - width
        smaller = (total + self._beyond - 1) // self.dilation + 1
        return Problem(
            "window-does-not-fit",
            f"the {reach} does not fit the {total}-wide {padded}: "
            f"{self.formula} = {self.numbers(width)} = {self.quotient(width)}",
            f"pad by at least {(missing + 1) // 2} on each side, or use a kernel of at most {smaller}",
            field="kernel",
        )


class TransposedWindow:
    """The window of a transposed convolution, which spreads every input cell over F output cells, with stride S.

    `out(W)` is (W - 1)*S + F - P - P' + output_pad (PyTorch 2, `ConvTranspose2d`).

    >>> TransposedWindow(kernel=4, stride=2, before=1).out(7)
    14
    """

    __slots__ = ("after", "before", "dilation", "extra", "kernel", "stride")

    def __init__(
        self, kernel: int, stride: int = 1, before: int = 0, after: int | None = None, dilation: int = 1, extra: int = 0
    ) -> None:
        self.kernel = kernel
        self.stride = stride
        self.before = before
        self.after = before if after is None else after
        self.dilation = dilation
        self.extra = extra

    @property
    def reach(self) -> int:
        """F, the number of output cells that one input cell is spread over, including the gaps of the dilation."""
        return self.dilation * (self.kernel - 1) + 1

    def out(self, width: int) -> int:
        """Calculate the output length for an axis of `width` cells.

        Raises:
            Problem: `window-does-not-fit` if nothing is left.
        """
        length = (width - 1) * self.stride + self.reach - self.before - self.after + self.extra
        if length < 1:
            raise Problem(
                "window-does-not-fit",
                f"the padding cuts off everything: {self.formula} = {self.numbers(width)} = {length}",
                "use less padding",
                field="pad",
            )
        return length

    @property
    def formula(self) -> str:
        """The formula with letters."""
        pads = "2P" if self.before == self.after else "P - P'"
        return f"(W - 1)*S + F - {pads}" + (" + output_pad" if self.extra else "")

    def numbers(self, width: int) -> str:
        """Format the formula with numbers."""
        pads = f"2*{self.before}" if self.before == self.after else f"{self.before} - {self.after}"
        extra = f" + {self.extra}" if self.extra else ""
        return f"({width} - 1)*{self.stride} + {self.reach} - {pads}{extra}"


def _decimal(numerator: int, denominator: int) -> str:
    """Format numerator/denominator + 1 as a decimal. Append `...` if four decimal places are not exact."""
    numerator += denominator
    sign, numerator = ("-", -numerator) if numerator < 0 else ("", numerator)
    whole, rest = divmod(numerator, denominator)
    digits, rest = divmod(rest * 10**4, denominator)
    decimals = f"{digits:04d}".rstrip("0")
    return f"{sign}{whole}" + (f".{decimals or '0000'}" if decimals or rest else "") + ("..." if rest else "")
