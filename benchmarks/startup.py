"""CPU time of whole cnncalc processes, as a ratio to the time to import the dependencies.

This builds a wheel, installs it into a fresh virtual environment, and times each command alternately with
`python -c "import click, rich.console, rich.table, yaml"`, so that the ratios are stable on a busy machine.
The terminal is a real one (a pty). Usage: python benchmarks/startup.py [--runs 15] [--python VENV/bin/python]
"""

from __future__ import annotations

import argparse
import os
import pty
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DEPS = "import click, rich.console, rich.table, yaml"
CASES = [
    # name, arguments, whether on a terminal, bound on the ratio
    ("analyze vgg16 on a terminal", ["analyze", "vgg16"], True, 1.3),
    ("analyze vgg16 piped", ["analyze", "vgg16"], False, 0.85),
    ("analyze vgg16 --format json", ["analyze", "vgg16", "--format", "json"], False, 0.85),
    ("list piped", ["list"], False, 0.85),
    ("--help", ["--help"], False, 0.7),
    ("--version", ["--version"], False, 0.7),
]


def installed(folder: Path) -> Path:
    """Return the Python of a fresh virtual environment in which cnncalc is installed from a wheel."""
    subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True)
    python = folder / "venv" / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "-q", str(ROOT)], check=True)
    return python


def cpu_seconds(command: list[str], terminal: bool) -> float:
    """Return the user and system time of one run of a command. Its output is read and discarded."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    if terminal:
        parent, child = pty.openpty()
        environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "80"}
        process = subprocess.Popen(command, stdout=child, stderr=subprocess.DEVNULL, env=environment)
        os.close(child)
        reader = threading.Thread(target=_drain, args=(parent,))
        reader.start()
        process.wait()
        reader.join()
        os.close(parent)
    else:
        subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _drain(parent: int) -> None:
    try:
        while os.read(parent, 65536):
            pass
    except OSError:
        return  # the other end is closed


def main() -> None:
    """Print the median CPU milliseconds, the median ratio and the bound of each case."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--python", type=Path, help="a Python with cnncalc installed (default: a new environment)")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        python = asked.python or installed(Path(folder))
        script = str(python.parent / "cnncalc")
        base = [str(python), "-c", DEPS]
        os.chdir(folder)
        print(f"{'command':<32} {'ms':>6} {'ratio to dependencies':>22} {'bound':>6}")
        for what, arguments, terminal, bound in CASES:
            command = [script, *arguments]
            cpu_seconds(command, terminal), cpu_seconds(base, False)
            pairs = [(cpu_seconds(command, terminal), cpu_seconds(base, False)) for _ in range(asked.runs)]
            ratio = statistics.median(a for a, _ in pairs) / statistics.median(b for _, b in pairs)
            print(f"{what:<32} {statistics.median(a for a, _ in pairs) * 1e3:>6.0f} {ratio:>22.2f} {bound:>6}")


if __name__ == "__main__":
    main()
