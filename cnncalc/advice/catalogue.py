"""All rewrites, the least harmful first."""

from __future__ import annotations

from collections.abc import Mapping

from cnncalc.advice.layers.bias_before_norm import BiasBeforeNorm
from cnncalc.advice.layers.bottleneck import Bottleneck
from cnncalc.advice.layers.earlier_stride import EarlierStride
from cnncalc.advice.layers.factorized import Factorized
from cnncalc.advice.layers.global_pooling import GlobalPooling
from cnncalc.advice.layers.grouped import Grouped
from cnncalc.advice.layers.in_place import InPlaceActivations
from cnncalc.advice.layers.separable import Separable
from cnncalc.advice.layers.small_kernels import SmallKernels
from cnncalc.advice.layers.windows_beyond_input import WindowsBeyondInput
from cnncalc.advice.network.dead_layers import DeadLayers
from cnncalc.advice.network.duplicate_layers import DuplicateLayers
from cnncalc.advice.network.hidden_width import HiddenWidth
from cnncalc.advice.network.layers_beyond_input import LayersBeyondInput
from cnncalc.advice.network.merged_linear import MergedLinear
from cnncalc.advice.network.narrower import Narrower
from cnncalc.advice.network.pooling_to_stride import PoolingToStride
from cnncalc.advice.network.unread_cells import UnreadCells
from cnncalc.advice.network.unread_rows import UnreadRows
from cnncalc.advice.rewrite import Rewrite
from cnncalc.advice.running.checkpoint_set import CheckpointSet
from cnncalc.advice.running.checkpointing import Checkpointing
from cnncalc.advice.running.mixed_precision import MixedPrecision
from cnncalc.advice.running.smaller_batch import SmallerBatch

CATALOGUE: tuple[Rewrite, ...] = (
    DeadLayers(),
    DuplicateLayers(),
    MergedLinear(),
    UnreadRows(),
    UnreadCells(),
    BiasBeforeNorm(),
    InPlaceActivations(),
    Checkpointing(),
    MixedPrecision(),
    SmallerBatch(),
    SmallKernels(),
    WindowsBeyondInput(),
    LayersBeyondInput(),
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


def catalogue(limits: Mapping[str, int]) -> tuple[Rewrite, ...]:
    """Return all rewrites, with those that need to know the limits."""
    return (*CATALOGUE, CheckpointSet(limits["memory"])) if "memory" in limits else CATALOGUE
