"""The command that shows the figures of one choice."""

from __future__ import annotations

import shlex

from cnncalc.search.family import BATCH, Choice, Family
from cnncalc.search.question import Question

OF_MEMORY = ("memory", "training-memory", "inference-memory")
OPTIONS = {
    "inputs": "--input", "parameters": "-p", "arguments": "--arg", "batch_axes": "--batch-axis", "branches": "--branch",
}  # fmt: skip


def command(family: Family, question: Question, choice: Choice) -> str:
    """Return a command that prints the figures of a choice: `cnncalc analyze`, or `cnncalc memory` if memory is measured."""
    spec, options, run = family.spec, family.options, question.run
    of_memory = any(name in OF_MEMORY for name in question.measured)
    words = ["cnncalc", "memory" if of_memory else "analyze", *(["-e"] if spec.line else []), spec.text]
    varied = family.set_options(choice)
    names = {(axis.kind, axis.target) for axis in family.axes}
    for field, option in OPTIONS.items():
        for name, value in getattr(options, field).items():
            kind = {"inputs": "input", "parameters": "parameter"}.get(field, "")
            if (kind, name) not in names:
                words += [option, f"{name}={value}" if name else value]
    words += ["--compare-shapes"] if options.compare_shapes else []
    for change in options.changes:
        words += ["--set", change]
    for block in options.frozen:
        words += ["--freeze", block]
    words += varied
    with_batch = any(axis.kind == BATCH for axis in family.axes)
    if run.batch != 1 and not with_batch:
        words += ["--batch", str(run.batch)]
    if run.dtype != "float32":
        words += ["--dtype", run.dtype]
    if of_memory:
        words += ["--optimizer", run.optimizer] if run.optimizer != "sgd" else []
        words += ["--amp", run.amp] if run.amp else []
        words += ["--mode", run.mode] if "memory" in question.measured else []
    return shlex.join(words)
