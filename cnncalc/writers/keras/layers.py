"""The Keras 3 source for each layer kind: the code that makes the layer and the line that calls it, channels last."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from cnncalc.layers.fields.sizes import each
from cnncalc.layers.merge import axis_number
from cnncalc.record import Record
from cnncalc.shape import Shape
from cnncalc.writers.registry import WITHOUT_PLACES, Unsupported, format_sizes, keywords, registrar


class Leaf(Record):
    """Source of one layer: `init` makes it ("" for an expression), `code` calls it, with {me}, {out} and operands {0}..."""

    init: str
    code: str
    helpers: tuple[str, ...] = ()


Lower = Callable[[Any, tuple[Shape, ...], Shape], Leaf]
LOWER: dict[str, Lower] = {}
kind = registrar(LOWER)


def layer_of(init: str, *helpers: str) -> Leaf:
    """Return the source of a layer with one input."""
    return Leaf(init, "{out} = {me}({0})", helpers)


def inline(code: str) -> Leaf:
    """Return the source of a layer that is an expression."""
    return Leaf("", "{out} = " + code)


def pad_code(pads: Iterable[tuple[int, int]], value: str = "", name: str = "{0}") -> str:
    """Return an expression that pads the spatial axes of a value."""
    pads = list(pads)
    if not any(any(pair) for pair in pads):
        return name
    pairs = ", ".join(f"({before}, {after})" for before, after in pads)
    return f"ops.pad({name}, ((0, 0), {pairs}, (0, 0)){value})"


def check_padding(mode: str) -> None:
    """Refuse a padding mode that Keras does not have."""
    if mode in ("replicate", "circular"):
        verb = "repeating" if mode == "replicate" else "wrapping around"
        raise Unsupported(f"Keras cannot pad by {verb} the cells at the edge")


@kind("conv", "depthwise")
def conv(layer: Any, shapes: tuple[Shape, ...], out: Shape) -> Leaf:
    x, windows = shapes[0], layer.windows(shapes[0])
    check_padding(layer.mode)
    same = layer.pad == "same" and layer.mode == "zeros"
    dilations, strides = [w.dilation for w in windows], [w.stride for w in windows]
    if max(dilations) > 1 and max(strides) > 1:
        raise Unsupported("Keras cannot combine a stride with a dilation")
    groups = layer.groups if layer.kind == "conv" else x[-1]
    common = keywords(
        strides=(format_sizes(strides), "1"),
        padding=('"same"' if same else '"valid"', '"valid"'),
        dilation_rate=(format_sizes(dilations), "1"),
    )
    bias = keywords(use_bias=(layer.bias, True))
    kernel = format_sizes(w.kernel for w in windows)
    if layer.kind == "depthwise" and len(windows) < 3 and len(set(strides)) == 1:
        more = keywords(depth_multiplier=(layer.multiplier, 1))
        init = f"layers.DepthwiseConv{len(windows)}D({kernel}{common}{more}{bias})"
    else:
        init = f"layers.Conv{len(windows)}D({out[-1]}, {kernel}{common}{keywords(groups=(groups, 1))}{bias})"
    pads = [] if same else [(w.before, w.after) for w in windows]
    return Leaf(init, "{out} = {me}(" + pad_code(pads, ', mode="reflect"' if layer.mode == "reflect" else "") + ")")


@kind("convtranspose")
def convtranspose(layer: Any, shapes: tuple[Shape, ...], out: Shape) -> Leaf:
    windows = layer.windows(shapes[0])
    if layer.groups > 1:
        raise Unsupported("Keras has no transposed convolution with groups")
    if max(w.dilation for w in windows) > 1 and max(w.stride for w in windows) > 1:
        raise Unsupported("Keras cannot combine a stride with a dilation")
    same = layer.pad == "same" and all(w.dilation == 1 for w in windows)
    init = f"layers.Conv{len(windows)}DTranspose({out[-1]}, {format_sizes(w.kernel for w in windows)}" + keywords(
        strides=(format_sizes(w.stride for w in windows), "1"),
        padding=('"same"' if same else '"valid"', '"valid"'),
        dilation_rate=(format_sizes(w.dilation for w in windows), "1"),
        use_bias=(layer.bias, True),
    )
    code = "{me}({0})"
    if not same:
        parts, pads = [], []
        for w, width, length in zip(windows, shapes[0], out, strict=False):
            whole = width * w.stride + max(w.reach - w.stride, 0)
            back = whole - w.before - length
            parts.append(":" if not w.before and back <= 0 else f"{w.before or ''}:{min(w.before + length, whole)}")
            pads.append((0, max(-back, 0)))
        if any(part != ":" for part in parts):
            code += f"[:, {', '.join(parts)}]"
        code = pad_code(pads, name=code)
    return Leaf(init + ")", "{out} = " + code)


@kind("maxpool", "avgpool")
def pool(layer: Any, shapes: tuple[Shape, ...], out: Shape) -> Leaf:
    windows = layer.windows(shapes[0])
    if any(w.dilation > 1 for w in windows):
        raise Unsupported("Keras has no pooling with dilation")
    which = "Max" if layer.kind == "maxpool" else "Average"
    kernel = format_sizes(w.kernel for w in windows)
    same = layer.pad == "same" and not layer.ceil
    init = f"layers.{which}Pooling{len(windows)}D({kernel}" + keywords(
        strides=(format_sizes(w.stride for w in windows), kernel), padding=('"same"' if same else '"valid"', '"valid"')
    )
    pads = [
        (w.before, max((length - 1) * w.stride + w.reach - w.before - width, 0))
        for w, width, length in zip(windows, shapes[0], out, strict=False)
    ]
    value = ', constant_values=float("-inf")' if layer.kind == "maxpool" else ""
    return Leaf(init + ")", "{out} = {me}(" + pad_code([] if same else pads, value) + ")")


@kind("globalavgpool", "globalmaxpool")
def globalpool(layer: Any, shapes: tuple[Shape, ...], out: Shape) -> Leaf:
    which = "Average" if layer.kind == "globalavgpool" else "Max"
    return layer_of(f"layers.Global{which}Pooling{len(shapes[0]) - 1}D()")


@kind("adaptiveavgpool", "adaptivemaxpool")
def adaptive(layer: Any, shapes: tuple[Shape, ...], out: Shape) -> Leaf:
    which = "Average" if layer.kind == "adaptiveavgpool" else "Max"
    if any(width % length for width, length in zip(shapes[0][:-1], out, strict=False)):
        raise Unsupported("Keras has no adaptive pooling with windows of different sizes")
    return layer_of(
        f"layers.{which}Pooling{len(out) - 1}D("
        + format_sizes(width // length for width, length in zip(shapes[0][:-1], out, strict=False))
        + ")"
    )


@kind("fc", "linear")
def dense(layer: Any, shapes: tuple[Shape, ...], out: Shape) -> Leaf:
    flat = "layers.Flatten()({0})" if layer.kind == "fc" and len(shapes[0]) > 1 else "{0}"
    return Leaf(f"layers.Dense({layer.units}{keywords(use_bias=(layer.bias, True))})", "{out} = {me}(" + flat + ")")


@kind("embedding")
def embedding(layer: Any, shapes: tuple[Shape, ...], out: Shape) -> Leaf:
    return layer_of(f"layers.Embedding({layer.vocab}, {layer.dim})")


@kind("positional", "classtoken", "scale", "lrn", "droppath")
def helper(layer: Any, shapes: tuple[Shape, ...], out: Shape) -> Leaf:
    name = {"positional": "Positional", "classtoken": "ClassToken", "scale": "Scale", "lrn": "LRN"}.get(layer.kind)
    arguments = {"lrn": f"{getattr(layer, 'size', '')}", "droppath": f"{getattr(layer, 'rate', '')}"}.get(
        layer.kind, ""
    )
    if layer.kind == "scale" and layer.bias:
        arguments = "bias=True"
    return layer_of(f"{name or 'DropPath'}({arguments})", name or "DropPath")


@kind("attention")
def attention(layer: Any, shapes: tuple[Shape, ...], out: Shape) -> Leaf:
    width = out[-1] // layer.heads
    init = f"layers.MultiHeadAttention({layer.heads}, {width}{keywords(use_bias=(layer.bias, True))})"
    return Leaf(init, "{out} = {me}({0}, {0})")


@kind("lstm", "gru", "rnn")
def recurrent(layer: Any, shapes: tuple[Shape, ...], out: Shape) -> Leaf:
    name = {"lstm": "LSTM", "gru": "GRU", "rnn": "SimpleRNN"}[layer.kind]
    if layer.bias == "double" and name != "GRU":
        raise Unsupported(f"a Keras {name} has only one bias vector per gate, which is `bias: single`")
    after = f", reset_after={layer.bias == 'double'}" if name == "GRU" else ""
    stack = []
    for number in range(layer.layers):
        more = number < layer.layers - 1 or layer.returns == "sequence"
        options = keywords(return_sequences=(more, False), use_bias=(layer.bias != "none", True))
        code = f"layers.{name}({layer.units}{options}{after})"
        stack.append(f"layers.Bidirectional({code})" if layer.bidirectional else code)
    return layer_of(stack[0] if len(stack) == 1 else f"keras.Sequential([{', '.join(stack)}])")


@kind("batchnorm", "layernorm", "rmsnorm", "groupnorm", "instancenorm")
def norm(layer: Any, shapes: tuple[Shape, ...], out: Shape) -> Leaf:
    name = {"batchnorm": "Batch", "layernorm": "Layer", "rmsnorm": "RMS"}.get(layer.kind, "Group")
    groups = {"groupnorm": str(getattr(layer, "groups", "")), "instancenorm": "-1"}.get(layer.kind, "")
    if layer.kind == "rmsnorm":
        if not layer.affine:
            raise Unsupported("RMSNormalization in Keras always has a gain")
        return layer_of("layers.RMSNormalization()")
    arguments = [groups] if groups else []
    arguments += [] if layer.affine else ["center=False", "scale=False"]
    return layer_of(f"layers.{name}Normalization({', '.join(arguments)})")


@kind("standardize")
def standardize(layer: Any, shapes: tuple[Shape, ...], out: Shape) -> Leaf:
    return layer_of(f"layers.Normalization({'' if layer.per == 'channel' else 'axis=None'})")


ACTIVATIONS = {
    "relu": "relu", "relu6": "relu6", "elu": "elu", "selu": "selu", "gelu": "gelu", "silu": "silu", "mish": "mish",
    "sigmoid": "sigmoid", "tanh": "tanh", "hardswish": "hard_silu", "hardsigmoid": "hard_sigmoid",
    "softplus": "softplus", "softmax": "softmax", "logsoftmax": "log_softmax", "leakyrelu": "leaky_relu",
    "identity": "linear", "exp": "exponential", "softsign": "softsign", "hardtanh": "hard_tanh", "celu": "celu",
    "logsigmoid": "log_sigmoid", "tanhshrink": "tanh_shrink", "hardshrink": "hard_shrink", "softshrink": "soft_shrink",
}  # fmt: skip
FUNCTIONS = {
    "neg": "ops.negative({0})", "complement": "1 - {0}", "glu": "ops.glu({0}, axis=-1)",
    "crelu": "ops.concatenate([ops.relu({0}), ops.relu(-{0})], axis=-1)",
    **{word: f"ops.{word}({{0}})" for word in ["abs", "log", "square", "sqrt", "rsqrt", "reciprocal", "sin", "cos"]},
}  # fmt: skip


@kind(*FUNCTIONS)
def function(layer: Any, shapes: tuple[Shape, ...], out: Shape) -> Leaf:
    return inline(FUNCTIONS[layer.kind])


@kind("maxout")
def maxout(layer: Any, shapes: tuple[Shape, ...], out: Shape) -> Leaf:
    return inline(f"ops.max(ops.reshape({{0}}, {(-1, *out, layer.pieces)}), axis=-1)")


@kind("maxunpool")
def maxunpool(layer: Any, shapes: tuple[Shape, ...], out: Shape) -> Leaf:
    raise Unsupported(WITHOUT_PLACES)


@kind("separableconv")
def separable(layer: Any, shapes: tuple[Shape, ...], out: Shape) -> Leaf:
    x, windows = shapes[0], layer.windows(shapes[0])
    strides = {w.stride for w in windows}
    deep, wide = layer.parts()
    if len(windows) > 2 or len(strides) > 1:  # Keras supports one and two axes, with the same stride for both
        first, second = conv(deep, shapes, deep.out(x)), conv(wide, (deep.out(x),), out)
        return Leaf(f"keras.Sequential([{first.init}, {second.init}])", first.code)
    same = layer.pad == "same"
    if max(w.dilation for w in windows) > 1 and max(strides) > 1:
        raise Unsupported("Keras cannot combine a stride with a dilation")
    init = f"layers.SeparableConv{len(windows)}D({layer.filters}, {format_sizes(w.kernel for w in windows)}" + keywords(
        strides=(format_sizes(w.stride for w in windows), "1"),
        padding=('"same"' if same else '"valid"', '"valid"'),
        dilation_rate=(format_sizes(w.dilation for w in windows), "1"),
        depth_multiplier=(layer.multiplier, 1),
        use_bias=(layer.bias, True),
    )
    pads = [] if same else [(w.before, w.after) for w in windows]
    return Leaf(init + ")", "{out} = {me}(" + pad_code(pads) + ")")


@kind("convlstm")
def convlstm(layer: Any, shapes: tuple[Shape, ...], out: Shape) -> Leaf:
    windows = layer.of_frame().windows(layer.frame(shapes[0]))
    if max(w.dilation for w in windows) > 1 and max(w.stride for w in windows) > 1:
        raise Unsupported("Keras cannot combine a stride with a dilation")
    same = layer.pad == "same"
    init = f"layers.ConvLSTM{len(windows)}D({layer.filters}, {format_sizes(w.kernel for w in windows)}" + keywords(
        strides=(format_sizes(w.stride for w in windows), "1"),
        padding=('"same"' if same else '"valid"', '"valid"'),
        dilation_rate=(format_sizes(w.dilation for w in windows), "1"),
        return_sequences=(layer.returns == "sequence", False),
        use_bias=(layer.bias, True),
    )
    pads = [] if same else [(0, 0), *[(w.before, w.after) for w in windows]]
    return Leaf(init + ")", "{out} = {me}(" + pad_code(pads) + ")")


@kind(*ACTIVATIONS)
def activation(layer: Any, shapes: tuple[Shape, ...], out: Shape) -> Leaf:
    return layer_of(f'layers.Activation("{ACTIVATIONS[layer.kind]}")')


@kind("prelu")
def prelu(layer: Any, shapes: tuple[Shape, ...], out: Shape) -> Leaf:
    axes = {"layer": range(1, len(out) + 1), "channel": range(1, len(out)), "element": ()}[layer.per]
    return layer_of(f"layers.PReLU({f'shared_axes={[*axes]}' if axes else ''})")


@kind("dropout")
def dropout(layer: Any, shapes: tuple[Shape, ...], out: Shape) -> Leaf:
    if layer.alpha:
        shape = f", noise_shape=(None, {'1, ' * (len(out) - 1)}{out[-1]})" if layer.channels else ""
        return layer_of(f"layers.AlphaDropout({layer.rate!r}{shape})")
    name = f"SpatialDropout{len(out) - 1}D" if layer.channels and len(out) > 1 else "Dropout"
    return layer_of(f"layers.{name}({layer.rate!r})")


@kind("add", "mul", "sub", "average", "maximum", "minimum")
def elementwise(layer: Any, shapes: tuple[Shape, ...], out: Shape) -> Leaf:
    operands = []
    for number, shape in enumerate(shapes):
        ones = ", ".join(["None"] * (len(out) - len(shape)))
        operands.append(f"{{{number}}}" + (f"[:, {ones}]" if ones else ""))
    if layer.kind in ("maximum", "minimum"):
        code = operands[0]
        for operand in operands[1:]:
            code = f"ops.{layer.kind}({code}, {operand})"
        return inline(code)
    joined = {"mul": " * ", "sub": " - "}.get(layer.kind, " + ").join(operands)
    return inline(f"({joined}) / {len(shapes)}" if layer.kind == "average" else joined)


@kind("concat")
def concat(layer: Any, shapes: tuple[Shape, ...], out: Shape) -> Leaf:
    operands = ", ".join(f"{{{number}}}" for number in range(len(shapes)))
    return inline(f"ops.concatenate([{operands}], axis={axis_number(layer.axis, shapes[0]) + 1})")


@kind("flatten", "reshape")
def reshape(layer: Any, shapes: tuple[Shape, ...], out: Shape) -> Leaf:
    return layer_of("layers.Flatten()" if layer.kind == "flatten" else f"layers.Reshape({tuple(out)})")


@kind("permute")
def permute(layer: Any, shapes: tuple[Shape, ...], out: Shape) -> Leaf:
    return inline(f"ops.transpose({{0}}, {(0, *[axis + 1 for axis in layer.axes])})")


@kind("slice")
def slice_layer(layer: Any, shapes: tuple[Shape, ...], out: Shape) -> Leaf:
    axis = axis_number(layer.axis, shapes[0]) + 1
    part = f"{layer.start or ''}:{layer.stop}" + (f":{layer.step}" if layer.step > 1 else "")
    return inline("{0}[" + ":, " * axis + part + "]")


def shuffle_code(inner: tuple[int, ...], order: tuple[int, ...], out: Shape) -> Leaf:
    """Return an expression that reshapes, transposes and reshapes again."""
    return inline(f"ops.reshape(ops.transpose(ops.reshape({{0}}, {(-1, *inner)}), {order}), {(-1, *out)})")


@kind("channelshuffle", "pixelshuffle", "pixelunshuffle")
def shuffle(layer: Any, shapes: tuple[Shape, ...], out: Shape) -> Leaf:
    x = shapes[0]
    if layer.kind == "channelshuffle":
        rank = len(x) - 1
        order = (*range(rank + 1), rank + 2, rank + 1)
        return shuffle_code((*x[:-1], layer.groups, x[-1] // layer.groups), order, out)
    r = layer.factor
    if layer.kind == "pixelshuffle":
        return shuffle_code((x[0], x[1], out[2], r, r), (0, 1, 4, 2, 5, 3), out)
    return shuffle_code((out[0], r, out[1], r, x[2]), (0, 1, 3, 5, 2, 4), out)


@kind("pad")
def pad(layer: Any, shapes: tuple[Shape, ...], out: Shape) -> Leaf:
    check_padding(layer.mode)
    return inline(pad_code(layer.sides(*shapes), ', mode="reflect"' if layer.mode == "reflect" else ""))


@kind("crop")
def crop(layer: Any, shapes: tuple[Shape, ...], out: Shape) -> Leaf:
    starts = [(width - length) // 2 for width, length in zip(shapes[0], out, strict=False)]
    cuts = [f"{start}:{start + length}" for start, length in zip(starts, out[:-1], strict=False)]
    return inline(f"{{0}}[:, {', '.join(cuts)}]" if cuts else "{0}")


@kind("channelpad")
def channelpad(layer: Any, shapes: tuple[Shape, ...], out: Shape) -> Leaf:
    return inline(f"ops.pad({{0}}, ({'(0, 0), ' * len(out)}(0, {layer.to - shapes[0][-1]})))")


@kind("upsample", "resize")
def upsample(layer: Any, shapes: tuple[Shape, ...], out: Shape) -> Leaf:
    rank = len(out) - 1
    if layer.mode not in ("nearest", "bilinear", "bicubic"):
        raise Unsupported(f"Keras has no interpolation mode {layer.mode}")
    mode = f', interpolation="{layer.mode}"' if layer.mode != "nearest" else ""
    if layer.kind == "upsample" and layer.like is None:
        size = format_sizes(each(layer.factor, shapes[0], "factor"))
        return layer_of(f"layers.UpSampling{rank}D({size}{mode})")
    if rank != 2:
        raise Unsupported("Keras can only resize images")
    return inline(
        f'ops.image.resize({{0}}, {tuple(out[:-1])}, interpolation="{layer.mode}", data_format="channels_last")'
    )


HELPERS = {
    "Positional": '''class Positional(layers.Layer):
    """A learned table, added to the input."""

    def build(self, shape):
        self.table = self.add_weight(shape=shape[1:], initializer="random_normal", name="weight")

    def call(self, x):
        return x + self.table
''',
    "ClassToken": '''class ClassToken(layers.Layer):
    """One learned token prepended to a sequence."""

    def build(self, shape):
        self.token = self.add_weight(shape=(1, 1, shape[-1]), initializer="zeros", name="weight")

    def call(self, x):
        return ops.concatenate([ops.zeros_like(x[:, :1]) + self.token, x], axis=1)
''',
    "Scale": '''class Scale(layers.Layer):
    """One learned factor per channel, and one offset if there is a bias."""

    def __init__(self, bias=False, **options):
        super().__init__(**options)
        self.has_bias = bias

    def build(self, shape):
        self.factor = self.add_weight(shape=(shape[-1],), initializer="ones", name="weight")
        if self.has_bias:
            self.offset = self.add_weight(shape=(shape[-1],), initializer="zeros", name="bias")

    def call(self, x):
        return x * self.factor + self.offset if self.has_bias else x * self.factor
''',
    "LRN": '''class LRN(layers.Layer):
    """Local response normalization over neighbouring channels."""

    def __init__(self, size, **options):
        super().__init__(**options)
        self.size = size

    def call(self, x):
        sides = [(0, 0)] * (len(x.shape) - 1) + [(self.size // 2, (self.size - 1) // 2)]
        squares = ops.pad(ops.square(x), sides)
        mean = sum(squares[..., start : start + x.shape[-1]] for start in range(self.size)) / self.size
        return x / ops.power(1 + 1e-4 * mean, 0.75)
''',
    "DropPath": '''class DropPath(layers.Layer):
    """Stochastic depth: randomly drops the branch of an example during training."""

    def __init__(self, rate, **options):
        super().__init__(**options)
        self.rate = rate

    def call(self, x, training=False):
        if not training or self.rate == 0:
            return x
        shape = (ops.shape(x)[0],) + (1,) * (len(x.shape) - 1)
        mask = ops.cast(keras.random.uniform(shape) >= self.rate, x.dtype)
        return x * mask / max(1 - self.rate, 1e-12)
''',
}
