"""What to write in place of a layer that is written as another tool, or a lecture, writes it."""

from __future__ import annotations

import re

from cnncalc.layers.base import KINDS, Layer
from cnncalc.layers.fields import Choice
from cnncalc.layers.lookup import foreign_names
from cnncalc.problem import ONE_LINE, Refused, Source
from cnncalc.readers.yaml.suggestions.calls import own_call
from cnncalc.readers.yaml.suggestions.foreign import LONGEST, readings, rows, translated
from cnncalc.readers.yaml.suggestions.foreign_text import Foreign, call, of_tree
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


def answer(word: str, body: Tree | None) -> str:
    """The help for a step `word` or `word: body` that is none of cnncalc's; empty where nothing better is known."""
    if body is None:
        line = lecture(word)
        if line:
            return f"write `{line}`"
    layer = call(word) if body is None else None
    if layer is None:
        layer = of_tree(word, body)
    name = layer.word if layer is not None else word.rpartition(".")[2]
    sized = re.fullmatch(r"conv_?([0-9]{1,2})(?:x([0-9]{1,2}))?", word)
    if sized and isinstance(body, Scalar) and body.text.isdecimal():
        high, wide = sized.group(1), sized.group(2) or sized.group(1)
        kernel = high if high == wide else f"{high}x{wide}"
        padded = "" if kernel == "1" else ", with `pad: same` to keep height and width"
        return f"write `conv: {{filters: {body.text}, kernel: {kernel}}}`{padded}"
    if layer is not None:
        if isinstance(body, Map) and name in WRAPPERS and len(layer.named) == 1:
            ((inner, value),) = layer.named.items()
            values = dict(value) if isinstance(value, dict) else {}
            placed = [] if values or value is None else [*value] if isinstance(value, tuple) else [value]
            layer = Foreign(name, [Foreign(inner, placed, values)], {})
        found = _translation(layer, body, called=layer.word != word)
        if found:
            return found
    if body is None:
        spaced = _SPACED.match(word)
        whole = f"{spaced.group(1)}({','.join(re.split('[ ,]+', spaced.group(2).strip()))})" if spaced else ""
        kind = KINDS.get(spaced.group(1)) if spaced else None
        line = own_call(kind, whole) if kind is not None else ""
        if line or (whole and (answered := answer(whole, None)).startswith("write `")):
            return f"write `{line}`" if line else answered
    numbered = _NUMBERED.match(word)
    if numbered and (numbered.group(1) in KINDS or numbered.group(1).casefold() in foreign_names()):
        plain = KINDS[foreign_names().get(numbered.group(1).casefold(), numbered.group(1))].kind
        return f"layers are numbered by themselves: write `{plain}`; for a name of your own, `as: {word}` beside it"
    return _by_name(name, called=layer is not None and body is None and name != word, body=body)


def _translation(layer: Foreign, body: Tree | None, called: bool) -> str:
    if layer.word == "Sequential":
        steps = [_nested(value) for value in layer.placed]
        whole = f"seq: [{', '.join(steps)}]"
        return f"write `{whole}`" if steps and all(steps) and len(whole) <= LONGEST else ""
    found = readings(layer)
    if not found:
        return ""
    if len(found) > 1 and not layer.named:
        (line, tool), (other, another) = found[:2]
        return f"write `{line}` if it is {_whose(tool)} order, `{other}` if it is {_whose(another)}"
    line, tool = found[0]
    if not called and not layer.placed and not layer.named and line in KINDS:
        return ""  # a mere other name
    remark = REMARKS.get(layer.word, "")
    if layer.word in ("LSTM", "GRU", "SimpleRNN") and "returns: last" not in line:
        remark = ""
    if isinstance(body, Seq) and not remark:
        remark = f"read in {_whose(tool)} order"
    return f"write `{line}`" + (f": {remark}" if remark else "")


def _whose(tool: str) -> str:
    return tool + ("'" if tool.endswith("s") else "'s")


def _nested(value: object) -> str:
    if isinstance(value, Foreign):
        found = translated(value)
        return found[0] if found is not None else ""
    kind = KINDS.get(value) if isinstance(value, str) else None
    return kind.kind if kind is not None and not any(field.required for field in kind.fields.values()) else ""


def _by_name(name: str, called: bool, body: Tree | None) -> str:
    """Help that depends on the name alone; `called` says that there are values, which were not understood."""
    if name == "Sequential":
        return "write `seq:` in place of `Sequential:`, with the steps as a list"
    if name == "Bidirectional":
        return "write `lstm: {units: 64, bidirectional: true}`: it is a field of the recurrent layer"
    if name == "TimeDistributed":
        return (
            "write `linear: 10` for a dense layer at every step; a convolution over steps is `conv: {..., kernel: 1}`"
        )
    if name in INPUTS:
        return "leave it out: the input is written once, above `layers:`, as in `input: 28x28x1`"
    if name.endswith(("Loss", "Loss2d")) or name in ("classificationLayer", "regressionLayer"):
        return "leave it out: a loss is not part of the network"
    if name in LEFT_OUT or name.startswith("Random"):
        return "leave it out: it changes no shape and holds no parameters"
    if name in CONTAINERS:
        return "write its layers below each other, each with `- ` in front, or `seq: [...]` for a group"
    if name in MERGES:
        names = [item.text for item in body.items if isinstance(item, Scalar)] if isinstance(body, Seq) else []
        listed = ", ".join(names) if len(names) > 1 else "prev, name"
        return f"write `{MERGES[name]}: [{listed}]`" + ("" if len(names) > 1 else " with the names of what it joins")
    if name in BY_NAME:
        return BY_NAME[name]
    folded = name.casefold()
    if (folded in KINDS or folded in foreign_names()) and not called:
        return ""
    if name in ALIKE:
        return f"write `{ALIKE[name]}`, which has the same shapes and counts"
    if name in STATED:
        return f"no kind describes it: write `{{operator: [prev], op: {name.lower()}, output: 28x28x64}}` with its output shape"
    known = next((KINDS[row.kind] for row in rows(name) if row.kind in KINDS), None)
    if known is None and called:
        known = KINDS.get(foreign_names().get(folded, folded))
    if known is None:
        return ""
    if not any(field.required for field in known.fields.values()):
        return f"cnncalc calls it `{known.kind}`"
    return f"write, for example, `{known.example.rpartition('-> ')[2]}`"


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


def value_answer(kind: type[Layer], field: str, tree: Tree) -> str:
    """What to write for a field under another tool's name whose value is also written in another way; else empty."""
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


def field_answer(kind: type[Layer], name: str) -> str:
    """The help for a field that a kind does not have and another tool does; empty where it is not known."""
    if (
        name in ("nb_row", "nb_col", "kernel_h", "kernel_w", "kernel_height", "kernel_width")
        and "kernel" in kind.fields
    ):
        return "write both as one size, height x width: `kernel: 3x3`"
    if not kind.fields:
        return ""
    if name in NO_EFFECT or name in IGNORED or name.endswith(IGNORED_ENDS):
        return f"leave it out: `{name}` changes no shape and no count"
    return ""


def lecture(text: str) -> str:
    """A lecture's notation as a step: `CONV3-64` is `conv: {filters: 64, kernel: 3, pad: same}`; empty where it is none.

    >>> lecture("CONV3-64"), lecture("[CONV3-8 -> RELU]*2")
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
    line = _written(steps.items[0]) if len(steps.items) == 1 else f"seq: {_written(steps)}"
    return line if len(line) <= LONGEST else ""


def _written(tree: Tree) -> str:
    """A tree as it is written in one line."""
    if isinstance(tree, Scalar):
        return tree.text
    if isinstance(tree, Seq):
        return f"[{', '.join(map(_written, tree.items))}]"
    inside = ", ".join(f"{key}: {_body(key, inner)}" for key, inner in tree.items.items())
    return inside if len(tree.items) == 1 else f"{{{inside}}}"


def _body(kind: str, tree: Tree) -> str:
    """The fields of a layer in their order; the first alone where it is the only one."""
    if not isinstance(tree, Map):
        return _written(tree)
    names = [name for name in KINDS[kind].fields if name in tree.items]
    if names == [next(iter(KINDS[kind].fields))]:
        return _written(tree.items[names[0]])
    return f"{{{', '.join(f'{name}: {_written(tree.items[name])}' for name in names)}}}"
