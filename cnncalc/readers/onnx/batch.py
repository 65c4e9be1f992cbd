"""Find the batch axis of each input of an ONNX graph: from `--batch-axis`, from names, or from what the operators do."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from cnncalc.problem import Problem, Refused
from cnncalc.readers.onnx.axis_tracking import CUT, MIXED, AxisTracker
from cnncalc.readers.onnx.graph import Value
from cnncalc.readers.options import ReaderOptions
from cnncalc.text import show

BATCH = re.compile(r"(batch|bs).*|[bn]", re.IGNORECASE)
_CERTAIN = re.compile(r"(batch|bs([^a-z].*)?$).*", re.IGNORECASE)
Chosen = Mapping[str, int | None]


class DeclaredInput:
    """The dimensions that a graph declares for an input: their sizes, 0 if they are open, and their names."""

    def __init__(self, declared: Any, options: ReaderOptions) -> None:
        dims = declared.type.tensor_type.shape.dim
        self.name: str = declared.name
        self.sizes = [int(dim.dim_value) if dim.has("dim_value") and dim.dim_value != -1 else 0 for dim in dims]
        self.empty = {axis for axis, dim in enumerate(dims) if dim.has("dim_value") and dim.dim_value == 0}
        self.symbols = [str(dim.dim_param) for dim in dims]
        # a dimension that `--dim` sets is not a batch, unless its name is that of a batch
        self.sized = [bool(s) and s in options.dims and not BATCH.fullmatch(s) for s in self.symbols]
        self.requested = _requested_axis(declared.name, len(self.sizes), options)

    @property
    def text(self) -> str:
        """The declared dimensions as text: `batch x 3 x 224 x 224`."""
        return " x ".join(symbol or str(size or "?") for symbol, size in zip(self.symbols, self.sizes, strict=True))

    @property
    def named_axis(self) -> int | None:
        """The only axis with the name of a batch, if there is exactly one."""
        axes = [axis for axis, symbol in enumerate(self.symbols) if _CERTAIN.fullmatch(symbol)]
        return axes[0] if len(axes) == 1 and not self.sized[axes[0]] else None

    def first_guess(self) -> int | None:
        """Return the likely batch axis before the graph is read. A fixed first size above 1 is not taken for a batch."""
        if self.requested is not None:
            return self.requested if self.requested >= 0 else None
        if self.named_axis is not None:
            return self.named_axis
        rank = len(self.sizes)
        open_ = [axis for axis, size in enumerate(self.sizes) if not size and not self.sized[axis]]
        if rank > 2 and self.sizes[0] > 1 and open_ == [1]:  # the state of a recurrent layer: 2 x batch x units
            return 1
        if rank == 0 or self.sized[0] or self.sizes[0] > 1 or (rank == 1 and self.sizes[0]):
            return None
        return 0


def _requested_axis(name: str, rank: int, options: ReaderOptions) -> int | None:
    """Return the axis that `--batch-axis` names for an input; -1 for `none`.

    Raises:
        Refused: The input does not have the axis.
    """
    word = options.batch_axes.get(name, options.batch_axes.get(""))
    if word is None or (rank == 0 and name not in options.batch_axes):
        return None
    if word == "none":
        return -1
    if not word.isdecimal() or len(word) > 2 or int(word) >= rank:
        text = f"input `{show(name)}` has {rank} axes, so its batch axis cannot be `{show(word)}`"
        help = f"write a number from 0 to {rank - 1}, or `none`" if rank else "remove `--batch-axis`"
        raise Refused([Problem("bad-argument", text, help)])
    return int(word)


class Findings:
    """What the operators do along the axes of inputs: which axes are batches to them, and which they mix."""

    def __init__(self, axes: AxisTracker, outputs: Sequence[Value]) -> None:
        self._root = {place: axes.root(token) for place, token in axes.tokens.items()}
        self._batches: dict[int, str] = {}
        self._mixed: dict[int, tuple[int, str]] = {}
        for token, label in axes.batches.items():
            self._batches.setdefault(axes.root(token), label)
        for token, fact in axes.mixed.items():
            root = axes.root(token)
            self._mixed[root] = max(fact, self._mixed.get(root, (0, "")))
        ends = [
            {axes.root(axis[0][0]) for axis in value.marks or () if len(axis) == 1 and axis[0][0] >= 0}
            for value in outputs
        ]
        self._ends = set.intersection(*ends) if ends else set()

    def is_tracked(self, name: str, axis: int) -> bool:
        """Return whether the axis was tracked."""
        return (name, axis) in self._root

    def root(self, name: str, axis: int) -> int:
        """Return a number that is equal for axes that are the same."""
        return self._root[name, axis]

    def batch_of(self, name: str, axis: int) -> str:
        """Return the operator to which an axis is a batch; empty if there is none."""
        return self._batches.get(self._root[name, axis], "")

    def mixed(self, name: str, axis: int) -> int:
        """Return how operators change an axis: 0 for not at all, CUT or MIXED."""
        return self._mixed.get(self._root[name, axis], (0, ""))[0]

    def survives(self, name: str, axis: int) -> bool:
        """Return whether an axis reaches every output as a whole axis."""
        return self._root[name, axis] in self._ends


def choose_batch_axes(
    axes: AxisTracker, inputs: Sequence[DeclaredInput], outputs: Sequence[Value], strict: bool, whole: bool = True
) -> dict[str, int | None]:
    """Return the batch axis of each input. `whole` is false if the graph was not read to its end.

    Raises:
        Refused: `ambiguous-batch` if two axes are possible.
    """
    facts = Findings(axes, outputs)
    chosen = {one.name: _choose_axis(facts, one, strict, whole) for one in inputs}
    roots = {facts.root(name, axis) for name, axis in chosen.items() if axis is not None}
    for one in inputs:  # a vector with one number per example
        if len(one.sizes) == 1 and one.requested is None and one.sizes[0] > 1 and facts.root(one.name, 0) in roots:
            chosen[one.name] = 0
    fixed = {one.sizes[axis] for one in inputs if (axis := chosen[one.name]) is not None and one.sizes[axis] > 1}
    if len(fixed) > 1:  # batches of different sizes: none of them is removed
        for one in inputs:
            axis = chosen[one.name]
            if axis is not None and one.sizes[axis] > 1 and one.requested is None:
                chosen[one.name] = None
    return chosen


def _choose_axis(facts: Findings, declared: DeclaredInput, strict: bool, whole: bool) -> int | None:
    if declared.requested is not None:
        return declared.requested if declared.requested >= 0 else None
    if declared.named_axis is not None:
        return declared.named_axis
    rank = len(declared.sizes)
    if rank == 0 or not facts.is_tracked(declared.name, 0):
        return declared.first_guess()
    taken = [facts.batch_of(declared.name, axis) for axis in range(rank)]
    mixed = []
    for axis in range(rank):
        much = facts.mixed(declared.name, axis)
        mixed.append(much if much == MIXED or not taken[axis] else 0)
    if not whole and not any(taken) and not any(mixed):
        return declared.first_guess()
    if rank == 1:
        if declared.sizes[0]:
            return 0 if taken[0] and not mixed[0] and declared.sizes[0] > 1 else None
        return None if declared.sized[0] or (mixed[0] == MIXED and not BATCH.fullmatch(declared.symbols[0])) else 0
    others = [axis for axis in range(1, rank) if taken[axis] and not mixed[axis] and not declared.sized[axis]]
    one_example = declared.sizes[0] <= 1
    if declared.sized[0] or (mixed[0] and not (one_example and mixed[0] == CUT)):
        if mixed[0] == MIXED and not others:  # the only axis that no operator mixes on the way to the outputs
            untouched = [axis for axis in range(1, rank) if not mixed[axis] and not declared.sized[axis]]
            others = [axis for axis in untouched if facts.survives(declared.name, axis)]
            others = others if len(others) == 1 else []
        if others:
            return others[0]
        if (
            declared.sized[0]
            or declared.sizes[0] > 1
            or (declared.sizes[0] == 0 and not BATCH.fullmatch(declared.symbols[0]))
        ):
            return None
        return 0
    if others and not taken[0] and declared.sizes[others[0]] != 1:
        raise Refused([_ambiguous(declared, others[0], taken[others[0]], strict)])
    return 0


def _ambiguous(declared: DeclaredInput, axis: int, taker: str, strict: bool) -> Problem:
    name = show(declared.name)
    text = (
        f"the batch of input `{name}` ({show(declared.text)}) is either axis 0 or axis {axis}: axis {axis} is the batch "
        f"to `{show(taker)}`, but no operator shows what axis 0 is"
    )
    help = f"write `--batch-axis {name}=0` if axis 0 counts examples, `--batch-axis {name}={axis}` if axis {axis} does"
    if strict:
        help = "export the model with a batch of 1, or with a dimension named `batch`"
    return Problem("ambiguous-batch", text, help)


def find_written_batches(
    axes: AxisTracker, inputs: Sequence[DeclaredInput], chosen: Chosen
) -> dict[tuple[str, str], tuple[int, int]]:
    """Find the reshapes whose target contains a fixed batch: output -> the place of the batch and the number there."""
    tokens = {axes.root(axes.tokens[one.name, axis]) for one in inputs if (axis := chosen[one.name]) is not None}
    sizes = {}
    for key, (target, marks) in axes.reshapes.items():
        places = [
            place
            for place, axis in enumerate(marks)
            if any(token >= 0 and length > 1 and axes.root(token) in tokens for token, length in axis)
        ]
        if len(places) == 1 and len(target) == len(marks):
            sizes[key] = (places[0], target[places[0]])
    return sizes
