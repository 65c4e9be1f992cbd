"""Mutants of two small ONNX files, reproducible from a seed. `check` must handle all of them.

Usage: python tests/oracle/onnx_mutants.py 20000 [--seed 1] [--keep FOLDER]; exit status 1 and the mutants in FOLDER where
one survives.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT))  # as a script
if os.environ.get("CNNCALC_REQUIRE_ORACLES") != "1":
    pytest.importorskip("onnx", reason="onnx, which writes these files, is not installed")

from cnncalc.analyses.budget import Limit, Policy
from cnncalc.checking.submission import Checked, Task, check_file
from cnncalc.problem import Source
from cnncalc.readers.yaml.reader import Overrides, read
from cnncalc.render.checks import FORMATS, Entry, Report, render
from cnncalc.writers.onnx.writer import serialize
from tests.mutants import HOSTILE

SPECS = {
    "image": "input: 16x16x3\nlayers: [{conv: {filters: 4, kernel: 3, stride: 2}}, batchnorm, silu, channelshuffle: 2, "
    "{mul: {value: prev, gate: [globalavgpool, {fc: 4}, sigmoid]}}, {resize: 9x9}, {maxpool: 2}, {fc: 5}]\n",
    "words": "input: 6\nlayers: [{embedding: {vocab: 9, dim: 8}}, classtoken, {attention: 2}, layernorm, "
    "{lstm: {units: 3, returns: last}}, softmax]\n",
}
FILES = {name: serialize(read(Source("net.yaml", text), Overrides({}, {}))) for name, text in SPECS.items()}
NUMBERS = [0, 1, 2, 3, 7, 8, 10, 15, 18, 26, 34, 42, 58, 66, 90, 127, 128, 129, 255]
SECONDS = 1.0
TASK = Task(Policy(limits=(Limit("params", most=100), Limit("macs", most=10**12))), metrics=True)


def flipped(dice: random.Random, data: bytes) -> bytes:
    """Replace some bytes."""
    out = bytearray(data)
    for _ in range(dice.choice([1, 1, 1, 2, 5, 30])):
        out[dice.randrange(len(out))] = dice.choice([dice.randrange(256), dice.choice(NUMBERS)])
    return bytes(out)


def cut(dice: random.Random, data: bytes) -> bytes:
    """Remove, repeat or move a piece."""
    first, last = sorted((dice.randrange(len(data) + 1), dice.randrange(len(data) + 1)))
    piece, rest = data[first:last], data[:first] + data[last:]
    place = dice.randrange(len(rest) + 1)
    choices = [rest, data[:last], data[first:], data[:last] + piece + data[last:], rest[:place] + piece + rest[place:]]
    return dice.choice(choices)


def swapped(dice: random.Random, data: bytes) -> bytes:
    """Replace a word of the file by another word of the same length."""
    words = [b"Conv", b"Relu", b"Gemm", b"Mul", b"Add", b"Shape", b"Clip", b"LSTM", b"Flatten", b"Reshape", b"Resize",
             b"Sigmoid", b"Expand", b"Concat", b"Gather", b"MaxPool", b"Softmax", b"axis", b"perm", b"mode", b"axes",
             b"pads", b"group", b"strides", b"alpha", b"conv1", b"fc1", b"input"]  # fmt: skip
    present = [word for word in words if word in data]
    old = dice.choice(present)
    new = dice.choice(
        [word for word in words if len(word) == len(old)] + [bytes(dice.choices(b"\x1b[m:#\n", k=len(old)))]
    )
    return data.replace(old, new, dice.choice([1, 1, -1]))


def resized(dice: random.Random, data: bytes) -> bytes:
    """Replace a protobuf number by a very large or negative one of another length."""
    place = dice.randrange(len(data))
    large = dice.choice(
        [b"\xff" * 9 + b"\x01", b"\x80" * 8 + b"\x40", b"\xff\xff\x03", b"\x80\x80\x80\x80\x10", b"\xff" * 20]
    )
    return data[:place] + large + data[place + dice.choice([0, 1]) :]


KINDS: list[Callable[[random.Random, bytes], bytes]] = [flipped, flipped, cut, swapped, resized]


def mutants(count: int, seed: int) -> Iterator[tuple[str, bytes]]:
    """Yield mutants: a description of each change, and the bytes."""
    dice = random.Random(seed)
    for _ in range(count):
        name, change = dice.choice(sorted(FILES)), dice.choice(KINDS)
        data = change(dice, FILES[name])
        if dice.random() < 0.3:
            data = (
                dice.choice(KINDS)(dice, data) if len(data) > 1 and any(w in data for w in (b"input", b"fc1")) else data
            )
        yield f"{name} {change.__name__}", data


def fault(path: Path) -> tuple[str, str, Checked]:
    """Return what went wrong when a file was checked ("" for nothing), and its status."""
    start = time.process_time()
    checked = check_file(str(path), TASK)
    seconds = time.process_time() - start
    found = ""
    if any(finding.code == "internal-error" for finding in checked.findings):
        found = checked.findings[0].message
    elif checked.status not in ("passed", "failed", "error"):
        found = f"status {checked.status}"
    elif checked.status != "passed" and not checked.findings:
        found = "no finding"
    elif seconds > SECONDS:
        found = f"{seconds:.1f} seconds"
    return found, checked.status, checked


def reports(checked: list[Checked]) -> str:
    """Return the hostile text in the reports of these files, in any format."""
    import unicodedata

    entries = [Entry(one.path, one.status, one.metrics, one.measured, one.findings) for one in checked]
    for form in FORMATS:
        text = render(form, Report(TASK.policy, TASK.policy.rules, entries))
        bad = [char for char in text if unicodedata.category(char) in HOSTILE and char != "\n"]
        if bad or "##[" in text:
            return f"{form}: {bad[:3]!a}"
    return ""


def main() -> int:
    """Try a number of mutants."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("count", type=int)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", default=tempfile.gettempdir())
    asked = parser.parse_args()
    seen: Counter[str] = Counter()
    bad = 0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "mutant.onnx")
        for number, (what, data) in enumerate(mutants(asked.count, asked.seed)):
            path.write_bytes(data)
            found, status, checked = fault(path)
            found = found or reports([checked])
            seen[status] += 1
            if found:
                bad += 1
                Path(asked.keep, f"mutant-{asked.seed}-{number}.onnx").write_bytes(data)
                print(f"{number} {what}: {found}")
    print(", ".join(f"{count:,} {status}" for status, count in sorted(seen.items())) + f"; {bad} faults")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
