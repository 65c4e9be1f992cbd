"""All rewrites, the least harmful first."""

from __future__ import annotations

from cnncalc.advice.layers.bias_before_norm import BiasBeforeNorm
from cnncalc.advice.layers.global_pooling import GlobalPooling
from cnncalc.advice.layers.separable import Separable
from cnncalc.advice.layers.small_kernels import SmallKernels
from cnncalc.advice.network.narrower import Narrower
from cnncalc.advice.rewrite import Rewrite
from cnncalc.advice.running.checkpointing import Checkpointing
from cnncalc.advice.running.mixed_precision import MixedPrecision
from cnncalc.advice.running.smaller_batch import SmallerBatch

CATALOGUE: tuple[Rewrite, ...] = (
    BiasBeforeNorm(),
    Checkpointing(),
    MixedPrecision(),
    SmallerBatch(),
    SmallKernels(),
    Separable(),
    GlobalPooling(),
    Narrower(75),
    Narrower(50),
)
