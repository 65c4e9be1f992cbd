"""Network -> an ONNX file without weights, held against `onnx.shape_inference` before anybody gets it.

Every layer's value carries the layer's name, and so does the operator that makes it; operators that only prepare it are
named behind a dot. Images are channels first (N, C, H, W), sequences (N, steps, features), as PyTorch has them. Weights
are initializers with a type and dims but without numbers: onnx.load, onnx.shape_inference and viewers read such a file;
onnx.checker and runtimes ask for the numbers first.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from math import prod
from typing import Any

from cnncalc import __version__
from cnncalc.network import Network, Node
from cnncalc.readers.options import Missing
from cnncalc.shape import Shape
from cnncalc.text import show
from cnncalc.writers.blocks import Unexportable, used, without_counterpart
from cnncalc.writers.layouts import lengths
from cnncalc.writers.registry import Unsaid

OPSET = 21  # onnx 1.16: the first whose GroupNormalization has a factor per channel
IR_VERSION = 10
FLOAT, INT = 1, 7  # TensorProto.DataType
BATCH = "N"
NAMED = 200  # characters of a name that is written


def dumped(network: Network, batch: int | None = None) -> bytes:
    """The network as the bytes of an ONNX file; the first dimension is `N`, or `batch` where that is given.

    Raises:
        Unexportable: a layer that ONNX has no operators for, or of whose shape onnx thinks otherwise.
        Missing: where onnx is not installed.
    """
    try:
        onnx: Any = import_module("onnx")
    except ImportError:
        raise Missing("onnx", "onnx") from None
    graph = Graph(network, onnx.ModelProto(), batch)
    graph.write()
    graph.compare(import_module("onnx.shape_inference"))
    data: bytes = graph.model.SerializeToString(deterministic=True)
    return data


class Graph:
    """The model while it is written: nodes, initializers, and in which layout every value is."""

    def __init__(self, network: Network, model: Any, batch: int | None) -> None:
        self.network = network
        self.model = model
        self.batch = batch
        self.layouts: list[str] = []
        self.names: list[str] = []  # of the tensor that is a layer's value
        self._taken: set[str] = set()
        self._moved: dict[tuple[int, str], str] = {}
        self._small: dict[tuple[int, tuple[float, ...], bool], str] = {}  # numbers -> the initializer that holds them
        self._weights: dict[str, tuple[int, ...]] = {}

    def write(self) -> None:
        """Fill the model.

        Raises:
            Unexportable.
        """
        from cnncalc.writers.onnx.layers import LOWER

        network, model = self.network, self.model
        model.ir_version = IR_VERSION
        model.producer_name, model.producer_version = "cnncalc", __version__
        model.opset_import.add().version = OPSET
        model.graph.name = show(network.name or "network", NAMED)
        model.graph.doc_string = show(network.source, 400)
        windowed = {index for node in network.nodes if hasattr(node.layer, "kernel") for index in used(node)}
        # layers first, so that no other tensor takes a layer's name
        self.names = [self.unique(show(node.name, NAMED)) for node in network.nodes]
        for node in network.nodes:
            if node.layer is None:
                self.layouts.append("first" if len(node.output) != 2 or node.index in windowed else "last")
                self._input(node)
                continue
            lower = LOWER.get(node.kind)
            if lower is None or type(node.layer).kind != node.kind:  # an operation that is only called like that
                raise without_counterpart(node, "ONNX")
            try:
                self.layouts.append(lower(Part(self, node)))
            except Unsaid as error:
                raise Unexportable(node, str(error)) from None
        for index in dict.fromkeys(network.outputs):
            self._output(network.nodes[index])

    def _input(self, node: Node) -> None:
        readers = [other.kind for other in self.network.nodes if node.index in used(other)]
        kind = INT if readers and set(readers) == {"embedding"} else FLOAT
        self.declare(self.model.graph.input.add(), self.names[node.index], node.output, self.layouts[node.index], kind)

    def _output(self, node: Node) -> None:
        layout = "first" if len(node.output) > 2 else self.layouts[node.index]
        name = self.moved(node.index, layout)
        if node.layer is None:  # what goes in comes out
            name = self.add("Identity", [name], self.unique(f"{name}.output"))[0]
        self.declare(self.model.graph.output.add(), name, node.output, layout, FLOAT)

    def declare(self, info: Any, name: str, shape: Shape, layout: str, kind: int) -> None:
        """Note name, type and dimensions of a tensor."""
        info.name = name
        info.type.tensor_type.elem_type = kind
        dims = info.type.tensor_type.shape.dim
        if self.batch is None:
            dims.add().dim_param = BATCH
        else:
            dims.add().dim_value = self.batch
        for length in lengths(shape, layout):
            dims.add().dim_value = length

    # -- parts -------------------------------------------------------------------------------------------------------

    def unique(self, name: str) -> str:
        """The name, with a number behind it where it is taken."""
        found, number = name, 1
        while found in self._taken:
            number += 1
            found = f"{name}_{number}"
        self._taken.add(found)
        return found

    def add(self, op: str, inputs: Sequence[str], name: str, outputs: Sequence[str] = (), **given: Any) -> list[str]:
        """A node; its only output is called as the node unless `outputs` names them."""
        node = self.model.graph.node.add()
        node.op_type, node.name = op, name
        node.input.extend(inputs)
        node.output.extend(outputs or [name])
        for key, value in given.items():
            one = node.attribute.add()
            one.name = key
            if isinstance(value, str):
                one.type, one.s = 3, value.encode("ascii")
            elif isinstance(value, float):
                one.type, one.f = 1, value
            elif isinstance(value, int):
                one.type, one.i = 2, value
            elif value and isinstance(value[0], float):
                one.type = 6
                one.floats.extend(value)
            else:
                one.type = 7
                one.ints.extend(value)
        return list(outputs or [name])

    def weight(self, name: str, dims: Sequence[int]) -> str:
        """An initializer without numbers; the same one for the same name.

        Raises:
            Unsaid: where it is wanted with other dimensions elsewhere.
        """
        if name not in self._weights:
            self._weights[name] = tuple(dims)
            tensor = self.model.graph.initializer.add()
            tensor.name, tensor.data_type = self.unique(name), FLOAT
            tensor.dims.extend(dims)
        elif self._weights[name] != tuple(dims):
            theirs, ours = ("x".join(map(str, one)) for one in (self._weights[name], dims))
            raise Unsaid(f"`{show(name)}` is shared as {theirs} and as {ours}")
        return name

    def numbers(self, values: Sequence[int] | Sequence[float], scalar: bool = False) -> str:
        """An initializer of a few numbers that are no weights: axes, sizes, bounds."""
        kind = FLOAT if values and isinstance(values[0], float) else INT
        key = (kind, tuple(values), scalar)
        if key not in self._small:
            tensor = self.model.graph.initializer.add()
            tensor.name, tensor.data_type = self.unique(f"constant_{len(self._small)}"), kind
            tensor.dims.extend([] if scalar else [len(values)])
            (tensor.float_data if kind == FLOAT else tensor.int64_data).extend(values)
            self._small[key] = tensor.name
        return self._small[key]

    def moved(self, index: int, want: str) -> str:
        """The value of a layer in a layout; its axes are moved once for all that want them so."""
        name, shape, layout = self.names[index], self.network.nodes[index].output, self.layouts[index]
        rank = len(shape) - 1
        if layout == want or rank == 0:
            return name
        if (index, want) not in self._moved:
            order = [0, *range(2, rank + 2), 1] if want == "last" else [0, rank + 1, *range(1, rank + 1)]
            made = self.add("Transpose", [name], self.unique(f"{name}.transpose"), perm=order)
            self._moved[index, want] = made[0]
        return self._moved[index, want]

    # -- the proof ---------------------------------------------------------------------------------------------------

    def compare(self, inference: Any) -> None:
        """Hold every layer's shape against onnx.shape_inference, then note all shapes in the model.

        Raises:
            Unexportable: where one differs, or the inference fails.
        """
        nodes = self.network.nodes
        last = next(node for node in reversed(nodes) if node.layer is not None or node is nodes[0])
        try:
            inferred = inference.infer_shapes(self.model, check_type=True, strict_mode=True, data_prop=True)
        except Exception as error:  # whatever the C++ code throws
            raise Unexportable(last, f"onnx.shape_inference refuses the model: {show(error, 200)}") from None
        found = {}
        for one in (*inferred.graph.value_info, *inferred.graph.output):
            dims = one.type.tensor_type.shape.dim
            found[one.name] = [dim.dim_value if dim.HasField("dim_value") else dim.dim_param or "?" for dim in dims]
        outputs, told = set(self.network.outputs), {one.name for one in self.model.graph.value_info}
        for node in nodes:
            if node.layer is None:
                continue
            ours = [BATCH if self.batch is None else self.batch, *lengths(node.output, self.layouts[node.index])]
            theirs = found.get(self.names[node.index])
            if theirs and self.batch is None and not isinstance(theirs[0], int):
                theirs = [BATCH, *theirs[1:]]  # some operators give the batch a new name
            if theirs != ours:
                said = "x".join(map(str, theirs)) if theirs is not None else "of no known shape"
                text = f"onnx.shape_inference makes it {show(said)}, cnncalc {'x'.join(map(str, ours))}"
                raise Unexportable(node, text)
            if node.index not in outputs and self.names[node.index] not in told:
                info, layout = self.model.graph.value_info.add(), self.layouts[node.index]
                self.declare(info, self.names[node.index], node.output, layout, FLOAT)


class Part:
    """One layer while it is written: its inputs in the layout that it reads, and the operators that it becomes."""

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
        """The tensor of an input, in the layout that it has unless one is given."""
        return self.graph.moved(self.node.inputs[place], layout or self.layouts[place])

    def op(self, op: str, inputs: Sequence[str], outputs: int = 1, **given: Any) -> str:
        """An operator on the way to the layer's value; its (first) output."""
        name = self.graph.unique(f"{self.name}.{op.lower()}")
        more = [self.graph.unique(f"{name}.{number}") for number in range(1, outputs)]
        return self.graph.add(op, inputs, name, [name, *more], **given)[0]

    def end(self, op: str, inputs: Sequence[str], first: Sequence[str] = (), **given: Any) -> None:
        """The operator that makes the layer's value; `first` are outputs left out in front of it."""
        self.graph.add(op, inputs, self.name, [*first, self.name], **given)

    def weight(self, role: str, *dims: int) -> str:
        """A weight of the layer, or of the one whose weights it shares."""
        return self.graph.weight(f"{self._owner}.{role}", dims)

    def filled(self, value: float, *dims: int) -> str:
        """A tensor of one number that nobody learned."""
        tensor = self.graph.model.graph.node
        made = self.op("ConstantOfShape", [self.ints(*dims)])
        one = tensor[-1].attribute.add()
        one.name, one.type = "value", 4
        one.t.data_type = FLOAT
        one.t.dims.append(1)
        one.t.float_data.append(value)
        return made

    def ints(self, *values: int) -> str:
        """Whole numbers as an initializer."""
        return self.graph.numbers(values)

    def floats(self, *values: float) -> str:
        """Numbers as an initializer."""
        return self.graph.numbers(values)

    def scalar(self, value: float) -> str:
        """A single number as an initializer without axes."""
        return self.graph.numbers([value], scalar=True)

    def dims(self, layout: str, place: int = 0) -> tuple[int, ...]:
        """The dimensions of an input in a layout, without the batch."""
        return lengths(self.shapes[place], layout)

    def told(self, name: str, shape: Shape) -> None:
        """Declare the shape of a tensor, channels first, that onnx.shape_inference cannot know."""
        self.graph.declare(self.graph.model.graph.value_info.add(), name, shape, "first", FLOAT)

    def reshaped(self, x: str, *dims: int) -> str:
        """A tensor in other dimensions behind the batch."""
        return self.op("Reshape", [x, self.ints(0, *dims)])

    @property
    def elements(self) -> int:
        """Numbers in the first input."""
        return prod(self.shapes[0])
