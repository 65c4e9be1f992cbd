"""An ONNX model that is being built: its nodes and initializers, and the layout of each value.

A layer's value has the name of the layer, and so does the operator that computes it. Operators that prepare it are named
after the layer, with a suffix that follows a dot. Images are channels first (N, C, H, W) and sequences are (N, steps,
features), as in PyTorch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

from cnncalc.network import Network, Node
from cnncalc.shape import Shape
from cnncalc.text import show
from cnncalc.writers.layouts import lengths
from cnncalc.writers.registry import Unsupported

FLOAT, INT = 1, 7  # TensorProto.DataType
BATCH = "N"
LONGEST_NAME = 200  # characters


class Graph:
    """The model so far: its nodes, its initializers, and the layout of each value."""

    def __init__(self, network: Network, model: Any, batch: int | None) -> None:
        self.network = network
        self.model = model
        self.batch = batch
        self.layouts: list[str] = []
        self.names: list[str] = []  # by layer: the name of the tensor with its value
        self._taken: set[str] = set()
        self._transposed: dict[tuple[int, str], str] = {}
        self._constants: dict[tuple[int, tuple[float, ...], bool], str] = {}  # numbers -> their initializer
        self._weights: dict[str, tuple[int, ...]] = {}

    def declare(self, info: Any, name: str, shape: Shape, layout: str, kind: int) -> None:
        """Record the name, type and dimensions of a tensor."""
        info.name = name
        info.type.tensor_type.elem_type = kind
        dims = info.type.tensor_type.shape.dim
        if self.batch is None:
            dims.add().dim_param = BATCH
        else:
            dims.add().dim_value = self.batch
        for length in lengths(shape, layout):
            dims.add().dim_value = length

    def unique(self, name: str) -> str:
        """Return the name, with a number appended if it is taken."""
        free, number = name, 1
        while free in self._taken:
            number += 1
            free = f"{name}_{number}"
        self._taken.add(free)
        return free

    def add(
        self, op: str, inputs: Sequence[str], name: str, outputs: Sequence[str] = (), **attributes: Any
    ) -> list[str]:
        """Add a node and return its outputs. Without `outputs` it has one, named after the node."""
        node = self.model.graph.node.add()
        node.op_type, node.name = op, name
        node.input.extend(inputs)
        node.output.extend(outputs or [name])
        for key, value in attributes.items():
            attribute = node.attribute.add()
            attribute.name = key
            if isinstance(value, str):
                attribute.type, attribute.s = 3, value.encode("ascii")
            elif isinstance(value, float):
                attribute.type, attribute.f = 1, value
            elif isinstance(value, int):
                attribute.type, attribute.i = 2, value
            elif value and isinstance(value[0], float):
                attribute.type = 6
                attribute.floats.extend(value)
            else:
                attribute.type = 7
                attribute.ints.extend(value)
        return list(outputs or [name])

    def weight(self, name: str, dims: Sequence[int]) -> str:
        """Return an initializer without numbers. Calls with the same name share it.

        Raises:
            Unsupported: An earlier call gave it other dimensions.
        """
        if name not in self._weights:
            self._weights[name] = tuple(dims)
            tensor = self.model.graph.initializer.add()
            tensor.name, tensor.data_type = self.unique(name), FLOAT
            tensor.dims.extend(dims)
        elif self._weights[name] != tuple(dims):
            first, second = ("x".join(map(str, one)) for one in (self._weights[name], dims))
            raise Unsupported(f"the layers that share `{show(name)}` need it as {first} and as {second}")
        return name

    def numbers(self, values: Sequence[int] | Sequence[float], scalar: bool = False) -> str:
        """Return an initializer for a few numbers that are not weights, such as axes, sizes or bounds."""
        kind = FLOAT if values and isinstance(values[0], float) else INT
        key = (kind, tuple(values), scalar)
        if key not in self._constants:
            tensor = self.model.graph.initializer.add()
            tensor.name, tensor.data_type = self.unique(f"constant_{len(self._constants)}"), kind
            tensor.dims.extend([] if scalar else [len(values)])
            (tensor.float_data if kind == FLOAT else tensor.int64_data).extend(values)
            self._constants[key] = tensor.name
        return self._constants[key]

    def in_layout(self, index: int, wanted: str) -> str:
        """Return the value of a layer in a layout. One transpose serves all layers that need it."""
        name, shape, layout = self.names[index], self.network.nodes[index].output, self.layouts[index]
        rank = len(shape) - 1
        if layout == wanted or rank == 0:
            return name
        if (index, wanted) not in self._transposed:
            order = [0, *range(2, rank + 2), 1] if wanted == "last" else [0, rank + 1, *range(1, rank + 1)]
            outputs = self.add("Transpose", [name], self.unique(f"{name}.transpose"), perm=order)
            self._transposed[index, wanted] = outputs[0]
        return self._transposed[index, wanted]


class Part:
    """The part of the model that one layer becomes. Each handler receives one and adds the operators."""

    def __init__(self, graph: Graph, node: Node) -> None:
        self.graph = graph
        self.node = node
        self.layer: Any = node.layer
        self.shapes = graph.network.shapes(node)
        self.layouts = [graph.layouts[index] for index in node.inputs]
        self.out = node.output
        self.name = graph.names[node.index]
        owner = node.index if node.shared is None else node.shared
        self._owner = graph.names[owner]

    def x(self, layout: str | None = None, place: int = 0) -> str:
        """Return the tensor of an input in a layout; without one, in the layout that it has."""
        return self.graph.in_layout(self.node.inputs[place], layout or self.layouts[place])

    def op(self, op: str, inputs: Sequence[str], outputs: int = 1, **attributes: Any) -> str:
        """Add an operator that prepares the layer's value and return its first output."""
        name = self.graph.unique(f"{self.name}.{op.lower()}")
        more = [self.graph.unique(f"{name}.{number}") for number in range(1, outputs)]
        return self.graph.add(op, inputs, name, [name, *more], **attributes)[0]

    def output(self, op: str, inputs: Sequence[str], **attributes: Any) -> None:
        """Add the operator that computes the layer's value."""
        self.graph.add(op, inputs, self.name, [self.name], **attributes)

    def weight(self, role: str, *dims: int) -> str:
        """Return a weight of the layer, or of the layer whose weights it shares."""
        return self.graph.weight(f"{self._owner}.{role}", dims)

    def fill(self, value: float, *dims: int) -> str:
        """Return a tensor that repeats one number, which is not a parameter."""
        output = self.op("ConstantOfShape", [self.ints(*dims)])
        attribute = self.graph.model.graph.node[-1].attribute.add()
        attribute.name, attribute.type = "value", 4
        attribute.t.data_type = FLOAT
        attribute.t.dims.append(1)
        attribute.t.float_data.append(value)
        return output

    def ints(self, *values: int) -> str:
        """Return integers as an initializer."""
        return self.graph.numbers(values)

    def floats(self, *values: float) -> str:
        """Return numbers as an initializer."""
        return self.graph.numbers(values)

    def scalar(self, value: float) -> str:
        """Return a single number as an initializer without axes."""
        return self.graph.numbers([value], scalar=True)

    def dims(self, layout: str, place: int = 0) -> tuple[int, ...]:
        """Return the dimensions of an input in a layout, without the batch."""
        return lengths(self.shapes[place], layout)

    def declare_shape(self, name: str, shape: Shape) -> None:
        """Declare the shape of a channels-first tensor that onnx.shape_inference cannot infer."""
        self.graph.declare(self.graph.model.graph.value_info.add(), name, shape, "first", FLOAT)

    def reshape(self, x: str, *dims: int) -> str:
        """Return a tensor with other dimensions after the batch."""
        return self.op("Reshape", [x, self.ints(0, *dims)])

    @property
    def input_size(self) -> int:
        """The number of elements in the first input."""
        return prod(self.shapes[0])


# adds the operators of a layer and returns where its value has the channels: "first" or "last"
Handler = Callable[[Part], str]
