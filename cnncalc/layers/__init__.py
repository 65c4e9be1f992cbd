"""Every layer kind, by name. Importing this package defines them all."""

from cnncalc.layers import activation, attention, dense, merge, norm, recurrent, reshape, window
from cnncalc.layers.base import KINDS, Layer, kind_named

__all__ = [
    "KINDS",
    "Layer",
    "activation",
    "attention",
    "dense",
    "kind_named",
    "merge",
    "norm",
    "recurrent",
    "reshape",
    "window",
]
