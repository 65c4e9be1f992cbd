"""Damaged and malicious archives end in an answer or a clear error, at once and in little memory."""

import json
import struct
import time
import tracemalloc
import zipfile
from typing import Any

import pytest

from cnncalc.network import Network
from cnncalc.problem import Refused
from cnncalc.readers import ReaderOptions
from cnncalc.readers.pt2.reader import read_submission
from tests.readers.pt2.mutants import ARCHIVES, HOSTILE, archive, mutants, packed, program

MODEL = "m/models/model.json"


def outcome(data: bytes) -> Network | str:
    """Return what reading an archive gives: a network, or the text of the error."""
    try:
        return read_submission(data, "model.pt2", ReaderOptions({}, {}))
    except Refused as error:
        texts = [problem.text for problem in error.problems]
    assert all(text.isprintable() and len(text) < 1500 for text in texts), texts
    return texts[0]


def check_all(cases: Any) -> int:
    """Read all archives, each within half a second of CPU; return how many are read."""
    count = 0
    for label, data in cases:
        start = time.process_time()
        count += not isinstance(outcome(data), str)
        assert time.process_time() - start < 1, label
    return count


@pytest.mark.parametrize("name", ["images_2_13", "words_2_5"])
def test_truncated_and_flipped_files(name: str) -> None:
    """At every 97th byte."""
    data = (ARCHIVES / f"{name}.pt2").read_bytes()
    check_all((f"cut at {at}", data[:at]) for at in range(0, len(data), 97))
    flipped = ((at, bytes([data[at] ^ 1 << at % 8])) for at in range(0, len(data), 97))
    check_all((f"flip at {at}", data[:at] + byte + data[at + 1 :]) for at, byte in flipped)


def test_truncated_json() -> None:
    """A whole archive whose JSON ends too early is not valid JSON."""
    text = json.dumps(program("images_2_13"))
    assert all("is not valid JSON" in str(outcome(packed(text[:at]))) for at in range(1, len(text), 97))


@pytest.mark.parametrize("name", ["images_decomposed_2_5", "written_2_13", "steps_2_13"])
def test_mutants(name: str) -> None:
    """Values of the JSON are removed, replaced, exchanged and repeated."""
    check_all(mutants(name, 80, seed=7))


@pytest.mark.heavy
@pytest.mark.parametrize("name", ["images_2_13", "words_2_13", "words_decomposed_2_8", "steps_2_13", "written_2_13"])
def test_many_mutants(name: str) -> None:
    check_all(mutants(name, 1000, seed=11))


def zip_bomb() -> bytes:
    """Return an archive of a few kilobytes whose JSON has 50 MB."""
    return archive({MODEL: b" " * 50_000_000}, compression=zipfile.ZIP_DEFLATED)


def lying(size: int) -> bytes:
    """Return an archive that states another size of its JSON."""
    data = bytearray(archive({MODEL: "{}"}))
    at = data.rfind(b"PK\x01\x02")
    data[at + 24 : at + 28] = struct.pack("<I", size)
    return bytes(data)


def doubled() -> bytes:
    """Return an archive with two files of the same name."""
    data = archive({MODEL: json.dumps(program("images_2_13")), MODEL.replace("m/", "n/"): "{}"})
    return data.replace(b"n/models/model.json", MODEL.encode())


def crowded() -> bytes:
    """Return an archive of very many files."""
    return archive({f"m/data/{'x' * 200}{number}": "" for number in range(20_000)})


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (zip_bomb, "bytes; at most"), (lambda: lying(2**31), "at most"), (lambda: lying(2**32 - 1), "model.pt2"),
        (doubled, "has two files named"), (crowded, "lists too many files"), (lambda: b"", "is not a zip archive"),
        (lambda: b"PK\x05\x06" + b"\xff" * 18, "model.pt2"), (lambda: archive({}), "has neither"),
        (lambda: archive({f"../{MODEL}": "{}"}), "has neither"), (lambda: archive({f"a/{MODEL}": "{}"}), "has neither"),
        (lambda: archive({"m/data.pkl": b"cos\nsystem\n"}), "was written by `torch.save`"),
        (lambda: archive({"m/data/aotinductor/model/x.so": b""}), "contains only compiled code"),
        (lambda: packed("[" * 100_000), "is nested too deeply"), (lambda: packed('{"a":' * 100_000), "is nested too deeply"),
        (lambda: packed("1" * 5000), "number with too many digits"), (lambda: packed(b"\xff\xfe{"), "model.pt2"),
        (lambda: packed("null"), "the exported program is missing instead of an object"),
        (lambda: packed("{}"), "version of its schema"),
        (lambda: packed('{"schema_version": {"major": 99}, "torch_version": "9.0"}'), "of the schema (written by PyTorch 9.0)"),
    ],
)  # fmt: skip
def test_bombs_and_strange_archives(data: Any, text: str) -> None:
    made = data()
    tracemalloc.start()
    start = time.process_time()
    answer = outcome(made)
    assert time.process_time() - start < 1
    assert tracemalloc.get_traced_memory()[1] < 40e6
    tracemalloc.stop()
    assert text in str(answer)


def changed(change: Any, name: str = "images_2_13") -> bytes:
    """Return an archive whose program was changed by a function."""
    top = program(name)
    change(top["graph_module"]["graph"])
    return packed(top)


def nested_graphs(graph: Any) -> None:
    """Put a graph into itself a hundred times."""
    inner: Any = {**graph, "inputs": [], "nodes": [], "tensor_values": {}, "outputs": []}
    for _ in range(100):
        argument = {"name": "", "arg": {"as_graph": {"name": "g", "graph": inner}}, "kind": 1}
        node = {"target": "torch.ops.higher_order.wrap", "inputs": [argument], "outputs": [], "metadata": {}}
        inner = {**inner, "nodes": [node]}
    graph["nodes"] = inner["nodes"]


def read_other(name: str) -> Any:
    """Return a function that lets the first node read another tensor."""
    return lambda graph: graph["nodes"][0]["inputs"][0]["arg"]["as_tensor"].update(name=name)


def make_many(graph: Any) -> None:
    """Repeat a node that checks something."""
    graph["nodes"] = [
        {"target": "torch.ops.aten._assert_async.msg", "inputs": [], "outputs": [], "metadata": {}}
    ] * 20_000


def set_size(size: Any) -> Any:
    """Return a function that sets the first size of the output of the first node."""

    def change(graph: Any) -> None:
        graph["tensor_values"][graph["nodes"][0]["outputs"][0]["as_tensor"]["name"]]["sizes"][1] = size

    return change  # fmt: skip


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda graph: graph["nodes"].reverse(), "is read before a node makes it"),
        (read_other("linear"), "is read before a node makes it"),
        (read_other("nobody"), "is read before a node makes it"),
        (read_other(HOSTILE), "is read before a node makes it"),
        (lambda graph: graph["nodes"][0].update(target="torch.ops.mine.secret.default"), "cannot work out the shapes"),
        (lambda graph: graph["nodes"][0].update(target=HOSTILE), "cannot work out the shapes"),
        (lambda graph: graph["tensor_values"].clear(), "has no shape in the file"),
        (set_size({"as_int": 4}), "`conv2d` makes 1x8x8x8 here, but the file states 1x4x8x8"),
        (set_size({"as_int": 2**63}), "a tensor can have at most"), (set_size({"as_int": 10**400}), "a tensor can have at most"),
        (set_size({"as_int": -1}), "has a negative length"), (set_size({"as_int": True}), "instead of a whole number"),
        (set_size({"as_expr": {"expr_str": "u0"}}), "depends on the values of tensors"),
        (set_size({"as_expr": {"expr_str": "9**9**9**9"}}), "cannot work out"),
        (set_size({"as_expr": {"expr_str": "(" * 3000}}), "cannot work out"), (nested_graphs, "nested more than 16 levels"),
        (make_many, "more than the limit of 10,000"),
    ],
)  # fmt: skip
def test_hostile_graphs(change: Any, text: str) -> None:
    """Cycles, names of nothing, and sizes that are not sizes are refused with what is wrong."""
    assert text in str(outcome(changed(change)))


def test_shapes_that_hide_products_are_refused() -> None:
    """PyTorch ignores the shapes in the file, so a convolution cannot be made cheap by stating small ones."""

    def change(graph: Any) -> None:
        for meta in graph["tensor_values"].values():
            meta["sizes"] = [{"as_int": 1} for _ in meta["sizes"]]
            meta["strides"] = [{"as_int": 1} for _ in meta["sizes"]]

    assert isinstance(outcome(changed(change)), str)  # fmt: skip
