"""Two analyses side by side: totals with difference and ratio, and the layers aligned as a diff."""

from __future__ import annotations

from collections.abc import Sequence

from cnncalc.analyses.receptive import of_features
from cnncalc.analyses.totals import Analysis, Row
from cnncalc.record import Record

QUANTITIES = ("params", "weights", "biases", "activations", "memory", "macs", "depth", "layers", "receptive_field")
LONGEST_DIFF = 3000  # layers on either side up to which the alignment is the best one


class Total(Record):
    """One quantity of every network compared; None where it is not known. `receptive_field` is a list per axis."""

    quantity: str
    values: tuple[int | list[int] | None, ...]

    def difference(self, number: int = 1) -> int | None:
        """The value of one network less the first's."""
        first, other = self.values[0], self.values[number]
        return other - first if isinstance(first, int) and isinstance(other, int) else None

    def ratio(self, number: int = 1) -> float | None:
        """The value of one network over the first's."""
        first, other = self.values[0], self.values[number]
        return other / first if isinstance(first, int) and isinstance(other, int) and first else None

    @property
    def differs(self) -> bool:
        """Do the values differ?"""
        return any(value != self.values[0] for value in self.values)


class Pair(Record):
    """Two rows of a diff: `same`, `changed`, `added` (no row on the left) or `removed` (none on the right)."""

    change: str
    left: Row | None
    right: Row | None


def totals(analyses: Sequence[Analysis], quantities: Sequence[str] = QUANTITIES) -> list[Total]:
    """The quantities of all networks."""
    return [Total(quantity, tuple(_value(analysis, quantity) for analysis in analyses)) for quantity in quantities]


def _value(analysis: Analysis, quantity: str) -> int | list[int] | None:
    if quantity == "memory":
        return analysis.activation_bytes
    if quantity == "receptive_field":
        return of_features([(row.field, row.node.output) for row in analysis.rows])
    if quantity == "macs" and analysis.totals.uncounted:
        return None
    value: int = getattr(analysis.totals, quantity)
    return value


def _key(row: Row) -> tuple[str, str]:
    return row.node.kind, row.node.layer.spelled() if row.node.layer is not None else ""


def layers(left: Analysis, right: Analysis) -> list[Pair]:
    """The layers of both aligned in order; layers of one kind that stand in each other's place are `changed`.

    A layer is the same where kind, fields, output shape and parameters are.
    """
    a, b = left.rows, right.rows
    pairs: list[Pair] = []
    for tag, i, j, k, m in _blocks([_key(row) for row in a], [_key(row) for row in b]):
        if tag == "equal":
            pairs += [_pair(x, y) for x, y in zip(a[i:j], b[k:m], strict=True)]
        else:
            pairs += _replaced(a[i:j], b[k:m])
    return pairs


def _blocks(a: list[tuple[str, str]], b: list[tuple[str, str]]) -> list[tuple[str, int, int, int, int]]:
    start = 0
    while start < min(len(a), len(b)) and a[start] == b[start]:
        start += 1
    end = 0
    while end < min(len(a), len(b)) - start and a[len(a) - 1 - end] == b[len(b) - 1 - end]:
        end += 1
    inner_a, inner_b = a[start : len(a) - end], b[start : len(b) - end]
    found = [("equal", 0, start, 0, start)] if start else []
    if max(len(inner_a), len(inner_b)) <= LONGEST_DIFF:
        from difflib import SequenceMatcher

        found += [
            (tag, i + start, j + start, k + start, m + start)
            for tag, i, j, k, m in SequenceMatcher(None, inner_a, inner_b, autojunk=False).get_opcodes()
        ]
    else:
        found.append(("replace", start, len(a) - end, start, len(b) - end))
    if end:
        found.append(("equal", len(a) - end, len(a), len(b) - end, len(b)))
    return found


def _pair(left: Row, right: Row) -> Pair:
    same = _key(left) == _key(right) and left.node.output == right.node.output and left.params == right.params
    return Pair("same" if same else "changed", left, right)


def _replaced(left: list[Row], right: list[Row]) -> list[Pair]:
    """Rows in each other's place: paired in order where the kinds agree, else removed and added."""
    pairs: list[Pair] = []
    places: dict[str, list[int]] = {}
    for number in range(len(right) - 1, -1, -1):
        places.setdefault(right[number].node.kind, []).append(number)
    place = 0
    for row in left:
        ahead = places.get(row.node.kind, [])
        while ahead and ahead[-1] < place:
            ahead.pop()
        if not ahead:
            pairs.append(Pair("removed", row, None))
            continue
        pairs += [Pair("added", None, other) for other in right[place : ahead[-1]]]
        pairs.append(_pair(row, right[ahead[-1]]))
        place = ahead[-1] + 1
    return pairs + [Pair("added", None, other) for other in right[place:]]


def largest(analysis: Analysis) -> tuple[Row, int, int] | None:
    """The layer with the most parameters, with its own and all parameters; None without parameters."""
    if not analysis.totals.params:
        return None
    row = max(analysis.rows, key=lambda row: row.params)
    return row, row.params, analysis.totals.params
