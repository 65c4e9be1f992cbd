"""Configurations of Hugging Face: fields, defaults, heads, inputs, and what is refused. oracle/ compares with transformers."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import cnncalc
from cnncalc.analyses.totals import Totals, analyze
from cnncalc.network import Network
from cnncalc.problem import Problem, Refused, Source
from cnncalc.readers import ReaderOptions
from cnncalc.readers.huggingface.reader import FAMILIES, read_text
from tests.helpers import ROOT, Ended
from tests.readers.huggingface.configs import TINY, Fields

FIGURES: list[dict[str, Any]] = json.loads((Path(__file__).parent / "figures.json").read_text(encoding="utf-8"))
PUBLISHED: list[dict[str, Any]] = json.loads((Path(__file__).parent / "published.json").read_text(encoding="utf-8"))
SPECIFICATIONS = sorted((ROOT / "architectures" / "transformers").glob("*.yaml"))


def read(fields: Any, inputs: dict[str, str] | None = None, **changed: str) -> Network:
    """Return the network of a configuration."""
    text = fields if isinstance(fields, str) else json.dumps(fields)
    return read_text(Source("m/config.json", text), ReaderOptions(inputs or {}, {}, parameters=changed))


def totals(fields: Any, inputs: dict[str, str] | None = None, **changed: str) -> Totals:
    """Return the totals of a configuration."""
    return analyze(read(fields, inputs, **changed)).totals


def problem(fields: Any, inputs: dict[str, str] | None = None, **changed: str) -> Problem:
    """Return the mistake in a configuration."""
    with pytest.raises(Refused) as refused:
        read(fields, inputs, **changed)
    (only,) = refused.value.problems
    return only


@pytest.mark.parametrize("record", FIGURES, ids=lambda record: "-".join(map(str, record["fields"].values()))[:60])
def test_figures_of_transformers(record: dict[str, Any]) -> None:
    """Parameters, buffers and multiply-adds that transformers and PyTorch gave; the oracle wrote the file."""
    found = totals(record["fields"])
    assert {name: getattr(found, name) for name in ("params", "buffers", "macs")} == record["figures"]


@pytest.mark.parametrize("record", PUBLISHED, ids=lambda record: record["model"])
def test_published_models(record: dict[str, Any]) -> None:
    """The parameters that the pages of well-known models show, and no warning about their fields."""
    network = read(record["fields"])
    assert analyze(network).totals.params == record["params"]
    assert [found.text for found in network.warnings if found.level != "note"] == []


def test_every_family_has_figures() -> None:
    """A new family needs a record, a small configuration here, and random ones in oracle/."""
    assert {record["fields"]["model_type"] for record in FIGURES} == set(FAMILIES) == set(TINY)
    assert {family.file for family in FAMILIES.values()} == {path.stem for path in SPECIFICATIONS}


@pytest.mark.parametrize("path", SPECIFICATIONS, ids=lambda path: path.stem)
def test_a_specification_stands_alone(path: Path) -> None:
    """Each is a network by itself, with the defaults of its best-known model, and its published figures agree."""
    lines = path.read_text(encoding="utf-8").splitlines()
    assert lines[0] == "# yaml-language-server: $schema=../schema.json"
    assert len(lines) <= 100
    assert max(map(len, lines)) <= 120
    network = cnncalc.load(path)
    analysis = network.analyze()
    assert not network.warnings
    assert network.source
    assert analysis.published
    assert all(claim.agrees for claim in analysis.published)
    assert analysis.totals.uncounted == 0


HEADS = [(kind, head) for kind, family in FAMILIES.items() for head in family.classes]


@pytest.mark.parametrize(("kind", "head"), HEADS)
def test_every_head_becomes_yaml(kind: str, head: str, tmp_path: Path) -> None:
    """`import` writes it, reads it back and compares every layer."""
    (tmp_path / "config.json").write_text(json.dumps({"model_type": kind, "architectures": [head], **TINY[kind]}))
    network = cnncalc.load(tmp_path)
    again = cnncalc.parse(network.to_specification()[0])
    assert again.analyze().totals == network.analyze().totals


@pytest.mark.parametrize("kind", FAMILIES)
def test_without_a_class_it_is_the_model_without_a_head(kind: str) -> None:
    first = next(iter(FAMILIES[kind].classes))
    for names in (None, []):
        network = read({"model_type": kind, "architectures": names, **TINY[kind]})
        assert network.source.startswith(f"{first}, ")
        assert analyze(network).totals == totals({"model_type": kind, "architectures": [first], **TINY[kind]})


def test_classes_come_from_their_names() -> None:
    """`id2label` has one entry for each class, and there are two unless it is written."""
    vit = {"model_type": "vit", "architectures": ["ViTForImageClassification"], **TINY["vit"]}
    assert read(vit).nodes[-1].output == (2,)
    assert read({**vit, "id2label": {"0": "cat", "1": "dog", "2": "fox"}}).nodes[-1].output == (3,)
    assert read({**vit, "num_labels": 7}).nodes[-1].output == (7,)
    assert read({**vit, "id2label": {}}).nodes[-1].kind == "layernorm"


def test_notes_say_which_parameters_a_layer_uses() -> None:
    """Those of another layer, or a table besides its own."""
    gpt2 = read({"model_type": "gpt2", "architectures": ["GPT2LMHeadModel"], **TINY["gpt2"]})
    assert analyze(gpt2).rows[-1].notes == [("note", "uses the weights of `wte`")]
    assert analyze(gpt2).rows[-1].params == 0
    swin = analyze(read({"model_type": "swin", **TINY["swin"]}))
    notes = {note for row in swin.rows for _, note in row.notes if row.node.kind == "attend"}
    assert notes == {"adds a learned table of relative positions to the scores"}


def test_fields_that_are_missing_have_defaults() -> None:
    """A null is a missing field, and the defaults differ between models of one architecture."""
    llama, mistral = totals({"model_type": "llama"}), totals({"model_type": "mistral"})
    assert llama.params == 6_607_343_616
    assert mistral.params == 7_110_660_096
    assert totals({"model_type": "llama", "head_dim": None, "num_key_value_heads": None}) == llama


# -- inputs -------------------------------------------------------------------------------------------------------------


def test_the_number_of_tokens() -> None:
    """128 unless it is given, with a note that says so, and never more than the table of positions has."""
    gpt2 = {"model_type": "gpt2", **TINY["gpt2"]}
    usual = read(gpt2)
    assert [(node.name, str(node.output)) for node in usual.nodes[:2]] == [
        ("input_ids", "128"),
        ("position_ids", "128"),
    ]
    assert [found.code for found in usual.warnings] == ["assumed-length"]
    assert "128 tokens" in usual.warnings[0].text
    assert read({**gpt2, "n_positions": 64}).nodes[0].output == (64,)
    for given in ({"": "9"}, {"input_ids": "9"}, {"input_ids": "9", "position_ids": "9"}):
        network = read(gpt2, given)
        assert [str(node.output) for node in network.nodes[:3]] == ["9", "9", "9x8"]
        assert not network.warnings
    assert problem(gpt2, {"": "1025"}).text == "1,025 tokens are more than the 1,024 of the table of positions"
    assert problem(gpt2, {"": "9x3"}).code == "bad-argument"
    assert problem(gpt2, {"input_ids": "9", "position_ids": "8"}).code == "bad-argument"
    assert problem(gpt2, {"pixel_values": "9"}).help == "its inputs are `input_ids` and `position_ids`"


def test_attention_costs_the_square_of_the_tokens() -> None:
    """32 layers of 4*T*T*... with 8 heads: only the products of queries, keys and values grow faster than T."""
    fields = {"model_type": "llama", "num_hidden_layers": 1, "vocab_size": 10}
    one, two = totals(fields, {"": "100"}).macs, totals(fields, {"": "200"}).macs
    assert two - 2 * one == 2 * (200**2 - 2 * 100**2) * 4096


def test_the_image() -> None:
    """The size of the configuration, another one if there is no table of positions, or an error that tells how."""
    swin = {"model_type": "swin", **TINY["swin"]}
    assert read(swin).nodes[0].output == (64, 64, 3)
    assert read(swin, {"": "96x80x3"}).nodes[0].output == (96, 80, 3)
    assert problem(swin, {"": "96x80x4"}).code == "bad-argument"
    vit = {"model_type": "vit", **TINY["vit"]}
    assert read(vit, {"pixel_values": "32x32x3"}).nodes[0].output == (32, 32, 3)
    found = problem(vit, {"": "48x48x3"})
    assert found.text == "the table of positions is for images of 32x32, not of 48x48"
    assert found.help == "write `-p image_size=48`, which also changes the table"
    assert read(vit, {}, image_size="48").nodes[0].output == (48, 48, 3)
    assert "`-p image_size=[48,64]`" in problem(vit, {"": "48x64x3"}).help
    assert read(vit, {}, image_size="[48,64]").nodes[0].output == (48, 64, 3)


def test_whisper_has_two_kinds_of_inputs() -> None:
    whisper = {"model_type": "whisper", **TINY["whisper"]}
    assert read(whisper, {"decoder_input_ids": "5"}).nodes[1].output == (5,)
    assert read(whisper, {"input_features": "40x80", "decoder_input_ids": "5"}).nodes[0].output == (40, 80)
    assert problem(whisper, {"": "5"}).code == "unknown-input"
    assert "takes 40x80" in problem(whisper, {"input_features": "3000x80"}).text


# -- fields set from outside ----------------------------------------------------------------------------------------------


def test_a_field_can_be_set() -> None:
    """`-p num_hidden_layers=1` is the file with that field."""
    bert = {"model_type": "bert", **TINY["bert"]}
    assert totals(bert, num_hidden_layers="1") == totals({**bert, "num_hidden_layers": 1})
    assert (
        totals({**bert, "architectures": ["BertForMaskedLM"]}, tie_word_embeddings="false").params
        > totals({**bert, "architectures": ["BertForMaskedLM"]}).params
    )
    found = problem(bert, num_hidden_layer="1")
    assert (found.code, found.help) == ("unknown-parameter", "did you mean `num_hidden_layers`?")
    assert problem(bert, layer_norm_eps="1").code == "unknown-parameter"
    assert problem(bert, hidden_act="rélu").code == "unsupported"
    assert problem(bert, hidden_size="x").text.endswith("`hidden_size` must be a whole number; got `x`")


# -- what is refused ------------------------------------------------------------------------------------------------------

WRONG: list[tuple[str, Fields, str, str]] = [
    ("vit", {"hidden_size": "768"}, "bad-value", "`hidden_size` must be a whole number; got `768`"),
    ("vit", {"hidden_size": 8.0}, "bad-value", "`hidden_size` must be a whole number; got `8.0`"),
    ("vit", {"hidden_size": True}, "bad-value", "`hidden_size` must be a whole number; got `true`"),
    ("vit", {"hidden_size": -8}, "bad-value", "`hidden_size` must be at least 1; got `-8`"),
    ("vit", {"hidden_size": 0}, "bad-value", "`hidden_size` must be at least 1; got `0`"),
    ("vit", {"num_hidden_layers": 10**9}, "bad-value", "`num_hidden_layers` must be at most 1,000; got `1000000000`"),
    ("vit", {"hidden_size": 10**40}, "bad-value", "`hidden_size` must be at most 10,000,000; got a number of 41 digits"),
    ("vit", {"hidden_size": float("nan")}, "bad-value", "`hidden_size` must be a whole number; got `NaN`"),
    ("vit", {"num_attention_heads": 3}, "groups-do-not-divide", "`num_attention_heads` is 3, which does not divide"),
    ("vit", {"patch_size": [4, 4, 4]}, "bad-value", "`patch_size` must be one number, or height and width"),
    ("vit", {"patch_size": 64}, "bad-value", "`patch_size` is larger than the image, 32x32"),
    ("vit", {"qkv_bias": 1}, "bad-value", "`qkv_bias` must be true or false; got `1`"),
    ("vit", {"hidden_act": "gleu"}, "unsupported", "`hidden_act` is `gleu`, which cnncalc does not know"),
    ("vit", {"hidden_act": ["gelu"]}, "bad-value", "`hidden_act` must be a word"),
    ("vit", {"id2label": [1]}, "bad-value", "`id2label` must be a mapping"),
    ("vit", {"pruned_heads": {"0": [1]}}, "unsupported", "`pruned_heads` is a mapping of 1 entries"),
    ("vit", {"architectures": "ViTModel"}, "bad-value", "`architectures` must be a list"),
    ("vit", {"architectures": ["ViTForEverything"]}, "unsupported", "`architectures` is `ViTForEverything`"),
    ("resnet", {"depths": [2]}, "bad-value", "`hidden_sizes` has 2 numbers, but `depths` has 1"),
    ("resnet", {"depths": [1] * 5}, "unsupported", "`depths` has 5 stages"),
    ("resnet", {"depths": []}, "bad-value", "`depths` must be a list with one number for each stage; got `[]`"),
    ("resnet", {"depths": [1, "2"]}, "bad-value", "`depths[1]` must be a whole number; got `2`"),
    ("resnet", {"hidden_sizes": [3, 8]}, "bad-value", "`hidden_sizes` has 3, which a bottleneck cannot divide by 4"),
    ("convnext", {"num_stages": 3}, "bad-value", "`num_stages` is 3, but `depths` has 2 numbers"),
    ("convnext", {"layer_scale_init_value": float("nan")}, "bad-value", "`layer_scale_init_value` must be a number"),
    ("swin", {"window_size": 12}, "bad-value", "`window_size` is 12, but the feature map of stage 2 is only 8x8"),
    ("swin", {"mlp_ratio": float("inf")}, "bad-value", "`mlp_ratio` must be a number from 0 to 1,000; got `Infinity`"),
    ("swin", {"mlp_ratio": 0.01}, "bad-value", "`mlp_ratio` is too small"),
    ("swin", {"num_heads": [1, 3]}, "groups-do-not-divide", "`num_heads[1]` is 3, which does not divide `embed_dim * 2`, 16"),
    ("swin", {"patch_size": [4, 2]}, "unsupported", "`patch_size` is not a square"),
    ("segformer", {"num_encoder_blocks": 3}, "unsupported", "`num_encoder_blocks` is 3"),
    ("segformer", {"strides": [1, 2]}, "bad-value", "`strides` has 2 numbers, but `num_encoder_blocks` has 4"),
    ("bert", {"position_embedding_type": "relative_key"}, "unsupported", "`position_embedding_type` is `relative_key`"),
    ("bert", {"add_cross_attention": True}, "unsupported", "`add_cross_attention` is `true`"),
    ("llama", {"num_key_value_heads": 3}, "groups-do-not-divide", "`num_key_value_heads` is 3"),
    ("llama", {"hidden_size": 9}, "groups-do-not-divide", "`num_attention_heads` is 2, which does not divide"),
    ("whisper", {"decoder_attention_heads": 3}, "groups-do-not-divide", "`decoder_attention_heads` is 3"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "fields", "code", "text"), WRONG)
def test_a_mistake_is_named(kind: str, fields: Fields, code: str, text: str) -> None:
    found = problem({"model_type": kind, **TINY[kind], **fields})
    assert (found.code, found.where) == (code, None)
    assert found.text.startswith(f"m/config.json: {text}")


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ("", "bad-file", "not valid JSON"), ("[]", "bad-file", "does not contain the fields"), ("{}", "bad-value", "got `null`"),
        ('{"model_type": "bert", "model_type": "vit"}', "duplicate-key", "the key `model_type` twice"),
        ('{"model_type": 3}', "bad-value", "got `3`"), ('{"model_type": "mamba"}', "unsupported", "no architecture"),
        ('{"model_type": "berd"}', "unsupported", "no architecture"), ('{"model_type"', "bad-file", "line 1, column 14"),
        ('{"model_type": ' + "[" * 100_000, "too-large", "nested"), ('{"a": ' + "9" * 5000 + "}", "too-large", "digits"),
        (" " * (4 * 2**20 + 1), "too-large", "characters"),
    ],
)  # fmt: skip
def test_a_file_that_is_none(text: str, code: str, words: str) -> None:
    found = problem(text)
    assert found.code == code
    assert words in found.text


def test_an_image_that_is_too_small_names_the_configuration() -> None:
    """The layer's sentence stays, without a place in cnncalc's own file."""
    found = problem({"model_type": "convnext", "image_size": 8})
    assert found.where is None
    assert found.text.startswith("m/config.json: ")


def test_unknown_fields_are_warnings() -> None:
    """A field that cnncalc does not know may change the network."""
    network = read(
        {"model_type": "bert", **TINY["bert"], "depth_of_magic": 3, "auto_map": {"a": "b"}, "use_cache": True}
    )
    texts = [found.text for found in network.warnings if found.code == "unknown-setting"]
    assert texts == [
        "`auto_map` names code that comes with the model, which cnncalc does not read",
        "1 field unknown to cnncalc: `depth_of_magic`",
    ]
    quantized = read({"model_type": "llama", **TINY["llama"], "quantization_config": {"bits": 4}})
    assert "before quantization" in quantized.warnings[-1].text


def test_a_window_is_counted_in_full() -> None:
    mistral = {"model_type": "mistral", **TINY["mistral"]}
    assert [found.code for found in read({**mistral, "sliding_window": 64}).warnings] == [
        "assumed-length",
        "counted-in-full",
    ]
    assert [found.code for found in read(mistral).warnings] == ["assumed-length"]
    assert [found.code for found in read(mistral, {"": "5000"}).warnings] == ["counted-in-full"]


# -- as a SPEC ------------------------------------------------------------------------------------------------------------

Run = Callable[..., Ended]


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a configuration, in the current folder."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "my-vit"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"model_type": "vit", **TINY["vit"]}))
    return folder


@pytest.mark.usefixtures("model")
@pytest.mark.parametrize("spec", ["my-vit", "my-vit/", "./my-vit", "my-vit/config.json"])
def test_a_folder_is_a_spec(spec: str, ended: Run) -> None:
    done = ended("analyze", spec, "--get", "params")
    assert (done.status, done.out, done.err) == (0, "7488\n", "")


@pytest.mark.usefixtures("model")
def test_commands_take_it(ended: Run, tmp_path: Path) -> None:
    """It is imported under the name of its folder, and compared, and its fields are set with -p."""
    assert ended("import", "my-vit", "-o", "net.yaml").status == 0
    assert cnncalc.load(tmp_path / "net.yaml").name == "my-vit"
    assert ended("compare", "net.yaml", "./my-vit", "--exit-code").status == 0
    assert ended("analyze", "my-vit", "-p", "num_hidden_layers=1", "--get", "depth").out == "6\n"
    done = ended("analyze", "my-vit", "-p", "layers=1")
    assert done.status == 2
    assert "`layers` is not a field of ViTModel" in done.err


def test_a_folder_without_a_configuration(ended: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It stays an error, and a shipped architecture wins over a folder of its name."""
    monkeypatch.chdir(tmp_path)
    for name in ("empty", "lenet5"):
        (tmp_path / name).mkdir()
    (tmp_path / "lenet5" / "config.json").write_text("{}")
    assert "empty is a folder" in ended("analyze", "empty").err
    assert ended("analyze", "lenet5", "--get", "params").out == "61706\n"
    assert ended("analyze", "./lenet5").status != 0


@pytest.mark.parametrize("kind", FAMILIES)
def test_every_analysis_takes_every_family(kind: str) -> None:
    """Reports, pictures, memory, devices and receptive fields, without an error."""
    network = cnncalc.load({"model_type": kind, **TINY[kind]})
    analysis = network.analyze()
    assert analysis.to_text()
    assert network.report().to_html()
    assert network.draw().svg
    assert network.memory().to_dict()
    assert network.deploy().to_dict()
    assert network.reconcile().to_dict()
    assert all(network.explain(layer.name) for layer in analysis.layers[:3])
