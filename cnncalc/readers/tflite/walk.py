"""Go through the operators of a TFLite graph, each by the rule of its family."""

from __future__ import annotations

from math import prod

from cnncalc.layers.operator import Operator, Unknown
from cnncalc.network import Builder
from cnncalc.problem import Problem, Refused
from cnncalc.product import Number
from cnncalc.readers.axes import Dims, one_count
from cnncalc.readers.limits import Limits
from cnncalc.readers.tflite.arithmetic import Unfit, fold
from cnncalc.readers.tflite.file import bad_model
from cnncalc.readers.tflite.graph import Operation, Reader, Scope, Tensor, Value
from cnncalc.readers.tflite.inputs import GraphInput
from cnncalc.readers.tflite.model import Model, Subgraph, TensorInfo
from cnncalc.readers.tflite.names import labels
from cnncalc.readers.tflite.operators.common import Handler
from cnncalc.readers.tflite.operators.custom import HANDLERS as CUSTOM
from cnncalc.readers.tflite.operators.elementwise import HANDLERS as ELEMENTWISE
from cnncalc.readers.tflite.operators.products import HANDLERS as PRODUCTS
from cnncalc.readers.tflite.operators.recurrent import HANDLERS as RECURRENT
from cnncalc.readers.tflite.operators.sums import HANDLERS as SUMS
from cnncalc.readers.tflite.operators.variables import HANDLERS as VARIABLES
from cnncalc.readers.tflite.operators.variables import assigned_variables
from cnncalc.readers.tflite.operators.views import HANDLERS as VIEWS
from cnncalc.readers.tflite.operators.windows import HANDLERS as WINDOWS
from cnncalc.readers.tflite.shapes import ShapeCheck
from cnncalc.shape import Shape
from cnncalc.text import quoted, show

HANDLERS: dict[str, Handler] = {**ELEMENTWISE, **WINDOWS, **PRODUCTS, **VIEWS, **SUMS, **RECURRENT, **VARIABLES}
DEEPEST = 32  # graphs that call each other
_CONTROL = {
    "IF": "which of its branches runs depends on data", "WHILE": "the number of its iterations depends on data",
    "STABLEHLO_WHILE": "the number of its iterations depends on data",
    "STABLEHLO_CASE": "which of its branches runs depends on data",
}  # fmt: skip
_STARTING = ("VAR_HANDLE", "ASSIGN_VARIABLE")  # all that a graph does that sets variables before the first run
_CALLS = ("CALL", "STABLEHLO_COMPOSITE")


class Walk:
    """One reading of the graphs of a model."""

    def __init__(self, model: Model, limits: Limits, *, strict: bool) -> None:
        self.model = model
        self.limits = limits
        self.strict = strict
        self.builder = Builder(limits.tensor)
        self.reader = Reader(self.builder, limits, strict=strict)
        self.reader.variables = assigned_variables(model)
        self.shapes = ShapeCheck(self.reader)
        self.steps = 0
        self.warnings: list[Problem] = []
        self.tensors: dict[int, Tensor] = {}  # buffer -> the numbers in it
        self.absent: list[str] = []  # names of constants whose numbers the file does not have

    def read(self, graph: Subgraph, inputs: list[GraphInput]) -> list[int]:
        """Read a graph from its inputs on and return the nodes of its outputs.

        Raises:
            Refused: The graph has a mistake, or cnncalc cannot analyse it.
        """
        scope = Scope(graph.tensors, graph.outputs)
        self.reader.batch = max([1, *[one.batch for one in inputs]])
        self.shapes.resized = any(one.resized for one in inputs)
        for one in inputs:
            node = self.builder.input(self.reader.name(one.name), Shape(Value(one.shown_dims).shape))
            scope.values[one.place] = Value(one.dims, node)
            scope.results.update((id(info), Value(one.shown_dims, node)) for info in one.moved)
        self._read_graph(graph, scope, 0)
        outputs: list[int] = []
        for place in graph.outputs:
            index = self._value(graph, scope, place, "the graph").index
            if index is not None and index not in outputs:
                outputs.append(index)
        if not outputs:
            raise bad_model("no output depends on an input", "convert a model whose output depends on its input")
        return outputs

    def _read_graph(self, graph: Subgraph, scope: Scope, depth: int) -> None:
        if depth > DEEPEST:
            text = f"graphs call each other more than {DEEPEST} levels deep"
            raise Refused([Problem("too-large", text, "check whether a graph calls itself")])
        made: set[int] = set()
        for info in graph.operators:
            for place in set(info.inputs):
                scope.users.setdefault(place, []).append(info)
            for place in info.outputs:
                if place in made or place in scope.values:
                    name = show(graph.tensors[place].name)
                    raise bad_model(f"two operators compute `{name}`", "convert the model again")
                made.add(place)
        self._constants(graph, scope, made)
        pairs = [(graph.tensors[info.outputs[0]].name if info.outputs else "", info.kind) for info in graph.operators]
        for info, label in zip(graph.operators, labels(pairs, scope.prefix), strict=True):
            self.steps += 1
            if self.steps > self.limits.steps:
                text = f"the model has more than {self.limits.steps:,} operators when its graphs are expanded"
                raise Refused([Problem("too-large", text, "convert a smaller model; this limit cannot be raised")])
            self.reader.kernel = self.steps
            inputs = [None if p == -1 else self._value(graph, scope, p, label) for p in info.inputs]
            self._read_operator(Operation(info, inputs, scope, label), depth)
        self.shapes.compare(scope, made)

    def _constants(self, graph: Subgraph, scope: Scope, made: set[int]) -> None:
        """Add the tensors that no operator computes: numbers of the file, and states of recurrent operators."""
        for place, info in enumerate(graph.tensors):
            if place in made or place in scope.values or place not in scope.users:
                continue
            if info.variable:
                scope.values[place] = Value(info.shape, why="they are a state")
            elif self.model.has_numbers(info):
                tensor = self.tensors.get(info.buffer)
                if tensor is None or tensor.size != prod(info.shape):
                    tensor = self._tensor(info)
                    self.tensors[info.buffer] = tensor
                numbers = self.model.numbers(info)
                why = "" if numbers is not None else "it has too many of them"
                scope.values[place] = Value(info.shape, numbers=numbers, tensors=(tensor,), why=why)
            else:
                self.absent.append(info.name)
                why = "the file does not hold them"
                scope.values[place] = Value(info.shape, tensors=(self._tensor(info),), why=why)

    def _tensor(self, info: TensorInfo) -> Tensor:
        size = self.model.buffers[info.buffer].size if info.buffer else 0
        return Tensor(info.name, info.shape, info.is_real, info.type_name, size, info.sparse)

    def _value(self, graph: Subgraph, scope: Scope, place: int, reader: str) -> Value:
        value = scope.values.get(place)
        if value is None:
            name, by = show(graph.tensors[place].name), show(reader)
            raise bad_model(f"`{by}` reads `{name}`, but no operator before it computes it", "convert the model again")
        return value

    def _read_operator(self, step: Operation, depth: int) -> None:
        before = len(self.builder.nodes)
        kind = step.kind
        if kind in _CALLS:
            self._read_call(step, depth)
            return
        if kind in _CONTROL:
            step.raise_unsupported(
                f"cnncalc does not read control flow, because {_CONTROL[kind]}",
                "convert the model without it, or unrolled",
            )
        if kind == "CALL_ONCE":
            self._check_start(step)
            return
        if kind in ("SHAPE", "RANK"):
            dims = step.required(0).dims
            numbers = dims if kind == "SHAPE" else (len(dims),)
            self.reader.set_output(step, Value((len(dims),) if kind == "SHAPE" else (), numbers=numbers))
            return
        try:
            folded = fold(step)
        except Unfit as error:
            step.raise_invalid(f"it cannot combine its constants: {show(error)}")
        if folded is not None:
            self.reader.set_output(step, folded)
            return
        handler = HANDLERS.get(kind) or (None if self.strict else CUSTOM.get(step.info.custom))
        if handler is None:
            self._read_unknown(step)
        else:
            handler(self.reader, step)
        if self.strict:
            self._count_unexplained(step, before)

    def _read_call(self, step: Operation, depth: int) -> None:
        """Read the operators of another graph in place of a call."""
        place = step.option("subgraph")
        if not 0 <= place < len(self.model.subgraphs):
            step.raise_invalid(f"it calls graph {place:,}, but there are {len(self.model.subgraphs):,} graphs")
        graph = self.model.subgraphs[place]
        if len(graph.inputs) != len(step.inputs) or len(graph.outputs) != len(step.info.outputs):
            step.raise_invalid(f"it has {len(step.inputs)} inputs, but graph {place:,} has {len(graph.inputs)}")
        inner = Scope(graph.tensors, graph.outputs, step.label)
        for at, value in zip(graph.inputs, step.inputs, strict=True):
            if value is not None:
                inner.values[at] = value
        self._read_graph(graph, inner, depth + 1)
        for k, at in enumerate(graph.outputs):
            self.reader.set_output(step, self._value(graph, inner, at, step.label), k)

    def _check_start(self, step: Operation) -> None:
        """Refuse a graph that runs once before the first run, unless it only sets variables."""
        if self.strict:
            step.raise_unsupported("a submission must not keep a state", "convert the model without variables")
        place = step.option("subgraph")
        known = 0 <= place < len(self.model.subgraphs)
        if not known or any(one.kind not in _STARTING for one in self.model.subgraphs[place].operators):
            step.raise_unsupported(
                "cnncalc reads a graph that runs once before the first run only if it does nothing but set variables",
                "convert the model without tables and other state",
            )

    def _read_unknown(self, step: Operation) -> None:
        """Read an operator without a rule. Its shape is the one that the file stores, and its cost is unknown."""
        active = [x for x in step.inputs if x is not None]
        stored = [(k, self._stored_dims(step, k)) for k in range(len(step.info.outputs))]
        lost = [step.scope.tensors[step.info.outputs[k]].name for k, dims in stored if dims is None]
        if self.strict or lost or not stored:
            where = f", and the file does not store the shape of {quoted([show(name) for name in lost], 'and', 3)}"
            reason = "" if self.strict or not lost else where
            help = "convert the model without this operator"
            step.raise_unsupported(f"cnncalc has no rule for this operator{reason}", help)
        learned = {f"weight_{place}": x for place, x in enumerate(active) if x.is_learned}
        name = (step.info.custom or step.kind).lower()
        if not any(x.index is not None for x in active):
            active = [self.reader.add_constant(active[0])] if active else []
        if not active:
            step.raise_unsupported("cnncalc has no rule for this operator, and it has no inputs")
        step.several = len(stored) > 1
        for k, dims in stored:
            assert dims is not None
            part = f"output{k}" if len(stored) > 1 else ""
            value = self.reader.add_operator(
                step, dims, active, learned if k == 0 else None, part=part, name=name, layer=Unknown if k == 0 else Operator,
                **({} if k == 0 else {"views": None}),
            )  # fmt: skip
            self.reader.set_output(step, value, k)

    def _stored_dims(self, step: Operation, k: int) -> Dims | None:
        """Return the stored shape of an output, for one example; None if the file does not store it."""
        info = step.stored(k)
        if info is None or not info.ranked or any(n < 0 for n in info.signature[1:]) or 0 in info.shape:
            return None
        if self.shapes.resized:
            return None
        batch = self.reader.batch
        dims = info.shape
        return (1, *dims[1:]) if batch > 1 and dims[:1] == (batch,) else dims

    def _count_unexplained(self, step: Operation, before: int) -> None:
        """Count numbers that an operator reads and that no rule has counted as weights of the last layer that it became."""
        nodes = self.builder.nodes
        if len(nodes) == before:
            return
        fresh: dict[str, Number] = {}
        for place, x in enumerate(step.inputs):
            if x is None or x.index is not None or place in step.shape_places or x.size < 2:
                continue
            for tensor in x.tensors:
                if self.reader.count_tensor(tensor, len(nodes) - 1) is None:
                    fresh[f"weight_{len(fresh)}_here"] = one_count(tensor.dims)
        layer = nodes[-1].layer
        if not fresh or layer is None:
            return
        shapes = [self.builder.shape(index) for index in nodes[-1].inputs]
        note = "numbers in the file that no rule accounts for count as weights"
        weights, buffers = {**layer.weights(*shapes), **fresh}, layer.buffers(*shapes)
        counted = Operator(layer.kind, nodes[-1].output, weights=weights, buffers=buffers, like=layer, note=note)
        self.builder.replace(nodes[-1].index, counted)
