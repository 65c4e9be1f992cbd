"""A comparison as a readable report: a sentence, totals side by side, and the layers as a diff."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from cnncalc.analyses.compare import Pair, Total, largest
from cnncalc.analyses.quantities import COMPARED
from cnncalc.analyses.totals import Analysis, Row
from cnncalc.layers.fields.notation import spell
from cnncalc.network import Network
from cnncalc.render.columns import percent
from cnncalc.render.data import changes_data, row_data
from cnncalc.render.lines import Grid, Line, caveat
from cnncalc.text import plural, show

if TYPE_CHECKING:
    from cnncalc.analyses.quantities import Value

WORDS = {
    "params": ("parameter", "parameters"),
    "activations": ("activation", "activations"),
    "macs": ("multiply-add", "multiply-adds"),
}
LONGEST = 40  # characters of a name, because it is the heading of a column
MARKS = {"same": " ", "changed": "~", "added": "+", "removed": "-"}
STYLES = {"same": "dim", "changed": "note", "added": "good", "removed": "bad"}


def title(analysis: Analysis) -> str:
    """Return the name of a network, or where it was read, and what was set in it."""
    network = analysis.network
    name = show(network.title, LONGEST)
    if len(network.changes) == 1:
        changed = network.changes[0]
        return f"{name} with {show(changed.layer)}.{changed.field} {spell(changed.value)}"
    return f"{name} with {len(network.changes)} fields set" if network.changes else name


def titles(analyses: Sequence[Analysis], typed: Sequence[str]) -> list[str]:
    """Return distinct names. If two are the same, use the specifications as `typed`, and number them if necessary."""
    names = [title(analysis) for analysis in analyses]
    if len(set(names)) < len(names):
        names = [show(text, LONGEST) for text in typed]
    if len(set(names)) < len(names):
        names = [f"{name} ({number})" for number, name in enumerate(names, 1)]
    return names


def sentence(names: Sequence[str], analyses: Sequence[Analysis], totals: Sequence[Total]) -> str:
    """Describe in a sentence how the second network compares with the first.

    "B has 12x fewer parameters and 3.1x more activations. 89 % of A's parameters are in fc6."
    """
    first, second = names[:2]
    compared = [total for total in totals if total.quantity in WORDS]
    if not compared:
        text = ""
    elif any(total.differs or None in total.values[:2] for total in compared):
        text = f"{second} has {_listed([_times(total) for total in compared])}."
    else:
        text = f"Both have the same number of {_listed([WORDS[total.quantity][1] for total in compared])}."
    heaviest = largest(analyses[0])
    if heaviest is not None and any(total.quantity == "params" for total in totals):
        row, part, whole = heaviest
        text += f" {percent(part, whole)} of {first}'s parameters are in {show(row.node.name)}."
    return text.strip()


def _times(total: Total) -> str:
    ratio = total.ratio()
    a, b = total.values[0], total.values[1]
    one, many = WORDS[total.quantity]
    if a is None or b is None:
        return f"an unknown number of {many}"
    if a == b:
        return f"the same number of {many}"
    if ratio is None:
        return f"{plural(b, one, many) if isinstance(b, int) else many} instead of none"
    if not ratio:
        return f"no {many}"
    more, factor = ("more", ratio) if ratio > 1 else ("fewer", 1 / ratio)
    if factor < 1.1:
        return f"{percent(abs(int(total.difference() or 0)), a if isinstance(a, int) else 1)} {more} {many}"
    digits = f"{factor:.1f}" if factor < 10 else f"{factor:,.0f}"
    return f"{digits.removesuffix('.0')}x {more} {many}"


def _listed(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else ", ".join(parts[:-1]) + " and " + parts[-1]


def value_text(quantity: str, value: Value) -> str:
    """Format a value of the totals exactly."""
    if value is None:
        return "?"
    if isinstance(value, list):
        return "x".join(map(str, value))
    return f"{value:,} B" if COMPARED[quantity].is_size else f"{value:,}"


def difference_text(total: Total, number: int) -> str:
    """Format the difference between a network and the first, `=` if there is none."""
    difference = total.difference(number)
    return "" if difference is None else "=" if difference == 0 else f"{difference:+,}"


def ratio_text(total: Total, number: int) -> str:
    """Format the ratio of a network to the first; empty if they are equal."""
    ratio = total.ratio(number)
    if ratio is None or total.values[0] == total.values[number]:
        return ""
    return f"{ratio:.3g}x" if ratio < 1000 else f"{ratio:,.0f}x"


def report(
    names: Sequence[str],
    analyses: Sequence[Analysis],
    totals: Sequence[Total],
    pairs: Sequence[Pair] | None,
    glyphs: dict[str, str],
) -> list[Line]:
    """Return the whole comparison as lines. `pairs` is None if there are more than two networks."""
    lines: list[Line] = []
    if len(analyses) == 2:
        lines += [[(sentence(names, analyses, totals), "name")], []]
    heads = ["", *names]
    for name in names[1:]:
        heads += ["difference", "ratio"] if len(names) == 2 else [f"{name} / {names[0]}"]
    for network in [analysis.network for analysis in analyses if len(analysis.network.changes) > 1]:
        lines += [*[[(f"set: {changed}", "note")] for changed in network.changes], []]
    for analysis in analyses:
        lines += [*caveat(analysis.network.one_run), []] if analysis.network.one_run else []
    grid = Grid(heads, [False] + [True] * (len(heads) - 1))
    for total in totals:
        cells = [total.quantity.replace("_", " "), *[value_text(total.quantity, value) for value in total.values]]
        for number in range(1, len(names)):
            cells += [difference_text(total, number)] if len(names) == 2 else []
            cells.append(ratio_text(total, number))
        grid.add(cells, "" if total.differs else "dim")
    lines += grid.lines(glyphs)
    if pairs is not None:
        lines += [[], *_diff(pairs, [analysis.network for analysis in analyses])]
    lines += [
        [],
        [(" memory: feature maps of the whole batch.  macs: multiply-accumulates per example.", "dim")],
        [(" receptive field: the largest of any feature map that does not see the whole input.", "dim")],
    ]
    return lines


def _diff(pairs: Sequence[Pair], networks: Sequence[Network]) -> list[Line]:
    """List the layers that differ, with the number of identical ones between them."""
    lines: list[Line] = []
    same = 0
    for pair in pairs:
        if pair.change == "same":
            same += 1
            continue
        lines += _same(same)
        same = 0
        if pair.change == "changed":
            assert pair.left is not None
            assert pair.right is not None
            before, after = _described(pair.left), _described(pair.right)
            if before.partition("  ")[2] == after.partition("  ")[2]:  # only their inputs differ
                before, after = before + _sources(pair.left, networks[0]), after + _sources(pair.right, networks[1])
            lines.append([(f" ~ {before}", "note")])
            lines.append([(f"   {after}", "note")])
        else:
            row = pair.left or pair.right
            assert row is not None
            lines.append([(f" {MARKS[pair.change]} {_described(row)}", STYLES[pair.change])])
    return [*lines, *_same(same)]


def _same(count: int) -> list[Line]:
    return [[(f"   ... {plural(count, 'identical layer')}", "dim")]] if count else []


def _described(row: Row) -> str:
    node = row.node
    fields = node.layer.format_fields() if node.layer is not None else ""
    params = f", {row.params:,} params" if row.params else ""
    return f"{show(node.name, 200)}  {node.kind}{': ' + fields if fields else ''} -> {node.output}{params}"


def _sources(row: Row, network: Network) -> str:
    return f"  from {source_names(row, network)}"


def source_names(row: Row, network: Network) -> str:
    """Return the names of a layer's inputs."""
    return ", ".join(show(network.nodes[index].name, 200) for index in row.node.inputs)


def data(analyses: Sequence[Analysis], totals: Sequence[Total], pairs: Sequence[Pair] | None) -> dict[str, Any]:
    """Return the comparison as JSON data (`cnncalc.comparison/1`). `b` and `difference` are those of the second network."""
    from cnncalc import __version__

    changes = [changes_data(analysis.network) for analysis in analyses]
    return {
        "format": "cnncalc.comparison/1",
        "cnncalc": __version__,
        "specs": [analysis.network.spec for analysis in analyses],
        "names": [analysis.network.name for analysis in analyses],
        **{key: [change[key] for change in changes] for key in changes[0]},
        "totals": [
            {
                "quantity": total.quantity,
                "a": total.values[0],
                "b": total.values[1],
                "difference": total.difference(),
                "ratio": total.ratio(),
                "values": list(total.values),
            }
            for total in totals
        ],
        "layers": None
        if pairs is None
        else [
            {
                "change": pair.change,
                "a": row_data(analyses[0], pair.left) if pair.left is not None else None,
                "b": row_data(analyses[1], pair.right) if pair.right is not None else None,
            }
            for pair in pairs
        ],
        "one_run": [analysis.network.one_run or None for analysis in analyses],
        "notes": [[problem.text for problem in analysis.network.warnings] for analysis in analyses],
    }


def markdown(
    names: Sequence[str], analyses: Sequence[Analysis], totals: Sequence[Total], pairs: Sequence[Pair] | None
) -> str:
    """Return the comparison as GitHub-flavoured Markdown, for a pull request."""
    from cnncalc.render.markup import markdown_text, pipe

    lines = [f"**{markdown_text(sentence(names, analyses, totals))}**", ""] if len(analyses) == 2 else []
    names = [markdown_text(name) for name in names]
    extra = ["difference", "ratio"] if len(names) == 2 else [f"{name} / {names[0]}" for name in names[1:]]
    for analysis in analyses:
        lines += [markdown_text(show(analysis.network.one_run, 400)), ""] if analysis.network.one_run else []
    lines += [pipe(["", *names, *extra]), pipe(["---", *["---:"] * (len(names) + len(extra))])]
    for total in totals:
        cells = [total.quantity.replace("_", " "), *[value_text(total.quantity, value) for value in total.values]]
        cells += [difference_text(total, 1)] if len(names) == 2 else []
        cells += [ratio_text(total, number) for number in range(1, len(names))]
        lines.append(pipe(cells))
    if pairs is not None:
        found = _diff(pairs, [analysis.network for analysis in analyses])
        diff = "".join("".join(text for text, _ in line)[1:] + "\n" for line in found)
        lines += ["", "```diff", diff.replace("```", "'''").rstrip("\n"), "```"]
    return "\n".join(lines) + "\n"
