"""A network as the operations that run one after the other, with how long every value is held."""

from __future__ import annotations

from collections.abc import Sequence

from cnncalc.layers.activation import Dropout, InPlace
from cnncalc.layers.base import Layer
from cnncalc.layers.tape import (
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
)  # fmt: skip
from cnncalc.network import Network, Node


class Value:
    """One tensor: `numbers` per example; `trained` where a gradient reaches it; `classes` is its last axis.

    Under autocast it is `wide` in float32; `fixed` values, the weights' copies, are the same for every batch.
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


class Step:
    """One operation in its place.

    `inputs` end with the weights' copies, where there are such, and `grads` says what their gradients are made of.
    `saves` are the inputs (or the output) that backward really keeps, `weights` the sizes of the parameters whose gradients
    it makes (and how many of their uses come before it in backward), `released` the values nobody holds after it,
    `recorded` whether it stands on autograd's tape; `uncast` are the inputs as its caller holds them, before any cast.
    """

    __slots__ = ("at", "grads", "inputs", "op", "output", "recorded", "released", "saves", "uncast", "weights")

    def __init__(
        self,
        at: str,
        op: Op,
        inputs: Sequence[Value],
        output: Value,
        recorded: bool,
        copies: Sequence[Value] = (),
        uncast: Sequence[Value] = (),
    ) -> None:
        self.at = at
        self.op = op
        self.uncast = uncast
        self.inputs = [*inputs, *copies]
        self.grads = [*op.grads, *[NEW] * len(copies)]
        self.output = output
        self.recorded = recorded
        self.saves: list[int] = _needed(op, inputs)
        if copies and (op.casts == KERNEL or inputs[0].trained):  # the bias is not needed
            self.saves.append(len(inputs))
        self.weights: list[tuple[int, int]] = []
        self.released: list[Value] = []

    @property
    def keeps_inputs_only(self) -> bool:
        """Does backward need nothing of it but inputs?"""
        return not self.op.keeps and not self.op.copies and OUT not in self.saves


class Segment:
    """The steps of a checkpointed block, `first` to `last`, and the values from outside that it reads.

    `needed` are the steps of which autograd keeps anything, `awaited` those of them that backward comes to.
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
    """All operations, the values they begin and end with, and what the network keeps all the time.

    `amp` is the dtype of autocast, or empty; `copies` are the 16-bit weights, by the node that owns them in `copied`. With
    `held`, values live as long as a program holds them, otherwise until their last use.
    """

    def __init__(self, training: bool, amp: str, held: bool = True) -> None:
        self.training = training
        self.amp = amp
        self.held = held
        self.count = 0
        self.copies: list[Value] = []
        self.copied: dict[int, list[Value]] = {}
        self.steps: list[Step] = []
        self.inputs: list[Value] = []
        self.outputs: list[Value] = []
        self.params = self.buffers = self.counters = 0
        self.unknown: list[str] = []  # layers without a memory rule
        self.segments: list[Segment] = []  # blocks that are checkpointed, in order

    def value(self, numbers: int, trained: bool, classes: int = 1, wide: bool = False, fixed: bool = False) -> Value:
        """A new value, wide only under autocast."""
        self.count += 1
        return Value(self.count - 1, numbers, trained, classes, wide and bool(self.amp), fixed)

    def cast(self, at: str, op: Op, inputs: list[Value]) -> list[Value]:
        """The inputs as autocast hands them to an operation; a cast is a step of its own."""
        if not self.amp or op.casts in (AS_IT_COMES, MIXED, UNKNOWN) or (op.casts == FUSED and self.amp == "float16"):
            return inputs
        wide = op.casts in (FULL, FUSED)
        found = []
        for value in inputs:
            if value.wide == wide:
                found.append(value)
                continue
            other = self.value(value.numbers, value.trained, value.classes, wide)
            self.steps.append(Step(at, Op([0], value.numbers, [NEW], casts=CAST), [value], other, False))
            found.append(other)
        return found

    def copy(self, at: str, op: Op, sizes: Sequence[int], owner: int) -> list[Value]:
        """The 16-bit copies of an operation's parameters, made when they are first used and kept until forward ends."""
        if not self.amp or not sizes or op.casts not in (KERNEL, PRODUCT):
            return []
        if owner not in self.copied:
            self.copied[owner] = [self.value(size, True, fixed=True) for size in sizes]
            self.copies += self.copied[owner]
            for value in reversed(self.copied[owner]):
                step = Step(at, Op([], value.numbers, [], weighted=True, casts=CAST), [], value, False)
                step.weights = [(value.numbers, 0)]
                step.op.relaid = op.relaid and value is self.copied[owner][0]
                self.steps.append(step)
        return self.copied[owner]


def plan(
    network: Network,
    training: bool,
    held: bool = True,
    inplace: bool | None = None,
    checkpoint: Sequence[str] = (),
    amp: str = "",
) -> Plan:
    """The operations of a network; with `held`, blocks hold their inputs until they return, as Python's frames do.

    `inplace` overrides what the activations say of themselves; `checkpoint` names blocks (`Stage2`, or `Stage` for all of
    them) whose inside is worked out again in backward instead of kept; `amp` is the dtype that autocast casts to.
    """
    work = Plan(training, amp, held)
    values: list[Value] = []  # the value of every node
    last_step: list[int] = []  # the step behind which every node's value is made
    wanted = _wanted(network)
    owners: dict[tuple[int, int], list[Step]] = {}  # the uses of parameters
    cuts: dict[int, Value] = {}  # what is cut into parts, all at once
    for node in network.nodes:
        if node.layer is None:
            value = work.value(node.output.size, False, node.output[-1], wide=True)
            values.append(value)
            work.inputs.append(value)
            last_step.append(-1)
            continue
        shapes = network.shapes(node)
        layer = _overridden(node.layer, inplace)
        ops, seen = layer.tape(training, *shapes), node.seen
        if ops is None or (seen is not None and (seen.more or seen.less)):
            work.unknown.append(node.name)
        if ops is None or (seen is not None and seen.less):
            ops = least(
                [x.size for x in shapes],
                node.output.size,
                node.layer.in_place or (seen is not None and seen.less),
                bool(node.layer.weights(*shapes)),
            )
        weights = [] if node.shared is not None else [int(size) for size in node.layer.weights(*shapes).values()]
        if node.shared is None:
            buffers = node.layer.buffers(*shapes)
            work.params += sum(weights)
            work.buffers += sum(int(size) for size in buffers.values())
            work.counters += 1 if "running_mean" in buffers else 0
        owner = node.index if node.shared is None else node.shared
        known = [values[index] for index in node.inputs]
        if seen is not None and seen.split is not None:
            known = [_cut(work, cuts, node.name, seen, known[0], training and node.index in wanted)]
            ops = [Op([0], node.output.size, [GATHERED], alias=0)]
        for place, op in enumerate(ops):
            op.relaid = op.weighted and seen is not None and seen.relaid
            sizes = [int(size) for size in node.layer.weights(*shapes).values()] if op.weighted else []
            sizes = sizes if op.of is None else [sizes[which] for which in op.of]
            copies = work.copy(node.name, op, sizes, owner)
            inputs = work.cast(node.name, op, [known[place] for place in op.inputs])
            uncast = [known[place] for place in (*op.inputs, *op.holds)]
            flows = any(value.trained for value in inputs) or bool(sizes)
            value = work.value(op.output, flows, node.output[-1], _is_wide(op, inputs))
            known.append(value)
            step = Step(node.name, op, inputs, value, training and flows and node.index in wanted, copies, uncast)
            op.relaid = op.relaid and not copies
            if sizes and training and not copies:
                step.weights = [(size, 0) for size in sizes]
                owners.setdefault((owner, place), []).append(step)
            work.steps.append(step)
        values.append(known[-1])
        last_step.append(len(work.steps) - 1)
    for uses in owners.values():
        for before, step in enumerate(reversed(uses)):  # backward comes to the last use first
            step.weights = [(size, before) for size, _ in step.weights]
    work.outputs = [values[index] for index in network.outputs]
    scopes = _scopes(network.nodes)
    _release(network, work, values, last_step, scopes if held else None)
    if checkpoint:
        _segment(work, values, last_step, scopes, checkpoint)
    return work


def _cut(work: Plan, cuts: dict[int, Value], at: str, seen: Seen, x: Value, recorded: bool) -> Value:
    """The value that is cut into parts at once: in backward, one operation joins all their gradients and zeros."""
    assert seen.split is not None
    if seen.split not in cuts:
        cuts[seen.split] = work.value(x.numbers, x.trained, x.classes, x.wide)
        op = Op([0], x.numbers, [NEW], alias=0, temps=seen.unused)
        work.steps.append(Step(at, op, [x], cuts[seen.split], recorded and x.trained, (), [x]))
    return cuts[seen.split]


def _is_wide(op: Op, inputs: Sequence[Value]) -> bool:
    """Under autocast, is the output in float32? What overwrites an input has its type."""
    if op.casts in (KERNEL, PRODUCT, UNKNOWN) and op.alias is None:
        return False
    if op.casts in (FULL, FUSED, MIXED):
        return True
    return inputs[op.alias].wide if op.alias is not None else any(value.wide for value in inputs)


def blocks_named(network: Network, name: str) -> bool:
    """Is there a block of that path, label or kind?"""
    return any(_is_named(scope, name) for scope in _scopes(network.nodes))


def _is_named(scope: Scope, name: str) -> bool:
    label = scope.path.rpartition(".")[2]
    return name in (scope.path, label, label.rstrip("0123456789").rstrip("_"))


def _segment(
    work: Plan, values: Sequence[Value], last_step: Sequence[int], scopes: Sequence[Scope], names: Sequence[str]
) -> None:
    """Note the outermost blocks of these names."""
    for scope in sorted(scopes, key=lambda scope: (scope.first, -scope.last)):
        if not any(_is_named(scope, name) for name in names):
            continue
        first, last = last_step[scope.first - 1] + 1 if scope.first else 0, last_step[scope.last]
        if not work.segments or first > work.segments[-1].last:
            work.segments.append(Segment(first, last, [values[index] for index in sorted(scope.inputs)], work.steps))


def _overridden(layer: Layer, inplace: bool | None) -> Layer:
    """The layer, with `inplace` set for an activation that has it (dropout and sums keep theirs)."""
    if inplace is None or not isinstance(layer, InPlace) or isinstance(layer, Dropout):
        return layer
    return type(layer).made({**layer.written, "inplace": inplace})


def _wanted(network: Network) -> set[int]:
    """The nodes from which an output is reached; what others keep is freed with their values."""
    found: set[int] = set()
    stack = list(network.outputs)
    while stack:
        index = stack.pop()
        if index not in found:
            found.add(index)
            stack.extend(network.nodes[index].inputs)
    return found


def _needed(op: Op, inputs: Sequence[Value]) -> list[int]:
    """Of a product, an operand is kept only for the gradient of the other one."""
    if len(inputs) == 2 and list(op.saves) == list(op.inputs) and inputs[0] is not inputs[1]:
        return [place for place in (0, 1) if inputs[1 - place].trained]
    return [save if save < 0 else op.inputs.index(save) for save in op.saves]


def _release(
    network: Network, work: Plan, values: Sequence[Value], last_step: Sequence[int], scopes: Sequence[Scope] | None
) -> None:
    """Note behind which step every value is let go."""
    until: dict[int, int] = {}
    for number, step in enumerate(work.steps):
        until[step.output.number] = number
        for value in (*step.inputs, *(step.uncast if scopes is not None else ())):
            until[value.number] = number
    if scopes is not None and any(node.seen is not None for node in network.nodes):
        for node, value in zip(network.nodes, values, strict=True):
            if node.seen is not None and node.seen.until is not None and value.number in until:
                until[value.number] = max(until[value.number], last_step[node.seen.until])
    elif scopes is not None:
        holders = [(scope.inputs, scope.last) for scope in scopes]
        # a layer of several operations is a module too; branches hold the value they started from until they are merged
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
    kept = {value.number for value in [*work.outputs, *work.inputs, *(work.copies if scopes is not None else ())]}
    by_number = {step.output.number: step.output for step in work.steps}
    for number, end in until.items():
        if number not in kept:
            work.steps[end].released.append(by_number[number])


class Scope:
    """A block: its path, its first and last node, and the nodes outside whose values it reads."""

    __slots__ = ("first", "inputs", "last", "path")

    def __init__(self, path: str, first: int, last: int, inputs: set[int]) -> None:
        self.path = path
        self.first = first
        self.last = last
        self.inputs = inputs


def _scopes(nodes: Sequence[Node]) -> list[Scope]:
    """Every block of the network."""
    found: list[Scope] = []
    open_blocks: list[tuple[str, int]] = []

    def close(level: int, last: int) -> None:
        while len(open_blocks) > level:
            path = ".".join(name for name, _ in open_blocks)
            _, first = open_blocks.pop()
            inside = nodes[first : last + 1]
            found.append(Scope(path, first, last, {index for node in inside for index in node.inputs if index < first}))

    for node in nodes:
        path = node.name.split(".")[:-1]
        same = 0
        while same < min(len(path), len(open_blocks)) and open_blocks[same][0] == path[same]:
            same += 1
        close(same, node.index - 1)
        open_blocks += [(name, node.index) for name in path[same:]]
    close(0, len(nodes) - 1)
    return found
