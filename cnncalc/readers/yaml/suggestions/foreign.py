"""Translation of a layer of another tool into a step that makes the same layer, as text to paste.

A layer is translated only if every one of its parameters is understood. Imported only after a mistake, to keep the start
fast.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

from cnncalc.layers.base import KINDS
from cnncalc.layers.fields.notation import spell
from cnncalc.layers.lookup import foreign_names
from cnncalc.readers.yaml.suggestions.foreign_step import Step, Unknown
from cnncalc.readers.yaml.suggestions.foreign_text import Foreign, Raw
from cnncalc.readers.yaml.suggestions.foreign_words import (
    ACTIVATIONS,
    IGNORED,
    IGNORED_ENDS,
    NO_ACTIVATION,
    PREFIXES,
    TOOLS,
)

LONGEST = 150  # characters of a suggestion


# parameters for the size of the input, which cnncalc does not need; they must be numbers
SIZES = ("in_channels", "in_features", "num_features", "input_size", "num_channels")


class Row:
    """One row of the tables in `foreign_words`."""

    __slots__ = ("always", "any", "kind", "parameters", "tool")

    def __init__(self, tool: str, kind: str, text: str) -> None:
        self.tool = tool
        self.kind = kind
        words = text.split()
        self.any = "*" in words
        self.always = dict(word[1:].split(":", 1) for word in words if word[0] == "+")
        self.parameters = [word for word in words if word[0] not in "+*"]


_ROWS: dict[str, list[Row]] = {}


def rows_for(word: str, tool: str | None = None) -> list[Row]:
    """The rows for a name, with those of `tool` first. If no tool has exactly this name, compare without case and `_`."""
    if not _ROWS:
        for owner, table in TOOLS.items():
            for line in table.strip().replace("\n  ", " ").split("\n"):
                names, kind, parameters = (part.strip() for part in line.split("|"))
                for name in names.split():
                    _ROWS.setdefault(name, []).append(Row(owner, kind or name.lower(), parameters))
    rows = _ROWS.get(word, [])
    if not rows or (tool is not None and all(row.tool != tool for row in rows)):
        folded = word.casefold().replace("_", "")
        rows = [row for name, others in _ROWS.items() if name.casefold() == folded for row in others]
    return sorted(rows, key=lambda row: row.tool != tool) if tool is not None else rows


def translate(layer: Foreign) -> tuple[str, str] | None:
    """The step that makes the same layer, and the tool whose notation was assumed. None if a part is not understood.

    >>> translate(Foreign("Conv2d", [3, 16, 3], {"padding": 1}))
    ('conv: {filters: 16, kernel: 3, pad: 1}', 'PyTorch')
    """
    step = _step(layer)
    if step is None:
        return None
    try:
        text = step.text()
    except Unknown:
        return None
    return (text, step.tool) if len(text) <= LONGEST else None


def translations(layer: Foreign) -> list[tuple[str, str]]:
    """All translations of an ambiguous name such as `conv2d(16, 3, 2)`, each with the tool whose notation is assumed."""
    if layer.word in _ROWS or layer.prefix in PREFIXES:
        translation = translate(layer)
        return [translation] if translation is not None else []
    texts: dict[str, str] = {}
    for row in rows_for(layer.word):
        with suppress(Unknown):
            texts.setdefault(_apply(row, layer).text(), row.tool)
    return [(text, tool) for text, tool in texts.items() if len(text) <= LONGEST]


def _step(layer: Foreign) -> Step | None:
    if layer.prefix in ("F", "functional"):  # the first argument is the input
        if not layer.positional or not isinstance(layer.positional[0], str):
            return None
        layer = Foreign(layer.word, layer.positional[1:], layer.keywords, layer.prefix)
    for row in rows_for(layer.word, PREFIXES.get(layer.prefix)):
        with suppress(Unknown):
            step = _apply(row, layer)
            step.text()
            return step
    return None


def _apply(row: Row, layer: Foreign) -> Step:
    """Translate a layer with one row of the tables.

    Raises:
        Unknown: if the row does not cover every parameter of the layer.
    """
    step = Step(row.tool, row.kind)
    arguments = dict(layer.keywords) if row.any else _arguments(row, layer)
    pieces: dict[str, dict[int, Any]] = {}
    for parameter in row.parameters:
        name, usual = parameter.partition("=")[::2]
        name, field = name.partition(">")[::2]
        name, rule = name.partition("@")[::2]
        name, only = name.partition("!")[::2]
        if only:
            _check(arguments, name, only)
        if name in SIZES and not isinstance(arguments.get(name, 0), (int, Raw)):
            raise Unknown  # perhaps the value that the layer is applied to
        if rule:
            RULES[rule](step, arguments.get(name), arguments)
        elif field and name in arguments:
            field, place = field.partition(".")[::2]
            value = _field_value(arguments[name], field, usual)
            if place:
                pieces.setdefault(field, {})[int(place)] = value
            elif value is not None:
                step.fields[field] = value
        elif usual:
            step.fields[field.partition(".")[0]] = usual
        if only and field and name not in arguments:
            step.fields.pop(field, None)
    for field, parts in pieces.items():
        if set(parts) != {0, 1}:
            raise Unknown
        step.fields[field] = (parts[0], parts[1])
    for field, text in row.always.items():
        step.fields[field] = {"true": True, "1": 1}.get(text, text)
    return step


def _arguments(row: Row, layer: Foreign) -> dict[str, Any]:
    """The arguments of a layer by the tool's parameter names, without those that are ignored.

    Raises:
        Unknown: if there are too many values, or a parameter that the tool does not have.
    """
    names = [parameter.split("=")[0].split(">")[0].split("@")[0].split("!")[0] for parameter in row.parameters]
    positional = list(layer.positional)
    arguments = dict(layer.keywords)
    if row.tool == "MATLAB":  # pairs such as 'Stride', 2 follow the first values
        start = next((place for place, value in enumerate(positional) if value in names), len(positional))
        pairs = zip(positional[start::2], positional[start + 1 :: 2], strict=False)
        arguments.update((name, value) for name, value in pairs if isinstance(name, str))
        positional = positional[:start]
    if len(positional) > len(names):
        raise Unknown
    for name, value in zip(names, positional, strict=False):
        if name in arguments:
            raise Unknown
        arguments[name] = value
    fields = {parameter.split("=")[0].partition(">")[2] for parameter in row.parameters} - {""}
    for name in [name for name in arguments if name not in names]:
        if name in fields:  # the field has its name in cnncalc
            theirs = next(one for one in row.parameters if one.split("=")[0].endswith(">" + name))
            arguments.setdefault(theirs.split(">")[0].split("!")[0], arguments.pop(name))
        elif name in IGNORED or name.endswith(IGNORED_ENDS):
            del arguments[name]
        else:
            raise Unknown
    return arguments


def _check(arguments: dict[str, Any], name: str, only: str) -> None:
    """Check a parameter that must have certain values, as in `name!a,b` or `name!!a`."""
    needed = only.startswith("!")
    if name not in arguments:
        if needed:
            raise Unknown
        return
    value = arguments[name]
    if not isinstance(value, (int, float, str, tuple)) and value is not None:
        raise Unknown
    text = "none" if value is None else value if isinstance(value, str) else spell(value)
    if text.lower() not in only.lstrip("!").lower().split(","):
        raise Unknown


def _field_value(value: Any, field: str, usual: str) -> Any:
    """Convert a value of another tool to one for the field. None keeps the default of the field."""
    if isinstance(value, Foreign):
        raise Unknown
    if field == "returns" and isinstance(value, bool):
        return "sequence" if value else "last"
    return usual if field == "bias" and usual and value is True else value


# -- rules for parameters that are not the value of a field -----------------------------------------------------------


def _add_activation(step: Step, value: Any, arguments: dict[str, Any]) -> None:
    """Append the activation as a step. If the layer is only an activation, use it as the step itself."""
    word = _activation_word(value)
    if step.kind == "activation":
        if word is None:
            raise Unknown
        step.whole = word
    elif word not in (None, "identity"):
        step.after.append(str(word))


def _activation_word(value: Any) -> str | None:
    if value is None:
        return None
    text = value.word if isinstance(value, Foreign) else value
    if not isinstance(text, str) or isinstance(text, Raw):
        raise Unknown
    folded = text.rpartition(".")[2].casefold()
    if folded in NO_ACTIVATION:
        return "identity"
    word = ACTIVATIONS.get(folded) or (folded if folded in KINDS else foreign_names().get(folded, ""))
    if word not in KINDS or any(field.required for field in KINDS[word].fields.values()) or KINDS[word].inputs != 1:
        raise Unknown
    return KINDS[word].kind


def _add_rectifier(step: Step, value: Any, arguments: dict[str, Any]) -> None:
    """Add the rectifier that ends Lasagne's layers unless `nonlinearity` is another function."""
    _add_activation(step, value if "nonlinearity" in arguments else "relu", arguments)


def _set_normalized_axes(step: Step, value: Any, arguments: dict[str, Any]) -> None:
    """Normalize every element if the shape has several axes."""
    if isinstance(value, tuple) and len(value) > 1:
        step.fields["per"] = "element"


def _set_slopes(step: Step, value: Any, arguments: dict[str, Any]) -> None:
    """Use one slope per channel if there are several."""
    if value not in (None, 1):
        step.fields["per"] = "channel"


def _set_sides(step: Step, value: Any, arguments: dict[str, Any]) -> None:
    """Name the sides of PyTorch's padding, whose order is left, right, top, bottom, front, back."""
    if isinstance(value, tuple):
        names = ("left", "right", "top", "bottom", "front", "back") if len(value) > 2 else ("start", "end")
        if len(value) not in (2, 4, 6):
            raise Unknown
        value = dict(zip(names, value, strict=False))
    step.fields["by"] = value


def _set_keras_sides(step: Step, value: Any, arguments: dict[str, Any]) -> None:
    """Name the sides of Keras' padding, which gives a pair per axis."""
    if value is None:
        value = 1
    if isinstance(value, tuple) and all(isinstance(pair, tuple) and len(pair) == 2 for pair in value):
        names = {2: ("top", "bottom", "left", "right"), 3: ("front", "back", "top", "bottom", "left", "right")}
        if len(value) not in names:
            raise Unknown
        value = dict(zip(names[len(value)], [side for pair in value for side in pair], strict=True))
    step.fields["by"] = value


def _set_transposed_stride(step: Step, value: Any, arguments: dict[str, Any]) -> None:
    """Take the strides of Keras' transposed convolution, unless a stride is larger than the kernel.

    Its output is W*S even then, which cnncalc's is not.
    """
    kernel = arguments.get("kernel_size")
    if value is None or value == ():
        return
    if not isinstance(value, (int, tuple)) or not isinstance(kernel, (int, tuple)):
        raise Unknown
    strides = value if isinstance(value, tuple) else (value,)
    kernels = kernel if isinstance(kernel, tuple) else (kernel,)
    if not all(type(number) is int for number in (*strides, *kernels)) or not kernels or max(strides) > min(kernels):
        raise Unknown
    step.fields["stride"] = value


def _set_half_padding(step: Step, value: Any, arguments: dict[str, Any]) -> None:
    """Take Darknet's `pad: 1`, which pads by half the kernel."""
    size = arguments.get("size", 1)
    if value and type(size) is int:
        step.fields["pad"] = size // 2
    elif value:
        raise Unknown


def _add_batchnorm(step: Step, value: Any, arguments: dict[str, Any]) -> None:
    """Append a batch normalization, which replaces the bias."""
    if value:
        step.fields["bias"] = False
        step.after.append("batchnorm")


def _set_permutation(step: Step, value: Any, arguments: dict[str, Any]) -> None:
    """Count the axes from 0. Keras counts them from 1."""
    if not isinstance(value, tuple) or not value or not all(type(axis) is int for axis in value):
        raise Unknown
    step.whole = f"permute: {'x'.join(str(axis - 1) for axis in value)}"


def _write_encoder(step: Step, value: Any, arguments: dict[str, Any]) -> None:
    """Write PyTorch's encoder layer as attention and two linear layers, each with a shortcut and a layer norm."""
    heads, wide, rate = arguments.get("nhead"), arguments.get("dim_feedforward", 2048), arguments.get("dropout", 0.1)
    if not all(type(number) is int for number in (value, heads, wide)) or not isinstance(rate, (int, float)):
        raise Unknown
    act = _activation_word(arguments.get("activation", "relu"))
    drop = f", dropout: {rate:g}" if rate else ""
    inner = f"linear: {wide}, {act}{drop}, linear: {value}{drop}"
    first = bool(arguments.get("norm_first", False))
    mains = [f"residual: [{'layernorm, ' if first else ''}{main}]" for main in (f"attention: {heads}{drop}", inner)]
    step.whole = f"seq: [{', '.join(mains) if first else ', layernorm, '.join([*mains, ''])}".removesuffix(", ") + "]"


def _unwrap_time_distributed(step: Step, value: Any, arguments: dict[str, Any]) -> None:
    """Unwrap Keras' TimeDistributed. Only dense layers are supported, which work on every step anyway."""
    inner = _inner_step(value)
    if inner.kind != "linear":
        raise Unknown
    step.whole, step.after = inner._line(), inner.after


def _unwrap_bidirectional(step: Step, value: Any, arguments: dict[str, Any]) -> None:
    """Unwrap Keras' Bidirectional around a recurrent layer."""
    inner = _inner_step(value)
    if inner.kind not in ("lstm", "gru", "rnn"):
        raise Unknown
    inner.fields["bidirectional"] = True
    step.whole = inner._line()


def _inner_step(value: Any) -> Step:
    inner = (
        _step(Foreign(value.word, value.positional, value.keywords, "keras")) if isinstance(value, Foreign) else None
    )
    if inner is None:
        raise Unknown
    return inner


RULES: dict[str, Callable[[Step, Any, dict[str, Any]], None]] = {
    "activation": _add_activation,
    "rectified": _add_rectifier,
    "normalized": _set_normalized_axes,
    "slopes": _set_slopes,
    "sides": _set_sides,
    "keras_sides": _set_keras_sides,
    "spread": _set_transposed_stride,
    "half": _set_half_padding,
    "normalized_after": _add_batchnorm,
    "dims": _set_permutation,
    "encoder": _write_encoder,
    "everywhere": _unwrap_time_distributed,
    "both": _unwrap_bidirectional,
}


def names() -> Iterator[str]:
    """Every name in the tables."""
    rows_for("")
    yield from _ROWS
