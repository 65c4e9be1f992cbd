"""All rewrites, the least harmful first."""

from __future__ import annotations

from cnncalc.advice.layers.bias_before_norm import BiasBeforeNorm
from cnncalc.advice.layers.bottleneck import Bottleneck
from cnncalc.advice.layers.earlier_stride import EarlierStride
from cnncalc.advice.layers.factorized import Factorized
from cnncalc.advice.layers.global_pooling import GlobalPooling
from cnncalc.advice.layers.grouped import Grouped
from cnncalc.advice.layers.in_place import InPlaceActivations
from cnncalc.advice.layers.separable import Separable
from cnncalc.advice.layers.small_kernels import SmallKernels
from cnncalc.advice.network.dead_layers import DeadLayers
from cnncalc.advice.network.hidden_width import HiddenWidth
from cnncalc.advice.network.narrower import Narrower
from cnncalc.advice.network.pooling_to_stride import PoolingToStride
from cnncalc.advice.rewrite import Rewrite
from cnncalc.advice.running.checkpointing import Checkpointing
from cnncalc.advice.running.mixed_precision import MixedPrecision
from cnncalc.advice.running.smaller_batch import SmallerBatch

CATALOGUE: tuple[Rewrite, ...] = (
    DeadLayers(),
    BiasBeforeNorm(),
    InPlaceActivations(),
    Checkpointing(),
    MixedPrecision(),
    SmallerBatch(),
    SmallKernels(),
    PoolingToStride(),
    Separable(),
    Factorized(),
    Grouped(),
    Bottleneck(),
    EarlierStride(),
    GlobalPooling(),
    HiddenWidth(50),
    Narrower(75),
    Narrower(50),
)
