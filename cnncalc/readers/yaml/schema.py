"""JSON Schema of architecture files for editors, derived from the layer classes. cnncalc itself does not use it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from cnncalc.analyses.quantities import EXPECTABLE, PUBLISHABLE
from cnncalc.layers import KINDS, Layer
from cnncalc.layers.fields import EXPRESSION, PARAMETER, Field
from cnncalc.layers.fields.sizes import To
from cnncalc.readers.yaml.branches import MERGES
from cnncalc.readers.yaml.inputs import LONG_FORM

NAME: dict[str, Any] = {"type": ["string", "number"]}  # `0` is a valid name, which YAML reads as a number
PROSE: dict[str, Any] = {"type": ["string", "number", "boolean"]}  # cnncalc reads `name: 2024` as text; YAML does not
STEPS: dict[str, Any] = {"anyOf": [{"type": "array", "items": {"$ref": "#/$defs/step"}}, {"$ref": "#/$defs/step"}]}
SHAPE: dict[str, Any] = {
    "anyOf": [
        {"type": "string", "pattern": r"^[0-9]+(x[0-9]+){0,3}$"},
        {"type": "integer", "minimum": 1},
        {"type": "object", "properties": dict.fromkeys(LONG_FORM, To("").schema()), "additionalProperties": False},
        PARAMETER,
    ]
}  # fmt: skip
BLOCK = "^[A-Z]"
TRAINABLE = {"description": "false freezes the parameters: they get no gradient", "type": "boolean"}


def schema() -> dict[str, Any]:
    """Return the schema of a whole file (JSON Schema 2020-12).

    >>> schema()["properties"]["layers"]["items"]
    {'$ref': '#/$defs/step'}
    """
    scalar = {"type": ["string", "number", "boolean"]}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "cnncalc architecture",
        "type": "object",
        "required": ["layers"],
        "additionalProperties": False,
        "properties": {
            "name": PROSE,
            "description": PROSE,
            "source": {**PROSE, "description": "the paper or variant that the file describes"},
            "input": {
                "description": "the shape of one example: 224x224x3 is height x width x channels",
                "anyOf": [*SHAPE["anyOf"], {"type": "object", "additionalProperties": SHAPE}],
            },
            "params": {"type": "object", "additionalProperties": scalar},
            "defaults": {
                "description": "kind -> fields",
                "type": "object",
                "properties": {word: _fields(layer, {"trainable": TRAINABLE}) for word, layer in KINDS.items()},
                "additionalProperties": False,
            },
            "blocks": {
                "description": "Signature(parameter, other=default) -> steps",
                "type": "object",
                "patternProperties": {BLOCK: STEPS},
                "additionalProperties": False,
            },
            "layers": {"type": "array", "items": {"$ref": "#/$defs/step"}},
            "outputs": {"anyOf": [NAME, {"type": "array", "items": NAME}]},
            "published": {
                "anyOf": [{"type": "array", "items": {"$ref": "#/$defs/published"}}, {"$ref": "#/$defs/published"}]
            },
        },
        "$defs": {
            **{layer.kind: _fields(layer) for layer in KINDS.values()},
            "step": {"anyOf": [{"$ref": "#/$defs/word"}, {"$ref": "#/$defs/mapping"}]},
            "word": {
                "anyOf": [
                    {"enum": [kind for kind in KINDS if kind not in MERGES]},
                    {"type": "string", "pattern": "^([A-Z]|\\$)"},
                ]
            },
            "mapping": _mapping(),
            "steps": STEPS,
            "operand": {"anyOf": [NAME, STEPS]},
            "published": {
                "type": "object",
                "properties": {
                    "source": PROSE,
                    "when": {"type": ["string", "boolean"]},
                    **{quantity: {"type": ["string", "number"]} for quantity in PUBLISHABLE},
                },
                "additionalProperties": False,
            },
        },
    }  # fmt: skip


def _mapping() -> dict[str, Any]:
    """Return the schema of a step written as a mapping: its layer or block, and its attributes."""
    residual = {
        "anyOf": [
            {
                "type": "object",
                "required": ["main"],
                "properties": {
                    "main": {"$ref": "#/$defs/steps"},
                    "projection": {
                        "description": "steps that the input passes through only where `main` changes the shape",
                        "anyOf": [{"const": "none"}, {"$ref": "#/$defs/steps"}],
                    },
                    "shortcut": {
                        "description": "steps that the input always passes through before it is added",
                        "$ref": "#/$defs/steps",
                    },
                },
                "not": {"required": ["projection", "shortcut"]},
                "additionalProperties": False,
            },
            {"type": "array", "items": {"$ref": "#/$defs/step"}},
        ]
    }  # fmt: skip
    figure = {"type": ["string", "number"]}
    layers = {kind: _layer(layer) for kind, layer in KINDS.items() if kind not in MERGES}
    return {
        "type": "object",
        "properties": {
            **layers,
            **{kind: _operands(layer) for kind, layer in MERGES.items()},
            **{name: _field(field) for layer in MERGES.values() for name, field in layer.fields.items()},
            "seq": {**STEPS, "description": "a group of steps, to repeat or name it"},
            "residual": {**residual, "description": "steps plus their input"},
            "as": {**NAME, "description": "a name for the value"},
            "from": {**NAME, "description": "take the input from a name"},
            "repeat": {"anyOf": [{"type": "integer", "minimum": 0}, EXPRESSION]},
            "when": {"anyOf": [{"type": "boolean"}, {"type": "string"}]},
            "share": {**NAME, "description": "reuse the weights of a named step above"},
            "trainable": {"description": TRAINABLE["description"], "anyOf": [{"type": "boolean"}, EXPRESSION]},
            "holds": {
                "description": "the parameters and buffers that the layer itself holds; other layers hold the rest",
                "type": "object",
                "additionalProperties": {"anyOf": [{"type": "integer", "minimum": 0}, EXPRESSION]},
            },
            "expect": {
                "description": "the figures that you worked out by hand",
                "anyOf": [
                    figure,
                    {"type": "object", "properties": dict.fromkeys(EXPECTABLE, figure), "additionalProperties": False},
                ],
            },
        },
        "patternProperties": {BLOCK: {}},
        "additionalProperties": False,
    }  # fmt: skip


def _summary(layer: type[Layer]) -> str:
    return (layer.__doc__ or "").strip().split("\n")[0]


def _operands(layer: type[Layer]) -> dict[str, Any]:
    """Return the schema of the operands of a merge, in a list or by label."""
    least = layer.inputs or layer.least_operands
    operand = {"$ref": "#/$defs/operand"}
    return {
        "description": _summary(layer),
        "anyOf": [
            {"type": "array", "items": operand, "minItems": least},
            {"type": "object", "additionalProperties": operand, "minProperties": least},
        ],
    }


def _field(field: Field[Any]) -> dict[str, Any]:
    return {**field.schema(), "description": field.help}


def _fields(layer: type[Layer], more: Mapping[str, Any] = MappingProxyType({})) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {**{name: _field(field) for name, field in layer.fields.items()}, **more},
        "additionalProperties": False,
    }


def _layer(layer: type[Layer]) -> dict[str, Any]:
    """Return the schema of a layer's value: one value for its first field, or a mapping of fields."""
    first = next(iter(layer.fields.values()), None)
    options = [first.schema()] if first is not None else []
    return {"description": _summary(layer), "anyOf": [*options, {"$ref": f"#/$defs/{layer.kind}"}]}
