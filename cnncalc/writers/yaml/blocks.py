"""Groups that come again -> blocks: what differs between them becomes parameters, some worked out from others.

A group is described by a key, which says everything but the numbers and words in its fields, and by these values in order.
Groups with one key are calls of one block. Inner groups are settled before outer ones, which then hold calls.
"""

from __future__ import annotations

import string
from collections import Counter
from typing import Any

from cnncalc.network import Node
from cnncalc.readers.yaml.branches import MERGES
from cnncalc.writers.blocks import class_name, unique
from cnncalc.writers.yaml.fields import Worded, text_of
from cnncalc.writers.yaml.names import Bindings
from cnncalc.writers.yaml.tree import Body, Item, bodies_of, entered

MOST = 9  # parameters of a block
LARGEST = 8  # factor between two fields that is no accident
SAVES = 4  # steps that a block must spare to be worth its lines
ANY = object()  # the value of a step that a call does not run
SPACE = {"filters", "units"}  # fields that may be worked out from each other

Place = tuple[int, str]  # a step (its id) and the field of it


class Form:
    """What a body looks like: its key, and per value the place, a hint for its name, and the channels that enter there."""

    __slots__ = ("channels", "closed", "hints", "key", "options", "places", "steps", "values")

    def __init__(self) -> None:
        self.key = 0
        self.places: list[Place] = []
        self.values: list[Any] = []
        self.hints: list[tuple[str, str]] = []  # field, step
        self.channels: list[int] = []
        self.options: list[Form | None] = []  # projections, which a call may do without
        self.steps = 0
        self.closed = True  # does nothing inside lean on a value outside but the one that enters?


class Repeated:
    """A block of the file: its parameters with their defaults, an example of its body, and what stands in its places."""

    __slots__ = ("arguments", "body", "defaults", "expressions", "fields", "name", "parameters", "steps")

    def __init__(self) -> None:
        self.name = ""
        self.parameters: list[str] = []
        self.fields: list[str] = []  # what kind of field each parameter fills
        self.defaults: dict[str, Any] = {}
        self.body = Body("", 0, 0)
        self.expressions: dict[Place, str] = {}
        self.arguments: dict[int, dict[str, Any]] = {}  # of every body that calls it
        self.steps = 0


class Folder:
    """Finds the blocks of a tree."""

    def __init__(
        self,
        nodes: list[Node],
        names: list[str],
        words: dict[int, Worded],
        bindings: Bindings,
    ) -> None:
        self.nodes = nodes
        self.names = names
        self.words = words
        self.bindings = bindings
        self.calls: dict[int, Repeated] = {}  # of a body, the block that it is a call of
        self.blocks: list[Repeated] = []
        self._keys: dict[Any, int] = {}
        self._taken: set[str] = set()
        self._inside: dict[int, set[str]] = {}  # the ends of all names in a body

    def fold(self, root: Body) -> None:
        """Settle the blocks, inner ones first."""
        levels: list[list[Body]] = []
        self._collect(root, levels)
        for bodies in levels:
            alike: dict[int, list[tuple[Body, Form]]] = {}
            for body in bodies:
                form = self.form(body)
                if form.closed and not self.bindings.read_outside(body.first, body.last):
                    alike.setdefault(form.key, []).append((body, form))
            for members in alike.values():
                self._settle(members)

    def _collect(self, body: Body, levels: list[list[Body]]) -> int:
        """Sort the groups below by how many levels are in them; how many are in this one."""
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

    # -- what a body looks like ------------------------------------------------------------------------------------

    def form(self, body: Body) -> Form:
        """The form of a body."""
        form = Form()
        form.key = self._interned(self._walk(body, body, form))
        return form

    def _interned(self, key: Any) -> int:
        return self._keys.setdefault(key, len(self._keys))

    def _walk(self, body: Body, base: Body, form: Form) -> Any:
        return tuple([self._item(item, above, base, form) for item, above in entered(body.items, body.entry)])

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
        said: list[Any] = [item.label, self.words[item.node].word]
        words = self.words[item.node]
        for name, value in words.values.items():
            if (
                value is None or isinstance(value, dict) or words.word in MERGES
            ):  # beside a merge stand plain words only
                said.append((name, tuple(value.items()) if isinstance(value, dict) else _typed(value)))
            else:
                self._value(form, item, name, value, name, above, base)
        said.append(tuple(words.holds.items()) if words.holds is not None else None)
        if node.shared is not None:
            shared = self._relative(node.shared, -1, base)
            form.closed = form.closed and isinstance(shared, str) and shared != "entry"
            said.append(("share", shared))
        elif node.is_frozen:
            said.append("frozen")
        if item.main:
            said.append(tuple([self._item(step, value, base, form) for step, value in entered(item.main, above)]))
            option = None
            if item.projection is not None and item.word == "shortcut":
                said.append((item.word, self._walk(item.projection, base, form)))
            elif item.projection is not None:
                option = Form()
                option.key = self._interned(self._walk(item.projection, base, option))
                form.closed = form.closed and option.closed and not option.options
            form.options.append(option)
        elif item.operands:
            for number, (label, operand) in enumerate(item.operands):
                if isinstance(operand, Body):
                    said.append((label, self._walk(operand, base, form)))
                else:
                    said.append(self._read(item, number, operand, above, base, form))
        else:
            here = above if node.inputs[0] == above else -1
            said += [
                self._read(item, number, value, above if number == 0 else here, base, form)
                for number, value in enumerate(node.inputs)
            ]
        return tuple(said)

    def _read(self, item: Item, number: int, value: int, above: int, base: Body, form: Form) -> Any:
        """An input of a layer; one from elsewhere may be another one in every call."""
        found = self._relative(value, above, base)
        if not isinstance(found, str):
            name = self.bindings.elsewhere(value, item.node)
            form.closed = form.closed and not self._hidden(name, base)
            self._value(form, item, f"@{number}", name, "from", above, base)
            return "elsewhere"
        return found

    def _hidden(self, name: str, base: Body) -> bool:
        """Does something inside have the name, so that the one outside cannot be seen there?"""
        if id(base) not in self._inside:
            paths = [self.names[index].removeprefix(base.path) for index in range(base.first, base.last + 1)]
            self._inside[id(base)] = {path[start:] for path in paths for start in _starts(path)}
        return name in self._inside[id(base)]

    def _relative(self, value: int, above: int, base: Body) -> Any:
        """A value as the body sees it: the one above, one of its own, the one that enters, or one from elsewhere."""
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
        given = item.label.rstrip("0123456789").rstrip("_") == word  # by cnncalc, and says nothing
        path = self.names[item.node].removeprefix(base.path)
        path = path[: path.rfind(item.label) + len(item.label)]
        form.hints.append((field, "" if given else path))
        form.channels.append(self.nodes[above].output[-1])

    # -- which of them become one block ------------------------------------------------------------------------------

    def _settle(self, members: list[tuple[Body, Form]]) -> None:
        """Make a block of bodies of one key, of parts of them, or of none."""
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
        found = Repeated()
        settled = _parameters(found, hints, places, rows, channels)
        if len(found.parameters) > MOST:
            exact: dict[Any, list[tuple[Body, Form]]] = {}
            for member in members:
                exact.setdefault(tuple(map(_typed, member[1].values)), []).append(member)
            if len(exact) < len(members):
                for part in exact.values():
                    self._block(part)
            return
        found.body = body
        found.steps = full.steps
        found.name = self._name(members)
        for (called, _), arguments in zip(members, settled, strict=True):
            found.arguments[id(called)] = arguments
            self.calls[id(called)] = found
        self.blocks.append(found)

    def _name(self, members: list[tuple[Body, Form]]) -> str:
        """What the groups have in common in their names, else what they are mostly called; with a letter where it is taken."""
        names = Counter(_bare(body.path) for body, _ in members)
        first, last = min(names), max(names)  # what these two begin with, all do
        common = first[: next((n for n, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(first))]
        name = common if len(common) > 3 else names.most_common(1)[0][0]
        letters = iter(["", *string.ascii_uppercase[1:], *(f"_{number}" for number in range(len(self.blocks)))])
        found: str = next(name + letter for letter in letters if name + letter not in self._taken)
        self._taken.add(found)
        return found


def _starts(path: str) -> list[int]:
    return [0, *(place + 1 for place, char in enumerate(path) if char == ".")]


def _bare(path: str) -> str:
    """The last part of a path that is more than a number, as the name of a block.

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
    found: Repeated, hints: list[tuple[str, str]], places: list[Place], rows: list[list[Any]], channels: list[list[int]]
) -> list[dict[str, Any]]:
    """Fill in parameters and expressions of a block; the arguments of every call."""
    chosen: list[tuple[str, list[Any], str]] = []  # field, values, step
    derived: dict[Place, tuple[str, int]] = {}  # an expression with `$` for the parameter of that number
    for number, ((field, step), place) in enumerate(zip(hints, places, strict=True)):
        column = [row[number] for row in rows]
        known = [value for value in column if value is not ANY]
        if len({*map(_typed, known)}) == 1:
            found.expressions[place] = _plain(known[0])
            continue
        derived[place] = _derived(field, column, [row[number] for row in channels], chosen)
        if not derived[place][0]:
            derived[place] = "$", len(chosen)
            chosen.append((field, [known[0] if value is ANY else value for value in column], step))
    fields = Counter(field for field, _, _ in chosen)
    taken: set[str] = set()
    names = [_parameter(field, step, fields[field], taken) for field, _, step in chosen]
    for place, (expression, number) in derived.items():
        found.expressions[place] = expression.replace("$", f"${names[number]}") if number >= 0 else expression
    ordered = []
    for name, (field, values, _) in zip(names, chosen, strict=True):
        (_, usual), count = Counter((type(value), value) for value in values).most_common(1)[0]
        if field not in (*SPACE, "kernel", "from") and count > len(values) / 2 and type(usual) in (int, bool, str):
            found.defaults[name] = usual
        ordered.append((name in found.defaults, name, field))
    ordered.sort(key=lambda one: one[0])
    found.parameters = [name for _, name, _ in ordered]
    found.fields = [field for _, _, field in ordered]
    return [
        {name: values[number] for name, (_, values, _) in zip(names, chosen, strict=True)}
        for number in range(len(rows))
    ]


def _plain(value: Any) -> str:
    text = text_of(value)
    assert isinstance(text, str)
    return text


def _parameter(field: str, step: str, rivals: int, taken: set[str]) -> str:
    """The name of a parameter: of its field, or of the step where several have such a field."""
    base = "source" if field == "from" else field
    if rivals > 1 and field in SPACE:
        word = "".join(char if char.isalnum() and char.isascii() else "_" for char in step).strip("_")
        base = word if word and not word[0].isdigit() and not word.startswith("in_") else field
    return unique(base, taken)


def _derived(
    field: str, column: list[Any], inside: list[int], chosen: list[tuple[str, list[Any], str]]
) -> tuple[str, int]:
    """A column as an expression of one of the parameters so far (`$`, and its number); an empty one where it is none."""
    known = [number for number, value in enumerate(column) if value is not ANY]
    whole = all(type(column[number]) is int for number in known)
    for place, (other, values, _) in enumerate(chosen):
        alike = all(_typed(column[number]) == _typed(values[number]) for number in known)
        if alike and (other == field or {field, other} <= SPACE or not whole):
            return "$", place
    if whole and field == "groups" and all(column[number] == inside[number] for number in known):
        return "$in_channels", -1
    for place, (other, values, _) in enumerate(chosen):
        if not whole or not all(type(values[number]) is int for number in known):
            continue
        numbers = [(column[number], values[number]) for number in known]
        if field == "pad" and other == "kernel" and all(mine == theirs // 2 for mine, theirs in numbers):
            return "$ // 2", place
        if {field, other} <= SPACE:
            up, down = numbers[0][0] // numbers[0][1], numbers[0][1] // numbers[0][0]
            if 1 < up <= LARGEST and all(mine == theirs * up for mine, theirs in numbers):
                return f"{up}*$", place
            if 1 < down <= LARGEST and all(mine * down == theirs for mine, theirs in numbers):
                return f"$ / {down}", place
    return "", -1
