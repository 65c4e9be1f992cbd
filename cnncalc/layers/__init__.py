"""Layer kinds, one module per family. Importing this package defines all of them.

To add a kind, write one class in the module of its family: annotated fields, `out`, and those of `weights`, `buffers`,
`macs`, `windows` and `operations` that differ from the defaults in `base.Layer`. Then add its row to the table in
tests/layers/test_layers.py. CONTRIBUTING.md has a worked example.
"""

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
