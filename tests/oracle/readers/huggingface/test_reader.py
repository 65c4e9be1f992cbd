"""Configurations of Hugging Face, compared with the modules of transformers on the meta device.

Parameters and buffers are equal by module, and multiply-adds are half of what PyTorch's FlopCounterMode counts with eager
attention.
"""

from __future__ import annotations

import importlib
import json
import os
import random
from pathlib import Path
from typing import Any

import pytest

from cnncalc.analyses.totals import analyze
from cnncalc.network import Network
from cnncalc.problem import Source
from cnncalc.readers import ReaderOptions
from cnncalc.readers.huggingface.comparison import canonical, parameters
from cnncalc.readers.huggingface.reader import FAMILIES, read, read_text
from tests.helpers import TESTS
from tests.oracle.readers.huggingface.configs import PUBLISHED, RANDOM, Fields
from tests.readers.huggingface.configs import TINY

if os.environ.get("CNNCALC_REQUIRE_ORACLES") != "1":
    pytest.importorskip("torch", reason="PyTorch, which runs the oracle of these tests, is not installed")
    pytest.importorskip(
        "transformers", minversion="5", reason="transformers, the oracle of these tests, is not installed"
    )

os.environ["HF_HUB_OFFLINE"] = "1"
torch: Any = importlib.import_module("torch")
transformers: Any = importlib.import_module("transformers")
FlopCounterMode: Any = importlib.import_module("torch.utils.flop_counter").FlopCounterMode
NOTHING = ReaderOptions({}, {})
SEED = 16
FIGURES = TESTS / "readers" / "huggingface" / "figures.json"
pytestmark = pytest.mark.usefixtures("one_thread")


def theirs(fields: Fields) -> Any:
    """Return the module that transformers builds, without memory."""
    config = transformers.AutoConfig.for_model(**{**fields, "attn_implementation": "eager"})
    config._attn_implementation = "eager"
    name = fields["architectures"][0] if fields.get("architectures") else ""
    with torch.device("meta"):
        return (getattr(transformers, name)(config) if name else transformers.AutoModel.from_config(config)).eval()


def counted(module: Any, network: Network) -> int:
    """Return the multiply-adds of a forward pass with the inputs of the network."""
    inputs = {}
    for node in network.inputs:
        shape = tuple(node.output)
        if node.name in ("input", "input_features") and len(shape) > 1:
            order = (shape[-1], *shape[:-1])
            inputs["pixel_values" if len(shape) == 3 else node.name] = torch.empty(1, *order, device="meta")
        else:
            name = "input_ids" if node.name == "input" else node.name
            inputs[name] = torch.zeros(1, *shape, dtype=torch.long, device="meta")
    counter = FlopCounterMode(display=False)
    with counter, torch.no_grad():
        module(**inputs, **({"use_cache": False} if "use_cache" in module.forward.__code__.co_varnames else {}))
    flops: int = counter.get_total_flops()
    return flops // 2


def check(fields: Fields) -> None:
    """Compare parameters and buffers by module, and the totals."""
    family = FAMILIES[fields["model_type"]]
    network = read_text(Source("config.json", json.dumps(fields)), NOTHING)
    assert [problem.text for problem in network.warnings if problem.level != "note"] == []
    module = theirs(fields)
    total = analyze(network).totals
    held = {name: value.numel() for name, value in module.named_parameters()}
    held |= {name: value.numel() for name, value in module.named_buffers() if "running_" in name}
    named = {canonical(name, family): size for name, size in held.items()}
    assert {name: size for name, size in parameters(network).items() if size} == named
    assert total.params == sum(value.numel() for value in module.parameters())
    assert total.trainable == sum(value.numel() for value in module.parameters() if value.requires_grad)
    assert total.uncounted == 0
    assert total.macs == counted(module, network)


def usual_head(kind: str) -> str:
    """Return the class that the best-known models of a family have."""
    heads = list(FAMILIES[kind].classes)
    return next(
        (head for head in heads if head.endswith(("Classification", "LM", "LMHeadModel", "Generation"))), heads[0]
    )


HEADS = [(kind, head) for kind, family in FAMILIES.items() for head in family.classes]


@pytest.mark.parametrize(("kind", "head"), HEADS)
def test_defaults_with_every_head(kind: str, head: str) -> None:
    """Nothing but the class is stated. Models have two classes unless their file names them."""
    small = {"num_hidden_layers": 2} if FAMILIES[kind].file in ("bert", "llama") else {}
    check({"model_type": kind, "architectures": [head], **small})


@pytest.mark.parametrize("kind", FAMILIES)
def test_published_sizes(kind: str) -> None:
    """Sizes from papers and model cards, with the usual head."""
    for fields in PUBLISHED[kind]:
        check({"model_type": kind, "architectures": [usual_head(kind)], **fields})


@pytest.mark.parametrize("kind", FAMILIES)
def test_random_sizes(kind: str) -> None:
    """Odd sizes, missing fields, and every head."""
    dice = random.Random(f"{SEED} {kind}")
    heads = list(FAMILIES[kind].classes)
    for number in range(20):
        fields = {"model_type": kind, **RANDOM[kind](dice)}
        if dice.random() < 0.9:
            fields["architectures"] = [heads[number % len(heads)]]
        check(fields)


def figures(fields: Fields) -> Fields:
    """Return a record of what transformers and PyTorch say."""
    module = theirs(fields)
    network = read_text(Source("config.json", json.dumps(fields)), NOTHING)
    buffers = sum(value.numel() for name, value in module.named_buffers() if "running_" in name)
    params = sum(value.numel() for value in module.parameters())
    return {"fields": fields, "figures": {"params": params, "buffers": buffers, "macs": counted(module, network)}}


def test_the_stored_figures(overwrite: bool) -> None:
    """The tests without an oracle compare with them; only input shapes are taken from cnncalc."""
    records = [
        figures({"model_type": kind, "architectures": [usual_head(kind)], **fields})
        for kind in FAMILIES
        for fields in PUBLISHED[kind][:3]
    ]
    text = "[\n" + ",\n".join(json.dumps(record) for record in records) + "\n]\n"
    if overwrite:
        FIGURES.write_text(text, encoding="utf-8")
    assert FIGURES.read_text(encoding="utf-8") == text


# -- checkpoints --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "head"), HEADS)
def test_what_transformers_saves_agrees(kind: str, head: str, tmp_path: Path) -> None:
    """A model of random numbers, saved in one file or in many: the same tensors, whatever they are called there."""
    fields = {**TINY[kind], "architectures": [head]}
    config = transformers.AutoConfig.for_model(kind, **fields)
    model = getattr(transformers, head)(config)
    for size in ("5GB", "1KB"):
        folder = tmp_path / size
        model.save_pretrained(folder, max_shard_size=size)
        network = read(str(folder / "config.json"), NOTHING)
        texts = [problem.text for problem in network.warnings if problem.code not in ("assumed-length",)]
        assert texts == []
        assert network.source.endswith(" agree")
    assert len(list(folder.glob("*.safetensors"))) > 1
    assert analyze(network).totals.params == model.num_parameters()
