"""Variants of a network: different sizes, filters and kernels, with the same layers and equally hard arithmetic.

A variant has the same layers in the same order. A size that divides exactly still does, a layer that keeps its size still
does, and channels are numbers that are common in lectures. The same seed gives the same variants on every system and with
every version of Python.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256
from math import lcm
from typing import TypeVar

from cnncalc.layers.base import Layer
from cnncalc.layers.conv import Conv
from cnncalc.layers.window import Windowed
from cnncalc.network import Builder, Network, Node
from cnncalc.problem import Problem
from cnncalc.record import Record
from cnncalc.shape import Shape, Window
from cnncalc.text import plural

MOST = 500  # variants of one network
CHANNELS = (
    2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 24, 32, 40, 48, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 640,
    768, 1024, 1280, 1536, 2048, 2560, 3072, 4096, 5120, 6144, 8192,
)  # fmt: skip
UNUSUAL = (3, 5)  # except for layers that are as narrow
KERNELS = {3: (3, 5), 5: (3, 5, 7), 7: (5, 7), 9: (7, 9, 11), 11: (7, 9, 11)}
WIDTHS = ("filters", "units")  # fields that are numbers of channels
TRIES = 200  # combinations of kernels and channels for one variant
SIZES = 40  # sizes of the input for one combination
_Option = TypeVar("_Option")


class NoVariants(Exception):
    """No other network with the same layers was found. The message states what was tried."""


class Dice:
    """Choices that depend on a seed alone. Python's `random` may choose differently from one version to the next."""

    def __init__(self, *seed: int) -> None:
        self._seed = ".".join(map(str, seed))
        self._thrown = 0

    def pick(self, options: Sequence[_Option]) -> _Option:
        """Return one of the options, all of them equally likely.

        >>> Dice(7).pick("abcdef"), Dice(7, 1).pick("abcdef")
        ('f', 'e')
        """
        self._thrown += 1
        digest = sha256(f"{self._seed}:{self._thrown}".encode()).digest()
        return options[int.from_bytes(digest[:8], "big") % len(options)]

    def shuffle(self, options: Sequence[_Option]) -> list[_Option]:
        """Return the options in random order."""
        left, found = list(options), []
        while left:
            found.append(left.pop(self.pick(range(len(left)))))
        return found


class Choice(Record):
    """What a variant changes: numbers of channels and kernels by their old values, and the spatial sizes of the input."""

    channels: Mapping[int, int]
    kernels: Mapping[int, int]
    spatial: tuple[int, ...]


def variants(network: Network, count: int, seed: int) -> list[Network]:
    """Return `count` different variants of a network.

    Raises:
        NoVariants: If there are fewer.
    """
    wanted = _signature(network)
    taken = {_fingerprint(network)}
    variants = []
    for number in range(1, count + 1):
        other = _variant(network, wanted, taken, seed, number)
        if other is None:
            others = plural(number - 1, "variant") if number > 1 else "no variant"
            raise NoVariants(
                f"found {others} in which every size that divides exactly still does: "
                + ("ask for fewer" if number > 1 else "a field such as that of `reshape` may fix the size of the input")
            )
        taken.add(_fingerprint(other))
        variants.append(other)
    return variants


def _variant(network: Network, kept: object, taken: set[object], seed: int, number: int) -> Network | None:
    for attempt in range(TRIES):
        dice = Dice(seed, number, attempt)
        channels = _channels(network, dice) if attempt % 3 < 2 else {}  # layers may fix channels or kernels
        kernels = _kernels(network, dice) if attempt % 3 != 1 else {}
        for spatial in _sizes(network, dice):
            other = _rebuilt(network, Choice(channels, kernels, spatial))
            if other is not None and _signature(other) == kept and _fingerprint(other) not in taken:
                return other
    return None


def _channels(network: Network, dice: Dice) -> dict[int, int]:
    """Choose a number of channels for each one that occurs, within a factor of two and in the same order."""
    values = sorted(
        {value for node in network.nodes for value in _widths(node.layer) if value > 1}
    )  # fmt: skip
    chosen: dict[int, int] = {}
    least = 1
    for value in values:
        options = [
            usual for usual in CHANNELS
            if value <= 2 * usual <= 4 * value and usual > least and (value < 6 or usual not in UNUSUAL)
        ]  # fmt: skip
        least = chosen[value] = dice.pick(options) if options else max(value, least + 1)
    return chosen


def _widths(layer: Layer | None) -> list[int]:
    if layer is None:
        return []
    values = layer.nondefault_fields
    return [values[name] for name in WIDTHS if type(values.get(name)) is int]


def _kernels(network: Network, dice: Dice) -> dict[int, int]:
    kernels = sorted({node.layer.kernel for node in network.nodes if isinstance(node.layer, Conv)}, key=repr)
    return {kernel: dice.pick(KERNELS[kernel]) for kernel in kernels if kernel in KERNELS}


def _sizes(network: Network, dice: Dice) -> list[tuple[int, ...]]:
    """Return spatial sizes for the first input, in the order in which they are tried.

    Sizes that differ by a multiple of all strides leave the same remainders, so these come first.
    """
    shape = network.nodes[0].output
    if not shape.rank:
        size = shape.channels
        return [
            (pick,) for pick in dice.shuffle([usual for usual in CHANNELS if size <= 2 * usual <= 4 * size] or [size])
        ]
    jump = _jump(network)
    even = [_steps(width, lcm(jump, 10 if width % 10 == 0 else 4 if width % 4 == 0 else 1)) for width in shape.spatial]
    every = [_steps(width, 1) for width in shape.spatial]
    square = len(set(shape.spatial)) == 1
    choices: list[tuple[int, ...]] = []
    for options in (even, every):
        for _ in range(SIZES // 2):
            size = dice.pick(options[0])
            others = [size if square else dice.pick(axis) for axis in options[1:]]
            choices.append((size, *others))
    return list(dict.fromkeys(choices))


def _steps(width: int, step: int) -> list[int]:
    """Return the sizes from half of the width to twice the width, in steps."""
    first = width - (width // 2) // step * step
    return [size for size in range(first, 2 * width + 1, step) if size > 0] or [width]


def _jump(network: Network) -> int:
    """Return the largest product of strides along a path."""
    jumps: list[int] = []
    for node in network.nodes:
        before = max((jumps[index] for index in node.inputs), default=1)
        views = node.layer.windows(*network.shapes(node)) if isinstance(node.layer, Windowed) else ()
        jumps.append(before * lcm(1, *[view.stride for view in views]))
    return max(jumps)


def _rebuilt(network: Network, choice: Choice) -> Network | None:
    """Return the network with different numbers; None if the layers do not fit together."""
    builder = Builder()
    layers: dict[int, Layer] = {}
    try:
        for node in network.nodes:
            if node.layer is None:
                index = builder.input(node.name, _input(network, node, choice))
            else:
                layer = layers.get(id(node.layer)) or _changed(node.layer, choice)
                layers[id(node.layer)] = layer
                index = builder.add(layer, node.inputs, node.name)
                if node.shared is not None:
                    builder.share(index, node.shared)
            builder.nodes[index].frozen = node.frozen
        return builder.finish(
            network.outputs, name=network.name, source=network.source, spec=network.spec, line=network.line
        )
    except Problem:
        return None


def _input(network: Network, node: Node, choice: Choice) -> Shape:
    """Return the shape of an input. An input of the same size as the first one changes with it."""
    if node.output == network.nodes[0].output or node.output.spatial == network.nodes[0].output.spatial != ():
        return Shape((*choice.spatial, node.output.channels) if node.output.rank else choice.spatial)
    return node.output


def _changed(layer: Layer, choice: Choice) -> Layer:
    """Return the layer with different channels and kernels. Padding that keeps the size follows the kernel."""
    values = layer.nondefault_fields
    for name in WIDTHS:
        if type(values.get(name)) is int:
            values[name] = choice.channels.get(values[name], values[name])
    kernel = values.get("kernel")
    if isinstance(layer, Conv) and type(kernel) is int and kernel in choice.kernels:
        values["kernel"] = choice.kernels[kernel]
        if type(layer.pad) is int and layer.dilation == 1 and 2 * layer.pad == kernel - 1:
            values["pad"] = (values["kernel"] - 1) // 2
    return type(layer).from_values(values)


def _signature(network: Network) -> object:
    """Return what makes the arithmetic of a network hard: which windows divide, are padded, or keep the size."""
    features: list[object] = []
    for node in network.nodes:
        shapes = network.shapes(node)
        views = node.layer.windows(*shapes) if isinstance(node.layer, Windowed) else ()
        features.append(
            [
                (view.stride, view.before > 0, view.after > 0, view.out(width) == width, view.remainder(width) == 0)
                for view, width in zip(views, shapes[0] if shapes else (), strict=False)
                if isinstance(view, Window)
            ]
        )
    return features


def _fingerprint(network: Network) -> object:
    return tuple(
        (tuple(node.output), node.layer.format_fields() if node.layer is not None else "") for node in network.nodes
    )
