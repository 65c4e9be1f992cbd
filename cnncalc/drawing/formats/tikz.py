r"""TikZ: a document that pdflatex compiles to a page of the picture's size, and whose `tikzpicture` can be pasted in a paper.

Coordinates are PostScript points from the top left. Every text is escaped, so that no name is read as a command.
"""

from __future__ import annotations

from collections.abc import Iterable

from cnncalc.drawing.formats.numbers import coordinate
from cnncalc.drawing.palette import color
from cnncalc.drawing.scene import Circle, Group, Item, Point, Polygon, Rect, Scene, Style, Text, arrow_head
from cnncalc.text import visible

ESCAPES = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "%": r"\%", "_": r"\_",
    "^": r"\textasciicircum{}", "~": r"\textasciitilde{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "|": r"\textbar{}", '"': r"\textquotedbl{}", "'": r"\textquotesingle{}", "`": r"\textasciigrave{}", "-": "{-}",
    "×": r"\texttimes{}", "÷": r"\textdiv{}", "−": "$-$", "–": r"\textendash{}", "—": r"\textemdash{}",
    "·": r"\textperiodcentered{}", "…": r"\dots{}", "→": r"$\to$", "⌊": r"$\lfloor$", "⌋": r"$\rfloor$",
    "²": r"\texttwosuperior{}", "[": "{[}", "]": "{]}",
}  # fmt: skip
ANCHORS = {"start": "base west", "middle": "base", "end": "base east"}
HEAD = r"""\documentclass{article}
\usepackage[paperwidth=%sbp, paperheight=%sbp, margin=0bp]{geometry}
\usepackage[T1]{fontenc}
\usepackage[utf8]{inputenc}
\usepackage{textcomp}
\usepackage{helvet}
\usepackage{tikz}
\renewcommand{\familydefault}{\sfdefault}
\pagestyle{empty}
\setlength{\parindent}{0bp}
\setlength{\topskip}{0bp}"""


def to_tikz(scene: Scene, theme: str = "light") -> str:
    """Return a standalone document. Its first lines describe the network in comments."""
    names = sorted({name for item, _ in scene.flat() for name in _names(item)} | {"page"})
    comments = [line for text in (scene.title, scene.description) for line in visible(text).splitlines()]
    lines = [f"% {comment}" for comment in comments]
    lines += [HEAD % (coordinate(scene.width), coordinate(scene.height))]
    lines += [f"\\definecolor{{{_color(name)}}}{{HTML}}{{{color(name, theme)[1:].upper()}}}" for name in names]
    lines += [r"\begin{document}", r"\begin{tikzpicture}[x=1bp, y=-1bp, inner sep=0pt, outer sep=0pt, line join=round]"]
    size = f"({coordinate(scene.width)}, {coordinate(scene.height)})"
    lines.append(rf"\useasboundingbox (0, 0) rectangle {size};")
    if theme == "dark":
        lines.append(rf"\fill[{_color('page')}] (0, 0) rectangle {size};")
    _write(scene.items, lines)
    return "\n".join([*lines, r"\end{tikzpicture}", r"\end{document}"]) + "\n"


def escape(text: str) -> str:
    r"""Escape text for LaTeX. A character that pdflatex has no glyph for becomes a question mark.

    >>> print(escape(r"a_1 \input{x} 50%"))
    a\_1 \textbackslash{}input\{x\} 50\%
    """
    found = []
    for char in visible(text):
        if char in ESCAPES:
            found.append(ESCAPES[char])
        elif " " <= char <= "~" or "À" <= char <= "ÿ":
            found.append(char)
        else:
            found.append("?")
    return "".join(found)


def _names(item: Item) -> Iterable[str]:
    """Return the names of the colours of a primitive."""
    if isinstance(item, Text):
        return (item.color,)
    return [name for name in (item.style.fill, item.style.stroke) if name] if not isinstance(item, Group) else ()


def _color(name: str) -> str:
    return f"cnn {name.replace('-', ' ')}"


def _point(point: Point) -> str:
    return f"({coordinate(point[0])}, {coordinate(point[1])})"


def _write(items: Iterable[Item], lines: list[str]) -> None:
    for item in items:
        if isinstance(item, Group):
            if item.name:
                lines.append(f"% {visible(item.name)}")
            _write(item.items, lines)
        else:
            lines += _primitive(item)


def _primitive(item: Item) -> list[str]:
    if isinstance(item, Text):
        bold = r"\bfseries " if item.bold else ""
        font = rf"\fontsize{{{coordinate(item.size)}bp}}{{{coordinate(item.size * 1.2)}bp}}\selectfont"
        return [
            rf"\node[anchor={ANCHORS[item.anchor]}, text={_color(item.color)}] at {_point((item.x, item.y))} "
            rf"{{{font}{{}}{bold}{escape(item.text)}}};"
        ]
    assert not isinstance(item, Group)
    if not item.style.opacity:
        return []  # what is invisible is only for tooltips
    style = _style(item.style)
    if isinstance(item, Rect):
        round = f", rounded corners={coordinate(item.radius)}bp" if item.radius else ""
        corner = _point((item.x + item.width, item.y + item.height))
        return [rf"\path[{style}{round}] {_point((item.x, item.y))} rectangle {corner};"]
    if isinstance(item, Circle):
        return [rf"\path[{style}] {_point((item.x, item.y))} circle[radius={coordinate(item.radius)}bp];"]
    if isinstance(item, Polygon):
        return [rf"\path[{style}] {' -- '.join(map(_point, item.points))} -- cycle;"]
    points, head = arrow_head(item)
    if item.curved:
        line = _point(points[0]) + "".join(
            f" .. controls {_point(points[k])} and {_point(points[k + 1])} .. {_point(points[k + 2])}"
            for k in range(1, len(points) - 2, 3)
        )
    else:
        line = " -- ".join(map(_point, points))
    lines = [rf"\path[{style}] {line};"]
    if head:
        lines.append(rf"\fill[{_color(item.style.stroke)}] {' -- '.join(map(_point, head))} -- cycle;")
    return lines


def _style(style: Style) -> str:
    parts = []
    if style.fill:
        parts.append(f"fill={_color(style.fill)}")
    if style.stroke:
        parts += [f"draw={_color(style.stroke)}", f"line width={coordinate(style.width)}bp"]
    if style.dash:
        on_off = zip(style.dash[::2], style.dash[1::2], strict=True)
        parts.append("dash pattern=" + " ".join(f"on {coordinate(on)}bp off {coordinate(off)}bp" for on, off in on_off))
    if style.opacity != 1:
        parts.append(f"opacity={coordinate(style.opacity)}")
    return ", ".join(parts)
