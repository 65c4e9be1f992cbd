"""Names in a specification: which ones are referenced and must be written, and how far a path can be shortened."""

from __future__ import annotations

from cnncalc.network import Node
from cnncalc.writers.yaml.tree import Body, Item, bodies_of, with_inputs


class Level:
    """The names that the reader assigns on one level, simulated here in the same way as in `Run`."""

    def __init__(self, prefix: str, taken: set[str]) -> None:
        self.prefix = prefix
        self.taken = taken
        self._counters: dict[str, int] = {}

    def inner(self, label: str) -> Level:
        """Return the level below."""
        return Level(f"{self.prefix}{label}.", self.taken)

    def shorten(self, label: str) -> str:
        """Return what to write for a name. The reader numbers later uses of the same name: `new`, `new_2`."""
        before, _, number = label.rpartition("_")
        if before and number.isdecimal() and int(number) == self._counters.get("=" + before, 0) + 1 > 1:
            label = before
        return self.count_name(label)

    def count_name(self, label: str) -> str:
        """Count a name that is written, and return it."""
        self._counters["=" + label] = self._counters.get("=" + label, 0) + 1
        return label

    def is_automatic(self, kind: str, label: str) -> bool:
        """Return whether the reader would give the next layer of a kind this name, so that it need not be written."""
        number = self._counters.get(kind, 0)
        name = None
        while name is None or self.prefix + name in self.taken:
            number += 1
            name = f"{kind}{'_' if kind[-1:].isdigit() else ''}{number}"
        if name == label:
            self._counters[kind] = number
        return name == label


class Bindings:
    """The layers and groups that are referenced by name, because a step other than the next one needs their value."""

    def __init__(self, nodes: list[Node], names: list[str], root: Body, outputs: list[int]) -> None:
        self._nodes = nodes
        self._names = names
        self._known = set(names)
        self._last_use = self._last_uses(outputs)
        self._ends: dict[int, list[tuple[Body, str]]] = {}  # value -> the groups that end in it, outermost first
        self._bound: set[int | str] = set()  # layers by index, and groups by path
        self._find_ends(root, "")
        self._bind(root)
        if outputs != [len(nodes) - 1]:
            for value in outputs:
                self.target(value, len(nodes))

    def has(self, what: int | str) -> bool:
        """Return whether a layer, or a group given by its path, is referenced by name."""
        return what in self._bound

    def read_outside(self, first: int, last: int) -> bool:
        """Return whether a layer from `first` to before `last` is read by a layer after `last`."""
        return any(self._last_use[value] > last for value in range(first, last))

    def elsewhere(self, value: int, reader: int) -> str:
        """Return the whole path of a value, or the name of an input."""
        return self._names[value] if self._nodes[value].layer is None else self.target(value, reader)

    def target(self, value: int, reader: int) -> str:
        """Return the name by which a value is read, and mark it as referenced.

        It is the name of the outermost group that ends in the value and does not contain the reader, or the layer's own.
        """
        for body, name in self._ends.get(value, ()):
            if not body.first <= reader <= body.last:
                self._bound.add(name)
                return name
        self._bound.add(value)
        return self._names[value]

    def relative(self, path: str, prefix: str) -> str:
        """Shorten a path for use inside `prefix` by leaving out the levels that both share."""
        common = prefix
        while not path.startswith(common):
            common = common[: common.rfind(".", 0, -1) + 1]
        while True:
            text = path[len(common) :]
            nearer = prefix
            while len(nearer) > len(common) and nearer + text not in self._known:
                nearer = nearer[: nearer.rfind(".", 0, -1) + 1]
            if len(nearer) <= len(common) or not common:  # hidden at every level; the comparison reports it
                return text
            common = common[: common.rfind(".", 0, -1) + 1]

    def _last_uses(self, outputs: list[int]) -> list[int]:
        last = [-1] * len(self._nodes)
        for node in self._nodes:
            for value in (*node.inputs, *([] if node.shared is None else [node.shared])):
                last[value] = node.index
        for value in outputs:
            last[value] = len(self._nodes)
        return last

    def _find_ends(self, body: Body, path: str) -> None:
        """Record which groups end in which value, since their names can refer to it."""
        for item in body.items:
            self._find_end(item, path)

    def _find_end(self, item: Item, path: str) -> None:
        for inner in item.main:
            self._find_end(inner, path)
        if item.body is not None:
            name = path + item.label
            self._known.add(name)
            self._ends.setdefault(item.node, []).append((item.body, name))
            self._find_ends(item.body, name + ".")
        if item.projection is not None:
            self._find_ends(item.projection, f"{path}{item.word}.")
        for label, operand in item.operands:
            if isinstance(operand, Body):
                self._find_ends(operand, f"{path}{label}.")

    def _bind(self, body: Body) -> None:
        for item, above in with_inputs(body.items, body.entry):
            self._bind_item(item, above)

    def _bind_item(self, item: Item, above: int) -> None:
        for step, value in with_inputs(item.main, above):
            self._bind_item(step, value)
        for inner in bodies_of(item) if not item.main else [item.projection] if item.projection else ():
            self._bind(inner)
        if item.body is not None or item.main:
            return
        node = self._nodes[item.node]
        read = [value for _, value in item.operands if isinstance(value, int)] if item.operands else node.inputs
        moved = not item.operands and node.inputs[0] != above  # then `prev` is not the value of the step above
        for value in read:
            if (moved or value != above) and self._nodes[value].layer is not None:
                self.target(value, item.node)
        if node.shared is not None:
            self._bound.add(node.shared)
