"""The record of one forward pass in ATen operators: tensors, values, calls of modules, and operations in order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

from cnncalc.readers.axes import Dims

__all__ = ["DROPS", "DROP_PATHS", "SHAPE_ONLY", "Call", "Dims", "Event", "Tensor", "Trace", "Var"]

# operations and classes of modules that return their input in evaluation mode, but a new tensor in training
DROPS = frozenset(("dropout", "feature_dropout", "alpha_dropout", "feature_alpha_dropout"))
DROP_PATHS = frozenset(("DropPath", "StochasticDepth"))
# operations that read only the shape of their input
SHAPE_ONLY = frozenset(("new_zeros", "new_ones", "new_empty", "new_full", "new_empty_strided", "zeros_like", "ones_like",
                        "empty_like", "full_like", "rand_like", "randn_like", "randint_like", "sym_size"))  # fmt: skip


class Tensor:
    """A parameter (`learned`) or buffer of the module, and its place among all of them.

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
    """One value: its dimensions in PyTorch, and the operations that read it (`users`).

    The reader adds the `index` of the node that holds the value, and the `order` in which that node's shape names the
    dimensions (those not named are 1); or else the module's `tensors` that the value is computed from. An operation reads
    a `channels_first` value channels first. Values with the same `memory` number overlap. The cells of a `contiguous`
    value are stored in the order of its dimensions. In a value with `memory_channels_last`, the channels of a cell are
    stored next to each other, as after moving them to the end and back. No gradient flows back through a `detached`
    value that is computed from parameters.
    """

    __slots__ = (
        "channels_first", "contiguous", "detached", "dims", "event", "index", "memory", "memory_channels_last", "order",
        "tensors", "users",
    )  # fmt: skip

    def __init__(self, dims: Sequence[int], tensors: tuple[Tensor, ...] = ()) -> None:
        self.dims: Dims = tuple(dims)
        self.tensors = tensors
        self.event: Event | None = None
        self.users: list[Event] = []
        self.index: int | None = None
        self.order: Dims = ()
        self.channels_first = False
        self.memory = -1
        self.memory_channels_last = False
        self.contiguous = True
        self.detached = False

    @property
    def size(self) -> int:
        """How many numbers it has."""
        return prod(self.dims)


class Call:
    """One call of a module: its path in the tree, its inputs and its outputs.

    `kind` is the full name of its class, and `forward` that of the function that runs. A `leaf` has no modules inside.
    `settings` has what its operations do not show. `events` counts the operations during the call.
    """

    __slots__ = ("events", "forward", "inputs", "kind", "leaf", "outs", "parent", "path", "settings")

    def __init__(
        self,
        path: str,
        parent: Call | None = None,
        inputs: Sequence[Var] = (),
        kind: str = "",
        forward: str = "",
        leaf: bool = True,
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        self.path = path
        self.parent = parent
        self.inputs = list(inputs)
        self.outs: list[Var] = []
        self.kind = kind
        self.forward = forward
        self.leaf = leaf
        self.settings = settings or {}
        self.events = 0

    @property
    def class_name(self) -> str:
        """The name of its class, without the module that defines it."""
        return self.kind.rpartition(".")[2]


class Event:
    """One operation: its name in PyTorch, its arguments by name with values in place of tensors, and its outputs.

    `macs` is PyTorch's own count of multiply-adds (torch.utils.flop_counter, halved). An empty `op` marks the end of a
    call of a module in which no operation ran. `position` is its place among all operations. A `detached` operation ran
    while gradients were disabled, or is `detach` itself.
    """

    __slots__ = ("args", "call", "detached", "inplace", "inputs", "macs", "op", "outs", "position")

    def __init__(self, op: str, args: dict[str, Any], inputs: list[Var], outs: list[Var], call: Call) -> None:
        self.op = op
        self.inplace = False
        self.args = args
        self.inputs = inputs
        self.outs = outs
        self.call = call
        self.macs = 0
        self.position = -1
        self.detached = False

    @property
    def out(self) -> Var:
        """Its first output."""
        return self.outs[0]


class Trace:
    """One forward pass: inputs by name, operations in order, calls of modules, outputs, and the module's tensors.

    `training` is the mode that the module ran in. With `random` it drew random numbers, so that another run may differ.
    `widths` has the bytes per number of inputs that are not floating point. `freed` maps the number of a memory to how
    many operations had run when it was released. `has_unsaved_buffers` is true if the module has buffers that are not
    saved with it. With `reads_constants` control flow depends on the values of tensors that forward itself creates.
    `origin` names the source of the shapes, and `counter` that of multiply-adds that no layer's rule counts.
    """

    origin = "PyTorch"
    counter = "counted by PyTorch"

    def __init__(self) -> None:
        self.inputs: dict[str, Var] = {}
        self.events: list[Event] = []
        self.calls: list[Call] = []
        self.outputs: list[Var] = []
        self.tensors: list[Tensor] = []
        self.freed: dict[int, int] = {}
        self.has_unsaved_buffers = False
        self.widths: dict[str, int] = {}
        self.random = False
        self.reads_constants = False
        self.training = False

    def add(self, event: Event) -> None:
        """Append an operation, and register it with the values that it reads and makes."""
        for var in {id(var): var for var in event.inputs}.values():
            var.users.append(event)
        for out in event.outs:
            out.event = event
        event.position = len(self.events)
        self.events.append(event)
