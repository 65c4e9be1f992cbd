"""A smaller batch."""

from __future__ import annotations

from cnncalc.advice.rewrite import NUMERICS, Rewrite
from cnncalc.advice.state import State


class SmallerBatch(Rewrite):
    """Half of the batch, or less."""

    name = "smaller-batch"
    title = "use a smaller batch"
    effect = (
        "gradients are noisier, and batch normalization sees fewer examples. Two steps whose gradients are added give the "
        "gradient of the whole batch."
    )
    harm = NUMERICS
    saves = ("memory",)
    exclusive = True

    def places(self, state: State) -> list[str]:
        """Return the batch sizes to try: half, a quarter and so on."""
        sizes = []
        batch = state.running.batch
        while batch > 1:
            batch = (batch + 1) // 2
            sizes.append(str(batch))
        return sizes

    def apply(self, state: State, place: str) -> State | None:
        return state.with_running(batch=int(place)) if int(place) < state.running.batch else None
