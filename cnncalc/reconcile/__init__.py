"""What other tools print for a network, to the digit, as a sum of named addends.

`calls` turns layers into the calls of a PyTorch program, which are what the tools count, and `writings` lists the ways in
which a program may write them. Each tool is a class in `tools/`, with its version and a table of rules for each figure
that it prints; `rules` adds them up. `printed` searches for what explains a printed number. To add a tool, write its
class, add it to the table in `tools/__init__`, and to tests/oracle/reconcile, which run the tools themselves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cnncalc.network import Network
from cnncalc.reconcile.printed import Explanation, explain
from cnncalc.reconcile.rules import Result
from cnncalc.reconcile.tools import TOOLS
from cnncalc.reconcile.writings import Writings
from cnncalc.record import Record


class Reconciliation(Record):
    """What tools print for a network, and what explains a printed number if one was given."""

    network: Network
    results: tuple[Result, ...]
    explanation: Explanation | None = None


def reconcile(
    network: Network, tools: Sequence[str] = (), printed: str | None = None, written: Mapping[str, str] | None = None
) -> Reconciliation:
    """Return what tools would print for a network. Without names of tools, all of them are evaluated.

    `written` maps kinds of layers to the way in which the program writes them, such as `{"relu": "function"}`.

    Raises:
        Problem: `bad-value` for a printed number that cannot be read.
    """
    writings = Writings(written)
    results: list[Result] = []
    for name in tools or TOOLS:
        tool = TOOLS[name]
        results += [figure.result(tool, network, writings) for figure in tool.figures]
    return Reconciliation(
        network, tuple(results), None if printed is None else explain(printed, network, results)
    )  # fmt: skip
