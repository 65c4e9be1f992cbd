"""Mistakes with the receptive field: 1 + the sum of (F - 1) times the strides of all layers before, along one path."""

from __future__ import annotations

from collections.abc import Callable

from cnncalc.analyses.mistakes.kind import Kind
from cnncalc.analyses.mistakes.question import Attempt, Attempts, Question
from cnncalc.analyses.receptive_path import Step, path_to, size_of, strides_before


def _attempt(question: Question, text: str, calculate: Callable[[list[Step], int], int]) -> Attempts:
    if question.quantity != "receptive_field" or not isinstance(question.right, tuple):
        return
    steps = path_to(question.analysis.network, question.node)
    if steps and question.right == tuple(size_of(steps, axis) for axis in range(len(question.right))):
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
                (step.windows[axis].reach - 1) * stride
                for step, stride in zip(steps, strides_before(steps, axis)[1:], strict=True)
            )
        ),
    )


def pooling_ignored(question: Question) -> Attempts:
    """Only the convolutions."""
    yield from _attempt(
        question,
        "the figure without the pooling layers",
        lambda steps, axis: size_of([step for step in steps if not step.is_pool], axis),
    )


def window_only(question: Question) -> Attempts:
    """F of the layer itself."""
    yield from _attempt(question, "the window of this layer alone", lambda steps, axis: steps[-1].windows[axis].reach)


def center_forgotten(question: Question) -> Attempts:
    """The sum without the 1 that it starts from."""
    yield from _attempt(
        question, "the figure without the 1 that it starts from", lambda steps, axis: size_of(steps, axis) - 1
    )


def gaps_ignored(question: Question) -> Attempts:
    """The windows without their dilation."""

    def calculate(steps: list[Step], axis: int) -> int:
        strides = strides_before(steps, axis)
        return 1 + sum((step.windows[axis].kernel - 1) * stride for step, stride in zip(steps, strides, strict=False))

    yield from _attempt(question, "the figure without the dilation of the windows", calculate)


def stride_reported(question: Question) -> Attempts:
    """The stride between neighbouring cells instead of the size."""
    yield from _attempt(
        question,
        "the stride between neighbouring cells, not the size",
        lambda steps, axis: strides_before(steps, axis)[-1],
    )


MISTAKES: dict[str, Kind] = {
    "field-without-strides": Kind(
        "strides left out of the field",
        "Multiply each F - 1 by the strides of all previous layers.",
        strides_ignored,
    ),
    "field-sum-of-windows": Kind("window sizes added up", "Add F - 1 for each layer, starting from 1.", kernels_added),
    "field-own-stride": Kind(
        "own stride applied to the window", "A layer's stride matters for the layers after it.", stride_too_early
    ),
    "field-without-pooling": Kind(
        "pooling left out of the field", "Pooling layers have windows and strides, too.", pooling_ignored
    ),
    "field-own-window": Kind("window of one layer only", "Add what the previous layers see.", window_only),
    "field-without-one": Kind("1 left out of the field", "Start from 1, the cell itself.", center_forgotten),
    "field-without-dilation": Kind(
        "dilation left out of the field", "A dilated window is D*(F - 1) + 1 long.", gaps_ignored
    ),
    "field-stride": Kind(
        "stride of the field instead of its size",
        "The size is how many input pixels a cell sees.",
        stride_reported,
    ),
}
