"""Throughput of `check`: submissions of VGG's size, compared with CSafeLoader, and two processes compared with one.

The files differ in depth and width, and no file is checked twice. Times are CPU seconds for whole files on disk; each is the
minimum of several rounds with different files.
Usage: python benchmarks/check.py [--files 10000] [--rounds 5] [--python VENV/bin/python]
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ROUND = 500  # files
AIM = 2000  # files per second and core
SPEED_UP = 1.6  # by two processes
HEAD = "name: Submission {0}\ninput: 224x224x3\n"


def widths(dice: random.Random) -> list[list[int]]:
    """Return random filter counts for the convolutions of five stages, about the size of VGG-16."""
    return [[dice.randrange(8, 8 * 2**stage, 4) + 8 for _ in range(dice.randint(2, 3))] for stage in range(1, 6)]


def written_out(number: int) -> str:
    """Return a submission as a beginner writes it: one layer per line."""
    dice = random.Random(number)
    lines = [HEAD.format(number) + "layers:"]
    for stage in widths(dice):
        for filters in stage:
            lines += [f"  - conv: {{filters: {filters}, kernel: 3, pad: 1}}", "  - relu"]
        lines.append("  - maxpool: 2")
    lines += [f"  - fc: {dice.randrange(100, 5000)}", "  - relu", "  - dropout: 0.5"] * 2
    return "\n".join([*lines, "  - fc: 1000"]) + "\n"


def in_blocks(number: int) -> str:
    """Return the same network with a block for the stages, as in the shelf's vgg16.yaml."""
    dice = random.Random(number)
    text = HEAD.format(number) + "defaults: {conv: {kernel: 3, pad: 1}}\nblocks:\n  Stage(filters, convs):\n"
    text += "    - seq: [conv: $filters, relu]\n      repeat: $convs\n    - maxpool: 2\nlayers:\n"
    text += "".join(f"  - Stage: [{stage[0]}, {len(stage)}]\n" for stage in widths(dice))
    return text + f"  - seq: [fc: {dice.randrange(100, 5000)}, relu, dropout: 0.5]\n    repeat: 2\n  - fc: 1000\n"


def written(folder: Path, make: Callable[[int], str], files: int) -> Path:
    """Write a folder of submissions."""
    folder.mkdir()
    for number in range(files):
        (folder / f"s{number:05d}.yaml").write_text(make(number))
    return folder


def seconds(function: Callable[[str], object], paths: list[str]) -> float:
    """Return the CPU seconds of a call per path, from the fastest round."""
    found = []
    for first in range(0, len(paths), ROUND):
        start = time.process_time()
        for path in paths[first : first + ROUND]:
            function(path)
        found.append((time.process_time() - start) / ROUND)
    return min(found)


def inside(folder: str) -> None:
    """Print files per second in one process, next to CSafeLoader. It is run by the Python that `--python` names."""
    import gc

    import yaml

    from cnncalc.analyses.budget import Limit, Policy
    from cnncalc.checking.submission import Checked, Task, check_file

    gc.set_threshold(200_000, 50, 50)  # as in the program itself
    task = Task(Policy(limits=(Limit("params", most=10**9), Limit("macs", most=10**12))))

    def checked(path: str) -> Checked:
        found = check_file(path, task)
        assert found.status == "passed", found
        return found

    def loaded(path: str) -> object:
        with open(path, encoding="utf-8") as stream:
            return yaml.load(stream.read(), yaml.CSafeLoader)

    paths = [os.path.join(folder, name) for name in sorted(os.listdir(folder))]
    size = sum(os.path.getsize(path) for path in paths) // len(paths)
    ours, theirs = seconds(checked, paths), seconds(loaded, paths)
    layers = (check_file(paths[0], Task(Policy(), metrics=True)).metrics or {})["layers"]
    print(
        f"{os.path.basename(folder):<12} {size:>5} bytes, {layers} layers and so on: {1 / ours:>6,.0f} "
        f"files a second and core (aim {AIM:,}); {ours / theirs:.1f}x of CSafeLoader on the same files"
    )


RUN = """
import os, resource, sys
os.sched_setaffinity(0, range({cores}))
from cnncalc.cli import main
try:
    main()
finally:
    parts = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    print(*[part.ru_utime + part.ru_stime for part in parts])
"""


def command(python: str, folder: Path, cores: int) -> tuple[float, float]:
    """Return the wall seconds of the whole command on this many cores, and the CPU seconds of its longest path.

    The second figure is what the first would be on an idle machine: the parent's own work plus each worker's share of the rest.
    """
    start = time.perf_counter()
    words = ["check", str(folder), "--max-params", "1G", "--max-macs", "1T", "-o", os.devnull]
    done = subprocess.run([python, "-c", RUN.format(cores=cores), *words], check=True, capture_output=True, text=True)
    wall = time.perf_counter() - start
    own, workers = map(float, done.stdout.split())
    return wall, own + workers / cores


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=10_000, help="files for two processes against one")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--python", default=sys.executable, help="a Python with cnncalc's dependencies")
    asked = parser.parse_args()
    os.environ["PYTHONPATH"] = str(ROOT)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        for name, make in (("written out", written_out), ("in blocks", in_blocks)):
            where = written(folder / name, make, ROUND * asked.rounds)
            path = f"import sys; sys.path.insert(0, {str(Path(__file__).resolve().parent)!r})"
            code = f"{path}; import check; check.inside({str(where)!r})"
            subprocess.run([asked.python, "-c", code], check=True)
        many = written(folder / "many", in_blocks, asked.files)
        runs = [[command(asked.python, many, cores) for cores in (1, 2)] for _ in range(asked.rounds)]
        for what, number in (("wall seconds", 0), ("CPU seconds on the longest way", 1)):
            one, two = (min(run[cores][number] for run in runs) for cores in (0, 1))
            print(
                f"{asked.files:,} files, {what}: {one:.2f} in one process, {two:.2f} in two: {one / two:.2f}x (aim {SPEED_UP}x)"
            )


if __name__ == "__main__":
    main()
