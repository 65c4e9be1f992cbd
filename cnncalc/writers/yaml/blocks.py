"""Turn groups that repeat into blocks. The differences between them become parameters, some computed from others.

A group is described by a key, which holds everything except the numbers and words in its fields, and by these values in order.
Groups with the same key are calls of one block. Inner groups are processed before outer ones, which then contain calls.
"""

from __future__ import annotations

import string
from collections import Counter
from typing import Any

from cnncalc.network import Node
from cnncalc.readers.yaml.branches import MERGES
from cnncalc.writers.blocks import class_name, unique
from cnncalc.writers.yaml.fields import LayerWords, format_value
from cnncalc.writers.yaml.names import Bindings
from cnncalc.writers.yaml.tree import Body, Item, bodies_of, with_inputs

MOST = 9  # parameters of a block
LARGEST = 8  # the largest factor between two fields that is unlikely to be a coincidence
SAVES = 4  # the fewest steps that a block must save
ANY = object()  # the value in a step that a call does not contain
SPACE = {"filters", "units"}  # fields that may be computed from each other

Place = tuple[int, str]  # a step (its id) and one of its fields


class Form:
    """The form of a body: its key, and for each value its place, a hint for its name, and the channels that enter there."""

    __slots__ = ("channels", "closed", "hints", "key", "options", "places", "steps", "values")

    def __init__(self) -> None:
        self.key = 0
        self.places: list[Place] = []
        self.values: list[Any] = []
        self.hints: list[tuple[str, str]] = []  # field and step
        self.channels: list[int] = []
        self.options: list[Form | None] = []  # projections, which a call may lack
        self.steps = 0
        self.closed = True  # true if nothing inside uses an outside value other than the input


class BlockDefinition:
    """A block of the file: its parameters with defaults, an example of its body, and the expressions in its fields."""

    __slots__ = ("arguments", "body", "defaults", "expressions", "fields", "name", "parameters", "steps")

    def __init__(self) -> None:
        self.name = ""
        self.parameters: list[str] = []
        self.fields: list[str] = []  # the field that each parameter sets
        self.defaults: dict[str, Any] = {}
        self.body = Body("", 0, 0)
        self.expressions: dict[Place, str] = {}
        self.arguments: dict[int, dict[str, Any]] = {}  # id of a body that calls it -> its arguments
        self.steps = 0


class BlockFinder:
    """Finds the blocks in a tree."""

    def __init__(
        self,
        nodes: list[Node],
        names: list[str],
        words: dict[int, LayerWords],
        bindings: Bindings,
    ) -> None:
        self.nodes = nodes
        self.names = names
        self.words = words
        self.bindings = bindings
        self.calls: dict[int, BlockDefinition] = {}  # id of a body -> the block that it calls
        self.blocks: list[BlockDefinition] = []
        self._keys: dict[Any, int] = {}
        self._taken: set[str] = set()
        self._inside: dict[int, set[str]] = {}  # id of a body -> the suffixes of all names in it

    def find(self, root: Body) -> None:
        """Find the blocks, inner ones first."""
        levels: list[list[Body]] = []
        self._collect(root, levels)
        for bodies in levels:
            alike: dict[int, list[tuple[Body, Form]]] = {}
            for body in bodies:
                form = self.form(body)
                if form.closed and not self.bindings.read_outside(body.first, body.last):
                    alike.setdefault(form.key, []).append((body, form))
            for members in alike.values():
                self._make_blocks(members)

    def _collect(self, body: Body, levels: list[list[Body]]) -> int:
        """Sort the groups below by the number of levels in them, and return the number of levels in this one."""
        height = 0
        for item in body.items:
            height = max(height, self._below(item, levels))
        return height

    def _below(self, item: Item, levels: list[list[Body]]) -> int:
        height = max((self._below(inner, levels) for inner in item.main), default=0)
        for inner in bodies_of(item) if not item.main else [item.projection] if item.projection else []:
            height = max(height, self._collect(inner, levels))
        if item.body is not None:
            while len(levels) <= height:
                levels.append([])
            levels[height].append(item.body)
            height += 1
        return height

    # the form of a body

    def form(self, body: Body) -> Form:
        """Return the form of a body."""
        form = Form()
        form.key = self._key_number(self._walk(body, body, form))
        return form

    def _key_number(self, key: Any) -> int:
        return self._keys.setdefault(key, len(self._keys))

    def _walk(self, body: Body, base: Body, form: Form) -> Any:
        return tuple([self._item(item, above, base, form) for item, above in with_inputs(body.items, body.entry)])

    def _item(self, item: Item, above: int, base: Body, form: Form) -> Any:
        if item.body is not None:
            call = self.calls.get(id(item.body))
            if call is None:
                return ("seq", item.label, self._walk(item.body, base, form))
            form.steps += 1
            for name, field in zip(call.parameters, call.fields, strict=True):
                self._value(form, item, name, call.arguments[id(item.body)][name], field, above, base)
            return (call.name, item.label)
        node = self.nodes[item.node]
        form.steps += 1
        key: list[Any] = [item.label, self.words[item.node].word]
        words = self.words[item.node]
        for name, value in words.values.items():
            if (
                value is None or isinstance(value, dict) or words.word in MERGES
            ):  # the fields of a merge are written as plain words
                key.append((name, tuple(value.items()) if isinstance(value, dict) else _typed(value)))
            else:
                self._value(form, item, name, value, name, above, base)
        key.append(tuple(words.holds.items()) if words.holds is not None else None)
        if node.shared is not None:
            shared = self._relative(node.shared, -1, base)
            form.closed = form.closed and isinstance(shared, str) and shared != "entry"
            key.append(("share", shared))
        elif node.is_frozen:
            key.append("frozen")
        if item.main:
            key.append(tuple([self._item(step, value, base, form) for step, value in with_inputs(item.main, above)]))
            option = None
            if item.projection is not None and item.word == "shortcut":
                key.append((item.word, self._walk(item.projection, base, form)))
            elif item.projection is not None:
                option = Form()
                option.key = self._key_number(self._walk(item.projection, base, option))
                form.closed = form.closed and option.closed and not option.options
            form.options.append(option)
        elif item.operands:
            for number, (label, operand) in enumerate(item.operands):
                if isinstance(operand, Body):
                    key.append((label, self._walk(operand, base, form)))
                else:
                    key.append(self._read(item, number, operand, above, base, form))
        else:
            here = above if node.inputs[0] == above else -1
            key += [
                self._read(item, number, value, above if number == 0 else here, base, form)
                for number, value in enumerate(node.inputs)
            ]
        return tuple(key)

    def _read(self, item: Item, number: int, value: int, above: int, base: Body, form: Form) -> Any:
        """Describe an input of a layer. A value from outside can be a different one in each call."""
        origin = self._relative(value, above, base)
        if not isinstance(origin, str):
            name = self.bindings.elsewhere(value, item.node)
            form.closed = form.closed and not self._hidden(name, base)
            self._value(form, item, f"@{number}", name, "from", above, base)
            return "elsewhere"
        return origin

    def _hidden(self, name: str, base: Body) -> bool:
        """Return whether a name inside the body hides the one outside."""
        if id(base) not in self._inside:
            paths = [self.names[index].removeprefix(base.path) for index in range(base.first, base.last + 1)]
            self._inside[id(base)] = {path[start:] for path in paths for start in _starts(path)}
        return name in self._inside[id(base)]

    def _relative(self, value: int, above: int, base: Body) -> Any:
        """Describe a value from inside the body: the one above, one of the body, its input, or one from outside."""
        if value == above:
            return "prev"
        if base.first <= value <= base.last:
            return "." + self.names[value].removeprefix(base.path)
        return "entry" if value == base.entry else value

    def _value(self, form: Form, item: Item, name: str, value: Any, field: str, above: int, base: Body) -> None:
        form.places.append((id(item), name))
        form.values.append(value)
        call = self.calls.get(id(item.body)) if item.body is not None else None
        word = call.name if call is not None else self.words[item.node].word if item.body is None else ""
        automatic = item.label.rstrip("0123456789").rstrip("_") == word  # a name that cnncalc gave
        path = self.names[item.node].removeprefix(base.path)
        path = path[: path.rfind(item.label) + len(item.label)]
        form.hints.append((field, "" if automatic else path))
        form.channels.append(self.nodes[above].output[-1])

    # blocks

    def _make_blocks(self, members: list[tuple[Body, Form]]) -> None:
        """Make one block of the bodies with the same key, several blocks, or none."""
        full = max((form for _, form in members), key=lambda form: sum(option is not None for option in form.options))
        parts: dict[Any, list[tuple[Body, Form]]] = {}
        for body, form in members:
            fits = all(
                mine is None or (theirs is not None and mine.key == theirs.key)
                for mine, theirs in zip(form.options, full.options, strict=True)
            )
            key = None if fits else tuple(option.key if option else None for option in form.options)
            parts.setdefault(key, []).append((body, form))
        for part in parts.values():
            self._block(part)

    def _block(self, members: list[tuple[Body, Form]]) -> None:
        body, full = max(members, key=lambda one: sum(option is not None for option in one[1].options))
        if (len(members) - 1) * full.steps < SAVES:
            return
        hints, places, channels = list(full.hints), list(full.places), [list(form.channels) for _, form in members]
        rows = [list(form.values) for _, form in members]
        for number, option in enumerate(full.options):
            if option is None:
                continue
            hints += option.hints
            places += option.places
            for row, seen, (_, form) in zip(rows, channels, members, strict=True):
                mine = form.options[number]
                row.extend(mine.values if mine is not None else [ANY] * len(option.values))
                seen.extend(mine.channels if mine is not None else [0] * len(option.values))
        block = BlockDefinition()
        settled = _parameters(block, hints, places, rows, channels)
        if len(block.parameters) > MOST:
            exact: dict[Any, list[tuple[Body, Form]]] = {}
            for member in members:
                exact.setdefault(tuple(map(_typed, member[1].values)), []).append(member)
            if len(exact) < len(members):
                for part in exact.values():
                    self._block(part)
            return
        block.body = body
        block.steps = full.steps
        block.name = self._name(members)
        for (called, _), arguments in zip(members, settled, strict=True):
            block.arguments[id(called)] = arguments
            self.calls[id(called)] = block
        self.blocks.append(block)

    def _name(self, members: list[tuple[Body, Form]]) -> str:
        """Return the common prefix of the groups' names or the most frequent name, with a letter appended if it is taken."""
        names = Counter(_bare(body.path) for body, _ in members)
        first, last = min(names), max(names)  # a common prefix of these two is common to all
        common = first[: next((n for n, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(first))]
        name = common if len(common) > 3 else names.most_common(1)[0][0]
        letters = iter(["", *string.ascii_uppercase[1:], *(f"_{number}" for number in range(len(self.blocks)))])
        unused: str = next(name + letter for letter in letters if name + letter not in self._taken)
        self._taken.add(unused)
        return unused


def _starts(path: str) -> list[int]:
    return [0, *(place + 1 for place, char in enumerate(path) if char == ".")]


def _bare(path: str) -> str:
    """Turn the last part of a path that is not just a number into the name of a block.

    >>> _bare("layer1.0."), _bare("conv2_x.Bottleneck3."), _bare("0.")
    ('Layer', 'Bottleneck', 'Block')
    """
    for part in reversed(path.rstrip(".").split(".")):
        if part.strip("0123456789_-+/"):
            return class_name(part)
    return "Block"


def _typed(value: Any) -> Any:
    return value if value is ANY else (type(value), value)


def _parameters(
    block: BlockDefinition,
    hints: list[tuple[str, str]],
    places: list[Place],
    rows: list[list[Any]],
    channels: list[list[int]],
) -> list[dict[str, Any]]:
    """Set the parameters and expressions of a block, and return the arguments of each call."""
    chosen: list[tuple[str, list[Any], str]] = []  # field, values, step
    derived: dict[Place, tuple[str, int]] = {}  # an expression with `$` for the parameter, and its number
    for number, ((field, step), place) in enumerate(zip(hints, places, strict=True)):
        column = [row[number] for row in rows]
        known = [value for value in column if value is not ANY]
        if len({*map(_typed, known)}) == 1:
            block.expressions[place] = _plain(known[0])
            continue
        derived[place] = _derived(field, column, [row[number] for row in channels], chosen)
        if not derived[place][0]:
            derived[place] = "$", len(chosen)
            chosen.append((field, [known[0] if value is ANY else value for value in column], step))
    fields = Counter(field for field, _, _ in chosen)
    taken: set[str] = set()
    names = [_parameter(field, step, fields[field], taken) for field, _, step in chosen]
    for place, (expression, number) in derived.items():
        block.expressions[place] = expression.replace("$", f"${names[number]}") if number >= 0 else expression
    ordered = []
    for name, (field, values, _) in zip(names, chosen, strict=True):
        (_, usual), count = Counter((type(value), value) for value in values).most_common(1)[0]
        if field not in (*SPACE, "kernel", "from") and count > len(values) / 2 and type(usual) in (int, bool, str):
            block.defaults[name] = usual
        ordered.append((name in block.defaults, name, field))
    ordered.sort(key=lambda one: one[0])
    block.parameters = [name for _, name, _ in ordered]
    block.fields = [field for _, _, field in ordered]
    return [
        {name: values[number] for name, (_, values, _) in zip(names, chosen, strict=True)}
        for number in range(len(rows))
    ]


def _plain(value: Any) -> str:
    text = format_value(value)
    assert isinstance(text, str)
    return text


def _parameter(field: str, step: str, rivals: int, taken: set[str]) -> str:
    """Return the name of a parameter: its field, or the step if several steps have such a field."""
    base = "source" if field == "from" else field
    if rivals > 1 and field in SPACE:
        word = "".join(char if char.isalnum() and char.isascii() else "_" for char in step).strip("_")
        base = word if word and not word[0].isdigit() and not word.startswith("in_") else field
    return unique(base, taken)


def _derived(
    field: str, column: list[Any], inside: list[int], chosen: list[tuple[str, list[Any], str]]
) -> tuple[str, int]:
    """Return a column as an expression of an earlier parameter (`$`) and its number, or an empty text if there is none."""
    places = [number for number, value in enumerate(column) if value is not ANY]
    whole = all(type(column[number]) is int for number in places)
    for place, (other, values, _) in enumerate(chosen):
        alike = all(_typed(column[number]) == _typed(values[number]) for number in places)
        if alike and (other == field or {field, other} <= SPACE or not whole):
            return "$", place
    if whole and field == "groups" and all(column[number] == inside[number] for number in places):
        return "$in_channels", -1
    for place, (other, values, _) in enumerate(chosen):
        if not whole or not all(type(values[number]) is int for number in places):
            continue
        numbers = [(column[number], values[number]) for number in places]
        if field == "pad" and other == "kernel" and all(mine == theirs // 2 for mine, theirs in numbers):
            return "$ // 2", place
        if {field, other} <= SPACE:
            up, down = numbers[0][0] // numbers[0][1], numbers[0][1] // numbers[0][0]
            if 1 < up <= LARGEST and all(mine == theirs * up for mine, theirs in numbers):
                return f"{up}*$", place
            if 1 < down <= LARGEST and all(mine * down == theirs for mine, theirs in numbers):
                return f"$ / {down}", place
    return "", -1
