"""Read a page back: its elements, and its tables as rows of text."""

from __future__ import annotations

from collections.abc import Iterator
from html.parser import HTMLParser

EMPTY = ("meta", "br", "link", "img", "input", "base", "hr")


class Element:
    """An element with its attributes, its parent, and its children, which are elements and texts in order."""

    def __init__(self, tag: str, attributes: dict[str, str], parent: Element | None) -> None:
        self.tag = tag
        self.attributes = attributes
        self.parent = parent
        self.children: list[Element | str] = []

    def __iter__(self) -> Iterator[Element]:
        """Yield every element inside, in the order of the page."""
        for child in self.children:
            if isinstance(child, Element):
                yield child
                yield from child

    def all(self, tag: str, name: str = "") -> list[Element]:
        """Return the elements inside with a tag, and with a class if one is named."""
        return [one for one in self if one.tag == tag and (not name or name in one.classes)]

    @property
    def classes(self) -> list[str]:
        """The classes of the element."""
        return self.attributes.get("class", "").split()

    @property
    def text(self) -> str:
        """All text inside, with blanks merged."""
        parts = [child if isinstance(child, str) else child.text for child in self.children]
        return " ".join(" ".join(parts).split())


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root = Element("", {}, None)
        self.open = self.root

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = Element(tag, {name: value or "" for name, value in attrs}, self.open)
        self.open.children.append(found)
        if tag not in EMPTY:
            self.open = found

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open.children.append(Element(tag, {name: value or "" for name, value in attrs}, self.open))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.tag == tag, f"</{tag}> in <{self.open.tag}>"
        assert self.open.parent is not None
        self.open = self.open.parent

    def handle_data(self, data: str) -> None:
        self.open.children.append(data)


def read(page: str) -> Element:
    """Parse a page in which every element is closed."""
    reader = _Reader()
    reader.feed(page)
    reader.close()
    assert reader.open is reader.root
    return reader.root


def table_rows(table: Element) -> list[Element]:
    """Return the rows of a table, without those that show the working of a layer."""
    return [row for row in table.all("tr") if "working" not in row.classes]


def rows_of(table: Element) -> list[list[str]]:
    """Return the text of each cell, without the marks of wrong expectations and the fields of layers."""
    return [
        [" ".join(_plain(cell).split()) for cell in row.children if isinstance(cell, Element)]
        for row in table_rows(table)
    ]


def _plain(inside: Element) -> str:
    kept = [one for one in inside.children if isinstance(one, str) or not {"bad", "kind"} & {*one.classes}]
    return " ".join(one if isinstance(one, str) else _plain(one) for one in kept)
