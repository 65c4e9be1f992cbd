"""Translation of a layer of another tool into a step that makes the same layer, as text to paste.

A layer is translated only if every one of its parameters is understood. Imported only after a mistake, to keep the start
fast.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Any

from cnncalc.layers.base import KINDS, Layer
from cnncalc.layers.fields import Choice, Field, Flag
from cnncalc.layers.lookup import foreign_names
from cnncalc.layers.notation import spell
from cnncalc.layers.sized_like import SizedLike
from cnncalc.layers.sizes import Pad
from cnncalc.problem import Problem
from cnncalc.readers.yaml import values as value_of
from cnncalc.readers.yaml.suggestions.foreign_text import Foreign, Raw
from cnncalc.readers.yaml.suggestions.foreign_words import (
    ACTIVATIONS,
    IGNORED,
    IGNORED_ENDS,
    NO_ACTIVATION,
    PREFIXES,
    TOOLS,
)
from cnncalc.readers.yaml.tree import Scalar

LONGEST = 150  # characters of a suggestion


# parameters for the size of the input, which cnncalc does not need; they must be numbers
SIZES = ("in_channels", "in_features", "num_features", "input_size", "num_channels")


class Unknown(Exception):
    """Raised if the meaning of a parameter or value is not known."""


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


class Step:
    """A step that is being translated: its kind, its fields, and the steps that follow it."""

    def __init__(self, tool: str, kind: str) -> None:
        self.tool = tool
        self.kind = kind
        self.fields: dict[str, Any] = {}
        self.after: list[str] = []
        self.whole = ""  # the text, if it is not made from the fields

    def text(self) -> str:
        """The step, to be written after a dash.

        Raises:
            Unknown: if a field does not accept its value, or a required field is missing.
        """
        line = self.whole or self._line()
        return f"seq: [{', '.join([line, *self.after])}]" if self.after else line

    def _line(self) -> str:
        kind = KINDS.get(self.kind)
        if (
            kind is None or kind.inputs is None or kind.inputs - kind.reference_inputs != 1
        ):  # its operands are not known
            raise Unknown
        written = {}
        for name, value in self.fields.items():
            field = kind.fields.get(name)
            if field is None:
                raise Unknown
            text = _spell_value(field, value)
            if text != _default_text(field):
                written[name] = text
        if any(field.required and name not in written for name, field in kind.fields.items()):
            raise Unknown
        if not _is_complete(kind, written):
            raise Unknown
        if not written:
            return kind.kind
        first = next(iter(kind.fields))
        if list(written) == [first] and not isinstance(kind.fields[first], Flag) and written[first][0] != "{":
            return f"{kind.kind}: {written[first]}"
        ordered = [f"{name}: {written[name]}" for name in kind.fields if name in written]
        return f"{kind.kind}: {{{', '.join(ordered)}}}"


def _is_complete(kind: type[Layer], written: Iterable[str]) -> bool:
    """Return whether a layer that can borrow its size from another value has a field for the size."""
    return not issubclass(kind, SizedLike) or not set(kind.size_fields).isdisjoint(written)


def _default_text(field: Field[Any]) -> str | None:
    return None if field.required or field.default is None else field.show(field.default)


def _spell_value(field: Field[Any], value: Any) -> str:
    """Write a value in the notation of the field.

    Raises:
        Unknown: if the field does not accept the value.
    """
    if isinstance(value, Raw):
        return str(value)
    if not isinstance(value, (int, float, str, tuple, dict)):
        raise Unknown
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(field, Choice) and isinstance(value, bool):  # the bias of a recurrent layer is a word here
        value = field.default if value else "none"
    if isinstance(value, str):
        value = value.lower()
        if isinstance(field, Pad) and value == "half":
            value = "same"
    if isinstance(value, dict) and not all(type(number) is int for number in value.values()):
        raise Unknown
    if isinstance(value, tuple):
        if not value or not all(type(number) is int for number in value):
            raise Unknown
        value = value[0] if len(set(value)) == 1 and field.name != "to" else value
    text = spell(value) if not isinstance(value, float) else f"{value:g}"
    try:
        return field.show(
            field.read(value_of.constant(Scalar(text, False, None)) if not isinstance(value, dict) else value)
        )
    except Problem:
        raise Unknown from None


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
        if not layer.placed or not isinstance(layer.placed[0], str):
            return None
        layer = Foreign(layer.word, layer.placed[1:], layer.named, layer.prefix)
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
    given = dict(layer.named) if row.any else _arguments(row, layer)
    pieces: dict[str, dict[int, Any]] = {}
    for parameter in row.parameters:
        name, usual = parameter.partition("=")[::2]
        name, field = name.partition(">")[::2]
        name, rule = name.partition("@")[::2]
        name, only = name.partition("!")[::2]
        if only:
            _check(given, name, only)
        if name in SIZES and not isinstance(given.get(name, 0), (int, Raw)):
            raise Unknown  # perhaps the value that the layer is applied to
        if rule:
            RULES[rule](step, given.get(name), given)
        elif field and name in given:
            field, place = field.partition(".")[::2]
            value = _field_value(given[name], field, usual)
            if place:
                pieces.setdefault(field, {})[int(place)] = value
            elif value is not None:
                step.fields[field] = value
        elif usual:
            step.fields[field.partition(".")[0]] = usual
        if only and field and name not in given:
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
    placed = list(layer.placed)
    given = dict(layer.named)
    if row.tool == "MATLAB":  # pairs such as 'Stride', 2 follow the first values
        start = next((place for place, value in enumerate(placed) if value in names), len(placed))
        pairs = zip(placed[start::2], placed[start + 1 :: 2], strict=False)
        given.update((name, value) for name, value in pairs if isinstance(name, str))
        placed = placed[:start]
    if len(placed) > len(names):
        raise Unknown
    for name, value in zip(names, placed, strict=False):
        if name in given:
            raise Unknown
        given[name] = value
    fields = {parameter.split("=")[0].partition(">")[2] for parameter in row.parameters} - {""}
    for name in [name for name in given if name not in names]:
        if name in fields:  # the field has its name in cnncalc
            theirs = next(one for one in row.parameters if one.split("=")[0].endswith(">" + name))
            given.setdefault(theirs.split(">")[0].split("!")[0], given.pop(name))
        elif name in IGNORED or name.endswith(IGNORED_ENDS):
            del given[name]
        else:
            raise Unknown
    return given


def _check(given: dict[str, Any], name: str, only: str) -> None:
    """Check a parameter that must have certain values, as in `name!a,b` or `name!!a`."""
    needed = only.startswith("!")
    if name not in given:
        if needed:
            raise Unknown
        return
    value = given[name]
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


def _activation(step: Step, value: Any, given: dict[str, Any]) -> None:
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


def _rectified(step: Step, value: Any, given: dict[str, Any]) -> None:
    """Lasagne's layers end in a rectifier unless `nonlinearity` is given."""
    _activation(step, value if "nonlinearity" in given else "relu", given)


def _normalized(step: Step, value: Any, given: dict[str, Any]) -> None:
    if isinstance(value, tuple) and len(value) > 1:
        step.fields["per"] = "element"


def _slopes(step: Step, value: Any, given: dict[str, Any]) -> None:
    if value not in (None, 1):
        step.fields["per"] = "channel"


def _sides(step: Step, value: Any, given: dict[str, Any]) -> None:
    """Name the sides of PyTorch's padding, whose order is left, right, top, bottom, front, back."""
    if isinstance(value, tuple):
        names = ("left", "right", "top", "bottom", "front", "back") if len(value) > 2 else ("start", "end")
        if len(value) not in (2, 4, 6):
            raise Unknown
        value = dict(zip(names, value, strict=False))
    step.fields["by"] = value


def _keras_sides(step: Step, value: Any, given: dict[str, Any]) -> None:
    if value is None:
        value = 1
    if isinstance(value, tuple) and all(isinstance(pair, tuple) and len(pair) == 2 for pair in value):
        names = {2: ("top", "bottom", "left", "right"), 3: ("front", "back", "top", "bottom", "left", "right")}
        if len(value) not in names:
            raise Unknown
        value = dict(zip(names[len(value)], [side for pair in value for side in pair], strict=True))
    step.fields["by"] = value


def _spread(step: Step, value: Any, given: dict[str, Any]) -> None:
    """Take the strides of Keras' transposed convolution, unless a stride is larger than the kernel.

    Its output is W*S even then, which cnncalc's is not.
    """
    kernel = given.get("kernel_size")
    if value is None or value == ():
        return
    if not isinstance(value, (int, tuple)) or not isinstance(kernel, (int, tuple)):
        raise Unknown
    strides = value if isinstance(value, tuple) else (value,)
    kernels = kernel if isinstance(kernel, tuple) else (kernel,)
    if not all(type(number) is int for number in (*strides, *kernels)) or not kernels or max(strides) > min(kernels):
        raise Unknown
    step.fields["stride"] = value


def _half(step: Step, value: Any, given: dict[str, Any]) -> None:
    """Take Darknet's `pad: 1`, which pads by half the kernel."""
    size = given.get("size", 1)
    if value and type(size) is int:
        step.fields["pad"] = size // 2
    elif value:
        raise Unknown


def _normalized_after(step: Step, value: Any, given: dict[str, Any]) -> None:
    if value:
        step.fields["bias"] = False
        step.after.append("batchnorm")


def _dims(step: Step, value: Any, given: dict[str, Any]) -> None:
    """Count the axes from 0. Keras counts them from 1."""
    if not isinstance(value, tuple) or not value or not all(type(axis) is int for axis in value):
        raise Unknown
    step.whole = f"permute: {'x'.join(str(axis - 1) for axis in value)}"


def _encoder(step: Step, value: Any, given: dict[str, Any]) -> None:
    """Write PyTorch's encoder layer as attention and two linear layers, each with a shortcut and a layer norm."""
    heads, wide, rate = given.get("nhead"), given.get("dim_feedforward", 2048), given.get("dropout", 0.1)
    if not all(type(number) is int for number in (value, heads, wide)) or not isinstance(rate, (int, float)):
        raise Unknown
    act = _activation_word(given.get("activation", "relu"))
    drop = f", dropout: {rate:g}" if rate else ""
    inner = f"linear: {wide}, {act}{drop}, linear: {value}{drop}"
    first = bool(given.get("norm_first", False))
    mains = [f"residual: [{'layernorm, ' if first else ''}{main}]" for main in (f"attention: {heads}{drop}", inner)]
    step.whole = f"seq: [{', '.join(mains) if first else ', layernorm, '.join([*mains, ''])}".removesuffix(", ") + "]"


def _everywhere(step: Step, value: Any, given: dict[str, Any]) -> None:
    """Unwrap Keras' TimeDistributed. Only dense layers are supported, which work on every step anyway."""
    inner = _inner_step(value)
    if inner.kind != "linear":
        raise Unknown
    step.whole, step.after = inner._line(), inner.after


def _both(step: Step, value: Any, given: dict[str, Any]) -> None:
    inner = _inner_step(value)
    if inner.kind not in ("lstm", "gru", "rnn"):
        raise Unknown
    inner.fields["bidirectional"] = True
    step.whole = inner._line()


def _inner_step(value: Any) -> Step:
    inner = _step(Foreign(value.word, value.placed, value.named, "keras")) if isinstance(value, Foreign) else None
    if inner is None:
        raise Unknown
    return inner


RULES: dict[str, Callable[[Step, Any, dict[str, Any]], None]] = {
    "activation": _activation, "rectified": _rectified, "normalized": _normalized, "slopes": _slopes, "sides": _sides,
    "keras_sides": _keras_sides, "spread": _spread, "half": _half, "normalized_after": _normalized_after, "dims": _dims,
    "encoder": _encoder, "everywhere": _everywhere, "both": _both,
}  # fmt: skip


def names() -> Iterator[str]:
    """Every name in the tables."""
    rows_for("")
    yield from _ROWS
