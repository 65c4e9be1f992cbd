"""ONNX files -> Network. Only the dimensions of the weights are needed; their numbers are not loaded.

Shapes follow from the layers' own rules. They are compared with those in the file, or with those that `onnx.shape_inference`
infers if `compare_shapes` is set. Differences are warnings.
"""

from __future__ import annotations

import os
from typing import BinaryIO

from cnncalc.analyses.totals import analyze
from cnncalc.network import Network
from cnncalc.problem import Problem, Refused
from cnncalc.readers.files import opened
from cnncalc.readers.limits import TRUSTED, UNTRUSTED, Limits
from cnncalc.readers.onnx.attention import find_attentions
from cnncalc.readers.onnx.batch import find_written_batches
from cnncalc.readers.onnx.file import FIELDS, Paged, parse, strip_payloads
from cnncalc.readers.onnx.graph import Value
from cnncalc.readers.onnx.model import ModelReading
from cnncalc.readers.onnx.patterns import find_patterns, find_shuffles, same_figures
from cnncalc.readers.options import ReaderOptions
from cnncalc.text import quoted, show

MAX_READINGS = 8  # with different branches, where the condition depends on the input


def read(path: str, options: ReaderOptions, limits: Limits = TRUSTED) -> Network:
    """Return the network in an ONNX file, for one example.

    Raises:
        Refused: The file has a mistake, or cnncalc cannot analyse it.
        Missing: `compare_shapes` is set, and the package onnx is not installed.
        OSError: The file cannot be read.
    """
    return read_values(path, options, limits)[0]


def read_bytes(data: bytes, path: str, options: ReaderOptions, limits: Limits = TRUSTED) -> Network:
    """Return the network in the bytes of an ONNX model, for one example. `path` is what errors call it.

    Raises:
        Refused, Missing: As for `read`.
    """
    return _Reading(strip_payloads(data, 16 * limits.file_bytes), path, limits).best(options)[0]


def read_values(path: str, options: ReaderOptions, limits: Limits = TRUSTED) -> tuple[Network, dict[str, Value]]:
    """Return the network and every value of the graph by its name. Values have the dimensions that ONNX gives them.

    Raises:
        Refused, Missing, OSError: As for `read`.
    """
    with opened(path) as file:
        data = strip_payloads(Paged(file.fileno()), 16 * limits.file_bytes)
    return _Reading(data, path, limits).best(options)


def read_submission(data: bytes | BinaryIO, path: str, options: ReaderOptions) -> Network:
    """Return the network in a stranger's file, by cnncalc's own rules alone.

    onnx.shape_inference is not called, because it cannot be interrupted. An operator without a rule is therefore refused.
    Every floating-point number in the file counts as a parameter.

    Raises:
        Refused: As for `read`.
    """
    given = data if isinstance(data, bytes) else Paged(data.fileno())
    data = strip_payloads(given, 16 * UNTRUSTED.file_bytes, FIELDS)
    return _Reading(data, path, UNTRUSTED, strict=True).best(options)[0]


class _Reading:
    """A file that is read several times: to find its batch axes, its branches, and the operators that form one layer."""

    def __init__(self, data: bytes, path: str, limits: Limits, strict: bool = False) -> None:
        self.model = parse(data)
        self.path = path
        self.name = os.path.splitext(os.path.basename(path))[0]
        self.limits = limits
        self.strict = strict
        self.branches: dict[str, bool] = {}

    def _model(self, options: ReaderOptions, chosen: dict[str, int | None] | None = None) -> ModelReading:
        model = ModelReading(self.model, options, self.limits, chosen, self.strict)
        model.branches = self.branches
        return model

    def best(self, options: ReaderOptions) -> tuple[Network, dict[str, Value]]:
        """Return the network and its values. If a branch depends on the input, the more expensive branch is read.

        Raises:
            Refused: The file has a mistake, or cnncalc cannot analyse it.
        """
        try:
            found, values = self._with_patterns(options)
        except Refused:
            if not self.branches or all(self.branches.values()):
                raise
            return self._other_branches(options, None)
        self._check_branches(options)
        if all(self.branches.values()):
            return found, values
        return self._other_branches(options, (found, values))

    def _other_branches(
        self, options: ReaderOptions, best: tuple[Network, dict[str, Value]] | None
    ) -> tuple[Network, dict[str, Value]]:
        """Return the reading with the most multiply-adds. It has a warning if the branches differ."""
        taken: dict[str, str] = {}
        equal: dict[str, bool] = {}
        refused: Refused | None = None
        for _ in range(MAX_READINGS):
            label = next((label for label, known in self.branches.items() if not known and label not in taken), None)
            if label is None:
                break
            taken[label] = "then"
            other = ReaderOptions(
                options.inputs,
                options.dims,
                (),
                options.batch_axes,
                {**options.branches, **taken, label: "else"},
                compare_shapes=options.compare_shapes,
            )
            before = dict(self.branches)
            try:
                flipped = self._with_patterns(other)
            except Refused as error:
                refused = refused or error
                self.branches = before
                equal[label] = False
                continue
            equal[label] = best is not None and _figures(flipped[0]) == _figures(best[0])
            if best is None or _figures(flipped[0]) > _figures(best[0]):
                best, taken[label] = flipped, "else"
            else:
                self.branches = before
        if best is None:
            assert refused is not None
            raise refused
        network, values = best
        warnings = [_branch_warning(label, taken[label]) for label, same in equal.items() if not same]
        rest = [label for label, known in self.branches.items() if not known and label not in taken]
        if rest:
            text = (
                f"other branches depend on the input, too: cnncalc reads the `then` branch of {quoted(rest, 'and', 6)}"
            )
            warnings.append(
                Problem("branch-chosen", text, "choose branches with `--branch NAME=then`", level="warning")
            )
        return _with_warnings(network, warnings), values

    def _check_branches(self, options: ReaderOptions) -> None:
        """Refuse a `--branch` whose name the model does not have."""
        for name in options.branches:
            if name not in self.branches and not (name == "" and self.branches):
                text = (
                    f"no branch named `{show(name)}` depends on the input" if name else "no branch depends on the input"
                )
                help = f"the branches are {quoted(self.branches, 'and')}" if self.branches else "remove `--branch`"
                raise Refused([Problem("bad-argument", text, help)])

    def _with_patterns(self, options: ReaderOptions) -> tuple[Network, dict[str, Value]]:
        best = self._with_batch(options)
        assert best.done is not None
        patterns = find_patterns(best.steps, best.scope, best.done.nodes, (find_shuffles, find_attentions))
        if patterns:
            again = self._model(options, best.batch_axes_read)
            again.reader.written = best.reader.written
            again.plan, again.stated, again.theirs, again.not_inferred = (
                patterns,
                best.stated,
                best.theirs,
                best.not_inferred,
            )
            network = again.network(self.name, self.path)
            if same_figures(best.done, network):
                return network, again.scope.values
        return best.done, best.scope.values

    def _with_batch(self, options: ReaderOptions) -> ModelReading:
        """Return the reading with the batch axes found in the graph. A batch that cannot be removed is kept."""
        first = self._model(options)
        refused = None
        try:
            first.network(self.name, self.path)
        except Refused as error:
            refused = error
        try:
            chosen = first.batch_axes_found()
        except Refused as error:
            raise refused or error from None
        if all(first.batch_of(one) == chosen[one.name] for one in first.inputs):
            if first.lacks_sizes:
                raise first.unknown_sizes()
            if refused is not None:
                raise refused
            return first
        second = self._model(options, chosen)
        second.reader.written = find_written_batches(first.axes, first.inputs, chosen)
        usable = first.done is not None and not first.missing
        try:
            second.network(self.name, self.path)
        except Refused:
            if second.lacks_sizes:
                raise second.unknown_sizes() from None
            if usable and second.batched is not None and not self.strict:
                return first
            raise
        if second.lacks_sizes:
            raise second.unknown_sizes()
        fewer = len(second.warnings) < len(first.warnings) or not second.warnings
        return second if fewer or not usable or second.batched is None else first


def _figures(network: Network) -> tuple[int, int, int, int]:
    totals = analyze(network).totals
    return int(totals.macs), totals.params, totals.buffers, int(totals.activations)


def _with_warnings(network: Network, warnings: list[Problem]) -> Network:
    facts = (network.name, network.source, network.spec, network.nodes, network.outputs)
    rest = (network.expectations, network.published, (*network.warnings, *warnings), network.description)
    return Network(*facts, *rest)


def _branch_warning(label: str, taken: str) -> Problem:
    other = "else" if taken == "then" else "then"
    text = (
        f"the branch of `{show(label)}` depends on the input; the figures are those of `{taken}`, which has the most "
    )
    text += f"multiply-adds, but other figures may be larger for `{other}`"
    return Problem(
        "branch-chosen", text, f"write `--branch {show(label)}={other}` for the other branch", level="warning"
    )
