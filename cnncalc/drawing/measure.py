"""The width of text in Helvetica, so that a layout knows what fits without a font file.

Source of the widths: the font metrics (AFM) that Adobe published for the 14 standard fonts of PostScript. Arial, Liberation
Sans and Nimbus Sans have the same widths.
"""

from __future__ import annotations

from functools import lru_cache

from cnncalc.text import cells

# thousandths of the font size, for the characters from space to tilde
_REGULAR = (
    278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278,
    556, 556, 556, 556, 556, 556, 556, 556, 556, 556, 278, 278, 584, 584, 584, 556,
    1015, 667, 667, 722, 722, 667, 611, 778, 722, 278, 500, 667, 556, 833, 722, 778,
    667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469, 556,
    333, 556, 556, 500, 556, 556, 278, 556, 556, 222, 222, 500, 222, 833, 556, 556,
    556, 556, 333, 500, 278, 556, 500, 722, 500, 500, 500, 334, 260, 334, 584,
)  # fmt: skip
_BOLD = (
    278, 333, 474, 556, 556, 889, 722, 238, 333, 333, 389, 584, 278, 333, 278, 278,
    556, 556, 556, 556, 556, 556, 556, 556, 556, 556, 333, 333, 584, 584, 584, 611,
    975, 722, 722, 722, 722, 667, 611, 778, 722, 278, 556, 722, 611, 833, 722, 778,
    667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 333, 278, 333, 584, 556,
    333, 556, 611, 556, 611, 556, 333, 611, 611, 278, 278, 556, 278, 889, 611, 611,
    611, 611, 389, 556, 333, 611, 556, 778, 556, 556, 500, 389, 280, 389, 584,
)  # fmt: skip
_OTHERS = {
    "×": 584,
    "−": 584,
    "–": 556,
    "—": 1000,
    "·": 278,
    "…": 1000,
    "→": 1000,
    "⌊": 333,
    "⌋": 333,
    "²": 333,
    "÷": 549,
}
_UNKNOWN = 667  # about a capital letter
_WIDE = 1000  # East Asian characters are as wide as the font is high

ASCENT, DESCENT = 0.74, 0.22  # above and below the baseline, as fractions of the font size
ELLIPSIS = "..."


@lru_cache(maxsize=4096)
def measure(text: str, size: float, bold: bool = False) -> float:
    """Return the width of a line of text in points.

    >>> round(measure("3x3 conv", 10), 2)
    40.02
    >>> measure("3x3 conv", 10, bold=True) > measure("3x3 conv", 10)
    True
    """
    table = _BOLD if bold else _REGULAR
    total = 0
    for char in text:
        code = ord(char)
        if 32 <= code < 127:
            total += table[code - 32]
        elif char in _OTHERS:
            total += _OTHERS[char]
        else:
            total += (0, _UNKNOWN, _WIDE)[min(cells(char), 2)]
    return total * size / 1000


def shorten(text: str, width: float, size: float, bold: bool = False) -> str:
    """Cut text in the middle so that it is at most `width` points wide; both ends of a name matter.

    >>> shorten("layer4.1.downsample.conv", 80, 10)
    'layer4.1...le.conv'
    """
    if measure(text, size, bold) <= width:
        return text
    keep = len(text) - 1
    while keep > 1:
        left = (keep + 1) // 2
        short = text[:left] + ELLIPSIS + text[len(text) - (keep - left) :]
        if measure(short, size, bold) <= width:
            return short
        keep -= 1
    return text[:1]


def wrap(text: str, width: float, size: float, bold: bool = False) -> list[str]:
    """Break text at spaces into lines of at most `width` points; a longer word is shortened.

    >>> wrap("2x2 max pool, 3x3 conv", 60, 10)
    ['2x2 max', 'pool, 3x3', 'conv']
    """
    lines: list[str] = []
    for word in text.split():
        if lines and measure(f"{lines[-1]} {word}", size, bold) <= width:
            lines[-1] = f"{lines[-1]} {word}"
        else:
            lines.append(shorten(word, width, size, bold))
    return lines
