"""Check the JSON of an exported program, and decode its tensors, nodes and signature.

The names of the fields are those of PyTorch's `torch/_export/serde/schema.py`. Of its schema, the parts that say nothing
about shapes or operations are skipped.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, TypeAlias, TypeVar

from cnncalc.problem import Problem, Refused
from cnncalc.readers.limits import Limits
from cnncalc.text import show

MAJORS = (5, 6, 7, 8)  # of the schema; PyTorch 2.5 writes 7, and 2.13 writes 8
DEEPEST = 16  # graphs inside graphs
MOST_AXES = 64
Size: TypeAlias = int | str  # a length, or an expression of symbols
T = TypeVar("T")
_WORDS: dict[Any, str] = {dict: "an object", list: "a list", str: "text", int: "a whole number"}

_LOCAL = re.compile(r"\AL\['[^']*'\]\.?")
_INDEX = re.compile(r"\[(\d+)\]|\.?_modules\['([^']*)'\]")
_FOLDER = re.compile(r"[/\\]")
_LIBRARY = re.compile(r"\A<|site-packages|\Atorch/")
_SOURCE = re.compile(r'File "([^"]*)", line (\d+)')


def bad(text: str, help: str = "export the model again", code: str = "bad-model") -> Refused:
    """Return the error for a mistake in the file."""
    return Refused([Problem(code, text, help)])


def expect(value: Any, kind: type[T], what: str) -> T:
    """Return a value of the JSON that must have this type.

    Raises:
        Refused: It has another type.
    """
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise bad(f"{what} is {_kind_of(value)} instead of {_WORDS[kind]}")
    return value


def _kind_of(value: Any) -> str:
    if value is None:
        return "missing"
    if isinstance(value, (bool, int, float)):
        return f"`{show(str(value)[:40])}`"
    return "an object" if isinstance(value, dict) else "a list" if isinstance(value, list) else "text"


class Meta:
    """A tensor: its lengths, strides and offset in memory, its type as a number, and whether it requires a gradient."""

    __slots__ = ("dtype", "hints", "offset", "requires_grad", "sizes", "strides")

    def __init__(self, name: str, entry: Any) -> None:
        what = f"the tensor `{show(name)}`"
        fields = expect(entry, dict, what)
        self.hints: dict[str, int] = {}
        sizes = expect(fields.get("sizes"), list, f"`sizes` of {what}")
        if len(sizes) > MOST_AXES:
            raise bad(f"{what} has {len(sizes):,} dimensions, more than the limit of {MOST_AXES}", code="too-large")
        self.sizes = [self.size(each, what) for each in sizes]
        strides = fields.get("strides")
        self.strides = [self.size(each, what) for each in strides] if isinstance(strides, list) else []
        if len(self.strides) != len(self.sizes):
            self.strides = []
        self.offset = self.size(fields.get("storage_offset", {"as_int": 0}), what)
        dtype = fields.get("dtype")
        self.dtype = dtype if type(dtype) is int else 0
        self.requires_grad = fields.get("requires_grad") is True

    def size(self, entry: Any, what: str) -> Size:
        """Return a length, or the text of its expression. Notes the length in the example that was exported."""
        fields = expect(entry, dict, f"a size of {what}")
        if "as_expr" not in fields:
            return expect(fields.get("as_int"), int, f"a size of {what}")
        expression = expect(fields["as_expr"], dict, f"a size of {what}")
        text = expect(expression.get("expr_str"), str, f"a size of {what}")
        hint = expression.get("hint")
        value = hint.get("as_int") if isinstance(hint, dict) else None
        if type(value) is int:
            self.hints[text] = value
        return text


class Node:
    """One operation: the operator, the names and values of its arguments, its outputs, and where it was called."""

    __slots__ = ("inputs", "name", "outputs", "source", "stack", "target")

    def __init__(self, entry: Any, number: int) -> None:
        what = f"node {number:,}"
        fields = expect(entry, dict, what)
        self.target = expect(fields.get("target"), str, f"`target` of {what}")
        outputs = expect(fields.get("outputs"), list, f"`outputs` of {what}")
        self.outputs = [choice(each, what) for each in outputs]
        first = next((value for kind, value in self.outputs if kind == "as_tensor"), None)
        named = fields.get("name") or (first.get("name") if isinstance(first, dict) else None)
        self.name = named if isinstance(named, str) else what
        self.inputs: list[tuple[str, tuple[str, Any]]] = []
        for each in expect(fields.get("inputs"), list, f"`inputs` of {what}"):
            argument = expect(each, dict, f"an argument of {what}")
            name = expect(argument.get("name"), str, f"the name of an argument of {what}")
            self.inputs.append((name, choice(argument.get("arg"), what)))
        metadata = fields.get("metadata")
        metadata = metadata if isinstance(metadata, dict) else {}
        stack, trace = metadata.get("nn_module_stack"), metadata.get("stack_trace")
        self.stack = stack if isinstance(stack, str) else ""
        self.source = trace if isinstance(trace, str) else ""

    @property
    def place(self) -> str:
        """The node, and the line of the program that called it, for messages."""
        lines = _SOURCE.findall(self.source[-4000:])
        own = [line for line in lines if not _LIBRARY.search(line[0])] or lines
        where = f" ({show(_FOLDER.split(own[-1][0])[-1])}, line {own[-1][1]})" if own else ""
        return f"node `{show(self.name)}`{where}"


def choice(entry: Any, what: str) -> tuple[str, Any]:
    """Return the kind and the value of an entry that has one of several kinds of values.

    Raises:
        Refused: It has none or several.
    """
    fields = expect(entry, dict, f"an argument of {what}")
    if len(fields) != 1:
        raise bad(f"an argument of {what} has {len(fields)} values instead of one")
    ((kind, value),) = fields.items()
    return kind, value


class Graph:
    """A graph: its inputs and outputs, its nodes, and its tensors and numbers by name."""

    def __init__(self, entry: Any, limits: Limits, depth: int = 0) -> None:
        if depth > DEEPEST:
            raise bad(f"graphs are nested more than {DEEPEST} levels deep", code="too-large")
        fields = expect(entry, dict, "the graph")
        nodes = expect(fields.get("nodes"), list, "`nodes` of the graph")
        if len(nodes) > limits.steps:
            text = f"the graph has {len(nodes):,} nodes, more than the limit of {limits.steps:,}"
            raise bad(text, "export a smaller model; this limit cannot be raised", "too-large")
        self.limits = limits
        self.depth = depth
        self.inputs = [
            choice(each, "the graph") for each in expect(fields.get("inputs"), list, "`inputs` of the graph")
        ]
        self.outputs = [
            choice(each, "the graph") for each in expect(fields.get("outputs"), list, "`outputs` of the graph")
        ]
        self.nodes = [Node(each, number) for number, each in enumerate(nodes)]
        tensors = expect(fields.get("tensor_values"), dict, "`tensor_values` of the graph")
        if len(tensors) > limits.nodes:
            raise bad(
                f"the graph has {len(tensors):,} tensors, more than the limit of {limits.nodes:,}", code="too-large"
            )
        self.tensors = {name: Meta(name, each) for name, each in tensors.items()}
        numbers = fields.get("sym_int_values")
        self.numbers: dict[str, Any] = numbers if isinstance(numbers, dict) else {}

    def inner(self, value: Any, what: str) -> Graph:
        """Return a graph that is an argument of a node."""
        fields = expect(value, dict, what)
        return Graph(fields.get("graph"), self.limits, self.depth + 1)


class Program:
    """An exported program: its graph, and what the inputs and outputs of the graph are.

    `parameters` and `buffers` map names in the graph to names in the module. `unsaved` has the buffers that are not saved
    with it. `ranges` has the smallest and largest length of each symbol.
    """

    def __init__(self, entry: Any, limits: Limits) -> None:
        top = expect(entry, dict, "the exported program")
        _check_version(top)
        module = expect(top.get("graph_module"), dict, "`graph_module`")
        self.graph = Graph(module.get("graph"), limits)
        signature = expect(module.get("signature"), dict, "`signature`")
        self.parameters: dict[str, str] = {}
        self.buffers: dict[str, str] = {}
        self.unsaved: set[str] = set()
        self.inputs: list[str] = []
        self.outputs: list[str] = []
        for each in expect(signature.get("input_specs"), list, "`input_specs`"):
            self._read_input(*choice(each, "the signature"))
        for each in expect(signature.get("output_specs"), list, "`output_specs`"):
            kind, value = choice(each, "the signature")
            if kind in ("user_output", "loss_output"):
                argument = expect(value, dict, "an output").get("arg")
                self.outputs += _names(argument, "an output")
        calls = module.get("module_call_graph")
        names = [row.get("fqn") for row in calls if isinstance(row, dict)] if isinstance(calls, list) else []
        self.modules = [name for name in names if isinstance(name, str) and name]
        self.ranges = _ranges(top.get("range_constraints"))

    def _read_input(self, kind: str, value: Any) -> None:
        fields = expect(value, dict, "an input of the signature")
        if kind == "user_input":
            self.inputs += _names(fields.get("arg"), "an input")
        elif kind in ("parameter", "buffer"):
            argument = expect(fields.get("arg"), dict, f"a {kind}")
            name = expect(argument.get("name"), str, f"the name of a {kind}")
            target = expect(fields.get(f"{kind}_name"), str, f"the name of a {kind}")
            (self.parameters if kind == "parameter" else self.buffers)[name] = target
            if kind == "buffer" and fields.get("persistent") is False:
                self.unsaved.add(name)


def _names(argument: Any, what: str) -> list[str]:
    """Return the names of the tensors in an argument of the signature."""
    fields = expect(argument, dict, what)
    if "as_tensor" in fields:
        return [expect(expect(fields["as_tensor"], dict, what).get("name"), str, what)]
    if isinstance(fields.get("name"), str):
        return [fields["name"]]
    if isinstance(fields.get("as_tensors"), list):
        return [expect(expect(each, dict, what).get("name"), str, what) for each in fields["as_tensors"]]
    return []


def _check_version(top: Mapping[str, Any]) -> None:
    version = top.get("schema_version")
    major = version.get("major") if isinstance(version, dict) else version
    if type(major) is not int:
        raise bad("the file does not state the version of its schema")
    if major not in MAJORS:
        written = top.get("torch_version")
        by = f" (written by PyTorch {show(written)})" if isinstance(written, str) else ""
        text = (
            f"the file has version {show(str(major)[:20])} of the schema{by}; cnncalc reads {MAJORS[0]} to {MAJORS[-1]}"
        )
        raise bad(text, "export the model with PyTorch 2.5 or later, up to 2.13", "unsupported")


def _ranges(entry: Any) -> dict[str, tuple[int | None, int | None]]:
    ranges: dict[str, tuple[int | None, int | None]] = {}
    for name, each in entry.items() if isinstance(entry, dict) else ():
        if isinstance(each, dict):
            low, high = each.get("min_val"), each.get("max_val")
            ranges[name] = (low if type(low) is int else None, high if type(high) is int else None)
    return ranges


def module_path(text: str) -> str:
    """Return the path of a module as `named_modules()` writes it.

    >>> module_path("L['self'].layers[0].conv"), module_path("layer1.0.conv1"), module_path("getattr(L['x'].body, '0')")
    ('layers.0.conv', 'layer1.0.conv1', 'body.0')
    """
    text = text[:1000]
    for _ in range(text.count("getattr(")):
        text = re.sub(r"getattr\(([^()]*), '([^']*)'\)", r"\1.\2", text)
    text = _LOCAL.sub("", text)
    return _INDEX.sub(lambda match: f".{match[1] or match[2]}", text).strip(".")
