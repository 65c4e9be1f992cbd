"""Measures what a network holds in memory in PyTorch: creation and release of storages, counted below autograd.

A dispatch mode observes every ATen operation when it has allocated its results and still holds its operands. A weak
reference to every new storage shows when the last tensor on it is gone. The peak is the largest sum of the logical bytes
(numbers times size, without rounding) of the distinct storages alive at those moments.

No kernel runs: tensors are on the meta device, so a network of any size takes a moment, and any build of PyTorch works. Two
things are corrected for that. Where PyTorch chooses an operation by device above autograd, it chooses as for CUDA
(`cuda_dispatch`). And gradients that meet are added in place where the engine would do so (`Ledger.accumulate`), which
it does not under any dispatch mode, nor on the meta device.

`random_network` makes small networks, each as a module and as the specification that describes it.
"""

from __future__ import annotations

import copy
import functools
import os
import random
import re
import warnings
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from pathlib import Path
from typing import Any, Literal, NamedTuple
from unittest.mock import patch

import pytest

if os.environ.get("CNNCALC_REQUIRE_ORACLES") != "1":
    pytest.importorskip("torch", reason="PyTorch, the oracle of these tests, is not installed")

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.checkpoint import checkpoint

Optimizer = Literal[
    "sgd", "momentum", "adam", "adamw", "adagrad", "rmsprop", "nesterov", "adadelta", "adamax", "nadam", "radam", "rprop",
    "amsgrad", "adafactor",
]  # fmt: skip
Dispatch = Literal["cuda", "cpu"]

ATEN: Any = torch.ops.aten
OPTIMIZERS: dict[str, Callable[[Iterable[nn.Parameter]], torch.optim.Optimizer]] = {
    "sgd": lambda parameters: torch.optim.SGD(parameters, 0.1, foreach=True),
    "momentum": lambda parameters: torch.optim.SGD(parameters, 0.1, momentum=0.9, foreach=True),
    "adam": lambda parameters: torch.optim.Adam(parameters, foreach=True),
    "adamw": lambda parameters: torch.optim.AdamW(parameters, foreach=True),
    "adagrad": lambda parameters: torch.optim.Adagrad(parameters, foreach=True),
    "rmsprop": lambda parameters: torch.optim.RMSprop(parameters, foreach=True),
    "nesterov": lambda parameters: torch.optim.SGD(parameters, 0.1, momentum=0.9, nesterov=True, foreach=True),
    "adadelta": lambda parameters: torch.optim.Adadelta(parameters, foreach=True),
    "adamax": lambda parameters: torch.optim.Adamax(parameters, foreach=True),
    "nadam": lambda parameters: torch.optim.NAdam(parameters, foreach=True),
    "radam": lambda parameters: torch.optim.RAdam(parameters, foreach=True),
    "rprop": lambda parameters: torch.optim.Rprop(parameters, foreach=True),
    "amsgrad": lambda parameters: torch.optim.Adam(parameters, amsgrad=True, foreach=True),
    "adafactor": torch.optim.Adafactor,  # needs numbers, so not on the meta device
}


# -- what CUDA would choose -------------------------------------------------------------------------------------------


@contextmanager
def cuda_dispatch() -> Iterator[None]:
    """Replace the operations that `is_cuda()` chooses inside PyTorch, for tensors of another device.

    In a CUDA build with fake CUDA tensors, about sixty functions of `torch.nn` run the same operations as on the meta device,
    except those below. Three of them are one kernel on CUDA and are decomposed elsewhere. Attention and recurrent layers depend
    on the graphics card, so they are not covered.
    """
    batch_norm, instance_norm, dropout = torch.batch_norm, torch.instance_norm, torch.dropout

    def normalize(x: Tensor, *others: Any) -> Tensor:
        if _cudnn_normalizes(x, *others):
            return torch.cudnn_batch_norm(x.contiguous(), *others[:-1])[0]
        return batch_norm(x, *others)

    def normalize_each(
        x: Tensor, weight: Tensor | None, bias: Tensor | None, mean: Any, variance: Any, training: bool, *others: Any
    ) -> Tensor:
        """Follow Normalization.cpp, `instance_norm`: batch norm of one example with B*C channels."""
        if weight is None or bias is None or mean is not None or variance is not None or not training:
            return instance_norm(x, weight, bias, mean, variance, training, *others)
        batch, channels, *axes = x.shape
        repeated = [value.repeat(batch) for value in (weight, bias)]
        as_channels = x.contiguous().view(1, batch * channels, *axes)
        return normalize(as_channels, *repeated, None, None, True, *others).view(x.shape)

    def drop(x: Tensor, rate: float, training: bool) -> Tensor:
        return torch.native_dropout(x, rate, True)[0] if training and 0 < rate < 1 else dropout(x, rate, training)

    def scale(x: Tensor, shape: Sequence[int], weight: Tensor | None = None, eps: float | None = None) -> Tensor:
        x = (
            x if Autocast.current is None else Autocast.current.full(x)
        )  # the kernel comes after the one on autocast's list
        scaled: Tensor = ATEN._fused_rms_norm.default(x, list(shape), weight, eps)[0]
        return scaled

    def scaled_by(x: Tensor, shape: Sequence[int], weight: Tensor | None, eps: float | None) -> tuple[Tensor, Tensor]:
        rest = x.shape[: x.dim() - len(shape)]
        exact = torch.promote_types(x.dtype, torch.float32)
        return torch.empty_like(x), x.new_empty((*rest, *(1 for _ in shape)), dtype=exact)

    def unscaled(grad: Tensor, x: Tensor, shape: Any, rest: Any, weight: Tensor | None, mask: Any) -> tuple[Any, Any]:
        made = weight is not None and mask[1]
        return torch.empty_like(x) if mask[0] else None, torch.empty_like(weight) if made else None

    def unnormalized(grad: Tensor, x: Tensor, weight: Tensor | None, *others: Any) -> tuple[Any, Any, Any]:
        mask = others[-1]  # PyTorch's own kernel allocates only these results
        each = None if weight is None else torch.empty_like(weight)
        parts = [torch.empty_like(each) if each is not None and wanted else None for wanted in mask[1:]]
        return torch.empty_like(x) if mask[0] else None, *parts

    def refuse(*args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError("what attention and recurrent layers allocate on CUDA depends on the card")

    with ExitStack() as stack:
        kernels = stack.enter_context(torch.library._scoped_library("aten", "IMPL"))
        for name, kernel in (
            ("mish_backward", lambda grad, x: torch.empty_like(x)),
            ("native_batch_norm_backward", unnormalized),
            ("_fused_rms_norm", scaled_by),
            ("_fused_rms_norm_backward", unscaled),
        ):
            kernels.m.impl(f"aten::{name}", "Meta", kernel, False)  # `impl` itself would decompose them
        for place, name, instead in (
            (torch, "batch_norm", normalize),
            (torch, "instance_norm", normalize_each),
            (torch, "rms_norm", scale),
            (torch._VF, "dropout", drop),
            (functional, "scaled_dot_product_attention", refuse),
            *((torch._VF, name, refuse) for name in ("lstm", "gru", "rnn_tanh", "rnn_relu")),
        ):
            stack.enter_context(patch.object(place, name, instead, create=True))
        yield


def _cudnn_normalizes(
    x: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    mean: Tensor | None,
    variance: Tensor | None,
    training: bool,
    momentum: float,
    eps: float,
    enabled: bool,
) -> bool:
    """Follow Normalization.cpp, `_select_batch_norm_backend`. Otherwise it is the native one, with the same sizes."""
    if weight is None or bias is None or x.dim() < 3 or x.dtype == torch.bfloat16 or weight.dtype == torch.bfloat16:
        return False
    if (mean is None or variance is None) and not (mean is None and variance is None and training):
        return False
    return enabled and (x.dtype != torch.float16 or weight.dtype == torch.float32)


# -- what autocast would cast -----------------------------------------------------------------------------------------

# the key of a device that no build has kernels for; only autocast comes before autograd, so that casts are differentiated
KEY = torch._C.DispatchKey.AutocastIPU


@functools.cache
def _autocast_lists() -> dict[str, list[str]]:
    """Return the operations that autocast runs in 16 bits, in float32, and so on, on CUDA, from PyTorch's header."""
    header = (Path(torch.__file__).parent / "include" / "ATen" / "autocast_mode.h").read_text()
    lists = {}
    for name, body in re.findall(r"#define AT_FORALL_(\w+)\(_\)((?:[^\n]*\\\n)+[^\n]*)", header):
        lists[name] = [
            ".".join(part.strip() for part in parts.split(",")) for parts in re.findall(r"_\((\w+(?:, *\w+)?)\)", body)
        ]
    return lists


class Autocast:
    """`torch.autocast("cuda", dtype)` for tensors on the meta device, which autocast itself ignores.

    `current` is the active one.

    The lists are PyTorch's own. The treatment of the operations follows autocast_mode.h, and is the same for fake CUDA tensors
    in a CUDA build: parameters are cast once, and the copies are kept until the outermost exit.
    """

    current: Autocast | None = None

    def __init__(self, dtype: torch.dtype) -> None:
        self.dtype = dtype
        self.cache: dict[int, Tensor] = {}

    def low(self, value: Any) -> Any:
        """Cast to 16 bits. A parameter is copied only once."""
        if not isinstance(value, Tensor) or value.dtype not in (torch.float32, torch.float16, torch.bfloat16):
            return value
        if value.dtype == torch.float32 and value.requires_grad and value.is_leaf and not value._is_view():
            if id(value) not in self.cache:
                self.cache[id(value)] = value.to(self.dtype)
            return self.cache[id(value)]
        return value.to(self.dtype)

    def full(self, value: Any) -> Any:
        """Cast to float32."""
        half = isinstance(value, Tensor) and value.dtype in (torch.float16, torch.bfloat16)
        return value.to(torch.float32) if half else value

    def kernel(self, func: Any, policy: str) -> Callable[..., Any]:
        """Return the code that runs before an operation of a list."""

        def run(*args: Any, **kwargs: Any) -> Any:
            with torch._C._ExcludeDispatchKeyGuard(torch._C.DispatchKeySet(KEY)):
                if policy == "FP32_SET_OPT_DTYPE":
                    first = args[0]
                    if (
                        first.dtype == torch.float16
                        and func in (ATEN.softmax.int, ATEN.log_softmax.int)
                        and len(args) == 2
                    ):
                        one = ATEN._softmax if func is ATEN.softmax.int else ATEN._log_softmax
                        return one.default(first, args[1], True)  # one kernel on CUDA, for this dtype
                    place = [argument.name for argument in func._schema.arguments].index("dtype")
                    given = len(args) > place or kwargs.get("dtype") is not None or not first.is_floating_point()
                    return func(*args, **kwargs) if given else func(*args, **{**kwargs, "dtype": torch.float32})
                cast = self.low if policy == "LOWER_PRECISION_FP" else self.full
                done = [cast(value) for value in reversed(args)][::-1]  # as a C++ compiler evaluates arguments
                return func(*done, **{name: cast(value) for name, value in kwargs.items()})

        return run

    @contextmanager
    def on(self) -> Iterator[None]:
        """Enter autocast. The copies of parameters live until its end."""
        with ExitStack() as stack:
            kernels = stack.enter_context(torch.library._scoped_library("aten", "IMPL"))
            for policy in ("LOWER_PRECISION_FP", "FP32", "FP32_SET_OPT_DTYPE"):
                for name in _autocast_lists()[policy]:
                    packet, _, overload = name.partition(".")
                    func = getattr(getattr(ATEN, packet), overload or "default")
                    kernels.m.impl(f"aten::{name}", KEY.name, self.kernel(func, policy), False)
            others = stack.enter_context(torch.library._scoped_library("_", "IMPL"))
            others.fallback(torch.library.fallthrough_kernel, KEY.name)
            stack.callback(self.cache.clear)
            for set_key, to in (
                (torch._C._dispatch_tls_set_dispatch_key_included, True),
                (torch._C._dispatch_tls_set_dispatch_key_excluded, False),  # like autocast's keys except for this one
            ):
                stack.callback(set_key, KEY, not to)
                set_key(KEY, to)
            stack.enter_context(patch.object(Autocast, "current", self))
            yield


def _autocast(dtype: torch.dtype | None, dispatch: Dispatch) -> AbstractContextManager[Any]:
    if dtype is None:
        return nullcontext()
    return Autocast(dtype).on() if dispatch == "cuda" else torch.autocast("cpu", dtype)


# -- checkpointed blocks ----------------------------------------------------------------------------------------------


class _Again:
    """Whether a checkpointed block runs for the second time: its additions are not sums of gradients."""

    running = False


def again(function: Callable[..., Tensor], *args: Tensor) -> Tensor:
    """`checkpoint` as PyTorch recommends it, under the same autocast the second time.

    The state of random numbers is not kept, because PyTorch keeps it on the CPU, whose memory does not count.
    """
    amp = Autocast.current

    @contextmanager
    def second() -> Iterator[None]:
        with patch.object(_Again, "running", True), nullcontext() if amp is None else Autocast(amp.dtype).on():
            yield

    value: Tensor = checkpoint(
        function, *args, use_reentrant=False, preserve_rng_state=False, context_fn=lambda: (nullcontext(), second())
    )
    return value


# -- counting ---------------------------------------------------------------------------------------------------------


class Birth:
    """A storage: its bytes, its purpose, the operation that created it and the one after which it was released."""

    __slots__ = ("born", "died", "kind", "size", "watch")

    def __init__(self, size: int, kind: str, born: int) -> None:
        self.size = size
        self.kind = kind
        self.born = born
        self.died: int | None = None
        self.watch: weakref.ref[Any] | None = None

    def alive(self, moment: int) -> bool:
        """Return whether it existed when operation `moment` had allocated its results."""
        return self.born <= moment and (self.died is None or moment < self.died)


class Moment(NamedTuple):
    """The end of one operation: the phase, its name, and the live bytes; `fresh` if it allocated anything."""

    phase: str
    op: str
    live: int
    fresh: bool


class Ledger(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Every operation on a device, and the storages alive after it."""

    def __init__(self, device: str) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.device = device
        self.phase = "setup"
        self.live = 0
        self.births: list[Birth] = []
        self.moments: list[Moment] = []
        self.known: dict[int, Birth] = {}  # by the address of the storage, which is unique while it is alive
        self.in_place = self.out_of_place = 0
        self.norm = False  # whether the operation computes the norm of a parameter, which is on the card
        self.one_holder = _hands_of_one_holder()

    def __torch_dispatch__(
        self, func: Any, types: Sequence[type], args: Sequence[Any] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if func is ATEN.add.Tensor and self.phase == "bwd" and not kwargs and not _Again.running:
            result = self.accumulate(args[0], args[1])
        else:
            result = func(*args, **(kwargs or {}))
        self.norm = func is ATEN.linalg_vector_norm.default or func is ATEN.norm.Scalar
        fresh = self.meet(tree_leaves(result), self.phase)
        self.norm = False
        self.moments.append(Moment(self.phase, str(func), self.live, fresh))
        return result

    def accumulate(self, there: Tensor, given: Tensor) -> Tensor:
        """Add two gradients as input_buffer.cpp does: in place if nothing else holds the first one and it is dense.

        Only sums of the engine itself get here, because no layer of a convolutional network adds in its backward pass.
        """
        if _hands(there) == self.one_holder and torch.ops.aten.is_non_overlapping_and_dense(there):
            self.in_place += 1
            total: Tensor = there.add_(given)
        else:
            self.out_of_place += 1
            total = there.add(given)
        return total

    def meet(self, values: Iterable[Any], kind: str) -> bool:
        """Record the storages that are new, and return whether there are any."""
        count = len(self.births)
        for value in values:
            if not isinstance(value, Tensor) or value.device.type != self.device:
                continue
            if self.device == "cpu" and kind.startswith("opt") and value.dim() == 0 and not self.norm:
                continue  # step counters, which stay on the CPU for CUDA
            storage = value.untyped_storage()
            if storage._cdata not in self.known:
                self._note(storage, kind)
        return len(self.births) > count

    def _note(self, storage: torch.UntypedStorage, kind: str) -> None:
        birth = Birth(storage.nbytes(), kind, len(self.moments))
        key = storage._cdata

        def bury(_: Any) -> None:
            birth.died = len(self.moments)
            self.live -= birth.size
            del self.known[key]

        birth.watch = weakref.ref(storage, bury)
        self.known[key] = birth
        self.births.append(birth)
        self.live += birth.size

    def of(self, kind: str) -> int:
        """Return the live bytes of a kind."""
        return sum(birth.size for birth in self.known.values() if birth.kind == kind)

    def peak(self, phase: str) -> tuple[int, int] | None:
        """Return the largest number of live bytes in a phase and its moment; None if nothing was allocated in it."""
        found = [(place, moment) for place, moment in enumerate(self.moments) if moment.phase == phase]
        if not any(moment.fresh for _, moment in found):
            return None
        place, moment = max(found, key=lambda item: item[1].live)
        return moment.live, place

    def parts(self, place: int) -> dict[str, int]:
        """Return the live bytes at a moment, by kind."""
        found: dict[str, int] = {}
        for birth in self.births:
            if birth.size and birth.alive(place):
                found[birth.kind] = found.get(birth.kind, 0) + birth.size
        return found


def _hands(value: Any) -> tuple[int, int]:
    """Return the number of references to a tensor and its storage, including the views of this module."""
    return value._use_count(), torch._C._storage_Use_Count(value.untyped_storage()._cdata)


class _Watch(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts the references to a gradient with one holder when it reaches a dispatch mode."""

    seen: tuple[int, int] = (0, 0)

    def __torch_dispatch__(
        self, func: Any, types: Sequence[type], args: Sequence[Any] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if func is ATEN.add.Tensor:
            self.seen = _hands(args[0])
        return func(*args, **(kwargs or {}))


@functools.cache
def _hands_of_one_holder() -> tuple[int, int]:
    """Count references for two gradients that meet and that nothing else holds."""
    with torch.enable_grad():
        x = torch.zeros(2, device="meta", requires_grad=True)
        y = x * 2
        total = torch.cat([y.sin(), y.cos()]).sum()
    with _Watch() as watch:  # type: ignore[no-untyped-call]
        total.backward()  # type: ignore[no-untyped-call]
    seen: tuple[int, int] = watch.seen
    assert seen != (0, 0)
    return seen


# -- the step that is measured ----------------------------------------------------------------------------------------


def measure_training(
    module: nn.Module,
    x_shape: Sequence[int],
    batch: int,
    optimizer: Optimizer = "sgd",
    dtype: torch.dtype = torch.float32,
    *,
    dispatch: Dispatch = "cuda",
    amp: torch.dtype | None = None,
    loss: Callable[[Any, Tensor], Tensor] = functional.cross_entropy,
) -> dict[str, Any]:
    """Measure the second training step: `zero_grad; out = model(x); loss = cross_entropy(out, y); loss.backward(); opt.step()`.

    With `amp`, the forward and the loss run under autocast to that dtype.

    `x_shape` is channels first, without the batch. The fields are those of reference/memory.json, plus those of an
    optimizer; `moments` is every operation with the live bytes after it. The module does not change.
    With `dispatch="cpu"` real kernels run on the CPU.
    """
    ledger = Ledger("meta" if dispatch == "cuda" else "cpu")
    model = _copied(module, ledger.device, dtype).train()
    stepper = OPTIMIZERS[optimizer](model.parameters())
    with _dispatched(dispatch):
        x = torch.zeros(batch, *x_shape, dtype=dtype, device=ledger.device)
        y, saved = _saved(model, x, loss)
        stepper.step()  # an earlier step leaves the optimizer's state of the parameters that got a gradient
        ledger.meet(model.parameters(), "params")
        ledger.meet(model.buffers(), "buffers")
        ledger.meet((value for state in stepper.state.values() for value in state.values()), "opt_state")
        stepper.zero_grad(set_to_none=True)
        ledger.meet([x, y], "input")
        always, state = ledger.live, ledger.of("opt_state")
        with ledger:
            ledger.phase = "fwd"
            with _autocast(amp, dispatch):
                out = model(x)
                error = loss(out, y)
            kept = ledger.live - always
            ledger.phase = "bwd"
            error.backward()  # type: ignore[no-untyped-call]
            gradients = [parameter.grad for parameter in model.parameters() if parameter.grad is not None]
            for storage in {gradient.untyped_storage()._cdata for gradient in gradients}:
                ledger.known[storage].kind = "grads"
            ledger.phase = "opt"
            stepper.step()
        del out, error
    peaks = {phase: ledger.peak(phase) for phase in ("fwd", "bwd", "opt")}
    phase, (peak, place) = max(
        ((name, found) for name, found in peaks.items() if found is not None), key=lambda item: item[1][0]
    )
    return {
        "params_bytes": ledger.of("params"),
        "buffers_bytes": ledger.of("buffers"),
        "saved_input_bytes": ledger.of("input"),
        "saved_bytes_hooks": saved,
        "act_bytes_end_fwd": kept,
        "fwd_peak_extra": peaks["fwd"][0] - always if peaks["fwd"] else 0,
        "bwd_peak_extra": peaks["bwd"][0] - always if peaks["bwd"] else 0,
        "n_inplace_acc": ledger.in_place,
        "n_outplace_acc": ledger.out_of_place,
        "peak_bytes": peak,
        "peak_phase": phase,
        "peak_op": ledger.moments[place].op,
        "fwd_peak": peaks["fwd"] and peaks["fwd"][0],
        "bwd_peak": peaks["bwd"] and peaks["bwd"][0],
        "opt_peak": peaks["opt"] and peaks["opt"][0],
        "grads_bytes": ledger.of("grads"),
        "opt_state_bytes": state,
        "at_peak": {AT_PEAK.get(kind, kind): size for kind, size in ledger.parts(place).items()},
        "moments": ledger.moments,
    }


AT_PEAK = {"fwd": "act_saved", "bwd": "bwd_temp", "opt": "opt_temp"}


def measure_inference(
    module: nn.Module,
    x_shape: Sequence[int],
    batch: int,
    dtype: torch.dtype = torch.float32,
    *,
    dispatch: Dispatch = "cuda",
    amp: torch.dtype | None = None,
) -> dict[str, Any]:
    """Measure a forward in eval mode without gradients, whose caller holds the input. Fields: `infer` of memory.json."""
    ledger = Ledger("meta" if dispatch == "cuda" else "cpu")
    model = _copied(module, ledger.device, dtype).eval()
    with _dispatched(dispatch), torch.no_grad():
        x = torch.zeros(batch, *x_shape, dtype=dtype, device=ledger.device)
        ledger.meet([*model.parameters(), *model.buffers()], "params_buffers")
        ledger.meet([x], "input")
        always = ledger.live
        ledger.phase = "fwd"
        with ledger, _autocast(amp, dispatch):
            out = model(x)
        del out
    peak, place = ledger.peak("fwd") or (always, len(ledger.moments) - 1)
    return {
        "peak_bytes": peak,
        "peak_op": ledger.moments[place].op if ledger.moments else None,
        "params_buffers_bytes": ledger.of("params_buffers"),
        "input_bytes": ledger.of("input"),
        "act_peak_bytes": peak - always,
        "moments": ledger.moments,
    }


def _copied(module: nn.Module, device: str, dtype: torch.dtype) -> nn.Module:
    """Return the module on another device. A module without numbers gets some if kernels are to run."""
    bare = any(value.is_meta for value in [*module.parameters(), *module.buffers()])
    model = copy.deepcopy(module).to(dtype)
    if device == "meta" or not bare:
        return model.to(device)
    model = model.to_empty(device=device)
    with torch.no_grad():
        for value in [*model.parameters(), *model.buffers()]:
            value.fill_(0.1 if value.is_floating_point() else 0)
    return model


def _dispatched(dispatch: Dispatch) -> AbstractContextManager[None]:
    return cuda_dispatch() if dispatch == "cuda" else nullcontext()


def _saved(model: nn.Module, x: Tensor, loss: Callable[[Any, Tensor], Tensor]) -> tuple[Tensor, int]:
    """Return the target classes, one per vector of scores, and the bytes that a forward with them saves for backward.

    Each storage counts once; parameters, buffers and the batch do not count. The gradients of this step stay with the parameters.
    """
    kept: dict[int, weakref.ref[torch.UntypedStorage]] = {}

    def keep(value: Tensor) -> Tensor:
        storage = value.untyped_storage()
        kept[storage._cdata] = weakref.ref(storage)
        return value

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda value: value):
        out = model(x)
        scores: Tensor = out if isinstance(out, Tensor) else out[0]
        y = torch.zeros(scores.shape[0], *scores.shape[2:], dtype=torch.int64, device=x.device)
        error = loss(out, y)
    own = {value.untyped_storage()._cdata for value in [*model.parameters(), *model.buffers(), x, y]}
    storages = [storage for key, watch in kept.items() if key not in own and (storage := watch()) is not None]
    total = sum(storage.nbytes() for storage in storages)
    storages.clear()
    error.backward()  # type: ignore[no-untyped-call]
    del error
    return y, total


# -- networks to measure ----------------------------------------------------------------------------------------------


class Level(nn.Module):
    """Steps one after the other, as in `nn.Sequential`: one local variable, and the caller holds what it passed.

    A `checkpointed` level runs again in backward, from its input; `name` is that of the block in the specification.
    """

    def __init__(self, steps: Iterable[nn.Module], name: str = "") -> None:
        super().__init__()
        self.steps = nn.ModuleList(steps)
        self.name = name
        self.checkpointed = False

    def forward(self, x: Tensor) -> Tensor:
        if not self.checkpointed:
            return _chained(self.steps, x)
        return again(functools.partial(_chained, self.steps), x)


class Merge(nn.Module):
    """Operands, each computed from the incoming value in turn, and their join: `x = torch.cat([a(x), b(x)], 1)`."""

    def __init__(self, kind: str, operands: Iterable[Iterable[nn.Module]], inplace: bool = False) -> None:
        super().__init__()
        self.kind = kind
        self.operands = nn.ModuleList([nn.ModuleList(steps) for steps in operands])
        self.inplace = inplace

    def forward(self, x: Tensor) -> Tensor:
        values = [_chained(steps, x) for steps in self.operands]  # type: ignore[arg-type]
        if self.kind == "concat":
            return torch.cat(values, 1)
        total = values.pop(0)
        while values:
            if self.kind == "mul":
                total = _product(total, values.pop(0))
            elif self.inplace:
                total += values.pop(0)
            else:
                total = total + values.pop(0)
        return total


class Fc(nn.Linear):
    """A fully connected layer that flattens its input."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(torch.flatten(x, 1))


class Mean(nn.Module):
    """Global average pooling to a vector."""

    def forward(self, x: Tensor) -> Tensor:
        return x.mean((2, 3))


class Pad(nn.Module):
    """Padding by sides: left, right, top, bottom."""

    def __init__(self, sides: Sequence[int], mode: str) -> None:
        super().__init__()
        self.sides = tuple(sides)
        self.mode = {"zeros": "constant"}.get(mode, mode)

    def forward(self, x: Tensor) -> Tensor:
        return functional.pad(x, self.sides, self.mode)


class Network(Level):
    """A whole network and its input shape: channels first, without the batch."""

    def __init__(self, steps: Iterable[nn.Module], x_shape: Sequence[int]) -> None:
        super().__init__(steps)
        self.x_shape = tuple(x_shape)


def _chained(steps: Iterable[nn.Module], x: Tensor) -> Tensor:
    for step in steps:
        x = step(x)
    return x


def _product(a: Tensor, b: Tensor) -> Tensor:
    """Return the product of a volume and a gate: a volume, or a vector of channels."""
    if a.dim() < b.dim():
        return a[:, :, None, None] * b
    return a * (b[:, :, None, None] if b.dim() < a.dim() else b)


class Step(NamedTuple):
    """One step of a specification, and the modules that do the same, in order.

    `shape` is the output, channels first. `free` is true if the next layer may overwrite it, because backward does not need it.
    """

    spec: Any
    modules: tuple[nn.Module, ...]
    shape: tuple[int, ...]
    free: bool = True


# kind -> its module, whether it can work in place, whether its output is free in that case, and otherwise
ACTIVATIONS: dict[str, tuple[Callable[..., nn.Module], bool, bool, bool]] = {
    "relu": (nn.ReLU, True, False, False),
    "relu6": (nn.ReLU6, True, True, True),
    "leakyrelu": (nn.LeakyReLU, True, False, True),
    "elu": (nn.ELU, True, False, True),
    "silu": (nn.SiLU, True, True, True),
    "mish": (nn.Mish, True, True, True),
    "hardswish": (nn.Hardswish, True, True, True),
    "hardsigmoid": (nn.Hardsigmoid, True, True, True),
    "sigmoid": (nn.Sigmoid, False, False, False),
    "tanh": (nn.Tanh, False, False, False),
    "gelu": (nn.GELU, False, True, True),
}
LAYERS = ("conv",) * 5 + ("depthwise", "batchnorm", "batchnorm", "batchnorm") + ("activation",) * 5
SELDOM = ("maxpool", "avgpool", "dropout", "identity", "upsample", "pad", "adaptiveavgpool")
SIZE_STAYS = 4  # the first of these can keep height and width
JOINS = ("residual", "projection", "add", "concat", "mul", "gate")
GROUPS = ("block", "named", "seq")


class Architect:
    """Draws a random network as the steps of a specification and as the modules that do the same."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.blocks: list[str] = []
        self.names = 0
        self.left = self.random.randint(1, 14)  # layers, except for those that end the network or a path
        self.adds_in_place = self.odds(0.4)

    def odds(self, share: float) -> bool:
        """Return true with this probability."""
        return self.random.random() < share

    def network(self) -> tuple[Network, str]:
        """Return a network and its specification."""
        shape = (self.random.randint(1, 4), self.random.randint(5, 12), self.random.randint(5, 12))
        steps = self.chain(shape, most=14, least=1)
        steps += self.head(steps[-1])
        lines = [f"input: {shape[1]}x{shape[2]}x{shape[0]}"]
        if self.adds_in_place:
            lines.append("defaults: {add: {inplace: true}}")
        if self.blocks:
            lines += ["blocks:", *[f"  {block}" for block in self.blocks]]
        lines += ["layers:", *[f"  - {flow(step.spec)}" for step in steps]]
        return Network(_modules(steps), shape), "\n".join(lines) + "\n"

    def head(self, before: Step) -> list[Step]:
        """Return the end of a network: a vector of scores."""
        steps = [before]
        if self.odds(0.6):
            steps.append(self.leaf("globalavgpool", None, Mean(), before.shape))
        if self.odds(0.3):
            steps.append(self.fc(steps[-1].shape, self.random.randint(3, 8)))
            steps.append(self.activation(steps[-1].shape, steps[-1].free))
            if self.odds(0.5):
                steps.append(self.dropout(steps[-1].shape, steps[-1].free))
        return [*steps[1:], self.fc(steps[-1].shape, self.random.randint(2, 10))]

    def chain(
        self, shape: tuple[int, ...], depth: int = 0, most: int = 4, least: int = 0, stays: bool = False
    ) -> list[Step]:
        """Return some steps; the first does not overwrite its input. With `stays`, none changes height or width."""
        steps: list[Step] = []
        for number in range(self.random.randint(least, most)):
            if self.left <= 0 and number >= least:
                break
            before, free = (steps[-1].shape, steps[-1].free) if steps else (shape, False)
            draw = self.random.random()
            if draw < 0.2 and depth < 3:
                steps.append(self.join(self.random.choice(JOINS), before, depth + 1, stays))
            elif draw < 0.32 and depth < 3:
                steps.append(self.group(self.random.choice(GROUPS), before, depth + 1, stays))
            else:
                seldom = SELDOM[:SIZE_STAYS] if stays else SELDOM
                steps.append(self.layer(self.random.choice(LAYERS if draw < 0.8 else seldom), before, free, stays))
        return steps

    # -- groups and joins ---------------------------------------------------------------------------------------------

    def group(self, kind: str, shape: tuple[int, ...], depth: int, stays: bool) -> Step:
        """Return a block of the file or a named group, which are modules, or an unnamed group, which is not."""
        steps = self.chain(shape, depth, most=5, least=1, stays=stays)
        specs = [step.spec for step in steps]
        if kind == "seq":
            return Step({"seq": specs}, _modules(steps), steps[-1].shape, steps[-1].free)
        self.names += 1
        spec: Any = {"seq": specs, "as": f"part{self.names}"}
        if kind == "block":
            spec = f"Block{self.names}"
            self.blocks.append(f"{spec}: {flow(specs)}")
        level = Level(_modules(steps), spec if isinstance(spec, str) else spec["as"])
        return Step(spec, (level,), steps[-1].shape, steps[-1].free)

    def join(self, kind: str, shape: tuple[int, ...], depth: int, stays: bool) -> Step:
        """Return a sum, a product or a concatenation of values computed from one value."""
        if kind == "gate":
            return self.gate(shape)
        stride = 1 if stays or kind in ("residual", "mul") else self.random.choice((1, 1, 2))
        channels = shape[0] if kind in ("residual", "mul") else self.random.randint(1, 8)
        if kind == "projection":
            return self.projection(shape, depth, channels, stride)
        main = self.path(shape, depth, channels, stride)
        if kind == "residual":
            return Step({"residual": _specs(main)}, (Merge("add", [_modules(main), []], self.adds_in_place),), shape)
        paths = [main]
        for _ in range(1 if kind == "mul" else self.random.randint(1, 2)):
            width = self.random.randint(1, 6) if kind == "concat" else channels
            paths.append(self.path(shape, depth, width, stride))
        if main[-1].shape[1:] == shape[1:] and (kind == "concat" or channels == shape[0]) and self.odds(0.5):
            paths.insert(0 if kind == "concat" and self.odds(0.3) else self.random.randint(1, len(paths)), [])
        count = sum(path[-1].shape[0] if path else shape[0] for path in paths)
        after = (count if kind == "concat" else channels, *main[-1].shape[1:])
        return self.merged(kind, paths, after)

    def merged(self, kind: str, paths: list[list[Step]], after: tuple[int, ...]) -> Step:
        """Return unnamed operands, run in line, or named ones, which are modules."""
        specs: list[Any] = [_specs(path) or "prev" for path in paths]
        modules: list[Sequence[nn.Module]] = [_modules(path) for path in paths]
        spec: Any = {kind: specs}
        if self.odds(0.3):
            labels = "abcdef"[: len(specs)]
            spec = {kind: dict(zip(labels, specs, strict=True))}
            modules = [[Level(steps)] if steps else [] for steps in modules]
        return Step(spec, (Merge(kind, modules, kind == "add" and self.adds_in_place),), after)

    def projection(self, shape: tuple[int, ...], depth: int, channels: int, stride: int) -> Step:
        """Return a residual with a projection shortcut, because the shapes differ."""
        if channels == shape[0]:
            channels += 1
        main = self.path(shape, depth, channels, stride)
        short = [self.conv(shape, channels, "1", stride)]
        if self.odds(0.5):
            short.append(self.batchnorm(short[-1].shape))
        spec = {"residual": {"main": _specs(main), "projection": _specs(short)}}
        merge = Merge("add", [_modules(main), [Level(_modules(short))]], self.adds_in_place)
        return Step(spec, (merge,), main[-1].shape)

    def path(self, shape: tuple[int, ...], depth: int, channels: int, stride: int) -> list[Step]:
        """Return steps that end with this many channels and this stride, in a value that a sum may overwrite."""
        steps = self.chain(shape, depth, most=2, stays=True)
        steps.append(self.conv(steps[-1].shape if steps else shape, channels, self.random.choice("133"), stride))
        if self.odds(0.4):
            steps.append(self.batchnorm(steps[-1].shape))
        if self.odds(0.3):
            after = self.activation(steps[-1].shape, steps[-1].free)
            if after.free or not self.adds_in_place:
                steps.append(after)
        return steps

    def gate(self, shape: tuple[int, ...]) -> Step:
        """Return squeeze and excitation: every channel times a number computed from all of them."""
        fully, narrow = self.odds(0.5), self.random.randint(1, 4)
        steps = [
            self.leaf("globalavgpool", None, Mean(), shape)
            if fully
            else self.leaf("adaptiveavgpool", 1, nn.AdaptiveAvgPool2d(1), shape)
        ]
        steps.append(self.fc(steps[-1].shape, narrow) if fully else self.conv(steps[-1].shape, narrow, "1"))
        steps.append(self.activation(steps[-1].shape, steps[-1].free))
        steps.append(self.fc(steps[-1].shape, shape[0]) if fully else self.conv(steps[-1].shape, shape[0], "1"))
        name = self.random.choice(("sigmoid", "sigmoid", "hardsigmoid"))
        steps.append(self.activation(steps[-1].shape, steps[-1].free, name))
        operands: list[tuple[Any, Sequence[nn.Module]]] = [("prev", []), (_specs(steps), _modules(steps))]
        if self.odds(0.3):
            operands.reverse()
        elif self.odds(0.5):
            spec = {"mul": {"value": "prev", "gate": _specs(steps)}}
            return Step(spec, (Merge("mul", [[], [Level(_modules(steps))]]),), shape)
        return Step({"mul": [spec for spec, _ in operands]}, (Merge("mul", [way for _, way in operands]),), shape)

    # -- layers -------------------------------------------------------------------------------------------------------

    def leaf(self, kind: str, fields: Any, module: nn.Module, shape: tuple[int, ...], free: bool = True) -> Step:
        """Return one layer; PyTorch determines its output shape."""
        self.left -= 1
        with torch.no_grad(), torch.device("meta"), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an even kernel with padding='same' copies its input, as intended
            out = module.eval()(torch.empty(2, *shape))
        spec = kind if fields is None else {kind: fields}
        return Step(spec, (module,), tuple(out.shape[1:]), free)

    def layer(self, kind: str, shape: tuple[int, ...], free: bool, stays: bool) -> Step:
        """Return one layer of a kind. If PyTorch refuses it or nothing is left, it becomes a convolution with a kernel of 1."""
        if kind == "activation":
            return self.activation(shape, free)
        if kind == "dropout":
            return self.dropout(shape, free)
        if kind == "identity":
            return self.leaf(kind, None, nn.Identity(), shape, free=False)
        if kind == "batchnorm":
            return self.batchnorm(shape)
        try:
            if kind in ("conv", "depthwise"):
                return self.window(kind, shape, stays)
            if kind in ("maxpool", "avgpool"):
                return self.pool(kind, shape, stays)
            return self.resized(kind, shape)
        except RuntimeError:
            return self.conv(shape, self.random.randint(1, 8), "1")

    def window(self, kind: str, shape: tuple[int, ...], stays: bool) -> Step:
        """Return a convolution of any kind."""
        height, width = self.random.choice(((1, 1), (3, 3), (3, 3), (5, 5), (1, 3), (3, 1), (2, 2), (4, 4), (2, 3)))
        dilation = self.random.choice((1, 1, 1, 2))
        stride, pad = self.random.choice((1, 1, 2)), self.random.choice(("same", "same", 0, 1))
        if stays or pad == "same":
            stride, pad = 1, "same"
        bias = self.odds(0.6)
        kernel: Any = height if height == width else f"{height}x{width}"
        fields: dict[str, Any] = {"kernel": kernel, "stride": stride, "pad": pad, "dilation": dilation, "bias": bias}
        groups = shape[0]
        if kind == "conv":
            groups = self.random.choice([count for count in (1, 1, 1, 2, 3, 4) if shape[0] % count == 0])
            filters = groups * self.random.randint(1, 8 // groups)
            fields |= {"filters": filters, "groups": groups}
        else:
            multiplier = self.random.choice((1, 1, 2))
            filters = groups * multiplier
            fields["multiplier"] = multiplier
        module = nn.Conv2d(shape[0], filters, (height, width), stride, pad, dilation, groups, bias)
        plain = {"stride": 1, "pad": 0, "dilation": 1, "bias": True, "groups": 1, "multiplier": 1}
        return self.leaf(kind, {key: value for key, value in fields.items() if plain.get(key) != value}, module, shape)

    def conv(self, shape: tuple[int, ...], filters: int, kernel: str, stride: int = 1) -> Step:
        """Return a convolution that keeps the size, except for its stride."""
        size = int(kernel)
        fields: dict[str, Any] = {"filters": filters, "kernel": size}
        if size > 1:
            fields["pad"] = size // 2
        if stride > 1:
            fields["stride"] = stride
        return self.leaf("conv", fields, nn.Conv2d(shape[0], filters, size, stride, size // 2), shape)

    def pool(self, kind: str, shape: tuple[int, ...], stays: bool) -> Step:
        """Return a pooling with a window."""
        kernel = 3 if stays else self.random.choice((2, 3))
        stride = 1 if stays else self.random.choice((1, 2, 3))
        pad = 1 if stays or self.odds(0.4) else 0
        ceil = not stays and self.odds(0.3)
        made = nn.MaxPool2d if kind == "maxpool" else nn.AvgPool2d
        fields = {"kernel": kernel, "stride": stride, **({"pad": 1} if pad else {}), **({"ceil": True} if ceil else {})}
        return self.leaf(kind, fields, made(kernel, stride, pad, ceil_mode=ceil), shape)

    def resized(self, kind: str, shape: tuple[int, ...]) -> Step:
        """Return a layer that changes height and width: upsampling, padding or an adaptive pooling."""
        if kind == "adaptiveavgpool":
            size = self.random.randint(1, 4)
            return self.leaf(kind, size, nn.AdaptiveAvgPool2d(size), shape)
        if kind == "upsample" and max(shape[1:]) <= 16:
            mode = self.random.choice(("nearest", "bilinear"))
            return self.leaf(kind, {"factor": 2, "mode": mode}, nn.Upsample(scale_factor=2, mode=mode), shape)
        mode = self.random.choice(("zeros", "zeros", "reflect", "replicate"))
        sides = [self.random.randint(0, 2) for _ in range(4)]
        sides[0] += not any(sides)
        by = dict(zip(("left", "right", "top", "bottom"), sides, strict=True))
        return self.leaf("pad", {"by": by, "mode": mode}, Pad(sides, mode), shape)

    def batchnorm(self, shape: tuple[int, ...]) -> Step:
        """Return a batch norm, unless channels have a single number, which has no variance."""
        if shape[1:] == (1, 1):
            return self.activation(shape, free=False, name="gelu")
        affine = self.odds(0.9)
        return self.leaf(
            "batchnorm", None if affine else {"affine": False}, nn.BatchNorm2d(shape[0], affine=affine), shape
        )

    def activation(self, shape: tuple[int, ...], free: bool, name: str | None = None) -> Step:
        """Return an activation, randomly in place if the value before it is free."""
        name = name or self.random.choice(("relu", "relu", "relu", *ACTIVATIONS))
        made, able, free_in_place, free_else = ACTIVATIONS[name]
        if able and free and self.odds(0.5):
            return self.leaf(name, {"inplace": True}, made(inplace=True), shape, free_in_place)
        return self.leaf(name, None, made(), shape, free_else)

    def dropout(self, shape: tuple[int, ...], free: bool) -> Step:
        """Return dropout; with a rate of 0 it returns its input."""
        rate, inplace = self.random.choice((0.5, 0.5, 0.2, 0)), free and self.odds(0.3)
        fields = {"rate": rate, "inplace": True} if inplace else rate
        return self.leaf("dropout", fields, nn.Dropout(rate, inplace), shape, free or rate > 0)

    def fc(self, shape: tuple[int, ...], units: int) -> Step:
        """Return a fully connected layer."""
        bias = self.odds(0.8)
        fields = {"units": units, "bias": False} if not bias else units
        return self.leaf("fc", fields, Fc(torch.Size(shape).numel(), units, bias), shape)


def _specs(steps: Iterable[Step]) -> list[Any]:
    return [step.spec for step in steps]


def _modules(steps: Iterable[Step]) -> tuple[nn.Module, ...]:
    return tuple(module for step in steps for module in step.modules)


def flow(value: Any) -> str:
    """Format a value of a specification on one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(flow(item) for item in value) + "]"
    return str(value).lower() if isinstance(value, bool) else str(value)


def random_network(seed: int) -> tuple[Network, str]:
    """Return a small network as a module without numbers, and as cnncalc's specification; `x_shape` is its input.

    A block, a named group, a named operand and a projection are modules; everything else runs in line in the
    module around it, in one local variable. An unnamed operand runs in the forward of its merge, which holds its
    input to the end.
    """
    with torch.device("meta"):
        return Architect(seed).network()
