"""Sort the nodes of an ONNX graph so that each node follows the nodes whose outputs it reads."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from cnncalc.readers.onnx.file import bad_model
from cnncalc.readers.onnx.graph import Scope
from cnncalc.text import show


def sources(node: Any) -> Iterator[str]:
    """Yield the names that a node reads, including those that its subgraphs read."""
    yield from node.input
    for one in node.attribute:
        for graph in (*([one.g] if one.type == 5 else ()), *one.graphs):
            for inner in graph.node:
                yield from sources(inner)


def sort_nodes(nodes: Sequence[Any], scope: Scope) -> list[Any]:
    """Return the nodes, each after those whose outputs it reads. The order of the file is kept if it is valid.

    Raises:
        Refused: `bad-model` for a name that no node computes or two nodes compute, and for a cycle.
    """
    makers: dict[str, int] = {}
    for number, node in enumerate(nodes):
        for name in node.output:
            if name and (name in makers or name in scope.values):
                raise bad_model(f"two nodes compute `{show(name)}`", "give each value of the graph a name of its own")
            if name:
                makers[name] = number
    waits: list[set[int]] = []
    for node in nodes:
        needs = set()
        for place, name in enumerate(sources(node)):
            if name in makers:
                needs.add(makers[name])
            elif name and place < len(node.input) and scope.find(name) is None:
                text = f"`{show(node.name or node.op_type)}` reads `{show(name)}`, but no node computes it"
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
    ordered = []
    while ready:
        number = heapq.heappop(ready)
        ordered.append(nodes[number])
        for reader in readers.get(number, ()):
            missing[reader] -= 1
            if missing[reader] == 0:
                heapq.heappush(ready, reader)
    if len(ordered) < len(nodes):
        stuck = next(node for number, node in enumerate(nodes) if missing[number] > 0)
        raise bad_model(
            f"the graph has a cycle through `{show(stuck.name or stuck.output[0])}`", "export the model again"
        )
    return ordered
