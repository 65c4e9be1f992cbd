"""Archives of PyTorch 2.5, 2.8 and 2.13, which nets.py wrote, read without PyTorch.

The expected figures are those of the modules in nets.py, worked out by hand.
"""

import subprocess
import sys
from pathlib import Path

import pytest

from cnncalc import load
from cnncalc.analyses.totals import analyze
from cnncalc.network import Network
from cnncalc.problem import Refused
from cnncalc.readers import ReaderOptions, read
from cnncalc.readers.pt2.reader import read_submission
from tests.readers.pt2.mutants import packed, program

ARCHIVES = Path(__file__).parent / "archives"
VERSIONS = ("2_5", "2_8", "2_13")
FORMS = ("", "_decomposed")
# conv 8*3*3*3, norm 2*8, fc 8*10 + 10; multiply-adds for 8x8 pixels
IMAGES = {"params": 216 + 16 + 90, "buffers": 16, "macs": 216 * 64 + 80}


def network(name: str, inputs: dict[str, str] | None = None, dims: dict[str, int] | None = None) -> Network:
    return read(str(ARCHIVES / f"{name}.pt2"), ReaderOptions(inputs or {}, dims or {}))


def figures(net: Network) -> dict[str, int]:
    totals = analyze(net).totals
    return {"params": totals.params, "buffers": totals.buffers, "macs": int(totals.macs)}


def codes(net: Network) -> list[str]:
    return [problem.code for problem in net.warnings]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("version", VERSIONS)
def test_images_of_every_version(version: str, form: str) -> None:
    """A symbol that is the first axis of the only input is the batch: figures are for one example."""
    net = network(f"images{form}_{version}")
    assert figures(net) == IMAGES
    assert [(node.name, node.kind, str(node.output)) for node in net.nodes] == [
        ("x", "input", "8x8x3"), ("features.0", "conv", "8x8x8"), ("features.1", "batchnorm", "8x8x8"),
        ("features.2", "relu", "8x8x8"), ("pool", "maxpool", "4x4x8"), ("globalavgpool", "globalavgpool", "8"),
        *([("drop", "dropout", "8")] if not form else []), *([] if not form else [("drop", "identity", "8")]), ("fc", "fc", "10"),
    ]  # fmt: skip
    assert codes(net) == []


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("version", VERSIONS)
def test_words_of_every_version(version: str, form: str) -> None:
    """Tied parameters count once, and frozen ones are not trained. PyTorch 2.5 leaves unused ones out of the file."""
    length = 7
    unused = 0 if version == "2_5" else 12
    emb, att, ln, frozen = 50 * 16, 3 * 16 * 17 + 16 * 17, 32, 16 * 17
    net = network(f"words{form}_{version}")
    products = length * (4 * 256 + 256 + 800) + 2 * (2 * length * length * 16)
    assert figures(net) == {"params": emb + att + ln + frozen + unused, "buffers": 16, "macs": products}
    assert analyze(net).totals.params - analyze(net).totals.trainable == frozen
    assert codes(net) == ["ambiguous-input", *(["unused-parameters"] if unused else [])]
    symbol = "s0" if version == "2_5" else "s27"
    assert (
        net.warnings[0].text
        == f"`{symbol}` (axis 1 of `x`) is 7 here, as in the example that the model was exported with"
    )
    for given in (network(f"words{form}_{version}", {"": "12"}), network(f"words{form}_{version}", {}, {symbol: 12})):
        assert figures(given)["macs"] == 12 * (4 * 256 + 256 + 800) + 2 * (2 * 144 * 16)
        assert "ambiguous-input" not in codes(given)


def test_attention_stays_whole() -> None:
    """A torch.nn.MultiheadAttention is one layer, and scaled_dot_product_attention one operator."""
    kinds = {node.name: node.kind for node in network("words_2_13").nodes}
    assert kinds["att"] == "attention"
    assert kinds["attend"] == "attend"


def test_training_mode() -> None:
    """A module that was exported in training mode, with a batch of 2 in the file."""
    net = network("training_2_13")
    assert figures(net) == {**IMAGES, "macs": 2 * IMAGES["macs"]}
    assert codes(net) == ["batch-fixed"]


def test_steps() -> None:
    """Four gates of 5 units in two directions, at each of 9 steps."""
    net = network("steps_2_13")
    assert figures(net) == {"params": 2 * 4 * (5 * 11 + 10) + 22, "buffers": 0, "macs": 9 * (2 * 4 * 5 * 11 + 20)}


def test_parts_that_are_written() -> None:
    """A sum in place changes the tensor that its input is a part of."""
    net = network("written_2_13")
    last = net.nodes[net.outputs[0]]
    assert (last.kind, str(last.output)) == ("overwrite", "4x4x4")
    assert "conv" in {net.nodes[index].kind for index in last.inputs}


def test_exports_from_the_meta_device() -> None:
    """All parameters share a file there, although they are not tied."""
    assert figures(network("meta_2_13")) == IMAGES


def test_control_flow_is_refused() -> None:
    """The node and the line of the program are named."""
    with pytest.raises(Refused) as caught:
        network("chooses_2_13")
    assert caught.value.problems[0].text == (
        "node `cond` (nets.py, line 89): `cond` chooses or repeats operations while the model runs, so their number is not "
        "in the file"
    )


@pytest.mark.parametrize(
    ("name", "inputs", "dims", "text"),
    [
        ("images_2_13", {"": "16x16x3"}, {}, "input `x` is 8x8x3 in the file, so it cannot be 16x16x3"),
        ("images_2_13", {"": "8x8"}, {}, "input `x` has 3 axes besides the batch, but the requested shape is 8x8"),
        ("images_2_13", {"y": "8x8x3"}, {}, "the model has no input `y`"),
        ("images_2_13", {}, {"s77": 4}, "`s77` is the batch, but the figures are for one example"),
        ("words_2_13", {}, {"s27": 101}, "`s27` cannot be 101: the model was exported for lengths from 2 to 100"),
        ("words_2_13", {"": "101"}, {}, "`s27` cannot be 101: the model was exported for lengths from 2 to 100"),
        ("words_2_13", {}, {"length": 9}, "the model has no dynamic dimension named `length`"),
        ("images_2_13", {}, {"n": 9}, "the model has no dynamic dimension named `n`"),
    ],
)
def test_options_that_do_not_suit(name: str, inputs: dict[str, str], dims: dict[str, int], text: str) -> None:
    """Each names the size that is wrong and those that are possible."""
    with pytest.raises(Refused) as caught:
        network(name, inputs, dims)
    assert caught.value.problems[0].text == text


@pytest.mark.parametrize("name", [path.stem for path in sorted(ARCHIVES.glob("*.pt2"))])
def test_submissions(name: str) -> None:
    """`check` reads what needs no guess: cnncalc's rules confirm every shape in the files of all versions."""
    data = (ARCHIVES / f"{name}.pt2").read_bytes()
    options = ReaderOptions({"": "7"} if name.startswith("words") else {}, {})
    if name.startswith(("training", "chooses")):
        with pytest.raises(Refused) as caught:
            read_submission(data, name, options)
        assert caught.value.problems[0].code == ("batch-fixed" if name.startswith("training") else "unsupported")
    else:
        assert figures(read_submission(data, name, options)) == figures(network(name, options.inputs))
    if name == "words_2_13":
        with pytest.raises(Refused, match="the length of `s27` is not known"):
            read_submission(data, name, ReaderOptions({}, {}))


def test_public_interface_and_import(tmp_path: Path) -> None:
    """`cnncalc.load` takes the file, and its specification has the same figures."""
    net = load(ARCHIVES / "words_2_8.pt2", input="9")
    path = tmp_path / "words.yaml"
    path.write_text(net.to_yaml(), encoding="utf-8")
    again = load(path)
    ours, theirs = again.analyze().totals, net.analyze().totals
    assert (ours.params, ours.macs, ours.buffers) == (theirs.params, theirs.macs, theirs.buffers)


def test_nothing_heavy_is_imported() -> None:
    """An archive is read without PyTorch, ONNX and numpy."""
    code = f"import cnncalc, sys; cnncalc.load({str(ARCHIVES / 'images_2_13.pt2')!r}); print(*sys.modules)"
    modules = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"torch", "onnx", "numpy", "pickle"} & set(modules)


def test_numbers_that_are_not_finite(tmp_path: Path) -> None:
    """torch.export writes them as texts, for example the -inf with which the input of a max pooling is padded."""
    top = program("images_2_13")
    nodes = top["graph_module"]["graph"]["nodes"]
    relu = next(node for node in nodes if node["target"].startswith("torch.ops.aten.relu"))
    written = [("pad", {"as_ints": [0, 0]}), ("mode", {"as_string": "constant"}), ("value", {"as_float": "-Infinity"})]
    relu["target"] = "torch.ops.aten.pad.default"
    relu["inputs"] += [{"name": name, "arg": value, "kind": 1} for name, value in written]
    path = tmp_path / "padded.pt2"
    path.write_bytes(packed(top))
    assert figures(read(str(path), ReaderOptions({}, {}))) == IMAGES
