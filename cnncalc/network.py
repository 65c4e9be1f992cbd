"""Shape propagation. A Builder asks each layer for its output shape as it is added, and a Network is the frozen result.

This module depends on layers and shapes, and on no file format.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from cnncalc.layers.base import Layer, Statistics
from cnncalc.layers.fields.notation import spell
from cnncalc.layers.operations import Seen
from cnncalc.problem import Problem, Refused, Where
from cnncalc.product import Number
from cnncalc.record import Record
from cnncalc.shape import Shape
from cnncalc.text import show
from cnncalc.units import Figure

LARGEST_TENSOR = 2**50


class Written(Record):
    """How the program that was read writes a layer.

    `style` is `module` for a class of torch.nn, `subclass` for another class without modules inside, `function` for a call
    outside of such classes, `mean` for a reduction, and `sdpa` for attention in one call. `rows` is the first length of
    PyTorch's output, which tools take for the batch. `named_padding` is true for a convolution with `padding="same"`.
    """

    style: str
    rows: int = 1
    named_padding: bool = False


class Node:
    """One value of the network: an input, or the output of a layer.

    `name` is the path through blocks, joined with dots. `shared` is the index of the node whose weights it reuses. `frozen`
    has the names of the parameters that are not trained. None means that nothing was stated, so that all are trained.
    """

    __slots__ = (
        "entering", "frozen", "index", "inputs", "kernel", "name", "notes", "output", "seen", "shared", "statistics", "where",
        "width", "written",
    )  # fmt: skip

    def __init__(
        self,
        index: int,
        name: str,
        statistics: Statistics | None,
        inputs: tuple[int, ...],
        output: Shape,
        where: Where | None,
    ) -> None:
        self.index = index
        self.name = name
        self.statistics = statistics
        self.inputs = inputs
        self.output = output
        self.where = where
        self.frozen: frozenset[str] | None = None
        self.shared: int | None = None
        self.notes: tuple[tuple[str, str], ...] = ()  # notes of the reader, as (code, sentence)
        self.entering: int | None = None  # for a merge of branches: the value from which all of them start
        self.seen: Seen | None = None  # memory behaviour observed by a reader that ran the network
        self.written: Written | None = None  # how the program that was read writes the layer
        self.kernel: int | None = (
            None  # number of the operator that runs it, if the file consists of a runtime's operators
        )
        self.width: int | None = None  # bytes per number of an input whose dtype is not that of the network

    @property
    def layer(self) -> Layer | None:
        """The layer, or None for an input."""
        return self.statistics.layer if self.statistics is not None else None

    @property
    def is_frozen(self) -> bool:
        """True if the layer has parameters and none of them is trained."""
        if not self.frozen or self.statistics is None:
            return False
        return self.frozen == frozenset(self.statistics.layer.weights(*self.statistics.shapes))

    def train(self, trainable: bool) -> None:
        """Mark all parameters of the layer as trained or frozen."""
        weights = (
            self.statistics.layer.weights(*self.statistics.shapes)
            if self.statistics is not None and not trainable
            else ()
        )
        self.frozen = frozenset(weights)

    @property
    def kind(self) -> str:
        """The layer's kind, or `input`."""
        return self.statistics.layer.kind if self.statistics is not None else "input"


def settle(nodes: Sequence[Node], untrained: Collection[str] = ()) -> None:
    """Freeze nodes of the kinds `untrained` that state nothing themselves, and shared parameters like those of their owner."""
    for node in nodes:
        if node.shared is not None:
            node.frozen = nodes[node.shared].frozen
        elif node.frozen is None and node.kind in untrained:
            node.train(False)


class Expectation(Record):
    """A figure that the author of a step expects, for the nodes from `first` up to `last` with the result `value`."""

    label: str
    quantity: str
    text: str
    figure: Figure | Shape | tuple[int, ...]
    first: int
    last: int
    value: int
    where: Where | None


class Published(Record):
    """A figure about the network that a source has published."""

    source: str
    quantity: str
    figure: Figure
    where: Where | None


class SetField(Record):
    """A field of one layer that was set from outside, with its value before."""

    layer: str
    field: str
    value: Any
    was: Any

    def __str__(self) -> str:
        was = "not set before" if self.was is None else f"was {spell(self.was)}"
        return f"{show(self.layer)}.{self.field} = {spell(self.value)} ({was})"


class Network(Record):
    """A network in which every shape is known. In `nodes`, the inputs of a node come before it.

    `in_training` returns the network as it is in training if that differs, or None if it cannot be read.
    """

    name: str
    source: str
    spec: str
    nodes: tuple[Node, ...]
    outputs: tuple[int, ...]
    expectations: tuple[Expectation, ...] = ()
    published: tuple[Published, ...] = ()
    warnings: tuple[Problem, ...] = ()
    description: str = ""
    changes: tuple[SetField, ...] = ()
    line: str = ""  # the one-line form that was typed
    frozen: tuple[str, ...] = ()  # names of layers, blocks and groups that `--freeze` froze
    batch_axes: Mapping[str, str] = MappingProxyType({})  # the axes that `--batch-axis` set, by input; "" is all inputs
    stored_bytes: Mapping[str, int] | None = (
        None  # type -> bytes of the parameters in the file, each once, if it has them
    )
    in_training: Callable[[], Network | None] | None = None

    @property
    def title(self) -> str:
        """Title for headings: the name, the line that was typed, or the source."""
        return self.name or " ".join(self.line.split()) or self.spec

    @property
    def inputs(self) -> list[Node]:
        """The input nodes."""
        return [node for node in self.nodes if node.layer is None]

    @property
    def one_run(self) -> str:
        """Warning that shapes and counts depend on numbers and hold for one run only, or an empty text."""
        return next((problem.text for problem in self.warnings if problem.code == "one-run"), "")

    def with_choices(self, frozen: tuple[str, ...], batch_axes: Mapping[str, str]) -> Network:
        """Return the same network with a record of the options that it was loaded with."""
        values = {name: getattr(self, name) for name in Network._names}
        return Network(**{**values, "frozen": frozen, "batch_axes": batch_axes})

    def shapes(self, node: Node) -> tuple[Shape, ...]:
        """Return the input shapes of a node."""
        return node.statistics.shapes if node.statistics is not None else ()


class Builder:
    """Collects nodes from top to bottom and propagates shapes.

    >>> from cnncalc.layers.conv import Conv
    >>> builder = Builder()
    >>> image = builder.input("input", Shape((32, 32, 3)))
    >>> builder.shape(builder.add(Conv(filters=6, kernel=5), [image], "conv1"))
    (28, 28, 6)
    """

    def __init__(self, largest_tensor: int = LARGEST_TENSOR) -> None:
        self.nodes: list[Node] = []
        self.expectations: list[Expectation] = []
        self.warnings: list[Problem] = []  # warnings of the reader about the network as a whole
        self.names: set[str] = set()  # of all nodes
        self._largest = largest_tensor

    def shape(self, index: int) -> Shape:
        """Return the shape of a value."""
        return self.nodes[index].output

    def input(self, name: str, shape: Shape, where: Where | None = None) -> int:
        """Add an input and return the index of its value.

        Raises:
            Problem: `too-large`.
        """
        if not 1 <= shape.size <= self._largest:
            raise self._too_large("the input", shape)
        index = len(self.nodes)
        self.names.add(name)
        self.nodes.append(Node(index, name, None, (), shape, where))
        return index

    def add(self, layer: Layer, inputs: Sequence[int], name: str, where: Where | None = None) -> int:
        """Add a layer with the values `inputs` and return the index of its output.

        Raises:
            Problem: The inputs do not suit the layer, or `too-large`.
        """
        nodes = self.nodes
        if len(inputs) == 1:
            statistics = layer.statistics((nodes[inputs[0]].output,))
        else:
            statistics = layer.statistics(tuple([nodes[index].output for index in inputs]))
        if not 1 <= statistics.size <= self._largest:
            raise self._too_large(f"{layer.kind}: the output", statistics.output)
        index = len(nodes)
        self.names.add(name)
        nodes.append(Node(index, name, statistics, tuple(inputs), statistics.output, where))
        return index

    def replace(self, index: int, layer: Layer) -> None:
        """Replace the layer at `index` with one that has other parameters but the same output."""
        node = self.nodes[index]
        assert node.statistics is not None
        node.statistics = layer.statistics(node.statistics.shapes)

    def share(self, index: int, owner: int) -> None:
        """Let the layer at `index` reuse the weights of the one at `owner`.

        Raises:
            Problem: `shares-differ` if the kinds, or the names or shapes of the weights, differ.
        """
        first = self.nodes[owner]
        if first.shared is not None:
            first = self.nodes[first.shared]
        node = self.nodes[index]
        ours, theirs = self._weights(node), self._weights(first)
        if first.kind != node.kind or _plain(ours) != _plain(theirs):
            raise Problem(
                "shares-differ",
                f"{node.kind} with {_listed(ours)} cannot reuse the weights of `{first.name}` "
                f"({first.kind} with {_listed(theirs)})",
                "share only between layers of the same kind with the same fields and input channels",
                field="share",
            )
        if ours:
            node.shared = first.index

    def _weights(self, node: Node) -> dict[str, Number]:
        return node.layer.weights(*[self.nodes[index].output for index in node.inputs]) if node.layer else {}

    def _too_large(self, what: str, shape: Shape) -> Problem:
        return Problem(
            "too-large",
            f"{what} {shape} has {shape.size:,} numbers, but a tensor may have at most {self._largest:,}",
            "check sizes, kernels and factors",
        )

    def finish(self, outputs: Iterable[int], *, place: Where | None = None, **facts: Any) -> Network:
        """Return the frozen network with these values as outputs. `facts` holds metadata such as the name and source.

        Raises:
            Refused: `no-layers` at `place` if there are only inputs.
        """
        if all(node.layer is None for node in self.nodes):
            problem = Problem("no-layers", "the network has no layers", "add at least one layer", where=place)
            raise Refused([problem], self.partial(**facts))
        return self._frozen(outputs, facts)

    def partial(self, **facts: Any) -> Network | None:
        """Return the network built so far, with its last value as the output, or None if it has no input yet."""
        return self._frozen([len(self.nodes) - 1], facts) if self.nodes else None

    def _frozen(self, outputs: Iterable[int], facts: dict[str, Any]) -> Network:
        facts = {"name": "", "source": "", "spec": "", **facts}
        facts["warnings"] = (*facts.get("warnings", ()), *self.warnings)
        return Network(nodes=tuple(self.nodes), outputs=tuple(outputs), expectations=tuple(self.expectations), **facts)


def _plain(weights: dict[str, Number]) -> dict[str, tuple[int, ...]]:
    return {name: tuple(n for _, n in getattr(count, "factors", ())) for name, count in weights.items()}


def _listed(weights: dict[str, Number]) -> str:
    return ", ".join(f"{name} {count.numbers}" for name, count in weights.items()) or "no weights"
