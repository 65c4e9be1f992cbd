"""Write small TFLite files for tests, without TensorFlow.

A flatbuffer is written front to back: a table's vtable, the table, and then what it refers to.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from struct import calcsize, pack
from typing import Any

from cnncalc.readers.tflite.schema import OPERATORS, OPTIONS, OPTIONS_2, TYPES

VERSIONS = {"BROADCAST_TO": 2}  # of operators whose first version LiteRT has dropped
NUMBERS = {name: number for number, (name, _, _) in TYPES.items()}


class Table:
    """A table of a flatbuffer: field -> (letter, number), text, bytes, list of numbers as (letter, list), or tables."""

    def __init__(self, **fields: Any) -> None:
        self.fields = {int(name[1:]): value for name, value in fields.items() if value is not None}


class _Writer:
    def __init__(self) -> None:
        self.out = bytearray(8)

    def pad(self, multiple: int, before: int = 0) -> None:
        while (len(self.out) + before) % multiple:
            self.out.append(0)

    def refer(self, at: int) -> None:
        self.out[at : at + 4] = pack("<I", len(self.out) - at)

    def write(self, value: Any) -> int:
        """Write a table, a text, bytes or a vector, and return its place."""
        if isinstance(value, Table):
            return self.table(value)
        if isinstance(value, str):
            self.pad(4)
            place = len(self.out)
            self.out += pack("<I", len(value.encode())) + value.encode() + b"\0"
            return place
        if isinstance(value, bytes):
            self.pad(16, 4)
            place = len(self.out)
            self.out += pack("<I", len(value)) + value
            return place
        if isinstance(value, tuple):
            letter, numbers = value
            self.pad(8, 4)
            place = len(self.out)
            self.out += pack(f"<I{len(numbers)}{letter}", len(numbers), *numbers)
            return place
        self.pad(4)
        place = len(self.out)
        self.out += pack("<I", len(value)) + bytes(4 * len(value))
        for number, one in enumerate(value):
            at = place + 4 + 4 * number
            written = self.write(one)
            self.out[at : at + 4] = pack("<I", written - at)
        return place

    def table(self, table: Table) -> int:
        places: dict[int, int] = {}
        size = 4
        for field, value in table.fields.items():
            width = calcsize("<" + value[0]) if _is_number(value) else 4
            size = -(-size // width) * width
            places[field] = size
            size += width
        count = max(places, default=-1) + 1
        vtable = [4 + 2 * count, size, *[places.get(field, 0) for field in range(count)]]
        self.pad(8)
        if (len(self.out) + 2 * len(vtable)) % 8:
            self.pad(8, 2 * len(vtable))
        start = len(self.out)
        self.out += pack(f"<{len(vtable)}H", *vtable)
        place = len(self.out)
        self.out += pack("<i", place - start) + bytes(size - 4)
        for field, value in table.fields.items():
            if _is_number(value):
                at = place + places[field]
                data = pack("<" + value[0], value[1])
                self.out[at : at + len(data)] = data
        for field, value in table.fields.items():
            if not _is_number(value):
                at = place + places[field]
                written = self.write(value)
                self.out[at : at + 4] = pack("<I", written - at)
        return place


def _is_number(value: Any) -> bool:
    return isinstance(value, tuple) and not isinstance(value[1], (list, tuple))


def flatbuffer(root: Table) -> bytes:
    """Return a TFLite file with this root."""
    writer = _Writer()
    place = writer.table(root)
    writer.out[:8] = pack("<I", place) + b"TFL3"
    return bytes(writer.out)


class Tensor:
    """A tensor: its dimensions, and its numbers if it is a constant (`True` for zeros)."""

    def __init__(
        self, dims: Sequence[int], numbers: Sequence[Any] | bool | None = None, type: str = "float32", name: str = "",
        scale: bool = False, signature: Sequence[int] = (), variable: bool = False, sparse: bool = False,
    ) -> None:  # fmt: skip
        self.dims = dims
        self.numbers = numbers
        self.type = type
        self.name = name
        self.scale = scale
        self.signature = signature
        self.variable = variable
        self.sparse = sparse

    def bytes(self) -> bytes | None:
        """Return the numbers as bytes, or None for a tensor that is computed."""
        if self.numbers is None:
            return None
        _, bits, letter = TYPES[NUMBERS[self.type]]
        if self.numbers is True or self.numbers is False:
            return bytes(-(-prod(self.dims) * bits // 8))
        return pack(f"<{len(self.numbers)}{letter}", *self.numbers)

    def table(self, number: int, buffer: int) -> Table:
        """Return the table of the tensor."""
        quantization = Table(f2=("f", [0.5]), f3=("q", [0])) if self.scale else None
        return Table(
            f0=("i", list(self.dims)), f1=("b", NUMBERS[self.type]), f2=("I", buffer), f3=self.name or f"t{number}",
            f4=quantization, f5=("?", True) if self.variable else None, f6=Table() if self.sparse else None,
            f7=("i", list(self.signature)) if self.signature else None, f8=("?", True),
        )  # fmt: skip


def ints(*numbers: int, dims: Sequence[int] | None = None) -> Tensor:
    """Return a constant of whole numbers, such as a shape."""
    return Tensor((len(numbers),) if dims is None else dims, list(numbers), "int32")


def weights(*dims: int, type: str = "float32") -> Tensor:
    """Return weights that are all zero."""
    return Tensor(dims, True, type, scale=not type.startswith("float"))


class Op:
    """An operator with the places of its tensors."""

    def __init__(
        self, kind: str, inputs: Sequence[int], outputs: Sequence[int], options: Mapping[str, Any] | None = None,
        custom: str = "", raw: bytes = b"",
    ) -> None:  # fmt: skip
        self.kind = kind
        self.inputs = inputs
        self.outputs = outputs
        self.options = options or {}
        self.custom = custom
        self.raw = raw

    def table(self, code: int) -> Table:
        """Return the table of the operator."""
        fields: dict[str, Any] = {"f0": ("I", code), "f1": ("i", list(self.inputs)), "f2": ("i", list(self.outputs))}
        for known, type_at, at in ((OPTIONS, "f3", "f4"), (OPTIONS_2, "f11", "f12")):
            if self.kind in known:
                number, slots = known[self.kind]
                values = {f"f{slots[name][0]}": _option(slots[name][1], value) for name, value in self.options.items()}
                fields |= {type_at: ("B", number), at: Table(**values)}
        if self.raw:
            fields["f5"] = self.raw
        return Table(**fields)


def _option(letter: str, value: Any) -> Any:
    return value if letter == "s" else (letter[-1], list(value) if letter[0] == "*" else value)


class Graph:
    """A subgraph."""

    def __init__(
        self, tensors: Sequence[Tensor], ops: Sequence[Op], inputs: Sequence[int], outputs: Sequence[int]
    ) -> None:
        self.tensors = tensors
        self.ops = ops
        self.inputs = inputs
        self.outputs = outputs


def model(*graphs: Graph, signatures: Sequence[tuple[str, int]] = (), version: int = 3) -> bytes:
    """Return a TFLite file of these graphs. Signatures are pairs of a key and a graph."""
    codes: list[tuple[str, str]] = []
    buffers: list[bytes] = [b""]
    tables = []
    for graph in graphs:
        tensors = []
        for number, tensor in enumerate(graph.tensors):
            data = tensor.bytes()
            tensors.append(tensor.table(number, len(buffers) if data is not None else 0))
            if data is not None:
                buffers.append(data)
        for op in graph.ops:
            if (op.kind, op.custom) not in codes:
                codes.append((op.kind, op.custom))
        ops = [op.table(codes.index((op.kind, op.custom))) for op in graph.ops]
        tables.append(Table(f0=tensors, f1=("i", list(graph.inputs)), f2=("i", list(graph.outputs)), f3=ops, f4="main"))
    kinds = [(OPERATORS.index(kind), custom) for kind, custom in codes]
    root = Table(
        f0=("I", version),
        f1=[_code(number, custom) for number, custom in kinds],
        f2=tables, f4=[Table(f0=data) if data else Table() for data in buffers],
        f7=[_signature(key, graph) for key, graph in signatures] or None,
    )  # fmt: skip
    return flatbuffer(root)


def _code(number: int, custom: str) -> Table:
    version = VERSIONS.get(OPERATORS[number], 1)
    return Table(f0=("b", min(number, 127)), f1=custom or None, f2=("i", version), f3=("i", number))


def _signature(key: str, graph: int) -> Table:
    return Table(f0=[], f1=[], f2=key, f4=("I", graph))


def one_op(
    kind: str, inputs: Sequence[Tensor | None], outputs: Sequence[Sequence[int]], options: Mapping[str, Any] | None = None,
    custom: str = "", raw: bytes = b"", type: str = "float32",
) -> bytes:  # fmt: skip
    """Return a file with a single operator. Tensors without numbers are inputs of the graph, and None is an omitted input."""
    given = [one for one in inputs if one is not None]
    tensors = [*given, *[Tensor(dims, type=type) for dims in outputs]]
    places = range(len(given), len(tensors))
    numbers = iter(range(len(given)))
    op = Op(kind, [-1 if one is None else next(numbers) for one in inputs], places, options, custom, raw)
    fed = [place for place, one in enumerate(given) if one.numbers is None and not one.variable]
    return model(Graph(tensors, [op], fed, places))
