"""Headers of safetensors files: what agrees, what differs, and what is damaged. The numbers are never read."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import cnncalc
from cnncalc.problem import Refused
from cnncalc.readers.huggingface.comparison import parameters
from cnncalc.readers.huggingface.weights import BITS, MOST_HEADER, Tensor, find, header
from tests.helpers import Ended
from tests.readers.huggingface.checkpoints import header_of, write
from tests.readers.huggingface.configs import TINY

VIT = {"model_type": "vit", "architectures": ["ViTForImageClassification"], **TINY["vit"]}
PREFIXES = {"vit": "vit.", "bert": "bert.", "gpt2": "transformer.", "llama": "model."}


def model(folder: Path, fields: dict[str, Any]) -> dict[str, tuple[int, ...]]:
    """Write a configuration, and return the tensors of a checkpoint that agrees with it."""
    (folder / "config.json").write_text(json.dumps(fields))
    sizes = parameters(cnncalc.load(folder))
    prefix = PREFIXES[fields["model_type"]]
    return {
        (name if name.startswith(("classifier", "lm_head", "cls.")) else prefix + name)
        + ("" if name.endswith(("bias", "cls_token", "position_embeddings")) else ".weight"): (size,)
        for name, size in sizes.items()
        if size
    }


def messages(folder: Path) -> list[str]:
    """Return what is said about the checkpoint."""
    return [problem.text for problem in cnncalc.load(folder).warnings if problem.code == "weights-differ"]


def test_all_tensors_agree(tmp_path: Path) -> None:
    tensors = model(tmp_path, VIT)
    write(tmp_path / "model.safetensors", tensors, "BF16")
    assert messages(tmp_path) == []
    assert cnncalc.load(tmp_path).source.endswith(f"; all {len(tensors)} tensors of model.safetensors agree")


def test_what_differs_is_named(tmp_path: Path) -> None:
    """A tensor too many, one too few, and one of another size."""
    tensors = model(tmp_path, VIT)
    tensors["vit.pooler.dense.weight"] = (8, 8)
    del tensors["classifier.bias"]
    tensors["vit.layernorm.weight"] = (9,)
    write(tmp_path / "model.safetensors", tensors)
    assert messages(tmp_path) == [
        "model.safetensors differs from the network of the configuration: "
        "1 tensor is not in the network: vit.pooler.dense.weight 8x8; "
        "1 parameter is not in the file: classifier.bias with 2 numbers; "
        "1 tensor of another size: vit.layernorm.weight 9, where the network has 8 numbers"
    ]


def test_only_the_first_tensors_are_named(tmp_path: Path) -> None:
    tensors = model(tmp_path, VIT)
    write(tmp_path / "model.safetensors", {**tensors, **{f"extra.{number}": (1,) for number in range(500)}})
    (text,) = messages(tmp_path)
    assert "500 tensors are not in the network: extra.0 1, extra.1 1," in text
    assert text.endswith("and 495 more")


def test_a_tied_tensor_may_be_written_twice(tmp_path: Path) -> None:
    """Old files have the table of words a second time, buffers, and names of TensorFlow."""
    tensors = model(tmp_path, {"model_type": "gpt2", "architectures": ["GPT2LMHeadModel"], **TINY["gpt2"]})
    more = {"lm_head.weight": tensors["transformer.wte.weight"], "transformer.h.0.attn.bias": (1, 1, 1024, 1024)}
    write(tmp_path / "model.safetensors", {**tensors, **more})
    assert messages(tmp_path) == []
    write(tmp_path / "model.safetensors", {**tensors, "lm_head.weight": (7, 8)})
    assert "lm_head.weight 7x8" in messages(tmp_path)[0]
    bert = model(tmp_path, {"model_type": "bert", "architectures": ["BertForMaskedLM"], **TINY["bert"]})
    old = {name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"): size
           for name, size in bert.items()}  # fmt: skip
    old["bert.embeddings.position_ids"] = (1, 512)
    write(tmp_path / "model.safetensors", old)
    assert messages(tmp_path) == []


def test_a_base_model_has_no_prefix(tmp_path: Path) -> None:
    """Files of a model without a head name its modules directly."""
    tensors = model(tmp_path, {"model_type": "gpt2", "architectures": ["GPT2Model"], **TINY["gpt2"]})
    write(tmp_path / "model.safetensors", {name.removeprefix("transformer."): size for name, size in tensors.items()})
    assert messages(tmp_path) == []


def sharded(folder: Path, tensors: dict[str, tuple[int, ...]], count: int = 3) -> dict[str, Any]:
    """Write several files and their index, and return the index."""
    files: dict[str, dict[str, tuple[int, ...]]] = {}
    for number, (name, shape) in enumerate(tensors.items()):
        files.setdefault(f"model-{number % count}.safetensors", {})[name] = shape
    for file, part in files.items():
        write(folder / file, part)
    index = {"metadata": {}, "weight_map": {name: file for file, part in files.items() for name in part}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    return index


def test_several_files(tmp_path: Path) -> None:
    tensors = model(tmp_path, VIT)
    sharded(tmp_path, tensors)
    assert messages(tmp_path) == []
    assert cnncalc.load(tmp_path).source.endswith(f"all {len(tensors)} tensors of model.safetensors.index.json agree")
    (tmp_path / "model-1.safetensors").unlink()
    assert messages(tmp_path) == []
    assert cnncalc.load(tmp_path).source.endswith("1 file is missing, so that not all sizes could be compared")


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda index: index.update(weight_map=3), "has no `weight_map`"),
        (lambda index: index.update(weight_map={"a": 3}), "has no `weight_map`"),
        (lambda index: index["weight_map"].update(a="../b.safetensors"), "which is not in its folder"),
        (lambda index: index["weight_map"].update(a="/etc/passwd"), "which is not in its folder"),
        (lambda index: index["weight_map"].update(a="model-0.safetensors"), "which does not have it"),
        (lambda index: index.update(weight_map={str(n): f"{n}.x" for n in range(1001)}), "names 1,001 files"),
    ],
)
def test_an_index_that_is_wrong(change: Callable[[Any], None], text: str, tmp_path: Path) -> None:
    """The figures of the configuration stay."""
    index = sharded(tmp_path, model(tmp_path, VIT))
    change(index)
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
    (message,) = messages(tmp_path)
    assert text in message
    assert cnncalc.load(tmp_path).analyze().totals.params == 7434


HEADERS: list[tuple[bytes, str]] = [
    (b"", "is cut off"), (b"\x02\0\0", "is cut off"), ((2**63).to_bytes(8, "little") + b"{}", "is cut off: its header has 9,2"),
    ((2**64 - 1).to_bytes(8, "little") + b"{}", "is cut off"), (b"version https://git-lfs", "is a pointer of Git LFS"),
    ((1).to_bytes(8, "little") + b"{}", "is cut off"), ((2).to_bytes(8, "little") + b"[]", "does not contain the header"),
    ((4).to_bytes(8, "little") + b"{\xff\xfe}", "not UTF-8"), ((3).to_bytes(8, "little") + b"{a}", "not valid JSON"),
]  # fmt: skip


@pytest.mark.parametrize(("data", "text"), HEADERS)
def test_a_file_that_is_damaged(data: bytes, text: str, tmp_path: Path) -> None:
    model(tmp_path, VIT)
    (tmp_path / "model.safetensors").write_bytes(data)
    (message,) = messages(tmp_path)
    assert message.startswith("the parameters cannot be compared: ")
    assert text in message


ENTRIES: list[tuple[Any, str]] = [
    (3, "describes the tensor `a` by `3`"), ({}, "the type `null`"), ({"dtype": "F31"}, "the type `F31`"),
    ({"dtype": ["F32"]}, "the type"), ({"dtype": "F32", "shape": 3}, "the shape `3`"),
    ({"dtype": "F32", "shape": [-1]}, "the shape"), ({"dtype": "F32", "shape": [True]}, "the shape"),
    ({"dtype": "F32", "shape": [2**63]}, "the shape"), ({"dtype": "F32", "shape": [1] * 65}, "a list of 65 items"),
    ({"dtype": "F32", "shape": [2]}, "where the tensor"),
    ({"dtype": "F32", "shape": [2], "data_offsets": [0]}, "where the tensor"),
    ({"dtype": "F32", "shape": [2], "data_offsets": [0, 9]}, "bytes `0` to `9` of 8, which do not fit 2 in F32"),
    ({"dtype": "F32", "shape": [2], "data_offsets": [0, 7]}, "do not fit 2 in F32"),
    ({"dtype": "F32", "shape": [2], "data_offsets": [-8, 0]}, "do not fit"),
    ({"dtype": "F32", "shape": [2**62, 2**62], "data_offsets": [0, 8]}, "which do not fit its shape in F32"),
]  # fmt: skip


@pytest.mark.parametrize(("entry", "text"), ENTRIES)
def test_an_entry_that_is_wrong(entry: Any, text: str, tmp_path: Path) -> None:
    data = json.dumps({"a": entry}).encode()
    path = tmp_path / "model.safetensors"
    path.write_bytes(len(data).to_bytes(8, "little") + data + bytes(8))
    with pytest.raises(Refused) as refused:
        header(str(path))
    assert text in refused.value.problems[0].text


def test_a_header_of_gigabytes(tmp_path: Path) -> None:
    """It is refused before it is read; the file is a hole."""
    path = tmp_path / "model.safetensors"
    path.write_bytes((2**34).to_bytes(8, "little"))
    with path.open("r+b") as file:
        file.truncate(2**34 + 8)
    with pytest.raises(Refused, match=f"at most {MOST_HEADER:,} are read"):
        header(str(path))


def test_the_header_of_a_file(tmp_path: Path) -> None:
    """Scalars, empty tensors and types of less than a byte."""
    path = write(tmp_path / "a.safetensors", {"w": (2, 3), "scalar": (), "empty": (0, 7)})
    assert header(str(path)) == [
        Tensor("w", "F32", (2, 3)),
        Tensor("scalar", "F32", ()),
        Tensor("empty", "F32", (0, 7)),
    ]
    assert [tensor.size for tensor in header(str(path))] == [6, 1, 0]
    data = json.dumps({"four": {"dtype": "F4", "shape": [3], "data_offsets": [0, 2]}}).encode()
    path.write_bytes(len(data).to_bytes(8, "little") + data + bytes(2))
    assert header(str(path))[0].size == 3
    assert BITS["BF16"] == 16


def test_pickles_are_never_opened(tmp_path: Path) -> None:
    """A folder with weights in a pickle has no checkpoint."""
    tensors = model(tmp_path, VIT)
    (tmp_path / "pytorch_model.bin").write_bytes(b"cos\nsystem\n(S'false'\ntR.")
    assert find(str(tmp_path)) is None
    assert "safetensors" not in cnncalc.load(tmp_path).source
    assert header_of(tensors)[1] == 4 * 7434


def test_other_places_have_no_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A text that was piped in, or a file of another name, does not belong to the tensors in the current folder."""
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "model.safetensors", {"a": (1,)})
    (tmp_path / "vit.json").write_text(json.dumps(VIT))
    for network in (cnncalc.load("vit.json"), cnncalc.load(VIT), cnncalc.parse(json.dumps(VIT))):
        assert [problem.code for problem in network.warnings] == []
    (tmp_path / "config.json").write_text(json.dumps(VIT))
    assert messages(tmp_path) != []
    assert cnncalc.load("config.json", params={"num_hidden_layers": 1}).warnings == ()


# -- models without an architecture ---------------------------------------------------------------------------------------

MAMBA = {
    "embeddings.weight": (50, 8),
    **{f"layers.{number}.mixer.{part}": shape for number in range(3) for part, shape in {"D": (9,), "in.weight": (8, 9)}.items()},
    "scalar": (),
}  # fmt: skip


def refused(folder: Path) -> cnncalc.CnncalcError:
    """Return the error about the configuration in a folder."""
    with pytest.raises(cnncalc.CnncalcError) as error:
        cnncalc.load(folder)
    return error.value


def test_an_unknown_family_has_only_parameters(tmp_path: Path) -> None:
    """By module and type. What follows from the graph is unknown and never 0."""
    (tmp_path / "config.json").write_text('{"model_type": "mamba"}')
    write(tmp_path / "model.safetensors", MAMBA, "BF16")
    error = refused(tmp_path)
    assert [problem.code for problem in error.problems] == ["unsupported"]
    assert str(error.problems[0].help).endswith("`cnncalc analyze` lists the parameters that model.safetensors stores")
    stored = error.stored
    assert stored is not None
    assert [(part.name, part.dtype, part.modules, part.tensors, part.numbers, part.bytes) for part in stored.parts] == [
        ("embeddings", "BF16", 1, 1, 400, 800),
        ("layers.*.mixer", "BF16", 3, 3, 27, 54),
        ("layers.*.mixer.in", "BF16", 3, 3, 216, 432),
        ("", "BF16", 1, 1, 1, 2),
    ]
    assert (stored.tensors, stored.numbers, stored.bytes) == (8, 644, 1288)
    data = stored.to_dict()
    assert (data["macs"], data["memory"], data["numbers"]) == (None, None, 644)
    assert " (top)              BF16" in str(stored)
    assert "shapes ?  MACs ?  memory ?" in str(stored)


def test_an_unknown_class_too(tmp_path: Path) -> None:
    """The family is known, but not the head."""
    tensors = model(tmp_path, VIT)
    (tmp_path / "config.json").write_text(json.dumps({**VIT, "architectures": ["ViTForMaskedImageModeling"]}))
    write(tmp_path / "model.safetensors", tensors)
    stored = refused(tmp_path).stored
    assert stored is not None
    assert stored.numbers == 7434


def test_missing_files_leave_sizes_unknown(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "mamba"}')
    sharded(tmp_path, MAMBA)
    (tmp_path / "model-1.safetensors").unlink()
    stored = refused(tmp_path).stored
    assert stored is not None
    assert (stored.numbers, stored.bytes, stored.missing) == (None, None, ("model-1.safetensors",))
    assert "1 file is missing: `model-1.safetensors`" in str(stored)
    assert str(stored).splitlines()[-4].split() == ["total", "8", "?", "?"]


def test_without_a_checkpoint_there_is_only_the_error(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "mamba"}')
    assert refused(tmp_path).stored is None
    (tmp_path / "model.safetensors").write_bytes(b"version https://git-lfs")
    error = refused(tmp_path)
    assert error.stored is None
    assert "pointer of Git LFS" in error.problems[1].message


def test_analyze_prints_them(ended: Callable[..., Ended], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a table and in JSON, with the status of a finding."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mamba").mkdir()
    (tmp_path / "mamba" / "config.json").write_text('{"model_type": "mamba"}')
    write(tmp_path / "mamba" / "model.safetensors", MAMBA)
    done = ended("analyze", "mamba")
    assert done.status == 1
    assert done.out.startswith("mamba\nthe tensors in model.safetensors, 2.58 kB\n\n module ")
    assert "no architecture [unsupported]" in done.err
    data = json.loads(ended("analyze", "mamba", "--format", "json").out)
    assert (data["totals"], data["stored"]["numbers"]) == (None, 644)
    assert ended("analyze", "mamba", "--get", "params").out == ""
    assert "layer" in ended("analyze", "lenet5", "mamba").out
