"""SVG: text stays text, colours are literal, and nothing is loaded from elsewhere.

Colours are presentation attributes, which every program understands; librsvg and CairoSVG ignore CSS variables. For the
theme `auto`, elements also have classes, which one `@media` block recolours where the reader prefers dark pages. The theme
`inherit` is for a picture within an HTML page: its colours follow the `color-scheme` of the element around it.
"""

from __future__ import annotations

from collections.abc import Iterable

from cnncalc.drawing.formats.numbers import coordinate
from cnncalc.drawing.palette import color
from cnncalc.drawing.scene import (
    Circle,
    Group,
    Item,
    Point,
    Polygon,
    Rect,
    Scene,
    Style,
    Text,
    arrow_head,
)
from cnncalc.text import visible

FONTS = "Helvetica, Arial, 'Liberation Sans', sans-serif"


def to_svg(scene: Scene, theme: str = "light") -> str:
    """Return the whole picture for the theme `light`, `dark`, `auto` or `inherit`."""
    page = _Page(theme)
    body: list[str] = []
    background = Rect(0, 0, scene.width, scene.height, Style(fill="page"), role="panel")
    page.write([background, *scene.items], body, "")
    wide, tall = coordinate(scene.width), coordinate(scene.height)
    head = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{wide}pt" height="{tall}pt" viewBox="0 0 {wide} {tall}" '
        f'role="img" font-family="{FONTS}" stroke-linejoin="round">',
        f"<title>{escape(scene.title)}</title>",
        f"<desc>{escape(scene.description)}</desc>",
    ]
    if theme == "auto":
        rules = "".join(
            f".{name}{{{kind}:{color(name.partition('-')[2], 'dark')}}}" for name, kind in sorted(page.classes.items())
        )
        head.append(f"<style>@media (prefers-color-scheme: dark) {{{rules}}}</style>")
    elif theme == "inherit":
        pairs = ((name, kind, name.partition("-")[2]) for name, kind in sorted(page.classes.items()))
        rules = "".join(
            f"svg .{name}{{{kind}:light-dark({color(ink, 'light')},{color(ink, 'dark')})}}" for name, kind, ink in pairs
        )
        head.append(f"<style>{rules}</style>")
    return "\n".join([*head, *body, "</svg>"]) + "\n"


def escape(text: str) -> str:
    """Escape text for XML, with characters that XML forbids made visible.

    >>> escape('<script>"&' + chr(1))
    '&lt;script&gt;&quot;&amp;\\\\x01'
    """
    return (
        visible(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")
    )  # fmt: skip


def _points(points: Iterable[Point]) -> str:
    return " ".join(f"{coordinate(x)},{coordinate(y)}" for x, y in points)


class _Page:
    """The lines of a picture, and the classes that they use with the property that each sets."""

    def __init__(self, theme: str) -> None:
        self.theme = theme
        self.classes: dict[str, str] = {}

    def write(self, items: Iterable[Item], lines: list[str], indent: str) -> None:
        for item in items:
            if isinstance(item, Group):
                lines.append(f"{indent}<g{self._data(item)}>")
                if item.title:
                    lines.append(f"{indent} <title>{escape(item.title)}</title>")
                self.write(item.items, lines, indent + " ")
                lines.append(f"{indent}</g>")
            else:
                lines += [indent + line for line in self.primitive(item)]

    @staticmethod
    def _data(group: Group) -> str:
        """Attributes by which a report finds the group of a layer or block."""
        name = f' data-name="{escape(group.name)}"' if group.name else ""
        return name + (f' data-layers="{" ".join(map(str, group.layers))}"' if group.layers else "")

    def primitive(self, item: Item) -> list[str]:
        """Return the elements of one primitive."""
        if isinstance(item, Text):
            anchor = "" if item.anchor == "start" else f' text-anchor="{item.anchor}"'
            bold = ' font-weight="bold"' if item.bold else ""
            return [
                f'<text x="{coordinate(item.x)}" y="{coordinate(item.y)}" font-size="{coordinate(item.size)}"{anchor}{bold}'
                f"{self.colors(item.color, '')}>{escape(item.text)}</text>"
            ]
        assert not isinstance(item, Group)
        style = self.style(item.style)
        if isinstance(item, Rect):
            round = f' rx="{coordinate(item.radius)}"' if item.radius else ""
            return [
                f'<rect x="{coordinate(item.x)}" y="{coordinate(item.y)}" width="{coordinate(item.width)}" '
                f'height="{coordinate(item.height)}"{round}{style}/>'
            ]
        if isinstance(item, Circle):
            return [
                f'<circle cx="{coordinate(item.x)}" cy="{coordinate(item.y)}" r="{coordinate(item.radius)}"{style}/>'
            ]
        if isinstance(item, Polygon):
            return [f'<polygon points="{_points(item.points)}"{style}/>']
        points, head = arrow_head(item)
        (x, y), rest = points[0], points[1:]
        steps = "C" if item.curved else "L"
        lines = [f'<path d="M{coordinate(x)},{coordinate(y)}{steps}{_points(rest)}"{style}/>']
        if head:
            lines.append(f'<polygon points="{_points(head)}"{self.colors(item.style.stroke, "")}/>')
        return lines

    def style(self, style: Style) -> str:
        """Return the attributes of a style."""
        text = self.colors(style.fill, style.stroke)
        if style.stroke and style.width != 1:
            text += f' stroke-width="{coordinate(style.width)}"'
        if style.dash:
            text += f' stroke-dasharray="{" ".join(map(coordinate, style.dash))}"'
        if style.opacity != 1:
            text += f' opacity="{coordinate(style.opacity)}"'
        return text

    def colors(self, fill: str, stroke: str) -> str:
        """Return the attributes of a fill and a stroke, with their classes where the theme needs them."""
        classes, attributes = [], ""
        for kind, name in (("fill", fill), ("stroke", stroke)):
            if not name:
                attributes += ' fill="none"' if kind == "fill" else ""
                continue
            attributes += f' {kind}="{color(name, self.theme)}"'
            if self.theme in ("auto", "inherit"):
                classes.append(f"{kind[0]}-{name}")
                self.classes[classes[-1]] = kind
        return attributes + (f' class="{" ".join(classes)}"' if classes else "")
