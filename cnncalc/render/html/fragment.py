"""A fragment of a page: a `<div>` with its own styles, which affect nothing outside of it."""

from __future__ import annotations

from hashlib import sha256

from cnncalc.render.columns import percent
from cnncalc.render.html.assets import SORT, STYLE, script, style
from cnncalc.render.html.elements import Html, element, joined, safe


def fragment(*content: Html, blocks: int = 0) -> str:
    """Return the content as one `<div>` for a page that has other outputs, too.

    Its id is made from its content. Two equal outputs on one page have the same id, but they also have the same styles.
    """
    body = joined(content)
    name = "cnncalc-" + sha256(body.encode()).hexdigest()[:10]
    scope = f"#{name}"
    sheet = element("style", Html(style(scope, STYLE, blocks=blocks)))
    sorting = element("script", Html(script(scope, SORT))) if '<table class="layers"' in body else Html()
    return element("div", sheet, body, sorting, id=name)


def heading(title: str, *lines: str) -> Html:
    """Return a title with dim lines below it. The texts are untrusted."""
    return joined([element("h3", safe(title)), *[element("p", safe(line), class_="dim") for line in lines if line]])


def caveat(text: str) -> Html:
    """Return a warning about all figures; nothing if `text` is empty."""
    return element("p", element("span", "note: ", class_="note"), safe(text)) if text else Html()


def number(text: str, part: int = 0, whole: int = 0, *marks: Html) -> Html:
    """Return a cell with a number, and its share of the whole as a bar in the background."""
    if not part or not whole:
        return element("td", text, *marks, class_="n dim" if text in ("0", "0 B") else "n")
    return element("td", text, *marks, class_="n s", style=_share(part, whole), title=percent(part, whole))


def share(part: int, whole: int) -> Html:
    """Return a cell with a share in percent and its bar."""
    return element("td", percent(part, whole), class_="s wide", style=_share(part, whole))


def _share(part: int, whole: int) -> str:
    return "--share:" + f"{100 * part / whole:.1f}".removesuffix(".0")


def definitions(rows: list[tuple[str, str, str]]) -> Html:
    """Return a table of figures: a name, a number and a remark in each row."""
    lines = [
        element(
            "tr",
            element("th", name, scope="row"),
            element("td", figure, class_="n"),
            element("td", words, class_="dim"),
        )
        for name, figure, words in rows
    ]
    return element("div", element("table", element("tbody", *lines)), class_="scroll")
