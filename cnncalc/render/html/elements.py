"""Elements of HTML. All text is escaped; only what these functions return is markup."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from cnncalc.text import show

LONGEST = 1000  # characters of a name; readers accept only far shorter ones


class Html(str):
    """Markup. Any other text is escaped before it becomes part of a page."""

    __slots__ = ()


def element(tag: str, *content: str, **attributes: str | bool | None) -> Html:
    """Return an element with its content, and attributes in order; a trailing `_` in a name is dropped, and `_` inside
    it becomes `-`.

    An attribute that is None or False is left out, and one that is True has no value.

    >>> element("td", "a < b", class_="n")
    '<td class="n">a &lt; b</td>'
    """
    return Html(opening(tag, **attributes) + joined(content) + f"</{tag}>")


def opening(tag: str, **attributes: str | bool | None) -> Html:
    """Return a start tag, or an element that has no content.

    >>> opening("details", open=True, data_block="3")
    '<details open data-block="3">'
    """
    opening = tag
    for name, value in attributes.items():
        if value is None or value is False:
            continue
        key = name.rstrip("_").replace("_", "-")
        opening += f" {key}" if value is True else f' {key}="{escape(value)}"'
    return Html(f"<{opening}>")


def joined(parts: Iterable[str], separator: str = "") -> Html:
    """Join markup and texts, which are escaped."""
    return Html(separator.join(part if isinstance(part, Html) else escape(part, quote=False) for part in parts))


def safe(text: object, longest: int = LONGEST) -> Html:
    """Return untrusted text as one line of markup in which no character is invisible.

    >>> safe("<b>" + chr(8238))
    '&lt;b&gt;\\\\u202e'
    """
    return Html(escape(show(text, longest)))
