"""The peak memory of a running network, as PyTorch's eager mode reaches it: a replay of storages born and freed.

Counted are logical bytes of storages alive at once on the device. Not counted: the allocator's rounding and
fragmentation, cuDNN's workspaces, the CUDA context. The rules are those measured on torch 2.13 with CUDA dispatch.

Training is one steady-state step: `zero_grad(set_to_none=True); out = model(x); loss = cross_entropy(out, y);
loss.backward(); optimizer.step()`; with several outputs the loss is the first one's plus 0.3 of each other's.
Inference is one forward in eval mode without gradients. A block, like a module, holds its inputs until it returns.
"""

from __future__ import annotations

from collections.abc import Sequence

from cnncalc.analyses.memory_plan import Plan, Segment, Step, Value, plan
from cnncalc.analyses.totals import Analysis
from cnncalc.layers.tape import AT_LEAST_4, NEW, OUT, PART, SAME, SPREAD, Extra, Op
from cnncalc.network import Network
from cnncalc.record import Record
from cnncalc.units import DTYPES

# optimizer -> copies of the parameters kept as state, copies made for a moment in its step
OPTIMIZERS = {"sgd": (0, 0), "momentum": (1, 0), "adagrad": (1, 2), "rmsprop": (1, 1), "adam": (2, 1), "adamw": (2, 1)}
HALF = 2  # bytes of a number in half precision
LARGEST_BATCH = 2**30
INDEX_BYTES = 8  # of a class label, and of batch norm's counter of batches


class Moment(Record):
    """One moment of the step: where it is, and the live bytes by kind."""

    phase: str
    at: str
    live: int
    parts: tuple[tuple[str, int], ...]


class Run(Record):
    """What a replay found, in bytes.

    `fixed` lives all the time, by kind; `saved` is kept by the forward for the backward; `held` is the same by the layer
    that made it. `unknown` names the layers without a memory rule: with any, every figure is a lower bound.
    """

    fixed: dict[str, int]
    peak: Moment
    saved: int
    held: dict[str, int]
    moments: tuple[Moment, ...]
    unknown: tuple[str, ...]

    @property
    def exact(self) -> bool:
        """Is the peak the very figure, not a lower bound?"""
        return not self.unknown


class Ledger:
    """Live bytes by kind, with the peak and what it is made of."""

    def __init__(self, fixed: dict[str, int]) -> None:
        self.parts = dict(fixed)
        self.live = sum(fixed.values())
        self.sizes: list[int] = []
        self.holders: list[int] = []
        self.kinds: list[str] = []
        self.makers: list[str] = []
        self.moments: list[Moment] = []
        self.peak: Moment | None = None

    def new(self, size: int, kind: str, maker: str = "") -> int:
        """A storage of `size` bytes with one holder."""
        self.sizes.append(size)
        self.makers.append(maker)
        self.holders.append(1)
        self.kinds.append(kind)
        self.live += size
        self.parts[kind] = self.parts.get(kind, 0) + size
        return len(self.sizes) - 1

    def hold(self, storage: int) -> int:
        """One holder more."""
        self.holders[storage] += 1
        return storage

    def drop(self, storage: int) -> None:
        """One holder less; the last one frees it."""
        self.holders[storage] -= 1
        if not self.holders[storage]:
            self.live -= self.sizes[storage]
            self.parts[self.kinds[storage]] -= self.sizes[storage]

    def held(self) -> dict[str, int]:
        """The bytes alive now, by the layer that made them."""
        found: dict[str, int] = {}
        for size, holders, maker in zip(self.sizes, self.holders, self.makers, strict=True):
            if holders and size and maker:
                found[maker] = found.get(maker, 0) + size
        return found

    def mark(self, phase: str, at: str, extra: int = 0) -> None:
        """Note this moment, with `extra` bytes that live only now."""
        moment = Moment(phase, at, self.live + extra, tuple(self.parts.items()))
        self.moments.append(moment)
        if self.peak is None or moment.live > self.peak.live:
            self.peak = moment


class Gradient:
    """A gradient on its way: a storage, how many hands hold this very tensor, and whether its cells are dense."""

    __slots__ = ("dense", "hands", "storage")

    def __init__(self, storage: int, dense: bool = True) -> None:
        self.storage = storage
        self.dense = dense
        self.hands = 1


class Replay:
    """One forward, and in training its backward, over the operations of a plan."""

    def __init__(self, work: Plan, batch: int, width: int, ledger: Ledger) -> None:
        self.work = work
        self.batch = batch
        self.width = width
        self.ledger = ledger
        self.storage: dict[int, int] = {}  # value -> its storage
        self.saved: list[list[int]] = []  # storages that each operation keeps for backward
        self.gradients: dict[int, Gradient] = {}

    def bytes(self, numbers: int) -> int:
        """Bytes of that many numbers per example, for the batch."""
        return numbers * self.batch * self.width

    def extra(self, extra: Extra) -> int:
        """Bytes of further memory."""
        if extra.half and self.width != HALF:
            return 0
        width = max(self.width, 4) if extra.width == AT_LEAST_4 else extra.width or self.width
        return extra.numbers * width * (1 if extra.fixed else self.batch)

    # -- forward ------------------------------------------------------------------------------------------------------

    def forward(self, training: bool) -> None:
        """Every operation in order; values are let go when nobody will read them again."""
        ledger, work = self.ledger, self.work
        for value in work.inputs:
            self.storage[value.number] = ledger.new(0, "input")  # counted among the fixed bytes
        segments = list(reversed(work.segments)) if training else []
        for number, step in enumerate(work.steps):
            inside = bool(segments) and number >= segments[-1].first
            if inside and number == segments[-1].first:
                for value in segments[-1].inputs:
                    ledger.hold(self.storage[value.number])
            self.saved.append(self.run(step, "forward", training and step.recorded and not inside))
            for value in step.released:
                ledger.drop(self.storage[value.number])
            if inside and number == segments[-1].last:
                segments.pop()

    def run(self, step: Step, phase: str, recorded: bool) -> list[int]:
        """One operation forward: its output, and with `recorded` what it keeps for backward."""
        ledger, op = self.ledger, step.op
        into = [self.storage[value.number] for value in step.inputs]
        alias = None if op.alias is None else into[op.alias]
        out = ledger.new(self.bytes(op.output), "activations", step.at) if alias is None else ledger.hold(alias)
        self.storage[step.output.number] = out
        kept: list[int] = []
        scratch = [*op.scratch, *(() if recorded else op.keeps)]
        if recorded:
            kept = [ledger.new(self.extra(extra), "activations", step.at) for extra in op.keeps]
            if op.copies and step.inputs[0].trained:
                kept.append(ledger.new(self.bytes(op.output), "activations", step.at))
            kept += [ledger.hold(out if place == OUT else into[place]) for place in step.saves]
        ledger.mark(phase, step.at, sum(self.extra(extra) for extra in scratch))
        return kept

    def again(self, segment: Segment) -> None:
        """The forward of a checkpointed block once more, in backward, up to the last thing that must be kept."""
        steps = self.work.steps[segment.first : segment.last + 1]
        needed = [number for number, step in enumerate(steps) if step.recorded and (step.saves or step.op.keeps)]
        alive: set[int] = set()
        for number, step in enumerate(steps[: needed[-1] + 1 if needed else 0], segment.first):
            self.saved[number] = self.run(step, "backward", step.recorded)
            alive.add(step.output.number)
            for value in step.released:
                if value.number in alive:
                    alive.discard(value.number)
                    self.ledger.drop(self.storage[value.number])
        for value_number in alive:
            self.ledger.drop(self.storage[value_number])

    # -- backward -----------------------------------------------------------------------------------------------------

    def losses(self) -> None:
        """The loss of every output, forward, with what is kept of it."""
        ledger = self.ledger
        self.loss_kept: list[tuple[Value, list[int]]] = []
        total = None
        for number, value in enumerate(self.work.outputs):
            soft = ledger.new(self.bytes(value.numbers), "loss")
            ledger.mark("forward", "loss")
            weight, loss = ledger.new(self.width, "loss"), ledger.new(self.width, "loss")
            ledger.mark("forward", "loss")
            self.loss_kept.append((value, [soft, weight]))
            if number:
                scaled = ledger.new(self.width, "loss")
                ledger.drop(loss)
                assert total is not None
                together = ledger.new(self.width, "loss")
                ledger.mark("forward", "loss")
                ledger.drop(scaled)
                ledger.drop(total)
                loss = together
            total = loss

    def backward(self) -> None:
        """Nodes from the last to the first; gradients are summed in place where nobody else holds them."""
        ledger = self.ledger
        ones = ledger.new(self.width, "gradients in flight")
        for value, kept in reversed(self.loss_kept):
            first = ledger.new(self.bytes(value.numbers), "gradients in flight")
            ledger.mark("backward", "loss")
            ledger.drop(kept[1])
            second = ledger.new(self.bytes(value.numbers), "gradients in flight")
            ledger.mark("backward", "loss")
            ledger.drop(first)
            ledger.drop(kept[0])
            self.deliver(value, Gradient(second), "loss")
        segments = list(self.work.segments)
        for number in range(len(self.work.steps) - 1, -1, -1):
            step = self.work.steps[number]
            if segments and number == segments[-1].last:
                self.again(segments[-1])
            gradient = self.gradients.pop(step.output.number, None)
            kept = self.saved[number]
            if gradient is None:
                for storage in kept:
                    ledger.drop(storage)
            else:
                self.undo(step.op, step.inputs, step.weights, step.output, gradient, kept, step.at)
            if segments and number == segments[-1].first:
                for value in segments.pop().inputs:
                    ledger.drop(self.storage[value.number])
        ledger.drop(ones)  # the caller of backward holds it to the end

    def undo(
        self,
        op: Op,
        inputs: Sequence[Value],
        weights: Sequence[tuple[int, bool]],
        output: Value,
        gradient: Gradient,
        kept: Sequence[int],
        at: str,
    ) -> None:
        """One node of backward: its gradients are made while the one it got and all it kept are still alive."""
        ledger = self.ledger
        found: list[tuple[Value, Gradient]] = []
        spread: list[tuple[Value, int]] = []
        for value, made in zip(inputs, op.grads, strict=True):
            if not value.trained or not made:
                continue
            if made == NEW:
                found.append((value, Gradient(ledger.new(self.bytes(value.numbers), "gradients in flight"))))
            elif made == SAME:
                gradient.hands += 1
                found.append((value, gradient))
            elif made == SPREAD:
                spread.append((value, ledger.new(self.bytes(output.numbers), "gradients in flight")))
            else:
                dense = gradient.dense and (made != PART or self.batch == 1)
                found.append((value, Gradient(ledger.hold(gradient.storage), dense)))
        again = []
        for size, first in weights:
            storage = ledger.new(size * self.width, "gradients")
            if not first:
                again.append(storage)
        passing = op.temps
        if op.whole:
            passing += 0 if inputs[0].trained else inputs[0].numbers
            passing += 0 if gradient.dense else output.numbers
        ledger.mark("backward", at, self.bytes(passing))
        for storage in again:  # a shared weight: added to the gradient that is there
            ledger.drop(storage)
        for value, full in spread:
            small = Gradient(ledger.new(self.bytes(value.numbers), "gradients in flight"))
            ledger.mark("backward", at)
            ledger.drop(full)
            found.append((value, small))
        self.let_go(gradient)
        for storage in kept:
            ledger.drop(storage)
        for value, given in found:
            self.deliver(value, given, at)

    def deliver(self, value: Value, given: Gradient, at: str) -> None:
        """Hand a gradient to the operation that made the value: the first is kept, further ones are added."""
        ledger = self.ledger
        there = self.gradients.get(value.number)
        if there is None:
            self.gradients[value.number] = given
            return
        if there.hands == 1 and ledger.holders[there.storage] == 1 and there.dense:
            self.let_go(given)
            return
        total = Gradient(ledger.new(self.bytes(value.numbers), "gradients in flight"))
        ledger.mark("backward", at)
        self.let_go(there)
        self.let_go(given)
        self.gradients[value.number] = total

    def let_go(self, gradient: Gradient) -> None:
        """One hand less on a gradient."""
        gradient.hands -= 1
        if not gradient.hands:
            self.ledger.drop(gradient.storage)


def fixed_bytes(network: Network, work: Plan, batch: int, width: int) -> dict[str, int]:
    """What lives all the time: parameters, buffers (with batch norm's counters), and the input."""
    return {
        "parameters": work.params * width,
        "buffers": work.buffers * width + work.counters * INDEX_BYTES,
        "input": sum(node.output.size for node in network.inputs) * batch * width,
    }


def infer(
    network: Network,
    batch: int = 1,
    dtype: str = "float32",
    *,
    least: bool = False,
    inplace: bool | None = None,
    work: Plan | None = None,
) -> Run:
    """One forward without gradients; with `least` every value is freed at its last use, as a small runtime would."""
    width = DTYPES[dtype]
    work = work or plan(network, training=False, held=not least, inplace=inplace)
    fixed = fixed_bytes(network, work, batch, width)
    ledger = Ledger(fixed)
    ledger.mark("forward", "input")
    Replay(work, batch, width, ledger).forward(training=False)
    assert ledger.peak is not None
    return Run(fixed, ledger.peak, 0, {}, tuple(ledger.moments), tuple(work.unknown))


def train(
    network: Network,
    batch: int = 1,
    dtype: str = "float32",
    optimizer: str = "sgd",
    *,
    inplace: bool | None = None,
    checkpoint: str | None = None,
    work: Plan | None = None,
) -> Run:
    """One step in the steady state. `work` is the plan of the network where it is known already."""
    width = DTYPES[dtype]
    work = work or plan(network, training=True, inplace=inplace, checkpoint=checkpoint)
    kept_copies, made_copies = OPTIMIZERS[optimizer]
    fixed = fixed_bytes(network, work, batch, width)
    fixed["optimizer state"] = kept_copies * fixed["parameters"]
    fixed["input"] += INDEX_BYTES * batch * sum(value.numbers // value.classes for value in work.outputs[:1])
    ledger = Ledger(fixed)
    always = ledger.live
    ledger.mark("forward", "input")
    replay = Replay(work, batch, width, ledger)
    replay.forward(training=True)
    replay.losses()
    saved, held = ledger.live - always, ledger.held()
    replay.backward()
    ledger.mark("optimizer", "optimizer", made_copies * fixed["parameters"])
    assert ledger.peak is not None
    return Run(fixed, ledger.peak, saved, held, tuple(ledger.moments), tuple(work.unknown))


def columns(analysis: Analysis) -> Analysis:
    """The analysis with what backward keeps of every layer, and what is alive when it runs, in a training step with sgd."""
    run = train(analysis.network, analysis.batch, analysis.dtype)
    live: dict[str, int] = {}
    for moment in run.moments:
        if moment.phase == "forward":
            live[moment.at] = max(live.get(moment.at, 0), moment.live)
    return Analysis(
        network=analysis.network,
        rows=analysis.rows,
        totals=analysis.totals,
        batch=analysis.batch,
        dtype=analysis.dtype,
        saved=run.held,
        live=live,
        unruled=run.unknown,
    )


def fit(
    network: Network,
    size: int,
    training: bool,
    dtype: str = "float32",
    optimizer: str = "sgd",
    *,
    inplace: bool | None = None,
    checkpoint: str | None = None,
) -> int:
    """The largest batch whose peak stays within `size` bytes, by the exact model; 0 where not even one example fits."""
    work = plan(network, training, inplace=inplace, checkpoint=checkpoint)

    def fits(batch: int) -> bool:
        run = (
            train(network, batch, dtype, optimizer, work=work) if training else infer(network, batch, dtype, work=work)
        )
        return run.peak.live <= size

    if not fits(1):
        return 0
    low, high = 1, 2
    while high <= LARGEST_BATCH and fits(high):
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low
