"""The state of optimizers and the temporary memory of their step: those of PyTorch 2.13, and two others.

For PyTorch these are its `foreach` implementations, the default on CUDA; for Adafactor it is the loop over the parameters,
which is its default. Lion (Chen et al. 2023, "Symbolic Discovery of Optimization Algorithms", algorithm 2)
keeps one moving average, LAMB (You et al. 2020, "Large Batch Optimization for Deep Learning", algorithm 2) two. PyTorch has
neither, so the temporary memory of their step depends on the implementation and is not counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isqrt, prod

from cnncalc.record import Record


class Rule(Record):
    """Copies of the parameters that are `kept` as state, and temporary copies `made` in the step.

    A `masked` step also makes a copy, a mask of one byte per number, and a single number for each parameter in turn.
    `factored` state has the rows and columns of a parameter's last two axes. `published` rules do not cover the step.
    """

    kept: int
    made: int
    masked: bool = False
    factored: bool = False
    published: bool = False


OPTIMIZERS = {
    "sgd": Rule(0, 0),
    "momentum": Rule(1, 0),
    "nesterov": Rule(1, 0),
    "adagrad": Rule(1, 2),
    "adadelta": Rule(2, 2),
    "rmsprop": Rule(1, 1),
    "rprop": Rule(2, 1, masked=True),
    "adam": Rule(2, 1),
    "amsgrad": Rule(3, 1),
    "adamw": Rule(2, 1),
    "adamax": Rule(2, 1),
    "nadam": Rule(2, 1),
    "radam": Rule(2, 1),
    "adafactor": Rule(0, 0, factored=True),
    "lion": Rule(1, 0, published=True),
    "lamb": Rule(2, 0, published=True),
}


class Learned(Record):
    """A parameter that has a gradient: its layer, its size, and its dimensions in PyTorch, None if they are not known.

    `place` is its place among the parameters of a module, if a module was read.
    """

    at: str
    size: int
    dims: tuple[int, ...] | None = None
    place: int | None = None


class Cost(Record):
    """The state of an optimizer and the temporary memory of its step, in bytes. `unknown` names what is a lower bound.

    The step takes at least `made` and at most `most`. If the two differ, it depends on the order of the parameters.
    """

    state: int
    made: int
    most: int
    unknown: tuple[str, ...] = ()


def cost(optimizer: str, parameters: Sequence[Learned], width: int) -> Cost:
    """Return the cost of an optimizer for parameters whose numbers have that many bytes."""
    rule = OPTIMIZERS[optimizer]
    if rule.factored:
        return _factored(parameters, width)
    numbers = sum(parameter.size for parameter in parameters)
    temporary = rule.made * numbers * width
    if rule.masked:
        temporary += max([parameter.size * (width + 1) + width for parameter in parameters], default=0)
    unknown = (f"the step of {optimizer}",) if rule.published and parameters else ()
    return Cost(rule.kept * numbers * width, temporary, temporary, unknown)


def _factored(parameters: Sequence[Learned], width: int) -> Cost:
    """Return the cost of Adafactor: means of the squared gradient along the last two axes, or all numbers of a vector.

    Shazeer & Stern 2018; PyTorch 2.13, `torch.optim.Adafactor`.
    """
    state = 0
    unknown: dict[str, None] = {}
    dimensions: list[tuple[int, ...]] = []
    for parameter in parameters:
        dims, size = parameter.dims, parameter.size
        if dims is None:  # at least a square's rows and columns
            unknown[parameter.at] = None
            state += min(size, isqrt(4 * size - 1) + 1)
        else:
            dimensions.append(dims)
            state += size // dims[-1] + size // dims[-2] if len(dims) > 1 else size
    if parameters and not unknown and all(parameter.place is not None for parameter in parameters):
        ordered = sorted(parameters, key=lambda parameter: parameter.place or 0)
        temporary = _loop([parameter.dims or () for parameter in ordered])
        return Cost(state * width, temporary * width, temporary * width)
    alone = max([_loop([dims]) for dims in dimensions], default=0)
    carried = 4 * max([parameter.size for parameter in parameters], default=0)
    return Cost(state * width, alone * width, (alone + carried) * width, tuple(unknown))


def _loop(parameters: Sequence[tuple[int, ...]]) -> int:
    """Return the most numbers that Adafactor's loop holds at once, in local variables that live until they are reassigned."""
    row = col = squared = update = most = 0
    for dims in parameters:
        size = prod(dims)
        most = max(most, row + col + squared + update + 1)  # the norm of the parameter
        if len(dims) > 1:
            rows, cols = size // dims[-1], size // dims[-2]
            most = max(most, row + rows + col + squared + update)
            row = rows
            most = max(most, row + col + cols + squared + update)
            col = cols
            most = max(most, row + col + squared + update + size + size // (dims[-1] * dims[-2]))
        else:
            most = max(most, row + col + squared + size + update)
            squared = size
            most = max(most, row + col + squared + update + size)
        update = size
        most = max(most, row + col + squared + update + 1)
    return most
