"""The cost of ONNX files: `analyze resnet50.onnx` as a ratio to `analyze resnet50`, and long chains of convolutions.

The ratio is one of CPU seconds (medians of alternating runs), and one of instructions if valgrind is installed. The bound on
both is 2. The time for each convolution of a chain should not depend on how many there are.
Usage: python benchmarks/read_onnx.py [--runs 15] [--python VENV/bin/python]
"""

from __future__ import annotations

import argparse
import os
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # as a script

from tests.readers.onnx.encoder import model, node, tensor

FILE = ROOT / "tests" / "reference" / "onnx" / "tv_resnet50.onnx"
LENGTHS = (1250, 2500, 5000, 9999)
BOUND = 2.0


def seconds(command: Sequence[str]) -> float:
    """Return the CPU time of one run of a command. Its output is discarded."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def instructions(command: Sequence[str]) -> int:
    """Return the number of instructions of one run of a command."""
    valgrind = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"]
    run = subprocess.run(
        [*valgrind, *command], capture_output=True, text=True, check=True, env={**os.environ, "PYTHONHASHSEED": "0"}
    )
    found = re.search(r"Collected : (\d+)", run.stderr)
    assert found is not None
    return int(found[1])


def chain(count: int) -> bytes:
    """Return a model that consists of convolutions."""
    names = ["x", *[f"v{number}" for number in range(count - 1)], "y"]
    nodes = [
        node("Conv", f"{names[number]} w{number}", names[number + 1], kernel_shape=[3, 3], pads=[1, 1, 1, 1])
        for number in range(count)
    ]
    return model(nodes, [tensor(f"w{number}", (3, 3, 3, 3)) for number in range(count)])


def main() -> None:
    """Print both ratios and their bound, and the time for each convolution of each chain."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--python", default=sys.executable, help="a Python with cnncalc installed (default: this one)")
    asked = parser.parse_args()
    analyze = [asked.python, "-c", "from cnncalc.__main__ import main; main()", "analyze"]
    read, plain = [*analyze, str(FILE)], [*analyze, "resnet50"]
    os.chdir(ROOT)
    pairs = [(seconds(read), seconds(plain)) for _ in range(asked.runs + 1)][1:]  # the first pair compiles the modules
    a, b = statistics.median(one for one, _ in pairs), statistics.median(other for _, other in pairs)
    print(f"{'':<26} {'resnet50.onnx':>14} {'resnet50':>14} {'ratio':>6} {'bound':>6}")
    print(f"{'CPU milliseconds':<26} {a * 1e3:>14.0f} {b * 1e3:>14.0f} {a / b:>6.2f} {BOUND:>6}")
    if shutil.which("valgrind"):
        a, b = instructions(read), instructions(plain)
        print(f"{'million instructions':<26} {a / 1e6:>14.0f} {b / 1e6:>14.0f} {a / b:>6.2f} {BOUND:>6}")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "chain.onnx"
        path.write_bytes(chain(1))
        start = min(seconds([*analyze, str(path), "--get", "params"]) for _ in range(3))
        for count in LENGTHS:
            path.write_bytes(chain(count))
            spent = seconds([*analyze, str(path), "--get", "params"]) - start
            print(f"{count:>6,} convolutions {spent:>8.2f} s, {spent / count * 1e6:.0f} microseconds each")


if __name__ == "__main__":
    main()
