"""Every layer kind, by name. Importing this package defines them all."""

from cnncalc.layers import (
    activation,
    attention,
    conv,
    dense,
    elementwise,
    merge,
    norm,
    operator,
    pool,
    recurrent,
    reshape,
)
from cnncalc.layers.base import KINDS, Layer
from cnncalc.layers.lookup import kind_named

__all__ = [
    "KINDS",
    "Layer",
    "activation",
    "attention",
    "conv",
    "dense",
    "elementwise",
    "kind_named",
    "merge",
    "norm",
    "operator",
    "pool",
    "recurrent",
    "reshape",
]
