"""The definitions of a specification: defaults, blocks with their signatures, and what the names in it refer to."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from cnncalc.layers.base import KINDS, unknown_layer
from cnncalc.layers.fields import number_help
from cnncalc.problem import Problem
from cnncalc.spec import values as value_of
from cnncalc.spec.compiler import Compiler
from cnncalc.spec.reading import RESERVED, Reading
from cnncalc.spec.run import IN_NAMES
from cnncalc.spec.steps import Block
from cnncalc.spec.tree import Map, Scalar, Tree
from cnncalc.text import did_you_mean, show


def is_parameter(text: str) -> bool:
    """A letter or `_`, then letters, digits and `_`."""
    return text.isascii() and text.isidentifier()


def read_defaults(reading: Reading, tree: Tree) -> None:
    """The file's `defaults`."""
    if not isinstance(tree, Map):
        reading.problem(
            tree.mark,
            "bad-value",
            f"`defaults` must be a mapping, kind -> fields; got {tree.what}",
            "write `defaults: {conv: {bias: false}}`",
        )
        return
    for word, inner in tree.items.items():
        kind = KINDS.get(word)
        if kind is None:
            reading.add(unknown_layer(word), tree.keys[word])
        elif not isinstance(inner, Map):
            reading.problem(
                inner.mark,
                "bad-value",
                f"the defaults of {word} must be a mapping; got {inner.what}",
                f"write `{word}: {{field: value}}`",
            )
        else:
            reading.defaults[kind.kind] = reading.fields(kind, inner.items, inner.keys)


def read_signatures(reading: Reading, tree: Tree) -> list[tuple[Block, Tree]]:
    """The names and parameters of the file's blocks; their steps are read when all are known."""
    if not isinstance(tree, Map):
        reading.problem(
            tree.mark,
            "bad-value",
            f"`blocks` must be a mapping, signature -> steps; got {tree.what}",
            "write `Stage(width): [...]`",
        )
        return []
    found = []
    for key, body in tree.items.items():
        block = _signature(reading, key, tree.keys[key])
        if block is None:
            continue
        if block.name in reading.blocks:
            line = reading.blocks[block.name].where.line
            reading.problem(
                tree.keys[key],
                "duplicate-key",
                f"block `{block.name}` is defined twice; the first is on line {line}",
                "rename one of the two",
            )
            continue
        reading.blocks[block.name] = block
        reading.scopes[block.name] = set()
        found.append((block, body))
    return found


def _signature(reading: Reading, text: str, mark: Any) -> Block | None:
    name, opened, inside = text.partition("(")
    block_name, inside = name.strip(), inside.strip()
    closed = inside.endswith(")") if opened else True
    if not (closed and block_name[:1].isupper() and is_parameter(block_name)):
        reading.problem(
            mark,
            "bad-block",
            f"`{show(text)}` is no block signature",
            "write `Stage(width, blocks=2)`; block names begin with a capital letter",
        )
        return None
    parameters: list[str] = []
    defaults: dict[str, Any] = {}
    inside = inside.removesuffix(")").strip()
    for part in inside.split(",") if inside else []:
        name, equals, literal = (piece.strip() for piece in part.partition("="))
        if not is_parameter(name) or (equals and not literal):
            reading.problem(
                mark, "bad-block", f"`{show(part.strip())}` is no parameter", "write `name` or `name=value`"
            )
            return None
        if name in parameters or name in IN_NAMES:
            why = "stands there twice" if name in parameters else "is the name of the incoming size"
            reading.problem(mark, "bad-block", f"`{name}` {why}", "choose another name")
            return None
        if defaults and not equals:
            reading.problem(
                mark,
                "bad-block",
                f"`{name}` needs a default, because the parameter before it has one",
                "put parameters without a default first",
            )
            return None
        parameters.append(name)
        if equals:
            value = value_of.constant(Scalar(literal, False, mark))
            if "$" in literal or (isinstance(value, str) and number_help(value)):
                reading.problem(
                    mark,
                    "bad-block",
                    f"the default `{show(literal)}` is no plain number or word",
                    number_help(literal) or "write the number",
                )
                return None
            defaults[name] = value
    return Block(block_name, parameters, defaults, reading.at(mark))


def read_block(reading: Compiler, block: Block, body: Tree) -> None:
    """The steps of a block."""
    reading.block = block
    block.steps = reading.steps(body)
    reading.block = None


def check_references(reading: Reading, inputs: Collection[str]) -> None:
    """Names that nothing defines, and blocks that call themselves or are never called."""
    for name, place, block in reading.references:
        known = {*reading.scopes[None], *reading.scopes.get(block, ()), *inputs}
        if name not in known:
            in_block = next((other for other, names in reading.scopes.items() if other and name in names), None)
            help = (
                f"it is defined inside {in_block}, which keeps its names to itself"
                if in_block
                else did_you_mean(name, [*known, *RESERVED])
            )
            reading.problems.append(
                Problem(
                    "unknown-name",
                    f"nothing is named `{show(name)}`",
                    help or "name a step above with `as:`",
                    where=place,
                )
            )
    _check_recursion(reading)


def _check_recursion(reading: Reading) -> None:
    done: set[str] = set()
    for start in reading.blocks:
        path: list[str] = []
        stack: list[tuple[str, bool]] = [(start, False)]
        while stack:
            name, leaving = stack.pop()
            if leaving:
                done.add(path.pop())
            elif name in path:
                ring = " -> ".join([*path[path.index(name) :], name])
                call = reading.blocks[path[-1]].calls[name]
                reading.problems.append(
                    Problem(
                        "recursive-block",
                        f"block `{show(name)}` calls itself: {show(ring)}",
                        "use `repeat:`",
                        where=call,
                    )
                )
                return
            elif name not in done:
                path.append(name)
                stack.append((name, True))
                stack.extend((called, False) for called in reading.blocks[name].calls)
