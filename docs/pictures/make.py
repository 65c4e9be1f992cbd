"""Draw the pictures of the README and the docs anew: `python docs/pictures/make.py`, from the root of a checkout."""

from __future__ import annotations

import re
import subprocess
import sys
from io import StringIO
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

HERE = Path(__file__).parent
BLACK, RED, GREEN, YELLOW, BLUE, MAGENTA, CYAN, WHITE = (
    (60, 64, 72), (224, 108, 117), (152, 195, 121), (229, 192, 123), (97, 175, 239), (198, 120, 221), (86, 182, 194),
    (220, 223, 228),
)  # fmt: skip
THEME = TerminalTheme((30, 33, 39), WHITE, [BLACK, RED, GREEN, YELLOW, BLUE, MAGENTA, CYAN, WHITE])
SCREENS = {
    "analyze.svg": (["analyze", "vgg16", "--depth", "1"], 114),
    "error.svg": (["analyze", "-e", "32x32x3 -> CONV3-16 -> POOL4 -> CONV11-32p0 -> FC-10"], 100),
}
# file -> the arguments of `cnncalc draw`; a test compares the files with what is drawn
DRAWINGS = {
    "vgg16.svg": "vgg16",
    "unet.svg": "unet --view volumes",
    "resnet18.svg": "resnet18 --view volumes --show params,macs",
    "resnet50.svg": "resnet50",
    "halves.svg": "unet",
    "heat.svg": "resnet18 --color-by macs",
    "changes.svg": "resnet34 --against resnet18",
    "layer.svg": "alexnet --layer conv1",
    "field.svg": "vgg16 --receptive-field Stage3.conv3",
    "memory.svg": "resnet18 --view memory --batch 8",
}


def screen(words: list[str], columns: int) -> str:
    """Return what a terminal shows of a command, as SVG that loads nothing from elsewhere."""
    done = subprocess.run(
        [sys.executable, "-m", "cnncalc", *words, "--color", "always"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
        encoding="utf-8",
        env={"PATH": "", "COLUMNS": str(columns), "PYTHONPATH": ".", "PYTHONUTF8": "1", "COLORTERM": "truecolor"},
    )
    console = Console(record=True, width=columns, file=StringIO(), force_terminal=True)
    typed = " ".join(f'"{word}"' if " " in word else word for word in words)
    console.print(Text(f"$ cnncalc {typed}"))
    console.print(Text.from_ansi(done.stdout.rstrip()))
    drawn = console.export_svg(title="cnncalc", theme=THEME, unique_id="screen")
    return re.sub(r"@font-face \{.*?\}", "", drawn, flags=re.DOTALL).replace("Fira Code", "DejaVu Sans Mono")


def main() -> None:
    """Write every picture."""
    for name, (words, columns) in SCREENS.items():
        (HERE / name).write_text(screen(words, columns), encoding="utf-8")
    for name, words in DRAWINGS.items():
        command = [sys.executable, "-m", "cnncalc", "draw", *words.split(), "--theme", "auto", "-o", str(HERE / name)]
        subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
