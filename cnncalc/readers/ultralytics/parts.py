"""The state of a reader, and the convolution with batch normalization and activation that all blocks are made of."""

from __future__ import annotations

from math import gcd

from cnncalc.layers import activation as act
from cnncalc.layers.base import Layer
from cnncalc.layers.conv import Conv
from cnncalc.layers.merge import Add, Concat
from cnncalc.layers.norm import BatchNorm
from cnncalc.layers.reshape import Slice
from cnncalc.network import Builder
from cnncalc.readers.ultralytics.row import Row
from cnncalc.shape import Shape

MOST_NODES = 50_000
Kernel = int | tuple[int, int]
ACTIVATIONS: dict[str, type[Layer]] = {
    "SiLU": act.SiLU, "ReLU": act.ReLU, "LeakyReLU": act.LeakyReLU, "Hardswish": act.HardSwish, "GELU": act.GELU,
    "Mish": act.Mish, "ELU": act.ELU, "ReLU6": act.ReLU6, "Sigmoid": act.Sigmoid, "Tanh": act.Tanh,
    "Identity": act.Identity,
}  # fmt: skip


class Parts:
    """Adds layers to the network for the row that is being read. Paths are those of Ultralytics' modules."""

    def __init__(self) -> None:
        self.builder = Builder()
        self.default: Layer = act.SiLU()
        self.row: Row

    def shape(self, value: int) -> Shape:
        """Return the shape of a value."""
        return self.builder.shape(value)

    def width(self, value: int) -> int:
        """Return the channels of a value."""
        return self.builder.shape(value)[-1]

    def add(self, path: str, layer: Layer, *values: int) -> int:
        """Add a layer and return its value.

        Raises:
            Problem: The inputs do not suit the layer, or `too-large`.
        """
        if len(self.builder.nodes) >= MOST_NODES:
            raise self.row.problem(f"the network has more than {MOST_NODES:,} layers", code="too-large")
        return self.builder.add(layer, values, path, self.row.where)

    def act(self, path: str, value: int) -> int:
        """Add the default activation."""
        return self.add(path, self.default, value)

    def conv(
        self,
        path: str,
        value: int,
        filters: int,
        kernel: Kernel = 1,
        stride: int = 1,
        *,
        pad: int | None = None,
        groups: int = 1,
        dilation: int = 1,
        act: bool | Layer = True,
    ) -> int:
        """Add a convolution without bias, padded by half of its window, a batch normalization and an activation."""
        padding: int | tuple[int, int]
        if pad is not None:
            padding = pad
        elif isinstance(kernel, int):
            padding = dilation * (kernel - 1) // 2 if dilation > 1 else kernel // 2
        else:
            padding = (kernel[0] // 2, kernel[1] // 2)
        conv = Conv(
            filters=filters, kernel=kernel, stride=stride, pad=padding, groups=groups, dilation=dilation, bias=False
        )
        value = self.add(f"{path}.bn", BatchNorm(), self.add(f"{path}.conv", conv, value))
        if not act:
            return value
        return self.add(f"{path}.act", self.default if act is True else act, value)

    def depthwise(
        self, path: str, value: int, filters: int, kernel: int = 1, stride: int = 1, *, act: bool = True
    ) -> int:
        """Add such a convolution with as many groups as input and output channels allow."""
        return self.conv(path, value, filters, kernel, stride, groups=gcd(self.width(value), filters), act=act)

    def plain_conv(self, path: str, value: int, filters: int, kernel: int = 1, bias: bool = True) -> int:
        """Add a convolution alone."""
        return self.add(path, Conv(filters=filters, kernel=kernel, pad=kernel // 2, bias=bias), value)

    def halves(self, path: str, value: int) -> list[int]:
        """Cut the channels in two."""
        channels = self.width(value)
        if channels % 2:
            raise self.row.problem(f"cannot cut {channels} channels in two", code="groups-do-not-divide")
        return [
            self.add(f"{path}.{name}", Slice(start=start, stop=start + channels // 2), value)
            for name, start in (("first", 0), ("second", channels // 2))
        ]

    def concat(self, path: str, *values: int) -> int:
        """Join channels."""
        return self.add(f"{path}.concat", Concat(), *values)

    def plus(self, path: str, *values: int) -> int:
        """Add values."""
        return self.add(f"{path}.add", Add(), *values)

    def part(self, channels: int, share: float) -> int:
        """Return a share of channels, rounded down.

        Raises:
            Problem: `bad-value` if nothing is left.
        """
        inner = int(channels * share)
        if inner < 1:
            raise self.row.problem(f"a share of {share:g} of {channels} channels is less than one")
        return inner
