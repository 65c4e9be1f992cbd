"""torch.utils.flop_counter: operations that PyTorch dispatches, 2 FLOPs per multiply-add, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable

from cnncalc.reconcile.calls import Call
from cnncalc.reconcile.rules import Figure, Part, Rule, Tool


def attention(call: Call) -> Iterable[Part]:
    """Nothing for nn.MultiheadAttention, which runs as one operation there. Without biases it runs in parts."""
    if not call.has_bias:
        yield Part(2, call.projections, "multiply-adds")


FLOPS: dict[str, Rule] = {
    "conv depthwise convtranspose fc linear dot matmul einsum gru rnn": "2*macs",
    "attention": attention,
    "attend/sdpa lstm": "0",
    "attention/sdpa": "2*projections",
    "attend/matmul": "2*macs",
    "local convlstm": "?",
}


class FlopCounter(Tool):
    """torch.utils.flop_counter.FlopCounterMode."""

    name = "flop_counter"
    version = "torch 2.13.0, evaluation mode without gradients on the CPU"
    figures = (
        Figure(
            "FLOPs", "FLOPs", FLOPS, otherwise="0",
            note="attention runs as one operation there, which is not counted",
        ),
    )  # fmt: skip
