"""Growth of time with the number of layers: parsing compared with CSafeLoader, analysis per layer, and whole runs.

Whole runs have 10,000 and 100,000 layers. If onnx is installed, an ONNX file of 2,000 nodes is written, read and analysed, too.

Usage: python benchmarks/growth.py [--python VENV/bin/python]   (the Python that has cnncalc installed from a wheel)
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from startup import cpu_seconds, installed

HEAD = "input: 64x64x3\nlayers:\n"
STEP = "  - conv: {{filters: {0}, kernel: 3, pad: 1}}\n  - relu\n"


def flat(layers: int) -> str:
    """Return a file with this many layers, written out."""
    return HEAD + "".join(STEP.format(number % 50 + 1) for number in range(layers // 2))


def repeated(layers: int) -> str:
    """Return a file that repeats two layers."""
    return HEAD + f"  - {{seq: [conv: {{filters: 16, kernel: 3, pad: 1}}, relu], repeat: {layers // 2}}}\n"


def seconds(function: Callable[[], object], times: int) -> float:
    """Return the shortest CPU time of a call."""
    found = []
    for _ in range(times):
        start = time.process_time()
        function()
        found.append(time.process_time() - start)
    return min(found)


def first_analysis(text: str) -> float:
    """Return the CPU time to analyse a network none of whose layers is cached yet."""
    from cnncalc.analyses.totals import analyze
    from cnncalc.problem import Source
    from cnncalc.readers.yaml import layer_cache
    from cnncalc.readers.yaml.reader import read

    layer_cache.count_entries(layer_cache.MOST + 1)
    network = read(Source("x", text))
    return seconds(lambda: analyze(network), 1)


def inside() -> None:
    """Measure parsing and analysis in this process, which is run by the installed Python."""
    import gc

    import yaml

    from cnncalc.analyses.totals import analyze
    from cnncalc.loading import Spec, source_of
    from cnncalc.problem import Source
    from cnncalc.readers import Missing, ReaderOptions
    from cnncalc.readers.yaml.reader import read
    from cnncalc.readers.yaml.tree import parse

    gc.set_threshold(200_000, 50, 50)  # as in the program itself
    for what, text, times in (
        ("VGG-16's file", source_of(Spec("vgg16")).text, 200),
        ("10,000 layers", flat(10_000), 7),
    ):
        ours = seconds(lambda text=text: parse(Source("x", text)), times)
        theirs = seconds(lambda text=text: yaml.load(text, yaml.CSafeLoader), times)
        print(f"parse {what:<28} {ours * 1e3:>8.2f} ms {ours / theirs:>6.2f}x of CSafeLoader   bound 0.5")
    for layers in (1_000, 10_000, 100_000):
        took = min(first_analysis(flat(layers)) for _ in range(3))
        print(
            f"analyze {layers:>7,} layers {'':<14} {took * 1e3:>8.1f} ms {took / layers * 1e6:>6.1f} us a layer   bound 15"
        )
    try:
        from cnncalc.readers.onnx.reader import read_submission
        from cnncalc.writers.onnx.writer import serialize

        text = serialize(read(Source("x", flat(2_000))))
    except Missing:
        return
    took = seconds(lambda: analyze(read_submission(text, "x.onnx", ReaderOptions({}, {}))), 3)
    print(f"read and analyze 2,000 nodes of ONNX {took * 1e3:>8.1f} ms {'':<18}   bound 1,000")


def main() -> None:
    """Print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", type=Path, help="a Python with cnncalc installed (default: a new environment)")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        python = asked.python or installed(Path(folder))
        code = (
            f"import sys; sys.path.insert(0, {str(Path(__file__).parent.resolve())!r}); import growth; growth.inside()"
        )
        subprocess.run([str(python), "-c", code], check=True, cwd=folder)
        script = str(python.parent / "cnncalc")
        cases = [
            ("VGG-16", "vgg16"),
            ("10,000 layers", "big.yaml"),
            ("100,000 repeated", "r5.yaml"),
            ("1,000,000 repeated", "r6.yaml"),
        ]
        for name, text in (("big.yaml", flat(10_000)), ("r5.yaml", repeated(100_000)), ("r6.yaml", repeated(999_000))):
            (Path(folder) / name).write_text(text)
        base = 0.0
        for what, spec in cases:
            command = [script, "analyze", str(Path(folder) / spec) if spec.endswith("yaml") else spec]
            for terminal in (False, True):
                took = statistics.median(
                    cpu_seconds(command, terminal) for _ in range(5 if "000,000" not in what else 1)
                )
                base = base or took
                where = "terminal" if terminal else "piped"
                print(f"run {what:<20} {where:<10} {took * 1e3:>8.0f} ms {took / base:>6.1f}x of VGG-16 piped")


if __name__ == "__main__":
    main()
