"""Activation memory of a fused graph: for the order of the network, for the best order, and a bound for any program.

Values are buffers of their own size. A value exists from the operation that writes it to the last one that reads it; the
inputs exist from the start, and the outputs to the end.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence

from cnncalc.analyses.fusion import FusedGraph, Operation
from cnncalc.record import Record

MOST_STEPS = 300_000  # operations that the search for the best order looks at, per segment


class Peak(Record):
    """The most numbers that exist at once, and the operation that runs then, or None if nothing runs."""

    numbers: int
    at: Operation | None


class ActivationMemory(Record):
    """Numbers of activations, for one example.

    `peak` is without overlap of the inputs and outputs of an operation, in the order of the network. `best` is the least
    such peak over all orders, with the order, or None if there are too many. `bound` holds for every program that keeps
    whole values and computes each of them once, in the order of the network.
    """

    peak: Peak
    bound: int
    best: int | None
    order: tuple[Operation, ...]
    live: tuple[int, ...]  # while each operation of the graph runs


class _Lives:
    """Which values exist, as operations run one after the other."""

    def __init__(self, graph: FusedGraph) -> None:
        self.sizes = graph.sizes
        self.outputs = frozenset(graph.outputs)
        self.left = dict.fromkeys(graph.sizes, 0)  # value -> operations that still read it
        for operation in graph.operations:
            for value in operation.inputs:
                self.left[value] += 1
        self.exist = set(graph.inputs)
        self.numbers = sum(graph.sizes[value] for value in graph.inputs)

    def run(self, operation: Operation) -> int:
        """Run an operation. Return how many numbers exist while it runs."""
        if operation.value not in self.exist:
            self.exist.add(operation.value)
            self.numbers += operation.size
        during = self.numbers
        for value in operation.inputs:
            self.left[value] -= 1
            self._release(value)
        self._release(operation.value)
        return during

    def _release(self, value: int) -> None:
        if not self.left[value] and value in self.exist and value not in self.outputs:
            self.exist.remove(value)
            self.numbers -= self.sizes[value]


def activation_memory(graph: FusedGraph) -> ActivationMemory:
    """Return the activation memory of a fused graph."""
    lives = _Lives(graph)
    bound = lives.numbers
    live: list[int] = []
    segments: list[list[Operation]] = [[]]
    for operation in graph.operations:
        live.append(lives.run(operation))
        bound = max(bound, lives.numbers, operation.size)
        segments[-1].append(operation)
        if lives.exist == {operation.value}:  # everything later depends on this value alone
            segments.append([])
    if not live:  # a network of nothing but views
        return ActivationMemory(Peak(bound, None), bound, bound, (), ())
    worst = max(range(len(live)), key=lambda index: live[index])
    best, order = _best_order(graph, [segment for segment in segments if segment])
    return ActivationMemory(Peak(live[worst], graph.operations[worst]), bound, best, tuple(order), tuple(live))


def _best_order(graph: FusedGraph, segments: Sequence[list[Operation]]) -> tuple[int | None, list[Operation]]:
    """Return the least peak over all orders, and an order that has it. Segments are ordered independently."""
    best = 0
    order: list[Operation] = []
    before = set(graph.inputs)
    for segment in segments:
        found = _given_order(graph, segment, before) or _segment_order(graph, segment, before)
        if found is None:
            return None, []
        peak, part = found
        best = max(best, peak)
        order += part
        before = {part[-1].value} | (before & set(graph.outputs))
    return best, order


def _given_order(graph: FusedGraph, segment: list[Operation], before: set[int]) -> tuple[int, list[Operation]] | None:
    """Return the order of the network if no order is better, because a single operation needs as much; else None."""
    least = max(operation.size + sum([graph.sizes[value] for value in operation.inputs]) for operation in segment)
    left: dict[int, int] = {}
    for operation in segment:
        for value in operation.inputs:
            left[value] = left.get(value, 0) + 1
    kept = set(graph.outputs) | {segment[-1].value}
    live = peak = sum(graph.sizes[value] for value in before)
    exist = set(before)
    for operation in segment:
        live += operation.size
        exist.add(operation.value)
        peak = max(peak, live)
        for value in operation.inputs:
            left[value] -= 1
        for value in {*operation.inputs, operation.value}:
            if value in exist and value not in kept and not left.get(value):
                exist.remove(value)
                live -= graph.sizes[value]
    return (peak, segment) if peak <= least else None


def _segment_order(
    graph: FusedGraph, segment: Sequence[Operation], before: set[int]
) -> tuple[int, list[Operation]] | None:
    """Search the sets of finished operations for the way whose largest moment is smallest; None if there are too many."""
    made = {operation.value: bit for bit, operation in enumerate(segment)}
    needs = [sum(1 << made[value] for value in operation.inputs if value in made) for operation in segment]
    readers: dict[int, int] = {}
    for bit, operation in enumerate(segment):
        for value in operation.inputs:
            readers[value] = readers.get(value, 0) | 1 << bit
    kept = set(graph.outputs) | {segment[-1].value}

    def released(value: int, done: int) -> bool:
        return value not in kept and not readers.get(value, 0) & ~done

    start = sum(graph.sizes[value] for value in before)
    whole = (1 << len(segment)) - 1
    queue: list[tuple[int, int, int, int]] = [
        (0, 0, 0, start)
    ]  # peak, number of finished operations (negative), set, live
    seen: dict[int, tuple[int, int]] = {0: (-1, -1)}  # set -> the set before it, and the operation that led to it
    settled: set[int] = set()
    steps = 0
    while queue:
        peak, _, done, live = heapq.heappop(queue)
        if done in settled:
            continue
        settled.add(done)
        if done == whole:
            return peak, _path(segment, seen)
        steps += len(segment)
        if steps > MOST_STEPS:
            return None
        for bit, operation in enumerate(segment):
            if done >> bit & 1 or needs[bit] & ~done:
                continue
            after = done | 1 << bit
            if after in settled:
                continue
            during = live + operation.size
            left = during
            for value in (*operation.inputs, operation.value):
                if (value in made or value in before) and released(value, after):
                    left -= graph.sizes[value]
            heapq.heappush(queue, (max(peak, during), -bin(after).count("1"), after, left))
            if after not in seen or max(peak, during) < seen[after][0]:
                seen[after] = (max(peak, during), bit)
    return None


def _path(segment: Sequence[Operation], seen: dict[int, tuple[int, int]]) -> list[Operation]:
    """Return the operations in the order that was found."""
    order: list[Operation] = []
    done = (1 << len(segment)) - 1
    while done:
        bit = seen[done][1]
        order.append(segment[bit])
        done &= ~(1 << bit)
    return order[::-1]
