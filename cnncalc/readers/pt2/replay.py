"""Turn the nodes of an exported program into a record of events, as running the module would.

Tensors are records of lengths and strides. As in a run, the place in memory identifies a tensor: an operator that changes
one in place changes all others that overlap it.
"""

from __future__ import annotations

from typing import Any

from cnncalc.problem import Problem, Refused
from cnncalc.readers.aten.counts import count_products
from cnncalc.readers.aten.events import DROPS, Event, Tensor, Trace, Var
from cnncalc.readers.pt2.aliases import Layout, is_view
from cnncalc.readers.pt2.modules import Modules
from cnncalc.readers.pt2.operators import CHECKS, FIRST_ONLY, operator_name, unify
from cnncalc.readers.pt2.program import Graph, Meta, Node, Program, bad, expect
from cnncalc.readers.pt2.shapes.rules import check_event
from cnncalc.readers.pt2.sizes import Sizes
from cnncalc.text import show

# graphs that run as a part of the program, with the arguments after the graph as inputs
INLINED = ("wrap_with_set_grad_enabled", "wrap_with_autocast", "hints_wrapper", "invoke_subgraph", "tag_activation_checkpoint",
           "wrap_activation_checkpoint", "wrap")  # fmt: skip
# bytes of a number by its type, for types that are not floating point
WIDTHS = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 9: 4, 10: 8, 11: 16, 12: 1, 28: 2, 34: 4, 35: 8}
MOST_OVERLAPS = 10_000  # of tensors in one storage, of those that are changed in place

Key = tuple[int, int, tuple[int, ...], tuple[int, ...], int, bool]


_NOT_FINITE = {"Infinity": float("inf"), "-Infinity": float("-inf"), "NaN": float("nan")}  # as torch.export writes them


class ProgramTrace(Trace):
    """A record that was read from a file.

    `unconfirmed` has sentences about operations whose shapes cnncalc cannot work out.
    """

    origin = "the file"
    counter = "counted by its operands"

    def __init__(self) -> None:
        super().__init__()
        self.unconfirmed: list[str] = []


class Place:
    """Where a tensor of the program lies: its storage, its layout, and whether it is detached."""

    __slots__ = ("detached", "key", "layout", "storage")

    def __init__(self, storage: int, layout: Layout, detached: bool) -> None:
        self.storage = storage
        self.layout = layout
        self.detached = detached
        self.key: Key = (storage, layout.offset, layout.dims, layout.strides, layout.dtype, detached)


def replay(program: Program, sizes: Sizes, tied: dict[str, str]) -> ProgramTrace:
    """Return the record of a program. `tied` maps parameters to others that have the same numbers.

    Raises:
        Refused: The graph has a mistake, or cnncalc cannot follow it.
    """
    return _Replay(program, sizes).run(tied)


class _Replay:
    def __init__(self, program: Program, sizes: Sizes) -> None:
        self.program = program
        self.sizes = sizes
        self.record = ProgramTrace()
        owners = [path.rpartition(".")[0] for path in (*program.parameters.values(), *program.buffers.values())]
        self.modules = Modules(self.record, (*program.modules, *owners))
        for node in program.graph.nodes:
            for _, path, _ in self.modules.frames(node.stack):
                self.modules.add_parents(path)
        self.places: dict[str, Place] = {}
        self.known: dict[Key, Var] = {}
        self.in_storage: dict[int, dict[Key, None]] = {}
        self.outdated: dict[Key, list[Var]] = {}
        self.numbers: dict[str, Any] = {}
        self.storages = 0
        self.detached = False

    def run(self, tied: dict[str, str]) -> ProgramTrace:
        record, program = self.record, self.program
        record.has_unsaved_buffers = bool(program.unsaved)
        tensors: dict[str, Var] = {}
        for name, target in {**program.parameters, **program.buffers}.items():
            learned = name in program.parameters
            meta = self._meta(program.graph, name)
            first = tied.get(target, target)
            if first not in tensors:
                dims = self.sizes.dims(meta, name)
                tensor = Tensor(first, dims, learned, learned and not meta.requires_grad)
                counts = learned or (name not in program.unsaved and first.rpartition(".")[2] != "num_batches_tracked")
                if counts:
                    tensor.place = len(record.tensors)
                    record.tensors.append(tensor)
                tensors[first] = self._new(name, meta, Var(dims, (tensor,) if counts else ()))
            else:
                self.places[name] = next(
                    self.places[other] for other, path in program.parameters.items() if tied.get(path, path) == first
                )
        for name in program.inputs:
            meta = self._meta(program.graph, name)
            record.inputs[name] = self._new(name, meta, Var(self.sizes.dims(meta, name)))
            if meta.dtype in WIDTHS:
                record.widths[name] = WIDTHS[meta.dtype]
        for kind, value in program.graph.inputs:
            for constant in _output_names(kind, value) if kind == "as_tensor" else ():
                if constant not in self.places:
                    meta = self._meta(program.graph, constant)
                    self._new(constant, meta, Var(self.sizes.dims(meta, constant)))
        self._nodes(program.graph)
        record.outputs = [self.find(name) for name in program.outputs]
        self.modules.finish()
        return record

    # -- tensors ------------------------------------------------------------------------------------------------------

    def _meta(self, graph: Graph, name: str) -> Meta:
        if name not in graph.tensors:
            raise bad(f"the tensor `{show(name)}` has no shape in the file")
        return graph.tensors[name]

    def _new(self, name: str, meta: Meta, var: Var, source: Place | None = None, detached: bool = False) -> Var:
        """Give a value its name and its place in memory: that of `source`, or a new one."""
        layout = Layout(var.dims, self.sizes.strides(meta, name), 0, meta.dtype)
        if source is None:
            self.storages += 1
        else:
            layout.offset = self.sizes.length(meta.offset, f"the tensor `{show(name)}`")
        storage = self.storages if source is None else source.storage
        place = Place(storage, layout, detached or (source is not None and source.detached))
        self.places[name] = place
        return self._know(place, var)

    def _know(self, place: Place, var: Var) -> Var:
        self.known[place.key] = var
        self.in_storage.setdefault(place.storage, {})[place.key] = None
        self.outdated.pop(place.key, None)
        var.memory = place.storage
        var.contiguous = place.layout.is_contiguous
        var.memory_channels_last = place.layout.is_channels_last
        return var

    def find(self, name: str) -> Var:
        """Return the value that a name stands for.

        Raises:
            Refused: No node before has an output of that name.
        """
        place = self.places.get(name)
        if place is None:
            raise bad(f"`{show(name)}` is read before a node makes it")
        var = self.known[place.key]
        written = self.outdated.pop(place.key, None)
        if written:
            new = Var(var.dims)
            self.record.add(Event("overwrite", {"self": var}, [var, *written], [new], self.modules.root))
            var = self._know(place, new)
        return var

    def _write(self, place: Place, var: Var) -> None:
        """Note that a tensor has a new value, and so have the others that overlap it in memory."""
        start, end = _extent(place.key)
        others = self.in_storage.get(place.storage, {})
        if len(others) > MOST_OVERLAPS:
            raise bad(f"more than {MOST_OVERLAPS:,} tensors share memory that is changed in place", code="too-large")
        for key in others:
            first, last = _extent(key)
            if key != place.key and first < end and start < last:
                self.outdated.setdefault(key, []).append(var)
        self._know(place, var)

    # -- nodes --------------------------------------------------------------------------------------------------------

    def _nodes(self, graph: Graph) -> None:
        node = None
        try:
            for node in graph.nodes:
                self._node(graph, node)
        except Refused as error:
            for problem in error.problems if node is not None else ():
                if node is not None and not problem.text.startswith("node `"):
                    problem.text = f"{node.place}: {problem.text}"
            raise

    def _node(self, graph: Graph, node: Node) -> None:
        space, op = operator_name(node.target)
        if space == "higher_order":
            self._inner_graph(graph, node, op)
            return
        names = [name for kind, value in node.outputs for name in _output_names(kind, value)]
        if op in CHECKS or not names:
            self._number_outputs(graph, node)
            return
        inputs: list[Var] = []
        sources: list[str] = []
        args: dict[str, Any] = {}
        for name, (kind, value) in node.inputs:
            args[name] = self._argument(graph, kind, value, inputs, sources)
        self._number_outputs(graph, node)
        if op == "copy_" and len(inputs) > 1 and inputs[0] is inputs[1]:  # `x[0] += 1` ends with this
            self.places.update(dict.fromkeys(names, self.places[sources[0]]))
            return
        changed = op.endswith("_") and not op.endswith("__")
        op, args = unify(op.rstrip("_") if changed else op, args)
        if op in FIRST_ONLY:
            names = names[:1]
        outs = [Var(self.sizes.dims(self._meta(graph, name), name)) for name in names]
        call = self.modules.enter(node.stack)
        event = Event(op, args, inputs, outs, call)
        event.inplace = changed
        event.detached = self.detached or op == "detach"
        self._check(event, node)
        event.macs = count_products(event)
        self.record.add(event)
        source = self.places[sources[0]] if sources else None
        for name, var in zip(names, outs, strict=True):
            meta = self._meta(graph, name)
            if changed and source is not None:
                self.places[name] = source
                self._write(source, var)
                continue
            shares = None
            if source is not None and not (op in DROPS and not changed):
                layout = Layout(var.dims, self.sizes.strides(meta, name), 0, meta.dtype)
                shares = source if is_view(op, source.layout, layout) else None
            self._new(name, meta, var, shares, detached=event.detached and shares is not None)

    def _check(self, event: Event, node: Node) -> None:
        """Check the arguments of an operation, and note whether its rule confirms the shapes in the file."""
        if not check_event(event):
            self.record.unconfirmed.append(
                f"{node.place}: cnncalc cannot work out the shapes that `{show(event.op)}` makes"
            )

    def _inner_graph(self, graph: Graph, node: Node, op: str) -> None:
        """Run a graph inside a node as a part of the program."""
        place = next((number for number, (_, (kind, _)) in enumerate(node.inputs) if kind == "as_graph"), None)
        if op not in INLINED or place is None:
            text = (
                f"`{show(op)}` chooses or repeats operations while the model runs, so their number is not in the file"
            )
            help = "export a model without control flow that depends on values"
            raise Refused([Problem("unsupported", text, help)])
        inner = graph.inner(node.inputs[place][1][1], node.place)
        tensors: list[str] = []
        for _, (kind, value) in node.inputs[place + 1 :]:
            tensors += _output_names(kind, value)
        names = [name for kind, value in inner.inputs for name in _output_names(kind, value)]
        if len(names) != len(tensors):
            raise bad(f"its graph has {len(names):,} inputs, but it is given {len(tensors):,} tensors")
        before, outside = self.detached, dict(self.places)
        for name, given in zip(names, tensors, strict=True):
            self.find(given)
            self.places[name] = outside[given]
        if op == "wrap_with_set_grad_enabled":
            self.detached = node.inputs[0][1] == ("as_bool", False)
        self._nodes(inner)
        self.detached = before
        results = [self.places.get(name) for kind, value in inner.outputs for name in _output_names(kind, value)]
        self.places = outside
        made = [name for kind, value in node.outputs for name in _output_names(kind, value)]
        if len(made) > len(results):
            raise bad(f"its graph has {len(results):,} outputs, but {len(made):,} are read")
        for name, result in zip(made, results, strict=False):
            if result is None:
                raise bad("its graph returns a tensor that it does not make")
            self.places[name] = result

    # -- arguments ----------------------------------------------------------------------------------------------------

    def _argument(self, graph: Graph, kind: str, value: Any, inputs: list[Var], sources: list[str]) -> Any:
        """Return the value of an argument, with values in place of tensors."""

        def tensor(entry: Any) -> Var:
            name = expect(expect(entry, dict, "an argument").get("name"), str, "the name of a tensor")
            inputs.append(self.find(name))
            sources.append(name)
            return inputs[-1]

        def optional(entry: Any) -> Var | None:
            fields = expect(entry, dict, "an argument")
            return tensor(fields["as_tensor"]) if "as_tensor" in fields else None

        if kind == "as_none":
            return None
        if kind == "as_tensor":
            return tensor(value)
        if kind == "as_tensors":
            return [tensor(each) for each in expect(value, list, "an argument")]
        if kind == "as_optional_tensor":
            return optional(value)
        if kind == "as_optional_tensors":
            return [optional(each) for each in expect(value, list, "an argument")]
        if kind == "as_nested_tensors":
            return [
                [tensor(each) for each in expect(row, list, "an argument")]
                for row in expect(value, list, "an argument")
            ]
        if kind in ("as_sym_int", "as_sym_float", "as_sym_bool"):
            return self._number(graph, value)
        if kind in ("as_sym_ints", "as_sym_floats", "as_sym_bools"):
            return [self._number(graph, each) for each in expect(value, list, "an argument")]
        if kind in ("as_int", "as_ints"):
            for each in value if isinstance(value, list) else [value]:
                if expect(each, int, "an argument") not in range(-(2**63), 2**63):
                    raise bad("an argument is larger than 2^63", code="too-large")
            return list(value) if isinstance(value, list) else value
        if kind == "as_float":
            return _NOT_FINITE.get(value, value) if isinstance(value, str) else value
        if kind in ("as_bool", "as_string", "as_floats", "as_bools", "as_strings", "as_scalar_type"):
            return value
        if kind in ("as_graph", "as_custom_obj", "as_operator"):
            text = f"an argument is {'a graph' if kind == 'as_graph' else 'an object of the program'}, which cnncalc cannot read"
            raise Refused([Problem("unsupported", text, "export a model that only uses tensors and numbers")])
        return None  # devices, layouts and others that say nothing about shapes

    def _number(self, graph: Graph, entry: Any) -> Any:
        """Return a number that is written as it is, or as the name of a node that computes it."""
        fields = expect(entry, dict, "a number")
        for kind in ("as_int", "as_float", "as_bool"):
            if kind in fields:
                return fields[kind]
        name = expect(fields.get("as_name"), str, "the name of a number")
        if name not in self.numbers:
            raise bad(f"the number `{show(name)}` is read before a node makes it")
        return self.numbers[name]

    def _number_outputs(self, graph: Graph, node: Node) -> None:
        """Work out the numbers that a node makes; None if they are not whole numbers or depend on values."""
        for kind, value in node.outputs:
            if kind in ("as_sym_int", "as_sym_float", "as_sym_bool") and isinstance(value, dict):
                name = value.get("as_name")
                if isinstance(name, str):
                    self.numbers[name] = self._size_of(graph, name) if kind == "as_sym_int" else None

    def _size_of(self, graph: Graph, name: str) -> int | None:
        entry = graph.numbers.get(name)
        fields = entry if isinstance(entry, dict) else {}
        if type(fields.get("as_int")) is int:
            return int(fields["as_int"])
        expression = fields.get("as_expr")
        text = expression.get("expr_str") if isinstance(expression, dict) else None
        if not isinstance(text, str):
            return None
        try:
            return self.sizes.length(text, f"`{show(name)}`")
        except Refused:
            return None


def _output_names(kind: str, value: Any) -> list[str]:
    """Return the names of the tensors in an output of a node."""
    if kind == "as_tensor":
        return [expect(expect(value, dict, "an output").get("name"), str, "the name of an output")]
    if kind == "as_tensors":
        return [expect(expect(each, dict, "an output").get("name"), str, "the name of an output")
                for each in expect(value, list, "an output")]  # fmt: skip
    if kind in ("as_optional_tensor", "as_optional_tensors"):
        rows = value if isinstance(value, list) else [value]
        return [name for row in rows if isinstance(row, dict) and "as_tensor" in row
                for name in _output_names("as_tensor", row["as_tensor"])]  # fmt: skip
    return []


def _extent(key: Key) -> tuple[int, int]:
    """Return the first cell of the storage that a tensor reads, and the cell after the last."""
    _, offset, dims, strides, *_ = key
    if 0 in dims:
        return offset, offset
    return offset, offset + sum((length - 1) * step for length, step in zip(dims, strides, strict=True)) + 1
