"""Compare analyses: totals with difference and ratio, and the layers of two networks aligned as a diff."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from cnncalc.analyses.quantities import COMPARED
from cnncalc.analyses.totals import Analysis, Row
from cnncalc.record import Record

if TYPE_CHECKING:
    from cnncalc.analyses.quantities import Value

MOST_EDITS = 300  # the alignment is the best one up to this many added and removed layers in one place


class Total(Record):
    """One quantity of all compared networks; None where it is not known. `receptive_field` is a list per axis."""

    quantity: str
    values: tuple[Value, ...]

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
        """True if the values differ."""
        return any(value != self.values[0] for value in self.values)


class Pair(Record):
    """Two rows of a diff: `same`, `changed`, `added` (no row on the left) or `removed` (none on the right)."""

    change: str
    left: Row | None
    right: Row | None


def totals(analyses: Sequence[Analysis], quantities: Sequence[str] = tuple(COMPARED)) -> list[Total]:
    """Return these quantities of all networks."""
    return [Total(name, tuple(COMPARED[name].measure(analysis) for analysis in analyses)) for name in quantities]


def _key(row: Row) -> tuple[str, str]:
    return row.node.kind, row.node.layer.format_fields() if row.node.layer is not None else ""


def layers(left: Analysis, right: Analysis) -> list[Pair]:
    """Align the layers of both networks in order. Layers of one kind in corresponding places are `changed`.

    A layer is the same if its kind, fields, output shape, parameters and inputs are the same.
    """
    return _rewired(_slid(_aligned(left.rows, right.rows, _key)))


def _aligned(left: list[Row], right: list[Row], key: Callable[[Row], object] | None) -> list[Pair]:
    """Pair rows with equal keys, then the rows between them by kind. Mark the rest as removed or added."""
    pairs: list[Pair] = []
    i = j = 0
    keys = [[key(row) if key is not None else row.node.kind for row in rows] for rows in (left, right)]
    for x, y in [*_matches(*keys), (len(left), len(right))]:
        if key is not None:
            pairs += _aligned(left[i:x], right[j:y], None)
        else:
            pairs += [Pair("removed", row, None) for row in left[i:x]]
            pairs += [Pair("added", None, row) for row in right[j:y]]
        if x < len(left):
            pairs.append(_pair(left[x], right[y]))
        i, j = x + 1, y + 1
    return pairs


def _matches(a: list[object], b: list[object]) -> list[tuple[int, int]]:
    """Return the places of equal items in order, as many as possible if at most MOST_EDITS others are adjacent.

    Myers 1986, "An O(ND) Difference Algorithm and Its Variations". After MOST_EDITS the search takes the
    best path so far and starts again from there, so that time grows only with the length.
    """
    start = 0
    while start < min(len(a), len(b)) and a[start] == b[start]:
        start += 1
    end = 0
    while end < min(len(a), len(b)) - start and a[len(a) - 1 - end] == b[len(b) - 1 - end]:
        end += 1
    a_end, b_end = len(a) - end, len(b) - end
    pairs = [(place, place) for place in range(start)]
    x = y = start
    while x < a_end and y < b_end:
        path = _path(a, b, x, y, a_end, b_end)
        x, y = path[-1]
        pairs += [place for place, after in pairwise(path) if after[0] > place[0] and after[1] > place[1]]
    return pairs + [(a_end + place, b_end + place) for place in range(end)]


def _path(a: list[object], b: list[object], x: int, y: int, a_end: int, b_end: int) -> list[tuple[int, int]]:
    """Return the path from (x, y) to the end with the fewest edits, or the longest one with MOST_EDITS, in single steps."""
    furthest = {1: x}  # on every diagonal k = (place in a - x) - (place in b - y) the furthest place in a
    shift = y - x
    history: list[dict[int, int]] = []
    for edits in range(MOST_EDITS + 1):
        history.append(dict(furthest))
        for k in range(-edits, edits + 1, 2):
            down = k == -edits or (k != edits and furthest[k - 1] < furthest[k + 1])
            i = furthest[k + 1] if down else furthest[k - 1] + 1
            while i < a_end and i - k + shift < b_end and a[i] == b[i - k + shift]:
                i += 1
            furthest[k] = i
            if i >= a_end and i - k + shift >= b_end:
                return _back(history, x, shift, i, k)
    inside = [(2 * i - k, -abs(k), i, k) for k, i in furthest.items() if i <= a_end and i - k + shift <= b_end]
    _, _, i, k = max(one for one in inside if (one[3] - MOST_EDITS) % 2 == 0)  # the others have one edit fewer
    return _back(history, x, shift, i, k)


def _back(history: list[dict[int, int]], start: int, shift: int, i: int, k: int) -> list[tuple[int, int]]:
    """Return the steps that lead to place i of a on the last diagonal k."""
    path = [(i, i - k + shift)]
    for edits in range(len(history) - 1, 0, -1):
        furthest = history[edits]
        down = k == -edits or (k != edits and furthest[k - 1] < furthest[k + 1])
        before = furthest[k + 1] if down else furthest[k - 1]
        after = before if down else before + 1
        path += [(place, place - k + shift) for place in range(i - 1, after - 1, -1)]
        k = k + 1 if down else k - 1
        i = before
        path.append((i, i - k + shift))
    path += [(place, place + shift) for place in range(i - 1, start - 1, -1)]
    return path[::-1]


def _slid(pairs: list[Pair]) -> list[Pair]:
    """Move runs of added or removed rows among equal rows, so that rows of the same name are paired.

    A block that is inserted among equal blocks can be found in as many places as it has layers; only one of them is where
    the block starts.
    """
    pairs = list(pairs)
    start = 0
    while start < len(pairs):
        change = pairs[start].change
        end = start
        while end < len(pairs) and pairs[end].change == change:
            end += 1
        if change in ("added", "removed"):
            _slide(pairs, start, end, down=True)
            _slide(pairs, start, end, down=False)
        start = max(end, start + 1)
    return pairs


def _slide(pairs: list[Pair], start: int, end: int, down: bool) -> None:
    """Move the run from `start` up to `end` by the steps with which most names agree, at most by its own length."""
    added = pairs[start].change == "added"
    best = gain = steps = 0
    for step in range(end - start):
        place = end + step if down else start - 1 - step
        if not 0 <= place < len(pairs) or pairs[place].change != "same":
            break
        inside = pairs[start + step if down else end - 1 - step]
        row = inside.right or inside.left
        kept, moved = pairs[place].left, pairs[place].right
        if not added:
            kept, moved = moved, kept
        assert row is not None
        assert kept is not None
        assert moved is not None
        if _key(row) != _key(moved) or _pair(kept, row).change != "same":
            break
        gain += (kept.node.name == row.node.name) - (kept.node.name == moved.node.name)
        if gain > best:
            best, steps = gain, step + 1
    if steps:
        first, last = (start, end + steps) if down else (start - steps, end)
        pairs[first:last] = _slide_run(pairs[first:last], steps, added, down)


def _slide_run(pairs: Sequence[Pair], steps: int, added: bool, down: bool) -> list[Pair]:
    """Return a run and the pairs that follow it (`down`) or precede it, with these pairs at its other end."""
    lefts = [pair.left for pair in pairs if pair.left is not None]
    rights = [pair.right for pair in pairs if pair.right is not None]
    own, kept = (rights, lefts) if added else (lefts, rights)
    first = 0 if down else len(own) - steps
    slid: list[Pair] = []
    for number, row in enumerate(own):
        if first <= number < first + steps:
            other = kept[number - first]
            slid.append(_pair(other, row) if added else _pair(row, other))
        else:
            slid.append(Pair("added", None, row) if added else Pair("removed", row, None))
    return slid


def _rewired(pairs: list[Pair]) -> list[Pair]:
    """Mark pairs as `changed` if the inputs of a layer that both networks have are different."""
    partner = {pair.left.node.index: pair.right.node.index for pair in pairs if pair.left and pair.right}
    paired = set(partner.values())
    changes = []
    for pair in pairs:
        left, right, moved = pair.left, pair.right, False
        if pair.change == "same" and left is not None and right is not None:
            inputs = list(zip(left.node.inputs, right.node.inputs, strict=False))
            moved = any(x in partner and y in paired and partner[x] != y for x, y in inputs)
            moved = moved or len(left.node.inputs) != len(right.node.inputs)
        changes.append(Pair("changed", left, right) if moved else pair)
    return changes


def _pair(left: Row, right: Row) -> Pair:
    same = _key(left) == _key(right) and left.node.output == right.node.output and left.params == right.params
    return Pair("same" if same else "changed", left, right)


def largest(analysis: Analysis) -> tuple[Row, int, int] | None:
    """Return the layer with the most parameters, their number, and the total; None if there are no parameters."""
    if not analysis.totals.params:
        return None
    row = max(analysis.rows, key=lambda row: row.params)
    return row, row.params, analysis.totals.params
