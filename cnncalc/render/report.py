"""An analysis as a readable report: the layer table, totals, published figures, notes, and definitions."""

from __future__ import annotations

from collections.abc import Sequence

from cnncalc.analyses.claims import Claim, expected, published
from cnncalc.analyses.pattern import pattern
from cnncalc.analyses.totals import Analysis, Row
from cnncalc.network import Network
from cnncalc.render.columns import COLUMNS, DEFAULT, Folded
from cnncalc.render.lines import Grid, Line, bar, caveat
from cnncalc.render.ranking import Ranking, rank_lines
from cnncalc.shape import Shape
from cnncalc.text import plural, show
from cnncalc.units import format_bytes, format_count

LONGEST_PATTERN = 160  # characters

BAR = 12
WIDEST_OUTPUT = 24  # characters of the output shapes in the line of totals
LONGEST = 1000  # characters of a name; readers accept only far shorter ones
STYLE = {
    "conv": "conv", "depthwise": "conv", "convtranspose": "conv", "fc": "dense", "linear": "dense", "lstm": "dense",
    "gru": "dense", "rnn": "dense", "attention": "dense", "maxpool": "pool", "avgpool": "pool", "globalavgpool": "pool",
    "globalmaxpool": "pool", "adaptiveavgpool": "pool", "adaptivemaxpool": "pool", "add": "merge", "mul": "merge",
    "concat": "merge",
}  # fmt: skip


class Options:
    """The options of a report."""

    def __init__(
        self,
        columns: Sequence[str] = DEFAULT,
        depth: int | None = None,
        exact: bool = False,
        bars: bool = False,
        partial: bool = False,
        ranking: Ranking | None = None,
    ) -> None:
        self.columns = columns
        self.depth = depth
        self.exact = exact
        self.bars = bars
        self.partial = partial  # the network ends where a layer did not fit
        self.ranking = ranking


def report(analysis: Analysis, options: Options, glyphs: dict[str, str]) -> list[Line]:
    """Return the whole report as lines."""
    lines = heading(analysis.network)
    lines += table(analysis, options, glyphs)
    lines.append([])
    lines += totals(analysis, options)
    if not options.partial:
        lines += claims(published(analysis), "published by", glyphs)
    lines += claims(expected(analysis), "expected of", glyphs)
    lines += notes(analysis.rows)
    lines += meanings(options)
    return lines


def heading(network: Network) -> list[Line]:
    """Return the name, the source, and the input in words."""
    name = show(network.title)
    lines: list[Line] = [[(name, "name")]]
    if network.source:
        lines.append([(show(network.source, 200), "dim")])
    for node in network.inputs:
        label = "input" if node.name == "input" else f"input {show(node.name)}"
        lines.append([(f"{label}: {node.output.words()}", "dim")])
    lines += [[(f"set: {changed}", "note")] for changed in network.changes]
    lines += caveat(network.one_run)
    lines.append([])
    return lines


def table(analysis: Analysis, options: Options, glyphs: dict[str, str]) -> list[Line]:
    """Return the layers as a tree of blocks, with a line of totals."""
    columns = [COLUMNS[name] for name in options.columns]
    titles = ["layer", *[column.title for column in columns]]
    right = [False, *[column.right for column in columns]]
    texts = [column.text for column in columns]
    if options.bars:
        titles.append("of params")
        right.append(False)
    grid = Grid(titles, right)
    empty = [""] * (len(titles) - 1)
    exact, whole = options.exact, analysis.totals.params
    open_path: list[str] = []
    shown, others = rank_lines(analysis, options.depth, options.ranking)
    for line in [*shown, *([others] if others is not None else [])]:
        path = line.name.split(".") if options.ranking is None else [line.name]
        blocks = path[:-1]
        if blocks != open_path:
            same = 0
            while same < min(len(blocks), len(open_path)) and blocks[same] == open_path[same]:
                same += 1
            for level in range(same, len(blocks)):
                grid.add(["  " * level + show(blocks[level], LONGEST), *empty], "block")
            open_path = blocks
        label = "  " * len(blocks) + show(path[-1], LONGEST)
        cells = [label, *[text(line, analysis, exact) for text in texts]]
        folded = len(line.rows) > 1
        if options.bars:
            params = line.total("params")
            share = COLUMNS["share"].text(line, analysis, exact) if params else ""
            cells.append(f"{share:>7} {bar(params, whole, BAR, glyphs)}" if share else "")
        look = "dim" if line is others else "block" if folded else STYLE.get(line.last.node.kind, "")
        styles = [look, *["dim" if cell in ("0", "0 B", "0 %") else "" for cell in cells[1:]]]
        if options.bars:
            styles[-1] = "bar"
        grid.add(cells, styles)
    grid.rule()
    every = Folded("total", 0, analysis.rows)
    sums = [column.text(every, analysis, exact) if column.quantity else "" for column in columns]
    outputs = analysis.network.outputs
    ends = ", ".join([str(analysis.network.nodes[index].output) for index in outputs])
    for place, name in enumerate(options.columns):
        if name == "output" and not options.partial:  # the shapes of many outputs would make the whole column wide
            sums[place] = ends if len(ends) <= WIDEST_OUTPUT or len(outputs) == 1 else f"{len(outputs)} outputs"
    label = "total so far" if options.partial else "total"
    grid.add([label, *sums, *([""] if options.bars else [])], "total")
    return grid.lines(glyphs)


def totals_rows(analysis: Analysis, options: Options) -> list[tuple[str, int, str]]:
    """Return the totals, each with its name and what it consists of, in words."""
    total = analysis.totals
    size = analysis.activation_bytes
    each = "" if analysis.batch == 1 else f" for a batch of {analysis.batch:,}"
    rows = [
        ("activations", total.activations, f"{_bytes(size, options)} of feature maps in {analysis.dtype}{each}"),
        (
            "params",
            total.params,
            f"{total.weights:,} weights + {total.biases:,} biases; "
            f"{_bytes(analysis.bytes(total.params), options)} in {analysis.dtype}",
        ),
        ("MACs", total.macs, _uncounted(total.uncounted) + "multiply-accumulates per example; FLOPs are 2 x MACs"),
    ]
    if total.trainable != total.params:
        rows.append(
            ("trainable", total.trainable, f"params that are trained; {total.params - total.trainable:,} are frozen")
        )
    if total.buffers:
        rows.append(("buffers", total.buffers, "running means and variances, not trained"))
    return rows if options.partial else [*rows, ("depth", total.depth, _depth(total.depth))]


def totals(analysis: Analysis, options: Options) -> list[Line]:
    """Return the totals with their units and parts, and the pattern of the layers."""
    rows = totals_rows(analysis, options)
    wide = max(len(f"{number:,}") for _, number, _ in rows)
    shown: list[Line] = []
    for name, number, words in rows:
        short = f"({format_count(number)})" if number >= 1000 and not options.exact else ""
        shown.append([(f" {name:<12}", ""), (f"{number:>{wide},}", "total"), (f" {short:<8} ", "dim"), (words, "dim")])
    if not options.partial:
        follows = pattern(analysis.network) or ""
        if "]*" in follows and len(follows) <= LONGEST_PATTERN:
            shown.append([(f" {'pattern':<12}", ""), (show(follows, LONGEST_PATTERN), "dim")])
    return shown


def _uncounted(layers: int) -> str:
    return f"at least, without {plural(layers, 'layer')} not known; " if layers else ""


def _depth(depth: int) -> str:
    return f"conv and fc {'layer' if depth == 1 else 'layers'} with weights on the longest path"


def _bytes(size: int, options: Options) -> str:
    return f"{size:,} bytes" if options.exact or size < 1000 else f"{size:,} bytes = {format_bytes(size)}"


def figure(claim: Claim) -> str:
    """Format the computed figure of a claim, exact and rounded."""
    if claim.computed is None:
        return "?"
    if isinstance(claim.computed, list):
        return str(Shape(claim.computed))
    if claim.quantity == "memory":
        return f"{claim.computed:,} bytes ({format_bytes(claim.computed)})"
    return f"{claim.computed:,}" + (f" ({format_count(claim.computed)})" if claim.computed >= 1000 else "")


def claims(checked: Sequence[Claim], by: str, glyphs: dict[str, str]) -> list[Line]:
    """Return claims with the computed figures, grouped by source."""
    lines: list[Line] = []
    source = None
    grid_width = max((len(figure(claim)) for claim in checked), default=0)
    claim_width = max((len(show(claim.claimed)) for claim in checked), default=0)
    name_width = max((len(claim.quantity) for claim in checked), default=0)
    for claim in checked:
        if claim.source != source:
            source = claim.source
            lines += [[], [(f" {by} {show(source, 100) or 'an unnamed source'}", "name")]]
        mark = glyphs["right"] if claim.agrees else glyphs["wrong"]
        verdict = "agrees" if claim.agrees else "does not agree" if by.startswith("published") else "is wrong"
        line = f"   {claim.quantity:<{name_width}}  {show(claim.claimed):>{claim_width}}   computed {figure(claim):<{grid_width}}"
        lines.append([(line, ""), (f"  {mark} {verdict}", "good" if claim.agrees else "bad")])
        if claim.reason:
            lines.append([(f"     it is {claim.reason}", "note")])
        lines += [[(f"     {shown}", "dim")] for shown in claim.working]
    return lines


def merge_notes(rows: Sequence[Row]) -> list[tuple[str, str]]:
    """Return the notes of the layers as (names, sentence), with equal sentences merged."""
    names: dict[str, list[str]] = {}
    for row in rows:
        for _, sentence in row.notes:
            names.setdefault(sentence, []).append(show(row.node.name, LONGEST))
        if row.node.shared is not None:
            owner = show(rows[row.node.shared].node.name, LONGEST)
            names.setdefault(f"reuses the weights of {owner}", []).append(show(row.node.name, LONGEST))
    return [
        (", ".join(where[:3]) + (f" and {plural(len(where) - 3, 'other')}" if len(where) > 3 else ""), sentence)
        for sentence, where in names.items()
    ]


def notes(rows: Sequence[Row]) -> list[Line]:
    """Return the notes of the layers as lines."""
    shown: list[Line] = [[(" note: ", "note"), (f"{names}: {text}", "")] for names, text in merge_notes(rows)]
    return [[], *shown] if shown else []


def meanings(options: Options) -> list[Line]:
    """Return what the words of this table mean."""
    words = [
        "activations: numbers written to new volumes, per example, input included;",
        "layers that can work in place (relu, dropout, batchnorm, ...) write none.",
        "params: weights + biases, without buffers.  MACs: without biases, norms and pooling.",
    ]
    if not {"saved", "live"}.isdisjoint(options.columns):
        words.append(
            "saved: bytes saved for backward.  live: bytes alive while the layer runs, in a training step with sgd."
        )
    if not {"moved", "intensity"}.isdisjoint(options.columns):
        words.append(
            "moved: bytes that a kernel reads and writes, with batch norms and activations inside.  per byte: operations, "
            "2 per multiply-add."
        )
    if "rf" in options.columns:
        words.append("receptive field: size/stride in input pixels; all: the whole input; ?: not known.")
    return [[], *[[(f" {line}", "dim")] for line in words]]


def shortfall(network: Network) -> str:
    """Return one line for a network that could not be finished."""
    return f"the table above ends after {plural(len(network.nodes) - 1, 'layer')}, at the last one that fits"
