"""The peak memory of a running network in PyTorch's eager mode, by a replay of allocated and freed storages.

It counts the logical bytes of storages that are alive on the device at the same time, without the allocator's rounding and
fragmentation, cuDNN's workspaces and the CUDA context. The rules were measured on torch 2.13 with CUDA dispatch.

Training is one steady-state step: `zero_grad(set_to_none=True); out = model(x); loss = cross_entropy(out, y);
loss.backward(); optimizer.step()`; with several outputs, the loss is that of the first plus 0.3 times that of each
other output. Inference is one forward in eval mode without gradients.

How long a program holds its values depends on the program. For a module that was run, it was observed. For anything
else, this module assumes that a block, like a module, holds its inputs until it returns, and a peak that depends on
this is an estimate. The minimum for an order of layers, with every value freed after its last use, is certain.

With `amp`, forward and loss run under `torch.autocast("cuda", dtype=amp)`: parameters, their gradients and the
optimizer state stay float32, and autocast casts the rest. Each parameter that is used in 16 bits has a copy until the end
of forward, and backward keeps the copy of every weight that it multiplies by.
"""

from __future__ import annotations

from collections.abc import Sequence

from cnncalc.analyses.memory.ledger import Ledger, Moment
from cnncalc.analyses.memory.optimizers import cost
from cnncalc.analyses.memory.plan import Plan, plan
from cnncalc.analyses.memory.replay import Replay, weight_width
from cnncalc.analyses.parameters import learned
from cnncalc.analyses.totals import Analysis
from cnncalc.network import Network
from cnncalc.record import Record

LARGEST_BATCH = 2**30
ASSUMED = "each block holds its inputs until it returns"
INDEX_BYTES = 8  # of a class label, a row index of an embedding, and batch norm's counter of batches


class Run(Record):
    """The result of a replay, in bytes.

    `fixed` is alive all the time, by kind. `saved` is what forward saves for backward, and `saved_by_layer` the same by the
    layer that made it. `gradients` are those of all parameters that have one. `unknown` names the layers without a memory
    rule; if there are any, every figure is a lower bound. `assumes` is true if the peak depends on an assumption about the
    program (`ASSUMED`). `unstated` names what is not known about the optimizer; if there is anything, the peak is a lower
    bound.
    """

    fixed: dict[str, int]
    peak: Moment
    saved: int
    saved_by_layer: dict[str, int]
    moments: tuple[Moment, ...]
    unknown: tuple[str, ...]
    assumes: bool = False
    gradients: int = 0
    unstated: tuple[str, ...] = ()

    @property
    def bounded(self) -> bool:
        """True if the peak is a lower bound."""
        return bool(self.unknown or self.unstated)

    @property
    def exact(self) -> bool:
        """True if the peak is exact, neither a lower bound nor an estimate."""
        return not self.bounded and not self.assumes

    @property
    def bound(self) -> str:
        """What to print before the peak: `estimated`, `at least`, or nothing if it is exact."""
        return " ".join([*["estimated"] * self.assumes, *["at least"] * self.bounded])


def fixed_bytes(network: Network, work: Plan, batch: int, dtype: str) -> dict[str, int]:
    """Return what is alive all the time: parameters, buffers (with batch norm's counters), and the input."""
    width = weight_width(work, dtype)
    places = {node.inputs[0] for node in network.nodes if node.kind == "embedding"}  # row indices
    return {
        "parameters": work.params * width,
        "buffers": work.buffers * width + work.counters * INDEX_BYTES,
        "input": sum(
            node.output.size * batch * (node.width or (INDEX_BYTES if node.index in places else width))
            for node in network.inputs
        ),
    }


def infer(
    network: Network,
    batch: int = 1,
    dtype: str = "float32",
    *,
    least: bool = False,
    inplace: bool | None = None,
    amp: str = "",
    work: Plan | None = None,
) -> Run:
    """Replay one forward without gradients; with `least`, every value is freed after its last use."""
    work = work or plan(network, training=False, until_return=not least, inplace=inplace, amp=amp)
    fixed = fixed_bytes(network, work, batch, dtype)
    ledger = Ledger(fixed)
    ledger.mark("forward", "input")
    Replay(work, batch, dtype, ledger).forward(training=False)
    assert ledger.peak is not None
    assumes = work.until_return and not was_run(network)
    return Run(fixed, ledger.peak, 0, {}, tuple(ledger.moments), tuple(work.unknown), assumes)


def train(
    network: Network,
    batch: int = 1,
    dtype: str = "float32",
    optimizer: str = "sgd",
    *,
    least: bool = False,
    inplace: bool | None = None,
    checkpoint: Sequence[str] = (),
    amp: str = "",
    work: Plan | None = None,
) -> Run:
    """Replay one step in the steady state; with `least`, every value is freed after its last use.

    `work` is the plan of the network if it is already known. Once forward has returned, nothing depends on what it held, so
    a peak after forward assumes nothing.
    """
    work = work or plan(network, training=True, until_return=not least, inplace=inplace, checkpoint=checkpoint, amp=amp)
    fixed = fixed_bytes(network, work, batch, dtype)
    width = weight_width(work, dtype)
    gradients = sum(work.learned.values()) * width
    stepping = cost(optimizer, learned(work.network, work.learned), width)
    fixed["optimizer state"] = stepping.state
    fixed["input"] += INDEX_BYTES * batch * sum(value.numbers // value.classes for value in work.outputs[:1])
    ledger = Ledger(fixed)
    always = ledger.live
    ledger.mark("forward", "input")
    replay = Replay(work, batch, dtype, ledger)
    replay.forward(training=True)
    replay.losses()
    replay.leave_autocast()
    saved, saved_by_layer = ledger.live - always, ledger.live_by_layer()
    replay.backward()
    ledger.mark("optimizer", "optimizer", stepping.made)
    assert ledger.peak is not None
    unstated = list(stepping.unknown)
    if ledger.peak.live < ledger.live + stepping.most and stepping.made < stepping.most:
        unstated.append(f"the order of the parameters in the step of {optimizer}")
    later = max(moment.live for moment in ledger.moments if moment.phase != "forward")
    assumes = work.until_return and later < ledger.peak.live and not was_run(network)
    return Run(
        fixed,
        ledger.peak,
        saved,
        saved_by_layer,
        tuple(ledger.moments),
        tuple(work.unknown),
        assumes,
        gradients,
        tuple(unstated),
    )


def was_run(network: Network) -> bool:
    """True if the network was read by running it, so that the lifetime of each value was observed."""
    return any(node.seen is not None and node.seen.until is not None for node in network.nodes)


def columns(analysis: Analysis) -> Analysis:
    """Add what each layer saves for backward, and what is alive when it runs, in a training step with sgd."""
    run = train(analysis.network, analysis.batch, analysis.dtype)
    names = [row.node.name for row in analysis.rows]
    rows = dict(zip(names, names, strict=True))
    live: dict[str, int] = {}
    saved: dict[str, int] = {}
    for moment in run.moments:
        if moment.phase == "forward":
            at = rows.get(moment.at) or _nearest(moment.at, names)
            live[at] = max(live.get(at, 0), moment.live)
    for name, size in run.saved_by_layer.items():
        at = rows.get(name) or _nearest(name, names)
        saved[at] = saved.get(at, 0) + size
    return Analysis(
        network=analysis.network,
        rows=analysis.rows,
        totals=analysis.totals,
        batch=analysis.batch,
        dtype=analysis.dtype,
        saved=saved,
        live=live,
        unruled=run.unknown,
    )


def _nearest(name: str, names: Sequence[str]) -> str:
    """Return the row for a layer that exists only in training: the last row of its block, otherwise the last row."""
    while "." in name:
        name = name.rpartition(".")[0]
        inside = [other for other in names if other == name or other.startswith(name + ".")]
        if inside:
            return inside[-1]
    return names[-1]


class Largest(Record):
    """The largest batch that fits into a size, 0 if not even one example does, and the peak of one example."""

    batch: int
    first: Moment


def fit(network: Network, size: int, work: Plan, dtype: str = "float32", optimizer: str = "sgd") -> Largest:
    """Find the largest batch whose peak stays within `size` bytes."""

    def peak(batch: int) -> Moment:
        if work.training:
            return train(network, batch, dtype, optimizer, work=work).peak
        return infer(network, batch, dtype, work=work).peak

    first = peak(1)
    if first.live > size:
        return Largest(0, first)
    low, high = 1, 2
    while high <= LARGEST_BATCH and peak(high).live <= size:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if peak(middle).live <= size else (low, middle)
    return Largest(low, first)
