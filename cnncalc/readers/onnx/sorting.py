"""The order in which the nodes of an ONNX graph are read: every one behind those it reads."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from cnncalc.readers.onnx.file import bad_model
from cnncalc.readers.onnx.graph import Scope
from cnncalc.text import show


def sources(node: Any) -> Iterator[str]:
    """The names that a node reads, those in its subgraphs included."""
    yield from node.input
    for one in node.attribute:
        for graph in (*([one.g] if one.type == 5 else ()), *one.graphs):
            for inner in graph.node:
                yield from sources(inner)


def sort_nodes(nodes: Sequence[Any], scope: Scope) -> list[Any]:
    """The nodes with every one behind those it reads, in the order of the file where that will do.

    Raises:
        Refused: `bad-model` for names that nothing makes, names made twice, and circles.
    """
    makers: dict[str, int] = {}
    for number, node in enumerate(nodes):
        for name in node.output:
            if name and (name in makers or name in scope.values):
                raise bad_model(f"`{show(name)}` is made twice", "every value of an ONNX graph has one maker")
            if name:
                makers[name] = number
    waits: list[set[int]] = []
    for node in nodes:
        needs = set()
        for place, name in enumerate(sources(node)):
            if name in makers:
                needs.add(makers[name])
            elif name and place < len(node.input) and scope.find(name) is None:
                text = f"`{show(node.name or node.op_type)}` reads `{show(name)}`, but nothing makes it"
                raise bad_model(text, "an initializer or a node is missing; export the model again")
        waits.append(needs)
    if all(need < number for number, needs in enumerate(waits) for need in needs):
        return list(nodes)
    readers: dict[int, list[int]] = {}
    for number, needs in enumerate(waits):
        for need in needs:
            readers.setdefault(need, []).append(number)
    missing = Counter({number: len(needs) for number, needs in enumerate(waits)})
    ready = [number for number, needs in enumerate(waits) if not needs]
    found = []
    while ready:
        number = heapq.heappop(ready)
        found.append(nodes[number])
        for reader in readers.get(number, ()):
            missing[reader] -= 1
            if missing[reader] == 0:
                heapq.heappush(ready, reader)
    if len(found) < len(nodes):
        stuck = next(node for number, node in enumerate(nodes) if missing[number] > 0)
        raise bad_model(
            f"the graph runs in a circle through `{show(stuck.name or stuck.output[0])}`", "export it again"
        )
    return found
