"""Read the graph of an ONNX model node by node: operators by their rules, functions and branches by their contents."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

from cnncalc.layers.operator import Unknown
from cnncalc.network import Network
from cnncalc.problem import Problem, Refused
from cnncalc.readers.onnx.attributes import Named, wrong_type
from cnncalc.readers.onnx.constants.arrays import FLOAT32, INT64, Array, BadConstants
from cnncalc.readers.onnx.constants.folding import REARRANGING, fold, further_work
from cnncalc.readers.onnx.constants.tensors import array
from cnncalc.readers.onnx.file import bad_model
from cnncalc.readers.onnx.graph import Operation, Scope, Tensor, Value
from cnncalc.readers.onnx.inference import ComparedShapes
from cnncalc.readers.onnx.inputs import FIRST
from cnncalc.readers.onnx.names import labels
from cnncalc.readers.onnx.operators.contrib import HANDLERS as ADDED
from cnncalc.readers.onnx.operators.contrib import plain
from cnncalc.readers.onnx.operators.elementwise import learned_values
from cnncalc.readers.onnx.operators.layers import HANDLERS as LAYERS
from cnncalc.readers.onnx.operators.products import HANDLERS as PRODUCTS
from cnncalc.readers.onnx.operators.recurrent import HANDLERS as RECURRENT
from cnncalc.readers.onnx.operators.views import HANDLERS as VIEWS
from cnncalc.readers.onnx.operators.windows import HANDLERS as WINDOWS
from cnncalc.readers.onnx.patterns import ReadOperation
from cnncalc.readers.onnx.scores import note_scores
from cnncalc.readers.onnx.size_limits import OWN, check_size
from cnncalc.readers.onnx.sorting import sort_nodes
from cnncalc.readers.onnx.storage import storage_notes
from cnncalc.readers.onnx.unexplained import count_unexplained
from cnncalc.text import show

HANDLERS = {**VIEWS, **WINDOWS, **PRODUCTS, **RECURRENT, **LAYERS}
CONTRIBUTED = ("com.microsoft",)
FLOAT, INT = 1, 7  # types of numbers in ONNX


class ModelReading(ComparedShapes):
    """One reading of a model."""

    def network(self, name: str, path: str) -> Network:
        """Read the graph.

        Raises:
            Refused: The file has a mistake, or cnncalc cannot analyse it. The error has the network up to there.
        """
        graph, builder = self.model.graph, self.reader.builder
        check_size(self.model, self.reader.functions, self.limits)
        scope = self.scope
        scope.outputs = {one.name for one in graph.output}
        nodes = list(graph.node)
        self.index_names(nodes, scope)
        try:
            self.read_inputs(scope)
            self._read_nodes(nodes, scope, 0)
            ends = self._outputs(scope)
        except Refused as refused:
            refused.partial = builder.partial(name=name, source=path)
            raise
        except Problem as problem:
            raise Refused([problem]) from None
        self.compare(scope)
        title = graph.name if graph.name and graph.name not in ("main_graph", "torch_jit", "main", "graph") else name
        warnings = [*([self.batched] if self.batched is not None else []), *self.warnings]
        if not self.strict:
            warnings += storage_notes(self.reader.counted_tensors, self.sparse)
        facts: dict[str, Any] = {"name": show(title), "source": path, "spec": path, "warnings": tuple(warnings)}
        self.done = builder.finish(ends, **facts)
        return self.done

    def _read_nodes(self, nodes: Sequence[Any], scope: Scope, depth: int) -> None:
        ordered = sort_nodes(nodes, scope)
        # files from cnncalc name nodes after their layers, even if layers share weights
        weights = set() if self.model.producer_name == "cnncalc" else _constant_names(scope)
        to_name = self.plan.nodes_for_naming(ordered, weights) if scope is self.scope else ordered
        for node, label in zip(ordered, labels(to_name, weights, scope.prefix), strict=True):
            self._read_node(node, label, scope, depth)

    def _read_node(self, node: Any, label: str, scope: Scope, depth: int) -> None:
        attributes = {one.name: self._attribute(one, scope) for one in node.attribute}
        attributes = {name: value for name, value in attributes.items() if value is not None}
        inputs = [scope.find(name) if name else None for name in node.input]
        domain = "" if node.domain in OWN else node.domain
        step = Operation(node, node.op_type, inputs, attributes, scope, label)
        if len({one.name for one in node.attribute}) < len(node.attribute):
            step.raise_invalid("it has the same attribute twice", "export the model again")
        self._check_types(step)
        before = len(self.reader.builder.nodes)
        if scope is self.scope and self.plan.read_operation(self.reader, step):
            if self.strict:
                count_unexplained(self.reader, step, before)
            return
        function = self.reader.functions.get((node.domain, node.op_type))
        if function is not None:
            self._read_function(function, step, depth)
            return
        if domain == "" and node.op_type == "Constant":
            self.reader.set_output(step, self._constant_node(step))
            return
        if domain == "" and node.op_type in ("Shape", "Size"):
            self.reader.set_output(step, _size_of(step))
            return
        if domain == "" and node.op_type == "If":
            self._read_branch(step, depth)
            return
        if domain == "" and node.op_type in ("Loop", "Scan"):
            step.raise_unsupported("cnncalc does not read loops, because the number of iterations depends on the input",
                             "export the model with the loop unrolled, or without the loop")  # fmt: skip
        if domain in OWN and self._fold_constants(step):
            return
        original = step
        if domain in CONTRIBUTED:
            step = plain(step)
            handler = ADDED.get(step.op) or HANDLERS.get(step.op)
        else:
            handler = HANDLERS.get(step.op) if domain in OWN else None
        if handler is not None:
            handler(self.reader, step)
            self._add_further_outputs(original)
            note_scores(self.reader, step)
            if self.chosen is None:
                self.axes.follow(step)
            if self.strict:
                count_unexplained(self.reader, original, before)
            if scope is self.scope and not domain:
                self.steps.append(ReadOperation(step, before, len(self.reader.builder.nodes)))
            return
        self._read_unknown(original)

    def _check_types(self, step: Operation) -> None:
        """Refuse an attribute of the wrong type. Functions and unknown operators may have attributes of any type."""
        node = step.node
        is_function = (node.domain, node.op_type) in self.reader.functions
        if not is_function and (node.domain in OWN or node.domain in CONTRIBUTED):
            for written in node.attribute:
                one = self._resolve(written, step.scope) if written.ref_attr_name else written
                if one is not None and (fault := wrong_type(node.op_type, Named(written.name, one.type))):
                    step.raise_invalid(show(fault, 200), "export the model again")

    def _add_further_outputs(self, step: Operation) -> None:
        """Add the outputs that other nodes read but the operator's rule does not cover: statistics, caches, masks."""
        for k, name in enumerate(step.outputs):
            used = name and (step.scope.users.get(name) or name in step.scope.outputs)
            if not (k and used) or name in step.scope.values:
                continue
            dims = self.dims_of(name)
            if dims is not None:
                self.reader.add_operator(step, dims, [x for x in step.inputs if x is not None], k=k, views=None)

    def _fold_constants(self, step: Operation) -> bool:
        """Evaluate an operator if all its inputs are known numbers. Return whether it was evaluated."""
        constants = [x.array if x is not None else None for x in step.inputs]
        if not step.inputs or any(x is not None and x.array is None for x in step.inputs):
            return False
        there = [x for x in step.inputs if x is not None]
        try:
            self._count_computed(step, further_work(step.op, constants))
            results = fold(step.op, constants, step.attributes)
        except BadConstants:
            step.raise_invalid(f"it cannot combine constants of {' and '.join(show(x.dims) for x in there[:6])}")
        if results is None:
            return False
        self._count_computed(step, sum(one.size for one in results))
        parts = [] if step.op == "ConstantOfShape" else there[:1] if step.op in REARRANGING else learned_values(there)
        tensors = self.reader.tensors_of(parts)
        for k, one in enumerate(results):
            self.reader.set_output(step, Value(one.shape, array=one, tensors=tensors), k)
        return True

    def _count_computed(self, step: Operation, numbers: int) -> None:
        """Refuse a model that computes too many numbers from constants."""
        self.folded += numbers
        if self.folded > self.limits.computed:
            text = f"the constants up to it hold more than {self.limits.computed:,} numbers"
            step.raise_unsupported(text, "fold constants before the export")

    def _read_unknown(self, step: Operation) -> None:
        """Read an operator without a rule. Its shape comes from the file or from onnx, and its cost is unknown."""
        done = False
        active = [x for x in step.inputs if x is not None]
        parameters = {f"weight_{place}": x for place, x in enumerate(active) if x.is_learned}
        for k, name in enumerate(step.outputs):
            dims = self.dims_of(name)
            if dims is not None:
                rank = len(dims)
                image = step.op in FIRST and rank > 2 and dims[0] == 1
                order = (*range(2, rank), 1) if image else None
                self.reader.add_operator(step, dims, active, order, parameters if k == 0 else None, k=k, layer=Unknown)
                done = True
        if not done:
            self.raise_no_rule(step)

    def _read_function(self, function: Any, step: Operation, depth: int) -> None:
        inner = Scope(attributes={**{one.name: one for one in function.attribute_proto},
                                  **{one.name: self._resolve(one, step.scope) for one in step.node.attribute}})  # fmt: skip
        inner.prefix = step.label
        for name, value in zip(function.input, step.inputs, strict=False):
            if value is not None:
                inner.values[name] = value
        inner.outputs = set(function.output)
        nodes = list(function.node)
        self.index_names(nodes, inner)
        for name, inner_name in zip(step.outputs, function.output, strict=False):
            if name in step.scope.firsts:
                inner.firsts.add(inner_name)
        self._read_nodes(nodes, inner, depth + 1)
        for k, name in enumerate(function.output):
            result = inner.find(name)
            if result is not None:
                self.reader.set_output(step, result, k)

    def _read_branch(self, step: Operation, depth: int) -> None:
        condition = step.required(0)
        if condition.array is None:
            name = f"{self._pick_branch(step)}_branch"
        else:
            name = "then_branch" if condition.array.size and condition.array.numbers[0] else "else_branch"
        graph = step.attributes.get(name)
        if graph is None or not hasattr(graph, "node"):
            step.raise_invalid(f"it has no {name}")
        inner = Scope(step.scope, step.scope.attributes)
        inner.prefix = step.label
        inner.outputs = {one.name for one in graph.output}
        nodes = list(graph.node)
        self.index_names(nodes, inner)
        self.initializers(graph, inner)
        self._read_nodes(nodes, inner, depth + 1)
        for k, one in enumerate(graph.output):
            found = inner.find(one.name)
            if found is None:
                step.raise_invalid(f"no node of the branch computes `{show(one.name)}`")
            self.reader.set_output(step, found, k)

    def _pick_branch(self, step: Operation) -> str:
        """Return the branch to read if the condition depends on the input."""
        branch = self.options.branches.get(step.label, self.options.branches.get(""))
        if branch is None and self.strict:
            step.raise_unsupported("its branch depends on the input",
                             "export the model with only one of the branches")  # fmt: skip
        self.branches[step.label] = branch is not None
        return branch or "then"

    def _resolve(self, attribute: Any, scope: Scope) -> Any:
        return scope.attributes.get(attribute.ref_attr_name) if attribute.ref_attr_name else attribute

    def _attribute(self, attribute: Any, scope: Scope) -> Any:
        """Return the value of an attribute: a number, text, a list, an array, a tensor or a graph."""
        attribute = self._resolve(attribute, scope)
        if attribute is None:
            return None
        kind = attribute.type
        if kind == 1:
            return attribute.f
        if kind == 2:
            return attribute.i
        if kind == 3:
            return attribute.s.decode("utf-8", "replace")
        if kind == 4:
            return attribute.t if attribute.name == "value" and attribute.t.length > 64 else _array_or(attribute.t)
        if kind == 5:
            return attribute.g
        if kind in (6, 7):
            return list(attribute.floats if kind == 6 else attribute.ints)
        return None

    def _constant_node(self, step: Operation) -> Value:  # noqa: RET503  # raise_invalid() raises
        for one in (self._resolve(written, step.scope) for written in step.node.attribute):
            if one is None:
                continue
            if one.type == 4:
                return self.constant(one.t, step.outputs[0], fixed=True)
            if one.type == 11:
                values = one.sparse_tensor.values
                dims = self.dims(one.sparse_tensor.dims, step.outputs[0])
                tensor = Tensor(step.outputs[0], dims, values.data_type or FLOAT)
                self.sparse.append((step.outputs[0], tensor.size, prod(values.dims[:64])))
                return Value(dims, tensors=(tensor,), why="they are stored as a sparse tensor")
            value = self._attribute(one, step.scope)
            if value is not None and not isinstance(value, str):
                whole = one.type in (2, 7)
                dims = (len(value),) if isinstance(value, list) else ()
                numbers = Array(INT64 if whole else FLOAT32, dims, value if isinstance(value, list) else (value,))
                return Value(dims, array=numbers, tensors=(Tensor(step.outputs[0], dims, INT if whole else FLOAT),))
            return Value((), why="they are text")
        step.raise_invalid("it has no value")

    def _outputs(self, scope: Scope) -> list[int]:
        outputs = []
        for one in self.model.graph.output:
            value = scope.find(one.name)
            if value is None:
                raise bad_model(
                    f"no node computes the output `{show(one.name)}`", "the graph is incomplete; export the model again"
                )
            if value.index is not None and value.index not in outputs:
                outputs.append(value.index)
        if not outputs:
            raise bad_model("no output depends on an input", "export a model whose output depends on its input")
        return outputs


def _array_or(tensor: Any) -> Any:
    numbers = array(tensor)
    return tensor if numbers is None else numbers


def _size_of(step: Operation) -> Value:
    x = step.required(0)
    if step.op == "Size":
        return Value((), array=Array(INT64, (), (x.size,)))
    start, end = step.attributes.get("start", 0), step.attributes.get("end", len(x.dims))
    if not isinstance(start, int) or not isinstance(end, int):
        step.raise_invalid("start and end must be whole numbers")
    sizes = x.dims[start:end]
    return Value((len(sizes),), array=Array(INT64, (len(sizes),), sizes))


def _constant_names(scope: Scope) -> set[str]:
    return {name for name, value in scope.values.items() if value.index is None}
