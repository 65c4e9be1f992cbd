"""Reads the definitions of a specification: defaults and blocks. Checks references to names."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from cnncalc.layers.base import KINDS
from cnncalc.layers.fields.notation import number_help
from cnncalc.layers.lookup import foreign_names, unknown_layer
from cnncalc.problem import Problem, Where
from cnncalc.readers.yaml import values as value_of
from cnncalc.readers.yaml.attributes import trainable
from cnncalc.readers.yaml.compiler import Compiler
from cnncalc.readers.yaml.context import Context
from cnncalc.readers.yaml.steps import Block
from cnncalc.readers.yaml.tree import Map, Mark, Scalar, Seq, Tree
from cnncalc.readers.yaml.values import Pending
from cnncalc.readers.yaml.vocabulary import IN_NAMES, RESERVED, is_name, is_parameter
from cnncalc.text import did_you_mean, nearest, show


def read_defaults(context: Context, tree: Tree) -> None:
    """Read the `defaults` of the file."""
    if not isinstance(tree, Map):
        context.problem(
            tree.mark,
            "bad-value",
            f"`defaults` must map kinds to fields; got {tree.what}",
            "write `defaults: {conv: {bias: false}}`",
        )
        return
    for word, inner in tree.items.items():
        kind = KINDS.get(word)
        if kind is None and word[:1].isupper() and not nearest(word, KINDS) and word.casefold() not in foreign_names():
            help = f"write the defaults of a block in its signature: `{show(word)}(width=64)`"
            context.problem(tree.keys[word], "unknown-layer", f"`defaults` has no kind `{show(word)}`", help)
        elif kind is None:
            context.add(unknown_layer(word), tree.keys[word])
        elif not isinstance(inner, Map):
            context.problem(
                inner.mark,
                "bad-value",
                f"the defaults of {word} must be a mapping; got {inner.what}",
                f"write `{word}: {{field: value}}`",
            )
        else:
            fields = {name: value for name, value in inner.items.items() if name != "trainable"}
            if "trainable" in inner.items:
                _untrained(context, kind.kind, inner.items["trainable"])
            places = {name: context.at(value.mark) for name, value in fields.items()}
            context.defaults[kind.kind] = context.fields(kind, fields, inner.keys), places


def _untrained(context: Context, kind: str, tree: Tree) -> None:
    """Read `trainable` in the defaults of a kind."""
    value = trainable(context, tree)
    if isinstance(value, Pending):
        text = f"the default of {kind}.trainable must be true or false; got `{show(value.text)}`"
        context.problem(tree.mark, "bad-value", text, "write it without `$`")
    elif value is False:
        context.untrained.add(kind)


def read_signatures(context: Context, tree: Tree) -> list[tuple[Block, Tree]]:
    """Read the names and parameters of the blocks; their bodies are compiled once all signatures are known."""
    if not isinstance(tree, Map):
        context.problem(
            tree.mark,
            "bad-value",
            f"`blocks` must map signatures to steps; got {tree.what}",
            "write `Stage(width): [...]` for each block, without a dash",
        )
        items = tree.items if isinstance(tree, Seq) else []
        keys = [key for item in items if isinstance(item, Map) for key in item.items]
        context.broken.update(key.partition("(")[0].strip() for key in keys)
        return []
    blocks = []
    for key, body in tree.items.items():
        block = _signature(context, key, tree.keys[key])
        if block is None:
            continue
        if block.name in context.blocks:
            line = context.blocks[block.name].where.line
            context.problem(
                tree.keys[key],
                "duplicate-key",
                f"block `{block.name}` is defined twice; the first is on line {line}",
                "rename one of the two",
            )
            continue
        context.blocks[block.name] = block
        context.scopes[block.name] = {}
        blocks.append((block, body))
    return blocks


def _signature(context: Context, text: str, mark: Any) -> Block | None:
    name, opened, inside = text.partition("(")
    block_name, inside = name.strip(), inside.rstrip()

    def bad(sentence: str, help: str, piece: int = 0) -> Block | None:
        line = context.source.line(mark.line + 1)
        start = mark.column + (line[mark.column : mark.column + 1] in ("'", '"'))
        shift = start - mark.column + piece if line.startswith(text, start) else 0
        context.problem(Mark(mark.line, mark.column + shift), "bad-block", sentence, help)
        context.broken.add(block_name)
        return None

    if not is_parameter(block_name):
        word = "".join(part[:1].upper() + part[1:] for part in block_name.split())
        help = f"write `{show(word)}`" if is_parameter(word) else "use letters, digits and `_`, as in `Stage(width)`"
        return bad(f"`{show(block_name)}` cannot be the name of a block", help)
    if not block_name[0].isupper():
        capital = block_name[0].upper() + block_name[1:]
        return bad(f"the name of a block begins with a capital letter; got `{show(block_name)}`", f"write `{capital}`")
    if opened and not inside.endswith(")"):
        if ")" in inside:
            return bad(f"`{show(text)}` continues after its `)`", "end the signature there", text.rindex(")") + 1)
        return bad("this parenthesis is not closed", f"write `{show(text.strip())})`", len(name))
    parameters: list[str] = []
    defaults: dict[str, Any] = {}
    place = len(name) + 1
    for part in inside[:-1].split(",") if inside[:-1].strip() else []:
        piece = place + len(part) - len(part.lstrip())
        place += len(part) + 1
        name, equals, literal = (word.strip() for word in part.partition("="))
        if not is_parameter(name) or (equals and not literal):
            return bad(f"`{show(part.strip())}` is not a parameter", "write `name` or `name=value`", piece)
        if name in parameters:
            return bad(f"the parameter `{name}` is written twice", "choose another name", piece)
        if name in IN_NAMES:
            text_ = f"`{name}` is already the name of a size of the value that enters a step"
            return bad(text_, f"choose another name, or use `${name}` without declaring it", piece)
        if defaults and not equals:
            return bad(
                f"`{name}` needs a default value, because the parameter before it has one",
                "put parameters without a default first",
                piece,
            )
        parameters.append(name)
        if equals:
            value = value_of.constant(Scalar(literal, False, mark))
            if isinstance(value, str) and (number_help(value) or not is_name(value)):
                return bad(
                    f"the default `{show(literal)}` is not a plain number or word",
                    number_help(literal) or "write a number, a word, `true` or `false`",
                    piece + part.strip().index("=") + 1,
                )
            defaults[name] = value
    return Block(block_name, parameters, defaults, context.at(mark))


def read_block(context: Compiler, block: Block, body: Tree) -> None:
    """Compile the steps of a block."""
    if isinstance(body, Scalar) and body.text == "" and not body.quoted:
        help = f"write its steps after the colon, as in `{block.signature}: [relu]`"
        context.problem(body.mark, "bad-block", f"block `{block.name}` has no steps", help)
        return
    context.block = block
    block.steps = context.steps(body)
    context.block = None


def check_references(context: Context, inputs: Collection[str]) -> None:
    """Note names that are undefined or defined too late, and recursive blocks."""
    for name, place, block, bound in context.references:
        if bound or name in inputs or context.unread:
            continue
        if "." in name or (
            name in context.parts and name not in context.defined
        ):  # paths are resolved during expansion
            continue
        if block is not None and any(name in names for other, names in context.scopes.items() if other != block):
            continue  # defined in the file or in a possible caller: checked during expansion
        context.add(_unknown(context, name, place, block, inputs), None)
    _check_recursion(context)


def _unknown(context: Context, name: str, place: Where, block: str | None, inputs: Collection[str]) -> Problem:
    """Return the problem of a name that has no meaning at its use."""
    block_names = context.scopes[block]
    if name in block_names:
        if block_names[name].line == place.line:
            text, help = f"`{show(name)}` has no value yet: it names this step itself", "name a step above"
        else:
            text = f"`{show(name)}` has no value yet: it is defined later, on line {block_names[name].line}"
            help = "a step can only use the values of steps above it"
        return Problem("unknown-name", text, help, where=place)
    text = f"nothing is named `{show(name)}`"
    inside = next((other for other, names in context.scopes.items() if other and name in names), None)
    if name in KINDS:
        help = f"write `[{name}]` for the layer"
    elif inside:
        help = f"it is defined inside {inside}, whose names are not visible outside it; name the call of {inside} with `as:`"
    elif name.lstrip("-").isdecimal():
        help = "steps are not numbered: name the step with `as: name`"
    else:
        known = [*block_names, *context.scopes[None], *inputs, *RESERVED]
        help = did_you_mean(name, known) or f"give the step that name with `as: {show(name)}`"
    return Problem("unknown-name", text, help, where=place)


def _check_recursion(context: Context) -> None:
    done: set[str] = set()
    for start in context.blocks:
        path: dict[str, None] = {}
        stack: list[tuple[str, bool]] = [(start, False)]
        while stack:
            name, leaving = stack.pop()
            if leaving:
                path.popitem()
                done.add(name)
            elif name in path:
                names = list(path)
                ring = " -> ".join([*names[names.index(name) :], name])
                call = context.blocks[names[-1]].calls[name]
                through = f"block `{show(name)}` calls itself" + (f": {show(ring)}" if names[-1] != name else "")
                context.add(Problem("recursive-block", through, "repeat a step with `repeat:`", where=call), None)
                return
            elif name not in done:
                path[name] = None
                stack.append((name, True))
                stack.extend((called, False) for called in context.blocks[name].calls)
