"""From the YAML of a model file to rows: scales, multiples, names among the arguments, and the layers that a row reads."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from math import isfinite
from typing import Any

from cnncalc.problem import Problem, Refused, Source, Where
from cnncalc.readers.limits import TRUSTED
from cnncalc.readers.ultralytics.row import LARGEST, MOST_REPEATS, Row, Sizes
from cnncalc.readers.yaml.tree import Map, Scalar, Seq, Tree, parse, where
from cnncalc.text import did_you_mean, quoted, show

MOST_ROWS = 2000
PARAMETERS = ("nc", "scale")
_INTEGER = re.compile(r"[-+]?[0-9]{1,12}")
_FLOAT = re.compile(r"[-+]?(?:[0-9]{1,20}\.?[0-9]{0,20}|\.[0-9]{1,20})(?:[eE][-+]?[0-9]{1,2})?")
_SCALE = re.compile(r"yolo(?:e-)?v?[0-9]+([nslmx])")  # in a file name
_WORDS = {"True": True, "true": True, "False": False, "false": False, "None": None, "null": None, "~": None, "": None}


def plain(tree: Tree) -> Any:
    """Return a part of the file as numbers, truth values, None, text, and lists of these. Mappings become None."""
    if isinstance(tree, Seq):
        return [plain(item) for item in tree.items]
    if isinstance(tree, Scalar):
        text = tree.text
        if tree.quoted:
            return _WORDS.get(text, text) if text in ("True", "False", "None") else text
        if text in _WORDS:
            return _WORDS[text]
        if _INTEGER.fullmatch(text):
            return int(text)
        return float(text) if _FLOAT.fullmatch(text) else text
    return None


class Definition:
    """The content of one model file."""

    def __init__(self, source: Source, parameters: Mapping[str, str]) -> None:
        self.source = source
        self.warnings: list[Problem] = []
        for name in parameters:
            if name not in PARAMETERS:
                text = f"an Ultralytics model has no parameter `{show(name)}`"
                raise Problem(
                    "bad-argument",
                    text,
                    did_you_mean(name, PARAMETERS) or f"its parameters are {quoted(PARAMETERS, 'and')}",
                )
        problems: list[Problem] = []
        tree = parse(source, TRUSTED, problems)
        if problems:
            raise Refused(problems)
        if not isinstance(tree, Map):
            raise Problem("bad-file", "the file is not a mapping", "write `backbone:` and `head:`")
        self.tree = tree
        self.sizes = self._sizes(parameters.get("scale", ""))
        self.classes = self._classes(parameters.get("nc", ""))
        self.activation = plain(tree.items["activation"]) if "activation" in tree.items else None
        self.bins = self._integer("reg_max", 16, 1, 1000)
        self.end_to_end = plain(tree.items["end2end"]) is True if "end2end" in tree.items else False
        self.channels = self._integer("channels", self._integer("ch", 3, 1, LARGEST), 1, LARGEST)
        self.rows = self._rows()

    def place(self, key: str) -> Where:
        """Return the place of a top-level value."""
        return where(self.source, self.tree.items[key].mark)

    def _number(self, value: Any, what: str, key: str) -> float:
        if (
            isinstance(value, bool)
            or not isinstance(value, (int, float))
            or not isfinite(value)
            or not 0 < value <= LARGEST
        ):
            raise Problem("bad-value", f"{what} must be a positive number; got `{show(value)}`", where=self.place(key))
        return float(value)

    def _integer(self, key: str, default: int, least: int, most: int) -> int:
        if key not in self.tree.items:
            return default
        value = plain(self.tree.items[key])
        if type(value) is not int or not least <= value <= most:
            text = f"`{key}` must be a whole number from {least:,} to {most:,}; got `{show(value)}`"
            raise Problem("bad-value", text, where=self.place(key))
        return value

    def _classes(self, given: str) -> int:
        if given:
            if not given.isdecimal() or not 1 <= int(given[:9]) <= LARGEST or len(given) > 9:
                raise Problem("bad-argument", f"`{show(given)}` is not a number of classes", "write `-p nc=80`")
            return int(given)
        return self._integer("nc", 80, 1, LARGEST)

    def _sizes(self, given: str) -> Sizes:
        scales = self.tree.items.get("scales")
        if scales is None:
            if given:
                raise Problem("bad-argument", "the file has no `scales`, so it has one size", "leave out `-p scale`")
            depth, width = (
                self._number(plain(self.tree.items[key]), f"`{key}`", key) if key in self.tree.items else 1.0
                for key in ("depth_multiple", "width_multiple")
            )
            return Sizes(depth, width, float("inf"), "")
        if not isinstance(scales, Map) or not scales.items:
            raise Problem(
                "bad-value", "`scales` must map names to [depth, width, channels]", where=self.place("scales")
            )
        match = _SCALE.search(os.path.splitext(os.path.basename(self.source.path))[0])
        scale = given or (match[1] if match else "")
        if not scale:
            scale = next(iter(scales.items))
            if len(scales.items) > 1:
                named = quoted(scales.items, "and")
                text = f"the file has the scales {named}, but its name states none: `{show(scale)}` is read, as in Ultralytics"
                self.warnings.append(Problem("scale-chosen", text, "choose one with `-p scale=NAME`", level="warning"))
        if scale not in scales.items:
            text = f"there is no scale `{show(scale)}`"
            help = f"choose one of {quoted(scales.items)} with `-p scale=NAME`"
            if given:
                raise Problem("bad-argument", text, help, where=self.place("scales"))
            raise Problem("bad-value", text, help, where=self.place("scales"))
        values = plain(scales.items[scale])
        if not isinstance(values, list) or len(values) != 3:
            text = f"the scale `{show(scale)}` must be [depth, width, channels]; got `{show(values)}`"
            raise Problem("bad-value", text, where=self.place("scales"))
        depth, width, most = (self._number(value, f"the scale `{show(scale)}`", "scales") for value in values)
        return Sizes(depth, width, most, scale)

    def _rows(self) -> list[Row]:
        rows: list[Row] = []
        for part in ("backbone", "head"):
            listed = self.tree.items.get(part)
            if not isinstance(listed, Seq):
                text = f"`{part}` must be a list of rows [from, number, module, args]"
                raise Problem(
                    "bad-file",
                    text,
                    f"write `{part}:` with one row for each layer",
                    where=where(self.source, self.tree.mark),
                )
            for item in listed.items:
                if len(rows) >= MOST_ROWS:
                    text = f"there are more than {MOST_ROWS:,} rows"
                    raise Problem("too-large", text, where=where(self.source, item.mark))
                rows.append(self._row(len(rows), item))
        if not rows:
            raise Problem(
                "no-layers", "`backbone` and `head` have no rows", "add rows such as `[-1, 1, Conv, [64, 3, 2]]`"
            )
        return rows

    def _row(self, index: int, item: Tree) -> Row:
        place = where(self.source, item.mark)
        values = plain(item)
        if (
            not isinstance(values, list)
            or len(values) != 4
            or not isinstance(values[2], str)
            or not isinstance(values[3], list)
        ):
            text = f"row {index} must be [from, number, module, [arguments]]"
            raise Problem("bad-step", text, "write for example `[-1, 1, Conv, [64, 3, 2]]`", where=place)
        sources, number, module, args = values
        sources = sources if isinstance(sources, list) else [sources]
        row = Row(index, [], number, module, [self._argument(value) for value in args], self.sizes, place)
        if type(number) is not int or not 1 <= number <= MOST_REPEATS:
            raise row.problem(f"the number of repeats must be from 1 to {MOST_REPEATS:,}; got `{show(number)}`")
        row.number = self.sizes.repeats(number)
        if row.number > MOST_REPEATS:
            raise row.problem(
                f"is repeated {row.number:,} times, but at most {MOST_REPEATS:,} are allowed", code="too-large"
            )
        row.sources = [self._source(row, source) for source in sources]
        if not row.sources or len(row.sources) > MOST_ROWS:
            raise row.problem("reads no layer", "write -1 for the one above")
        return row

    def _source(self, row: Row, source: Any) -> int:
        if type(source) is not int:
            raise row.problem(
                f"`from` must be a number or a list of numbers; got `{show(source)}`", "write -1 for the layer above"
            )
        place = source + row.index if source < 0 else source
        if place < -1 or place >= row.index or (place == -1 and source != -1):
            above = (
                f"the layers above are 0 to {row.index - 1}" if row.index else "only the input is above it, which is -1"
            )
            raise row.problem(
                f"reads layer {source}, but {above}",
                "count from 0, or write -1 for the layer just above",
                "unknown-name",
            )
        return place

    def _argument(self, value: Any) -> Any:
        """Return an argument with the names that Ultralytics replaces."""
        if value == "nc":
            return self.classes
        if isinstance(value, str) and value in ("kpt_shape", "anchors") and value in self.tree.items:
            return plain(self.tree.items[value])
        return value
