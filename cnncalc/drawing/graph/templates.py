"""Blocks that differ only in numbers, drawn once: symbols for the numbers that differ, and a table of those without a rule."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from fractions import Fraction

from cnncalc.drawing.graph.folding import Plan, skeleton
from cnncalc.drawing.graph.labels import Line, Number
from cnncalc.drawing.graph.tree import Part, Tree
from cnncalc.shape import Shape
from cnncalc.text import show

LETTERS = "abcdefghijlmnopqrtuvwxyz"  # without k and s, which have a meaning of their own
MOST_BOXES = 80  # of a block that is drawn beside the overview
MOST_ROWS = 30  # of a table


class Template:
    """One distinct block: its name, the instances that look like it, and the text of every number in it.

    Numbers that follow no rule are letters. If there is one letter, the overview states it (`suffixes`). If there are more,
    they are in a table, and the overview has the names of its rows (`instances`).
    """

    __slots__ = ("drawn", "explanations", "instances", "letters", "name", "parts", "suffixes", "symbols", "table")

    def __init__(self, name: str, parts: list[Part], tree: Tree) -> None:
        self.name = name
        self.drawn = True  # False if the block is too large to be drawn beside the overview
        self.parts = parts
        self.symbols: list[str] = []
        self.letters: list[str] = []
        self.explanations: list[str] = []
        self.table: list[tuple[str, ...]] = []
        self.suffixes: dict[Part, str] = {}
        self.instances: dict[Part, str] = {}
        self._name_numbers(tree)

    def line(self, line: Line, place: int) -> tuple[str, int]:
        """Return a line with symbols, whose first number is number `place` of the block, and the place after it."""
        pieces: list[str] = []
        for piece in line:
            if isinstance(piece, str):
                pieces.append(piece)
            else:
                pieces.append(self.symbols[place])
                place += 1
        return "".join(pieces), place

    def _name_numbers(self, tree: Tree) -> None:
        rows = [numbers_of(part) for part in self.parts]
        channels = [channels_out(part) for part in self.parts]
        entering = [channels_in(part, tree) for part in self.parts]
        reductions = [reduction(part, tree) for part in self.parts]
        names: dict[tuple[int, ...], str] = {}
        columns: list[tuple[int, ...]] = []
        for column in zip(*rows, strict=True):
            kind, values = column[0].kind, tuple(number.value for number in column)
            if len(set(values)) == 1:
                self.symbols.append(str(column[0]))
            elif kind == "stride" and values == tuple(reductions):
                self.symbols.append(", /s")
                self._explain("s: stride")
            elif kind == "channels" and (share := _ratio(values, channels)):
                self.symbols.append(_times(share, "C"))
                self._explain("C: channels out")
            elif kind == "channels" and (share := _ratio(values, entering)):
                self.symbols.append(_times(share, "B"))
                self._explain("B: channels in")
            else:
                if values not in names:
                    usual = {"kernel": "k", "stride": "s"}.get(kind, "")
                    taken = set(names.values())
                    free = [letter for letter in LETTERS if letter not in taken]
                    names[values] = usual if usual and usual not in taken else free[0] if free else f"n{len(names)}"
                    columns.append(values)
                self.symbols.append(f", /{names[values]}" if kind == "stride" else names[values])
        self.letters = list(names.values())
        if len(columns) == 1:
            self.suffixes = {
                part: f", {self.letters[0]}={columns[0][number]}" for number, part in enumerate(self.parts)
            }
            self._explain(f"{self.letters[0]}: as in the overview")
        elif columns:
            self.instances = instance_names(self.parts)
            seen: dict[tuple[str, ...], list[str]] = {}
            for number, part in enumerate(self.parts):
                seen.setdefault(tuple(str(values[number]) for values in columns), []).append(self.instances[part])
            self.table = [(_listed(parts), *values) for values, parts in seen.items()][:MOST_ROWS]

    def _explain(self, text: str) -> None:
        if text not in self.explanations:
            self.explanations.append(text)


def templates_of(plan: Plan) -> dict[Part, Template]:
    """Return the template of every collapsed block, in the order of their first appearance."""
    classes: dict[object, list[Part]] = {}
    for item in plan.items:
        if item.part.collapsed and not item.part.parallel:
            classes.setdefault(skeleton(item.part), []).append(item.part)
    bases = [class_name(parts) for parts in classes.values()]
    found: dict[Part, Template] = {}
    numbers: dict[str, int] = {}
    keys = Counter(part.key for parts in classes.values() for part in parts)
    for base, parts in zip(bases, classes.values(), strict=True):
        number = numbers[base] = numbers.get(base, -1) + 1
        name = f"{base} {_letter(number)}" if bases.count(base) > 1 else base
        if len(parts) == 1 and keys[parts[0].key] == 1 and not parts[0].key.isdigit():
            name = show(parts[0].key, 20) or name
        template = Template(name, parts, plan.tree)
        template.drawn = len(Plan(plan.tree, parts[0], opened=True).items) <= MOST_BOXES
        for part in parts:
            found[part] = template
    return found


def _letter(number: int) -> str:
    return chr(65 + number) if number < 26 else str(number + 1)


def class_name(parts: Sequence[Part]) -> str:
    """Return what the names of blocks have in common, without a number; `Block` if that is nothing."""
    names = {_bare(part.key) for part in parts}
    first, last = min(names), max(names)
    length = 0
    while length < min(len(first), len(last)) and first[length] == last[length]:
        length += 1
    name = first if len(names) == 1 else first[:length].rstrip("0123456789_.-")
    return show(name[:1].upper() + name[1:], 20) if len(name) > 1 or (len(names) == 1 and name) else "Block"


def _bare(key: str) -> str:
    return "" if key[:1].isdigit() else key.rstrip("0123456789").rstrip("_.-")


def block_name(part: Part) -> str:
    """Return the name of a block that is drawn as one box: its own, without a number if it stands for several."""
    return class_name([part]) if part.times > 1 else instance_names([part])[part]


def instance_names(parts: Sequence[Part]) -> dict[Part, str]:
    """Return names of blocks that are as short as possible, but different if that is possible."""
    longest = max([1, *(len(part.path) for part in parts)])
    for length in range(1, longest + 1):
        names = [".".join(part.path[-length:]) for part in parts]
        if len(set(names)) == len(names) and not all(name.isdigit() for name in names):
            break
    return {part: show(name or "block", 24) for part, name in zip(parts, names, strict=True)}


def _listed(names: Sequence[str]) -> str:
    return (
        names[0] if len(names) == 1 else f"{names[0]}, {names[1]}" if len(names) == 2 else f"{names[0]} ... {names[-1]}"
    )


def numbers_of(part: Part) -> list[Number]:
    """Return all numbers of the lines of a block."""
    return [
        piece for leaf in part.leaves() if leaf.box is not None for piece in leaf.box.main if not isinstance(piece, str)
    ]  # fmt: skip


def output_of(part: Part) -> Shape:
    """Return the shape of the value that leaves a block, after all repetitions."""
    leaf = list(part.leaves())[-1]
    assert leaf.outputs is not None
    return leaf.outputs[1]


def channels_out(part: Part) -> int:
    """Return the channels that leave a block."""
    return output_of(part).channels


def entry_of(part: Part, tree: Tree) -> Shape:
    """Return the shape of the first value that enters a block."""
    return tree.boxes[part.sources[0]].output if part.sources else tree.boxes[part.first].output


def channels_in(part: Part, tree: Tree) -> int:
    """Return the channels that enter a block."""
    return entry_of(part, tree).channels


def reduction(part: Part, tree: Tree) -> int:
    """Return the factor by which a block reduces height and width; 1 if it does not, or not evenly."""
    before, after = entry_of(part, tree).spatial, output_of(part).spatial
    if len(before) != len(after) or not after:
        return 1
    factors = {(2 * one + other) // (2 * other) for one, other in zip(before, after, strict=True)}
    return factors.pop() if len(factors) == 1 else 1


def _ratio(values: Sequence[int], others: Sequence[int]) -> Fraction | None:
    """Return the simple fraction that all values are of the others, or None."""
    shares = {Fraction(value, other) for value, other in zip(values, others, strict=True) if other}
    share = shares.pop() if len(shares) == 1 else None
    simple = (
        share is not None
        and share.numerator <= 8
        and share.denominator <= 32
        and 1 in (share.numerator, share.denominator)
    )
    return share if simple else None


def _times(share: Fraction, symbol: str) -> str:
    above = symbol if share.numerator == 1 else f"{share.numerator}{symbol}"
    return above if share.denominator == 1 else f"{above}/{share.denominator}"
