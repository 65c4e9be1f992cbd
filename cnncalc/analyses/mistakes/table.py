"""The table of usual mistakes."""

from __future__ import annotations

from collections.abc import Callable

from cnncalc.analyses.mistakes import counts, field, totals, volumes, windows
from cnncalc.analyses.mistakes.question import Attempts, Question
from cnncalc.record import Record
from cnncalc.units import Figure


class Kind(Record):
    """A kind of mistake: a short `title`, `advice` on how to avoid it, and how to recognize it.

    `attempts` yields the figures that the mistake gives. `read` instead describes an answer that the mistake explains, for
    kinds that depend on how a figure is written. A `general` kind is considered only if no other kind explains the answer.
    """

    title: str
    advice: str
    attempts: Callable[[Question], Attempts] | None = None
    read: Callable[[Question, Figure], str] | None = None
    general: bool = False


MISTAKES: dict[str, Kind] = {
    # -- output shapes, and everything that follows from them --
    "no-padding": Kind("padding left out", "Add P on both sides: W + 2P.", windows.no_padding),
    "padding-once": Kind(
        "padding on one side only", "Padding is added on both sides: 2P, not P.", windows.padding_once
    ),
    "no-plus-one": Kind("+ 1 left out", "The first window counts, too: (W - F + 2P)/S + 1.", windows.no_plus_one),
    "rounding": Kind(
        "rounded in the wrong direction",
        "Sizes are rounded down, unless the layer sets `ceil: true`.",
        windows.other_rounding,
    ),
    "no-stride": Kind(
        "stride left out", "Divide by the stride S; that of a pooling is its window size by default.", windows.no_stride
    ),
    "stride-of-kernel": Kind(
        "window size used as stride",
        "Use the stride that is written; the window size is only its default.",
        windows.stride_of_kernel,
    ),
    "no-dilation": Kind("dilation left out", "A dilated window is D*(F - 1) + 1 long.", windows.no_dilation),
    "kernel-axes": Kind(
        "height and width of the window exchanged",
        "A window of 1x7 is 1 high and 7 wide.",
        windows.kernel_of_other_axis,
    ),
    "axes-exchanged": Kind("height and width exchanged", "Write height x width x channels.", windows.axes_exchanged),
    "channels-first": Kind("channels written first", "Write height x width x channels.", windows.channels_first),
    "size-unchanged": Kind(
        "size of the input kept", "The size stays the same only if (W - F + 2P)/S + 1 = W.", windows.size_unchanged
    ),
    "channels-unchanged": Kind(
        "channels of the input kept",
        "Each filter gives one channel: the output has K channels.",
        windows.channels_unchanged,
    ),
    "channels-multiplied": Kind(
        "filters multiplied by channels",
        "A filter covers all channels of the input and gives one channel.",
        windows.channels_multiplied,
    ),
    "positions-kept": Kind(
        "fully connected layer not flattened",
        "A fully connected layer flattens its input and gives a vector.",
        windows.positions_kept,
    ),
    "not-transposed": Kind(
        "formula of a plain convolution", "A transposed convolution gives (W - 1)*S + F - 2P.", windows.not_transposed
    ),
    "earlier-size": Kind(
        "size before the previous layer",
        "Use the output of the previous layer, not its input.",
        windows.size_before_previous,
    ),
    "earlier-channels": Kind(
        "channels before the previous layer",
        "A filter is as deep as the input of its own layer.",
        windows.channels_before_previous,
    ),
    # -- parameters and multiply-adds of a layer --
    "no-bias": Kind("biases left out", "Add one bias for each filter or unit.", counts.no_bias),
    "bias-counted": Kind(
        "biases counted as weights", "Weights multiply the input; biases are added.", counts.bias_counted
    ),
    "one-bias": Kind("one bias for the whole layer", "There is one bias for each filter or unit.", counts.one_bias),
    "bias-per-input": Kind(
        "one bias per input", "There is one bias for each filter or unit, not for each input.", counts.bias_per_input
    ),
    "bias-per-position": Kind(
        "one bias per output number", "All positions share the bias of their filter.", counts.bias_per_position
    ),
    "bias-added": Kind("bias counted although the layer has none", "The layer has `bias: false`.", counts.bias_added),
    "one-filter": Kind(
        "one filter or unit counted", "Multiply by the number of filters K, or of units.", counts.one_filter
    ),
    "no-input-channels": Kind(
        "channels of the input left out",
        "A filter has F*F*C weights: it covers all C channels of its input.",
        counts.no_input_channels,
    ),
    "one-side": Kind("F instead of F*F", "A filter is F high and F wide.", counts.one_side),
    "groups-ignored": Kind(
        "groups left out", "A filter covers only the C/groups channels of its own group.", counts.groups_ignored
    ),
    "not-flattened": Kind(
        "positions of the input left out",
        "A unit is connected to every number of the input: H*W*C.",
        counts.not_flattened,
    ),
    "pool-with-weights": Kind("weights for a pooling", "A pooling has no parameters.", counts.pool_with_weights),
    "one-gate": Kind(
        "one gate counted", "An LSTM has 4 gates with weights of their own, a GRU has 3.", counts.one_gate
    ),
    "buffers-counted": Kind(
        "running statistics counted", "Running means and variances are buffers, not parameters.", counts.buffers_counted
    ),
    "one-position": Kind(
        "one position counted", "The filters are applied at every position of the output.", counts.one_position
    ),
    "input-positions": Kind(
        "positions of the input counted", "Count the positions of the output, not of the input.", counts.input_positions
    ),
    "flops": Kind("FLOPs instead of MACs", "One multiply-accumulate counts once; FLOPs are 2 x MACs.", counts.flops),
    "bias-additions": Kind(
        "bias additions counted", "Adding a bias is not a multiply-accumulate.", counts.bias_additions
    ),
    "flops-with-biases": Kind(
        "FLOPs with bias additions",
        "One multiply-accumulate counts once, and biases do not count.",
        counts.flops_with_biases,
    ),
    "other-quantity": Kind(
        "params and MACs confused", "MACs are the weights times the positions of the output.", counts.other_quantity
    ),
    # -- activations and memory --
    "in-place-counted": Kind(
        "in-place layers counted",
        "A layer such as relu overwrites its input and writes no new volume.",
        volumes.in_place_counted,
    ),
    "input-volume": Kind(
        "input counted instead of the output",
        "Activations are the numbers that the layer writes.",
        volumes.input_volume,
    ),
    "no-channels": Kind(
        "channels of the output left out", "A volume has height x width x channels numbers.", volumes.no_channels
    ),
    "bytes": Kind("bytes instead of numbers", "Count numbers; memory is numbers x bytes.", volumes.bytes_counted),
    "numbers": Kind(
        "numbers instead of bytes", "Multiply by the bytes of a number: 4 in float32.", volumes.numbers_counted
    ),
    "other-dtype": Kind(
        "bytes of another data type", "float64 takes 8 bytes, float32 4, float16 2.", volumes.bytes_of_other_dtype
    ),
    "batch": Kind("multiplied by the batch", "The figure is for one example.", volumes.batch_counted),
    "no-batch": Kind(
        "batch left out", "Every example of the batch has feature maps of its own.", volumes.batch_forgotten
    ),
    "prefix": Kind(
        "1,024 for 1,000",
        "k is 1,000 and M is 1,000,000; Ki is 1,024 and Mi is 1,048,576.",
        volumes.other_prefix,
        volumes.read_other_prefix,
    ),
    # -- receptive field --
    "field-without-strides": Kind(
        "strides left out of the field",
        "Multiply each F - 1 by the strides of all previous layers.",
        field.strides_ignored,
    ),
    "field-sum-of-windows": Kind(
        "window sizes added up", "Add F - 1 for each layer, starting from 1.", field.kernels_added
    ),
    "field-own-stride": Kind(
        "own stride applied to the window", "A layer's stride matters for the layers after it.", field.stride_too_early
    ),
    "field-without-pooling": Kind(
        "pooling left out of the field", "Pooling layers have windows and strides, too.", field.pooling_ignored
    ),
    "field-own-window": Kind("window of one layer only", "Add what the previous layers see.", field.window_only),
    "field-without-one": Kind("1 left out of the field", "Start from 1, the cell itself.", field.center_forgotten),
    "field-without-dilation": Kind(
        "dilation left out of the field", "A dilated window is D*(F - 1) + 1 long.", field.gaps_ignored
    ),
    "field-stride": Kind(
        "stride of the field instead of its size",
        "The size is how many input pixels a cell sees.",
        field.stride_reported,
    ),
    # -- sums over layers --
    "trainable-only": Kind("frozen parameters left out", "params includes frozen parameters.", totals.trainable_only),
    "trainable-and-buffers": Kind(
        "frozen parameters left out, buffers counted",
        "params includes frozen parameters, but no buffers.",
        totals.trainable_and_buffers,
    ),
    "convolutions-only": Kind("convolutions only", "Fully connected layers count as well.", totals.convolutions_only),
    "shared-twice": Kind(
        "shared parameters counted again", "Layers that share parameters have them once.", totals.shared_twice
    ),
    "no-input": Kind("input left out", "The input is a volume in memory, too.", totals.no_input),
    "input-twice": Kind("input counted twice", "The input counts once.", totals.input_twice),
    "no-last-layer": Kind("last layer left out", "The last layer counts as well.", totals.no_last_layer),
    "layer-left-out": Kind("a layer left out", "Every layer counts.", read=totals.read_layer_left_out, general=True),
    "layer-twice": Kind(
        "a layer counted twice", "Every layer counts once.", read=totals.read_layer_twice, general=True
    ),
    "rounded-down": Kind(
        "cut off instead of rounded", "Round to the nearest digit.", read=totals.read_rounded_down, general=True
    ),
    "twice": Kind("twice the right figure", "Count everything once.", totals.twice, general=True),
    "half": Kind("half the right figure", "Check for a factor of 2.", totals.half, general=True),
}
