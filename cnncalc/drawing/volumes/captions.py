"""The words below a group: its shape, and what its layers do, with repeats written once."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from cnncalc.drawing.graph.labels import Number, line_of, shape_text, text
from cnncalc.drawing.measure import measure
from cnncalc.drawing.volumes.groups import Volumes
from cnncalc.network import Network, Node
from cnncalc.record import Record
from cnncalc.text import plural

LONGEST_RUN = 24  # layers in a pattern that repeats
MOST_LINES = 9


class Run(Record):
    """Slabs `first` to `first + length*times - 1` of a group: a pattern of `length` layers that is repeated."""

    first: int
    length: int
    times: int

    @property
    def last(self) -> int:
        """The last slab."""
        return self.first + self.length * self.times - 1


def operation(node: Node, channels: bool) -> str:
    """Return what a layer does, with the number of its filters only if asked for."""
    line = line_of(node)
    if not channels:
        kept = [part for part in line if not (isinstance(part, Number) and part.kind == "channels")]
        line = tuple(part for part in kept if part != ", ")
        return text(line).removesuffix(", ")
    return text(line)


def runs_of(labels: Sequence[str], ends: Collection[int] = ()) -> list[Run]:
    """Return the repeats in a sequence, the one that covers most first; what does not repeat is a run of its own.

    A pattern begins after the end of a block (`ends`) where it can, so that `c a b c a b c` is `c`, then `a b c` twice.

    >>> [(run.first, run.length, run.times) for run in runs_of(["pool", "a", "b", "a", "b", "c"])]
    [(0, 1, 1), (1, 2, 2), (5, 1, 1)]
    >>> [(run.first, run.length, run.times) for run in runs_of(list("cabcabc"), {0, 3, 6})]
    [(0, 1, 1), (1, 3, 2)]
    """
    runs: list[Run] = []
    place = 0
    while place < len(labels):
        best = _best_run(labels, place)
        if best.times > 1 and place - 1 not in ends:
            later = range(place + 1, min(place + best.length, len(labels)))
            start = next((start for start in later if start - 1 in ends), None)
            if start is not None and _best_run(labels, start).times >= best.times:
                runs += [Run(single, 1, 1) for single in range(place, start)]
                best = _best_run(labels, start)
        runs.append(best)
        place = best.last + 1
    return runs


def _best_run(labels: Sequence[str], place: int) -> Run:
    """Return the repeated pattern that begins at a place and covers most."""
    best = Run(place, 1, 1)
    for length in range(1, min(LONGEST_RUN, (len(labels) - place) // 2) + 1):
        pattern = labels[place : place + length]
        times = 1
        while labels[place + times * length : place + (times + 1) * length] == pattern:
            times += 1
        if times > 1 and times * length > best.length * best.times:
            best = Run(place, length, times)
    return best


def labels_of(network: Network, group: Volumes) -> list[str]:
    """Return what each slab of a group does. Filters are named where their number differs within the group."""
    channels = len({slab.shape[-1] for slab in group.slabs}) > 1
    nodes = [network.nodes[slab.node] for slab in group.slabs]
    return [operation(node, channels and node.layer is not None) for node in nodes]


def caption(network: Network, group: Volumes, runs: Sequence[Run], width: float, size: float) -> list[str]:
    """Return the lines below a group after its shape, each at most about `width` points wide."""
    labels = labels_of(network, group)
    lines: list[str] = []
    complete = 0  # lines up to the last whole run that leaves room for the number of layers
    for run in runs:
        names = labels[run.first : run.first + run.length]
        if run.length > 1:
            names = [f"[{names[0]}", *names[1:-1], f"{names[-1]}] ×{run.times}"]
        elif run.times > 1:
            names = [f"{names[0]} (×{run.times})"]
        lines += _joined(names, width, size)
        complete = len(lines) if len(lines) < MOST_LINES else complete
    if len(lines) > MOST_LINES:
        lines = [*lines[: complete or MOST_LINES - 1], f"... {plural(len(group.slabs), 'layer')} in all"]
    return lines


def _joined(names: list[str], width: float, size: float) -> list[str]:
    """Join the names of a pattern with plus signs; break lines between names, and at commas where a name is too long."""
    lines: list[str] = []
    for number, name in enumerate(names):
        pieces = [name] if measure(name, size) <= width else name.split(", ")
        for part, piece in enumerate(pieces):
            sign = "" if not number and not part else ", " if part else " + "
            if lines and measure(lines[-1] + sign + piece, size) <= width:
                lines[-1] += sign + piece
            else:
                if lines:
                    lines[-1] += sign.rstrip()
                lines.append(piece)
    return lines


def title(group: Volumes) -> str:
    """Return the shape of a group."""
    return shape_text(group.shape)
