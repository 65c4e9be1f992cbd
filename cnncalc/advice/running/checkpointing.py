"""Checkpointing of one block."""

from __future__ import annotations

from cnncalc.advice.rewrite import SAME, Rewrite
from cnncalc.advice.state import State
from cnncalc.analyses.blocks import scopes_of


class Checkpointing(Rewrite):
    """Recompute the inside of a block in the backward pass.

    Chen et al. 2016, "Training deep nets with sublinear memory cost".
    """

    name = "checkpoint"
    title = "recompute the inside of a block in the backward pass"
    effect = "none: the results are the same. The forward pass of the block runs twice in each training step."
    harm = SAME
    saves = ("memory",)

    def places(self, state: State) -> list[str]:
        if state.running.mode != "train":
            return []
        tops = dict.fromkeys(scope.path.partition(".")[0] for scope in scopes_of(state.network.nodes))
        return [top for top in tops if top not in state.running.checkpoint]

    def apply(self, state: State, place: str) -> State | None:
        return state.with_running(checkpoint=(*state.running.checkpoint, place))
