"""timm: the columns of its result tables, which its benchmark.py computes with fvcore."""

from __future__ import annotations

from cnncalc.reconcile.rules import Figure, Parameters, Tool
from cnncalc.reconcile.tools.fvcore import ACTIVATIONS, FLOPS
from cnncalc.reconcile.tools.parameters import EVERY


class Timm(Tool):
    """The columns `gmacs`, `macts` and `param_count` of timm's tables of results."""

    name = "timm"
    version = "1.0.31, fvcore 0.1.5.post20221221"
    figures = (
        Figure("gmacs", "MACs", FLOPS, otherwise="0", note="assumes classes of torch.nn instead of timm's own"),
        Figure("macts", "activations", ACTIVATIONS, otherwise="0"),
        Parameters("param_count", EVERY),
    )
