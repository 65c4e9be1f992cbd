"""Read a device from a file, or look it up in the table."""

from __future__ import annotations

import os
from typing import Any

from cnncalc.deploy.devices import BOARD, DEVICES, MCU, Device
from cnncalc.problem import Problem, Refused, Source
from cnncalc.readers import files
from cnncalc.readers.yaml.tree import Map, Scalar, Tree, parse, where
from cnncalc.text import did_you_mean, nearest, quoted, show
from cnncalc.units import DTYPES, parse_count, parse_size

KEYS = ("name", "memory", "storage", "bandwidth", "peaks", "source", "note")
SUFFIXES = (".yaml", ".yml", ".json")
EXAMPLE = "memory: 320KiB"


def device_named(text: str) -> Device:
    """Return a device of the table, or the one in a file.

    Raises:
        Problem: `bad-value` for an unknown name.
        Refused: The file cannot be read.
    """
    if text in DEVICES:
        return DEVICES[text]
    if text.endswith(SUFFIXES) or os.sep in text:
        return read_device(files.text(text))
    match = nearest(text, DEVICES)
    help = (
        f"did you mean `{match}`?"
        if match
        else f"the devices are {', '.join(DEVICES)}; or name a file such as device.yaml"
    )
    raise Problem("bad-value", f"no device named `{show(text)}`", help)


def read_device(source: Source) -> Device:
    """Read a device.

    Raises:
        Refused: With every mistake in the file.
    """
    try:
        tree = parse(source)
    except Refused as refused:
        for problem in refused.problems:
            if problem.code == "empty-file":
                problem.help = f"start with `{EXAMPLE}`"
        raise
    return _Reader(source).read(tree)


class _Reader:
    def __init__(self, source: Source) -> None:
        self.source = source
        self.problems: list[Problem] = []

    def problem(self, mark: Any, text: str, help: str) -> None:
        self.problems.append(Problem("bad-value", text, help, where=where(self.source, mark)))

    def read(self, tree: Tree) -> Device:
        if not isinstance(tree, Map):
            self.problem(tree.mark, f"a device must be a mapping; got {tree.what}", f"start with `{EXAMPLE}`")
            raise Refused(self.problems)
        for key in tree.items:
            if key not in KEYS:
                help = did_you_mean(key, KEYS) or f"the keys are {quoted(KEYS, 'and')}"
                self.problem(tree.keys[key], f"a device has no key `{show(key)}`", help)
        memory = self.size(tree, "memory")
        storage = self.size(tree, "storage")
        bandwidth = self.size(tree, "bandwidth", "/s")
        peaks = self.peaks(tree.items.get("peaks"))
        if memory is None and "memory" not in tree.items:
            self.problem(tree.mark, "a device needs `memory`, the bytes for activations", f"write `{EXAMPLE}`")
        if self.problems or memory is None:
            raise Refused(self.problems)
        name = self.text(tree, "name") or self.source.path
        kind = BOARD if storage is None else MCU
        source = self.text(tree, "source") or self.source.path
        return Device(name, name, kind, memory, storage, bandwidth, peaks, source, self.text(tree, "note"))

    def text(self, tree: Map, key: str) -> str:
        value = tree.items.get(key)
        if value is None:
            return ""
        if not isinstance(value, Scalar):
            self.problem(value.mark, f"{key} must be text; got {value.what}", f"write `{key}: ...` on one line")
            return ""
        return value.text

    def size(self, tree: Map, key: str, per: str = "") -> int | None:
        value = tree.items.get(key)
        if value is None:
            return None
        figure = parse_size(value.text.removesuffix("/s"), short=True) if isinstance(value, Scalar) else None
        if figure is None or not figure.value:
            got = f"`{show(value.text)}`" if isinstance(value, Scalar) else value.what
            what = "a size per second" if per else "a size"
            text = f"{key} must be {what}, with a unit and greater than 0; got {got}"
            self.problem(value.mark, text, f"write 320KiB{per}, 2MB{per} or 25.6GB{per}")
            return None
        return figure.value

    def peaks(self, tree: Tree | None) -> dict[str, int]:
        if tree is None:
            return {}
        if not isinstance(tree, Map):
            self.problem(
                tree.mark, f"peaks must map dtypes to numbers; got {tree.what}", "write `peaks: {int8: 1.92G}`"
            )
            return {}
        found = {}
        for dtype, value in tree.items.items():
            figure = parse_count(value.text) if isinstance(value, Scalar) else None
            if dtype not in DTYPES:
                help = did_you_mean(dtype, DTYPES) or f"the dtypes are {', '.join(DTYPES)}"
                self.problem(tree.keys[dtype], f"no dtype named `{show(dtype)}`", help)
            elif figure is None or not figure.value:
                got = f"`{show(value.text)}`" if isinstance(value, Scalar) else value.what
                text = f"the peak of {dtype} must be a number of operations per second greater than 0; got {got}"
                self.problem(value.mark, text, "write 1.92G or 65T, and count a multiply-add as two operations")
            else:
                found[dtype] = figure.value
        return found
