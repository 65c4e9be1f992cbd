"""The contract of a tool: one class with its version and figures. A figure is a table of rules, call name -> addends.

A rule is a sum such as `macs + biases` or `4*outputs`, made of facts of a call, or a function for any other formula. A
key `relu/function` is preferred to `relu` for a layer written as a function. A call without a rule makes the figure unknown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import ClassVar, TypeAlias

from cnncalc.analyses.totals import Row, analyze
from cnncalc.network import Network, Node
from cnncalc.reconcile.calls import Call, Calls
from cnncalc.reconcile.writings import COMMON, Writings
from cnncalc.record import Record


class Part(Record):
    """A coefficient times a count of one call, with what is counted, such as 4 for each of 2,048 batchnorm outputs."""

    coefficient: int
    count: int
    what: str
    key: str = ""  # addends are grouped by it if the names of what is counted differ


UNKNOWN = "?"  # the rule of calls for which a tool's count is not known, although the figure has a rule for others
# a rule in words, or as a function that returns None for a call whose count is not known
Rule: TypeAlias = "str | Callable[[Call], Iterable[Part] | None]"


class Addend(Record):
    """A part of a figure: a coefficient, what it is multiplied with, their product, and the layers it comes from."""

    coefficient: int
    count: int
    what: str
    layers: tuple[str, ...]

    @property
    def value(self) -> int:
        """What the addend contributes."""
        return self.coefficient * self.count


class Alternative(Record):
    """Another way in which a program may write all layers of a kind, and the figure that the tool would print then."""

    style: str
    code: str
    value: int | None


class Assumption(Record):
    """The way in which all layers of a kind are assumed to be written, with the ways that change the figure."""

    kind: str
    style: str
    code: str
    layers: int
    others: tuple[Alternative, ...]


class Gap(Record):
    """Layers for which it is not known what the tool counts, and the reason."""

    kind: str
    layers: tuple[str, ...]
    reason: str


class Result(Record):
    """What a tool would print for one figure. `value` is None if there are gaps; the addends are then a lower bound."""

    tool: str
    version: str
    figure: str
    unit: str
    value: int | None
    at_least: int
    addends: tuple[Addend, ...]
    assumptions: tuple[Assumption, ...]
    gaps: tuple[Gap, ...]
    note: str
    shares: tuple[tuple[str, int], ...]  # what each layer contributes, by its name


class Figure:
    """One number that a tool prints: its name, the unit it is printed in, and the rules.

    `otherwise` is the rule of calls that are not in the table, or "" if those are unknown. `only` is the only style that is
    counted at all, such as `module`. Calls of another style then count 0 unless there is a rule for that style.
    """

    def __init__(
        self, name: str, unit: str, rules: Mapping[str, Rule], otherwise: str = "", only: str = "", note: str = ""
    ) -> None:
        self.name = name
        self.unit = unit
        self.rules = {key: rule for keys, rule in rules.items() for key in keys.split()}
        self.otherwise = otherwise
        self.only = only
        self.note = note

    def rule_for(self, call: Call) -> Rule | None:
        """Return the rule for a call, or None if what the tool counts is not known."""
        if not call.style and call.op in COMMON:  # known only if the tool does not tell the ways apart
            rules = {self._rule(call, style) for style in COMMON[call.op] if style}
            rule = rules.pop() if len(rules) == 1 else None
        else:
            rule = self._rule(call, call.style)
        return None if rule == UNKNOWN else rule

    def _rule(self, call: Call, style: str) -> Rule | None:
        """Return the rule for a call that is written in some way."""
        rule: Rule | None = self.rules.get(f"{call.op}/{style}")
        if rule is not None:
            return rule
        if call.op.startswith("operation "):
            return "0" if self.only and call.node.written is not None else None
        if self.only and style not in (self.only, ""):
            return "0"
        return self.rules.get(call.op, self.otherwise or None)

    def parts(self, call: Call) -> Iterable[Part] | None:
        """Return what the tool counts for a call, or None if that is not known."""
        rule = self.rule_for(call)
        return None if rule is None else parts_of(rule, call)

    def result(self, tool: type[Tool], network: Network, writings: Writings) -> Result:
        """Add up what the tool counts."""
        parts: list[tuple[str, Part]] = []
        gaps: dict[tuple[str, str], list[str]] = {}
        assumed: dict[str, list[Node]] = {}
        calls = tool.calls(network)
        known = _Known(self)
        for node in network.nodes:
            if node.layer is not None and writings.assumes(node):
                assumed.setdefault(node.kind, []).append(node)
            for call in calls.of(node, writings.of(node)):
                found = known.parts(call)
                if found is None:
                    gaps.setdefault((node.kind, _reason(call)), []).append(node.name)
                else:
                    parts += [(node.name, part) for part in found]
        addends = _group_parts(parts)
        least = sum(addend.value for addend in addends)
        value = None if gaps else least
        return Result(
            tool=tool.name,
            version=tool.version,
            figure=self.name,
            unit=self.unit,
            value=value,
            at_least=least,
            addends=addends,
            assumptions=tuple(_assumptions(known, calls, writings, assumed, value)),
            gaps=tuple(Gap(kind, tuple(names), reason) for (kind, reason), names in gaps.items()),
            note=self.note,
            shares=_shares(parts),
        )


class Parameters(Figure):
    """A figure that counts numbers stored in the model, by name: each is a function of the row of a layer."""

    def __init__(self, name: str, counts: Mapping[str, Callable[[Row], int]], note: str = "") -> None:
        super().__init__(name, "params", {}, note=note)
        self.counts = counts

    def result(self, tool: type[Tool], network: Network, writings: Writings) -> Result:
        """Add up what the model stores."""
        rows = analyze(network).rows
        parts = [
            (row.node.name, Part(1, number, what))
            for what, count in self.counts.items() for row in rows if (number := count(row))
        ]  # fmt: skip
        addends = _group_parts(parts)
        total = sum(addend.value for addend in addends)
        return Result(
            tool.name, tool.version, self.name, self.unit, total, total, addends, (), (), self.note, _shares(parts)
        )  # fmt: skip


class Tool:
    """A tool that counts. `names` are those of its figures on the command line, besides the name of the tool itself."""

    name: ClassVar[str]
    version: ClassVar[str]
    figures: ClassVar[tuple[Figure, ...]]

    @classmethod
    def calls(cls, network: Network) -> Calls:
        """Return the calls that the tool sees."""
        return Calls(network)


NAMES = {
    "macs": "multiply-adds",
    "projections": "multiply-adds",
    "biases": "bias additions",
    "params": "parameters",
    "scores": "attention scores in softmax",
}


def parts_of(rule: Rule, call: Call) -> Iterable[Part] | None:
    """Return the parts of a rule for one call."""
    if callable(rule):
        return rule(call)
    parts = []
    for term in rule.split(" + "):
        head, star, fact = term.rpartition("*")
        if fact == "0":
            continue
        count = getattr(call, fact)
        name = call.op.removesuffix("-plain")
        what = NAMES.get(fact) or f"{name} {fact}"
        parts.append(Part(int(head) if star else 1, count, f"{name} {what}" if fact == "params" else what))
    return parts


def _group_parts(parts: Iterable[tuple[str, Part]]) -> tuple[Addend, ...]:
    """Add up parts with the same coefficient that count the same thing."""
    totals: dict[tuple[int, str], int] = {}
    layers: dict[tuple[int, str], dict[str, None]] = {}
    for layer, part in parts:
        if part.coefficient and part.count:
            key = (part.coefficient, part.what)
            totals[key] = totals.get(key, 0) + part.count
            layers.setdefault(key, {})[layer] = None
    return tuple(Addend(key[0], count, key[1], tuple(layers[key])) for key, count in totals.items())


def _shares(parts: Iterable[tuple[str, Part]]) -> tuple[tuple[str, int], ...]:
    """Return the sum of the parts of each layer."""
    shares: dict[str, int] = {}
    for layer, part in parts:
        shares[layer] = shares.get(layer, 0) + part.coefficient * part.count
    return tuple(shares.items())


def _reason(call: Call) -> str:
    if call.op.startswith("operation "):
        return "cnncalc does not know what the tool counts for this operation"
    if call.op in ("local", "convlstm"):
        return "torch.nn has no such layer"
    return "the count depends on how the program writes it"


class _Known:
    """What a figure counts for each call, worked out once."""

    def __init__(self, figure: Figure) -> None:
        self.figure = figure
        self._parts: dict[int, list[Part] | None] = {}

    def parts(self, call: Call) -> list[Part] | None:
        """Return what the tool counts for a call, or None if that is not known."""
        key = id(call)
        if key not in self._parts:
            parts = self.figure.parts(call)
            self._parts[key] = None if parts is None else list(parts)
        return self._parts[key]

    def total(self, nodes: Sequence[Node], calls: Calls, writings: Writings) -> int | None:
        """Return what the figure counts for some layers, or None if that is not known."""
        total = 0
        for node in nodes:
            for call in calls.of(node, writings.of(node)):
                parts = self.parts(call)
                if parts is None:
                    return None
                total += sum([part.coefficient * part.count for part in parts])
        return total


def _assumptions(
    known: _Known, calls: Calls, writings: Writings, assumed: Mapping[str, Sequence[Node]], value: int | None
) -> Iterable[Assumption]:
    """Yield the assumptions that change the figure."""
    for kind, nodes in assumed.items():
        style = writings.of(nodes[0])
        here = known.total(nodes, calls, writings)
        others = []
        for other, code in COMMON[kind].items():
            if other in ("", style):
                continue
            there = known.total(nodes, calls, writings.changed(kind, other))
            if there != here:
                whole = None if value is None or here is None or there is None else value - here + there
                others.append(Alternative(other, code, whole))
        if others:
            yield Assumption(kind, style, COMMON[kind][style], len(nodes), tuple(others))
