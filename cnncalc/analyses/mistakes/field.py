"""Mistakes with the receptive field: 1 + the sum of (F - 1) times the strides of all layers before, along one path."""

from __future__ import annotations

from collections.abc import Callable
from itertools import accumulate
from math import prod
from operator import mul

from cnncalc.analyses.mistakes.question import Attempt, Attempts, Question
from cnncalc.layers.pool import Pool
from cnncalc.record import Record
from cnncalc.shape import Window


class Step(Record):
    """A layer with windows on the path from the input, with one window per axis."""

    windows: tuple[Window, ...]
    is_pool: bool


def _path(question: Question) -> list[Step]:
    """Return the layers with windows from the input to the node; nothing if there are branches or other views."""
    network, node = question.analysis.network, question.node
    steps: list[Step] = []
    while node.layer is not None:
        shapes = network.shapes(node)
        views = node.layer.windows(*shapes)
        windows = tuple(view for view in views or () if isinstance(view, Window))
        if len(node.inputs) != 1 or views is None or len(windows) != len(views):
            return []
        if windows:
            steps.append(Step(windows, isinstance(node.layer, Pool)))
        node = network.nodes[node.inputs[0]]
    steps.reverse()
    axes = range(node.output.rank)
    return steps if steps and tuple(_field(steps, axis) for axis in axes) == question.right else []


def _field(steps: list[Step], axis: int) -> int:
    jumps = _jumps(steps, axis)
    return 1 + sum((step.windows[axis].reach - 1) * jump for step, jump in zip(steps, jumps, strict=False))


def _jumps(steps: list[Step], axis: int) -> list[int]:
    """Return the stride in input pixels before each layer, and after the last one."""
    return list(accumulate((step.windows[axis].stride for step in steps), mul, initial=1))


def _attempt(question: Question, text: str, calculate: Callable[[list[Step], int], int]) -> Attempts:
    steps = _path(question) if question.quantity == "receptive_field" else []
    if steps:
        assert isinstance(question.right, tuple)
        yield Attempt(tuple(calculate(steps, axis) for axis in range(len(question.right))), text)


def strides_ignored(question: Question) -> Attempts:
    """1 + the sum of F - 1."""
    yield from _attempt(
        question,
        "the figure without the strides of the previous layers",
        lambda steps, axis: 1 + sum(step.windows[axis].reach - 1 for step in steps),
    )


def kernels_added(question: Question) -> Attempts:
    """The sum of F."""
    yield from _attempt(
        question,
        "the sum of the window sizes",
        lambda steps, axis: sum(step.windows[axis].reach for step in steps),
    )


def stride_too_early(question: Question) -> Attempts:
    """The layer's own stride counted for its own window."""
    yield from _attempt(
        question,
        "the figure with each layer's own stride applied to its own window",
        lambda steps, axis: (
            1
            + sum(
                (step.windows[axis].reach - 1) * jump for step, jump in zip(steps, _jumps(steps, axis)[1:], strict=True)
            )
        ),
    )


def pooling_ignored(question: Question) -> Attempts:
    """Only the convolutions."""
    yield from _attempt(
        question,
        "the figure without the pooling layers",
        lambda steps, axis: _field([step for step in steps if not step.is_pool], axis),
    )


def window_only(question: Question) -> Attempts:
    """F of the layer itself."""
    yield from _attempt(question, "the window of this layer alone", lambda steps, axis: steps[-1].windows[axis].reach)


def center_forgotten(question: Question) -> Attempts:
    """The sum without the 1 that it starts from."""
    yield from _attempt(
        question, "the figure without the 1 that it starts from", lambda steps, axis: _field(steps, axis) - 1
    )


def gaps_ignored(question: Question) -> Attempts:
    """The windows without their dilation."""

    def calculate(steps: list[Step], axis: int) -> int:
        jumps = _jumps(steps, axis)
        return 1 + sum((step.windows[axis].kernel - 1) * jump for step, jump in zip(steps, jumps, strict=False))

    yield from _attempt(question, "the figure without the dilation of the windows", calculate)


def stride_reported(question: Question) -> Attempts:
    """The stride between neighbouring cells instead of the size."""
    yield from _attempt(
        question,
        "the stride between neighbouring cells, not the size",
        lambda steps, axis: prod(step.windows[axis].stride for step in steps),
    )
