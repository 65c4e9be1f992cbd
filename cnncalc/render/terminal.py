"""Styled lines on a terminal, with rich. No other module imports rich."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import IO

from rich.console import Console, ConsoleOptions
from rich.segment import Segment
from rich.style import Style

from cnncalc.render.lines import Line

STYLES = {
    "": "", "name": "bold", "title": "bold", "rule": "dim", "dim": "dim", "block": "bold blue", "total": "bold",
    "good": "green", "bad": "bold red", "note": "yellow", "bar": "cyan", "conv": "cyan", "dense": "magenta", "pool": "green",
    "merge": "yellow",
}  # fmt: skip


class Lines:
    """A rich renderable of lines that are never cropped."""

    def __init__(self, lines: Iterable[Line]) -> None:
        self.lines = lines

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Segment]:
        styles = {name: Style.parse(style) for name, style in STYLES.items()}
        end = Segment("\n")
        for line in self.lines:
            for text, style in line:
                yield Segment(text, styles[style])
            yield end


def print_lines(lines: list[Line], stream: IO[str], forced: bool = False) -> None:
    """Print lines with the colours that the terminal supports, or with the eight standard colours if `forced`."""
    # with a size, the console does not look for one in the environment
    console = Console(
        file=stream,
        width=80,
        height=24,
        markup=False,
        highlight=False,
        emoji=False,
        no_color=False,
        force_terminal=True,
        color_system="standard" if forced else "auto",
    )
    console.print(Lines(lines), crop=False, soft_wrap=True, end="")
