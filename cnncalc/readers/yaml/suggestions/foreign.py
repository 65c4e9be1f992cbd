"""A layer as another tool writes it -> the step that makes the same layer here, as text to be pasted.

A line is given only where everything that is written is understood. Imported when a mistake is found, and not before.
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


# how much comes in: not needed here, but a number
SIZES = ("in_channels", "in_features", "num_features", "input_size", "num_channels")


class Unknown(Exception):
    """Something is written whose meaning is not known."""


class Row:
    """One line of the tables."""

    __slots__ = ("always", "any", "kind", "parameters", "tool")

    def __init__(self, tool: str, kind: str, text: str) -> None:
        self.tool = tool
        self.kind = kind
        words = text.split()
        self.any = "*" in words
        self.always = dict(word[1:].split(":", 1) for word in words if word[0] == "+")
        self.parameters = [word for word in words if word[0] not in "+*"]


class Step:
    """A step as it comes together: kind, fields, and the steps that follow it."""

    def __init__(self, tool: str, kind: str) -> None:
        self.tool = tool
        self.kind = kind
        self.fields: dict[str, Any] = {}
        self.after: list[str] = []
        self.whole = ""  # the text where it is not made of the fields

    def text(self) -> str:
        """The step, to be written behind a dash.

        Raises:
            Unknown: where a value is none that the field takes, or a required one is missing.
        """
        line = self.whole or self._line()
        return f"seq: [{', '.join([line, *self.after])}]" if self.after else line

    def _line(self) -> str:
        kind = KINDS.get(self.kind)
        if (
            kind is None or kind.inputs is None or kind.inputs - kind.reference_inputs != 1
        ):  # what it joins is not known
            raise Unknown
        written = {}
        for name, value in self.fields.items():
            field = kind.fields.get(name)
            if field is None:
                raise Unknown
            text = _spelled(field, value)
            if text != _default(field):
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
    """Is one of the fields there that say how large a layer becomes, where it has such fields?"""
    return not issubclass(kind, SizedLike) or not set(kind.size_fields).isdisjoint(written)


def _default(field: Field[Any]) -> str | None:
    return None if field.required or field.default is None else field.show(field.default)


def _spelled(field: Field[Any], value: Any) -> str:
    """A value as the field is written.

    Raises:
        Unknown: where the field does not take it.
    """
    if isinstance(value, Raw):
        return str(value)
    if not isinstance(value, (int, float, str, tuple, dict)):
        raise Unknown
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(field, Choice) and isinstance(value, bool):  # a bias that is a word here
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


def rows(word: str, tool: str | None = None) -> list[Row]:
    """The lines for a name, those of a tool first; for a name that nobody spells like this, those of the same letters."""
    if not _ROWS:
        for owner, table in TOOLS.items():
            for line in table.strip().replace("\n  ", " ").split("\n"):
                names, kind, parameters = (part.strip() for part in line.split("|"))
                for name in names.split():
                    _ROWS.setdefault(name, []).append(Row(owner, kind or name.lower(), parameters))
    found = _ROWS.get(word, [])
    if not found or (tool is not None and all(row.tool != tool for row in found)):
        folded = word.casefold().replace("_", "")
        found = [row for name, known in _ROWS.items() if name.casefold() == folded for row in known]
    return sorted(found, key=lambda row: row.tool != tool) if tool is not None else found


def translated(layer: Foreign) -> tuple[str, str] | None:
    """The step that makes the same layer, and whose notation it was read as; None where not all of it is understood.

    >>> translated(Foreign("Conv2d", [3, 16, 3], {"padding": 1}))
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


def readings(layer: Foreign) -> list[tuple[str, str]]:
    """All that a name means which no tool spells like this, `conv2d(16, 3, 2)`: the step and whose notation it is."""
    if layer.word in _ROWS or layer.prefix in PREFIXES:
        found = translated(layer)
        return [found] if found is not None else []
    texts: dict[str, str] = {}
    for row in rows(layer.word):
        with suppress(Unknown):
            texts.setdefault(_by(row, layer).text(), row.tool)
    return [(text, tool) for text, tool in texts.items() if len(text) <= LONGEST]


def _step(layer: Foreign) -> Step | None:
    if layer.prefix in ("F", "functional"):  # the first is what it is applied to
        if not layer.placed or not isinstance(layer.placed[0], str):
            return None
        layer = Foreign(layer.word, layer.placed[1:], layer.named, layer.prefix)
    for row in rows(layer.word, PREFIXES.get(layer.prefix)):
        with suppress(Unknown):
            step = _by(row, layer)
            step.text()
            return step
    return None


def _by(row: Row, layer: Foreign) -> Step:
    """A layer read by one line of the tables.

    Raises:
        Unknown: where it does not say all that is written.
    """
    step = Step(row.tool, row.kind)
    given = dict(layer.named) if row.any else _given(row, layer)
    pieces: dict[str, dict[int, Any]] = {}
    for parameter in row.parameters:
        name, usual = parameter.partition("=")[::2]
        name, field = name.partition(">")[::2]
        name, rule = name.partition("@")[::2]
        name, only = name.partition("!")[::2]
        if only:
            _check(given, name, only)
        if name in SIZES and not isinstance(given.get(name, 0), (int, Raw)):
            raise Unknown  # what the layer is applied to, perhaps
        if rule:
            RULES[rule](step, given.get(name), given)
        elif field and name in given:
            field, place = field.partition(".")[::2]
            value = _meant(given[name], field, usual)
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


def _given(row: Row, layer: Foreign) -> dict[str, Any]:
    """What is written, by the tool's names for it."""
    names = [parameter.split("=")[0].split(">")[0].split("@")[0].split("!")[0] for parameter in row.parameters]
    placed = list(layer.placed)
    given = dict(layer.named)
    if row.tool == "MATLAB":  # 'Stride', 2 behind the first values
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
        if name in fields:  # our own name beside those of the other tool
            ours = next(one for one in row.parameters if one.split("=")[0].endswith(">" + name))
            given.setdefault(ours.split(">")[0].split("!")[0], given.pop(name))
        elif name in IGNORED or name.endswith(IGNORED_ENDS):
            del given[name]
        else:
            raise Unknown
    return given


def _check(given: dict[str, Any], name: str, only: str) -> None:
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


def _meant(value: Any, field: str, usual: str) -> Any:
    """A value of another tool as the one of the field here; None where it leaves the field to its default."""
    if isinstance(value, Foreign):
        raise Unknown
    if field == "returns" and isinstance(value, bool):
        return "sequence" if value else "last"
    return usual if field == "bias" and usual and value is True else value


# -- rules for what is no plain value of a field ----------------------------------------------------------------------


def _activation(step: Step, value: Any, given: dict[str, Any]) -> None:
    """Another step behind this one; the step itself where it is nothing but an activation."""
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
    found = ACTIVATIONS.get(folded) or (folded if folded in KINDS else foreign_names().get(folded, ""))
    if found not in KINDS or any(field.required for field in KINDS[found].fields.values()) or KINDS[found].inputs != 1:
        raise Unknown
    return KINDS[found].kind


def _rectified(step: Step, value: Any, given: dict[str, Any]) -> None:
    """Lasagne's layers end in a rectifier unless another function, or None, is written."""
    _activation(step, value if "nonlinearity" in given else "relu", given)


def _normalized(step: Step, value: Any, given: dict[str, Any]) -> None:
    if isinstance(value, tuple) and len(value) > 1:
        step.fields["per"] = "element"


def _slopes(step: Step, value: Any, given: dict[str, Any]) -> None:
    if value not in (None, 1):
        step.fields["per"] = "channel"


def _sides(step: Step, value: Any, given: dict[str, Any]) -> None:
    """PyTorch's order is left, right, top, bottom, front, back."""
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
    """Strides of Keras' transposed convolution, whose output is W*S even where the kernel is smaller than the stride."""
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
    """Darknet's `pad: 1` pads by half the kernel."""
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
    """Keras counts the axes from 1."""
    if not isinstance(value, tuple) or not value or not all(type(axis) is int for axis in value):
        raise Unknown
    step.whole = f"permute: {'x'.join(str(axis - 1) for axis in value)}"


def _encoder(step: Step, value: Any, given: dict[str, Any]) -> None:
    """PyTorch's encoder layer: attention and two linear layers, each with a shortcut and a layer norm."""
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
    """Keras' TimeDistributed: the layer at every step, which a dense layer is anyway."""
    inner = _inner(value)
    if inner.kind != "linear":
        raise Unknown
    step.whole, step.after = inner._line(), inner.after


def _both(step: Step, value: Any, given: dict[str, Any]) -> None:
    inner = _inner(value)
    if inner.kind not in ("lstm", "gru", "rnn"):
        raise Unknown
    inner.fields["bidirectional"] = True
    step.whole = inner._line()


def _inner(value: Any) -> Step:
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
    """Every name that the tables translate."""
    rows("")
    yield from _ROWS
