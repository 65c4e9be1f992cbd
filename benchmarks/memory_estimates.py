"""Estimates of the peak memory of a training step, compared with measurements on fifteen torchvision networks.

* torchinfo's "Estimated Total Size": input + parameters + twice the outputs of the layers with parameters (torchinfo 1.8)
* "outputs x 2": the same with the outputs of all layers
* the lecture's rule: twice CS231n's feature maps (values and gradients) + twice the parameters
* cnncalc: a replay of the allocation and release of every storage

Measurements: torchvision 0.28 on torch 2.13, CUDA dispatch, SGD (tests/reference/memory.json).
With --amp: the step under autocast to float16 on fake CUDA tensors, compared with the same step in float32.
Usage: python benchmarks/memory_estimates.py [--amp]     (prints a Markdown table of docs/memory.md)
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from cnncalc.analyses.memory.peak import train
from cnncalc.analyses.totals import Analysis, analyze
from cnncalc.problem import Source
from cnncalc.readers.yaml.reader import read
from tests.memory_specs import SPECS


def torchinfo(analysis: Analysis, batch: int) -> int:
    """Return input, parameters and twice the outputs of the layers with parameters, in bytes of float32."""
    outputs = sum(row.node.output.size for row in analysis.rows if row.params)
    return 4 * (analysis.extent.size * batch + analysis.totals.params + 2 * outputs * batch)


def outputs_twice(analysis: Analysis, batch: int) -> int:
    """Return input, parameters and twice the outputs of all layers, in bytes of float32."""
    outputs = sum(row.node.output.size for row in analysis.rows[1:])
    return 4 * (analysis.extent.size * batch + analysis.totals.params + 2 * outputs * batch)


def lecture(analysis: Analysis, batch: int) -> int:
    """Return twice the feature maps and twice the parameters, in bytes of float32."""
    return 4 * 2 * (analysis.totals.activations * batch + analysis.totals.params)


def mixed(records: Sequence[Mapping[str, Any]]) -> None:
    """Print the memory that mixed precision takes and saves, measured and predicted."""
    print(
        "| network | batch | float32 | mixed, measured | of float32 | cnncalc | off by | kept for backward, of float32 |"
    )
    print("|---|---:|---:|---:|---:|---:|---:|---:|")
    for record in records:
        network, batch = read(Source(record["model"], SPECS[record["model"]])), record["batch"]
        full, measured = record["train"]["sgd"]["peak_bytes"], record["amp"]["float16"]["sgd"]["peak_bytes"]
        kept = record["amp"]["float16"]["end_of_forward"] / record["train"]["act_bytes_end_fwd"]
        peak = train(network, batch, amp="float16").peak.live
        cells = [
            f"{full:,}",
            f"{measured:,}",
            f"{measured / full:.2f}x",
            f"{peak:,}",
            f"{peak - measured:,}",
            f"{kept:.2f}x",
        ]
        print(f"| {record['model']} | {batch} | {' | '.join(cells)} |")


def main() -> None:
    """Print the table."""
    records = json.loads((ROOT / "tests" / "reference" / "memory.json").read_text())["records"]
    if sys.argv[1:] == ["--amp"]:
        mixed(records)
        return
    print("| network | batch | measured | torchinfo | outputs x 2 | lecture's rule | cnncalc | off by |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|")
    for record in records:
        network = read(Source(record["model"], SPECS[record["model"]]))
        analysis, batch = analyze(network), record["batch"]
        measured = record["train"]["sgd"]["peak_bytes"]
        estimates = [torchinfo(analysis, batch), outputs_twice(analysis, batch), lecture(analysis, batch)]
        peak = train(network, batch).peak.live
        cells = [f"{estimate / measured:.2f}x" for estimate in estimates]
        print(f"| {record['model']} | {batch} | {measured:,} | {' | '.join(cells)} | {peak:,} | {peak - measured:,} |")


if __name__ == "__main__":
    main()
