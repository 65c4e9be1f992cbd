"""Suggestions for misspelled words and for words of other tools.

Imported only after a mistake, to keep the start fast.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from cnncalc.layers.base import KINDS, Layer
from cnncalc.layers.lookup import foreign_names, unknown_layer
from cnncalc.layers.sized_like import SizedLike
from cnncalc.problem import Problem
from cnncalc.readers.yaml.branches import MERGES
from cnncalc.readers.yaml.context import Context
from cnncalc.readers.yaml.tree import Map, Scalar, Seq, Tree
from cnncalc.readers.yaml.vocabulary import ATTRIBUTES, CURLY, ELSEWHERE, KEYS, RESIDUAL
from cnncalc.text import nearest, quoted, show

STEP_WORDS = ("seq", "residual")
STEPS_ELSEWHERE = ("layers", "steps", "body", "modules", "sequential", "group", "block")  # other words for `seq`
_FALSE_BLANK = re.compile("[\u00a0\u2002\u2003\u2007\u2009\u202f\u3000]")
KIND_WORDS = (  # keys that hold the kind of a layer in other formats
    "type", "kind", "layer", "layer_type", "class", "class_name", "module", "op", "activation",
)  # fmt: skip
TOP_ELSEWHERE = {  # top-level keys of other formats -> the key here
    "input_shape": "input", "input_size": "input", "shape": "input", "network": "layers", "net": "layers",
    "model": "layers", "architecture": "layers", "arch": "layers", "backbone": "layers", "sequential": "layers",
    "steps": "layers", "title": "name", "parameters": "params", "variables": "params", "vars": "params",
    "functions": "blocks", "modules": "blocks", "definitions": "blocks", "paper": "source", "reference": "source",
}  # fmt: skip


# -- the keys of a file -----------------------------------------------------------------------------------------------


def not_a_mapping(tree: Scalar | Seq) -> Problem:
    """The problem for a file that is not a mapping of keys."""
    if isinstance(tree, Seq):
        text, help = (
            "a specification must be a mapping of keys; got a list",
            "write `input:` and `layers:` above the steps",
        )
    else:
        text = f"a specification must be a mapping of keys; got `{show(tree.text)}`"
        help = "start with `input:` and `layers:`, as in the example that `cnncalc new` prints"
        key, colon, value = tree.text.partition(":")
        if "->" in tree.text:
            help = 'use the one-line form on the command line: `cnncalc analyze -e "..."`'
        elif colon and key in KEYS:
            help = f"put a space after the colon: `{key}: {show(value)}`"
    return Problem("bad-file", text, help)


def read_keys(context: Context, tree: Map) -> dict[str, Tree]:
    """The values by key. A misspelled key is noted as a problem, and its value is read under the suggested key."""
    items = {key: inner for key, inner in tree.items.items() if key in KEYS}
    for key, inner in tree.items.items():
        if key in items:
            continue
        left, glued, right = key.partition(":")
        suggestion = TOP_ELSEWHERE.get(key.casefold()) or nearest(key, KEYS)
        if suggestion == "layers" and isinstance(inner, Scalar):
            suggestion = "name"
        text = f"a specification has no key `{show(key)}`"
        if glued and left in KEYS:
            suggestion, text, help = left, f"`{show(key)}` is read as one word", f"write `{left}: {show(right)}`"
        elif suggestion:
            help = (
                f"cnncalc calls it `{suggestion}`"
                if key.casefold() in TOP_ELSEWHERE
                else f"did you mean `{suggestion}`?"
            )
        elif key in KINDS or key in STEP_WORDS:
            help = f"`{show(key)}` is a step: write it under `layers:` as `- {show(key)}: ...`"
        else:
            help = f"the keys are {quoted(KEYS, 'and')}"
        context.problem(tree.keys[key], "unknown-field", text, help)
        if suggestion:
            items.setdefault(suggestion, Scalar(right, False, tree.keys[key]) if glued else inner)
    return items


# -- steps ------------------------------------------------------------------------------------------------------------


def is_step(context: Context, word: str) -> bool:
    """Return whether the word names a layer, a block or a group, perhaps by another tool's name."""
    return (
        word in KINDS
        or word in context.blocks
        or word in STEP_WORDS
        or word.startswith("$")
        or word.casefold() in KINDS
        or word.casefold() in foreign_names()
    )


def note_misplaced_key(context: Context, tree: Map, words: list[str], suggestion: str, second: str) -> None:
    """Note a key next to a layer that is not allowed there: a field of the layer, or an unknown word."""
    kind, mark = KINDS.get(suggestion), tree.keys[second]
    first = next(iter(tree.items.values()))
    if not suggestion and words[0] in KIND_WORDS and isinstance(first, Scalar) and is_step(context, first.text):
        named = ", ".join(f"{word}: {_text_of(tree.items[word])}" for word in words[1:])
        help = f"write `{show(first.text)}: {{{show(named)}}}`, with the kind as the key"
        if first.text not in KINDS and first.text not in context.blocks:
            from cnncalc.readers.yaml.suggestions.foreign_help import help_for_step

            help = help_for_step(first.text, _rest(tree, words[1:])) or help
        context.problem(tree.keys[words[0]], "unknown-field", f"a step has no key `{show(words[0])}`", help)
    elif kind is not None and second in kind.fields:
        inside = [word for word in words if word in kind.fields]
        named = ", ".join(f"{word}: {_text_of(tree.items[word])}" for word in inside)
        value, usual = tree.items.get(suggestion), next(iter(kind.fields))
        if isinstance(value, Scalar) and value.text and usual not in inside:
            named = f"{usual}: {value.text}, {named}"
        elif isinstance(value, Map):
            named = ", ".join([*(f"{name}: {_text_of(tree)}" for name, tree in value.items.items()), named])
        text = f"`{show(second)}` is a field of {suggestion} and must be inside it"
        help = f"write `{suggestion}: {{{show(named)}}}`, or indent `{show(second)}:` further than `{suggestion}:`"
        context.problem(mark, "unknown-field", text, help)
    else:
        match = ELSEWHERE.get(second) or nearest(second, ATTRIBUTES)
        help = f"besides its layer, a step may have {quoted(ATTRIBUTES)}"
        if suggestion == "residual" and second in RESIDUAL:
            paths = ["main: [...]", *(f"{word}: [...]" for word in words if word in RESIDUAL)]
            help = f"write both inside it: `residual: {{{', '.join(dict.fromkeys(paths))}}}`"
        elif match:
            help = f"cnncalc calls it `{match}`" if second in ELSEWHERE else f"did you mean `{match}`?"
        elif suggestion in MERGES and nearest(second, ("axis",)):
            help = "did you mean `axis`?"
        context.problem(mark, "unknown-field", f"a step has no key `{show(second)}`", help)


def _rest(tree: Map, words: list[str]) -> Map:
    """The fields next to a key such as `type: Conv2D`. If they are in a `config: {...}` as in Keras, its fields."""
    inner = tree.items[words[0]] if len(words) == 1 else None
    if isinstance(inner, Map) and words[0] in ("config", "params", "args", "kwargs"):
        return inner
    rest = Map(tree.mark)
    rest.items = {word: tree.items[word] for word in words}
    rest.keys = {word: tree.keys[word] for word in words}
    return rest


def note_unknown_word(context: Context, word: str, body: Tree | None, mark: Any) -> None:
    """Note a word that is neither a layer nor a block, with a suggestion."""
    left = re.split("[:=({#]", word, maxsplit=1)[0].strip()
    sign = word[len(left) : len(left) + 1]
    kind = KINDS.get(left) or KINDS.get(left.casefold()) or KINDS.get(foreign_names().get(left.casefold(), ""))
    if word in STEPS_ELSEWHERE and isinstance(body, (Seq, Map)):
        context.problem(
            mark, "unknown-layer", f"no layer named `{show(word)}`", "write the steps of a group under `seq:`"
        )
        return
    plainly = _help_for_extras(context, word, body)
    if plainly:
        context.problem(mark, "unknown-layer", f"`{show(word)}` is not a step", plainly)
        return
    if left not in context.blocks and left not in KINDS:
        from cnncalc.readers.yaml.suggestions.foreign_help import help_for_step

        help = help_for_step(word, body)
        if help:
            named = re.match(r"[\w.-]*\Z|(?:.*[=(]\s*)?([\w.]+)\(", word)
            shown = named.group(1) if named is not None and named.group(1) and len(word) > 60 else word
            context.problem(mark, "unknown-layer", f"no layer named `{show(shown)}`", help)
            return
    if word.startswith("$"):
        text = f"`{show(word)}` cannot take fields"
        help = f"write `- {show(word)}` without fields, and set its fields under `defaults:`"
        context.problem(mark, "bad-step", text, help)
    elif sign == "#" and left:
        context.problem(mark, "unknown-layer", f"`{show(word)}` is read as one word", "put a space before `#`")
    elif sign == "(" and left and (kind is not None or left in context.blocks):
        context.problem(
            mark, "unknown-layer", f"`{show(word)}` is a function call, not a step", _help_for_call(left, kind, word)
        )
    elif sign in (":", "=") and left:
        rest = word[len(left) + 1 :].strip()
        help = f"put a space after the colon: `{show(left)}: {show(rest)}`" if rest else f"write `{show(left)}`"
        if word[len(left) + 1 :][:1] == " ":
            help = "write it without the quotes"
        elif rest.startswith(("{", "[")):
            help = f"put a space after `{show(left)}:`"
        context.problem(mark, "unknown-layer", f"`{show(word)}` is read as one word", help)
    elif word.startswith("-"):
        help = f"put a space after the dash: `- {show(word[1:])}`"
        context.problem(mark, "unknown-layer", f"`{show(word)}` is read as one word", help)
    elif any(char in word for char in CURLY):
        help = f"write `{show(word.strip(CURLY))}`, without the curly quotes"
        context.problem(mark, "unknown-layer", f"no layer named `{show(word)}`", help)
    elif word.replace("x", "").replace(".", "").isdecimal():
        context.problem(mark, "bad-step", f"`{show(word)}` is not a step", "write a layer, such as `fc: 10` or `relu`")
    elif word in KIND_WORDS and isinstance(body, Scalar) and is_step(context, body.text):
        context.problem(mark, "unknown-layer", f"no layer named `{show(word)}`", f"write only `{show(body.text)}`")
    elif left.rstrip("0123456789") in KINDS and left not in KINDS and left == word:
        plain = left.rstrip("0123456789")
        help = f"write `{plain}` (layers are numbered automatically), with `as: {show(word)}` if you want this name"
        context.problem(mark, "unknown-layer", f"no layer named `{show(word)}`", help)
    elif word[:1].isupper() and kind is None:
        close = nearest(word, (*context.blocks, *KINDS))
        help = f"did you mean `{close}`?" if close else "define it under `blocks:` (names of layers are lowercase)"
        context.problem(mark, "unknown-layer", f"no block named `{show(word)}`", help)
    else:
        context.add(unknown_layer(word, (*context.blocks, *STEP_WORDS, *MERGES)), mark)
        if kind is not None and isinstance(body, Map) and kind.inputs == 1:
            context.fields(kind, body.items, body.keys)  # also report the mistakes in its fields


def report_unusual_spaces(problems: Iterable[Problem]) -> list[Problem]:
    """Replace the problems on a line that has a no-break or wide space by one problem about that space."""
    result: list[Problem] = []
    lines = set()
    for problem in problems:
        place = problem.where
        line = place.source.line(place.line) if place is not None else ""
        blank = _FALSE_BLANK.search(line)
        if place is None or blank is None:
            result.append(problem)
        elif place.line not in lines:
            lines.add(place.line)
            text = f"there is a no-break or wide space here (U+{ord(blank.group()):04X}), which YAML does not treat as a space"
            result.append(
                Problem(
                    "bad-character", text, "replace it with a plain space", where=place.at_column(blank.start() + 1)
                )
            )
    return result


def _help_for_extras(context: Context, word: str, body: Tree | None) -> str:
    """Help for a word that ends in a comma or in `x3`."""
    plain = word.strip(" ,;")
    times = re.fullmatch(r"(\S+) ?[x*\u00d7] ?([0-9]{1,6})", plain)
    if times and is_step(context, times.group(1)) and body is None:
        return f"write `{{{show(times.group(1))}: {{}}, repeat: {times.group(2)}}}`"
    if plain == word or not (is_step(context, plain)) or plain.startswith("$"):
        return ""
    return f"write `{show(plain)}`, without the comma" if body is None and "," in word else ""


def _text_of(tree: Tree) -> str:
    """The text of a value, or `...` if it is a list or mapping."""
    return tree.text if isinstance(tree, Scalar) else "..."


def _help_for_call(word: str, kind: type[Layer] | None, whole: str = "") -> str:
    """Help for a step that is written as a call, such as `Conv2d(3, 64, 3)`."""
    if kind is None:
        return f"write `{word}: [...]` with its values"
    if whole:
        from cnncalc.readers.yaml.suggestions.calls import step_of_call

        line = step_of_call(kind, whole)
        if line:
            return f"write `{line}`"
    if (
        not any(field.required for field in kind.fields.values())
        and kind.inputs == 1
        and not issubclass(kind, SizedLike)
    ):
        return f"write `{kind.kind}`"
    return f"write, for example, `{kind.example.rpartition('-> ')[2] or kind.kind + ': ...'}`"


def help_for_list(kind: type[Layer], values: Seq) -> str:
    """Help for fields that are written as a list."""
    pairs = [pair for item in values.items if isinstance(item, Map) for pair in item.items.items()]
    if pairs:
        named = ", ".join(f"{name}: {_text_of(tree)}" for name, tree in pairs)
        return f"write `{kind.kind}: {{{show(named)}}}`, or one field per line without dashes"
    texts = [item.text for item in values.items if isinstance(item, Scalar)]
    if not texts or len(texts) != len(values.items) or len(texts) > len(kind.fields):
        return f"write, for example, `{kind.example.rpartition('-> ')[2]}`"
    named = ", ".join(f"{name}: {text}" for name, text in zip(kind.fields, texts, strict=False))
    if next(iter(kind.fields)) == "kernel" and 1 < len(texts) < 4:
        window = f"write `{kind.kind}: {show('x'.join(texts))}` for a window of that size"
        both = f"`{kind.kind}: {{kernel: {show(texts[0])}, stride: {show(texts[1])}}}` for a window and its stride"
        return f"{window}, or {both}" if len(texts) == 2 and "stride" in kind.fields else window
    if len(texts) > 2 and list(kind.fields)[:2] == ["filters", "kernel"]:
        other = ", ".join(f"{name}: {text}" for name, text in zip(kind.fields, texts[1:], strict=False))
        line = f"`{kind.kind}: {{{show(other)}}}` if it is PyTorch's order (in, out, kernel)"
        return f"write {line}, or `{kind.kind}: {{{show(named)}}}` if it is Keras' order"
    return f"write `{kind.kind}: {{{show(named)}}}`"
