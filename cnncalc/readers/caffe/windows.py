"""Convolutions, poolings and other layers over windows, with Caffe's size rules."""

from __future__ import annotations

from cnncalc.layers.base import Layer
from cnncalc.layers.conv import Conv, ConvTranspose
from cnncalc.layers.norm import LRN
from cnncalc.layers.pool import AdaptiveAvgPool, AdaptiveMaxPool, AvgPool, MaxPool, MaxUnpool
from cnncalc.layers.reshape import Padding, Resize, Upsample
from cnncalc.layers.views import Blur
from cnncalc.problem import Problem
from cnncalc.readers.caffe.blobs import Blob, Call, image_order, shape_text
from cnncalc.readers.caffe.prototxt import Message
from cnncalc.shape import Shape, Window

LARGEST = 1_000_000


def convolution(call: Call) -> list[Blob]:
    """`Convolution` over any number of spatial axes. Several bottoms go through the same filters."""
    return [_convolved(call, blob, call.param("convolution_param"), False) for blob in call.inputs]


def depthwise(call: Call) -> list[Blob]:
    """`DepthwiseConvolution` of several forks: one group for each channel, unless `group` is written."""
    return [_convolved(call, blob, call.param("convolution_param"), True) for blob in call.inputs]


def _convolved(call: Call, blob: Blob, param: Message, depthwise: bool) -> Blob:
    if param.integer("axis", 1, -32) not in (1, 1 - len(blob.dims)):
        raise param.problem("only `axis: 1` is supported", field="axis")
    if len(blob.dims) < 3:
        text = f"needs an image, but gets a blob of {shape_text(blob.dims)}"
        raise call.problem(text, "put a `Reshape` before it", "needs-image")
    axes = len(blob.dims) - 2
    transposed = call.layer.type == "Deconvolution"
    filters = _required(param, "num_output")
    groups = param.integer("group", blob.dims[1] if depthwise else 1, 1, LARGEST)
    fields = {
        "filters": filters, "kernel": _sizes(param, "kernel_size", "kernel", None, axes), "groups": groups,
        "stride": _sizes(param, "stride", "stride", 1, axes), "pad": _sizes(param, "pad", "pad", 0, axes, 0),
        "dilation": _sizes(param, "dilation", "", 1, axes), "bias": param.flag("bias_term", True),
    }  # fmt: skip
    return call.spatial((ConvTranspose if transposed else Conv)(**fields), blob)


def _required(param: Message, name: str) -> int:
    number = param.integer(name, 0, 1, LARGEST)
    if not number:
        raise param.missing(name, 64)
    return number


def _sizes(
    param: Message, name: str, short: str, default: int | None, axes: int, least: int = 1
) -> int | tuple[int, ...]:
    """Return a size for every spatial axis, from `kernel_size`, repeated or not, or from `kernel_h` and `kernel_w`."""
    sizes = param.integers(name, least, LARGEST)
    if short and axes == 2 and (param.has(f"{short}_h") or param.has(f"{short}_w")):
        pair = tuple(param.integer(f"{short}_{side}", -1, least, LARGEST) for side in "hw")
        if sizes:
            raise param.problem(f"`{name}` and `{short}_h` contradict each other", "remove one of them", name)
        if -1 in pair and default is None:
            raise param.problem(
                f"`{short}_h` and `{short}_w` must both be written", field=f"{short}_h", code="missing-field"
            )
        pair = tuple((default or 0) if size < 0 else size for size in pair)
        return pair[0] if pair[0] == pair[1] else pair
    if not sizes:
        if default is None:
            raise param.missing(name, 3)
        return default
    if len(sizes) not in (1, axes):
        text = f"`{name}` is written {len(sizes)} times for {axes} spatial axes"
        raise param.problem(text, f"write it once, or {axes} times", name)
    return sizes[0] if len(set(sizes)) == 1 else tuple(sizes)


def pooling(call: Call) -> list[Blob]:
    """`Pooling`: sizes are rounded up unless the file asks for rounding down. A second top has the positions of the maxima."""
    blob, param = call.input, call.param("pooling_param")
    method = param.choice("pool", "MAX", ("MAX", "AVE", "STOCHASTIC"))
    if len(blob.dims) != 4:
        text = f"needs a blob with 4 axes, but gets one of {shape_text(blob.dims)}"
        raise call.problem(text, "put a `Reshape` before it", "needs-image")
    if param.flag("global_pooling", False):
        for name in ("pad", "stride", "pad_h", "pad_w", "stride_h", "stride_w"):
            if param.integers(name, 0, LARGEST) not in ([], [int(name.startswith("stride"))]):
                raise param.problem(f"`{name}` is not allowed with `global_pooling`", f"remove `{name}`", name)
        for name in ("kernel_size", "kernel_h", "kernel_w"):
            if param.has(name):
                raise param.problem(f"`{name}` is not allowed with `global_pooling`", f"remove `{name}`", name)
        pool: Layer = AdaptiveAvgPool(output=1) if method == "AVE" else AdaptiveMaxPool(output=1)
        return [call.spatial(pool, blob)]
    kernel, stride, pad = (
        _pair(_sizes(param, name, short, default, 2, least))
        for name, short, default, least in (
            ("kernel_size", "kernel", None, 1),
            ("stride", "stride", 1, 1),
            ("pad", "pad", 0, 0),
        )
    )
    up = param.flag("ceil_mode", param.choice("round_mode", "CEIL", ("CEIL", "FLOOR")) == "CEIL")
    if any(cells >= size for cells, size in zip(pad, kernel, strict=True)):
        raise param.problem(
            f"pads by {max(pad)}, but the padding must be smaller than the window", field="pad", code="pad-too-large"
        )
    lengths = [_pooled(call, *each, up, any(pad)) for each in zip(blob.dims[2:], kernel, stride, pad, strict=True)]
    kind = AvgPool if method == "AVE" else MaxPool
    try:
        layer: Layer = kind(kernel=_one(kernel), stride=_one(stride), pad=_one(pad), ceil=up)
        fits = method != "STOCHASTIC" and layer.out(_shape(call, blob))[:2] == tuple(lengths)
    except Problem as problem:
        if problem.code != "pad-too-large":
            raise
        fits = False
    if fits:
        pooled = call.spatial(layer, blob)
    else:  # a window that begins past the input, which Caffe allows without padding, or more padding than half a window
        views = tuple(Window(*each) for each in zip(kernel, stride, pad, strict=True))
        dims = (1, blob.dims[1], *lengths)
        name = "stochasticpool" if method == "STOCHASTIC" else kind.kind
        pooled = call.operator(name, dims, [_image(call, blob)], views=views)
    return [pooled] * max(1, min(2, len(call.layer.tops)))


def _pair(size: int | tuple[int, ...]) -> tuple[int, int]:
    return (size, size) if isinstance(size, int) else (size[0], size[1])


def _one(pair: tuple[int, int]) -> int | tuple[int, int]:
    return pair[0] if pair[0] == pair[1] else pair


def _image(call: Call, blob: Blob) -> Blob:
    order = image_order(blob.dims)
    return Blob(call.aligned(blob, order), blob.dims, order)


def _shape(call: Call, blob: Blob) -> Shape:
    return call.graph.builder.shape(call.aligned(blob, image_order(blob.dims)))


def _pooled(call: Call, width: int, kernel: int, stride: int, pad: int, up: bool, padded: bool) -> int:
    """Return the length of an axis after a pooling (Caffe, `PoolingLayer::Reshape`)."""
    room = width + 2 * pad - kernel
    length = (-(-room // stride) if up else room // stride) + 1
    if padded and (length - 1) * stride >= width + pad:
        length -= 1
    if length < 1:
        text = f"its window of {kernel} does not fit into {width} cells padded by {pad}"
        raise call.problem(text, "use a smaller `kernel_size`, or a larger input", "window-does-not-fit")
    return length


def unpooling(call: Call) -> list[Blob]:
    """`Upsample` of SegNet and of YOLO's forks: max unpooling with the positions as second bottom, else nearest neighbours."""
    param = call.param("upsample_param")
    scale = param.integer("scale", 2, 1, 1000)
    wanted = [param.integer(name, 0, 0, LARGEST) for name in ("upsample_h", "upsample_w")]
    if len(call.inputs) == 1:
        return [call.spatial(Upsample(factor=scale), call.input)]
    blob, _ = call.take(2)
    if param.integer("scale_h", scale, 1) != scale or param.integer("scale_w", scale, 1) != scale:
        raise param.problem("`scale_h` and `scale_w` that differ are not supported", field="scale_h")
    lengths = (
        [
            size or length * scale - param.integer(f"pad_out_{side}", 0, 0, 1)
            for size, length, side in zip(wanted, blob.dims[2:], ("h", "w"), strict=True)
        ]
        if len(blob.dims) == 4
        else []
    )
    if [length * scale for length in blob.dims[2:]] == lengths:
        return [call.spatial(MaxUnpool(kernel=scale), blob)]
    if not lengths:
        raise call.problem(f"needs a blob with 4 axes, but gets one of {shape_text(blob.dims)}", code="needs-image")
    return [call.operator("maxunpool", (1, blob.dims[1], *lengths), [_image(call, blob)], views=(Blur(), Blur()))]


def interpolation(call: Call) -> list[Blob]:
    """`Interp` of DeepLab and PSPNet: bilinear resizing to a size, by a factor, or to the size of a second bottom."""
    param = call.param("interp_param")
    blob = call.inputs[0] if len(call.inputs) == 2 else call.input
    if len(blob.dims) != 4:
        raise call.problem(f"needs a blob with 4 axes, but gets one of {shape_text(blob.dims)}", code="needs-image")
    before, after = (param.integer(name, 0, -LARGEST, 0) for name in ("pad_beg", "pad_end"))
    padded = [length + before + after for length in blob.dims[2:]]
    zoom, shrink = param.integer("zoom_factor", 1, 1, 1000), param.integer("shrink_factor", 1, 1, 1000)
    height, width = param.integer("height", 0, 0, LARGEST), param.integer("width", 0, 0, LARGEST)
    if len(call.inputs) == 2:
        lengths = list(call.inputs[1].dims[2:])
    elif height and width:
        lengths = [height, width]
    else:
        lengths = [(length - 1) // shrink + 1 for length in padded]
        lengths = [length + (length - 1) * (zoom - 1) for length in lengths]
    if len(lengths) != 2 or min(padded) < 1 or min(lengths) < 1:
        raise call.problem("its output has no cells", "check its sizes and padding")
    return [call.spatial(Resize(to=tuple(lengths), mode="bilinear"), blob)]


def padding(call: Call) -> list[Blob]:
    """The layer `padding` of the first version."""
    cells = call.param("padding_param").integer("pad", 0, 0, LARGEST)
    return [call.spatial(Padding(by=cells), call.input)]


def normalization(call: Call) -> list[Blob]:
    """`LRN` across channels, or within each channel over a window."""
    blob, param = call.input, call.param("lrn_param")
    size = param.integer("local_size", 5, 1, LARGEST)
    if size % 2 == 0:
        raise param.problem(f"`local_size` must be odd; got {size}", f"write {size - 1} or {size + 1}", "local_size")
    if param.choice("norm_region", "ACROSS_CHANNELS", ("ACROSS_CHANNELS", "WITHIN_CHANNEL")) == "ACROSS_CHANNELS":
        return [call.spatial(LRN(size=size), blob)]
    image = _image(call, blob)
    views = tuple(Window(size, 1, size // 2) for _ in blob.dims[2:])
    return [call.operator("lrn", blob.dims, [image], order=image.order, views=views)]
