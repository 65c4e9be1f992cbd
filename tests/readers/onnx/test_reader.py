"""Read ONNX files without onnx and numpy. What exported models computed in ONNX Runtime is stored, and is their oracle."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

import cnncalc
from cnncalc.analyses.totals import Totals, analyze
from cnncalc.network import Network
from cnncalc.problem import Refused
from cnncalc.readers import ReaderOptions
from cnncalc.readers.onnx.reader import read_bytes, read_submission, read_values
from tests.helpers import TESTS
from tests.readers.onnx.encoder import FLOAT, INT8, INT32, INT64, UINT8, field, model, node, tensor, value

NOTHING = ReaderOptions({}, {})
FILES = sorted((TESTS / "reference" / "onnx").glob("*.onnx"))
RECORDED = json.loads((TESTS / "reference" / "onnx_models.json").read_text(encoding="utf-8"))


@pytest.fixture
def no_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the packages onnx and numpy impossible to import."""
    for name in ("onnx", "onnx.shape_inference", "numpy"):
        monkeypatch.setitem(sys.modules, name, None)


def read(data: bytes, **options: Any) -> Network:
    """Return the network in a model."""
    return read_bytes(data, "net.onnx", ReaderOptions({}, {}, **options))


def totals(data: bytes) -> Totals:
    """Return the figures of a model."""
    return analyze(read(data)).totals


# -- without packages -------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("no_packages")
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_exported_models(path: Path) -> None:
    """Parameters, buffers, multiply-adds and the shape of every value are those of the stored run."""
    network, values = read_values(str(path), NOTHING)
    record, found = RECORDED[path.stem], analyze(network).totals
    assert (found.params, found.buffers, int(found.macs)) == (record["params"], record["buffers"], record["macs"])
    computed = {name: tuple(dims) for _, outputs, *_ in record["nodes"] for name, dims in outputs.items()}
    assert {name: values[name].dims for name in computed if name in values} == {
        name: dims for name, dims in computed.items() if name in values
    }
    assert network.warnings == ()


def test_nothing_is_imported() -> None:
    """Neither onnx nor numpy, even if they are installed."""
    script = (
        "import sys, cnncalc; cnncalc.load(sys.argv[1]).analyze(); "
        "sys.exit(bool({'onnx', 'numpy', 'google.protobuf'} & set(sys.modules)))"
    )
    path = str(TESTS / "reference" / "onnx" / "tv_resnet18.nofold.onnx")
    assert subprocess.run([sys.executable, "-c", script, path], check=False).returncode == 0


@pytest.mark.usefixtures("no_packages")
def test_what_needs_onnx(tmp_path: Path, ended: Any) -> None:
    """`--compare-shapes`, and operators without a rule if the file does not state their shapes."""
    path = tmp_path / "net.onnx"
    path.write_bytes(model([node("Relu", "x", "y")]))
    assert ended("analyze", str(path))[0] == 0
    status, _, err = ended("analyze", str(path), "--compare-shapes")
    assert (status, "this needs onnx: pip install 'cnncalc[onnx]'" in err) == (2, True)
    with pytest.raises(cnncalc.CnncalcError, match=r"cnncalc\[onnx\]"):
        cnncalc.load(path, compare_shapes=True)
    path.write_bytes(model([node("Strange", "x", "y")]))
    status, _, err = ended("analyze", str(path))
    assert (status, "`pip install 'cnncalc[onnx]'`" in err) == (1, True)
    path.write_bytes(model([node("Strange", "x", "y")], output=value("y", ["N", 5, 4, 4])))
    assert cnncalc.load(path).output_shapes == {"y": (5, 4, 4)}


# -- shapes in the file -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dims", "stated"),
    [
        ((1, 3, 8, 8), ""), (("N", 3, 8, 8), ""), (("other", 3, "?", 8), ""), ((-1, 3, 8, 8), ""), (None, ""),
        ((1, 3, 8, 9), "1x3x8x9"), ((1, 3, 8), "1x3x8"), (("other", 3, 8, 9), "?x3x8x9"), ((), "a single number"),
    ],
)  # fmt: skip
def test_shapes_in_the_file(dims: Sequence[int | str] | None, stated: str) -> None:
    """A size with an unknown name is not compared."""
    warnings = read(model([node("Relu", "x", "m"), node("Tanh", "m", "y")], shapes=[value("m", dims)])).warnings
    text = f"cnncalc computes 1x3x8x8 for `m`, but the file states {stated}"
    assert [(one.code, one.text) for one in warnings] == ([("shapes-disagree", text)] if stated else [])


def test_shapes_in_the_file_hold_for_its_inputs() -> None:
    """They are not compared if an option sets another size. A batch that the file fixes is removed from them."""
    data = model([node("Relu", "x", "m"), node("Tanh", "m", "y")], dims=(1, 3, 8, 8), shapes=[value("m", (1, 3, 8, 8))])
    assert read_bytes(data, "net.onnx", ReaderOptions({"": "9x9x3"}, {})).warnings == ()
    data = model([node("Relu", "x", "m"), node("Tanh", "m", "y")], dims=(4, 3, 8, 8), shapes=[value("m", (4, 3, 8, 8))])
    assert [one.code for one in read(data).warnings] == ["batch-fixed"]
    many = [node("Relu", f"m{k}" if k else "x", f"m{k + 1}" if k < 19 else "y") for k in range(20)]
    texts = [one.text for one in read(model(many, shapes=[value(f"m{k}", (2,)) for k in range(1, 20)])).warnings]
    assert (len(texts), texts[-1]) == (11, "the shapes of 9 more values differ from those in the file")


# -- weights that are not plain numbers -------------------------------------------------------------------------------

SCALE = [tensor("s", (), FLOAT, [0.5]), tensor("z", (), INT8, [0])]


def quantized(type: int) -> bytes:
    """A convolution whose weights and bias are stored in other types."""
    nodes = [
        node("QuantizeLinear", "x s z", "xq"), node("DequantizeLinear", "xq s z", "xd"),
        node("DequantizeLinear", "w s z", "wd"), node("DequantizeLinear", "b s", "bd"), node("Conv", "xd wd bd", "y"),
    ]  # fmt: skip
    return model(nodes, [*SCALE, tensor("w", (4, 3, 3, 3), type), tensor("b", (4,), INT32)])


@pytest.mark.parametrize(
    ("type", "stored"), [(INT8, "int8 (108 bytes)"), (22, "int4 (54 bytes)"), (17, "float8e4m3fn (108 bytes)")]
)
def test_quantized_weights(type: int, stored: str) -> None:
    """They count like those of the original model, and a note states their types and bytes."""
    found, (note,) = totals(quantized(type)), read(quantized(type)).warnings
    assert (found.params, int(found.macs)) == (108 + 4, 108 * 36)
    assert (note.code, note.level) == ("quantized-weights", "note")
    assert f"the file stores 108 weights as {stored} and 4 weights as int32 (16 bytes);" in note.text
    assert totals(model([node("Conv", "x w", "y")], [tensor("w", (4, 3, 3, 3))])).params == 108


def test_import_of_a_quantized_model(tmp_path: Path, ended: Any) -> None:
    """The file in YAML has the same figures."""
    path, copy = tmp_path / "net.onnx", tmp_path / "net.yaml"
    path.write_bytes(quantized(INT8))
    assert ended("import", str(path), "-o", str(copy))[0] == 0
    before, after = (json.loads(ended("analyze", str(one), "--format", "json")[1])["totals"] for one in (path, copy))
    assert before == after


def test_a_bias_after_a_quantized_product() -> None:
    """It is a parameter, also as whole numbers that are dequantized or added as they are."""
    weights = [*SCALE, tensor("w", (8, 5), INT8), tensor("b", (5,), INT32)]
    nodes = [node("DequantizeLinear", "w s z", "wd"), node("DequantizeLinear", "b s", "bd"), node("MatMul", "x wd", "m"),
             node("Add", "m bd", "y")]  # fmt: skip
    assert totals(model(nodes, weights, ("N", 7, 8))).params == 45
    nodes = [node("QuantizeLinear", "x s z", "xq"), node("QLinearMatMul", "xq s z w s z s z", "m"),
             node("QLinearAdd", "m s z b8 s z s z", "y", "com.microsoft")]  # fmt: skip
    assert totals(model(nodes, [*weights, tensor("b8", (5,), INT8)], ("N", 7, 8))).params == 45


def test_scales_of_dynamic_quantization_do_not_count() -> None:
    """Neither one scale nor one for each channel."""
    for dims in ((), (4, 1, 1)):
        nodes = [node("DynamicQuantizeLinear", "x", "q s z"), node("ConvInteger", "q w z", "i"), node("Cast", "i", "f", to=1),
                 node("Mul", "s conv.weight_scale", "both"), node("Mul", "f both", "y")]  # fmt: skip
        scale = tensor("conv.weight_scale", dims, FLOAT, [0.5] * (4 if dims else 1))
        assert totals(model(nodes, [tensor("w", (4, 3, 3, 3), UINT8), scale])).params == 108


@pytest.mark.parametrize(("bits", "stored"), [(4, "uint4 (280 bytes)"), (8, "uint8 (560 bytes)")])
def test_packed_weights(bits: int, stored: str) -> None:
    """MatMulNBits of ONNX Runtime has the parameters and multiply-adds of a fully connected layer."""
    packed = tensor("w", (14, 2, 32 * bits // 8), UINT8)
    nodes = [node("MatMulNBits", "x w s _ _ b", "y", "com.microsoft", K=40, N=14, bits=bits, block_size=32)]
    data = model(nodes, [packed, tensor("s", (28,)), tensor("b", (14,))], ("N", 7, 40))
    found, (note,) = totals(data), read(data).warnings
    assert (found.params, int(found.macs)) == (40 * 14 + 14, 7 * 40 * 14)
    assert f"the file stores 560 weights as {stored} and 14 weights as float32 (56 bytes);" in note.text
    wrong = [node("MatMulNBits", "x w s", "y", "com.microsoft", K=41, N=14, bits=4, block_size=16)]
    with pytest.raises(Refused, match="do not fit 14x41 numbers of 4 bits"):
        read(model(wrong, [tensor("w", (14, 1, 16), UINT8), tensor("s", (28,))], ("N", 7, 41)))
    hidden = [node("MatMulNBits", "x w s", "y", "com.microsoft", K=40, N=1, bits=4, block_size=32)]
    with pytest.raises(Refused):
        read_submission(
            model(hidden, [tensor("w", (1000, 1000), UINT8), tensor("s", (28,))], ("N", 7, 40)), "n.onnx", NOTHING
        )


def test_sparse_weights() -> None:
    """All numbers count, and a note states how many the file stores."""
    sparse = (
        field(1, tensor("w", (9,), FLOAT))
        + field(2, tensor("i", (9,), INT64))
        + b"".join(field(3, n) for n in (4, 3, 3, 3))
    )
    data = model([node("Conv", "x w", "y")], sparse=[sparse])
    assert (totals(data).params, int(totals(data).macs)) == (108, 108 * 36)
    (note,) = read(data).warnings
    assert note.code == "sparse-weights"
    assert note.text == "`w` is stored sparse, as 9 of 108 numbers; all 108 count as parameters and in multiply-adds"
