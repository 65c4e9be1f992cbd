"""Find operators that together form one layer: a channel shuffle, or self-attention.

The file is first read operator by operator. Then all shapes and constants are known. Operators form a layer only if the
result, the parameters and the multiply-adds are exactly the same; the file is then read again with that layer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from math import prod
from types import SimpleNamespace
from typing import Any

from cnncalc.layers.base import Layer
from cnncalc.layers.reshape import ChannelShuffle
from cnncalc.network import Network, Node
from cnncalc.problem import Problem
from cnncalc.readers.axes import Dims, Order, visible
from cnncalc.readers.onnx.graph import Operation, Reader, Scope, Value
from cnncalc.readers.onnx.names import path_of_node

MAX_VALUES = 256  # inside a pattern, and readers of each value, so that time stays linear
SHAPE_READERS = ("Shape", "Size")  # they read only the dimensions of a value


class ReadOperation:
    """An operation and the nodes of the network that it became: those from `first` to before `last`."""

    __slots__ = ("first", "last", "step")

    def __init__(self, step: Operation, first: int, last: int) -> None:
        self.step = step
        self.first = first
        self.last = last


class Pattern:
    """Operators that form one layer. It reads the value `x` in the order `seen`, and its result has `order`.

    `parameters` maps roles to the names of the layer's tensors.
    """

    def __init__(
        self,
        layer: Layer,
        x: str,
        seen: Order,
        order: Order,
        parts: Sequence[ReadOperation],
        parameters: Mapping[str, str],
    ) -> None:
        self.layer = layer
        self.x = x
        self.seen = seen
        self.order = order
        self.parts = parts  # the last one computes the result
        self.parameters = parameters

    @property
    def result(self) -> str:
        """The name of the result."""
        return self.parts[-1].step.outputs[0]

    def add_to(self, r: Reader, step: Operation, dims: Dims) -> None:
        """Add the layer in place of its last operator.

        Raises:
            Refused: As for any layer.
        """
        x = step.scope.find(self.x)
        assert x is not None
        parameters = {role: step.scope.find(name) for role, name in self.parameters.items()}
        r.add_layer(step, self.layer, [r.align_value(x, self.seen)], self.order, len(dims), parameters)


Finder = Callable[[Sequence[ReadOperation], Scope], Iterator[Pattern]]


class Plan:
    """The patterns that the second reading of a file uses."""

    def __init__(self, patterns: Sequence[Pattern] = (), scope: Scope | None = None) -> None:
        self.last = {one.result: one for one in patterns}
        self.dims: dict[str, Dims] = {}
        for one in patterns:
            for name in (name for part in one.parts for name in part.step.outputs):
                value = scope.values.get(name) if scope is not None else None
                if value is not None:
                    self.dims[name] = value.dims

    def __bool__(self) -> bool:
        return bool(self.last)

    def read_operation(self, r: Reader, step: Operation) -> bool:
        """Read an operation of a pattern: the last as the layer, the others only as dimensions. Return whether it was one."""
        name = step.outputs[0] if step.outputs else ""
        pattern = self.last.get(name)
        if pattern is not None:
            pattern.add_to(r, step, self.dims[name])
        elif name in self.dims:
            for k, output in enumerate(step.outputs):
                if output in self.dims:
                    r.set_output(step, Value(self.dims[output], why="they are inside a layer"), k)
        else:
            return False
        return True

    def nodes_for_naming(self, nodes: Sequence[Any], weights: set[str]) -> list[Any]:
        """Return the nodes for naming. A layer is named after the path that all its operators have in common."""
        if not self.last:
            return list(nodes)
        makers = {node.output[0]: node for node in nodes if node.output}
        stand_ins = []
        for node in nodes:
            output = node.output[0] if node.output else ""
            pattern = self.last.get(output)
            if pattern is not None:
                stand_ins.append(
                    _layer_node(node, pattern, [makers[p.step.outputs[0]] for p in pattern.parts], weights)
                )
            elif output in self.dims:  # so that the layer can have the name of the module
                stand_ins.append(SimpleNamespace(name=node.name, op_type="Constant", input=(), output=node.output))
            else:
                stand_ins.append(node)
        return stand_ins


def _layer_node(node: Any, pattern: Pattern, parts: Sequence[Any], weights: set[str]) -> Any:
    paths = [path_of_node(part, weights)[0].split(".") for part in parts]
    common = []
    for column in zip(*paths, strict=False):
        if len(set(column)) > 1:
            break
        common.append(column[0])
    kind = pattern.layer.kind
    name = f"/{'.'.join(common)}/{kind}" if any(path != [""] for path in paths) else node.name
    return SimpleNamespace(name=name, op_type=kind, input=node.input, output=node.output)


def find_patterns(
    done: Sequence[ReadOperation], scope: Scope, nodes: Sequence[Node], finders: Sequence[Finder]
) -> Plan:
    """Return the patterns in a graph. No two share an operator. `nodes` are the nodes of the network."""
    taken: set[int] = set()
    patterns = []
    for pattern in (pattern for finder in finders for pattern in finder(done, scope)):
        members = {id(part) for part in pattern.parts}
        if not members & taken and _is_closed(pattern, scope) and _has_equal_figures(pattern, scope, nodes):
            taken |= members
            patterns.append(pattern)
    return Plan(patterns, scope)


def same_figures(one: Network, other: Network) -> bool:
    """Return whether two networks have the same totals of weights, biases, buffers, multiply-adds and unknown costs."""
    from cnncalc.analyses.totals import analyze

    mine, theirs = analyze(one).totals, analyze(other).totals
    quantities = ("weights", "biases", "buffers", "macs", "uncounted")
    return all(getattr(mine, quantity) == getattr(theirs, quantity) for quantity in quantities)


def _is_closed(pattern: Pattern, scope: Scope) -> bool:
    """Return whether no other operator reads the values inside a pattern, except their dimensions."""
    members = {id(part.step.node) for part in pattern.parts}
    names = [name for part in pattern.parts for name in part.step.outputs if name != pattern.result]
    if len(names) > MAX_VALUES:
        return False
    for name in names:
        users = scope.users.get(name, ())
        if name in scope.outputs or len(users) > MAX_VALUES:
            return False
        for user in users:
            if id(user) not in members and not (user.op_type in SHAPE_READERS and user.domain in ("", "ai.onnx")):
                return False
    return True


def _has_equal_figures(pattern: Pattern, scope: Scope, nodes: Sequence[Node]) -> bool:
    """Return whether the layer has exactly the weights, biases, buffers and multiply-adds of its operators."""
    x, result = scope.values[pattern.x], scope.values[pattern.result]
    shape = visible(x.dims, pattern.seen)
    try:
        facts = pattern.layer.statistics((shape,))
    except Problem:
        return False
    if shape.size != x.size or facts.output != visible(result.dims, pattern.order) or facts.output.size != result.size:
        return False
    facts.count()
    sums = [0, 0, 0, 0]
    for node in (node for part in pattern.parts for node in nodes[part.first : part.last]):
        own = node.statistics
        if own is None or node.shared is not None or not own.layer.known_cost:
            return False
        own.count()
        for place, figure in enumerate((own.weights, own.biases, own.buffers, int(own.macs))):
            sums[place] += figure
    return sums == [facts.weights, facts.biases, facts.buffers, int(facts.macs)]


def find_shuffles(done: Sequence[ReadOperation], scope: Scope) -> Iterator[Pattern]:
    """Yield channel shuffles: reshape to N x g x C/g x H x W, swap to N x C/g x g x H x W, reshape to N x C x H x W."""
    makers = {one.step.outputs[0]: one for one in done if one.step.op in ("Reshape", "Transpose")}
    for third in done:
        second = makers.get(third.step.node.input[0]) if third.step.op == "Reshape" else None
        first = makers.get(second.step.node.input[0]) if second is not None and second.step.op == "Transpose" else None
        if first is None or second is None or first.step.op != "Reshape":
            continue
        x, split, back = first.step.required(0), second.step.required(0).dims, scope.values[third.step.outputs[0]].dims
        rank, order = len(x.dims), (*range(2, len(x.dims)), 1)
        if x.index is None or x.order != order or x.dims != back or rank < 3 or len(split) < 3:
            continue
        groups, each = split[1:3]
        whole = split[0] == 1 and groups * each == x.dims[1] and prod(split[3:]) == prod(x.dims[2:])
        if whole and second.step.attributes.get("perm") == [0, 2, 1, *range(3, len(split))]:
            layer = ChannelShuffle(groups=groups)
            yield Pattern(layer, first.step.node.input[0], order, order, (first, second, third), {})
