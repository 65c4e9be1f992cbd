"""Running a PyTorch module so that it is understood: in the layout that it reads, and with numbers only where it needs them.

Most modules run on the meta device, where tensors have no numbers. One whose control flow or shapes depend on numbers runs
on the CPU instead, with parameters and inputs that are made up; what is found then holds for that run.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from typing import Any

from cnncalc.problem import Problem, Refused
from cnncalc.readers.torch.events import Dims, Trace, Var
from cnncalc.readers.torch.inputs import Arguments, Feed
from cnncalc.readers.torch.layers import CELLS
from cnncalc.readers.torch.layers import HANDLERS as LAYERS
from cnncalc.readers.torch.load import Offline, cause, line, offline, quiet
from cnncalc.readers.torch.run import CPU, META, Setting, trace
from cnncalc.readers.torch.windows import HANDLERS as WINDOWS
from cnncalc.text import quoted, show
from cnncalc.units import format_bytes

# operations that read their input channels first, and those that pass this on to their inputs
FIRST = frozenset((
    *(name for name in WINDOWS if name != "pad"), *(name for name in LAYERS if "upsample" in name), "batch_norm",
    "instance_norm", "group_norm", "pixel_shuffle", "pixel_unshuffle", "channel_shuffle", "grid_sampler",
))  # fmt: skip
PASSED = frozenset((
    "relu", "relu6", "leaky_relu", "elu", "selu", "gelu", "silu", "mish", "sigmoid", "tanh", "hardswish", "hardsigmoid",
    "hardtanh", "softplus", "prelu", "dropout", "feature_dropout", "add", "sub", "mul", "div", "cat", "pad", "slice",
    "chunk", "split", "split_with_sizes", "contiguous", "clone", "to", "detach", "", "roll", "clamp", "maximum", "minimum",
))  # fmt: skip
SMALL = 2**31  # bytes of parameters with which a model is run on the CPU on the mere chance that this helps


class Model:
    """A module to be read: on the meta device, what makes it once more with numbers, and what it is called."""

    def __init__(self, module: Any, again: Callable[[], Any], spec: str, whole: frozenset[str]) -> None:
        self.module = module
        self.again = again
        self.spec = spec
        self.whole = whole


class Fit:
    """A forward pass that was understood: the run, the order of each input's axes, and what must be said of it."""

    def __init__(
        self, record: Trace, orders: Mapping[str, Dims], again: Callable[[], Trace], warnings: Sequence[Problem] = ()
    ) -> None:
        self.record = record
        self.orders = orders
        self.again = again  # the same in training mode
        self.signature = _signature(record)
        self.warnings = list(warnings)

    def in_training(self) -> Fit | None:
        """The forward pass in training mode; None where that cannot be followed, or depended on chance.

        Where nothing is done in another way, it is this very one.
        """
        try:
            record = self.again()
        except Exception:  # whatever forward raises in training mode, such as for want of targets
            return None
        if record.chance:
            return None
        return self if _signature(record) == self.signature else Fit(record, self.orders, self.again, self.warnings)


def _signature(record: Trace) -> list[Any]:
    """What two runs have in common that do the same operations on the same values, whatever is read from them later."""
    numbers: dict[int, int] = {}

    def named(values: Sequence[Var]) -> list[Any]:
        return [(numbers.setdefault(id(value), len(numbers)), value.dims) for value in values]

    found: list[Any] = [(event.op, event.inplace, named(event.inputs), named(event.outs)) for event in record.events]
    return [*found, named(record.outputs)]


def fit(model: Model, given: Arguments) -> Fit:
    """The forward pass of a model, on the meta device if that is possible.

    Raises:
        Refused: where it fails.
    """
    try:
        found = _either(model.module, model, given, META)
        if found.record.chance and found.record.reads_constants:
            text = "shapes and counts hold for one run: forward depends on random numbers that it draws"
            found.warnings.insert(0, Problem("one-run", text, level="warning"))
        return found
    except Exception as error:
        first = error
    asks = _asks(first)
    size = sum(value.numel() * value.element_size() for value in _tensors(model.module))
    if cause(first, Offline) is not None or not (asks or (isinstance(first, RuntimeError) and size <= SMALL)):
        raise failed(first, model.spec, given) from None
    free = free_memory()
    if 2 * size > free:
        if not asks:
            raise failed(first, model.spec, given) from None
        text = (
            f"forward of {show(model.spec)} depends on numbers, and running it takes {format_bytes(2 * size)} of memory for its "
            f"parameters alone; {format_bytes(free)} is free"
        )
        help = "choose a smaller configuration of it: fewer layers, or a smaller vocabulary"
        raise Refused([Problem("unsupported", text, help)]) from None
    try:
        found = _either(model.again(), model, given, Setting(CPU.device, CPU.constants, limit=free))
    except Exception as second:
        raise failed(second if asks else first, model.spec, given, numbers=asks) from None
    if isinstance(first, Refused):
        reason = first.problems[0].text
    else:
        reason = f"forward fails on tensors without numbers ({show(line(first), 100)})"
    ones = any(one.example is None and one.fill is None and "int" in one.dtype for one in given.feeds)
    inputs = "inputs (whole numbers are 1)" if ones else "inputs"
    text = f"shapes and counts hold for one run, on made-up parameters and {inputs}: {reason}"
    found.warnings.insert(0, Problem("one-run", text, level="warning"))
    return found


def _tensors(module: Any) -> list[Any]:
    """Its parameters and buffers, but for those that have no size yet."""
    return [value for value in (*module.parameters(), *module.buffers()) if not hasattr(value, "materialize")]


def free_memory() -> int:
    """Half the bytes of memory that are free."""
    try:
        with open("/proc/meminfo", encoding="ascii") as stream:
            found = re.search(r"MemAvailable: *(\d+) kB", stream.read())
        if found is not None:
            return int(found[1]) * 1024 // 2
    except OSError:
        pass
    names = getattr(os, "sysconf_names", {})
    if "SC_PHYS_PAGES" in names:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 4
    return 2**32


def _either(module: Any, model: Model, given: Arguments, setting: Setting) -> Fit:
    """A run with every whole number as a length, or else with some of them as plain values."""
    choices = [names for count in range(len(given.numbers) + 1) for names in combinations(given.numbers, count)]
    first: Exception | None = None
    for names in choices:
        feed = given.with_plain(names)
        try:
            found = _laid_out(module, model, feed, setting)
        except Exception as error:
            first = first or error
            continue
        if names:
            verb = "are plain numbers" if len(names) > 1 else "is a plain number"
            text = f"{quoted(names, 'and')} {verb} here, because forward fails on a tensor in that place"
            help = f"write `--input {names[0]}=...:value`, or a shape that it takes"
            found.warnings.append(Problem("ambiguous-input", text, help, level="warning"))
        return found
    assert first is not None
    raise first


def _laid_out(module: Any, model: Model, feed: Arguments, setting: Setting) -> Fit:
    """A run in the layout that the module reads: images channels first where it takes that.

    Of two axes, steps x features, the features come last in PyTorch unless a convolution or the like reads them first;
    recurrent layers may have the batch behind the steps.
    """
    feeds = feed.feeds
    errors: list[tuple[frozenset[str], Exception]] = []
    found: list[tuple[Trace, list[Feed], frozenset[str], str]] = []
    for layout, dtype in _layouts(feeds):
        _lay_out(feeds, layout)
        try:
            record = trace(module, feed, model.whole, setting, dtype)
        except Refused:
            raise
        except Exception as error:
            errors.append((layout, error))
            continue
        firsts(record)
        wrong = [one for one in feeds if not one.first and not one.raw and record.inputs[one.name or "input"].first]
        found.append((record, wrong, layout, dtype))
        if not wrong:
            break
    if not found:
        raise errors[0][1]
    record, wrong, layout, dtype = next((one for one in found if not one[1]), found[0])
    others = [error for other, error in errors if other != layout]
    if wrong and others:
        shape = wrong[0].shape
        text = f"forward reads the {shape[0]} of {'x'.join(map(str, shape))} as channels: {show(str(others[-1]), 100)}"
        help = f"write steps x channels: `--input {'x'.join(map(str, shape[::-1]))}`"
        raise Refused([Problem("ambiguous-input", text, help)])
    _lay_out(feeds, layout)
    orders = {one.name or "input": one.order for one in feeds}
    late = _late(module, model, record, feed, setting)
    if late is not None:
        return late
    again = _again(module, model, feed, setting, dtype)
    return Fit(record, {name: order for name, order in orders.items() if order is not None}, again)


def _again(module: Any, model: Model, feed: Arguments, setting: Setting, dtype: str = "") -> Callable[[], Trace]:
    """What runs a module once more in the same way, but in training mode."""
    training = Setting(setting.device, setting.constants, setting.limit, training=True)

    def run() -> Trace:
        with quiet(), offline():
            return trace(module, feed, model.whole, training, dtype)

    return run


def _lay_out(feeds: Sequence[Feed], layout: frozenset[str]) -> None:
    for one in feeds:
        one.first = one.name in layout


def _layouts(feeds: Sequence[Feed]) -> list[tuple[frozenset[str], str]]:
    """The names of the inputs whose channels come first, and the type of those of no stated type, in order of likelihood."""
    images = frozenset(one.name for one in feeds if len(one.shape) > 2 and not one.raw)
    sequences = frozenset(one.name for one in feeds if len(one.shape) == 2 and not one.raw)
    nothing: frozenset[str] = frozenset()
    found = dict.fromkeys((images, images | sequences, nothing, sequences) if images else (nothing, sequences))
    tries = [(layout, "") for layout in found]
    return [*tries, (tries[0][0], "int64")] if any(not one.dtype for one in feeds) else tries


def _late(module: Any, model: Model, record: Trace, feed: Arguments, setting: Setting) -> Fit | None:
    """Once more with the batch behind the steps, where the only input goes into a recurrent layer that wants that."""
    if len(record.inputs) != 1 or not _batch_behind(*record.inputs.values()):
        return None
    ((name, var),) = record.inputs.items()
    (one,) = feed.feeds
    if one.example is not None:
        return None
    one.shape, one.raw, one.batched = (var.dims[1], 1, *var.dims[2:]), True, False
    return Fit(trace(module, feed, model.whole, setting), {name: (0, 2)}, _again(module, model, feed, setting))


def _batch_behind(var: Var) -> bool:
    """Is it steps x features for a recurrent layer that wants steps x batch x features?"""
    return (
        len(var.dims) == 3
        and var.dims[:1] == (1,)
        and var.dims[1] > 1
        and any(user.op in CELLS and not user.args.get("batch_first", True) for user in var.users)
    )


def firsts(record: Trace) -> None:
    """Mark the values that are read channels first."""
    for event in reversed(record.events):
        if event.op in FIRST:
            for var in event.inputs[:1]:
                var.first = True
        elif event.op in PASSED and any(out.first and len(out.dims) > 2 for out in event.outs):
            for var in event.inputs:
                var.first = var.first or len(var.dims) == len(event.out.dims)


# -- what goes wrong --------------------------------------------------------------------------------------------------


def _asks(error: Exception) -> bool:
    """Does a forward want numbers where there are none?"""
    if isinstance(error, Refused):
        return any(problem.code == "unsupported" for problem in error.problems)
    return isinstance(error, NotImplementedError) or re.search(r"\bmeta\b|data_ptr", str(error)) is not None


def failed(error: Exception, spec: str, given: Arguments, numbers: bool = False) -> Refused:
    """What to say of a forward that fails; `numbers` where it fails on made-up ones only."""
    if isinstance(error, Refused):
        return error
    if cause(error, Offline) is not None:
        text = f"forward of {show(spec)} wants to download something, and cnncalc downloads nothing"
        return Refused([Problem("bad-model", text, "leave that out")])
    lengths = ", ".join("x".join(map(str, feed.dims)) or "a single number" for feed in given.feeds)
    if isinstance(error, NotImplementedError):
        text = f"forward of {show(spec)} does something that PyTorch cannot run here: {show(line(error), 200)}"
        return Refused([Problem("unsupported", text, "leave it out, or export the model to ONNX and read that")])
    if numbers:
        text = f"forward of {show(spec)} depends on numbers, and fails on made-up ones: {line(error)}"
        help = "give numbers that it takes, such as `--input lengths=batch:int:30`, or example_inputs in Python"
        return Refused([Problem("unsupported", text, help)])
    text = f"forward of {show(spec)} fails on a tensor of {lengths}: {line(error)}"
    return Refused([Problem("bad-model", text, "check the shape of the input")])
