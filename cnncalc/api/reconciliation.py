"""What other tools print for a network: what `cnncalc reconcile` prints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cnncalc import network as graph
from cnncalc import reconcile as base
from cnncalc.api.errors import CnncalcError, check_mapping, check_text
from cnncalc.problem import Problem
from cnncalc.reconcile.tools import TOOLS
from cnncalc.reconcile.writings import parse
from cnncalc.render import reconcile as render
from cnncalc.render.lines import UNICODE, Line, plain

NAMES = tuple(TOOLS)


class Reconciliation(base.Reconciliation):
    """What tools print for a network, to the digit. `str()` is the report of `cnncalc reconcile`.

    Attributes
    ----------
    network : Network
        The network.
    results : tuple of cnncalc.reconcile.rules.Result
        One for each figure of each tool: `tool`, `version`, `figure`, `value` (None if unknown), `at_least`, `addends`,
        `assumptions` and `gaps`.
    explanation : cnncalc.reconcile.printed.Explanation or None
        What explains the printed number, if there is one: `matches`, `lucky` (coincidences, which are rejected) and
        `nearest`.
    named : bool
        Whether tools were named, so that the report shows every addend.
    """

    named: bool = False

    @property
    def explained(self) -> bool:
        """True if something explains the printed number."""
        return self.explanation is not None and bool(self.explanation.matches)

    def lines(self, glyphs: dict[str, str] = UNICODE) -> list[Line]:
        """Return the report as lines of styled spans, for a terminal."""
        return render.report(self, glyphs, in_full=self.named)

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain data, as in `cnncalc reconcile --format json`."""
        return render.data(self)

    def __str__(self) -> str:
        return plain(self.lines())

    def __repr__(self) -> str:
        tools = dict.fromkeys(result.tool for result in self.results)
        return f"<Reconciliation of {self.network.title} with {', '.join(tools)}>"


def reconcile_network(
    network: graph.Network, tools: Sequence[str], printed: str | None, written: Mapping[str, str] | None
) -> Reconciliation:
    """Return what tools print.

    Raises
    ------
    CnncalcError
        If the printed number, or how a layer is written, cannot be read.
    ValueError
        If a tool is unknown.
    """
    for name in tools:
        if name not in TOOLS:
            raise ValueError(f"no tool named {name!r}: the tools are {', '.join(TOOLS)}")
    ways_written = check_mapping("written", written, '{"relu": "function"}')
    if printed is not None:
        check_text("printed", printed)
    option = "--written"
    try:
        ways = parse(ways_written, network)
        option = "--printed"
        answer = base.reconcile(network, tools, printed, ways)
    except Problem as problem:
        raise CnncalcError.of(f"{problem.text}: {problem.help}", "option", option) from problem
    return Reconciliation(answer.network, answer.results, answer.explanation, bool(tools))
