"""What exporters share: a network as a tree of blocks, safe identifiers, names of variables, classes that repeat.

A block is a run of layers whose names begin alike. Blocks of the same structure become one class; numbers in which they
differ become its parameters. Everything is done in loops, so that a network of thousands of layers, however deep its
names are, exports too. Knows no framework.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Callable, Iterable, Sequence

from cnncalc.network import Network, Node
from cnncalc.record import Record
from cnncalc.text import show

DEEPEST = 24  # levels of names that become blocks; what is below stays in the last of them
MOST = 8  # parameters of a class; blocks that would need more become classes of their own
POOL = ("x", "y", "z", "u", "v", "w")
_NUMBER = re.compile(r"(?<![\w.])\d+(?![\w.])")
_KEYWORD = re.compile(r"(\w+)=\(?[\d, ]*\Z")
_OTHER = re.compile(r"[^A-Za-z0-9_]+")


class Unexportable(Exception):
    """A layer that the target has no words for: one line that names it."""

    def __init__(self, node: Node, why: str) -> None:
        super().__init__(f"{node.kind} `{show(node.name)}` cannot be exported: {why}")


def without_counterpart(node: Node, target: str) -> Unexportable:
    """Why a layer that the target's table of kinds does not have, or that is only called like a kind, stays behind."""
    if node.layer is None or type(node.layer).kind == node.kind:
        return Unexportable(node, f"this kind has no counterpart in {target}")
    return Unexportable(node, f"only its shapes and counts are known, too little for {target}")


def identifier(text: str, kind: str = "layer", reserved: Iterable[str] = ()) -> str:
    """A name as an identifier of ASCII letters, digits and underscores that no word of the language is.

    >>> identifier("3x3", "block"), identifier("a b;import os"), identifier("class"), identifier("__init__")
    ('block_3x3', 'a_b_import_os', 'class_', 'init')
    """
    name = _OTHER.sub("_", text)[:60].strip("_")
    if not name or name[0].isdigit():
        name = f"{kind}_{name}".rstrip("_")
    return name + "_" if keyword.iskeyword(name) or keyword.issoftkeyword(name) or name in reserved else name


def class_name(text: str, otherwise: str = "Block") -> str:
    """A name as the name of a class: capitals, without the number at its end.

    >>> class_name("Bottleneck12"), class_name("conv2_x"), class_name("3a"), class_name("ResNet-50", "Network")
    ('Bottleneck', 'Conv2X', 'Block3a', 'ResNet')
    """
    words = [word for word in _OTHER.sub("_", text)[:60].split("_") if word]
    name = "".join(word[0].upper() + word[1:] for word in words)
    name = name.rstrip("0123456789") or name
    return (otherwise if not name else otherwise + name if name[0].isdigit() else name) + (
        "_" if keyword.iskeyword(name) else ""
    )


def unique(name: str, taken: set[str]) -> str:
    """The name, with a number behind it where it is taken; it is taken afterwards."""
    found, number = name, 1
    while found in taken:
        number += 1
        found = f"{name}_{number}"
    taken.add(found)
    return found


def comment(text: str, longest: int = 100) -> str:
    """Untrusted text as one line of printable ASCII, for a comment.

    >>> comment("a" + chr(10) + "import os" + chr(0x2028))
    'a\\\\nimport os\\\\u2028'
    """
    return show(text, longest).replace("\\x0a", "\\n").encode("ascii", "backslashreplace").decode("ascii")


def docstring(text: str, longest: int = 100) -> str:
    """Untrusted text as one line inside a docstring of three double quotes."""
    return comment(text, longest).replace("\\", "\\\\").replace('"', "'")


class Block:
    """A run of layers under one name. `items` are labelled layers (their indices) and blocks, in order."""

    __slots__ = ("first", "inputs", "items", "key", "last", "outputs", "parent", "path")

    def __init__(self, key: str, path: str, parent: Block | None) -> None:
        self.key = key
        self.path = path
        self.parent = parent
        self.items: list[tuple[str, Block | int]] = []
        self.first = self.last = -1
        self.inputs: list[int] = []  # values from above, in the order of their first use
        self.outputs: list[int] = []  # values that are used further down, or by the caller


def used(node: Node) -> tuple[int, ...]:
    """The values that a layer really reads: without those that only lend their shape."""
    return node.inputs[: len(node.inputs) - node.layer.reference_inputs] if node.layer is not None else ()


def last_uses(nodes: Sequence[Node], block: Block) -> dict[int, int]:
    """The place of the last item of a block that reads each value; behind all of them for what it gives back."""
    found: dict[int, int] = {}
    for place, (_, item) in enumerate(block.items):
        for value in item.inputs if isinstance(item, Block) else used(nodes[item]):
            found[value] = place
    for value in block.outputs:
        found[value] = len(block.items)
    return found


def blocks(network: Network) -> list[Block]:
    """The tree of blocks, inner ones before outer ones, the whole network last."""
    nodes = network.nodes
    root = Block("", "", None)
    open_blocks = [root]
    closed: list[Block] = []

    def close() -> None:
        block = open_blocks.pop()
        parent = open_blocks[-1]
        if len(block.items) == 1:  # a level of one thing is no class of its own
            parent.items[-1] = (block.key, block.items[0][1])
        else:
            closed.append(block)

    for node in nodes:
        if node.layer is None:
            continue
        *path, leaf = node.name.split(".", DEEPEST)
        level = 0
        while level < len(path) and level + 1 < len(open_blocks) and open_blocks[level + 1].key == path[level]:
            level += 1
        while len(open_blocks) > level + 1:
            close()
        for number in range(level, len(path)):
            block = Block(path[number], ".".join(path[: number + 1]), open_blocks[-1])
            open_blocks[-1].items.append((block.key, block))
            open_blocks.append(block)
        open_blocks[-1].items.append((leaf, node.index))
        for block in open_blocks:
            block.first = node.index if block.first < 0 else block.first
            block.last = node.index
    while len(open_blocks) > 1:
        close()
    closed.append(root)
    for block in closed:
        for _, item in block.items:
            if isinstance(item, Block):
                item.parent = block
    _connect(network, closed)
    return closed


def _connect(network: Network, closed: list[Block]) -> None:
    """Which values enter and leave every block."""
    nodes = network.nodes
    last_use = [-1] * len(nodes)
    for node in nodes:
        for index in used(node):
            last_use[index] = node.index
    for index in network.outputs:
        last_use[index] = len(nodes)
    for block in closed:
        if block.parent is None:
            block.inputs = [node.index for node in network.inputs]
            block.outputs = list(network.outputs)
            continue
        inside = range(block.first, block.last + 1)
        entering: dict[int, None] = {}
        for number in inside:
            for index in used(nodes[number]):
                if index < block.first or nodes[index].layer is None:
                    entering[index] = None
        block.inputs = list(entering)
        block.outputs = [i for i in inside if nodes[i].layer is not None and last_use[i] > block.last]
        block.outputs = block.outputs or [block.last]


class Variables:
    """Names of the values in one function: `x` for the main line, others beside it; free again after the last use."""

    def __init__(self, arguments: Sequence[tuple[int, str]], last_use: dict[int, int]) -> None:
        self.names = dict(arguments)
        self._last_use = last_use
        self._taken = set(self.names.values())
        self._dying: dict[int, list[int]] = {}
        for value in self.names:
            self._dying.setdefault(last_use.get(value, -1), []).append(value)
        self._release(-1)

    def _release(self, place: int) -> None:
        for value in self._dying.pop(place, ()):
            self._taken.discard(self.names[value])

    def assign(self, place: int, values: Sequence[int]) -> list[str]:
        """Names for the values made at a place, where those read there for the last time are free again."""
        self._release(place)
        for value in values:
            name = next((name for name in POOL if name not in self._taken), "")
            number = 1
            while not name or name in self._taken:
                name, number = f"v{number}", number + 1
            self._taken.add(name)
            self.names[value] = name
            self._dying.setdefault(max(self._last_use.get(value, place), place), []).append(value)
        found = [self.names[value] for value in values]
        self._release(place)
        return found


class Init(Record):
    """A line that makes a part: `code` is a template whose whole numbers may become parameters; or the body of a block."""

    attribute: str
    code: str
    hints: tuple[str, ...]
    child: Body | None


class Step(Record):
    """A line of the forward pass; `node` is the layer whose value it makes, in `variable`."""

    code: str
    note: str
    node: int
    variable: str


class Body:
    """What a block becomes: the lines that make its parts and the lines of its forward pass."""

    __slots__ = ("arguments", "block", "exact", "extra", "inits", "returns", "skeleton", "steps", "values")

    def __init__(self, block: Block) -> None:
        self.block = block
        self.arguments: list[str] = []
        self.inits: list[Init] = []
        self.extra: list[str] = []
        self.steps: list[Step] = []
        self.returns = ""
        self.values: list[int] = []  # every whole number of its lines, then those of its parts
        self.skeleton: Skeleton | None = None
        self.exact = False  # a class of its own for every set of numbers


class Skeleton:
    """A class to be: the bodies that differ in nothing but whole numbers."""

    __slots__ = ("bodies", "columns", "hints", "name", "parameters")

    def __init__(self) -> None:
        self.name = ""
        self.bodies: list[Body] = []
        self.hints: list[str] = []
        self.columns: list[str | None] = []  # for every number the parameter that it is, None where it never changes
        self.parameters: list[tuple[str, int]] = []  # name and first column


def skeletons(bodies: list[Body], root_name: str, taken: set[str]) -> list[Skeleton]:
    """The classes of bodies that come inner ones first; names and parameters settled."""
    for _ in range(DEEPEST + 1):  # a class that is split up may split those around it
        found = _alike(bodies)
        large = [skeleton for skeleton in found if len(skeleton.parameters) > MOST]
        if not large:
            break
        for skeleton in large:
            for body in skeleton.bodies:
                body.exact = True
    for skeleton in found:
        block = skeleton.bodies[0].block
        skeleton.name = unique(class_name(block.key), taken) if block.parent is not None else root_name
    return found


def _alike(bodies: list[Body]) -> list[Skeleton]:
    """Bodies of the same structure together."""
    known: dict[tuple[object, ...], Skeleton] = {}
    for body in bodies:
        key: list[object] = [tuple(body.arguments), tuple(body.extra), body.returns]
        hints: list[str] = []
        body.values = []
        for init in body.inits:
            child = init.child
            if child is not None:
                assert child.skeleton is not None
                body.values += child.values
                hints += child.skeleton.hints
                key.append((init.attribute, id(child.skeleton)))
            else:
                for number, match in enumerate(_NUMBER.finditer(init.code)):
                    body.values.append(int(match.group()))
                    hints.append(_hint(init, number, init.code[: match.start()]))
                key.append((init.attribute, _NUMBER.sub("#", init.code)))
        key += [step.code for step in body.steps]
        key += body.values if body.exact else []
        skeleton = known.setdefault(tuple(key), Skeleton())
        skeleton.bodies.append(body)
        skeleton.hints = skeleton.hints or hints
        body.skeleton = skeleton
    found = list(known.values())
    for skeleton in found:
        _parameters(skeleton)
    return found


def _hint(init: Init, number: int, before: str) -> str:
    """What a number would be called as a parameter: by its keyword, else by its place."""
    named = _KEYWORD.search(before)
    return named.group(1) if named else init.hints[number] if number < len(init.hints) else "n"


def _parameters(skeleton: Skeleton) -> None:
    """Numbers that differ between the bodies become parameters, one for all that always agree."""
    names: dict[tuple[int, ...], str] = {}
    taken = {"self"}
    for column, values in enumerate(zip(*[body.values for body in skeleton.bodies], strict=True)):
        if len(set(values)) == 1:
            skeleton.columns.append(None)
            continue
        if values not in names:
            names[values] = unique(skeleton.hints[column], taken)
            skeleton.parameters.append((names[values], column))
        skeleton.columns.append(names[values])


def init_lines(skeleton: Skeleton, made: Callable[[str, str], str]) -> list[str]:
    """The lines that make the parts of a class; `made(attribute, code)` writes one."""
    body = skeleton.bodies[0]
    lines = []
    place = 0
    for init in body.inits:
        child = init.child
        if child is None:
            numbers = iter(range(place, len(body.values)))

            def filled(match: re.Match[str], numbers: Iterable[int] = numbers) -> str:
                return skeleton.columns[next(iter(numbers))] or match.group()

            lines.append(made(init.attribute, _NUMBER.sub(filled, init.code)))
            place += len(_NUMBER.findall(init.code))
        else:
            assert child.skeleton is not None
            values = [
                (name, skeleton.columns[place + column] or str(body.values[place + column]))
                for name, column in child.skeleton.parameters
            ]
            given = ", ".join(f"{name}={value}" if len(values) > 1 else value for name, value in values)
            lines.append(made(init.attribute, f"{child.skeleton.name}({given})"))
            place += len(child.values)
    return lines
