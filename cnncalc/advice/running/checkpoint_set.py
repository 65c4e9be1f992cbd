"""The best set of blocks to checkpoint."""

from __future__ import annotations

from cnncalc.advice.rewrite import SAME, Rewrite
from cnncalc.advice.state import State
from cnncalc.analyses.memory.checkpoints import Step, best_checkpoints


class CheckpointSet(Rewrite):
    """Recompute the blocks that meet a memory limit with the fewest multiply-adds.

    A dynamic program finds them; see `cnncalc.analyses.memory.checkpoints`.
    """

    name = "checkpoint-set"
    title = "recompute several blocks in the backward pass: the set with the fewest multiply-adds within the limit"
    effect = "none: the results are the same. The forward pass of these blocks runs twice in each training step."
    harm = SAME
    saves = ("memory",)
    exclusive = True

    def __init__(self, limit: int) -> None:
        self.limit = limit

    def places(self, state: State) -> list[str]:
        return [""] if state.running.mode == "train" and not state.running.checkpoint else []

    def apply(self, state: State, place: str) -> State | None:
        how = state.running
        step = Step(how.batch, how.dtype, how.optimizer, how.amp)
        found = best_checkpoints(state.network, self.limit, step, state.plan)
        if found is None or len(found.blocks) < 2:  # `checkpoint` shows single blocks
            return None
        return state.with_running(checkpoint=found.blocks)
