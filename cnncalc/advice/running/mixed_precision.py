"""Mixed precision."""

from __future__ import annotations

from cnncalc.advice.rewrite import NUMERICS, Rewrite
from cnncalc.advice.state import State
from cnncalc.units import HALVES


class MixedPrecision(Rewrite):
    """Activations in 16 bits, parameters in 32."""

    name = "mixed-precision"
    title = "compute in 16 bits with mixed precision"
    effect = (
        "results are rounded to 16 bits; parameters stay in float32. float16 needs a scaled loss, bfloat16 does not."
    )
    harm = NUMERICS
    saves = ("memory",)

    def places(self, state: State) -> list[str]:
        return [""] if not state.running.amp and state.running.dtype == "float32" else []

    def apply(self, state: State, place: str) -> State | None:
        return state.with_running(amp=HALVES[0])
