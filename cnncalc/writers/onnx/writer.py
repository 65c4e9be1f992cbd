"""Network -> an ONNX file without weights, whose shapes `onnx.shape_inference` has confirmed.

Weights are initializers with a type and dimensions but without numbers. onnx.load, onnx.shape_inference and viewers read
such a file; onnx.checker and runtimes require the numbers.
"""

from __future__ import annotations

from cnncalc import __version__
from cnncalc.network import Network, Node
from cnncalc.readers.onnx.shape_inference import InferenceFailed, infer_shapes
from cnncalc.readers.optional import import_optional
from cnncalc.text import show
from cnncalc.writers.blocks import Unexportable, read_values, without_counterpart
from cnncalc.writers.layouts import lengths
from cnncalc.writers.onnx.attention import HANDLERS as ATTENTION
from cnncalc.writers.onnx.elementwise import HANDLERS as ELEMENTWISE
from cnncalc.writers.onnx.layers import HANDLERS as LAYERS
from cnncalc.writers.onnx.model import BATCH, FLOAT, INT, LONGEST_NAME, Graph, Handler, Part
from cnncalc.writers.onnx.products import HANDLERS as PRODUCTS
from cnncalc.writers.onnx.recurrent import HANDLERS as RECURRENT
from cnncalc.writers.onnx.views import HANDLERS as VIEWS
from cnncalc.writers.onnx.windows import HANDLERS as WINDOWS
from cnncalc.writers.registry import Unsupported

OPSET = 21  # onnx 1.16: the first opset whose GroupNormalization has a factor per channel
IR_VERSION = 10
HANDLERS: dict[str, Handler] = {
    **WINDOWS, **PRODUCTS, **ATTENTION, **RECURRENT, **LAYERS, **ELEMENTWISE, **VIEWS,
}  # fmt: skip


def serialize(network: Network, batch: int | None = None) -> bytes:
    """Return the network as the bytes of an ONNX file. Its first dimension is `batch`, or `N` if that is None.

    Raises:
        Unexportable: ONNX has no operators for a layer, or onnx infers a different shape for it.
        Missing: The package onnx is not installed.
    """
    onnx = import_optional("onnx", "onnx")
    graph = Graph(network, onnx.ModelProto(), batch)
    _write_layers(graph)
    _check_shapes(graph)
    data: bytes = graph.model.SerializeToString(deterministic=True)
    return data


def _write_layers(graph: Graph) -> None:
    """Fill the model.

    Raises:
        Unexportable: ONNX has no operators for a layer.
    """
    network, model = graph.network, graph.model
    model.ir_version = IR_VERSION
    model.producer_name, model.producer_version = "cnncalc", __version__
    model.opset_import.add().version = OPSET
    model.graph.name = show(network.name or "network", LONGEST_NAME)
    model.graph.doc_string = show(network.source, 400)
    windowed = {index for node in network.nodes if hasattr(node.layer, "kernel") for index in read_values(node)}
    # layers first, so that no other tensor takes a layer's name
    graph.names = [graph.unique(show(node.name, LONGEST_NAME)) for node in network.nodes]
    for node in network.nodes:
        if node.layer is None:
            graph.layouts.append("first" if len(node.output) != 2 or node.index in windowed else "last")
            _write_input(graph, node)
            continue
        handler = HANDLERS.get(node.kind)
        if handler is None or type(node.layer).kind != node.kind:  # an operator that only has the name of a kind
            raise without_counterpart(node, "ONNX")
        try:
            graph.layouts.append(handler(Part(graph, node)))
        except Unsupported as error:
            raise Unexportable(node, str(error)) from None
    for index in dict.fromkeys(network.outputs):
        _write_output(graph, network.nodes[index])


def _write_input(graph: Graph, node: Node) -> None:
    readers = [other.kind for other in graph.network.nodes if node.index in read_values(other)]
    kind = INT if readers and set(readers) == {"embedding"} else FLOAT
    info = graph.model.graph.input.add()
    graph.declare(info, graph.names[node.index], node.output, graph.layouts[node.index], kind)


def _write_output(graph: Graph, node: Node) -> None:
    layout = "first" if len(node.output) > 2 else graph.layouts[node.index]
    name = graph.in_layout(node.index, layout)
    if node.layer is None:  # an input that is also an output needs a second name
        name = graph.add("Identity", [name], graph.unique(f"{name}.output"))[0]
    graph.declare(graph.model.graph.output.add(), name, node.output, layout, FLOAT)


def _check_shapes(graph: Graph) -> None:
    """Compare each layer's shape with onnx.shape_inference, then record all shapes in the model.

    Raises:
        Unexportable: A shape differs, or the inference fails.
    """
    nodes = graph.network.nodes
    last = next(node for node in reversed(nodes) if node.layer is not None or node is nodes[0])
    try:
        inferred = infer_shapes(graph.model, check_type=True, strict_mode=True, data_prop=True)
    except InferenceFailed as error:
        raise Unexportable(last, f"onnx.shape_inference rejects the model: {error}") from None
    inferred_dims = {}
    for info in (*inferred.graph.value_info, *inferred.graph.output):
        dims = info.type.tensor_type.shape.dim
        inferred_dims[info.name] = [
            dim.dim_value if dim.HasField("dim_value") else dim.dim_param or "?" for dim in dims
        ]
    outputs, declared = set(graph.network.outputs), {info.name for info in graph.model.graph.value_info}
    for node in nodes:
        if node.layer is None:
            continue
        name, layout = graph.names[node.index], graph.layouts[node.index]
        ours = [BATCH if graph.batch is None else graph.batch, *lengths(node.output, layout)]
        theirs = inferred_dims.get(name)
        if theirs and graph.batch is None and not isinstance(theirs[0], int):
            theirs = [BATCH, *theirs[1:]]  # some operators give the batch a new name
        if theirs != ours:
            shape = show("x".join(map(str, theirs))) if theirs is not None else "no shape"
            text = f"onnx.shape_inference infers {shape}, but cnncalc computes {'x'.join(map(str, ours))}"
            raise Unexportable(node, text)
        if node.index not in outputs and name not in declared:
            graph.declare(graph.model.graph.value_info.add(), name, node.output, layout, FLOAT)
