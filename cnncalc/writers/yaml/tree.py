"""Turn a network into a tree of steps: named groups, branches that join in a merge, and residuals.

Names are paths. A group is a run of layers whose paths share a prefix that no other layer has. The order of the layers stays
the same, because a specification makes them from top to bottom.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator

from cnncalc.network import Network, Node
from cnncalc.readers.limits import TRUSTED
from cnncalc.readers.yaml.inputs import LONG_FORM, SHORT_FORM
from cnncalc.readers.yaml.vocabulary import RESERVED, is_name

DEEPEST = 12  # levels of groups; deeper names keep their dots
_NUMBERED = re.compile(r"(?<![_0-9])[0-9]+$")  # one of several numbered steps, not a branch
LONGEST = 40  # the most steps on the main path of a residual


class Body:
    """One level of names: its steps, the value that enters, and the layers from `first` to `last`."""

    __slots__ = ("entry", "first", "items", "last", "path")

    def __init__(self, path: str, first: int, last: int) -> None:
        self.path = path  # with a trailing dot; empty for the file
        self.first = first
        self.last = last
        self.entry = -1
        self.items: list[Item] = []


class Item:
    """A step: a group (`body`), a layer (`node`), a merge of `operands`, or the sum at the end of `main`."""

    __slots__ = ("body", "label", "main", "node", "operands", "projection", "word")

    def __init__(self, label: str, node: int, body: Body | None = None) -> None:
        self.label = label
        self.node = node  # the node whose value the step makes
        self.body = body
        self.operands: list[tuple[str, Body | int]] = []  # labels with branches or values
        self.main: list[Item] = []
        self.projection: Body | None = None  # the path of the shortcut, written under the key `word`
        self.word = ""


def with_inputs(items: list[Item], entry: int) -> Iterator[tuple[Item, int]]:
    """Yield each step of a chain with the value of the step above it."""
    for item in items:
        yield item, entry
        entry = item.node


def enter(body: Body, value: int) -> None:
    """Set the value that enters a level, and the levels at its start."""
    inner: Body | None = body
    while inner is not None:
        inner.entry = value
        inner = inner.items[0].body


def bodies_of(item: Item) -> Iterator[Body]:
    """Yield the levels inside a step, including those on the main path of a residual."""
    if item.body is not None:
        yield item.body
    for inner in item.main:
        yield from bodies_of(inner)
    if item.projection is not None:
        yield item.projection
    yield from (branch for _, branch in item.operands if isinstance(branch, Body))


def node_names(network: Network) -> list[str]:
    """Return a distinct name for each node that a specification can contain: its own name if possible."""
    names: list[str] = []
    taken: set[str] = set()
    only = len(network.inputs) == 1
    for node in network.nodes:
        written = node.name
        if not (node.layer is None and written == "input" and only):
            *path, leaf = [part for part in map(_part, written.split(".")) if part] or [_part(node.kind)]
            written = ".".join((*path, leaf + "_" if _reserved(leaf, node.layer is None) else leaf))
            written = written if len(written) <= TRUSTED.name else written[: TRUSTED.name - 8].rstrip(".-+/")
        name, number = written, 1
        while name in taken:
            number += 1
            name = f"{written}_{number}"
        taken.add(name)
        names.append(name)
    return names


def _reserved(name: str, enters: bool) -> bool:
    """Return whether the name has a meaning: `prev`, a key of steps, or for an input a word for axes of a shape."""
    return name == "prev" or (name in LONG_FORM or name.casefold() in SHORT_FORM if enters else name in RESERVED)


def _part(text: str) -> str:
    """Return the part of a name between dots, with characters that are not allowed replaced.

    >>> _part("a b\\n${x}"), _part("3x3"), _part("-/+")
    ('a_b_x', '3x3', '')
    """
    if not is_name(text):
        replaced = "".join(char if is_name("_" + char) else "_" for char in text[: TRUSTED.name])
        text = "_".join(piece for piece in replaced.lstrip("-+/_").split("_") if piece)
    return text


class TreeBuilder:
    """Builds the tree. With `flat` there are no groups, branches or residuals: each layer is one step."""

    def __init__(
        self, nodes: list[Node], names: list[str], merges: Collection[int], plain_sum: object, flat: bool = False
    ) -> None:
        self.nodes = nodes
        self.merges = merges  # the layers that are written with operands
        self.names = names
        self.plain_sum = plain_sum  # the `add` that a residual ends in
        self.parts = [[name] if flat else name.split(".", DEEPEST) for name in names]
        self.groups = self._groups()
        self.flat = flat

    def build(self) -> Body:
        """Return the tree of the whole network."""
        first = sum(node.layer is None for node in self.nodes)
        return self._body("", first, len(self.nodes) - 1, 0, 0)

    def _groups(self) -> set[tuple[str, ...]]:
        """Return the prefixes of names whose layers form one run, and that are not the name of a layer."""
        ends: dict[tuple[str, ...], list[int]] = {}
        counts: Counter[tuple[str, ...]] = Counter()
        for index, parts in enumerate(self.parts):
            for depth in range(1, len(parts)):
                path = tuple(parts[:depth])
                counts[path] += 1
                ends.setdefault(path, [index, index])[1] = index
        whole: set[object] = {*map(tuple, self.parts), *RESERVED}
        return {path for path, (a, b) in ends.items() if b - a + 1 == counts[path] and not ({path, path[-1]} & whole)}

    def _body(self, path: str, first: int, last: int, depth: int, entry: int) -> Body:
        body = Body(path, first, last)
        body.entry = entry
        index = first
        while index <= last:
            parts = self.parts[index]
            group = self._group_at(index, depth)
            if group is None:
                item = self._leaf(body, index, ".".join(parts[depth:]))
                index += 1
            else:
                end, level = group
                label = ".".join(parts[depth:level])
                inner = self._body(f"{path}{label}.", index, end, level, entry)
                item = Item(label, end, inner)
                index = end + 1
            body.items.append(item)
            entry = item.node
        body.items = [self._collapse(item) for item in body.items]
        body.items = [step for item in body.items for step in self._split_merge(item)]
        return body

    def _split_merge(self, item: Item) -> list[Item]:
        """Split a group that starts with a merge of values from outside, which no call can name, into the merge and the rest."""
        inside = item.body
        if inside is None or len(inside.items) < 3:
            return [item]
        first = inside.items[0]
        values = {operand for _, operand in first.operands}
        if not values - {inside.entry} or any(isinstance(operand, Body) for operand in values):
            return [item]
        first.label = f"{item.label}.{first.label}"
        inside.items = inside.items[1:]
        inside.first = first.node + 1
        enter(inside, first.node)
        return [first, item]

    def _collapse(self, item: Item) -> Item:
        """Replace a group of a single step by that step, with a dot in its name."""
        inside = item.body.items if item.body is not None else []
        if len(inside) != 1 or inside[0].main or any(isinstance(branch, Body) for _, branch in inside[0].operands):
            return item
        inside[0].label = f"{item.label}.{inside[0].label}"
        return inside[0]

    def _group_at(self, index: int, depth: int) -> tuple[int, int] | None:
        """Return the last layer of the outermost group that starts here, and the length of its path."""
        parts = self.parts[index]
        for level in range(depth + 1, len(parts)):
            if tuple(parts[:level]) in self.groups:
                end = index
                while end + 1 < len(self.parts) and self.parts[end + 1][:level] == parts[:level]:
                    end += 1
                return end, level
        return None

    def _leaf(self, body: Body, index: int, label: str) -> Item:
        item = Item(label, index)
        node = self.nodes[index]
        if index in self.merges:
            item.operands = [("", value) for value in node.inputs]
            if not self.flat and not self._residual(body, item):
                self._branches(body, item)
        return item

    def _starts_from(self, body: Body, start: int) -> bool:
        """Return whether a group starts from a value and reads no later value from outside."""
        inside = range(body.first, body.last + 1)
        read = {value for index in inside for value in self.nodes[index].inputs if value < body.first}
        return start in self.nodes[body.first].inputs and max(read) <= start

    def _before(self, body: Body, place: int) -> int:
        """Return the value of the step above a position."""
        return body.items[place - 1].node if place else body.entry

    def _residual(self, body: Body, item: Item) -> bool:
        """If the layer adds a chain right above to the input of the chain, move the chain into the residual.

        Returns whether it did.
        """
        node = self.nodes[item.node]
        if node.layer != self.plain_sum or len(node.inputs) != 2:
            return False
        out, shortcut = node.inputs
        items, end = body.items, len(body.items)
        start, projection, word = shortcut, None, ""
        if end > 1 and items[-1].label in ("projection", "shortcut") and items[-1].node == shortcut:
            projection, word = items[-1].body, items[-1].label
            end -= 1
            if projection is not None:
                start = self.nodes[projection.first].inputs[0]
            if projection is None or (word == "projection" and self.nodes[start].output == self.nodes[out].output):
                return False
        if not end or self._before(body, end) != out or self.nodes[shortcut].output != self.nodes[out].output:
            return False
        places = range(end - 1, max(end - LONGEST, 0) - 1, -1)
        place = next((place for place in places if self._before(body, place) == start), None)
        if place is None:
            return False
        item.main = [self._collapse(inner) for inner in items[place:end]]
        item.operands = []
        if projection is not None:
            enter(projection, start)
            item.projection, item.word = projection, word
        del items[place:]
        return True

    def _branches(self, body: Body, item: Item) -> None:
        """Move the groups right above that start from one value and end in this layer into its branches."""
        inputs = list(self.nodes[item.node].inputs)
        items = body.items
        place = len(items)
        wanted = len(inputs)
        branches: list[tuple[int, Item]] = []
        while place:
            group = items[place - 1]
            if group.body is None or inputs[:wanted].count(group.node) != 1:
                break
            wanted = inputs.index(group.node)
            branches.insert(0, (wanted, group))
            place -= 1
        while branches:
            start = self._before(body, place)
            if all(self._starts_from(group.body, start) for _, group in branches if group.body is not None):
                break
            branches.pop(0)
            place += 1
        single = len(branches) == 1
        if not branches or (
            single and (start not in inputs or len(inputs) > 2 or _NUMBERED.search(branches[0][1].label))
        ):
            return
        for number, group in branches:
            assert group.body is not None
            enter(group.body, start)
            item.operands[number] = (group.label, group.body)
        del items[place:]
