"""What to change in a network: what `cnncalc advise` prints."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cnncalc import network as graph
from cnncalc.advice import advise as base
from cnncalc.advice.state import MODES, QUANTITIES, SIZES, USUAL, Running, State
from cnncalc.advice.writing.file_text import change_file, source_of
from cnncalc.advice.writing.specification import write
from cnncalc.advice.writing.step_text import CannotKeep
from cnncalc.analyses.memory.optimizers import OPTIMIZERS
from cnncalc.api.errors import CnncalcError
from cnncalc.record import Record
from cnncalc.render import advise as render
from cnncalc.render.lines import UNICODE, Line, plain
from cnncalc.text import did_you_mean, quoted, show
from cnncalc.units import DTYPES, HALVES, parse_count, parse_size
from cnncalc.writers.yaml.fields import Unwritable

__all__ = ["QUANTITIES", "Advised", "Applied", "Running", "advise_network"]


class Applied(Record):
    """A changed network as a specification.

    Attributes
    ----------
    text : str
        The specification.
    keeps_file : bool
        Whether it is the text of the file with some lines changed. Otherwise it was generated, without comments and
        parameters.
    reason : str
        Why it had to be generated; empty if the network was not read from a file.
    """

    text: str
    keeps_file: bool
    reason: str = ""


class Advised(base.Advised):
    """The advice for a network, best first. `str()` is the report of `cnncalc advise`.

    Attributes
    ----------
    limits, before : mapping
        The limits and the figures of the network, by quantity.
    over : tuple of str
        The quantities that exceed their limit.
    advice : tuple of cnncalc.advice.advise.Advice
        Each has its `rewrite`, `place`, `edits`, the figures `after` it, and the share of the gap that it `closed`.
    combination : cnncalc.advice.advise.Combination or None
        Changes that meet the limits together, if no single change does.
    holds : bool
        Whether the limits can be met.
    """

    def state_of(self, number: int | str) -> State:
        """Return the network after a piece of advice, counted from 1, or after `all` of the combination.

        Raises
        ------
        CnncalcError
            If no change has this number.
        """
        if number == "all":
            if self.combination is None:
                text = "there is no combination" + (": one change meets the limits" if self.holds else "")
                raise CnncalcError.of(text, "option", "--apply")
            return self.combination.state
        if not isinstance(number, int) or not 1 <= number <= len(self.advice):
            text = f"no change has the number {show(number)}: " + (
                f"the numbers are 1 to {len(self.advice)}" if self.advice else "nothing helps this network"
            )
            raise CnncalcError.of(text, "option", "--apply")
        return self.advice[number - 1].state

    def apply(self, number: int | str = 1) -> Applied:
        """Return the changed network as a specification, which has exactly the figures of the advice.

        The text of the file is kept, with its comments and parameters, and only the lines that describe changed layers are
        changed. If they cannot express the change, a new specification is generated.

        Raises
        ------
        CnncalcError
            If no change has this number, or a layer cannot be written in a specification.
        """
        after = self.state_of(number).network
        source, reason = source_of(self.network), ""
        if source is not None:
            try:
                return Applied(change_file(source, self.network, after), True)
            except CannotKeep as error:
                reason = str(error)
        try:
            return Applied(write(after, self.network), False, reason)
        except Unwritable as error:
            raise CnncalcError.of(
                f"{show(self.network.spec)} cannot be written: {show(error, 300)}", "limit"
            ) from error

    def to_specification(self, number: int | str = 1) -> str:
        """Return the text of `apply`."""
        return self.apply(number).text

    def lines(self, glyphs: dict[str, str] = UNICODE, *, every: bool = False) -> list[Line]:
        """Return the report as lines of styled spans, for a terminal."""
        return render.report(self, glyphs, every)

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain data, as in `cnncalc advise --format json`."""
        return render.data(self)

    def __str__(self) -> str:
        return plain(self.lines())

    def __repr__(self) -> str:
        return f"<Advised for {show(self.network.title)}: {len(self.advice)} changes>"


def read_limits(limits: Mapping[str, int | str]) -> dict[str, int]:
    """Return limits as numbers.

    Raises
    ------
    CnncalcError
        If a limit is not a number.
    ValueError
        If a quantity cannot be limited.
    """
    found = {}
    for name, limit in limits.items():
        if name not in QUANTITIES:
            reads = did_you_mean(name, QUANTITIES) or f"the quantities are {quoted(QUANTITIES, 'and')}"
            raise ValueError(f"no quantity named {name!r}: {reads}")
        found[name] = limit if isinstance(limit, int) else _parse(name, limit)
    return found


def _parse(name: str, limit: str) -> int:
    figure = parse_size(limit, short=True) if name in SIZES else parse_count(limit)
    if figure is None or figure.value is None:
        example = "8GB or 24GiB" if name in SIZES else "500k or 4G"
        text = f"`{show(limit)}` is not a limit for {name}: write it as {example}"
        raise CnncalcError.of(text, "option", f"--max-{name}" if name in USUAL else "--max")
    return figure.value


def advise_network(network: graph.Network, limits: Mapping[str, int | str], running: Running) -> Advised:
    """Return what to change in a network so that it meets the limits."""
    for name, value, choices in (
        ("dtype", running.dtype, DTYPES), ("optimizer", running.optimizer, OPTIMIZERS), ("mode", running.mode, MODES),
        ("amp", running.amp, ("", *HALVES)),
    ):  # fmt: skip
        if value not in choices:
            raise ValueError(f"{name} must be one of {', '.join(map(str, choices))}, not {value!r}")
    if running.batch < 1:
        raise ValueError(f"batch must be at least 1, not {running.batch}")
    if running.dtype == "int8" and running.mode == "train" and "memory" in limits:
        raise CnncalcError.of("int8 is only for inference: add --mode infer", "option")
    if running.amp and running.dtype != "float32":
        raise CnncalcError.of("--amp keeps the parameters in float32: remove --dtype or --amp", "option")
    return Advised(**vars(base.advise(network, read_limits(limits), running)))
