"""Network -> a specification in YAML, as a person would write it: defaults, blocks, repeats, and only the names that matter.

`written` gives the text and the names that could not stay as they were. Nothing in it is taken on trust: whoever writes
the file reads it again first, and compares (`agree`).
"""

from __future__ import annotations

from typing import Any

from cnncalc.layers.base import KINDS
from cnncalc.layers.fields import Name
from cnncalc.layers.notation import spell
from cnncalc.network import Network, Node
from cnncalc.problem import Refused, Source
from cnncalc.readers.yaml.branches import MERGES
from cnncalc.readers.yaml.inputs import FORMS, is_ambiguous
from cnncalc.readers.yaml.reader import read
from cnncalc.record import Record
from cnncalc.shape import Shape
from cnncalc.text import visible
from cnncalc.writers.yaml.blocks import Folder, Place, Repeated
from cnncalc.writers.yaml.fields import Unwritable, Usual, Worded, text_of, worded
from cnncalc.writers.yaml.names import Bindings, Level
from cnncalc.writers.yaml.proof import difference
from cnncalc.writers.yaml.text import document, folded
from cnncalc.writers.yaml.tree import Body, Item, Planter, entered, names_of


class Written(Record):
    """A specification, and for every node in its order the node of the network and the name that it has in the file."""

    text: str
    order: tuple[int, ...]
    names: tuple[str, ...]


def proved(network: Network, source: str = "", flat: bool = False) -> Written:
    """The same, read again and compared with the network in every number.

    Raises:
        Unwritable: for a layer that no specification can say, or where the two differ.
    """
    found = written(network, source, flat)
    why = _doubt(network, found)
    if why and not flat:  # what is clever may be wrong where what is plain is right
        found = written(network, source, flat=True)
        why = _doubt(network, found)
    if why:
        raise Unwritable(f"the specification would not be the network: {why}")
    return found


def _doubt(network: Network, found: Written) -> str:
    """Why the text does not say the network; empty where it does."""
    try:
        again = read(Source("the specification", found.text))
    except Refused as refused:
        return str(refused.problems[0])
    return difference(network, again, found.order, found.names)


def written(network: Network, source: str = "", flat: bool = False) -> Written:
    """The network as a specification; with `flat` as a plain list of layers.

    Raises:
        Unwritable: for a layer that no specification can say.
    """
    order = [node.index for node in network.inputs]
    order += [node.index for node in network.nodes if node.layer is not None]
    names = names_of(network)
    words = {index: worded(network, network.nodes[index]) for index in order if network.nodes[index].layer is not None}
    nodes = _renumbered(network, order)
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


def _renumbered(network: Network, order: list[int]) -> list[Node]:
    """The nodes with inputs in front, as a file has them."""
    place = {index: number for number, index in enumerate(order)}
    found = []
    for number, index in enumerate(order):
        old = network.nodes[index]
        node = Node(number, old.name, old.statistics, tuple([place[i] for i in old.inputs]), old.output, None)
        node.shared = None if old.shared is None else place[old.shared]
        node.frozen = old.frozen
        found.append(node)
    return found


class _Writer:
    def __init__(
        self, nodes: list[Node], names: list[str], words: dict[int, Worded], outputs: list[int], flat: bool
    ) -> None:
        self.nodes = nodes
        self.names = names
        self.words = words
        self.outputs = outputs
        sums = Usual()
        for one in words.values():
            if one.word == "add":
                sums.count(one, one.values)
        self.defaults = sums.defaults()  # a residual ends in the usual sum
        plain_sum = KINDS["add"](**self.defaults.get("add", {}))
        self.usual = Usual()
        merges = {index for index, one in words.items() if one.word in MERGES}
        self.root = Planter(nodes, names, merges, plain_sum, flat).plant()
        self.bindings = Bindings(nodes, names, self.root, outputs)
        self.folder = Folder(nodes, names, words, self.bindings)
        self.block: Repeated | None = None  # that is being written
        self.marker = ""  # what the value that enters it is called
        self.marked = False
        if not flat:
            self.folder.fold(self.root)

    def parts(self) -> dict[str, Any]:
        """The file's keys."""
        self._body()  # once to see what is usual, once more with that as defaults
        sums = {word: fields for word, fields in self.defaults.items() if word == "add"}
        self.defaults = {word: fields for word, fields in self.usual.defaults().items() if word != "add"} | sums
        found: dict[str, Any] = {"input": self._inputs(), "defaults": self._defaults(), **self._body()}
        if self.outputs != [len(self.nodes) - 1]:
            found["outputs"] = [self._name(value, len(self.nodes), "") for value in self.outputs]
        return found

    def _body(self) -> dict[str, Any]:
        blocks = {self._signature(block): self._definition(block) for block in self.folder.blocks}
        layers = self._steps(self.root.items, self.root.entry, Level("", set()))
        return {"blocks": blocks, "layers": folded(layers)}

    def _inputs(self) -> Any:
        entering = [node for node in self.nodes if node.layer is None]
        if len(entering) == 1 and self.names[0] == "input":
            return _shape(entering[0].output)
        return {self.names[node.index]: _shape(node.output) for node in entering}

    def _defaults(self) -> dict[str, Any]:
        return {
            word: {name: text_of(value) for name, value in fields.items()} for word, fields in self.defaults.items()
        }

    def _signature(self, block: Repeated) -> str:
        inside = [
            name + (f"={text_of(block.defaults[name])}" if name in block.defaults else "") for name in block.parameters
        ]
        return block.name + (f"({', '.join(inside)})" if inside else "")

    def _definition(self, block: Repeated) -> list[Any]:
        self.block, self.marked = block, False
        self.marker = "x"
        while any(
            f".{name}.".endswith(f".{self.marker}.") for name in self.names[block.body.first : block.body.last + 1]
        ):
            self.marker += "x"
        steps = self._steps(block.body.items, block.body.entry, Level(block.body.path, set()))
        self.block = None
        first = [({"seq": [], "as": self.marker}, False)] if self.marked else []
        return folded(first + steps)

    # -- names ------------------------------------------------------------------------------------------------------

    def _name(self, value: int, reader: int, prefix: str) -> str:
        """A value as a step inside `prefix` reads it."""
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

    # -- steps --------------------------------------------------------------------------------------------------------

    def _steps(self, items: list[Item], entry: int, level: Level) -> list[tuple[Any, bool]]:
        """Steps as YAML has them; each with whether it can be repeated: all of its names come by themselves."""
        return [self._step(item, above, level) for item, above in entered(items, entry)]

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
                step["residual"] = {"main": folded(main), item.word: folded(shortcut)}
            else:
                step["residual"] = folded(main)
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
        auto = level.comes_to(node.kind if words.word == "operator" else words.word, item.label)
        if not auto or self.bindings.has(item.node):
            step["as"] = level.counted(item.label)
        level.taken.add(level.prefix + item.label)
        free = "as" not in step and plain
        return (words.word if step == {words.word: None} else step), free

    def _read(self, value: int, above: int, item: Item, level: Level, number: int) -> str:
        given = self._expression((id(item), f"@{number}"))
        return given or ("prev" if value == above else self._name(value, item.node, level.prefix))

    def _operands(self, item: Item, above: int, level: Level) -> tuple[Any, bool]:
        """The operands of a merge: a list, or a mapping where branches have names of their own."""
        found: list[tuple[str, Any]] = []
        plain, labelled = True, False
        for number, (label, operand) in enumerate(item.operands):
            if isinstance(operand, Body):
                steps = self._steps(operand.items, operand.entry, level.inner(label))
                auto = level.comes_to("branch", label)
                labelled = labelled or not auto
                plain = plain and all(free for _, free in steps)
                found.append((label if auto else level.named(label), folded(steps)))
            else:
                found.append(("", self._read(operand, above, item, level, number)))
        if not labelled:
            return [inner for _, inner in found], plain
        taken = {label for label, _ in found}
        named: dict[str, Any] = {}
        for label, inner in found:
            key = label or {"concat": "old", "mul": "value"}.get(self.words[item.node].word, "skip")
            while not label and key in taken:
                key += "_"
            taken.add(key)
            named[key] = inner
        return named, plain

    def _fields(self, item: Item, words: Worded) -> dict[str, Any]:
        """The fields that have to be written."""
        usual = self.defaults.get(words.word, {})
        found = {}
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
                    continue  # `3x3` is 3
            found[name] = text_of(value) if expression is None else expression
        return found

    def _expression(self, place: Place) -> str | None:
        return self.block.expressions.get(place) if self.block is not None else None

    def _group(self, item: Item, body: Body, level: Level) -> tuple[Any, bool]:
        call = self.folder.calls.get(id(body))
        path = level.prefix + item.label
        if call is None:
            steps = folded(self._steps(body.items, body.entry, level.inner(item.label)))
            if len(steps) == 1 and isinstance(steps[0], dict) and "repeat" in steps[0]:
                return {**steps[0], "as": level.counted(item.label)}, False
            return {"as": level.counted(item.label), "seq": steps}, False
        arguments = call.arguments[id(body)]
        texts = [self._expression((id(item), name)) or str(text_of(arguments[name])) for name in call.parameters]
        for name in reversed(call.parameters):
            if name not in call.defaults or texts[-1] != str(text_of(call.defaults[name])):
                break
            texts.pop()
        step: dict[str, Any] = {call.name: texts if len(texts) > 1 else texts[0] if texts else None}
        auto = level.comes_to(call.name, item.label)
        if not auto or self.bindings.has(path):
            step["as"] = level.counted(item.label)
        free = "as" not in step
        return (call.name if step == {call.name: None} else step), free


def _shape(shape: Shape) -> Any:
    """The shape of an input; in words where it would look like channels first, or like a batch."""
    if is_ambiguous(shape):
        names = next(form for form in FORMS if len(form) == len(shape))
        return {name: str(length) for name, length in zip(names, shape, strict=True)}
    return spell(tuple(shape))
