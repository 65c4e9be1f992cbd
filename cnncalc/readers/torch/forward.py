"""Find the forward pass of a PyTorch module: in the layout that it reads, and with values only if it needs them.

Most modules run on the meta device, where tensors have no values. A module whose control flow or shapes depend on values
runs on the CPU instead, with made-up parameters and inputs. Its figures then hold for that run.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from typing import Any

from cnncalc.problem import Problem, Refused
from cnncalc.readers.aten.channels import mark_channels_first
from cnncalc.readers.aten.events import Dims, Trace, Var
from cnncalc.readers.aten.recurrent import CELLS
from cnncalc.readers.torch.errors import ForwardError, Offline, describe_error, find_cause
from cnncalc.readers.torch.inputs import Arguments, Feed
from cnncalc.readers.torch.load import offline, quiet
from cnncalc.readers.torch.run import CPU, META, Setting, run_forward
from cnncalc.text import quoted, show
from cnncalc.units import format_bytes

SMALL = 2**31  # bytes of parameters up to which a failing model is tried on the CPU, too


class Model:
    """A module to be read.

    `module` is on the meta device. `again` builds it again with values. `spec` is its name in messages, and `whole` the
    operations that are recorded in one piece.
    """

    def __init__(self, module: Any, again: Callable[[], Any], spec: str, whole: frozenset[str]) -> None:
        self.module = module
        self.again = again
        self.spec = spec
        self.whole = whole


class ForwardPass:
    """A recorded forward pass, the order of the axes of each input, and warnings about it.

    `run_training` records the same pass in training mode.
    """

    def __init__(
        self,
        record: Trace,
        orders: Mapping[str, Dims],
        run_training: Callable[[], Trace],
        warnings: Sequence[Problem] = (),
    ) -> None:
        self.record = record
        self.orders = orders
        self.run_training = run_training
        self.signature = _signature(record)
        self.warnings = list(warnings)

    def in_training(self) -> ForwardPass | None:
        """Return the forward pass in training mode, or None if it fails or depends on chance.

        If it does the same as in evaluation mode, the result is this object.
        """
        try:
            record = self.run_training()
        except (Refused, ForwardError):  # for example a detector, which needs targets in training mode
            return None
        if record.random:
            return None
        if _signature(record) == self.signature:
            return self
        return ForwardPass(record, self.orders, self.run_training, self.warnings)


def _signature(record: Trace) -> list[Any]:
    """Return what is equal in two runs that perform the same operations on the same values."""
    numbers: dict[int, int] = {}

    def number(values: Sequence[Var]) -> list[Any]:
        return [(numbers.setdefault(id(value), len(numbers)), value.dims) for value in values]

    rows: list[Any] = [(event.op, event.inplace, number(event.inputs), number(event.outs)) for event in record.events]
    return [*rows, number(record.outputs)]


def find_forward(model: Model, arguments: Arguments) -> ForwardPass:
    """Record the forward pass of a model, on the meta device if that is possible.

    Raises:
        Refused: The forward pass fails.
    """
    try:
        forward = _try_plain_numbers(model.module, model, arguments, META)
        if forward.record.random and forward.record.reads_constants:
            text = "shapes and counts hold for one run: forward depends on random numbers that it draws"
            forward.warnings.insert(0, Problem("one-run", text, level="warning"))
        return forward
    except (Refused, ForwardError) as error:
        first = error
    needs_values = _needs_values(first)
    size = sum(value.numel() * value.element_size() for value in _tensors(model.module))
    worth_a_try = isinstance(first, ForwardError) and isinstance(first.error, RuntimeError) and size <= SMALL
    if find_cause(_raised(first), Offline) is not None or not (needs_values or worth_a_try):
        raise explain_failure(first, model.spec, arguments) from None
    free = free_memory()
    if 2 * size > free:
        if not needs_values:
            raise explain_failure(first, model.spec, arguments) from None
        text = (
            f"forward of {show(model.spec)} depends on the values of tensors, and running it takes "
            f"{format_bytes(2 * size)} of memory for its parameters alone; {format_bytes(free)} is free"
        )
        help = "choose a smaller configuration of it: fewer layers, or a smaller vocabulary"
        raise Refused([Problem("unsupported", text, help)]) from None
    try:
        forward = _try_plain_numbers(model.again(), model, arguments, Setting(CPU.device, CPU.constants, limit=free))
    except (Refused, ForwardError) as second:
        failure = second if needs_values else first
        raise explain_failure(failure, model.spec, arguments, with_values=needs_values) from None
    if isinstance(first, Refused):
        reason = first.problems[0].text
    else:
        reason = f"forward fails on tensors without values ({show(describe_error(first.error), 100)})"
    ones = any(feed.example is None and feed.fill is None and "int" in feed.dtype for feed in arguments.feeds)
    inputs = "inputs (whole numbers are 1)" if ones else "inputs"
    text = f"shapes and counts hold for one run, with made-up parameters and {inputs}: {reason}"
    forward.warnings.insert(0, Problem("one-run", text, level="warning"))
    return forward


def _tensors(module: Any) -> list[Any]:
    """Return the parameters and buffers that already have a size."""
    return [value for value in (*module.parameters(), *module.buffers()) if not hasattr(value, "materialize")]


def free_memory() -> int:
    """Return half the bytes of memory that are free."""
    try:
        with open("/proc/meminfo", encoding="ascii") as stream:
            match = re.search(r"MemAvailable: *(\d+) kB", stream.read())
        if match is not None:
            return int(match[1]) * 1024 // 2
    except OSError:
        pass
    names = getattr(os, "sysconf_names", {})
    if "SC_PHYS_PAGES" in names:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 4
    return 2**32


def _try_plain_numbers(module: Any, model: Model, arguments: Arguments, setting: Setting) -> ForwardPass:
    """Run with every whole number as the length of a tensor; if that fails, with some of them as plain values.

    Raises:
        Refused, ForwardError: The first failure, if all attempts fail.
    """
    choices = [names for count in range(len(arguments.numbers) + 1) for names in combinations(arguments.numbers, count)]
    first: Refused | ForwardError | None = None
    for names in choices:
        changed = arguments.with_plain(names)
        try:
            forward = _try_layouts(module, model, changed, setting)
        except (Refused, ForwardError) as error:
            first = first or error
            continue
        if names:
            verb = "are plain numbers" if len(names) > 1 else "is a plain number"
            text = f"{quoted(names, 'and')} {verb} here, because forward fails if it gets a tensor instead"
            help = f"write `--input {names[0]}=...:value`, or a shape that forward accepts"
            forward.warnings.append(Problem("ambiguous-input", text, help, level="warning"))
        return forward
    assert first is not None
    raise first


def _try_layouts(module: Any, model: Model, arguments: Arguments, setting: Setting) -> ForwardPass:
    """Run in the layout that the module reads: images channels first if it accepts that.

    Of two axes, steps x features, the features come last in PyTorch unless the module starts with a convolution or the
    like. Recurrent layers may have the batch after the steps.

    Raises:
        Refused, ForwardError: All layouts fail.
    """
    feeds = arguments.feeds
    errors: list[tuple[frozenset[str], ForwardError]] = []
    runs: list[tuple[Trace, list[Feed], frozenset[str], str]] = []
    for layout, dtype in _layouts(feeds):
        _lay_out(feeds, layout)
        try:
            record = run_forward(module, arguments, model.whole, setting, dtype)
        except ForwardError as error:
            errors.append((layout, error))
            continue
        mark_channels_first(record)
        wrong = [
            feed for feed in feeds
            if not feed.channels_first and not feed.raw and record.inputs[feed.name or "input"].channels_first
        ]  # fmt: skip
        runs.append((record, wrong, layout, dtype))
        if not wrong:
            break
    if not runs:
        raise errors[0][1]
    record, wrong, layout, dtype = next((run for run in runs if not run[1]), runs[0])
    others = [error for other, error in errors if other != layout]
    if wrong and others:
        shape = wrong[0].shape
        written = "x".join(map(str, shape))
        text = f"forward reads the {shape[0]} of {written} as channels: {show(str(others[-1].error), 100)}"
        help = f"write steps x channels: `--input {'x'.join(map(str, shape[::-1]))}`"
        raise Refused([Problem("ambiguous-input", text, help)])
    _lay_out(feeds, layout)
    orders = {feed.name or "input": feed.order for feed in feeds}
    late = _try_batch_second(module, model, record, arguments, setting)
    if late is not None:
        return late
    run_training = _training_run(module, model, arguments, setting, dtype)
    return ForwardPass(record, {name: order for name, order in orders.items() if order is not None}, run_training)


def _training_run(
    module: Any, model: Model, arguments: Arguments, setting: Setting, dtype: str = ""
) -> Callable[[], Trace]:
    """Return a function that runs a module in the same way, but in training mode."""
    training = Setting(setting.device, setting.constants, setting.limit, training=True)

    def run() -> Trace:
        with quiet(), offline():
            return run_forward(module, arguments, model.whole, training, dtype)

    return run


def _lay_out(feeds: Sequence[Feed], layout: frozenset[str]) -> None:
    for feed in feeds:
        feed.channels_first = feed.name in layout


def _layouts(feeds: Sequence[Feed]) -> list[tuple[frozenset[str], str]]:
    """List layouts in order of likelihood: the names of inputs whose channels come first, and the type of untyped ones."""
    images = frozenset(feed.name for feed in feeds if len(feed.shape) > 2 and not feed.raw)
    sequences = frozenset(feed.name for feed in feeds if len(feed.shape) == 2 and not feed.raw)
    nothing: frozenset[str] = frozenset()
    layouts = dict.fromkeys((images, images | sequences, nothing, sequences) if images else (nothing, sequences))
    tries = [(layout, "") for layout in layouts]
    return [*tries, (tries[0][0], "int64")] if any(not feed.dtype for feed in feeds) else tries


def _try_batch_second(
    module: Any, model: Model, record: Trace, arguments: Arguments, setting: Setting
) -> ForwardPass | None:
    """Run again with the batch after the steps, if the only input goes into a recurrent layer that reads it that way."""
    if len(record.inputs) != 1 or not _is_batch_second(*record.inputs.values()):
        return None
    ((name, var),) = record.inputs.items()
    (feed,) = arguments.feeds
    if feed.example is not None:
        return None
    feed.shape, feed.raw, feed.batched = (var.dims[1], 1, *var.dims[2:]), True, False
    again = run_forward(module, arguments, model.whole, setting)
    return ForwardPass(again, {name: (0, 2)}, _training_run(module, model, arguments, setting))


def _is_batch_second(var: Var) -> bool:
    """Return whether this is 1 x steps x features for a recurrent layer that reads steps x batch x features."""
    return (
        len(var.dims) == 3
        and var.dims[:1] == (1,)
        and var.dims[1] > 1
        and any(user.op in CELLS and not user.args.get("batch_first", True) for user in var.users)
    )


# -- failures ---------------------------------------------------------------------------------------------------------


def _raised(error: Refused | ForwardError) -> BaseException:
    return error.error if isinstance(error, ForwardError) else error


def _needs_values(error: Refused | ForwardError) -> bool:
    """Return whether a forward pass failed because its tensors have no values."""
    if isinstance(error, Refused):
        return any(problem.code == "unsupported" for problem in error.problems)
    reason = error.error
    return isinstance(reason, NotImplementedError) or re.search(r"\bmeta\b|data_ptr", str(reason)) is not None


def explain_failure(
    error: Refused | ForwardError, spec: str, arguments: Arguments, with_values: bool = False
) -> Refused:
    """Return what to report about a forward pass that fails; `with_values` if it fails only on made-up values."""
    if isinstance(error, Refused):
        return error
    reason = describe_error(error.error)
    if find_cause(error.error, Offline) is not None:
        text = f"forward of {show(spec)} tries to download something, which cnncalc does not allow"
        return Refused([Problem("bad-model", text, "remove the download from forward")])
    lengths = ", ".join("x".join(map(str, feed.dims)) or "a single number" for feed in arguments.feeds)
    if isinstance(error.error, NotImplementedError):
        text = f"forward of {show(spec)} uses an operation that PyTorch cannot run here: {show(reason, 200)}"
        return Refused([Problem("unsupported", text, "leave it out, or export the model to ONNX and read that")])
    if with_values:
        text = f"forward of {show(spec)} depends on the values of tensors, and fails on made-up values: {reason}"
        help = "give values that it accepts, such as `--input lengths=batch:int:30`, or `example_inputs` in Python"
        return Refused([Problem("unsupported", text, help)])
    text = f"forward of {show(spec)} fails on a tensor of {lengths}: {reason}"
    return Refused([Problem("bad-model", text, "check the shape of the input")])
