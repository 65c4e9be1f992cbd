"""Write a network as YAML as a person would: with defaults, blocks and repeats, and only the names that are needed.

`write` returns the text and the names in it, some of which had to be changed. `write_checked` reads the text again and compares
it with the network before anything is written.
"""

from __future__ import annotations

from typing import Any

from cnncalc.layers.base import KINDS
from cnncalc.layers.fields import Name
from cnncalc.layers.fields.notation import spell
from cnncalc.network import Network, Node
from cnncalc.problem import Refused, Source
from cnncalc.readers.yaml.branches import MERGES
from cnncalc.readers.yaml.inputs import FORMS, is_ambiguous
from cnncalc.readers.yaml.reader import read
from cnncalc.record import Record
from cnncalc.shape import Shape
from cnncalc.text import visible
from cnncalc.writers.yaml.blocks import BlockDefinition, BlockFinder, Place
from cnncalc.writers.yaml.fields import FieldCounts, LayerWords, Unwritable, format_value, layer_words
from cnncalc.writers.yaml.names import Bindings, Level
from cnncalc.writers.yaml.proof import difference
from cnncalc.writers.yaml.text import document, fold_repeats
from cnncalc.writers.yaml.tree import Body, Item, TreeBuilder, node_names, with_inputs


class Written(Record):
    """A specification. For each of its nodes, `order` holds the node of the network and `names` the name in the file."""

    text: str
    order: tuple[int, ...]
    names: tuple[str, ...]


def write_checked(network: Network, source: str = "", flat: bool = False) -> Written:
    """Write the network as a specification, read it again, and compare every number.

    Raises:
        Unwritable: No specification can express a layer, or the two networks differ.
    """
    result = write(network, source, flat)
    problem = _difference(network, result)
    if problem and not flat:  # a plain list of layers can be right even if blocks and branches are not
        result = write(network, source, flat=True)
        problem = _difference(network, result)
    if problem:
        raise Unwritable(f"the specification would describe a different network: {problem}")
    return result


def _difference(network: Network, result: Written) -> str:
    """Describe how the text differs from the network; empty if it does not."""
    try:
        again = read(Source("the specification", result.text))
    except Refused as refused:
        return str(refused.problems[0])
    return difference(network, again, result.order, result.names)


def write(network: Network, source: str = "", flat: bool = False) -> Written:
    """Write the network as a specification, with `flat` as a plain list of layers.

    Raises:
        Unwritable: No specification can express a layer.
    """
    order = [node.index for node in network.inputs]
    order += [node.index for node in network.nodes if node.layer is not None]
    names = node_names(network)
    words = {
        index: layer_words(network, network.nodes[index]) for index in order if network.nodes[index].layer is not None
    }
    nodes = _file_order(network, order)
    writer = _Writer(
        nodes,
        [names[index] for index in order],
        {place: words[index] for place, index in enumerate(order) if index in words},
        [order.index(index) for index in network.outputs],
        flat,
    )
    parts = writer.parts()
    parts = {
        "name": visible(network.name)[:90],
        "description": visible(network.description)[:900],
        "source": visible(source or network.source)[:900],
        **parts,
    }
    return Written(document(parts), tuple(order), tuple(names[index] for index in order))


def _file_order(network: Network, order: list[int]) -> list[Node]:
    """Return the nodes in the order of the file, inputs first."""
    place = {index: number for number, index in enumerate(order)}
    nodes = []
    for number, index in enumerate(order):
        old = network.nodes[index]
        node = Node(number, old.name, old.statistics, tuple([place[i] for i in old.inputs]), old.output, None)
        node.shared = None if old.shared is None else place[old.shared]
        node.frozen = old.frozen
        nodes.append(node)
    return nodes


class _Writer:
    def __init__(
        self, nodes: list[Node], names: list[str], words: dict[int, LayerWords], outputs: list[int], flat: bool
    ) -> None:
        self.nodes = nodes
        self.names = names
        self.words = words
        self.outputs = outputs
        sums = FieldCounts()
        for one in words.values():
            if one.word == "add":
                sums.count(one, one.values)
        self.defaults = sums.defaults()  # a residual ends in an `add` with the default fields
        plain_sum = KINDS["add"](**self.defaults.get("add", {}))
        self.usual = FieldCounts()
        merges = {index for index, one in words.items() if one.word in MERGES}
        self.root = TreeBuilder(nodes, names, merges, plain_sum, flat).build()
        self.bindings = Bindings(nodes, names, self.root, outputs)
        self.finder = BlockFinder(nodes, names, words, self.bindings)
        self.block: BlockDefinition | None = None  # the block that is being written
        self.marker = ""  # the name of its input
        self.marked = False
        if not flat:
            self.finder.find(self.root)

    def parts(self) -> dict[str, Any]:
        """Return the keys of the file with their values."""
        self._body()  # the first pass counts field values, the second one uses the defaults found
        sums = {word: fields for word, fields in self.defaults.items() if word == "add"}
        self.defaults = {word: fields for word, fields in self.usual.defaults().items() if word != "add"} | sums
        parts: dict[str, Any] = {"input": self._inputs(), "defaults": self._defaults(), **self._body()}
        if self.outputs != [len(self.nodes) - 1]:
            parts["outputs"] = [self._name(value, len(self.nodes), "") for value in self.outputs]
        return parts

    def _body(self) -> dict[str, Any]:
        blocks = {self._signature(block): self._definition(block) for block in self.finder.blocks}
        layers = self._steps(self.root.items, self.root.entry, Level("", set()))
        return {"blocks": blocks, "layers": fold_repeats(layers)}

    def _inputs(self) -> Any:
        entering = [node for node in self.nodes if node.layer is None]
        if len(entering) == 1 and self.names[0] == "input":
            return _shape(entering[0].output)
        return {self.names[node.index]: _shape(node.output) for node in entering}

    def _defaults(self) -> dict[str, Any]:
        return {
            word: {name: format_value(value) for name, value in fields.items()}
            for word, fields in self.defaults.items()
        }

    def _signature(self, block: BlockDefinition) -> str:
        inside = [
            name + (f"={format_value(block.defaults[name])}" if name in block.defaults else "")
            for name in block.parameters
        ]
        return block.name + (f"({', '.join(inside)})" if inside else "")

    def _definition(self, block: BlockDefinition) -> list[Any]:
        self.block, self.marked = block, False
        self.marker = "x"
        while any(
            f".{name}.".endswith(f".{self.marker}.") for name in self.names[block.body.first : block.body.last + 1]
        ):
            self.marker += "x"
        steps = self._steps(block.body.items, block.body.entry, Level(block.body.path, set()))
        self.block = None
        first = [({"seq": [], "as": self.marker}, False)] if self.marked else []
        return fold_repeats(first + steps)

    # names

    def _name(self, value: int, reader: int, prefix: str) -> str:
        """Return the name by which a step inside `prefix` reads a value."""
        if self.nodes[value].layer is None:
            if self.block is None or value == self.block.body.entry:
                return self.names[value] if self.block is None else self._entry()
            return self.names[value]
        if self.block is not None and not self.block.body.first <= value <= self.block.body.last:
            return self._entry()
        return self.bindings.relative(self.bindings.target(value, reader), prefix)

    def _entry(self) -> str:
        self.marked = True
        return self.marker

    # steps

    def _steps(self, items: list[Item], entry: int, level: Level) -> list[tuple[Any, bool]]:
        """Return steps as YAML values, each with whether it can be repeated because the reader gives all its names."""
        return [self._step(item, above, level) for item, above in with_inputs(items, entry)]

    def _step(self, item: Item, above: int, level: Level) -> tuple[Any, bool]:
        if item.body is not None:
            return self._group(item, item.body, level)
        step: dict[str, Any] = {}
        node, words = self.nodes[item.node], self.words[item.node]
        fields = self._fields(item, words)
        plain = True
        if item.main:
            main = self._steps(item.main, above, level)
            plain = all(auto for _, auto in main)
            if item.projection is not None:
                shortcut = self._steps(item.projection.items, item.projection.entry, level.inner(item.word))
                step["residual"] = {"main": fold_repeats(main), item.word: fold_repeats(shortcut)}
            else:
                step["residual"] = fold_repeats(main)
        elif item.operands:
            step[words.word], plain = self._operands(item, above, level)
            step.update(fields)
        else:
            if len(node.inputs) > 1:
                here = above if node.inputs[0] == above else -1
                named = [name for name, field in words.kind.fields.items() if isinstance(field, Name)]
                lent = zip(named, node.inputs[1:], strict=True)
                read = {
                    name: self._read(value, here, item, level, number) for number, (name, value) in enumerate(lent, 1)
                }
                fields = {**read, **fields}
            first = next(iter(words.kind.fields), "")
            alone = len(fields) == 1 and first in fields and not isinstance(fields[first], dict)
            step[words.word] = None if not fields else fields[first] if alone else fields
            if node.inputs[0] != above:
                step["from"] = self._read(node.inputs[0], above, item, level, 0)
        if node.shared is not None:
            step["share"] = self.bindings.relative(self.names[node.shared], level.prefix)
        elif node.is_frozen:
            step["trainable"] = "false"
        if words.holds is not None:
            step["holds"] = {name: str(number) for name, number in words.holds.items()}
        auto = level.is_automatic(node.kind if words.word == "operator" else words.word, item.label)
        if not auto or self.bindings.has(item.node):
            step["as"] = level.count_name(item.label)
        level.taken.add(level.prefix + item.label)
        free = "as" not in step and plain
        return (words.word if step == {words.word: None} else step), free

    def _read(self, value: int, above: int, item: Item, level: Level, number: int) -> str:
        expression = self._expression((id(item), f"@{number}"))
        return expression or ("prev" if value == above else self._name(value, item.node, level.prefix))

    def _operands(self, item: Item, above: int, level: Level) -> tuple[Any, bool]:
        """Return the operands of a merge: a list, or a mapping if branches have names of their own."""
        operands: list[tuple[str, Any]] = []
        plain, labelled = True, False
        for number, (label, operand) in enumerate(item.operands):
            if isinstance(operand, Body):
                steps = self._steps(operand.items, operand.entry, level.inner(label))
                auto = level.is_automatic("branch", label)
                labelled = labelled or not auto
                plain = plain and all(free for _, free in steps)
                operands.append((label if auto else level.shorten(label), fold_repeats(steps)))
            else:
                operands.append(("", self._read(operand, above, item, level, number)))
        if not labelled:
            return [inner for _, inner in operands], plain
        taken = {label for label, _ in operands}
        named: dict[str, Any] = {}
        for label, inner in operands:
            key = label or {"concat": "old", "mul": "value"}.get(self.words[item.node].word, "skip")
            while not label and key in taken:
                key += "_"
            taken.add(key)
            named[key] = inner
        return named, plain

    def _fields(self, item: Item, words: LayerWords) -> dict[str, Any]:
        """Return the fields that differ from their defaults."""
        usual = self.defaults.get(words.word, {})
        fields = {}
        written = {name: self._expression((id(item), name)) or "" for name in words.values}
        if not item.main:
            self.usual.count(words, {name: words.values[name] for name, text in written.items() if "$" not in text})
        for name, value in words.values.items():
            expression = written[name] or None
            if expression is None and value is None:
                continue
            if expression is None or "$" not in expression:
                field = words.kind.fields[name]
                same = usual.get(name, field.default)
                if type(value) is type(same) and value == same:
                    continue
                if isinstance(value, int) and not isinstance(value, bool) and value == same:
                    continue  # `3x3` means 3
            fields[name] = format_value(value) if expression is None else expression
        return fields

    def _expression(self, place: Place) -> str | None:
        return self.block.expressions.get(place) if self.block is not None else None

    def _group(self, item: Item, body: Body, level: Level) -> tuple[Any, bool]:
        call = self.finder.calls.get(id(body))
        path = level.prefix + item.label
        if call is None:
            steps = fold_repeats(self._steps(body.items, body.entry, level.inner(item.label)))
            if len(steps) == 1 and isinstance(steps[0], dict) and "repeat" in steps[0]:
                return {**steps[0], "as": level.count_name(item.label)}, False
            return {"as": level.count_name(item.label), "seq": steps}, False
        arguments = call.arguments[id(body)]
        texts = [self._expression((id(item), name)) or str(format_value(arguments[name])) for name in call.parameters]
        for name in reversed(call.parameters):
            if name not in call.defaults or texts[-1] != str(format_value(call.defaults[name])):
                break
            texts.pop()
        step: dict[str, Any] = {call.name: texts if len(texts) > 1 else texts[0] if texts else None}
        auto = level.is_automatic(call.name, item.label)
        if not auto or self.bindings.has(path):
            step["as"] = level.count_name(item.label)
        free = "as" not in step
        return (call.name if step == {call.name: None} else step), free


def _shape(shape: Shape) -> Any:
    """Format the shape of an input, in the long form if it would look like channels first or like a batch."""
    if is_ambiguous(shape):
        names = next(form for form in FORMS if len(form) == len(shape))
        return {name: str(length) for name, length in zip(names, shape, strict=True)}
    return spell(tuple(shape))
