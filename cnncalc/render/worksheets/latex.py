"""Worksheets as a LaTeX document for pdflatex."""

from __future__ import annotations

from collections.abc import Sequence

from cnncalc.render.markup import latex_text
from cnncalc.render.worksheets.words import heading, is_right_aligned, labels, titles, workings
from cnncalc.teaching.worksheet import Worksheet

BLANK = r"\blank"
ROOM = 3  # columns of figures that fit on a page in portrait
PREAMBLE = r"""
\usepackage[utf8]{inputenc}
\usepackage[margin=2cm]{geometry}
\usepackage{array}
\usepackage{booktabs}
\usepackage{longtable}
\setlength{\parindent}{0pt}
\pagestyle{plain}
\newcommand{\blank}{\rule[-0.4ex]{BLANK}{0.4pt}}
\renewcommand{\arraystretch}{1.35}
\begin{document}
"""
# letters that the default fonts have or can compose; other characters are written as their code points
LETTERS = "ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÑÒÓÔÕÖØÙÚÛÜÝßàáâãäåæçèéêëìíîïñòóôõöøùúûüýÿŁłŚśŠšŽžČčĆćŃńŘřŮůŐőŰűĞğİıŞş"


def render(sheets: Sequence[Worksheet], key: bool) -> str:
    """Return one document with a page or more for each worksheet."""
    wide = len(sheets[0].columns) > ROOM
    return (
        rf"\documentclass[a4paper,{'landscape,' if wide else ''}10pt]{{article}}"
        + PREAMBLE.replace("BLANK", "1.8cm" if wide else "2.2cm")
        + "\n\\newpage\n".join(_sheet(sheet, key) for sheet in sheets)
        + "\\end{document}\n"
    )


def safe(text: str) -> str:
    """Escape the signs of TeX, and the characters that the fonts do not have.

    >>> safe("50 % of ü"), safe("漢")
    ('50 \\\\% of ü', '[U+6F22]')
    """
    shown = "".join(char if char.isascii() or char in LETTERS else f"[U+{ord(char):04X}]" for char in text)
    return latex_text(shown).replace("--", "-{}-").replace("'", "{'}").replace("`", "{`}").replace('"', "{''}")


def _sheet(sheet: Worksheet, key: bool) -> str:
    columns = "".join(r">{\raggedleft\arraybackslash}r" if is_right_aligned(name) else "l" for name in sheet.columns)
    shape = r">{\raggedright\arraybackslash}p{3.2cm}l>{\raggedright\arraybackslash}p{4.2cm}" + columns
    head = " & ".join(map(safe, titles(sheet))) + r" \\"
    lines = [rf"\section*{{{safe(heading(sheet, key))}}}"]
    if not key:
        lines += [r"Name: \rule{7cm}{0.4pt}\par\medskip"]
    lines += [safe(sheet.inputs) + r"\par"]
    lines += [rf"\begin{{longtable}}{{@{{}}{shape}@{{}}}}", r"\toprule", head, r"\midrule", r"\endhead"]
    for row in sheet.rows:
        cells = [
            safe(cell.text) if cell.question is None else rf"\textbf{{{safe(cell.answer)}}}" if key else BLANK
            for cell in row.cells
        ]
        if row.name == "total" and row is sheet.rows[-1]:
            lines.append(r"\midrule")
        lines.append("{}" + " & ".join([*map(breakable, labels(row)), *cells]) + r" \\")
    lines += [r"\bottomrule", r"\end{longtable}"]
    lines += _working(sheet) if key else [_meanings(sheet)]
    return "\n".join(lines) + "\n"


def breakable(text: str) -> str:
    """Escape a name, and let it break after the dots and underscores of paths."""
    return safe(text).replace(".", r".\allowbreak{}").replace(r"\_", r"\_\allowbreak{}").replace(" = ", "~=~")


def _meanings(sheet: Worksheet) -> str:
    return "\n".join(
        rf"{{\small \textbf{{{safe(title)}}}: {safe(meaning)}.\par}}" for title, meaning in sheet.meanings
    )  # fmt: skip


def _working(sheet: Worksheet) -> list[str]:
    lines = [r"{\small\raggedright"]
    for row in sheet.rows:
        shown = workings(row)
        if shown:
            lines.append(rf"\textbf{{{breakable(labels(row)[0])}}}\par")
        lines += [rf"\hangindent=2em\quad {safe(text)}\par" for text in shown]
    return [*lines, "}"]
