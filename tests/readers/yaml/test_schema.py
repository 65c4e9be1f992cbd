"""The JSON Schema of architecture files: valid, complete, and consistent with cnncalc's own reader."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
import yaml

from cnncalc import shelf
from cnncalc.api.pages import example_network
from cnncalc.cli import cli
from cnncalc.cli.commands.new import STARTER
from cnncalc.cli.run import run
from cnncalc.layers import KINDS
from cnncalc.problem import Refused
from cnncalc.readers.yaml.branches import MERGES
from cnncalc.readers.yaml.schema import schema
from cnncalc.readers.yaml.vocabulary import KEYS
from tests.helpers import ROOT, network_of

SCHEMA = schema()
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
MAPPING = SCHEMA["$defs"]["mapping"]["properties"]


def fits(text: str) -> bool:
    """Return whether an editor with the schema accepts the file. Editors read YAML as PyYAML does."""
    return bool(VALIDATOR.is_valid(yaml.safe_load(text)))


def accepted(text: str) -> bool:
    """Return whether cnncalc reads the file."""
    try:
        network_of(text)
    except Refused:
        return False
    return True


def parts(value: Any) -> Iterator[dict[str, Any]]:
    """Yield every mapping inside the schema."""
    if isinstance(value, dict):
        yield value
        for inner in value.values():
            yield from parts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from parts(inner)


# -- the schema itself -----------------------------------------------------------------------------------------------


def test_the_schema_is_valid() -> None:
    """JSON Schema 2020-12, every reference has a target, and it survives JSON."""
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    for part in parts(SCHEMA):
        reference = part.get("$ref")
        if isinstance(reference, str):
            assert reference.removeprefix("#/$defs/") in SCHEMA["$defs"]
    assert json.loads(json.dumps(SCHEMA)) == SCHEMA


def test_the_command_prints_it(capsys: pytest.CaptureFixture[str]) -> None:
    """`cnncalc schema > schema.json`."""
    assert run(cli, ["schema"]) == 0
    assert json.loads(capsys.readouterr().out) == SCHEMA


def test_the_stored_schema_is_current(capsys: pytest.CaptureFixture[str], overwrite: bool) -> None:
    """Editors of files on the shelf read it. `pytest tests/readers/yaml/test_schema.py --overwrite` rewrites it."""
    assert run(cli, ["schema"]) == 0
    printed, stored = capsys.readouterr().out, ROOT / "architectures" / "schema.json"
    if overwrite:
        stored.write_text(printed, encoding="utf-8")
    assert stored.read_text(encoding="utf-8") == printed


def test_every_key_of_a_file_is_in_it() -> None:
    """And no other key."""
    assert set(SCHEMA["properties"]) == set(KEYS)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_in_it(kind: str) -> None:
    """As a step, with the first sentence of its documentation, in `defaults`, and as a bare word."""
    layer = KINDS[kind]
    assert MAPPING[kind]["description"]
    assert MAPPING[kind]["description"] in (layer.__doc__ or "")
    assert kind in SCHEMA["properties"]["defaults"]["properties"]
    assert (kind in SCHEMA["$defs"]["word"]["anyOf"][0]["enum"]) == (kind not in MERGES)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in MERGES])
def test_every_field_is_in_it(kind: str) -> None:
    """With its help, as in the kind's table."""
    fields = SCHEMA["$defs"][KINDS[kind].kind]["properties"]
    assert {name: field["description"] for name, field in fields.items()} == {
        name: field.help for name, field in KINDS[kind].fields.items()
    }
    assert all(field["description"] for field in fields.values())


# -- files that are right --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", shelf.names())
def test_the_shelf_fits(name: str) -> None:
    """Every shipped file, as an editor reads it. All keys are text."""
    path = shelf.path(name)
    assert path is not None
    text = Path(path).read_text(encoding="utf-8")
    data = yaml.safe_load(text)
    assert all(isinstance(key, str) for part in parts(data) for key in part)
    VALIDATOR.validate(data)


@pytest.mark.parametrize("kind", KINDS)
def test_the_example_of_a_kind_fits(kind: str) -> None:
    """The example that `explain` shows."""
    assert fits(example_network(KINDS[kind].example))
    assert accepted(example_network(KINDS[kind].example))


def test_the_starter_fits() -> None:
    """The file that `new` prints."""
    assert fits(STARTER)
    assert accepted(STARTER)


def test_json_fits() -> None:
    """A specification may be JSON."""
    assert fits('{"input": "8x8x3", "layers": [{"conv": {"filters": 4, "kernel": 3}}, "relu"]}')


RIGHT = [
    # inputs
    "input: 784\nlayers: [relu]",
    "input: {height: 8, width: 8, channels: 3}\nlayers: [relu]",
    "input: {steps: 8, features: 3}\nlayers: [relu]",
    "input: {left: 8x8x3, right: 10}\nlayers: [relu]",
    "params: {size: 8x8x3}\ninput: $size\nlayers: [relu]",
    "params: {side: 8}\ninput: {height: $side, width: 2*$side, channels: 3}\nlayers: [relu]",
    # fields of windows
    *[
        f"input: 32x32x3\nlayers: [conv: {{filters: 4, kernel: 3, {field}}}]"
        for field in (
            "pad: same",
            "pad: valid",
            "pad: 1",
            "pad: 0x1",
            "pad: {top: 1, bottom: 2}",
            "stride: 2",
            "stride: 1x2",
            "dilation: 2",
            "bias: false",
            "pad: 3 // 2",
            "stride: 1 + 1",
            "pad: $in_channels",
        )
    ],
    "input: 32x32x3\nlayers: [conv: {filters: 4, kernel: 1x7, pad: 0x3}]",
    "input: 32x32x3\nlayers: [maxpool: {kernel: 3, stride: 2, ceil: true}]",
    "input: 32x32x3\nlayers: [maxpool: 3x2]",
    "input: 32x32x3\nlayers: [{dropout: 0.5}, {dropout: 1 - 0.5}]",
    "input: 32x32x3\nlayers: [adaptiveavgpool: 7x7, {reshape: 49x3}, {permute: 1x0}]",
    "input: 32x32x3\nlayers: [{permute: [1, 0, 2]}]",
    "input: 32x32x3\nlayers: [{upsample: {factor: 2, mode: bilinear}}, {resize: {to: 80x90}}]",
    # steps
    "input: 8x8x3\ndefaults: {conv: {kernel: 3, pad: 1}}\nlayers: [conv: 4, {conv: {filters: 4}}]",
    "input: 8x8x3\nlayers: [{seq: [relu, relu], repeat: 2, as: twice}, {seq: relu}]",
    "input: 8x8x3\nlayers: [{relu: {}, as: a}, {relu: {}, from: a}, {add: [a, prev]}]",
    "input: 8x8x3\nparams: {n: 2}\n"
    "layers: [{relu: {}, repeat: $n}, {relu: {}, when: $n == 2}, {relu: {}, when: false}]",
    "input: 8x8x3\nlayers: [{residual: [relu]}, {residual: {main: [relu], projection: none}}]",
    "input: 8x8x3\nlayers: [{residual: {main: [maxpool: 2], projection: [avgpool: 2]}}]",
    "input: 8x8x3\nlayers: [{concat: [[relu], prev, input], axis: channels}]",
    "input: 8x8x3\nlayers: [{mul: {value: prev, gate: [globalavgpool]}}]",
    "input: 8x8x3\nlayers: [{concat: {old: prev, new: [relu]}}, {add: {a: prev, b: [relu]}}]",
    "input: 8x8x3\nlayers: [{fc: 5, as: a}, {fc: 5, from: input, share: a}]",
    "input: 8x8x3\nlayers: [{relu: {}, as: enc-1}, {relu: {}, from: enc-1}]\noutputs: enc-1",
    "input: 8x8x3\nlayers: [{relu: {}, as: a}, {relu: {}, as: b}]\noutputs: [a, b]",
    "input: 8x8x3\nlayers: [relu]\noutputs: input",
    # blocks and parameters
    "input: 8x8x3\nblocks:\n  Unit(k, act=relu): [{conv: {filters: $k, kernel: 1}}, $act]\n"
    "layers: [Unit: 4, Unit: [4, tanh], {Unit: {k: 4}}]",
    "input: 8x8x3\nblocks: {Unit: relu}\nlayers: [Unit, {Unit: [], repeat: 2, as: u}]",
    "input: 8x8x3\nparams: {act: tanh, wide: 2, on: true}\n"
    "layers: [$act, {conv: {filters: 4*$wide, kernel: 1, bias: $on}}]",
    # claims
    "input: 8x8x3\nlayers: [{fc: 5, expect: 5}, {fc: 5, expect: {output: 5, params: 30, macs: 25}}]",
    "input: 8x8x3\nlayers: [{maxpool: 2, expect: 4x4x3}, {relu: {}, expect: {receptive_field: 2x2}}]",
    "input: 8x8x3\npublished: {source: me, params: 138M, memory: 93MB, depth: 3}\nlayers: [relu]",
    "input: 8x8x3\nparams: {n: 1}\npublished: [{source: 2014, params: 12, when: $n == 1}]\nlayers: [relu]",
    "name: 2024\ndescription: 3.14\nsource: true\ninput: 8x8x3\nlayers: [relu]",
]


@pytest.mark.parametrize("text", RIGHT)
def test_valid_files_fit(text: str) -> None:
    """An editor must not mark valid files."""
    assert accepted(text)
    VALIDATOR.validate(yaml.safe_load(text))


# -- files that are wrong --------------------------------------------------------------------------------------------

WRONG = [
    "input: 8x8x3",  # no layers
    "[relu]",
    "input: 8x8x3\nlayer: [relu]",
    "input: 8x8x3\nlayers: [relu]\nversion: 2",
    "input: 8x8x3\nlayers: relu",
    "input: 8x8x3\nlayers: [rlu]",
    "input: 8x8x3\nlayers: [Conv2d: 5]\nblocks: [Conv2d]",
    "input: 8x8x3\nlayers: [{conv: {filters: 4, kernel_size: 3}}]",
    "input: 8x8x3\nlayers: [{conv: {filters: four, kernel: 3}}]",
    "input: 8x8x3\nlayers: [{conv: {filters: 0, kernel: 3}}]",
    "input: 8x8x3\nlayers: [{conv: {filters: 4, kernel: 3, bias: 2}}]",
    "input: 8x8x3\nlayers: [{conv: {filters: 4, kernel: 3, pad: sme}}]",
    "input: 8x8x3\nlayers: [{conv: {filters: 4, kernel: 3, pad: {above: 1}}}]",
    "input: 8x8x3\nlayers: [{maxpool: {kernel: 2, dilation: 1, groups: 2}}]",
    "input: 8x8x3\nlayers: [{relu: {}, name: a}]",
    "input: 8x8x3\nlayers: [{relu: {}, repeat: -1}]",
    "input: 8x8x3\nlayers: [{dropout: 1.5}]",
    "input: 8x8x3\nlayers: [{add: prev}]",
    "input: 8x8x3\nlayers: [add]",
    "input: 8x8x3\nlayers: [{residual: {projection: none}}]",
    "input: 8x8x3\nlayers: [{upsample: {factor: 2, mode: smooth}}]",
    "input: [8, 8, 3]\nlayers: [relu]",
    "input: 8 by 8\nlayers: [relu]",
    "input: 8x8x3\ndefaults: {conv: {size: 3}}\nlayers: [relu]",
    "input: 8x8x3\ndefaults: {convolution: {kernel: 3}}\nlayers: [relu]",
    "input: 8x8x3\nblocks: {unit: [relu]}\nlayers: [relu]",
    "input: 8x8x3\nlayers: [{fc: 5, expect: {outputs: 5}}]",
    "input: 8x8x3\npublished: {flops: 3G}\nlayers: [relu]",
]


@pytest.mark.parametrize("text", WRONG)
def test_invalid_files_do_not_fit(text: str) -> None:
    """Neither the editor nor cnncalc accepts it."""
    assert not fits(text)
    assert not accepted(text)
