"""What a forward pass of a PyTorch module leaves behind: tensors, values, calls of modules, operations in order."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

Dims = tuple[int, ...]


class Tensor:
    """A parameter (`learned`) or buffer of the module, with its place among these.

    A `frozen` parameter does not require a gradient.
    """

    __slots__ = ("dims", "frozen", "learned", "name", "place", "size")

    def __init__(self, name: str, dims: Dims, learned: bool, frozen: bool = False) -> None:
        self.name = name
        self.dims = dims
        self.learned = learned
        self.frozen = frozen
        self.place = -1
        self.size = prod(dims)


class Var:
    """One value: the dimensions that PyTorch gives it, and who reads it.

    Written by the reader: the `index` of the node that has it with the `order` in which that node's shape names the
    dimensions (what is not named is 1), or the tensors that it is made of (`held`). Values in the same `memory` overlap;
    `behind` is one whose channels lie behind each other there, as after moving them to the end and back; the cells of a
    `straight` one lie as its dimensions name them. No gradient flows back through a `stopped` value of parameters.
    """

    __slots__ = (
        "behind",
        "dims",
        "event",
        "first",
        "held",
        "index",
        "memory",
        "order",
        "stopped",
        "straight",
        "users",
    )

    def __init__(self, dims: Sequence[int], held: tuple[Tensor, ...] = ()) -> None:
        self.dims: Dims = tuple(dims)
        self.held = held
        self.event: Event | None = None
        self.users: list[Event] = []
        self.index: int | None = None
        self.order: Dims = ()
        self.first = False  # is it read channels first?
        self.memory = -1
        self.behind = False
        self.straight = True
        self.stopped = False

    @property
    def size(self) -> int:
        """Numbers in it."""
        return prod(self.dims)


class Call:
    """One call of a module: its path in the tree, and what it was given and gave back."""

    __slots__ = ("events", "given", "leaf", "module", "outs", "parent", "path")

    def __init__(self, path: str, module: Any, parent: Call | None, given: list[Var]) -> None:
        self.path = path
        self.module = module
        self.parent = parent
        self.given = given
        self.outs: list[Var] = []
        self.leaf = module is None or not any(True for _ in module.children())
        self.events = 0


class Event:
    """One operation: PyTorch's name for it, its arguments by name with values in place of tensors, and what it makes.

    `macs` are PyTorch's own count of multiply-adds (torch.utils.flop_counter, halved). Where `op` is empty it is the end
    of a call of a module in which nothing happened. `at` is its place among all operations. A `stopped` one ran without
    gradients, or is itself `detach`.
    """

    __slots__ = ("args", "at", "call", "inplace", "inputs", "macs", "op", "outs", "stopped")

    def __init__(self, op: str, args: dict[str, Any], inputs: list[Var], outs: list[Var], call: Call) -> None:
        self.op = op
        self.inplace = False
        self.args = args
        self.inputs = inputs
        self.outs = outs
        self.call = call
        self.macs = 0
        self.at = -1
        self.stopped = False

    @property
    def out(self) -> Var:
        """The first value that it makes."""
        return self.outs[0]


class Trace:
    """One forward pass: inputs by name, operations in order, calls of modules, outputs, and the module's tensors.

    It is one in `training` mode or in evaluation mode. `chance` says whether it drew random numbers, so that another run may
    take another way. `widths` are the bytes of a number of inputs that are not of floating point. `freed` says of memory that
    was let go how many operations there were until then, `fleeting` whether there are buffers that are not saved with the
    module.
    """

    def __init__(self) -> None:
        self.inputs: dict[str, Var] = {}
        self.events: list[Event] = []
        self.calls: list[Call] = []
        self.outputs: list[Var] = []
        self.tensors: list[Tensor] = []
        self.freed: dict[int, int] = {}
        self.fleeting = False
        self.widths: dict[str, int] = {}
        self.chance = False
        self.reads_constants = False  # does control flow depend on numbers that forward itself makes?
        self.training = False

    def take(self, event: Event) -> None:
        """Note an operation."""
        for var in {id(var): var for var in event.inputs}.values():
            var.users.append(event)
        for out in event.outs:
            out.event = event
        event.at = len(self.events)
        self.events.append(event)
