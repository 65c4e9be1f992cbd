"""Check an analysis against a budget: rules with limits, and findings with exact figures and advice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property

from cnncalc.analyses.claims import expected
from cnncalc.analyses.quantities import LIMITS, METRICS, Setting
from cnncalc.analyses.totals import Analysis, Row
from cnncalc.layers.dense import FC
from cnncalc.layers.lookup import families
from cnncalc.network import Node
from cnncalc.problem import Problem
from cnncalc.record import Record
from cnncalc.shape import Shape
from cnncalc.text import quoted, show
from cnncalc.units import format_bytes

# every rule that a finding can belong to, in report order
RULES = ("sound", "input", "output", *LIMITS, "growth", "kinds", "expect")


class Limit(Record):
    """Bounds on one quantity, both inclusive.

    `batch`, `dtype`, `optimizer` and `amp` (the dtype of mixed precision) matter for memory. `count` of params is
    `trainable` or `all`.
    """

    quantity: str
    least: int | None = None
    most: int | None = None
    level: str = "error"
    batch: int = 1
    dtype: str = "float32"
    optimizer: str = "sgd"
    amp: str = ""
    count: str = "trainable"

    @cached_property
    def setting(self) -> Setting:
        """How the network runs, for figures that depend on it."""
        return Setting(self.optimizer, self.amp, self.count)


class Policy(Record):
    """The requirements on a network. Empty fields require nothing.

    `forbidden` and `required` name kinds of layers or families of kinds; `warnings` are about the policy itself.
    """

    input: Shape | None = None
    output: Shape | None = None
    limits: tuple[Limit, ...] = ()
    forbidden: tuple[str, ...] = ()
    required: tuple[str, ...] = ()
    points: tuple[tuple[str, int], ...] = ()
    warnings: tuple[Problem, ...] = ()

    @property
    def rules(self) -> tuple[str, ...]:
        """The rules that this policy checks. A file must always be sound, and its `expect` must hold."""
        checked = {limit.quantity for limit in self.limits}
        checked |= {"sound", "expect"}
        checked |= {"input"} if self.input is not None else set()
        checked |= {"output"} if self.output is not None else set()
        checked |= {"kinds"} if self.forbidden or self.required else set()
        return tuple(rule for rule in RULES if rule in checked)


class Finding(Record):
    """A violation of a rule, or a problem in the file (rule `sound`). Lines and columns count from 1."""

    rule: str
    code: str
    level: str
    message: str
    help: str = ""
    line: int | None = None
    column: int | None = None
    limit: int | None = None
    actual: int | None = None


class Measured(Record):
    """A limit with the measured figure; `actual` is None if the figure is not known."""

    limit: Limit
    actual: int | None

    @property
    def holds(self) -> bool:
        """True if the figure is within the bounds. An unknown figure never is."""
        if self.actual is None:
            return False
        low, high = self.limit.least, self.limit.most
        return (low is None or self.actual >= low) and (high is None or self.actual <= high)

    def __str__(self) -> str:
        quantity = LIMITS[self.limit.quantity]
        parts = []
        for bound, holds, breaks in ((self.limit.least, ">=", "<"), (self.limit.most, "<=", ">")):
            if bound is not None:
                fits = self.actual is not None and (self.actual >= bound if holds == ">=" else self.actual <= bound)
                parts.append(f"{holds if fits else breaks if self.actual is not None else holds} {bound:,}")
        unit = " bytes" if quantity.is_size else ""
        counted = " with buffers" if self.limit.count == "all" else ""
        return (
            f"{quantity.noun}{counted} {'?' if self.actual is None else f'{self.actual:,}'} {' and '.join(parts)}{unit}"
        )


def metrics(analysis: Analysis) -> dict[str, int | str | None]:
    """Return the figures of a network that the machine-readable reports carry."""
    figures: dict[str, int | str | None] = {}
    for name, quantity in METRICS.items():
        value = quantity.measure(analysis)
        assert not isinstance(value, list)
        figures[name] = value
    return figures


def measure(analysis: Analysis, limit: Limit) -> Measured:
    """Measure the figure that a limit is about."""
    return Measured(limit, LIMITS[limit.quantity].number(analysis.at(limit.batch, limit.dtype), limit.setting))


def check(analysis: Analysis, policy: Policy) -> tuple[list[Measured], list[Finding]]:
    """Return every limit with its figure, and the findings in the order of the rules."""
    findings = [*_unused(analysis, policy), *_shapes(analysis, policy)]
    measured = [measure(analysis, limit) for limit in policy.limits]
    findings += [_over(analysis, result) for result in measured if not result.holds]
    findings += _kinds(analysis, policy)
    for claim in expected(analysis):
        if not claim.agrees:
            computed = (
                "x".join(map(str, claim.computed))
                if isinstance(claim.computed, list)
                else f"{claim.computed:,}"
                if claim.computed is not None
                else "not known"
            )
            findings.append(
                Finding(
                    "expect", "expect-wrong", "error",
                    f"{show(claim.source, 200)}: the file expects {claim.quantity} {show(claim.claimed)}, but it is {computed}",
                    "; ".join([*([f"{show(claim.claimed)} is {claim.reason}"] if claim.reason else []), *claim.working]),
                    claim.where.line if claim.where is not None else None,
                    claim.where.column if claim.where is not None else None,
                )
            )  # fmt: skip
    return measured, sorted(findings, key=lambda finding: RULES.index(finding.rule))


def _unused(analysis: Analysis, policy: Policy) -> list[Finding]:
    """Report layers that do not lead to an output if the policy requires something of the network."""
    rules = [limit.quantity for limit in policy.limits if limit.least is not None and limit.quantity != "depth"]
    rules += ["kinds"] if policy.required else []
    outputs = len(set(analysis.network.outputs))
    findings = []
    if rules and outputs > 1 and policy.output is None:
        text = f"the network has {outputs} outputs, and layers that lead to any of them count towards the requirements"
        findings.append(
            Finding(rules[0], "several-outputs", "warning", text, "add `output` to the policy to allow only one")
        )
    unused = _first_unused(analysis) if rules else None
    if unused is None:
        return findings
    name, place = show(unused.name, 100), unused.where
    line, column = (place.line, place.column) if place is not None else (None, None)
    text = f"{name} does not lead to an output, so it does not count towards the requirements"
    help = "use its output in a later step, or delete it"
    findings += [Finding(rule, "leads-nowhere", "error", text, help, line, column) for rule in dict.fromkeys(rules)]
    return findings


def _first_unused(analysis: Analysis) -> Node | None:
    used = set(analysis.network.outputs)
    nearest = None
    for node in reversed(analysis.network.nodes):
        if node.index in used:
            used.update(node.inputs)
        elif node.layer is not None:
            nearest = node
    return nearest


def _shapes(analysis: Analysis, policy: Policy) -> list[Finding]:
    network = analysis.network
    findings = []
    inputs = [node.output for node in network.inputs]
    if policy.input is not None and inputs != [policy.input]:
        got = ", ".join(map(str, inputs))
        findings.append(
            Finding(
                "input",
                "wrong-input",
                "error",
                f"the input is {got}, not {policy.input}",
                f"write `input: {policy.input}`",
            )
        )
    outputs = [network.nodes[index].output for index in network.outputs]
    if policy.output is not None and outputs != [policy.output]:
        got = ", ".join(map(str, outputs))
        help = f"end with `fc: {policy.output}`" if len(policy.output) == 1 else "change the last layer"
        findings.append(Finding("output", "wrong-output", "error", f"the output is {got}, not {policy.output}", help))
    return findings


def _over(analysis: Analysis, measured: Measured) -> Finding:
    limit, actual = measured.limit, measured.actual
    size = LIMITS[limit.quantity].is_size
    code = "over-budget"
    bound = limit.most
    if actual is None:
        return Finding(
            limit.quantity,
            "not-known",
            limit.level,
            f"{measured}: the figure is not known",
            "an unknown figure fails every limit",
            limit=bound,
        )
    if limit.least is not None and actual < limit.least:
        code, bound = "under-budget", limit.least
        short = limit.least - actual
        return Finding(
            limit.quantity,
            code,
            limit.level,
            str(measured),
            f"short by {_amount(short, size)}",
            limit=bound,
            actual=actual,
        )
    assert bound is not None
    help = f"over by {_amount(actual - bound, size)}" + advice(analysis, limit.quantity)
    return Finding(limit.quantity, code, limit.level, str(measured), help, limit=bound, actual=actual)


def _amount(number: int, size: bool) -> str:
    if not size:
        return f"{number:,}"
    return f"{number:,} bytes" + (f" ({format_bytes(number)})" if number >= 1000 else "")


def advice(analysis: Analysis, quantity: str) -> str:
    """Name the layer with the largest share, and what a global average pooling before it would save."""
    attribute = LIMITS[quantity].row
    if not attribute or not analysis.rows:
        return ""
    heaviest: Row = max(analysis.rows, key=lambda row: int(getattr(row, attribute)))
    part, whole = int(getattr(heaviest, attribute)), int(getattr(analysis.totals, attribute))
    if not whole or not part:
        return ""
    share = (200 * part + whole) // (2 * whole)
    text = f"; {share} % are in {show(heaviest.node.name, 100)}"
    layer = heaviest.node.layer
    if attribute in ("params", "weights") and isinstance(layer, FC):
        before = analysis.network.shapes(heaviest.node)[0]
        if before.rank >= 1 and before.size > before.channels:
            saved = (before.size - before.channels) * layer.units
            text += f"; a global average pooling before it saves {saved:,}"
    return text


def _kinds(analysis: Analysis, policy: Policy) -> list[Finding]:
    if not policy.forbidden and not policy.required:
        return []
    findings = []
    present = {row.node.kind: row for row in reversed(analysis.rows) if row.node.layer is not None}
    for kind, row in reversed(present.items()):
        word = next((word for word in policy.forbidden if _is(row.node, word)), None)
        if word is not None:
            named = f"`{show(kind)}`" + (f" ({word})" if word != kind else "")
            place = row.node.where
            findings.append(
                Finding(
                    "kinds", "forbidden-kind", "error",
                    f"{named} is not allowed; the first is {show(row.node.name, 100)}", "use another layer",
                    place.line if place is not None else None, place.column if place is not None else None,
                )
            )  # fmt: skip
    missing = [word for word in policy.required if not any(_is(row.node, word) for row in present.values())]
    if missing:
        members = families()
        meanings = [f"{word} means {quoted(members[word])}" for word in missing if len(members.get(word, ())) > 1]
        help = "; ".join(["add the missing layers", *meanings])
        findings.append(
            Finding("kinds", "missing-kind", "error", f"the network must use {quoted(missing, 'and')}", help)
        )
    return findings


def _is(node: Node, word: str) -> bool:
    """Return whether a layer is of a kind, or of a family of kinds."""
    return word == node.kind or (node.layer is not None and word in node.layer.families)


def growth(analysis: Analysis, base: Mapping[str, int], allowed: Sequence[tuple[str, int]]) -> list[Finding]:
    """Report growth beyond what is allowed, in hundredths of a percent of the base figures."""
    findings = []
    for quantity, most in allowed:
        before, after = base[quantity], measure(analysis, Limit(quantity)).actual
        name = LIMITS[quantity].noun
        if after is None:
            findings.append(Finding("growth", "not-known", "error", f"{name}: growth is not known"))
        elif (after - before) * 10_000 > before * most:
            bound = before + before * most // 10_000
            percent = f" ({(after - before) * 100 / before:+.2f} %)" if before else ""
            findings.append(
                Finding(
                    "growth", "grown", "error",
                    f"{name} {after:,} > {bound:,}: it was {before:,}{percent}, and at most +{most / 100:g} % is allowed",
                    f"over by {after - bound:,}" + advice(analysis, quantity), limit=bound, actual=after,
                )
            )  # fmt: skip
    return findings
