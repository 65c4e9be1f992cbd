"""The set of blocks to checkpoint within a memory limit that recomputes the fewest multiply-adds.

Chen et al. 2016, "Training deep nets with sublinear memory cost", choose segments of equal size. Here, the replay of `peak`
decides. What a block keeps for backward, and what exists besides while it runs, depends only on whether it and the blocks next
to it are checkpointed. Eight replays, in which every block has each of the eight states of itself and its neighbours, show these
figures. A dynamic program over the blocks in order then keeps, for each state of two neighbours, the sets that no other one beats
in both bytes kept and multiply-adds.

That is exact for a chain of blocks, each of which reads only the block before it. In other networks, the set is checked by a
replay, and the search is repeated with a lower limit if the peak is too high. It may then not be the best one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cnncalc.analyses.blocks import Scope, scopes_of
from cnncalc.analyses.memory.peak import Run, train
from cnncalc.analyses.memory.plan import Plan, plan
from cnncalc.analyses.totals import analyze
from cnncalc.network import Network
from cnncalc.record import Record

PATTERNS = ("000", "111", "001", "010", "100", "011", "110", "101")  # each is repeated along the blocks
MOST_SETS = 2_000  # that are kept for each state of two neighbours
MOST_BLOCKS = 100  # of a partition
ATTEMPTS = 3  # searches with a lower limit

Pair = tuple[int, int]
Triple = tuple[int, int, int]
Partial = tuple[int, int, tuple[int, ...]]  # bytes kept, multiply-adds that are recomputed, and the chosen blocks


class Checkpoints(Record):
    """Blocks to checkpoint, the peak of a training step with them, and the multiply-adds per example that run twice."""

    blocks: tuple[str, ...]
    peak: int
    recomputed: int


class Step(Record):
    """How training runs: what `train` takes."""

    batch: int = 1
    dtype: str = "float32"
    optimizer: str = "sgd"
    amp: str = ""


def best_checkpoints(network: Network, limit: int, step: Step, work: Plan | None = None) -> Checkpoints | None:
    """Return the cheapest set of blocks with which a training step stays within `limit` bytes; None if there is none.

    Blocks may be the outermost ones, or the ones inside of them; the sets of both are compared. `work` is the plan of the
    network if it is already known.
    """
    work = work or plan(network, training=True, amp=step.amp)
    found = [_Chain(network, blocks, step, work).search(limit) for blocks in partitions(network)]
    return min([one for one in found if one is not None], key=lambda one: (one.recomputed, one.blocks), default=None)


def recomputed_macs(network: Network, blocks: Sequence[str]) -> int:
    """Return the multiply-adds per example of the layers in these blocks."""
    rows = analyze(network).rows
    return sum(row.macs for row in rows if any(row.node.name.startswith(f"{block}.") for block in blocks))


def partitions(network: Network) -> Iterator[list[Scope]]:
    """Yield the blocks of the outermost level, and those of the second level where a block consists of several."""
    scopes = scopes_of(network.nodes)
    tops = [scope for scope in scopes if "." not in scope.path]
    if 0 < len(tops) <= MOST_BLOCKS:
        yield tops
    inner = []
    for top in tops:
        inside = [scope for scope in scopes if scope.path.startswith(f"{top.path}.") and scope.path.count(".") == 1]
        inner += inside if len(inside) > 1 else [top]
    if len(tops) < len(inner) <= MOST_BLOCKS:
        yield sorted(inner, key=lambda scope: scope.first)


class _Chain:
    """Blocks in order with the layers between them, which are blocks that cannot be checkpointed."""

    def __init__(self, network: Network, blocks: Sequence[Scope], step: Step, work: Plan) -> None:
        self.network = network
        self.work = work
        self.step = step
        self.names: list[str] = []  # of the blocks, "" for layers between them
        self.place: dict[str, int] = {}  # layer -> block
        self.costs: list[int] = []
        rows = analyze(network).rows
        by_layer = {node: block.path for block in blocks for node in range(block.first, block.last + 1)}
        for row in rows:
            name = by_layer.get(row.node.index, "")
            if not self.names or name != self.names[-1]:
                self.names.append(name)
                self.costs.append(0)
            self.costs[-1] += row.macs
            self.place[row.node.name] = len(self.names) - 1
        self.names.append("")  # the loss
        self.costs.append(0)
        count = len(self.names)
        self.kept: list[dict[Pair, int]] = [{} for _ in range(count)]  # by the states of a block and the next one
        self.over: list[dict[Triple, int]] = [{} for _ in range(count)]  # the most besides, by those of three
        self.rest = 0  # the peak of moments that no checkpoint changes
        for pattern in PATTERNS:
            self._measure(pattern)

    def _run(self, states: Sequence[int]) -> Run:
        how = self.step
        chosen = tuple(name for name, state in zip(self.names, states, strict=True) if state)
        return train(self.network, how.batch, how.dtype, how.optimizer, work=self.work.with_checkpoints(chosen))

    def _measure(self, pattern: str) -> None:
        """Run a step with a pattern of checkpointed blocks, and note what each block keeps and needs besides."""
        states = [int(pattern[place % 3]) if name else 0 for place, name in enumerate(self.names)]
        run = self._run(states)
        last = len(self.names) - 1
        kept = [0] * (last + 1)
        for layer, size in run.saved_by_layer.items():
            kept[self.place.get(layer, last)] += size
        most = [0] * (last + 1)
        for moment in run.moments:
            if moment.phase == "optimizer":
                self.rest = max(self.rest, moment.live)
            else:
                place = self.place.get(moment.at, last)
                most[place] = max(most[place], moment.live)
        below = 0  # kept by the blocks before the one just before
        for place in range(last + 1):
            following = states[place + 1] if place < last else 0
            before = states[place - 1] if place else 0
            if place >= 2:
                below += kept[place - 2]
            self.kept[place][states[place], following] = kept[place]
            self.over[place][before, states[place], following] = most[place] - below

    def search(self, limit: int) -> Checkpoints | None:
        """Return the cheapest set within the limit, as the judge measures it."""
        wanted = limit
        for _ in range(ATTEMPTS):
            states = self._cheapest(wanted)
            if states is None:
                return None
            run = self._run(states)
            if run.bounded:
                return None
            if run.peak.live <= limit:
                chosen = tuple(name for name, state in zip(self.names, states, strict=True) if state)
                cost = sum(cost for cost, state in zip(self.costs, states, strict=True) if state)
                return Checkpoints(chosen, run.peak.live, cost)
            wanted -= run.peak.live - limit
        return None

    def _cheapest(self, limit: int) -> tuple[int, ...] | None:
        """Return which blocks to checkpoint; None if no set is within the limit."""
        if self.rest > limit:
            return None
        choices = [(0, 1) if name else (0,) for name in [*self.names, ""]]
        open_sets: dict[Pair, list[Partial]] = {
            (0, state): [(0, self.costs[0] * state, (state,))] for state in choices[0]
        }
        for place, following in enumerate(choices[1:]):
            reached: dict[Pair, list[Partial]] = {}
            for (before, state), sets in open_sets.items():
                for after in following:
                    over = self.over[place][before, state, after]
                    kept = self.kept[place - 1][before, state] if place else 0
                    more = self.costs[place + 1] * after if after else 0
                    found = reached.setdefault((state, after), [])
                    for below, cost, chosen in sets:
                        if below + over <= limit:
                            found.append((below + kept, cost + more, (*chosen, after)))
            open_sets = {pair: _unbeaten(sets) for pair, sets in reached.items()}
        best = min([one for sets in open_sets.values() for one in sets], key=_order, default=None)
        return None if best is None else best[2][: len(self.names)]


def _order(one: Partial) -> tuple[int, int, tuple[int, ...]]:
    """Order by the multiply-adds that are recomputed, then by the number of blocks."""
    return one[1], sum(one[2]), one[2]


def _unbeaten(sets: list[Partial]) -> list[Partial]:
    """Return the sets that no other one beats in bytes and multiply-adds; of too many, the cheapest."""
    kept: list[Partial] = []
    for one in sorted(sets, key=lambda one: (one[0], *_order(one))):
        if not kept or (one[1], sum(one[2])) < (kept[-1][1], sum(kept[-1][2])):
            kept.append(one)
    return kept[-MOST_SETS:] if len(kept) > MOST_SETS else kept
