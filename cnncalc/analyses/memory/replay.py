"""Replay a forward pass, and in training the backward pass, operation by operation over a ledger of storages."""

from __future__ import annotations

from cnncalc.analyses.memory.ledger import Gradient, Ledger
from cnncalc.analyses.memory.plan import Plan, Segment, Step, Value
from cnncalc.layers.operations import (
    AS_WEIGHTS,
    AT_LEAST_4,
    CAST,
    EXPANDED,
    FUSED,
    GATHERED,
    MIXED,
    NEW,
    NOTHING,
    OUT,
    PART,
    PRODUCT,
    SAME,
    SPREAD,
    Extra,
)
from cnncalc.units import DTYPES

HALF, FULL = 2, 4  # bytes of a number in 16 bits, and in float32
FLIGHT = "gradients in flight"


class Replay:
    """One step over the operations of a plan. Without autocast, every number has the width of `dtype`."""

    def __init__(self, work: Plan, batch: int, dtype: str, ledger: Ledger) -> None:
        self.work = work
        self.batch = batch
        self.width = HALF if work.amp else DTYPES[dtype]
        self.weights = weight_width(work, dtype)
        self.ledger = ledger
        self.storage: dict[int, int] = {}  # value -> its storage
        self.saved: list[list[int]] = []  # storages that each operation saves for backward
        self.gradients: dict[int, Gradient] = {}
        self.recomputed: set[int] = set()  # checkpointed blocks that were recomputed, by their first step

    # -- sizes --------------------------------------------------------------------------------------------------------

    def bytes(self, numbers: int, like: Value) -> int:
        """Return the bytes of that many numbers per example, for the batch, in the type of a value."""
        return numbers * (1 if like.fixed else self.batch) * (FULL if like.wide else self.width)

    def size(self, value: Value) -> int:
        """Return the bytes of a value."""
        return self.bytes(value.numbers, value)

    def extra(self, extra: Extra, step: Step) -> int:
        """Return the bytes of further memory."""
        if extra.own and not self.is_native_norm(step):
            return 0
        width = FULL if step.output.wide else self.width
        if extra.width == AT_LEAST_4:
            width = max(width, 4)
        elif extra.width:
            width = self.weights if extra.width == AS_WEIGHTS else extra.width
        return extra.numbers * width * (1 if extra.fixed else self.batch)

    def is_native_norm(self, step: Step) -> bool:
        """Return whether PyTorch's own kernel normalizes, not cuDNN's. Normalization.cpp, `_select_batch_norm_backend`."""
        return self.width == HALF and not step.output.wide and self.work.amp != "float16"

    # -- forward ------------------------------------------------------------------------------------------------------

    def forward(self, training: bool) -> None:
        """Run every operation in order, and free values when nothing reads them again."""
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
                segment = segments.pop()
                if not segment.awaited:
                    self.release_inputs(segment)

    def run(self, step: Step, phase: str, recorded: bool) -> list[int]:
        """Run one operation forward; return the storages that it saves for backward if it is `recorded`."""
        ledger, op = self.ledger, step.op
        into = [self.storage[value.number] for value in step.inputs]
        alias = None if op.alias is None else into[op.alias]
        kind = "16-bit weights" if step.output.fixed else "activations"
        out = ledger.new(self.size(step.output), kind, step.at) if alias is None else ledger.hold(alias)
        self.storage[step.output.number] = out
        kept: list[int] = []
        scratch = [*op.scratch, *(() if recorded else op.keeps)]
        if recorded:
            kept = [ledger.new(self.extra(extra, step), "activations", step.at) for extra in op.keeps]
            if op.copies and step.inputs[0].trained:
                kept.append(ledger.new(self.size(step.output), "activations", step.at))
            kept += [ledger.hold(out if place == OUT else into[place]) for place in step.saves]
        ledger.mark(phase, step.at, sum(self.extra(extra, step) for extra in scratch))
        return kept

    def leave_autocast(self) -> None:
        """Free the 16-bit copies of the weights that backward does not need."""
        for value in self.work.copies:
            self.ledger.drop(self.storage[value.number])

    def release_inputs(self, segment: Segment) -> None:
        """Free the inputs of a checkpointed block, which is not run again."""
        for value in segment.inputs:
            self.ledger.drop(self.storage[value.number])

    def rerun(self, segment: Segment) -> None:
        """Run a checkpointed block forward again, in backward, up to the last operation that saves anything."""
        self.recomputed.add(segment.first)
        alive: dict[int, int] = {}
        last = segment.needed[-1]
        for number in range(segment.first, last + 1):
            step = self.work.steps[number]
            for value in step.inputs:
                if value.fixed and value.number not in alive:  # a weight that is also used before the block
                    alive[value.number] = self.ledger.new(self.size(value), "16-bit weights", step.at)
                    self.storage[value.number] = alive[value.number]
            if (
                number == last and step.keeps_inputs_only
            ):  # autograd saves inputs before the operation runs, so it does not have to run
                self.saved[number] = [
                    self.ledger.hold(self.storage[step.inputs[place].number]) for place in step.saves if step.recorded
                ]
                break
            self.saved[number] = self.run(step, "backward", step.recorded)
            alive[step.output.number] = self.storage[step.output.number]
            for value in step.released:
                if value.number in alive:
                    self.ledger.drop(alive.pop(value.number))
        for storage in alive.values():
            self.ledger.drop(storage)

    # -- backward -----------------------------------------------------------------------------------------------------

    def losses(self) -> None:
        """Run the loss of every output forward: log-softmax, then the negative log-likelihood.

        Autocast runs the second one in float32, on a copy that is saved as well.
        """
        ledger = self.ledger
        self.loss_kept: list[tuple[Value, list[int], list[int]]] = []
        total = None
        for number, value in enumerate(self.work.outputs):
            soft = ledger.new(self.size(value), "loss")
            ledger.mark("forward", "loss")
            late = []
            if self.is_recast(value):
                late.append(ledger.new(2 * self.size(value), "loss"))
                ledger.mark("forward", "loss")
            late.append(ledger.new(self.weights, "loss"))
            loss = ledger.new(self.weights, "loss")
            ledger.mark("forward", "loss")
            self.loss_kept.append((value, [soft], late))
            if number:
                scaled = ledger.new(self.weights, "loss")
                ledger.drop(loss)
                assert total is not None
                together = ledger.new(self.weights, "loss")
                ledger.mark("forward", "loss")
                ledger.drop(scaled)
                ledger.drop(total)
                loss = together
            total = loss

    def is_recast(self, value: Value) -> bool:
        """Return whether this value is cast to float32 for its loss."""
        return bool(self.work.amp) and not value.wide

    def backward(self) -> None:
        """Run all operations backward. Gradients are summed in place if nothing else holds them."""
        ledger = self.ledger
        ones = ledger.new(self.weights, FLIGHT)
        for value, kept, late in reversed(self.loss_kept):
            first = ledger.new(self.size(value) * (2 if self.is_recast(value) else 1), FLIGHT)
            ledger.mark("backward", "loss")
            for storage in late:
                ledger.drop(storage)
            if self.is_recast(value):
                cast = ledger.new(self.size(value), FLIGHT)
                ledger.mark("backward", "loss")
                ledger.drop(first)
                first = cast
            second = ledger.new(self.size(value), FLIGHT)
            ledger.mark("backward", "loss")
            for storage in (first, *kept):
                ledger.drop(storage)
            self.deliver(value, Gradient(second), "loss")
        segments = list(self.work.segments)
        for number in range(len(self.work.steps) - 1, -1, -1):
            step = self.work.steps[number]
            while segments and number < segments[-1].first:
                segments.pop()
            segment = segments[-1] if segments and number <= segments[-1].last else None
            gradient = self.gradients.pop(step.output.number, None)
            if gradient is not None:
                if segment is not None and number in segment.needed and segment.first not in self.recomputed:
                    self.rerun(segment)
                self.run_backward(step, gradient, self.saved[number], unpacked=segment is not None)
            else:
                for storage in self.saved[number]:
                    ledger.drop(storage)
            if segment is not None and segment.awaited and number == segment.awaited[0]:
                self.release_inputs(segment)
        ledger.drop(ones)  # the caller of backward holds it to the end

    def run_backward(self, step: Step, gradient: Gradient, kept: list[int], unpacked: bool) -> None:
        """Run one operation backward. The gradients that it computes coexist with its own gradient and all it saved.

        They have the type of the output. The engine sums each of them down to the size of its value and casts it to the
        type of that value, one after the other. What was `unpacked` from a checkpoint is freed before that.
        """
        ledger, op = self.ledger, step.op
        direct = op.casts in (CAST, FUSED)
        if op.both and not step.inputs[0].trained:
            ledger.mark("backward", step.at, self.bytes(op.temps + step.inputs[0].numbers, step.output))
        gradients = self.input_gradients(step, gradient, direct)
        if op.strip and step.weights and self.batch == 1:
            ledger.hold(gradient.storage)
        mixed = op.casts == MIXED  # a parameter's gradient is as large as the output first, and is summed last
        # gradients of frozen parameters are computed and thrown away at once
        idle = step.idle * self.weights if op.whole and not self.is_native_norm(step) else 0
        each = None
        if op.each is not None:  # the same for every parameter
            share = self.extra(op.each, step) // (len(step.weights) + step.frozen)
            each = ledger.new(share * len(step.weights), FLIGHT)
            idle = share * step.frozen
        shared = [] if mixed or op.each is not None else self.parameter_gradients(step)
        temps = op.temps if step.main or not op.lean else 0
        passing = 0 if mixed else temps
        product = ledger.new(self.bytes(temps, step.output) if mixed else 0, FLIGHT)
        if op.whole and not self.is_native_norm(step):
            passing += 0 if step.inputs[0].trained else step.inputs[0].numbers
            passing += 0 if gradient.dense else step.output.numbers
        ledger.mark("backward", step.at, self.bytes(passing, step.output) + op.masks * self.batch + idle)
        # a shared weight: added to the existing gradient, in place unless that is a view of a product's gradient
        views = bool(shared) and op.casts == PRODUCT and step.main and step.weights[0][1] == 1
        for storage in shared if not views else ():
            ledger.drop(storage)
        if unpacked:
            for storage in kept:
                ledger.drop(storage)
        for place, (value, passed, made) in enumerate(gradients):
            fitting = passed
            if made == SPREAD:
                fitting = self.replace(fitting, self.bytes(value.numbers, step.output), step.at)
            if value.wide != step.output.wide and not direct:
                fitting = self.replace(fitting, self.size(value), step.at)
            gradients[place] = (value, fitting, made)
        if mixed:
            shared = self.parameter_gradients(step)
            ledger.mark("backward", step.at)
            for storage in shared:
                ledger.drop(storage)
        ledger.drop(product)
        self.release(gradient)
        if not unpacked:
            for storage in kept:
                ledger.drop(storage)
        for storage in reversed(shared) if views else ():
            ledger.drop(self.allocate_sum(storage, step.at))
        if each is not None:
            shared = self.parameter_gradients(step)
            ledger.mark("backward", step.at)
            for storage in (*shared, each):
                ledger.drop(storage)
        weights = [part for part in gradients if part[0].fixed]
        inputs = gradients[: len(gradients) - len(weights)]
        for value, passed, _ in (*inputs, *reversed(weights)):  # a product's weights come last, after its bias
            self.deliver(value, passed, step.at)
        if step.relaid:
            ledger.mark("backward", step.at, step.weights[0][0] * self.weights)

    def input_gradients(self, step: Step, gradient: Gradient, direct: bool) -> list[tuple[Value, Gradient, str]]:
        """Compute the gradients of an operation's inputs, in the type of its output unless it casts by itself."""
        ledger, op = self.ledger, step.op
        gradients: list[tuple[Value, Gradient, str]] = []
        for value, made in zip(step.inputs, step.grads, strict=True):
            if not value.trained or not made:
                continue
            if made == SAME:
                gradient.references += 1
                passed = gradient
            elif made == NOTHING:
                passed = Gradient(ledger.new(0, FLIGHT))
            elif made == GATHERED:
                passed = Gradient(ledger.hold(gradient.storage), gathered=True)
            elif made in (NEW, SPREAD):
                numbers = step.output.numbers if made == SPREAD else value.numbers
                width = FULL if (value if direct else step.output).wide else self.width
                storage = ledger.new(numbers * (1 if value.fixed else self.batch) * width, FLIGHT)
                passed = Gradient(storage, view=value.fixed and op.casts == PRODUCT)  # transposed, or summed and viewed
            else:
                dense = gradient.dense and made != EXPANDED and (made != PART or self.batch == 1)
                passed = Gradient(ledger.hold(gradient.storage), dense, view=True)
            gradients.append((value, passed, made))
        return gradients

    def parameter_gradients(self, step: Step) -> list[int]:
        """Compute the gradients of the parameters; return those that are added to existing ones and then freed."""
        gradients = []
        for size, before in step.weights if not step.op.strip or self.batch > 1 else ():
            storage = self.ledger.new(size * self.weights, "gradients")
            if before:
                gradients.append(storage)
        return gradients

    def allocate_sum(self, storage: int, at: str) -> int:
        """Allocate a sum while both of its terms exist, one of which is that storage."""
        other = self.ledger.new(self.ledger.sizes[storage], "gradients")
        self.ledger.mark("backward", at)
        self.ledger.drop(storage)
        return other

    def replace(self, passed: Gradient, size: int, at: str) -> Gradient:
        """Replace a gradient by a tensor of that many bytes."""
        other = Gradient(self.ledger.new(size, FLIGHT))
        self.ledger.mark("backward", at)
        self.release(passed)
        return other

    def deliver(self, value: Value, passed: Gradient, at: str) -> None:
        """Pass a gradient to the operation that made the value. The first one is kept, and further ones are added."""
        ledger = self.ledger
        there = self.gradients.get(value.number)
        if there is None:
            self.gradients[value.number] = passed
            return
        if passed.gathered:
            there.others.append(passed)
            return
        if there.references == 1 and ledger.holders[there.storage] == 1 and there.dense and not there.view:
            self.release(passed)
            return
        total = Gradient(ledger.new(self.size(value), FLIGHT))
        ledger.mark("backward", at)
        self.release(there)
        self.release(passed)
        self.gradients[value.number] = total

    def release(self, gradient: Gradient) -> None:
        """Remove a reference to a gradient, and free it with its last one."""
        gradient.references -= 1
        if not gradient.references:
            self.ledger.drop(gradient.storage)
            for other in gradient.others:
                self.release(other)


def weight_width(work: Plan, dtype: str) -> int:
    """Return the bytes of a parameter's number, which is float32 under autocast."""
    return FULL if work.amp else DTYPES[dtype]
