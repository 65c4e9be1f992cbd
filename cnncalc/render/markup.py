"""The layer table for documents: Markdown and LaTeX."""

from __future__ import annotations

from collections.abc import Sequence

from cnncalc.analyses.claims import expected, published
from cnncalc.analyses.totals import Analysis
from cnncalc.render.columns import COLUMNS, Folded
from cnncalc.render.ranking import rank_lines
from cnncalc.render.report import Options, figure
from cnncalc.text import show

LATEX = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}",
}  # fmt: skip
MARKDOWN = "\\`*_{}[]<>#|!~&$"


def _rows(result: Analysis, options: Options) -> list[list[str]]:
    """Return the cells of every line and of the totals, with names in full."""
    columns = [COLUMNS[name] for name in options.columns]
    shown, others = rank_lines(result, options.depth, options.ranking)
    rows = [
        [show(line.name, 10**6), *[column.text(line, result, options.exact) for column in columns]]
        for line in [*shown, *([others] if others is not None else [])]
    ]
    every = Folded("total", 0, result.rows)
    rows.append(
        [
            "total so far" if options.partial else "total",
            *[column.text(every, result, options.exact) if column.quantity else "" for column in columns],
        ]
    )
    return rows


def _titles(options: Options) -> list[str]:
    return ["layer", *[COLUMNS[name].title for name in options.columns]]


def markdown_text(text: str) -> str:
    """Escape the signs of Markdown and HTML."""
    return "".join("\\" + char if char in MARKDOWN else char for char in text).replace("\n", " ")


def to_markdown(result: Analysis, options: Options) -> str:
    """Return a GitHub-flavoured Markdown table with a heading, totals, and published and expected figures."""
    aligned = ["---", *["---:" if COLUMNS[name].right else "---" for name in options.columns]]
    lines = [f"### {markdown_text(show(result.network.title))}", ""]
    for node in result.network.inputs:
        lines += [f"Input: {markdown_text(node.output.words())}", ""]
    if result.network.one_run:
        lines += [markdown_text(show(result.network.one_run, 400)), ""]
    lines += [pipe(_titles(options)), pipe(aligned)]
    *rows, total = _rows(result, options)
    lines += [pipe([markdown_text(cell) for cell in row]) for row in rows]
    lines.append(pipe([f"**{cell}**" if cell else "" for cell in total]))
    lines.append("")
    for claim in [*([] if options.partial else published(result)), *expected(result)]:
        verdict = "agrees" if claim.agrees else "**does not agree**"
        source = markdown_text(show(claim.source, 100))
        lines.append(
            f"- {source}: {claim.quantity} {markdown_text(show(claim.claimed))}, computed {figure(claim)}: {verdict}"
            + (f" ({markdown_text(claim.reason)})" if claim.reason else "")
        )
    return "\n".join(lines).rstrip() + "\n"


def pipe(cells: Sequence[str]) -> str:
    """Return one row of a Markdown table."""
    return "| " + " | ".join(cells) + " |"


def latex_text(text: str) -> str:
    """Escape the signs of TeX."""
    return "".join(LATEX.get(char, char) for char in text)


def to_latex(result: Analysis, options: Options) -> str:
    """Return a `tabular` in booktabs style, for a slide or paper (\\usepackage{booktabs})."""
    shape = "l" + "".join("r" if COLUMNS[name].right else "l" for name in options.columns)
    *rows, total = _rows(result, options)
    lines = [f"% {show(result.network.title)}", f"\\begin{{tabular}}{{{shape}}}", "\\toprule"]
    if result.network.one_run:
        lines.insert(1, f"% {show(result.network.one_run, 400)}")
    lines += [
        _ampersand(_titles(options)),
        "\\midrule",
        *[_ampersand(row) for row in rows],
        "\\midrule",
        _ampersand(total),
    ]
    return "\n".join([*lines, "\\bottomrule", "\\end{tabular}"]) + "\n"


def _ampersand(cells: Sequence[str]) -> str:
    row = " & ".join(latex_text(cell) for cell in cells) + r" \\"
    return "{}" + row if row[:1] in ("[", "*") else row  # after `\\`, TeX would read them as its argument
