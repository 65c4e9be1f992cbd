"""Help for layers in the notation of another tool or of a lecture."""

from __future__ import annotations

import re

from cnncalc.layers.base import KINDS, Layer
from cnncalc.layers.fields import Choice
from cnncalc.layers.lookup import foreign_names
from cnncalc.problem import ONE_LINE, Refused, Source
from cnncalc.readers.yaml.suggestions.calls import step_of_call
from cnncalc.readers.yaml.suggestions.foreign import LONGEST, rows_for, translate, translations
from cnncalc.readers.yaml.suggestions.foreign_text import Foreign, parse_call, parse_step
from cnncalc.readers.yaml.suggestions.foreign_words import (
    ALIKE,
    BY_NAME,
    CONTAINERS,
    IGNORED,
    IGNORED_ENDS,
    INPUTS,
    LEFT_OUT,
    MERGES,
    REMARKS,
    STATED,
)
from cnncalc.readers.yaml.tree import Map, Scalar, Seq, Tree

WRAPPERS = ("TimeDistributed", "Bidirectional")
_LECTURE = re.compile(r"[A-Z][A-Za-z0-9]*[0-9][0-9x/p.-]*\Z|[A-Za-z][A-Za-z0-9]*-[0-9][0-9x/p.-]*\Z")
_PAPER = re.compile(
    r"(?i)(?:conv\s+)?([0-9]+)\s?x\s?([0-9]+)(?:\s+conv)?(?:,\s*|\s+)([0-9]+)(?:,?\s*/\s*([0-9]))?\Z"
)  # 3x3 conv, 64, /2
_SPACED = re.compile(r"([A-Za-z][\w.]*)((?:[ ,]+[\w.]+(?:=[\w.]+)?)+)\Z")  # conv 16 3
_NUMBERED = re.compile(r"([A-Za-z][A-Za-z0-9]*?)_(?:[0-9]+|layer)\Z")  # conv2d_1


def help_for_step(word: str, body: Tree | None) -> str:
    """Help for an unknown step, `word` or `word: body`. Empty if there is nothing specific to suggest."""
    same_kind = KINDS.get(word.casefold())
    if body is None and same_kind is not None and not any(field.required for field in same_kind.fields.values()):
        return ""  # only other letters, as in `RELU`
    if body is None:
        line = step_of_lecture(word)
        if line:
            return f"write `{line}`"
    layer = parse_call(word) if body is None else None
    if layer is None:
        layer = parse_step(word, body)
    name = layer.word if layer is not None else word.rpartition(".")[2]
    sized = re.fullmatch(r"conv_?([0-9]{1,2})(?:x([0-9]{1,2}))?", word)
    if sized and isinstance(body, Scalar) and body.text.isdecimal():
        high, wide = sized.group(1), sized.group(2) or sized.group(1)
        kernel = high if high == wide else f"{high}x{wide}"
        padded = "" if kernel == "1" else ", with `pad: same` to keep height and width"
        return f"write `conv: {{filters: {body.text}, kernel: {kernel}}}`{padded}"
    if layer is not None:
        if isinstance(body, Map) and name in WRAPPERS and len(layer.keywords) == 1:
            ((inner, value),) = layer.keywords.items()
            values = dict(value) if isinstance(value, dict) else {}
            positional = [] if values or value is None else [*value] if isinstance(value, tuple) else [value]
            layer = Foreign(name, [Foreign(inner, positional, values)], {})
        translation = _translation(layer, body, called=layer.word != word)
        if translation:
            return translation
    if body is None:
        spaced = _SPACED.match(word)
        whole = f"{spaced.group(1)}({','.join(re.split('[ ,]+', spaced.group(2).strip()))})" if spaced else ""
        kind = KINDS.get(spaced.group(1)) if spaced else None
        line = step_of_call(kind, whole) if kind is not None else ""
        if line or (whole and (other := help_for_step(whole, None)).startswith("write `")):
            return f"write `{line}`" if line else other
    numbered = _NUMBERED.match(word)
    if numbered and (numbered.group(1) in KINDS or numbered.group(1).casefold() in foreign_names()):
        plain = KINDS[foreign_names().get(numbered.group(1).casefold(), numbered.group(1))].kind
        return f"write `{plain}` (layers are numbered automatically), with `as: {word}` if you want this name"
    return _help_for_name(name, called=layer is not None and body is None and name != word, body=body)


def _translation(layer: Foreign, body: Tree | None, called: bool) -> str:
    if layer.word == "Sequential":
        steps = [_nested_step(value) for value in layer.positional]
        whole = f"seq: [{', '.join(steps)}]"
        return f"write `{whole}`" if steps and all(steps) and len(whole) <= LONGEST else ""
    suggestions = translations(layer)
    if not suggestions:
        return ""
    if len(suggestions) > 1 and not layer.keywords:
        (line, tool), (other, another) = suggestions[:2]
        return f"write `{line}` if it is {_possessive(tool)} order, or `{other}` if it is {_possessive(another)} order"
    line, tool = suggestions[0]
    if not called and not layer.positional and not layer.keywords and line in KINDS:
        return ""  # only a different name
    remark = REMARKS.get(layer.word) or REMARKS.get(layer.word.capitalize(), "")
    if layer.word in ("LSTM", "GRU", "SimpleRNN") and "returns: last" not in line:
        remark = ""
    if isinstance(body, Seq) and not remark:
        remark = f"taking the values in {_possessive(tool)} order"
    return f"write `{line}`" + (f", {remark}" if remark else "")


def _possessive(tool: str) -> str:
    return tool + ("'" if tool.endswith("s") else "'s")


def _nested_step(value: object) -> str:
    if isinstance(value, Foreign):
        translation = translate(value)
        return translation[0] if translation is not None else ""
    kind = KINDS.get(value) if isinstance(value, str) else None
    return kind.kind if kind is not None and not any(field.required for field in kind.fields.values()) else ""


def _help_for_name(name: str, called: bool, body: Tree | None) -> str:
    """Help that depends only on the name. `called` is true if the name has values, which were not understood."""
    if name == "Sequential":
        return "write `seq:` instead of `Sequential:`, with the steps as a list"
    if name == "Bidirectional":
        return "write `lstm: {units: 64, bidirectional: true}`, because `bidirectional` is a field of recurrent layers"
    if name == "TimeDistributed":
        return "write `linear: 10` for a dense layer at every step, or `conv: {..., kernel: 1}` for a convolution over steps"
    if name in INPUTS:
        return "leave it out: the input is written once, above `layers:`, as in `input: 28x28x1`"
    if name.endswith(("Loss", "Loss2d")) or name in ("classificationLayer", "regressionLayer"):
        return "leave it out: a loss is not part of the network"
    if name in LEFT_OUT or name.startswith("Random"):
        return "leave it out: it does not change the shape and has no parameters"
    if name in CONTAINERS:
        return "write its layers one per line, each starting with `- `, or write `seq: [...]` for a group"
    if name in MERGES:
        names = [item.text for item in body.items if isinstance(item, Scalar)] if isinstance(body, Seq) else []
        listed = ", ".join(names) if len(names) > 1 else "prev, name"
        return f"write `{MERGES[name]}: [{listed}]`" + (
            "" if len(names) > 1 else " with the names of the values to join"
        )
    if name in BY_NAME:
        return BY_NAME[name]
    folded = name.casefold()
    if (folded in KINDS or folded in foreign_names()) and not called:
        return ""
    if name in ALIKE:
        return f"write `{ALIKE[name]}`, which has the same shapes and counts"
    if name in STATED:
        operator = f"{{operator: [prev], op: {name.lower()}, output: 28x28x64}}"
        return f"cnncalc has no kind for it: write `{operator}` with its output shape"
    kind = next((KINDS[row.kind] for row in rows_for(name) if row.kind in KINDS), None)
    if kind is None and called:
        kind = KINDS.get(foreign_names().get(folded, folded))
    if kind is None:
        return ""
    if not any(field.required for field in kind.fields.values()):
        return f"cnncalc calls it `{kind.kind}`"
    return f"write, for example, `{kind.example.rpartition('-> ')[2]}`"


NO_EFFECT = (
    "slope",
    "alpha",
    "negative_slope",
    "eps",
    "epsilon",
    "momentum",
    "initializer",
    "regularizer",
    "temperature",
)


def value_help(kind: type[Layer], field: str, tree: Tree) -> str:
    """Help for a field of another tool whose value is written differently here, too. Empty if the value is the same."""
    if isinstance(tree, Seq):
        numbers = [item.text for item in tree.items if isinstance(item, Scalar) and item.text.isdecimal()]
        sized = 2 <= len(numbers) <= 3 and len(numbers) == len(tree.items)
        return f"write `{field}: {'x'.join(numbers)}`" if sized else ""
    if not isinstance(tree, Scalar) or tree.text.lower() not in ("true", "false"):
        return ""
    is_true = tree.text.lower() == "true"
    if field == "returns":
        return f"write `returns: {'sequence' if is_true else 'last'}`"
    if field == "bias" and isinstance(kind.fields["bias"], Choice) and not is_true:
        return "write `bias: none`"
    return ""


def field_help(kind: type[Layer], name: str) -> str:
    """Help for a field that another tool has and this kind does not. Empty if the field is unknown."""
    if (
        name in ("nb_row", "nb_col", "kernel_h", "kernel_w", "kernel_height", "kernel_width")
        and "kernel" in kind.fields
    ):
        return "write both as one size, height x width: `kernel: 3x3`"
    if not kind.fields:
        return ""
    if name in NO_EFFECT or name in IGNORED or name.endswith(IGNORED_ENDS):
        return f"leave it out: `{name}` does not affect shapes or counts"
    return ""


def step_of_lecture(text: str) -> str:
    """Rewrite the notation of a lecture, such as `CONV3-64`, as a step. Empty if the text is something else.

    >>> step_of_lecture("CONV3-64"), step_of_lecture("[CONV3-8 -> RELU]*2")
    ('conv: {filters: 64, kernel: 3, pad: same}', '{seq: [conv: {filters: 8, kernel: 3, pad: same}, relu], repeat: 2}')
    """
    from cnncalc.readers.yaml.oneline import parse

    paper = _PAPER.match(text)
    if paper:
        high, wide, filters, stride = paper.groups()
        text = f"CONV{high if high == wide else f'{high}x{wide}'}-{filters}" + (f"/{stride}" if stride else "")
    if len(text) > 200 or not ("->" in text or _LECTURE.match(text)) or text in KINDS:
        return ""
    try:
        steps = parse(Source(ONE_LINE, "1x1x1 -> " + text)).items["layers"]
    except Refused:
        return ""
    assert isinstance(steps, Seq)
    if not steps.items:
        return ""
    line = _write_tree(steps.items[0]) if len(steps.items) == 1 else f"seq: {_write_tree(steps)}"
    return line if len(line) <= LONGEST else ""


def _write_tree(tree: Tree) -> str:
    """Write a tree on one line."""
    if isinstance(tree, Scalar):
        return tree.text
    if isinstance(tree, Seq):
        return f"[{', '.join(map(_write_tree, tree.items))}]"
    inside = ", ".join(f"{key}: {_body(key, inner)}" for key, inner in tree.items.items())
    return inside if len(tree.items) == 1 else f"{{{inside}}}"


def _body(kind: str, tree: Tree) -> str:
    """Write the fields of a layer in order. If only the first field is given, write its value alone."""
    if not isinstance(tree, Map):
        return _write_tree(tree)
    names = [name for name in KINDS[kind].fields if name in tree.items]
    if names == [next(iter(KINDS[kind].fields))]:
        return _write_tree(tree.items[names[0]])
    return f"{{{', '.join(f'{name}: {_write_tree(tree.items[name])}' for name in names)}}}"
