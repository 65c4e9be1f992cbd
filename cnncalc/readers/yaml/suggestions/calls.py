"""Calls, `Conv2d(3, 16, 3)` or `conv(16, 3)`, rewritten as a step or as a word of the one-line form."""

from __future__ import annotations

from cnncalc.layers.base import KINDS, Layer
from cnncalc.problem import Source
from cnncalc.readers.yaml.suggestions.foreign import translations
from cnncalc.readers.yaml.suggestions.foreign_step import Step, Unknown
from cnncalc.readers.yaml.suggestions.foreign_text import parse_call
from cnncalc.readers.yaml.tree import Map, Scalar, parse
from cnncalc.readers.yaml.vocabulary import SHORT


def step_of_call(kind: type[Layer], text: str) -> str:
    """Rewrite a call of one of cnncalc's kinds, such as `conv(16, 3, pad=1)`, as a step. Empty if it is not understood."""
    layer = parse_call(text)
    if layer is None or len(layer.positional) > len(kind.fields):
        return ""
    step = Step("", kind.kind)
    step.fields = dict(zip(kind.fields, layer.positional, strict=False))
    for name, value in layer.keywords.items():
        field = next((field for field, spec in kind.fields.items() if name == field or name in spec.also), "")
        if not field or field in step.fields:
            return ""
        step.fields[field] = value
    try:
        return step.text()
    except Unknown:
        return ""


def one_line_word(word: str) -> str:
    """Rewrite a call such as `Conv2d(3, 16, 3)` for the one-line form, as `CONV3-16p0`. Empty if that is not possible."""
    layer = parse_call(word)
    if layer is None:
        return ""
    folded = layer.word.casefold()
    kind_here = (
        KINDS.get(SHORT.get(folded, folded)) if not layer.prefix and layer.word in (folded, folded.upper()) else None
    )
    lines = [step_of_call(kind_here, word)] if kind_here is not None else [line for line, _ in translations(layer)]
    if len(lines) != 1 or not lines[0]:
        return ""
    tree = parse(Source("", lines[0]))
    if isinstance(tree, Scalar):
        return tree.text.upper() if tree.text in KINDS else ""
    if not isinstance(tree, Map) or len(tree.items) != 1:
        return ""
    ((kind, inner),) = tree.items.items()
    if isinstance(inner, Scalar):
        plain = inner.text.replace(".", "", 1).replace("x", "").isdecimal()
        return f"{kind.upper()}-{inner.text}" if plain else ""
    if not isinstance(inner, Map) or kind not in ("conv", "maxpool", "avgpool"):
        return ""
    texts = {name: value.text for name, value in inner.items.items() if isinstance(value, Scalar)}
    pad = texts.pop("pad", "0")
    filters, kernel, stride = texts.pop("filters", ""), texts.pop("kernel", ""), texts.pop("stride", "")
    if texts or not (pad.isdecimal() or (pad == "same" and kind == "conv")):
        return ""
    padded = "" if pad == "same" or (kind != "conv" and pad == "0") else f"p{pad}"
    name = {"conv": f"CONV{kernel}-{filters}", "maxpool": f"POOL{kernel}", "avgpool": f"AVGPOOL{kernel}"}[kind]
    return name + (f"/{stride}" if stride else "") + padded
