"""ONNX files that are damaged or made to do harm. Each ends in an answer or in an error, within a second and a few megabytes.

No package is needed to make them. `tests/oracle/onnx_threats.py` has more, which the package onnx writes.
"""

from __future__ import annotations

import random
import time
import tracemalloc
from collections.abc import Iterator, Sequence

import pytest

from cnncalc.analyses.totals import analyze
from cnncalc.problem import Refused
from cnncalc.readers import ReaderOptions
from cnncalc.readers.onnx.reader import read_bytes, read_submission
from tests.helpers import TESTS
from tests.readers.onnx.encoder import INT64, UINT8, attribute, field, model, node, tensor, value, varint

NOTHING = ReaderOptions({}, {})
SECONDS = 1.5  # of a busy machine
MEGABYTES = 4
HUGE = (2**31, 2**63 - 1, 2**64 - 1)


def outcome(data: bytes, strict: bool = True) -> str:
    """Read and analyse a stranger's file, or one's own; return the code of the first error, or `ok`."""
    start, problems = time.process_time(), []
    try:
        analyze(read_submission(data, "n.onnx", NOTHING) if strict else read_bytes(data, "n.onnx", NOTHING))
    except Refused as refused:
        problems = refused.problems
    assert time.process_time() - start < SECONDS
    assert all(problem.text and len(problem.text) < 2000 for problem in problems)
    return problems[0].code if problems else "ok"


def example() -> bytes:
    """A small valid model with constants, a branch, a function, packed weights and a reshape."""
    inside = field(1, node("Relu", "m", "z")) + field(2, "g") + field(12, value("z", None))
    branch = field(1, "then_branch") + field(6, inside) + field(20, 5)
    other = field(1, "else_branch") + field(6, inside) + field(20, 5)
    choice = field(1, "t") + field(2, "r") + field(4, "If") + field(5, branch) + field(5, other)
    function = field(1, "F") + field(4, "a") + field(5, "b") + field(7, node("Tanh", "a", "b")) + field(10, "own")
    nodes = [
        node("Conv", "x w b", "m", kernel_shape=[3, 3], pads=[1, 1, 1, 1]), choice, node("Shape", "r", "s"),
        node("Gather", "s i", "n"), node("Cast", "n", "f", to=1), node("Mul", "f h", "g"), node("Cast", "g", "k", to=7),
        node("Unsqueeze", "k i", "u"), node("Concat", "u rest", "to", axis=0), node("Reshape", "r to", "p"),
        node("F", "p", "q", "own"), node("MatMulNBits", "q v sc", "y", "com.microsoft", K=32, N=4, bits=4, block_size=32),
    ]  # fmt: skip
    tensors = [
        tensor("w", (4, 3, 3, 3)), tensor("b", (4,)), tensor("t", (), 9, [1]), tensor("i", (), INT64, [0]),
        tensor("h", (), 1, [0.5]), tensor("rest", (2,), INT64, [-1, 32]), tensor("v", (4, 1, 16), UINT8), tensor("sc", (4,)),
    ]  # fmt: skip
    versions = field(8, field(1, "own") + field(2, 1))
    return model(nodes, tensors, shapes=[value("m", ("N", 4, 8, 8))], functions=[function], rest=versions)


EXAMPLE = example()
ALEXNET = (TESTS / "reference" / "onnx" / "tv_alexnet.onnx").read_bytes()


def test_the_example_is_valid() -> None:
    """Otherwise its mutants would show little."""
    assert outcome(ALEXNET) == "ok"
    assert outcome(EXAMPLE) == outcome(EXAMPLE, strict=False) == "ok"


def mutants(data: bytes, count: int, seed: int) -> Iterator[bytes]:
    """Yield copies with flipped bits, changed bytes, and parts that are removed, repeated or moved."""
    chance = random.Random(seed)
    for _ in range(count):
        changed = bytearray(data)
        for _ in range(chance.choice((1, 1, 1, 2, 5))):
            at = chance.randrange(len(changed))
            kind, length = chance.randrange(6), chance.choice((1, 2, 8, 40))
            if kind < 2:
                changed[at] ^= 1 << chance.randrange(8)
            elif kind == 2:
                changed[at] = chance.choice((0, 1, 127, 128, 255))
            elif kind == 3 and len(changed) > 100:
                del changed[at : at + length]
            elif kind == 4:
                changed[at:at] = changed[at : at + length]
            else:
                changed[at : at + 1] = varint(chance.choice((*HUGE, 0, 1, 300)))
        yield bytes(changed)


def test_every_truncation() -> None:
    """A file that ends early is an error, wherever it ends."""
    for end in range(0, len(ALEXNET), 97):
        assert outcome(ALEXNET[:end]) in ("bad-model", "empty-file")
    for end in range(len(EXAMPLE)):
        if end % 7 == 0:
            outcome(EXAMPLE[:end])


def test_mutants() -> None:
    """2,000 of them, of which some are valid models."""
    codes = [outcome(data, number % 3 == 0) for number, data in enumerate(mutants(EXAMPLE, 1900, 1))]
    codes += [outcome(data, number % 2 == 0) for number, data in enumerate(mutants(ALEXNET, 100, 2))]
    assert {"ok", "bad-model"} <= set(codes)


def claims(sizes: Sequence[int]) -> Iterator[tuple[str, bytes]]:
    """Yield files that claim sizes which they do not have."""
    for size in sizes:
        for wire in (7 << 3 | 2, 1 << 3 | 2, 25 << 3 | 2):
            yield f"a field of {size} bytes", field(1, 8) + varint(wire) + varint(size) + b"x"
        for dims in ((size,), (size, size), (1, size, 0), (0, size)):
            nodes = [node("Conv", "x w", "y")]
            yield f"dimensions {dims}", model(nodes, [tensor("w", dims)])
            yield f"an input of {dims}", model([node("Relu", "x", "y")], dims=dims)
            yield f"a constant of {dims}", model([node("Constant", "", "k", value=tensor("", dims, 1, [1])), *nodes])
            constant = tensor(
                "k", (len(dims),), INT64, [length - 2**64 if length >= 2**63 else length for length in dims]
            )
            for op in ("Expand", "Tile", "Reshape", "ConstantOfShape"):
                sources = "k" if op == "ConstantOfShape" else "one k"
                more = [node(op, sources, "c"), node("Add", "x c", "y")]
                yield f"{op} to {dims}", model(more, [constant, tensor("one", (1,), 1, [1.0])])
            yield f"a window of {dims}", model([node("MaxPool", "x", "y", kernel_shape=dims, strides=dims)])
        yield f"{size} groups", model([node("Conv", "x w", "y", group=size)], [tensor("w", (4, 3, 3, 3))])
        packed = node("MatMulNBits", "x w s", "y", "com.microsoft", K=size, N=size, bits=size, block_size=size)
        yield f"{size} packed weights", model([packed], [tensor("w", (1,), UINT8)])


def oddities() -> Iterator[tuple[str, bytes]]:
    """Yield files with numbers without end, types of fields that ONNX does not have, and very many dimensions."""
    for length in (11, 12, 100):
        yield f"a tag of {length} bytes", field(1, 8) + b"\x80" * (length - 1) + b"\x01"
        yield f"a length of {length} bytes", field(1, 8) + b"\x3a" + b"\x80" * (length - 1) + b"\x01"
        yield f"a number of {length} bytes", b"\x08" + b"\x80" * (length - 1) + b"\x01"
        inside = field(7, field(5, b"\x08" + b"\x80" * (length - 1) + b"\x01"))
        yield f"a dimension of {length} bytes", field(1, 8) + inside
    for wire in (3, 4, 6, 7):
        yield f"wire type {wire}", field(1, 8) + varint(7 << 3 | wire) + ALEXNET
        yield f"wire type {wire} in a node", model([varint(5 << 3 | wire) + node("Relu", "x", "y")])
    yield "field 0", field(0, 1) + ALEXNET
    yield "a field beyond all numbers", varint(2**35 << 3) + b"\x01" + ALEXNET
    yield (
        "many dimensions",
        model([node("Constant", "", "k", other=tensor("", [2**62] * 90_000)), node("Relu", "x", "y")]),
    )
    yield "a weight with many dimensions", model([node("Conv", "x w", "y")], [tensor("w", [2**62] * 90_000)])
    yield "many numbers", model([node("Reshape", "x k", "y")], [tensor("k", (1000,), INT64, [1] * 1000)])
    yield "many axes", model([node("Unsqueeze", "x", "y", axes=range(1000))])


def nested(depth: int) -> Iterator[tuple[str, bytes]]:
    """Yield graphs in attributes, functions that call functions, types in types, and tensors in attributes."""
    graph = field(1, node("Relu", "x", "z")) + field(12, value("z", None))
    for _ in range(depth):
        inner = field(1, "then_branch") + field(6, graph) + field(20, 5)
        choice = field(1, "t") + field(2, "z") + field(4, "If") + field(5, inner)
        graph = field(1, choice) + field(12, value("z", None))
        if len(graph) > 2_000_000:
            break
    yield (
        f"{depth} branches",
        field(1, 8) + field(7, graph + field(11, value("x", (1, 3))) + field(5, tensor("t", (), 9, [1]))),
    )
    calls = [node(f"F{level + 1}", "a", "b", "own") for level in range(depth)]
    bodies = [*calls, node("F0" if depth % 2 else "Relu", "a", "b", "own" if depth % 2 else "")]
    functions = [
        field(1, f"F{level}") + field(4, "a") + field(5, "b") + field(7, body) + field(10, "own")
        for level, body in enumerate(bodies)
    ]
    yield f"{depth} functions", model([node("F0", "x", "y", "own")], functions=functions)
    type = field(1, field(1, 1))
    for _ in range(depth):
        type = field(4, field(1, type))
    yield (
        f"{depth} types",
        field(1, 8) + field(7, field(1, node("Relu", "x", "y")) + field(11, field(1, "x") + field(2, type))),
    )


@pytest.mark.parametrize("depth", [10, 40, 101, 1000])
def test_deep_nesting(depth: int) -> None:
    """The depth is limited in every kind of message."""
    for name, data in nested(depth):
        for strict in (True, False):
            assert depth < 40 or outcome(data, strict) != "ok", name


def test_claimed_sizes() -> None:
    """No size in a file is believed before it is checked."""
    for _, data in (*claims(HUGE), *oddities()):
        outcome(data)
        outcome(data, strict=False)


def test_claimed_sizes_take_no_memory() -> None:
    """A few megabytes at most."""
    tracemalloc.start()
    try:
        for what, data in claims((2**31, 2**63 - 1)):
            tracemalloc.reset_peak()
            before = tracemalloc.get_traced_memory()[0]
            outcome(data, strict=False)
            assert tracemalloc.get_traced_memory()[1] - before < MEGABYTES * 2**20, what
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "nodes",
    [
        [node("Mul", f"r{number} r{number}", f"r{number + 1}") for number in range(40)],
        [node("ReduceProd", "r0", f"p{number}") for number in range(5000)],
        [node("NonZero", "r0", f"p{number}") for number in range(5000)],
        [node("Sum", "r0 " * 5000, "p")],
        [node("Add", "z r0", "c"), *[node("Add", "x c", f"p{number}") for number in range(5000)]],
        [node("Split", "x r0", f"p{number}", axis=1) for number in range(5000)],
        [node("Slice", "x r0 r0 r0", f"p{number}") for number in range(5000)],
        [node("Reshape", "x r0", f"p{number}") for number in range(5000)],
    ],
    ids=["products", "reductions", "places", "a long sum", "masks", "sizes", "places of slices", "dimensions"],
)
def test_work_on_constants(nodes: list[bytes]) -> None:
    """The work is limited, not only the numbers that result."""
    start = [node("Range", "z n i", "r0"), *nodes, node("Relu", "x", "y")]
    numbers = [tensor(name, (), INT64, [number]) for name, number in (("z", 0), ("n", 2**16), ("i", 1))]
    outcome(model(start, numbers))


def test_other_files_are_not_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    """The place of external data is only text."""
    monkeypatch.setattr("builtins.open", lambda *_: pytest.fail("a file was opened"))
    entries = [("location", "/etc/passwd"), ("offset", str(2**63)), ("length", "-1")]
    away = b"".join(field(13, field(1, key) + field(2, text)) for key, text in entries) + field(14, 1)
    data = model([node("Conv", "x w", "y")], [tensor("w", (4, 3, 3, 3)) + away])
    assert outcome(data) == outcome(data, strict=False) == "ok"
    data = model([node("Reshape", "x k", "y")], [tensor("k", (1,), INT64) + away])
    with pytest.raises(Refused, match="stored in another file, `/etc/passwd`"):
        read_bytes(data, "n.onnx", NOTHING)


def test_attributes_of_the_wrong_type() -> None:
    """Each attribute of each type, for operators that read it."""
    values = (1, -1, 2**62, 1.5, "text", [1, 2], [2**62], tensor("", (2,), INT64, [1, 2]))
    names = (
        "axis", "axes", "perm", "to", "keepdims", "kernel_shape", "K", "N", "bits", "block_size", "value", "split", "scales",
    )  # fmt: skip
    ops = ("Transpose", "Cast", "ReduceMean", "MaxPool", "MatMulNBits", "ConstantOfShape", "Split", "Resize", "Squeeze")
    numbers = tensor("k", (2,), INT64, [1, 2])
    for op in ops:
        for name in names:
            for one in values:
                source, domain = "k" if op == "Squeeze" else "x", "com.microsoft" if op == "MatMulNBits" else ""
                written = field(1, source) + field(1, "k") + field(2, "y") + field(4, op)
                made = written + field(5, attribute(name, one)) + field(7, domain)
                outcome(model([made, node("Relu", "x", "z")], [numbers], output=value("z", None)), strict=False)
