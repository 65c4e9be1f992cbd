"""Run a PyTorch module while every operation is recorded: on which device, with which inputs, in which mode."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from math import prod
from typing import Any

from cnncalc.problem import Refused
from cnncalc.readers.aten.events import DROP_PATHS, Trace, Var
from cnncalc.readers.optional import import_optional
from cnncalc.readers.torch.errors import ForwardError, call_foreign, is_internal
from cnncalc.readers.torch.inputs import FLOAT, Arguments, Feed
from cnncalc.readers.torch.trace import find_tensors, recorder_class, too_large
from cnncalc.record import Record

SMALLEST = 2**30  # bytes: a lower limit would leave too little for threads and libraries


class Setting(Record):
    """Where and how a module runs.

    `device` is that of the module and its inputs, `constants` that of the tensors that forward creates. Tensors on meta
    have no values. On the CPU at most `limit` bytes may be in use at once. With `training`, dropout, batch normalization
    and all code that reads `self.training` behave as in training.
    """

    device: str
    constants: str
    limit: int = 0
    training: bool = False


META = Setting("meta", "meta")
CPU = Setting("cpu", "cpu")


def run_forward(module: Any, arguments: Arguments, whole: frozenset[str], setting: Setting, dtype: str = "") -> Trace:
    """Run a module as `record_forward` does; if it needs the values of its own constants, run it again with them.

    Raises:
        Refused, ForwardError: As `record_forward`.
    """
    try:
        return record_forward(module, arguments, whole, setting, dtype)
    except (Refused, ForwardError) as first:
        needs_values = isinstance(first, Refused) or isinstance(first.error, NotImplementedError)
        if setting.constants != "meta" or not needs_values:
            raise
        try:
            record = record_forward(module, arguments, whole, Setting("meta", "cpu", 0, setting.training), dtype)
        except (Refused, ForwardError):
            raise first from None
        record.reads_constants = True
        return record


def record_forward(module: Any, arguments: Arguments, whole: frozenset[str], setting: Setting, dtype: str) -> Trace:
    """Run a module on made-up inputs and record every operation.

    Inputs without a type get `dtype`, or the type of the parameters. Operations named in `whole` are recorded in one
    piece, others as the operations that PyTorch composes them of.

    Raises:
        Refused: Control flow depends on the values of tensors that have none, or memory runs out.
        ForwardError: The module raised an error.
    """
    torch: Any = import_optional("torch", "torch")
    record = Trace()
    record.training = setting.training
    floating = (value.dtype for value in module.parameters() if value.is_floating_point())
    inputs: dict[str, Any] = {}
    if setting.limit and sum(8 * prod(feed.dims) for feed in arguments.feeds) > setting.limit:
        raise too_large(setting.limit)
    try:
        args, kwargs = arguments.build(
            _input_maker(torch, inputs, next(floating, torch.float32), dtype, setting.device)
        )
    except RuntimeError as error:  # the size of an input overflows
        raise ForwardError(error) from None
    with ExitStack() as stack:
        stack.enter_context(torch.random.fork_rng(devices=[]))
        torch.manual_seed(0)
        stack.enter_context(_seeded())
        if setting.training:
            stack.enter_context(_training(torch, module))
        lazy = (torch.nn.UninitializedParameter, torch.nn.UninitializedBuffer)
        if any(isinstance(value, lazy) for value in (*module.parameters(), *module.buffers())):
            with torch.no_grad(), torch.device(setting.device):
                _call(module, args, kwargs)  # gives its parameters their sizes
        recording = recorder_class(torch)(torch, record, module, whole, setting.limit)
        recording.hook(stack)
        for name, value in inputs.items():
            record.inputs[name or "input"] = recording.know(value, Var(value.shape))
            if not value.is_floating_point():
                record.widths[name or "input"] = value.element_size()
        fast = torch.backends.mha.get_fastpath_enabled()
        stack.callback(torch.backends.mha.set_fastpath_enabled, fast)
        torch.backends.mha.set_fastpath_enabled(False)
        stack.enter_context(torch.inference_mode())
        stack.enter_context(torch.enable_grad())  # so that the recorder sees where the module disables gradients
        stack.enter_context(torch.device(setting.constants))
        stack.enter_context(_bounded(setting.limit))
        before = _random_states(torch)
        with recording:
            result = _call(module, args, kwargs)
        record.random = _random_states(torch) != before
        record.outputs = [recording.find(value) for value in find_tensors(torch, result)]
    return record


def _call(module: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
    """Call the user's module.

    Raises:
        Refused: The recorder cannot follow it.
        ForwardError: The module raised an error. Errors of cnncalc's own code pass unchanged.
    """
    try:
        return call_foreign(module, *args, **kwargs)
    except Refused:
        raise
    except (Exception, SystemExit) as error:
        if is_internal(error):
            raise
        raise ForwardError(error) from error


def _input_maker(torch: Any, inputs: dict[str, Any], usual: Any, dtype: str, device: str) -> Callable[[Feed], Any]:
    """Return a function that makes an input tensor, of fractions or of the whole number 1, and adds it to `inputs`."""
    source = torch.Generator().manual_seed(0)
    examples: dict[int, Any] = {}

    def copy_example(value: Any) -> Any:
        if id(value) not in examples:
            light = torch.empty_strided(value.shape, value.stride(), dtype=value.dtype, device="meta")
            examples[id(value)] = light if device == "meta" else value.cpu().clone()
        return examples[id(value)]

    def make(feed: Feed) -> Any:
        if feed.example is not None:
            tensor = copy_example(feed.example)
        else:
            word = feed.dtype or dtype
            kind = usual if word in ("", FLOAT) else getattr(torch, word)
            if device == "meta":
                tensor = torch.empty(feed.dims, dtype=kind, device="meta")
            elif kind.is_floating_point:
                tensor = torch.rand(feed.dims, generator=source).to(kind)
            else:
                tensor = torch.full(feed.dims, 1 if feed.fill is None else feed.fill, dtype=kind)
        if not any(tensor is other for other in inputs.values()):
            inputs[feed.name] = tensor
        return tensor

    return make


@contextmanager
def _bounded(limit: int) -> Iterator[None]:
    """Have the operating system refuse tensors of more than `limit` bytes in total; 0 is no limit.

    Raises:
        Refused: The operating system refused one.
    """
    if not limit or sys.platform != "linux":
        yield
        return
    import resource

    with open("/proc/self/statm", encoding="ascii") as stream:
        size = int(stream.read().split()[0]) * resource.getpagesize()
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    wanted = size + max(limit, SMALLEST)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        yield
        return
    resource.setrlimit(resource.RLIMIT_AS, (wanted, hard))
    try:
        yield
    except (MemoryError, ForwardError) as error:
        reason = error.error if isinstance(error, ForwardError) else error
        if isinstance(reason, MemoryError) or (isinstance(reason, RuntimeError) and "allocate memory" in str(reason)):
            raise too_large(limit) from None
        raise
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


@contextmanager
def _seeded() -> Iterator[None]:
    """Make Python's and NumPy's random numbers the same every time, and restore their state afterwards."""
    state = random.getstate()
    numpy = sys.modules.get("numpy")
    numpy_state = numpy.random.get_state() if numpy is not None else None
    random.seed(0)
    if numpy is not None:
        numpy.random.seed(0)
    try:
        yield
    finally:
        random.setstate(state)
        if numpy is not None:
            numpy.random.set_state(numpy_state)


def _random_states(torch: Any) -> list[Any]:
    """Return the states of all random number generators; if one changes, the run may have depended on chance."""
    numpy = sys.modules.get("numpy")
    numpy_states = list(map(str, numpy.random.get_state()[1:3])) if numpy is not None else []
    return [random.getstate(), torch.get_rng_state().tolist(), *numpy_states]


@contextmanager
def _training(torch: Any, module: Any) -> Iterator[None]:
    """Put hand-written modules into training mode.

    PyTorch's own leaf modules, and modules that drop paths, stay in evaluation mode: their layers have rules for training.
    """
    before = [(part, part.training) for part in module.modules()]
    for part, _ in before:
        is_leaf = type(part).__module__.startswith("torch.nn.modules") and not any(True for _ in part.children())
        part.training = not is_leaf and type(part).__name__ not in DROP_PATHS
    try:
        yield
    finally:
        for part, mode in before:
            part.training = mode
