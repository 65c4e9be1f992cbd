"""Broken and malicious TFLite files: each ends in an answer or a clear error, quickly and with little memory."""

from __future__ import annotations

import random
import time
import tracemalloc
from collections.abc import Callable
from struct import pack

import pytest

from cnncalc.analyses.totals import analyze
from cnncalc.problem import Refused
from cnncalc.readers.limits import UNTRUSTED
from cnncalc.readers.options import ReaderOptions
from cnncalc.readers.tflite.reader import read_submission
from tests.readers.tflite.files import Graph, Op, Table, Tensor, flatbuffer, ints, model, one_op, weights
from tests.readers.tflite.helpers import read

pytestmark = pytest.mark.usefixtures("calm_collector")
LONGEST = 1.0  # CPU seconds for one file
MUTANTS = 2000
PLAIN = {"padding": 0, "stride_w": 2, "stride_h": 2, "dilation_w": 1, "dilation_h": 1}


def small() -> bytes:
    """Return a network with operators of several families."""
    tensors = [
        Tensor((1, 8, 8, 3), name="input"), weights(4, 3, 3, 3, type="int8"), weights(4, type="int32"), Tensor((1, 4, 4, 4)),
        ints(1, -1), Tensor((1, 64)), weights(6, 64), weights(6), Tensor((1, 6)), Tensor((2,), type="int32"),
        ints(0), ints(1), ints(1), Tensor((1,), type="int32"), Tensor((1, 3)), ints(2, dims=()), ints(1, dims=()),
        Tensor((1, 3)), Tensor((1, 3)),
    ]  # fmt: skip
    ops = [
        Op("CONV_2D", [0, 1, 2], [3], {**PLAIN, "fused": 1}), Op("RESHAPE", [3, 4], [5]),
        Op("FULLY_CONNECTED", [5, 6, 7], [8]), Op("SHAPE", [8], [9]),
        Op("STRIDED_SLICE", [9, 10, 11, 12], [13], {"shrink": 0}), Op("SPLIT", [16, 8], [14, 17], {"count": 2}),
        Op("ADD", [14, 17], [18]),
    ]  # fmt: skip
    return model(Graph(tensors, ops, [0], [18]), signatures=[("serving_default", 0)])


def outcome(data: bytes, strict: bool = True) -> str:
    """Read and analyse a file, and return the code of its error, if it has one."""
    begin = time.process_time()
    try:
        network = read_submission(data, "net.tflite", ReaderOptions({}, {})) if strict else read(data)
        analyze(network)
        code = ""
    except Refused as refused:
        problem = refused.problems[0]
        code = problem.code
        assert all(char.isprintable() for char in problem.text + problem.help)
    assert time.process_time() - begin < LONGEST
    return code


def test_the_small_network() -> None:
    """It is valid, so that its mutants test something."""
    assert outcome(small()) == ""
    assert not read(small()).warnings


def test_truncation() -> None:
    """A file that is cut off anywhere is refused, or is still whole in what is read."""
    data = small()
    codes = {outcome(data[:length]) for length in range(0, len(data), 97)}
    assert codes == {"bad-model", "empty-file"}


@pytest.mark.parametrize("strict", [True, False])
def test_mutants(strict: bool) -> None:
    """Flipped bits, and offsets and sizes that are replaced by extreme ones."""
    data, chance = small(), random.Random(int(strict))
    extremes = (0, 1, 2, 4, 127, 255, 65_535, 2**31 - 1, 2**31, 2**32 - 1, len(data))
    codes: dict[str, int] = {}
    for _ in range(MUTANTS // 2):
        mutant = bytearray(data)
        for _ in range(chance.choice((1, 1, 2, 4))):
            at = chance.randrange(len(mutant) - 8)
            if chance.random() < 0.5:
                mutant[at] ^= 1 << chance.randrange(8)
            elif chance.random() < 0.9:
                mutant[at // 4 * 4 : at // 4 * 4 + 4] = pack("<I", chance.choice(extremes))
            else:
                mutant[at : at + 8] = pack("<Q", 2**63)
        code = outcome(bytes(mutant), strict)
        codes[code] = codes.get(code, 0) + 1
    assert codes["bad-model"] > MUTANTS // 20
    assert codes[""] > MUTANTS // 20
    assert "internal-error" not in codes


def huge_list() -> bytes:
    """Return a file whose list of operators has 2^31 - 1 elements."""
    data = bytearray(flatbuffer(Table(f0=("I", 3), f2=[Table(f3=[])])))
    place = len(data) - 4
    data[place:] = pack("<I", 2**31 - 1)
    return bytes(data)


def same_table(count: int) -> bytes:
    """Return a file that lists one table many times."""
    data = bytearray(flatbuffer(Table(f0=("I", 3), f1=("I", [0] * count), f2=[Table()])))
    start = data.index(pack("<I", count)) + 4
    for number in range(count):  # each refers to an empty table at the end
        at = start + 4 * number
        data[at : at + 4] = pack("<I", len(data) + 4 - at)
    data += pack("<HHi", 4, 4, 4)
    return bytes(data)


def wide_constants() -> bytes:
    """Return a shape computed as a product that doubles with each operator."""
    tensors = [Tensor((1, 8)), ints(2**31 - 1, dims=()), *[Tensor((), type="int32") for _ in range(80)]]
    ops = [Op("MUL", [1 if not k else k + 1, 1 if not k else k + 1], [k + 2]) for k in range(80)]
    return model(Graph(tensors, [*ops, Op("FILL", [81, 1], [])], [0], [81]))


BOMBS: dict[str, Callable[[], bytes]] = {
    "a list of 2^31 operators": huge_list,
    "a table in a list 20,000 times": lambda: same_table(20_000),
    "numbers that double": wide_constants,
    "a tensor of 2^62 numbers": lambda: one_op("RELU", [Tensor((2**31 - 1, 2**31 - 1))], [(1,)]),
    "an image of 2^31 cells a side": lambda: one_op(
        "CONV_2D", [Tensor((1, 2**31 - 1, 2**31 - 1, 3)), weights(4, 3, 3, 3), weights(4)], [(1,)], PLAIN
    ),
    "a repeated tile": lambda: one_op("TILE", [Tensor((1, 8)), ints(2**31 - 1, 2**31 - 1)], [(1,)]),
    "a fill of 2^62 numbers": lambda: one_op("FILL", [ints(2**31 - 1, 2**31 - 1), ints(0, dims=())], [(1,)]),
    "a range of 2^31 numbers": lambda: one_op(
        "RANGE", [ints(0, dims=()), ints(2**31 - 1, dims=()), ints(1, dims=())], [(1,)]
    ),
    "a shape of 65 axes": lambda: one_op("RELU", [Tensor((1,) * 65)], [(1,) * 65]),
    "a split into 2^31 parts": lambda: one_op("SPLIT", [ints(1, dims=()), Tensor((1, 2**31 - 1))], [(1, 1)] * 2),
    "a padding of 2^31": lambda: one_op("PAD", [Tensor((1, 8, 8, 3)), ints(0, 0, *[2**31 - 1] * 4, 0, 0, dims=(4, 2))], [(1,)]),
    "blocks of 2^31": lambda: one_op("DEPTH_TO_SPACE", [Tensor((1, 8, 8, 4))], [(1,)], {"block": 2**31 - 1}),
    "a resize to 2^31": lambda: one_op("RESIZE_BILINEAR", [Tensor((1, 8, 8, 4)), ints(2**31 - 1, 2**31 - 1)], [(1,)]),
    "strides of 0": lambda: one_op("AVERAGE_POOL_2D", [Tensor((1, 8, 8, 4))], [(1,)], {"filter_w": 0, "filter_h": 0}),
}  # fmt: skip


@pytest.mark.parametrize("name", BOMBS)
def test_bombs(name: str) -> None:
    """Sizes are checked before anything of that size is made."""
    data = BOMBS[name]()
    tracemalloc.start()
    try:
        for strict in (True, False):
            outcome(data, strict)
        assert tracemalloc.get_traced_memory()[1] < 16 * 2**20
    finally:
        tracemalloc.stop()
    assert outcome(data) != "" or "strides" in name


def test_many_operators() -> None:
    """A stranger's model has at most as many operators as the limit, and one below it is read in time."""
    count = UNTRUSTED.steps // 4
    tensors = [Tensor((1, 8)) for _ in range(count + 1)]
    ops = [Op("RELU", [k], [k + 1]) for k in range(count)]
    begin = time.process_time()
    network = read_submission(model(Graph(tensors, ops, [0], [count])), "net.tflite", ReaderOptions({}, {}))
    assert time.process_time() - begin < 4 * LONGEST
    assert len(network.nodes) == count + 1


def test_graphs_that_call_themselves() -> None:
    """The depth of calls is limited."""
    tensors = [Tensor((1, 8)), Tensor((1, 8))]
    data = model(Graph(tensors, [Op("STABLEHLO_COMPOSITE", [0], [1], {"subgraph": 0})], [0], [1]))
    assert outcome(data) == outcome(data, strict=False) == "too-large"


def test_names_that_would_change_the_terminal() -> None:
    """Names are shown without control characters."""
    name = "\x1b[2J::error::x\u202e"
    tensors = [Tensor((1, 8), name=name), Tensor((1, 8), name=name)]
    network = read(model(Graph(tensors, [Op("RELU", [0], [1])], [0], [1])))
    assert all(node.name.isascii() and node.name.isprintable() for node in network.nodes)
    assert outcome(model(Graph(tensors, [Op("WHERE", [0], [1])], [0], [1]))) == "unsupported"


def test_hidden_weights_of_submissions() -> None:
    """Numbers count as parameters wherever they are: in a table of integers, in a comparison, in a custom operator."""
    for data in (
        one_op("GATHER", [ints(*range(200), dims=(100, 2)), Tensor((1, 5), type="int32")], [(1, 5, 2)], {"axis": 0}),
        one_op("GREATER", [Tensor((1, 200)), weights(200)], [(1, 200)]),
        one_op("CONCATENATION", [Tensor((1, 8)), ints(*range(200), dims=(1, 200))], [(1, 208)], {"axis": 1}),
        one_op("ADD", [Tensor((1, 200), type="int32"), ints(*range(200), dims=(1, 200))], [(1, 200)]),
    ):
        network = read_submission(data, "net.tflite", ReaderOptions({}, {}))
        assert analyze(network).totals.params == 200
