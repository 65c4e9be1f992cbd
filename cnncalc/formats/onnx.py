"""ONNX files -> Network. Weights are neither loaded nor needed: their dimensions are.

Every shape is worked out by the layers' own rules and compared with `onnx.shape_inference`; differences are warnings.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from importlib import import_module
from typing import Any

from cnncalc.formats import Asked, Missing
from cnncalc.formats.onnx_attention import attentions
from cnncalc.formats.onnx_file import FIELDS, Paged, bad, parsed, structure
from cnncalc.formats.onnx_graph import Dims, Scope, Step, Tensor, Value
from cnncalc.formats.onnx_inputs import FIRST, Fed
from cnncalc.formats.onnx_layers import HANDLERS as LAYERS
from cnncalc.formats.onnx_names import labels
from cnncalc.formats.onnx_numbers import TAKEN, array, fold, numpy
from cnncalc.formats.onnx_ops import HANDLERS as OPERATORS
from cnncalc.formats.onnx_order import in_order
from cnncalc.formats.onnx_patterns import Done, plan, same_figures, shuffles
from cnncalc.formats.onnx_views import HANDLERS as VIEWS
from cnncalc.layers.unknown import Unknown
from cnncalc.network import Network
from cnncalc.problem import Problem, Refused
from cnncalc.spec.limits import TRUSTED, UNTRUSTED, Limits
from cnncalc.spec.regular import opened
from cnncalc.text import show

HANDLERS = {**VIEWS, **OPERATORS, **LAYERS}
OWN = ("", "ai.onnx")
CONTRIBUTED = ("com.microsoft",)
DEEPEST = 32
FOLDED = 2**22  # constants that are worked out in one model
SHOWN = 10

_TERM = r"[A-Za-z]*(?:\.\.\.[A-Za-z]*)?"
_EQUATION = re.compile(rf"{_TERM}(?:,{_TERM})*(?:->{_TERM})?")


def read(path: str, asked: Asked, limits: Limits = TRUSTED) -> Network:
    """The network in an ONNX file, for one example.

    Raises:
        Refused: what is wrong with the file, or cannot be known of it.
        Missing: where onnx is not installed.
        OSError: where the file cannot be read.
    """
    return values(path, asked, limits)[0]


def values(path: str, asked: Asked, limits: Limits = TRUSTED) -> tuple[Network, dict[str, Value]]:
    """The network, and every value of the graph by its name there, with the dimensions of ONNX.

    Raises:
        Refused, Missing, OSError: as `read`.
    """
    with opened(path) as file:
        data = structure(Paged(file.fileno()), 16 * limits.file_bytes)
    return _read(data, path, asked, limits)


def submitted(data: bytes | Paged, path: str, asked: Asked) -> Network:
    """The network in the file of a stranger, by the rules of cnncalc alone.

    onnx.shape_inference, which nobody can interrupt, is not asked, so that an operator without a rule is refused; and
    every number of a floating type that the file brings along counts as a parameter.

    Raises:
        Refused, Missing: as `read`.
    """
    return _read(structure(data, 16 * UNTRUSTED.file_bytes, FIELDS), path, asked, UNTRUSTED, strict=True)[0]


def _read(
    data: bytes, path: str, asked: Asked, limits: Limits, strict: bool = False
) -> tuple[Network, dict[str, Value]]:
    try:
        import_module("onnx")
    except ImportError:
        raise Missing("onnx", "onnx") from None
    best = _best(data, path, asked, limits, strict)
    assert best.done is not None
    patterns = plan(best.steps, best.scope, best.done.nodes, (shuffles, attentions))
    if patterns:
        again = _Model(parsed(data), asked, limits, whole=best.whole, strict=strict)
        again.plan, again.theirs = patterns, best.theirs
        network = again.network(_stem(path), path)
        if same_figures(best.done, network):
            return network, again.scope.values
    return best.done, best.scope.values


def _stem(path: str) -> str:
    return os.path.splitext(os.path.basename(path))[0]


def _best(data: bytes, path: str, asked: Asked, limits: Limits, strict: bool) -> _Model:
    """The reading with a fixed first size as the batch; or else as an axis like others, where that goes better."""
    name = _stem(path)
    reading = _Model(parsed(data), asked, limits, strict=strict)
    try:
        reading.network(name, path)
        if not reading.batched or not reading.warnings:
            return reading
    except Refused:
        if not reading.batched:
            raise
    # a fixed first size that is no batch, or one that cannot be taken out: shown whole, as onnx sees it
    whole = _Model(parsed(data), asked, limits, whole=True, strict=strict)
    try:
        whole.network(name, path)
    except Refused:
        if reading.done is None:
            raise
        return reading
    if reading.done is not None and len(whole.warnings) >= len(reading.warnings):
        return reading
    return whole


class _Model(Fed):
    def network(self, name: str, path: str) -> Network:
        graph, builder = self.model.graph, self.reader.builder
        self._check_size()
        scope = self.scope
        scope.outputs = {one.name for one in graph.output}
        nodes = list(graph.node)
        self.prepare(nodes, scope)
        try:
            self.fed_in(scope)
            self._run(nodes, scope, 0)
            ends = self._outputs(scope)
        except Refused as refused:
            refused.partial = builder.partial(name=name, source=path)
            raise
        except Problem as problem:
            raise Refused([problem]) from None
        self._compare(scope)
        title = graph.name if graph.name and graph.name not in ("main_graph", "torch_jit", "main", "graph") else name
        warnings = (*([self.batched] if self.batched is not None else []), *self.warnings)
        facts: dict[str, Any] = {"name": show(title), "source": path, "spec": path, "warnings": warnings}
        self.done = builder.finish(ends, **facts)
        return self.done

    def _check_size(self) -> None:
        count = len(self.model.graph.node)
        if count > self.limits.nodes:
            text = f"the graph has {count:,} nodes, but at most {self.limits.nodes:,} are read"
            raise Refused([Problem("too-large", text, "this is more than is ever read")])
        sizes: dict[tuple[str, str], int] = {}
        if self._expanded(self.model.graph.node, sizes, 0) > self.limits.steps:
            text = f"there are more than {self.limits.steps:,} operations, functions counted each time"
            raise Refused([Problem("too-large", text, "this is more than is ever read")])
        for domain, operator in self.reader.functions:
            if domain in OWN:
                text = f"a function of the model is called `{show(operator)}`, as operators of ONNX are"
                raise bad(text, "functions need a domain of their own")

    def _expanded(self, nodes: Sequence[Any], sizes: dict[tuple[str, str], int], depth: int) -> int:
        """How many operations there are when every function is written out; each function is looked at once."""
        if depth > DEEPEST:
            text = f"functions and branches are nested deeper than {DEEPEST} levels"
            raise Refused([Problem("too-large", text, "a function that calls itself has no end")])
        count = len(nodes)
        for node in nodes:
            if node.op_type == "Einsum":  # onnx.shape_inference never comes back from an equation that is none
                for one in node.attribute:
                    text = one.s.decode("latin-1").replace(" ", "")
                    if one.name == "equation" and not _EQUATION.fullmatch(text):
                        raise bad(f"`{show(text)}` is no equation of Einsum", "write letters, as in `bij,bjk->bik`")
            key = (node.domain, node.op_type)
            function = self.reader.functions.get(key)
            if function is not None:
                if key not in sizes:
                    sizes[key] = self._expanded(function.node, sizes, depth + 1)
                count += sizes[key]
            for one in node.attribute:
                for graph in (*([one.g] if one.type == 5 else ()), *one.graphs):
                    count += self._expanded(graph.node, sizes, depth + 1)
        return count

    # -- what is done ------------------------------------------------------------------------------------------------

    def _run(self, nodes: Sequence[Any], scope: Scope, depth: int) -> None:
        ordered = in_order(nodes, scope)
        ours = self.model.producer_name == "cnncalc"  # nodes are called as their layers, whatever weights they share
        known = set() if ours else _known(scope)
        shown = self.plan.named(ordered, known) if scope is self.scope else ordered
        names = labels(shown, known, scope.prefix)
        for node, label in zip(ordered, names, strict=True):
            self._node(node, label, scope, depth)

    def _node(self, node: Any, label: str, scope: Scope, depth: int) -> None:
        given = {one.name: self._attribute(one, scope) for one in node.attribute}
        given = {name: value for name, value in given.items() if value is not None}
        xs = [scope.find(name) if name else None for name in node.input]
        domain = "" if node.domain in OWN else node.domain
        step = Step(node, node.op_type, xs, given, scope, label)
        if len({one.name for one in node.attribute}) < len(node.attribute):
            step.wrong("an attribute is there twice", "export the model again")
        before = len(self.reader.builder.nodes)
        if scope is self.scope and self.plan.take(self.reader, step):
            if self.strict:
                self.reader.account(step, before)
            return
        function = self.reader.functions.get((node.domain, node.op_type))
        if function is not None:
            self._call(function, step, depth)
            return
        if domain == "" and node.op_type == "Constant":
            self.reader.put(step, self._constant_node(step))
            return
        if domain == "" and node.op_type in ("Shape", "Size"):
            self.reader.put(step, _size_of(step))
            return
        if domain == "" and node.op_type == "If":
            self._branch(step, depth)
            return
        if domain == "" and node.op_type in ("Loop", "Scan"):
            step.unsupported("loops are not followed: how often they run depends on the numbers fed in",
                             "export the model with the loop unrolled, or without it")  # fmt: skip
        if domain in OWN and self._folded(step):
            return
        handler = HANDLERS.get(node.op_type) if domain in OWN or domain in CONTRIBUTED else None
        if handler is not None:
            try:
                handler(self.reader, step)
            except (ArithmeticError, AssertionError, AttributeError, LookupError, TypeError, ValueError) as error:
                step.wrong(f"its attributes and inputs do not go together ({type(error).__name__})")
            self._further(step)
            if self.strict:
                self.reader.account(step, before)
            if scope is self.scope and not domain:
                self.steps.append(Done(step, before, len(self.reader.builder.nodes)))
            return
        self._unknown(step)

    def _further(self, step: Step) -> None:
        """Further outputs that are used, but that the operator's rule says nothing of: statistics, caches, masks."""
        for k, name in enumerate(step.outputs):
            used = name and (step.scope.users.get(name) or name in step.scope.outputs)
            if not (k and used) or name in step.scope.values:
                continue
            dims = self._inferred().get(name)
            if dims is not None:
                self.reader.operator(step, dims, [x for x in step.xs if x is not None], k=k, views=None)

    def _folded(self, step: Step) -> bool:
        """Is it worked out here and now, because every number that it needs is known?"""
        known = [x.array if x is not None else None for x in step.xs]
        if not step.xs or any(x is not None and x.array is None for x in step.xs):
            return False
        try:
            found = fold(step.op, known, step.given, self.reader.opset)
        except (ArithmeticError, AssertionError, AttributeError, LookupError, TypeError, ValueError):
            step.wrong(f"its constants do not go together: {' and '.join(show(x.dims) for x in step.xs if x)}")
        if found is None:
            return False
        self.folded += sum(one.size for one in found)
        if self.folded > FOLDED:
            step.unsupported(f"more than {FOLDED:,} constants are worked out before it", "fold them before the export")
        parts = () if step.op == "ConstantOfShape" else step.xs[:1] if step.op in TAKEN else step.xs
        tensors = self.reader.union(parts)
        for k, one in enumerate(found):
            self.reader.put(step, Value(one.shape, array=one, tensors=tensors), k)
        return True

    def _unknown(self, step: Step) -> None:
        """An operator without a rule: the shape that shape inference knows, cost unknown."""
        done = False
        active = [x for x in step.xs if x is not None]
        held = {f"weight_{place}": x for place, x in enumerate(active) if x.learned}
        for k, name in enumerate(step.outputs):
            dims = self._inferred().get(name)
            if dims is not None:
                rank = len(dims)
                image = step.op in FIRST and rank > 2 and dims[0] == 1
                order = (*range(2, rank), 1) if image else None
                self.reader.operator(step, dims, active, order, held if k == 0 else None, k=k, layer=Unknown)
                done = True
        if not done:
            domain = f" of `{show(step.node.domain)}`" if step.node.domain else ""
            step.unsupported(
                f"cnncalc has no rule for this operator{domain}, and onnx does not know its output shape either",
                "export the model with shape information (`value_info`) or without this operator",
            )

    def _call(self, function: Any, step: Step, depth: int) -> None:
        inner = Scope(attributes={**{one.name: one for one in function.attribute_proto},
                                  **{one.name: self._given(one, step.scope) for one in step.node.attribute}})  # fmt: skip
        inner.prefix = step.label
        for name, value in zip(function.input, step.xs, strict=False):
            if value is not None:
                inner.values[name] = value
        inner.outputs = set(function.output)
        nodes = list(function.node)
        self.prepare(nodes, inner)
        for name, own in zip(step.outputs, function.output, strict=False):
            if name in step.scope.firsts:
                inner.firsts.add(own)
        self._run(nodes, inner, depth + 1)
        for k, name in enumerate(function.output):
            found = inner.find(name)
            if found is not None:
                self.reader.put(step, found, k)

    def _branch(self, step: Step, depth: int) -> None:
        condition = step.need(0)
        if condition.array is None:
            step.unsupported("which branch is taken depends on the numbers fed in",
                             "export the model for one of the branches")  # fmt: skip
        name = "then_branch" if bool(condition.array.reshape(-1)[0]) else "else_branch"
        graph = step.given.get(name)
        if graph is None:
            step.wrong(f"it has no {name}")
        inner = Scope(step.scope, step.scope.attributes)
        inner.prefix = step.label
        inner.outputs = {one.name for one in graph.output}
        nodes = list(graph.node)
        self.prepare(nodes, inner)
        self.initializers(graph, inner)
        self._run(nodes, inner, depth + 1)
        for k, one in enumerate(graph.output):
            found = inner.find(one.name)
            if found is None:
                step.wrong(f"nothing makes `{show(one.name)}`")
            self.reader.put(step, found, k)

    def _given(self, one: Any, scope: Scope) -> Any:
        return scope.attributes.get(one.ref_attr_name) if one.ref_attr_name else one

    def _attribute(self, one: Any, scope: Scope) -> Any:
        """The value of an attribute: numbers, text, lists, an array or tensor, a graph."""
        one = self._given(one, scope)
        if one is None:
            return None
        kind = one.type
        if kind == 1:
            return one.f
        if kind == 2:
            return one.i
        if kind == 3:
            return one.s.decode("utf-8", "replace")
        if kind == 4:
            return one.t if one.name == "value" and one.t.ByteSize() > 64 else _array_or(one.t)
        if kind == 5:
            return one.g
        if kind in (6, 7):
            return list(one.floats if kind == 6 else one.ints)
        return None

    def _constant_node(self, step: Step) -> Value:  # noqa: RET503  # wrong() raises
        for one in (self._given(written, step.scope) for written in step.node.attribute):
            if one is None:
                continue
            if one.type == 4:
                return self.constant(one.t, step.outputs[0], fixed=True)
            if one.type == 11:
                dims = self.dims(one.sparse_tensor.dims, step.outputs[0])
                return Value(dims, tensors=(Tensor(step.outputs[0], dims, True),), why="they are stored sparsely")
            value = self._attribute(one, step.scope)
            if value is not None and not isinstance(value, str):
                np = numpy()
                whole = one.type in (2, 7)
                known = np.asarray(value, dtype="int64" if whole else "float32")
                return Value(known.shape, array=known, tensors=(Tensor(step.outputs[0], known.shape, not whole),))
            return Value((), why="they are text")
        step.wrong("it has no value")

    # -- what comes out ----------------------------------------------------------------------------------------------

    def _outputs(self, scope: Scope) -> list[int]:
        found = []
        for one in self.model.graph.output:
            value = scope.find(one.name)
            if value is None:
                raise bad(f"nothing makes the output `{show(one.name)}`", "the graph is incomplete; export it again")
            if value.index is not None and value.index not in found:
                found.append(value.index)
        if not found:
            raise bad("no output depends on an input", "a model computes something from what is fed in")
        return found

    def _inferred(self) -> dict[str, Dims]:
        """What `onnx.shape_inference` says, for the sizes that are read here; asked once, and only where it is needed."""
        if self.theirs is None:
            self.theirs = dict(self._infer(self.scope))
        return self.theirs

    def _infer(self, scope: Scope) -> Iterator[tuple[str, Dims]]:
        if self.strict:
            return
        inference: Any = import_module("onnx.shape_inference")
        model = self.model
        for one in model.graph.input:
            value = scope.values.get(one.name)
            if value is None or value.index is None:
                continue
            fixed = self.reader.batch
            dims = list(value.dims)
            hidden = [axis for axis in range(len(dims)) if axis not in value.order]
            if fixed > 1 and hidden:
                dims[hidden[0]] = fixed
            del one.type.tensor_type.shape.dim[:]
            for length in dims:
                one.type.tensor_type.shape.dim.add().dim_value = length
        try:
            inferred = inference.infer_shapes(model, data_prop=True)
        except Exception as error:  # whatever the C++ code throws
            text = f"onnx.shape_inference gives up, so that shapes are not compared with it: {show(error, 200)}"
            self.warnings.append(Problem("not-compared", text, level="warning"))
            return
        for one in (*inferred.graph.value_info, *inferred.graph.output):
            tensor = one.type.tensor_type
            if tensor.HasField("shape") and all(dim.HasField("dim_value") for dim in tensor.shape.dim):
                yield one.name, tuple(dim.dim_value for dim in tensor.shape.dim)

    def _compare(self, scope: Scope) -> None:
        differing = []
        for name, value in scope.values.items():
            theirs = self._inferred().get(name)
            if theirs is not None and not self._agree(value.dims, theirs):
                differing.append((name, value.dims, theirs))
        for name, ours, theirs in differing[:SHOWN]:
            said = ["x".join(map(str, dims)) or "a single number" for dims in (ours, theirs)]
            text = f"`{show(name)}` is {show(said[0])} here, but {show(said[1])} to onnx.shape_inference"
            self.warnings.append(Problem("shapes-disagree", text, level="warning"))
        if len(differing) > SHOWN:
            text = f"{len(differing) - SHOWN:,} more values have other shapes to onnx.shape_inference"
            self.warnings.append(Problem("shapes-disagree", text, level="warning"))

    def _agree(self, ours: Dims, theirs: Dims) -> bool:
        if ours == theirs:
            return True
        batch = self.reader.batch
        if batch == 1 or len(ours) != len(theirs):
            return False
        other = [(a, b) for a, b in zip(ours, theirs, strict=True) if a != b]
        return len(other) == 1 and other[0][0] * batch == other[0][1]


def _array_or(tensor: Any) -> Any:
    known = array(tensor)
    return tensor if known is None else known


def _size_of(step: Step) -> Value:
    np = numpy()
    x = step.need(0)
    if step.op == "Size":
        return Value((), array=np.asarray(x.size, dtype="int64"))
    start, end = step.given.get("start", 0), step.given.get("end", len(x.dims))
    if not isinstance(start, int) or not isinstance(end, int):
        step.wrong("start and end must be whole numbers")
    known = np.asarray(x.dims, dtype="int64")[start:end]
    return Value(known.shape, array=known)


def _known(scope: Scope) -> set[str]:
    return {name for name, value in scope.values.items() if value.index is None}
