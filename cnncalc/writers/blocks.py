"""Turn a network into a tree of blocks, and blocks into classes; make safe identifiers and names of variables.

A block is a run of layers whose names share a prefix. Blocks with the same structure become one class, and the numbers that
differ between them become its parameters. There is no recursion, so that networks of thousands of layers with deeply nested
names can be exported. This module knows no framework.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Callable, Iterable, Sequence

from cnncalc.network import Network, Node
from cnncalc.record import Record
from cnncalc.text import show

DEEPEST = 24  # levels of names that become blocks; deeper ones stay part of the last one
MOST = 8  # parameters of a class; blocks that would need more become separate classes
POOL = ("x", "y", "z", "u", "v", "w")
_NUMBER = re.compile(r"(?<![\w.])\d+(?![\w.])")
_KEYWORD = re.compile(r"(\w+)=\(?[\d, ]*\Z")
_OTHER = re.compile(r"[^A-Za-z0-9_]+")


class Unexportable(Exception):
    """The target cannot express a layer. The text is one line that names it."""

    def __init__(self, node: Node, why: str) -> None:
        super().__init__(f"{node.kind} `{show(node.name)}` cannot be exported: {why}")


def without_counterpart(node: Node, target: str) -> Unexportable:
    """Return the error for a layer that is missing in the target's table, or that only shares the name of a kind in it."""
    if node.layer is None or type(node.layer).kind == node.kind:
        return Unexportable(node, f"this kind has no counterpart in {target}")
    return Unexportable(node, f"only its shapes and counts are known, which is not enough for {target}")


def identifier(text: str, kind: str = "layer", reserved: Iterable[str] = ()) -> str:
    """Turn a name into an identifier of ASCII letters, digits and underscores that is not a keyword.

    >>> identifier("3x3", "block"), identifier("a b;import os"), identifier("class"), identifier("__init__")
    ('block_3x3', 'a_b_import_os', 'class_', 'init')
    """
    name = _OTHER.sub("_", text)[:60].strip("_")
    if not name or name[0].isdigit():
        name = f"{kind}_{name}".rstrip("_")
    return name + "_" if keyword.iskeyword(name) or keyword.issoftkeyword(name) or name in reserved else name


def class_name(text: str, otherwise: str = "Block") -> str:
    """Turn a name into the name of a class, in CamelCase and without a trailing number.

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
    """Return the name, with a number appended if it is taken, and add it to `taken`."""
    candidate, number = name, 1
    while candidate in taken:
        number += 1
        candidate = f"{name}_{number}"
    taken.add(candidate)
    return candidate


def comment(text: str, longest: int = 100) -> str:
    """Turn untrusted text into one line of printable ASCII for a comment.

    >>> comment("a" + chr(10) + "import os" + chr(0x2028))
    'a\\\\nimport os\\\\u2028'
    """
    return show(text, longest).replace("\\x0a", "\\n").encode("ascii", "backslashreplace").decode("ascii")


def docstring(text: str, longest: int = 100) -> str:
    """Turn untrusted text into one line for a docstring in three double quotes."""
    return comment(text, longest).replace("\\", "\\\\").replace('"', "'")


class Block:
    """A run of layers under one name. `items` holds labels with layers (their indices) or blocks, in order."""

    __slots__ = ("first", "inputs", "items", "key", "last", "outputs", "parent", "path")

    def __init__(self, key: str, path: str, parent: Block | None) -> None:
        self.key = key
        self.path = path
        self.parent = parent
        self.items: list[tuple[str, Block | int]] = []
        self.first = self.last = -1
        self.inputs: list[int] = []  # values from outside, in the order of their first use
        self.outputs: list[int] = []  # values that are used after the block, or by the caller


def read_values(node: Node) -> tuple[int, ...]:
    """Return the inputs whose numbers a layer reads, without those of which it uses only the shape."""
    return node.inputs[: len(node.inputs) - node.layer.reference_inputs] if node.layer is not None else ()


def last_uses(nodes: Sequence[Node], block: Block) -> dict[int, int]:
    """Return, for each value, the position of the last item of a block that reads it. Outputs are read after all items."""
    last: dict[int, int] = {}
    for place, (_, item) in enumerate(block.items):
        for value in item.inputs if isinstance(item, Block) else read_values(nodes[item]):
            last[value] = place
    for value in block.outputs:
        last[value] = len(block.items)
    return last


def blocks(network: Network) -> list[Block]:
    """Return all blocks of the tree, inner ones before outer ones and the whole network last."""
    nodes = network.nodes
    root = Block("", "", None)
    open_blocks = [root]
    closed: list[Block] = []

    def close() -> None:
        block = open_blocks.pop()
        parent = open_blocks[-1]
        if len(block.items) == 1:  # a block with a single item does not become a class
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
    """Determine which values enter and leave each block."""
    nodes = network.nodes
    last_use = [-1] * len(nodes)
    for node in nodes:
        for index in read_values(node):
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
            for index in read_values(nodes[number]):
                if index < block.first or nodes[index].layer is None:
                    entering[index] = None
        block.inputs = list(entering)
        block.outputs = [i for i in inside if nodes[i].layer is not None and last_use[i] > block.last]
        block.outputs = block.outputs or [block.last]


class Variables:
    """Names of the values in one function: `x` for the main line, others next to it. A name is reused after its last use."""

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
        """Return names for the values made at a position. Names that are read there for the last time can be reused."""
        self._release(place)
        for value in values:
            name = next((name for name in POOL if name not in self._taken), "")
            number = 1
            while not name or name in self._taken:
                name, number = f"v{number}", number + 1
            self._taken.add(name)
            self.names[value] = name
            self._dying.setdefault(max(self._last_use.get(value, place), place), []).append(value)
        names = [self.names[value] for value in values]
        self._release(place)
        return names


class Init(Record):
    """A line that makes a part: `code`, whose whole numbers may become parameters, or the body of a block."""

    attribute: str
    code: str
    hints: tuple[str, ...]
    child: Body | None


class Step(Record):
    """A line of the forward pass, which computes the value of `node` into `variable`."""

    code: str
    note: str
    node: int
    variable: str


class Body:
    """The source of a block: the lines that make its parts and the lines of its forward pass."""

    __slots__ = ("arguments", "block", "exact", "extra", "inits", "returns", "skeleton", "steps", "values")

    def __init__(self, block: Block) -> None:
        self.block = block
        self.arguments: list[str] = []
        self.inits: list[Init] = []
        self.extra: list[str] = []
        self.steps: list[Step] = []
        self.returns = ""
        self.values: list[int] = []  # all whole numbers of its lines, then those of its parts
        self.skeleton: Skeleton | None = None
        self.exact = False  # true if each set of numbers becomes a separate class


class Skeleton:
    """A future class: bodies that differ only in whole numbers."""

    __slots__ = ("bodies", "columns", "hints", "name", "parameters")

    def __init__(self) -> None:
        self.name = ""
        self.bodies: list[Body] = []
        self.hints: list[str] = []
        self.columns: list[str | None] = []  # the parameter for each number, None if it is the same everywhere
        self.parameters: list[tuple[str, int]] = []  # name and first column


def skeletons(bodies: list[Body], root_name: str, taken: set[str]) -> list[Skeleton]:
    """Group bodies, inner ones first, into classes with names and parameters."""
    for _ in range(DEEPEST + 1):  # splitting a class can split the classes that contain it
        classes = _group(bodies)
        large = [skeleton for skeleton in classes if len(skeleton.parameters) > MOST]
        if not large:
            break
        for skeleton in large:
            for body in skeleton.bodies:
                body.exact = True
    for skeleton in classes:
        block = skeleton.bodies[0].block
        skeleton.name = unique(class_name(block.key), taken) if block.parent is not None else root_name
    return classes


def _group(bodies: list[Body]) -> list[Skeleton]:
    """Group bodies of the same structure."""
    skeletons: dict[tuple[object, ...], Skeleton] = {}
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
        skeleton = skeletons.setdefault(tuple(key), Skeleton())
        skeleton.bodies.append(body)
        skeleton.hints = skeleton.hints or hints
        body.skeleton = skeleton
    classes = list(skeletons.values())
    for skeleton in classes:
        _parameters(skeleton)
    return classes


def _hint(init: Init, number: int, before: str) -> str:
    """Return the name of a number if it becomes a parameter: its keyword, or else the hint for its position."""
    named = _KEYWORD.search(before)
    return named.group(1) if named else init.hints[number] if number < len(init.hints) else "n"


def _parameters(skeleton: Skeleton) -> None:
    """Make parameters of the numbers that differ between bodies, one for all numbers that always agree."""
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


def init_lines(skeleton: Skeleton, write: Callable[[str, str], str]) -> list[str]:
    """Return the lines that make the parts of a class. `write(attribute, code)` writes one of them."""
    body = skeleton.bodies[0]
    lines = []
    place = 0
    for init in body.inits:
        child = init.child
        if child is None:
            numbers = iter(range(place, len(body.values)))

            def replace(match: re.Match[str], numbers: Iterable[int] = numbers) -> str:
                return skeleton.columns[next(iter(numbers))] or match.group()

            lines.append(write(init.attribute, _NUMBER.sub(replace, init.code)))
            place += len(_NUMBER.findall(init.code))
        else:
            assert child.skeleton is not None
            values = [
                (name, skeleton.columns[place + column] or str(body.values[place + column]))
                for name, column in child.skeleton.parameters
            ]
            arguments = ", ".join(f"{name}={value}" if len(values) > 1 else value for name, value in values)
            lines.append(write(init.attribute, f"{child.skeleton.name}({arguments})"))
            place += len(child.values)
    return lines
