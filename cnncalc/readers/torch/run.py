"""Running a PyTorch module while every operation is written down: on which device, on what, in which mode."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from importlib import import_module
from math import prod
from typing import Any

from cnncalc.problem import Refused
from cnncalc.readers.torch.events import Trace, Var
from cnncalc.readers.torch.inputs import FLOAT, Arguments, Feed
from cnncalc.readers.torch.trace import DROP_PATHS, recorder, tensors, too_large
from cnncalc.record import Record
from cnncalc.text import show

SMALLEST = 2**30  # bytes that a limit leaves at least, for threads and libraries


class Setting(Record):
    """Where a module runs: the device that it and its inputs are on, and that of what it makes of nothing.

    On meta there are no numbers. On the CPU at most `limit` bytes may be in use at once. In `training` dropout, batch
    normalisation and whatever else asks for `self.training` work as in training.
    """

    device: str
    constants: str
    limit: int = 0
    training: bool = False


META = Setting("meta", "meta")
CPU = Setting("cpu", "cpu")


def trace(module: Any, feed: Arguments, whole: frozenset[str], setting: Setting, dtype: str = "") -> Trace:
    """As `followed`; a module that asks for the numbers of its own constants gets them.

    Raises:
        Refused, Exception: as `followed`.
    """
    try:
        return followed(module, feed, whole, setting, dtype)
    except (Refused, NotImplementedError) as first:
        if setting.constants != "meta":
            raise
        try:
            record = followed(module, feed, whole, Setting("meta", "cpu", 0, setting.training), dtype)
            record.reads_constants = True
            return record
        except Exception:
            raise first from None
    except SystemExit as error:
        raise RuntimeError(f"it ends the program with SystemExit({show(error.code)})") from None


def followed(module: Any, feed: Arguments, whole: frozenset[str], setting: Setting, dtype: str) -> Trace:
    """Run a module on made-up inputs, and write down every operation.

    Inputs of no stated type have that `dtype`, or that of the parameters. Operations named in `whole` are taken in one
    piece, others in the pieces that PyTorch makes them of.

    Raises:
        Refused: where control flow depends on the numbers of tensors that have none.
        Exception: whatever the module raises.
    """
    torch: Any = import_module("torch")
    record = Trace()
    record.training = setting.training
    floating = (value.dtype for value in module.parameters() if value.is_floating_point())
    fed: dict[str, Any] = {}
    if setting.limit and sum(8 * prod(one.dims) for one in feed.feeds) > setting.limit:
        raise too_large(setting.limit)
    args, kwargs = feed.made(_maker(torch, fed, next(floating, torch.float32), dtype, setting.device))
    with ExitStack() as stack:
        stack.enter_context(torch.random.fork_rng(devices=[]))
        torch.manual_seed(0)
        stack.enter_context(_seeded())
        if setting.training:
            stack.enter_context(_training(torch, module))
        lazy = (torch.nn.UninitializedParameter, torch.nn.UninitializedBuffer)
        if any(isinstance(value, lazy) for value in (*module.parameters(), *module.buffers())):
            with torch.no_grad(), torch.device(setting.device):
                module(*args, **kwargs)  # gives its parameters their sizes
        recording = recorder(torch)(torch, record, module, whole, setting.limit)
        recording.hook(stack)
        for name, value in fed.items():
            record.inputs[name or "input"] = recording.know(value, Var(value.shape))
            if not value.is_floating_point():
                record.widths[name or "input"] = value.element_size()
        fast = torch.backends.mha.get_fastpath_enabled()
        stack.callback(torch.backends.mha.set_fastpath_enabled, fast)
        torch.backends.mha.set_fastpath_enabled(False)
        stack.enter_context(torch.inference_mode())
        stack.enter_context(torch.enable_grad())  # so that it is seen where the module switches gradients off
        stack.enter_context(torch.device(setting.constants))
        stack.enter_context(_bounded(setting.limit))
        before = _chance(torch)
        with recording:
            result = module(*args, **kwargs)
        record.chance = _chance(torch) != before
        record.outputs = [recording.find(value) for value in tensors(torch, result)]
    return record


def _maker(torch: Any, fed: dict[str, Any], usual: Any, dtype: str, device: str) -> Callable[[Feed], Any]:
    """What makes the tensors to be fed in, and notes them by name in `fed`: fractions, or the whole number 1."""
    source = torch.Generator().manual_seed(0)
    examples: dict[int, Any] = {}

    def example(value: Any) -> Any:
        if id(value) not in examples:
            light = torch.empty_strided(value.shape, value.stride(), dtype=value.dtype, device="meta")
            examples[id(value)] = light if device == "meta" else value.cpu().clone()
        return examples[id(value)]

    def make(feed: Feed) -> Any:
        if feed.example is not None:
            made = example(feed.example)
        else:
            word = feed.dtype or dtype
            kind = usual if word in ("", FLOAT) else getattr(torch, word)
            if device == "meta":
                made = torch.empty(feed.dims, dtype=kind, device="meta")
            elif kind.is_floating_point:
                made = torch.rand(feed.dims, generator=source).to(kind)
            else:
                made = torch.full(feed.dims, 1 if feed.fill is None else feed.fill, dtype=kind)
        if not any(made is other for other in fed.values()):
            fed[feed.name] = made
        return made

    return make


@contextmanager
def _bounded(limit: int) -> Iterator[None]:
    """Have the operating system refuse a tensor of more than `limit` bytes; 0 is no limit.

    Raises:
        Refused: where it did.
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
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, MemoryError) or "allocate memory" in str(error):
            raise too_large(limit) from None
        raise
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


@contextmanager
def _seeded() -> Iterator[None]:
    """Python's and NumPy's random numbers are the same every time; their state stays as it was."""
    state = random.getstate()
    numpy = sys.modules.get("numpy")
    theirs = numpy.random.get_state() if numpy is not None else None
    random.seed(0)
    if numpy is not None:
        numpy.random.seed(0)
    try:
        yield
    finally:
        random.setstate(state)
        if numpy is not None:
            numpy.random.set_state(theirs)


def _chance(torch: Any) -> list[Any]:
    """The states of what makes random numbers: where they change, a run may have depended on chance."""
    numpy = sys.modules.get("numpy")
    theirs = list(map(str, numpy.random.get_state()[1:3])) if numpy is not None else []
    return [random.getstate(), torch.get_rng_state().tolist(), *theirs]


@contextmanager
def _training(torch: Any, module: Any) -> Iterator[None]:
    """Training mode for what is written by hand; PyTorch's own modules, and those that drop paths, have rules for it."""
    before = [(part, part.training) for part in module.modules()]
    for part, _ in before:
        own = type(part).__module__.startswith("torch.nn.modules") and not any(True for _ in part.children())
        part.training = not own and type(part).__name__ not in DROP_PATHS
    try:
        yield
    finally:
        for part, mode in before:
            part.training = mode
