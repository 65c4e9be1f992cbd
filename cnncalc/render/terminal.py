"""Styled lines on a terminal, through rich. The only module that imports it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import IO

from rich.console import Console, ConsoleOptions
from rich.segment import Segment
from rich.style import Style

from cnncalc.render.lines import Line, wrapped

STYLES = {
    "": "", "name": "bold", "title": "bold", "rule": "dim", "dim": "dim", "block": "bold blue", "total": "bold",
    "good": "green", "bad": "bold red", "note": "yellow", "bar": "cyan", "conv": "cyan", "dense": "magenta", "pool": "green",
    "merge": "yellow",
}  # fmt: skip


class Lines:
    """A rich renderable of lines, which are never cropped."""

    def __init__(self, lines: Iterable[Line]) -> None:
        self.lines = lines

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Segment]:
        styles = {name: Style.parse(style) for name, style in STYLES.items()}
        end = Segment("\n")
        for line in self.lines:
            for text, style in line:
                yield Segment(text, styles[style])
            yield end


def print_lines(lines: list[Line], stream: IO[str]) -> None:
    """Print lines with colour as far as the terminal has it; sentences are broken between words where it ends."""
    try:
        width = os.get_terminal_size(stream.fileno()).columns
    except OSError:
        width = 0
    # a size keeps the console from looking for one in the environment
    console = Console(file=stream, width=80, height=24, markup=False, highlight=False, emoji=False)
    console.print(Lines(wrapped(lines, width) if width else lines), crop=False, soft_wrap=True, end="")
