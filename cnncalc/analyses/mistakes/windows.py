"""Mistakes with windows: padding, stride, rounding, axes, and the sizes and channels that a layer gets.

Each gives another output, and so another number of activations and multiply-adds. Some give other parameters, too.
"""

from __future__ import annotations

from cnncalc.analyses.mistakes.kind import Kind
from cnncalc.analyses.mistakes.question import VOLUMES, Attempt, Attempts, Question, attempt, changed
from cnncalc.layers.base import Layer
from cnncalc.layers.conv import ConvTranspose
from cnncalc.layers.fields.notation import spell
from cnncalc.layers.pool import Pool
from cnncalc.layers.window import Windowed
from cnncalc.network import Network, Node
from cnncalc.shape import Shape, TransposedWindow, Window
from cnncalc.text import plural, show

FIRST_SIDES = {1: ("start",), 2: ("top", "left"), 3: ("front", "top", "left")}


def _windows(question: Question) -> tuple[Window, ...]:
    layer = question.layer
    return layer.windows(*question.shapes) if isinstance(layer, Windowed) else ()


def _has_padding(layer: Layer, shapes: tuple[Shape, ...]) -> bool:
    views = layer.windows(*shapes) or ()
    return any(isinstance(view, (Window, TransposedWindow)) and (view.before or view.after) for view in views)


def no_padding(question: Question) -> Attempts:
    """P = 0."""
    layer = question.layer
    if layer is not None and "pad" in layer.fields and _has_padding(layer, question.shapes):
        yield from attempt(question, "the figure without padding", changed(layer, pad=0))


def padding_once(question: Question) -> Attempts:
    """P instead of 2P."""
    windows = _windows(question)
    layer = question.layer
    if layer is not None and any(window.before for window in windows) and "pad" in layer.fields:
        sides = FIRST_SIDES[len(windows)]
        pad = {side: window.before for side, window in zip(sides, windows, strict=True)}
        yield from attempt(question, "the figure with P instead of 2P", changed(layer, pad=pad))


def no_stride(question: Question) -> Attempts:
    """S = 1."""
    layer = question.layer
    if isinstance(layer, (Windowed, ConvTranspose)):
        text = f"the figure with stride 1 instead of {spell(layer.stride or layer.kernel)}"
        yield from attempt(question, text, changed(layer, stride=1))


def stride_of_kernel(question: Question) -> Attempts:
    """S = F for a pooling whose stride was given."""
    layer = question.layer
    if isinstance(layer, Pool) and layer.stride:
        text = f"the figure with stride {spell(layer.kernel)}, the size of the window, instead of {spell(layer.stride)}"
        yield from attempt(question, text, changed(layer, stride=layer.kernel))


def no_dilation(question: Question) -> Attempts:
    """F without the gaps of the dilation."""
    layer = question.layer
    if layer is not None and "dilation" in layer.fields:
        yield from attempt(question, "the figure without dilation", changed(layer, dilation=1))


def other_rounding(question: Question) -> Attempts:
    """Rounding up instead of down, or the other way round."""
    lengths, shown, direction = [], "", ""
    for window, width in zip(_windows(question), question.shapes[0] if question.shapes else (), strict=False):
        room = width - window.reach + window.before + window.after
        length = room // window.stride + 1 if window.ceil else -(-room // window.stride) + 1
        if length != window.out(width) and not shown:
            shown = f"{window.numbers(width)} = {window.quotient(width)}"
            direction = "down instead of up" if window.ceil else "up instead of down"
        lengths.append(length)
    if shown:
        yield from attempt(question, f"the figure rounded {direction}", question.layer, lengths=lengths, shown=shown)


def no_plus_one(question: Question) -> Attempts:
    """(W - F + 2P)/S."""
    windows = _windows(question)
    if windows:
        window, width = windows[0], question.shapes[0][0]
        quotient = decimal(width - window.reach + window.before + window.after, window.stride)
        shown = f"{window.numbers(width).removesuffix(' + 1')} = {quotient}"
        lengths = [window.out(length) - 1 for window, length in zip(windows, question.shapes[0], strict=False)]
        if min(lengths) > 0:
            yield from attempt(question, "the figure without the + 1", question.layer, lengths=lengths, shown=shown)


def decimal(number: int, divisor: int) -> str:
    """Format a quotient with at most four decimal places.

    >>> decimal(223, 2), decimal(1, 3), decimal(8, 4)
    ('111.5', '0.3333', '2')
    """
    whole, rest = divmod(number, divisor)
    return f"{number / divisor:.4f}".rstrip("0").rstrip(".") if rest else str(whole)


def kernel_of_other_axis(question: Question) -> Attempts:
    """The height of the window for its width, and the other way round."""
    layer = question.layer
    kernel = layer.kernel if isinstance(layer, (Windowed, ConvTranspose)) else None
    if layer is not None and isinstance(kernel, tuple) and len(kernel) == 2:
        text = f"the figure for a window of {kernel[1]}x{kernel[0]} instead of {kernel[0]}x{kernel[1]}"
        yield from attempt(question, text, changed(layer, kernel=(kernel[1], kernel[0])))


def axes_exchanged(question: Question) -> Attempts:
    """Width before height."""
    right = question.right
    if question.quantity == "output" and isinstance(right, tuple) and len(right) == 3:
        yield Attempt((right[1], right[0], right[2]), "the same shape with height and width exchanged")


def channels_first(question: Question) -> Attempts:
    """The channels before the spatial axes."""
    right = question.right
    if question.quantity == "output" and isinstance(right, tuple) and len(right) > 1:
        text = "the same shape with the channels first; cnncalc puts them last"
        yield Attempt((right[-1], *right[:-1]), text, str(Shape(right)))


def size_unchanged(question: Question) -> Attempts:
    """The spatial axes of the input."""
    layer = question.layer
    if not isinstance(layer, (Windowed, ConvTranspose)):
        return
    if question.quantity == "output" or ("filters" in layer.fields and question.quantity in VOLUMES):
        shape = question.shapes[0]
        text = f"the figure for an output of {_size(shape)}, the size of the input"
        yield from attempt(question, text, layer, lengths=shape.spatial)


def channels_unchanged(question: Question) -> Attempts:
    """The channels of the input instead of K."""
    layer = question.layer
    if layer is not None and "filters" in layer.fields:
        into, filters = question.shapes[0].channels, question.node.output.channels
        text = f"the figure with {_channels(into)} of the input instead of the {plural(filters, 'filter')}"
        yield from attempt(question, text, layer, channels=into)


def channels_multiplied(question: Question) -> Attempts:
    """C*K channels, as if each filter gave one map for every channel of the input."""
    layer = question.layer
    if layer is not None and "filters" in layer.fields:
        into, filters = question.shapes[0].channels, question.node.output.channels
        text = f"the figure with {into}*{filters} = {into * filters} channels, one for each input channel and filter"
        yield from attempt(question, text, layer, channels=into * filters)


def positions_kept(question: Question) -> Attempts:
    """The spatial axes after a fully connected layer."""
    layer = question.layer
    if layer is not None and layer.kind == "fc" and question.quantity == "output" and question.shapes[0].rank:
        shape = (*question.shapes[0][:-1], question.node.output[-1])
        yield Attempt(shape, "the shape of a layer that works on every position, but fc flattens its input")


def not_transposed(question: Question) -> Attempts:
    """(W - F + 2P)/S + 1 for a transposed convolution."""
    layer = question.layer
    if isinstance(layer, ConvTranspose):
        views, shape = layer.windows(*question.shapes), question.shapes[0]
        windows = [Window(view.kernel, view.stride, view.before, view.after, view.dilation) for view in views]
        pairs = list(zip(windows, shape, strict=False))
        if all(width + window.before + window.after >= window.reach for window, width in pairs):
            shown = f"{windows[0].numbers(shape[0])} = {windows[0].quotient(shape[0])}"
            text = "the figure for a convolution that is not transposed"
            yield from attempt(
                question, text, layer, lengths=[window.out(width) for window, width in pairs], shown=shown
            )


def size_before_previous(question: Question) -> Attempts:
    """The size of the previous layer's input, where its output is meant."""
    previous = _previous(question.analysis.network, question.node)
    if previous is None or previous.layer is None:
        return
    before, shape = question.analysis.network.shapes(previous)[0], question.shapes[0]
    if before.rank == shape.rank and before.spatial != shape.spatial:
        text = f"the figure for the {_size(before)} input of {show(previous.name, 100)} instead of its {_size(shape)} output"
        yield from attempt(question, text, question.layer, (Shape((*before.spatial, shape.channels)),))


def channels_before_previous(question: Question) -> Attempts:
    """The channels before the last layer that changed them."""
    network, shapes = question.analysis.network, question.shapes
    previous = _previous(network, question.node)
    while previous is not None and previous.layer is not None:
        before = network.shapes(previous)[0]
        if before.channels != shapes[0].channels:
            if before.rank == shapes[0].rank:
                channels = f"{plural(before.channels, 'input channel')}, as before {show(previous.name, 100)}"
                text = f"the figure with {channels}, instead of {shapes[0].channels}"
                shape = Shape((*shapes[0].spatial, before.channels))
                yield from attempt(question, text, question.layer, (shape,))
            return
        previous = _previous(network, previous)


def _previous(network: Network, node: Node) -> Node | None:
    """Return the node whose value is the only input of another one."""
    return network.nodes[node.inputs[0]] if len(node.inputs) == 1 else None


def _size(shape: Shape) -> str:
    return "x".join(map(str, shape.spatial))


def _channels(count: int) -> str:
    return "the single channel" if count == 1 else f"the {count:,} channels"


MISTAKES: dict[str, Kind] = {
    "no-padding": Kind("padding left out", "Add P on both sides: W + 2P.", no_padding),
    "padding-once": Kind("padding on one side only", "Padding is added on both sides: 2P, not P.", padding_once),
    "no-plus-one": Kind("+ 1 left out", "The first window counts, too: (W - F + 2P)/S + 1.", no_plus_one),
    "rounding": Kind(
        "rounded in the wrong direction",
        "Sizes are rounded down, unless the layer sets `ceil: true`.",
        other_rounding,
    ),
    "no-stride": Kind(
        "stride left out", "Divide by the stride S; that of a pooling is its window size by default.", no_stride
    ),
    "stride-of-kernel": Kind(
        "window size used as stride",
        "Use the stride that is written; the window size is only its default.",
        stride_of_kernel,
    ),
    "no-dilation": Kind("dilation left out", "A dilated window is D*(F - 1) + 1 long.", no_dilation),
    "kernel-axes": Kind(
        "height and width of the window exchanged",
        "A window of 1x7 is 1 high and 7 wide.",
        kernel_of_other_axis,
    ),
    "axes-exchanged": Kind("height and width exchanged", "Write height x width x channels.", axes_exchanged),
    "channels-first": Kind("channels written first", "Write height x width x channels.", channels_first),
    "size-unchanged": Kind(
        "size of the input kept", "The size stays the same only if (W - F + 2P)/S + 1 = W.", size_unchanged
    ),
    "channels-unchanged": Kind(
        "channels of the input kept",
        "Each filter gives one channel: the output has K channels.",
        channels_unchanged,
    ),
    "channels-multiplied": Kind(
        "filters multiplied by channels",
        "A filter covers all channels of the input and gives one channel.",
        channels_multiplied,
    ),
    "positions-kept": Kind(
        "fully connected layer not flattened",
        "A fully connected layer flattens its input and gives a vector.",
        positions_kept,
    ),
    "not-transposed": Kind(
        "formula of a plain convolution", "A transposed convolution gives (W - 1)*S + F - 2P.", not_transposed
    ),
    "earlier-size": Kind(
        "size before the previous layer",
        "Use the output of the previous layer, not its input.",
        size_before_previous,
    ),
    "earlier-channels": Kind(
        "channels before the previous layer",
        "A filter is as deep as the input of its own layer.",
        channels_before_previous,
    ),
}
