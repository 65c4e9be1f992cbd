"""A network as a list of operations in the order in which they run, with the lifetime of every value."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy

from cnncalc.analyses.blocks import Scope, is_named, scopes_of
from cnncalc.layers.activation import Dropout, InPlace
from cnncalc.layers.base import Layer
from cnncalc.layers.operations import (  # fmt: skip
    AS_IT_COMES,
    CAST,
    FULL,
    FUSED,
    GATHERED,
    KERNEL,
    MIXED,
    NEW,
    OUT,
    PRODUCT,
    UNKNOWN,
    Op,
    Seen,
    least,
)
from cnncalc.network import Network

NONE: frozenset[str] = frozenset()


# reported among the layers without a rule, because what it does is not known
TRAINING_MODE = "forward in training mode"


class Value:
    """One tensor of `numbers` per example.

    It is `trained` if a gradient reaches it. `classes` is the length of its last axis. Under autocast a `wide` value is
    float32. `fixed` values are the copies of weights, which are the same for every batch.
    """

    __slots__ = ("classes", "fixed", "number", "numbers", "trained", "wide")

    def __init__(
        self, number: int, numbers: int, trained: bool, classes: int = 1, wide: bool = False, fixed: bool = False
    ) -> None:
        self.number = number
        self.numbers = numbers
        self.trained = trained
        self.classes = classes
        self.wide = wide
        self.fixed = fixed


class Parameter:
    """A parameter: the node that owns it, its name and size there, and whether it is trained through the current node."""

    __slots__ = ("name", "owner", "size", "trained")

    def __init__(self, owner: int, name: str, size: int, trained: bool) -> None:
        self.owner = owner
        self.name = name
        self.size = size
        self.trained = trained


class Step:
    """One operation in the list.

    * `inputs` end with the copies of weights, if there are any, and `grads` states what their gradients consist of.
    * `uncast` are the inputs as the caller holds them, before any cast.
    * `saves` are the inputs (or the output) that are really saved for backward.
    * `weights` are the sizes of the parameters whose gradients it computes, each with the number of uses that come earlier
      in backward. `owned` are these parameters, and `idle` is the size of its `frozen` other ones.
    * `main` is true if the first of its parameters is trained, and `relaid` if the gradient of that parameter has to be
      copied into another order.
    * `released` are the values that nothing holds after the step. `recorded` is true if backward reaches the step.
    """

    __slots__ = (
        "at",
        "frozen",
        "grads",
        "idle",
        "inputs",
        "main",
        "op",
        "output",
        "owned",
        "recorded",
        "relaid",
        "released",
        "saves",
        "uncast",
        "weights",
    )

    def __init__(
        self,
        at: str,
        op: Op,
        inputs: Sequence[Value],
        output: Value,
        recorded: bool,
        copies: Sequence[Value] = (),
        uncast: Sequence[Value] = (),
        main: bool = True,
    ) -> None:
        self.at = at
        self.op = op
        self.uncast = uncast
        self.inputs = [*inputs, *copies]
        self.grads = [*op.grads, *[NEW] * len(copies)]
        self.output = output
        self.recorded = recorded
        self.main = main
        self.saves: list[int] = _needed(op, inputs) if main or not op.lean else []
        if copies and (op.casts == KERNEL or inputs[0].trained):  # the bias is not needed
            self.saves.append(len(inputs))
        self.weights: list[tuple[int, int]] = []
        self.owned: list[Parameter] = []
        self.frozen = self.idle = 0
        self.relaid = False
        self.released: list[Value] = []

    @property
    def keeps_inputs_only(self) -> bool:
        """True if backward needs nothing but its inputs."""
        return not self.op.keeps and not self.op.copies and OUT not in self.saves


class Segment:
    """The steps of a checkpointed block, `first` to `last`, and the values from outside that it reads.

    `needed` are the steps for which autograd saves anything, and `awaited` those of them that backward reaches.
    """

    __slots__ = ("awaited", "first", "inputs", "last", "needed")

    def __init__(self, first: int, last: int, inputs: Sequence[Value], steps: Sequence[Step]) -> None:
        self.first = first
        self.last = last
        self.inputs = inputs
        self.needed = [
            number
            for number, step in enumerate(steps[first : last + 1], first)
            if step.output.trained and (step.saves or not step.keeps_inputs_only)
        ]
        self.awaited = [number for number in self.needed if steps[number].recorded]


class Plan:
    """All operations, the inputs and outputs of the network, and what it keeps all the time.

    `amp` is the dtype of autocast, or empty. `copies` are the 16-bit weights, by owner and name in `copied`. With
    `until_return`, values are alive as long as a program holds them, otherwise until their last use. `learned` are the
    sizes of the parameters that have a gradient, by node and name. `network` is the network with these nodes, which may
    differ in training, because a module may behave differently there.
    """

    def __init__(self, network: Network, training: bool, amp: str, until_return: bool = True) -> None:
        self.network = network
        self.training = training
        self.amp = amp
        self.until_return = until_return
        self.count = 0
        self.copies: list[Value] = []
        self.copied: dict[tuple[int, str], Value] = {}
        self.steps: list[Step] = []
        self.inputs: list[Value] = []
        self.outputs: list[Value] = []
        self.params = self.buffers = self.counters = 0
        self.learned: dict[tuple[int, str], int] = {}
        self.unknown: list[str] = []  # layers without a memory rule
        self.segments: list[Segment] = []  # checkpointed blocks, in order
        self.values: list[Value] = []  # the value of every node
        self.last_step: list[int] = []  # the step that makes the value of every node

    def with_checkpoints(self, names: Sequence[str]) -> Plan:
        """Return the same plan in which the outermost blocks with these names are recomputed in backward."""
        other = copy(self)
        other.segments = []
        if names:
            _segment(other, scopes_of(self.network.nodes), names)
        return other

    def value(self, numbers: int, trained: bool, classes: int = 1, wide: bool = False, fixed: bool = False) -> Value:
        """Create a value, which is wide only under autocast."""
        self.count += 1
        return Value(self.count - 1, numbers, trained, classes, wide and bool(self.amp), fixed)

    def cast(self, at: str, op: Op, inputs: list[Value]) -> list[Value]:
        """Return the inputs as autocast passes them to an operation. A cast is a step of its own."""
        if not self.amp or op.casts in (AS_IT_COMES, MIXED, UNKNOWN) or (op.casts == FUSED and self.amp == "float16"):
            return inputs
        wide = op.casts in (FULL, FUSED)
        values = []
        for value in inputs:
            if value.wide == wide:
                values.append(value)
                continue
            other = self.value(value.numbers, value.trained, value.classes, wide)
            self.steps.append(Step(at, Op([0], value.numbers, [NEW], casts=CAST), [value], other, False))
            values.append(other)
        return values

    def copy(self, at: str, op: Op, parameters: Sequence[Parameter], relaid: bool) -> list[Value]:
        """Return the 16-bit copies of an operation's parameters.

        The copy of a trained parameter is made at its first use and kept until forward ends. That of a frozen parameter is
        made at every use.
        """
        if not self.amp or not parameters or op.casts not in (KERNEL, PRODUCT):
            return []
        values: list[Value] = []
        for place in range(len(parameters) - 1, -1, -1):
            parameter = parameters[place]
            key = (parameter.owner, parameter.name)
            value = self.copied.get(key) if parameter.trained else None
            if value is None:
                value = self.value(parameter.size, parameter.trained, fixed=True)
                step = Step(at, Op([], parameter.size, [], weighted=True, casts=CAST), [], value, False)
                if parameter.trained:
                    self.copied[key] = value
                    self.copies.append(value)
                    step.owned = [parameter]
                    step.relaid = relaid and place == 0
                self.steps.append(step)
            values.append(value)
        return values[::-1]


def plan(
    network: Network,
    training: bool,
    until_return: bool = True,
    inplace: bool | None = None,
    checkpoint: Sequence[str] = (),
    amp: str = "",
) -> Plan:
    """List the operations of a network. With `until_return`, blocks hold their inputs until they return, as Python's frames do.

    `inplace` overrides the setting of the activations. `checkpoint` names blocks (`Stage2`, or `Stage` for all of them) that
    are recomputed in backward instead of saved. `amp` is the dtype that autocast casts to.
    """
    work = Plan(network, training, amp, until_return)
    if training and network.in_training is not None:
        other = network.in_training()
        network = work.network = other or network
        if other is None:
            work.unknown.append(TRAINING_MODE)
    values, last_step = work.values, work.last_step
    cuts: dict[int, Value] = {}  # values that are cut into parts in one operation
    for node in network.nodes:
        if node.layer is None:
            value = work.value(node.output.size, False, node.output[-1], wide=True)
            values.append(value)
            work.inputs.append(value)
            last_step.append(-1)
            continue
        shapes = network.shapes(node)
        layer = _overridden(node.layer, inplace)
        ops, seen = layer.operations(training, *shapes), node.seen
        if ops is None or (seen is not None and (seen.more or seen.less)):
            work.unknown.append(node.name)
        if ops is None or (seen is not None and seen.less):
            ops = least(
                [x.size for x in shapes],
                node.output.size,
                node.layer.in_place or (seen is not None and seen.less),
                bool(node.layer.weights(*shapes)),
            )
        sizes = node.layer.weights(*shapes)
        if node.shared is None:
            buffers = node.layer.buffers(*shapes)
            work.params += sum(int(size) for size in sizes.values())
            work.buffers += sum(int(size) for size in buffers.values())
            work.counters += 1 if "running_mean" in buffers else 0
        owner = node.index if node.shared is None else node.shared
        still = (node.frozen or NONE) | (seen.still if seen is not None else NONE)
        stopped = seen is not None and seen.stopped
        parameters_here = [
            Parameter(owner, name, int(size), not stopped and name not in still) for name, size in sizes.items()
        ]
        operands = [values[index] for index in node.inputs]
        if seen is not None and seen.split is not None:
            operands = [_cut(work, cuts, node.name, seen, operands[0], training)]
            ops = [Op([0], node.output.size, [GATHERED], alias=0)]
        for op in ops:
            relaid = op.weighted and seen is not None and seen.relaid
            parameters = parameters_here if op.weighted else []
            parameters = parameters if op.of is None else [parameters[which] for which in op.of]
            copies = work.copy(node.name, op, parameters, relaid)
            inputs = work.cast(node.name, op, [operands[place] for place in op.inputs])
            uncast = [operands[place] for place in (*op.inputs, *op.holds)]
            owned = [parameter for parameter in parameters if parameter.trained]
            flows = not stopped and (bool(owned) or any(value.trained for value in inputs))
            value = work.value(op.output, flows, node.output[-1], _is_wide(op, inputs))
            operands.append(value)
            main = not parameters or parameters[0].trained
            step = Step(node.name, op, inputs, value, training and flows, copies, uncast, main)
            step.frozen = len(parameters) - len(owned)
            step.idle = sum(parameter.size for parameter in parameters if not parameter.trained)
            step.relaid = relaid and not copies and main
            if not copies:
                step.owned = owned
            work.steps.append(step)
        values.append(operands[-1])
        last_step.append(len(work.steps) - 1)
    work.outputs = [values[index] for index in network.outputs]
    if training:
        _reach(network, work)
    scopes = scopes_of(network.nodes)
    _release(network, work, values, last_step, scopes if until_return else None)
    if checkpoint:
        _segment(work, scopes, checkpoint)
    return work


def _cut(work: Plan, cuts: dict[int, Value], at: str, seen: Seen, x: Value, recorded: bool) -> Value:
    """Return the value that is cut into parts at once. In backward, one operation joins their gradients and zeros."""
    assert seen.split is not None
    if seen.split not in cuts:
        cuts[seen.split] = work.value(x.numbers, x.trained, x.classes, x.wide)
        op = Op([0], x.numbers, [NEW], alias=0, temps=seen.unused)
        work.steps.append(Step(at, op, [x], cuts[seen.split], recorded and x.trained, (), [x]))
    return cuts[seen.split]


def _is_wide(op: Op, inputs: Sequence[Value]) -> bool:
    """Return whether the output is float32 under autocast. An operation that overwrites an input has its type."""
    if op.casts in (KERNEL, PRODUCT, UNKNOWN) and op.alias is None:
        return False
    if op.casts in (FULL, FUSED, MIXED):
        return True
    return inputs[op.alias].wide if op.alias is not None else any(value.wide for value in inputs)


def _segment(work: Plan, scopes: Sequence[Scope], names: Sequence[str]) -> None:
    """Add the outermost blocks with these names as segments."""
    for scope in sorted(scopes, key=lambda scope: (scope.first, -scope.last)):
        if not any(is_named(scope.path, name) for name in names):
            continue
        first, last = work.last_step[scope.first - 1] + 1 if scope.first else 0, work.last_step[scope.last]
        if not work.segments or first > work.segments[-1].last:
            work.segments.append(
                Segment(first, last, [work.values[index] for index in sorted(scope.inputs)], work.steps)
            )


def _overridden(layer: Layer, inplace: bool | None) -> Layer:
    """Set `inplace` of an activation that has it. Dropout and sums keep their own setting."""
    if inplace is None or not isinstance(layer, InPlace) or isinstance(layer, Dropout):
        return layer
    return type(layer).from_values({**layer.nondefault_fields, "inplace": inplace})


def _reach(network: Network, work: Plan) -> None:
    """Find the steps that backward reaches from the outputs, and the parameters that get a gradient there.

    What other steps save is freed with their values. For a module that was run, it is not known when that is.
    """
    reached = {value.number for value in work.outputs if value.trained}
    uses: dict[tuple[int, str], int] = {}
    left: set[str] = set()
    for step in reversed(work.steps):
        if step.output.number in reached:
            reached.update(
                value.number for value, made in zip(step.inputs, step.grads, strict=True) if value.trained and made
            )
            for parameter in step.owned:
                key = (parameter.owner, parameter.name)
                step.weights.append((parameter.size, uses.get(key, 0)))
                uses[key] = uses.get(key, 0) + 1
                work.learned[key] = parameter.size
        else:
            if step.recorded and (step.saves or not step.keeps_inputs_only):
                left.add(step.at)
            step.recorded = False
    work.unknown += [node.name for node in network.nodes if node.seen is not None and node.name in left]


def _needed(op: Op, inputs: Sequence[Value]) -> list[int]:
    """Return the places of what an operation saves. A product saves an operand only for the gradient of the other one."""
    if len(inputs) == 2 and list(op.saves) == list(op.inputs) and inputs[0] is not inputs[1]:
        return [place for place in (0, 1) if inputs[1 - place].trained]
    return [save if save < 0 else op.inputs.index(save) for save in op.saves]


def _release(
    network: Network, work: Plan, values: Sequence[Value], last_step: Sequence[int], scopes: Sequence[Scope] | None
) -> None:
    """Record after which step every value is freed."""
    until: dict[int, int] = {}
    for number, step in enumerate(work.steps):
        until[step.output.number] = number
        for value in (*step.inputs, *(step.uncast if scopes is not None else ())):
            until[value.number] = number
    if scopes is not None and any(node.seen is not None and node.seen.until is not None for node in network.nodes):
        for node, value in zip(network.nodes, values, strict=True):
            if node.seen is not None and node.seen.until is not None and value.number in until:
                until[value.number] = max(until[value.number], last_step[node.seen.until])
    elif scopes is not None:
        holders = [(scope.inputs, scope.last) for scope in scopes]
        # a layer of several operations is a module, too; branches hold the value they started from until they are merged
        holders += [
            (set(node.inputs), node.index)
            for node in network.nodes
            if node.layer is not None and node.layer.inputs == 1
        ]
        holders += [({node.entering}, node.index) for node in network.nodes if node.entering is not None]
        for inputs, last in holders:
            for index in inputs:
                number = values[index].number
                until[number] = max(until.get(number, -1), last_step[last])
    needed = {value.number for value in [*work.outputs, *work.inputs, *(work.copies if scopes is not None else ())]}
    by_number = {step.output.number: step.output for step in work.steps}
    for number, end in until.items():
        if number not in needed:
            work.steps[end].released.append(by_number[number])
