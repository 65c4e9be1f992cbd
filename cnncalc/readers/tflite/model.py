"""The parts of a TFLite model: buffers, subgraphs with tensors and operators, and signatures."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from struct import unpack
from typing import Any

from cnncalc.problem import Problem, Refused
from cnncalc.readers.axes import Dims, format_dims
from cnncalc.readers.limits import Limits
from cnncalc.readers.tflite.file import bad_model, damaged, flatbuffer_of
from cnncalc.readers.tflite.flatbuffer import Damaged, Flatbuffer, Source, Table, TooLarge
from cnncalc.readers.tflite.schema import CUSTOM, FLOATS, OPERATORS, OPTIONS, OPTIONS_2, TYPES
from cnncalc.text import show

MOST_AXES = 64
MOST_NUMBERS = 256  # of a constant whose numbers are read: shapes, axes and pads are small


class Buffer:
    """The bytes of a constant in the file."""

    __slots__ = ("size", "start")

    def __init__(self, start: int, size: int) -> None:
        self.start = start
        self.size = size


class TensorInfo:
    """What the file states about a tensor.

    `shape` is that of the example that the model was converted with, and `signature` has -1 for lengths that may change.
    A tensor that is not `ranked` may have any number of axes.
    """

    __slots__ = ("buffer", "name", "quantized", "ranked", "shape", "signature", "sparse", "type", "variable")

    def __init__(
        self, name: str, shape: Dims, ranked: bool, signature: Dims, type: int, buffer: int, quantized: bool, sparse: bool,
        variable: bool,
    ) -> None:  # fmt: skip
        self.name = name
        self.shape = shape
        self.ranked = ranked
        self.signature = signature
        self.type = type
        self.buffer = buffer
        self.quantized = quantized
        self.sparse = sparse
        self.variable = variable

    @property
    def is_real(self) -> bool:
        """Whether its numbers are floating-point numbers, or integers with a scale."""
        return self.type in FLOATS or self.quantized

    @property
    def type_name(self) -> str:
        """The name of its type, such as `int8`."""
        return TYPES[self.type][0]

    def bytes_for(self, numbers: int) -> int:
        """Return the bytes that this many numbers of its type take."""
        return -(-numbers * TYPES[self.type][1] // 8)


class OperatorInfo:
    """An operator of a subgraph: the places of its inputs and outputs among the tensors, -1 for an omitted input."""

    __slots__ = ("custom", "inputs", "kind", "options", "outputs")

    def __init__(
        self, kind: str, custom: str, inputs: tuple[int, ...], outputs: tuple[int, ...], options: dict[str, Any]
    ) -> None:
        self.kind = kind
        self.custom = custom
        self.inputs = inputs
        self.outputs = outputs
        self.options = options

    @property
    def title(self) -> str:
        """The operator's name for messages."""
        return f"custom operator {self.custom}" if self.kind == CUSTOM else self.kind


class Subgraph:
    """A graph. Its operators are in the order in which they run."""

    __slots__ = ("inputs", "name", "operators", "outputs", "tensors")

    def __init__(
        self, name: str, tensors: list[TensorInfo], operators: list[OperatorInfo], inputs: Dims, outputs: Dims
    ) -> None:
        self.name = name
        self.tensors = tensors
        self.operators = operators
        self.inputs = inputs
        self.outputs = outputs


class Signature:
    """A named entry point: a subgraph, and names for its inputs by their tensors."""

    __slots__ = ("inputs", "key", "subgraph")

    def __init__(self, key: str, subgraph: int, inputs: dict[int, str]) -> None:
        self.key = key
        self.subgraph = subgraph
        self.inputs = inputs


class Model:
    """A file, of which the numbers of the weights are not loaded."""

    def __init__(
        self, file: Flatbuffer, buffers: list[Buffer], subgraphs: list[Subgraph], signatures: list[Signature]
    ) -> None:
        self.file = file
        self.buffers = buffers
        self.subgraphs = subgraphs
        self.signatures = signatures

    def has_numbers(self, tensor: TensorInfo) -> bool:
        """Return whether the file holds the numbers of a tensor, which is then a constant."""
        empty = tensor.ranked and 0 in tensor.shape
        return empty or bool(tensor.buffer and self.buffers[tensor.buffer].size)

    def numbers(self, tensor: TensorInfo) -> tuple[Any, ...] | None:
        """Return the numbers of a small constant; None if the file does not hold them as plain numbers."""
        letter, size = TYPES[tensor.type][2], prod(tensor.shape)
        if size == 0:
            return ()
        if not letter or tensor.quantized or tensor.sparse or size > MOST_NUMBERS:
            return None
        if not self.has_numbers(tensor):
            return None
        buffer = self.buffers[tensor.buffer]
        try:
            return unpack(f"<{size}{letter}", self.file.read(buffer.start, buffer.size))
        except TooLarge:
            raise _too_large(0) from None


def read_model(source: Source, limits: Limits) -> Model:
    """Return the model in a file.

    Raises:
        Refused: `empty-file`, `too-large`, or `bad-model`.
    """
    most = 16 * limits.file_bytes
    file = flatbuffer_of(source, most)
    try:
        return _ModelReader(file, limits).model()
    except Damaged as error:
        raise damaged(error) from None
    except TooLarge:
        raise _too_large(most) from None


def _too_large(most: int) -> Refused:
    size = f"more than {most:,} bytes" if most else "too many bytes"
    text = f"the model has {size} besides its weights"
    return Refused([Problem("too-large", text, "convert a smaller model; this limit cannot be raised")])


class _ModelReader:
    def __init__(self, file: Flatbuffer, limits: Limits) -> None:
        self.file = file
        self.limits = limits
        self.buffers: list[Buffer] = []
        self.codes: list[tuple[str, str]] = []

    def model(self) -> Model:
        root = self.file.root()
        version = root.number(0, "I", 0)
        if version != 3:
            raise bad_model(
                f"the file states version {version:,} of the schema", "convert the model again: cnncalc reads 3"
            )
        if root.tables(9):
            text = "its weights are in other files"
            raise Refused([Problem("unsupported", text, "convert the model with its weights in the file")])
        self.codes = [self._code(table) for table in root.tables(1)]
        self.buffers = [self._buffer(table) for table in root.tables(4)]
        tables = root.tables(2)
        if not tables:
            raise bad_model("the file contains no graph", "convert the model again")
        subgraphs = [self._subgraph(table) for table in tables]
        operators = sum(len(one.operators) for one in subgraphs)
        if max(operators, sum(len(one.tensors) for one in subgraphs)) > self.limits.nodes:
            text = f"the model has more than {self.limits.nodes:,} operators or tensors"
            raise Refused([Problem("too-large", text, "convert a smaller model; this limit cannot be raised")])
        return Model(self.file, self.buffers, subgraphs, [self._signature(one, subgraphs) for one in root.tables(7)])

    def _code(self, table: Table) -> tuple[str, str]:
        """Return an operator's name, and its own name if it is a custom operator. Old files have the number in a byte."""
        number = max(table.number(0, "b", 0), table.number(3, "i", 0))
        kind = OPERATORS[number] if 0 <= number < len(OPERATORS) else f"operator number {number}"
        return kind, table.text(1)

    def _buffer(self, table: Table) -> Buffer:
        """Return where a buffer is. Files of more than 2 GB have the place of its bytes, after the flatbuffer."""
        start, size = table.vector(0, 1)
        place, length = table.number(1, "Q", 0), table.number(2, "Q", 0)
        if place > 1:
            start, size = place, length
            if start + size > self.file.size:
                raise Damaged(f"it refers to bytes {start:,} to {start + size:,}, but has only {self.file.size:,}")
        return Buffer(start, size)

    def _subgraph(self, table: Table) -> Subgraph:
        tensors = [self._tensor(one, number) for number, one in enumerate(table.tables(0))]
        inputs, outputs = table.numbers(1, "i"), table.numbers(2, "i")
        for place in (*inputs, *outputs):
            _check_tensor(place, tensors)
        operators = [self._operator(one, tensors) for one in table.tables(3)]
        return Subgraph(table.text(4), tensors, operators, inputs, outputs)

    def _tensor(self, table: Table, number: int) -> TensorInfo:
        name = table.text(3) or f"tensor {number}"
        axes = table.vector(0, 4)[1]
        if axes > MOST_AXES:
            raise bad_model(f"`{show(name)}` has {axes:,} axes", "convert the model again")
        shape: Dims = table.numbers(0, "i")
        signature: Dims = table.numbers(7, "i") if table.vector(7, 4)[1] == axes else ()
        ranked = bool(shape) or bool(table.number(8, "?", False))
        type, buffer = table.number(1, "b", 0), table.number(2, "I", 0)
        if type not in TYPES:
            raise bad_model(f"`{show(name)}` has the type number {type}, which the schema does not have")
        if buffer >= max(len(self.buffers), 1):
            raise bad_model(f"`{show(name)}` is in buffer {buffer:,}, but there are {len(self.buffers):,} buffers")
        if min(shape, default=1) < 0 or prod(shape) > self.limits.tensor:
            self._refuse_shape(name, shape)
        quantization = table.table(4)
        quantized = quantization is not None and bool(quantization.vector(2, 4)[1] or quantization.table(5))
        info = TensorInfo(
            name, shape, ranked, signature, type, buffer, quantized, table.table(6) is not None,
            bool(table.number(5, "?", False)),
        )  # fmt: skip
        self._check_bytes(info)
        return info

    def _refuse_shape(self, name: str, shape: Dims) -> None:
        if min(shape) < 0:
            raise bad_model(f"`{show(name)}` has a negative dimension: {show(shape)}", "convert the model again")
        text = f"`{show(name)}` has the dimensions {show(format_dims(shape))}, "
        text += f"but a tensor can have at most {self.limits.tensor:,} numbers"
        raise Refused([Problem("too-large", text, "check the dimensions of the tensor")])

    def _check_bytes(self, info: TensorInfo) -> None:
        """Refuse a constant with more or fewer bytes than its shape needs. LiteRT refuses it, too."""
        held = self.buffers[info.buffer].size if info.buffer else 0
        bits = TYPES[info.type][1]
        if not held or not bits:
            return
        needed = info.bytes_for(prod(info.shape))
        if info.sparse and held <= needed:
            return
        if held != needed and not (bits < 8 and held == prod(info.shape)):
            text = f"`{show(info.name)}` has {held:,} bytes in the file, but {format_dims(info.shape)} numbers of type "
            raise bad_model(f"{text}{info.type_name} take {needed:,}", "convert the model again")

    def _operator(self, table: Table, tensors: Sequence[TensorInfo]) -> OperatorInfo:
        number = table.number(0, "I", 0)
        if number >= len(self.codes):
            raise bad_model(f"an operator has code {number:,}, but there are {len(self.codes):,} codes")
        kind, custom = self.codes[number]
        inputs, outputs = table.numbers(1, "i"), table.numbers(2, "i")
        for place in inputs:
            if place != -1:
                _check_tensor(place, tensors)
        for place in outputs:
            _check_tensor(place, tensors)
        options = self._options(table, kind)
        if kind == CUSTOM:
            start, size = table.vector(5, 1)
            options["custom"] = self.file.read(start, size) if 0 < size <= 4096 else b""
        return OperatorInfo(kind, custom, inputs, outputs, options)

    def _options(self, table: Table, kind: str) -> dict[str, Any]:
        """Return the options of an operator by name; those that are missing have their defaults."""
        for known, type_at, at in ((OPTIONS, 3, 4), (OPTIONS_2, 11, 12)):
            if kind not in known:
                continue
            number, fields = known[kind]
            stated = table.number(type_at, "B", 0)
            if stated not in (0, number):
                raise bad_model(f"{kind} has options of another operator (number {stated})", "convert the model again")
            options = table.table(at) if stated else None
            found = {}
            for name, (field, letter, default) in fields.items():
                if options is None:
                    found[name] = default
                elif letter == "s":
                    found[name] = options.text(field)
                elif letter[0] == "*":
                    found[name] = options.numbers(field, letter[1])
                else:
                    found[name] = options.number(field, letter, default)
            return found
        return {}

    def _signature(self, table: Table, subgraphs: Sequence[Subgraph]) -> Signature:
        place = table.number(4, "I", 0)
        if place >= len(subgraphs):
            raise bad_model(f"a signature names graph {place:,}, but there are {len(subgraphs):,} graphs")
        inputs = {one.number(1, "I", 0): one.text(0) for one in table.tables(0)}
        return Signature(table.text(2), place, inputs)


def _check_tensor(place: int, tensors: Sequence[TensorInfo]) -> None:
    if not 0 <= place < len(tensors):
        raise bad_model(
            f"the graph refers to tensor {place:,}, but has {len(tensors):,} tensors", "convert the model again"
        )
