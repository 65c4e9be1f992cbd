"""Translate layers to PyTorch: dense layers, norms, activations, and the table of all kinds."""

from __future__ import annotations

from typing import Any

from cnncalc.shape import Shape
from cnncalc.writers.layouts import elementwise_layout, lengths
from cnncalc.writers.registry import keywords, registrar
from cnncalc.writers.torch.leaf import Leaf, Lower, inline, module
from cnncalc.writers.torch.views import LOWER as VIEWS
from cnncalc.writers.torch.windows import LOWER as WINDOWS

LOWER: dict[str, Lower] = {**WINDOWS, **VIEWS}
kind = registrar(LOWER)

# -- dense ------------------------------------------------------------------------------------------------------------


@kind("fc")
def fc(layer: Any, shapes: tuple[Shape, ...], layouts: list[str], out: Shape) -> Leaf:
    init = f"nn.Linear({shapes[0].size}, {layer.units}" + keywords(bias=(layer.bias, True)) + ")"
    flat = "{0}" if len(shapes[0]) == 1 else "torch.flatten({0}, 1)"
    return Leaf(init, "{out} = {me}(" + flat + ")", tuple(layouts), "first", ("features", "units"))


@kind("linear")
def linear(layer: Any, shapes: tuple[Shape, ...], layouts: list[str], out: Shape) -> Leaf:
    init = f"nn.Linear({shapes[0][-1]}, {layer.units}" + keywords(bias=(layer.bias, True)) + ")"
    return module(init, "last", "features units")


@kind("embedding")
def embedding(layer: Any, shapes: tuple[Shape, ...], layouts: list[str], out: Shape) -> Leaf:
    init = f"nn.Embedding({layer.vocab}, {layer.dim})"
    return Leaf(init, "{out} = {me}({0}.long())", ("last",), "last", ("rows", "features"))


@kind("positional")
def positional(layer: Any, shapes: tuple[Shape, ...], layouts: list[str], out: Shape) -> Leaf:
    layout = elementwise_layout(out)
    return module(f"Positional({', '.join(map(str, lengths(out, layout)))})", layout, "n " * 8, ("Positional",))


@kind("classtoken")
def classtoken(layer: Any, shapes: tuple[Shape, ...], layouts: list[str], out: Shape) -> Leaf:
    return module(f"ClassToken({out[-1]})", "last", "features", ("ClassToken",))


@kind("attention")
def attention(layer: Any, shapes: tuple[Shape, ...], layouts: list[str], out: Shape) -> Leaf:
    init = f"nn.MultiheadAttention({out[-1]}, {layer.heads}" + keywords(bias=(layer.bias, True)) + ", batch_first=True)"
    code = "{out}, _ = {me}({0}, {0}, {0}, need_weights=False)"
    return Leaf(init, code, ("last",), "last", ("features", "heads"))


@kind("lstm", "gru", "rnn")
def recurrent(layer: Any, shapes: tuple[Shape, ...], layouts: list[str], out: Shape) -> Leaf:
    name = layer.kind.upper()
    single = layer.bias == "single"
    init = f"{f'OneBias{name}' if single else f'nn.{name}'}({shapes[0][-1]}, {layer.units}" + keywords(
        num_layers=(layer.layers, 1), bias=(layer.bias != "none", True), bidirectional=(layer.bidirectional, False)
    )
    state = "(h, _)" if name == "LSTM" else "h"
    if layer.returns == "sequence":
        code = "{out}, _ = {me}({0})"
    elif layer.bidirectional:  # the last state of the forward pass and that of the backward pass
        code = f"_, {state} = {{me}}({{0}}); {{out}} = torch.cat((h[-2], h[-1]), dim=1)"
    else:
        code = f"_, {state} = {{me}}({{0}}); {{out}} = h[-1]"
    helpers = ("OneBias", f"OneBias{name}") if single else ()
    return Leaf(init + ", batch_first=True)", code, ("last",), "last", ("features", "units", "n"), helpers)


# -- norms ------------------------------------------------------------------------------------------------------------


@kind("batchnorm", "instancenorm")
def batchnorm(layer: Any, shapes: tuple[Shape, ...], layouts: list[str], out: Shape) -> Leaf:
    rank = len(out) - 1
    affine = keywords(affine=(layer.affine, layer.kind == "batchnorm"))
    which = "BatchNorm" if layer.kind == "batchnorm" else "InstanceNorm"
    init = f"nn.{which}{max(rank, 1) if rank <= 3 else 1}d({out[-1]}{affine})"
    if rank <= 3:
        return module(init, "first", "channels")
    code = "{out} = {me}({0}.flatten(2)).unflatten(2, (" + ", ".join(map(str, out[:-1])) + "))"
    return Leaf(init, code, ("first",), "first", ("channels",))


@kind("layernorm", "rmsnorm")
def layernorm(layer: Any, shapes: tuple[Shape, ...], layouts: list[str], out: Shape) -> Leaf:
    which = "LayerNorm" if layer.kind == "layernorm" else "RMSNorm"
    over = (
        f"({', '.join(map(str, out))})" if getattr(layer, "per", "channel") == "element" and len(out) > 1 else out[-1]
    )
    return module(f"nn.{which}({over}{keywords(elementwise_affine=(layer.affine, True))})", "last", "channels")


@kind("groupnorm")
def groupnorm(layer: Any, shapes: tuple[Shape, ...], layouts: list[str], out: Shape) -> Leaf:
    return module(
        f"nn.GroupNorm({layer.groups}, {out[-1]}{keywords(affine=(layer.affine, True))})", "first", "groups channels"
    )


@kind("lrn")
def lrn(layer: Any, shapes: tuple[Shape, ...], layouts: list[str], out: Shape) -> Leaf:
    view = ".contiguous()" if len(out) > 3 else ""  # for volumes it calls view()
    return Leaf(f"nn.LocalResponseNorm({layer.size})", "{out} = {me}({0}" + view + ")", ("first",), "first", ("size",))


@kind("scale")
def scale(layer: Any, shapes: tuple[Shape, ...], layouts: list[str], out: Shape) -> Leaf:
    axes_after = len(out) - 1 if layouts[0] == "first" else 0
    init = f"Scale({out[-1]}" + keywords(axes=(axes_after, 0), bias=(layer.bias, False)) + ")"
    return module(init, layouts[0], "channels n", ("Scale",))


@kind("standardize")
def standardize(layer: Any, shapes: tuple[Shape, ...], layouts: list[str], out: Shape) -> Leaf:
    axes_after = len(out) - 1 if layouts[0] == "first" else 0
    init = f"Standardize({out[-1] if layer.per == 'channel' else 1}{keywords(axes=(axes_after, 0))})"
    return module(init, layouts[0], "channels n", ("Standardize",))


# -- activations ------------------------------------------------------------------------------------------------------

ACTIVATIONS = {
    "relu": "ReLU", "relu6": "ReLU6", "leakyrelu": "LeakyReLU", "elu": "ELU", "selu": "SELU", "gelu": "GELU",
    "silu": "SiLU", "mish": "Mish", "sigmoid": "Sigmoid", "tanh": "Tanh", "hardswish": "Hardswish",
    "hardsigmoid": "Hardsigmoid", "softplus": "Softplus", "identity": "Identity", "softsign": "Softsign",
    "tanhshrink": "Tanhshrink", "hardshrink": "Hardshrink", "softshrink": "Softshrink", "logsigmoid": "LogSigmoid",
    "hardtanh": "Hardtanh", "celu": "CELU",
}  # fmt: skip


@kind(*ACTIVATIONS)
def activation(layer: Any, shapes: tuple[Shape, ...], layouts: list[str], out: Shape) -> Leaf:
    inplace = "inplace=True" if getattr(layer, "inplace", False) else ""
    return module(f"nn.{ACTIVATIONS[layer.kind]}({inplace})", layouts[0])


# kinds for which torch.nn has no module
FUNCTIONS = {
    **{
        word: f"torch.{word}({{0}})"
        for word in ["neg", "abs", "exp", "log", "square", "sqrt", "rsqrt", "reciprocal", "sin", "cos"]
    },
    "complement": "1 - {0}",
}


@kind(*FUNCTIONS)
def function(layer: Any, shapes: tuple[Shape, ...], layouts: list[str], out: Shape) -> Leaf:
    return inline(FUNCTIONS[layer.kind], layouts, layouts[0])


@kind("glu", "crelu", "maxout")
def channels(layer: Any, shapes: tuple[Shape, ...], layouts: list[str], out: Shape) -> Leaf:
    layout = layouts[0]
    axis = 1 if layout == "first" or len(out) == 1 else -1
    if layer.kind == "glu":
        return Leaf(f"nn.GLU({axis})", "{out} = {me}({0})", (layout,), layout, ("dim",))
    if layer.kind == "crelu":
        return inline(f"torch.cat((F.relu({{0}}), F.relu(-{{0}})), {axis})", layouts, layout)
    place = 2 if axis == 1 else -1
    return inline(f"{{0}}.unflatten({axis}, (-1, {layer.pieces})).amax({place})", layouts, layout)


@kind("softmax", "logsoftmax")
def softmax(layer: Any, shapes: tuple[Shape, ...], layouts: list[str], out: Shape) -> Leaf:
    which = "Softmax" if layer.kind == "softmax" else "LogSoftmax"
    return Leaf(
        f"nn.{which}(dim={1 if layouts[0] == 'first' else -1})",
        "{out} = {me}({0})",
        (layouts[0],),
        layouts[0],
        ("dim",),
    )


@kind("prelu")
def prelu(layer: Any, shapes: tuple[Shape, ...], layouts: list[str], out: Shape) -> Leaf:
    if layer.per == "layer":
        return module("nn.PReLU()", layouts[0])
    if layer.per == "channel":
        return module(f"nn.PReLU({out[-1]})", "first", "channels")
    layout = elementwise_layout(out)
    axes = ", ".join(map(str, lengths(out, layout)))
    return module(f"ElementPReLU({axes})", layout, "n " * 8, ("ElementPReLU",))


@kind("dropout")
def dropout(layer: Any, shapes: tuple[Shape, ...], layouts: list[str], out: Shape) -> Leaf:
    arguments = f"({layer.rate!r}{keywords(inplace=(layer.inplace, False))})"
    if not layer.channels:
        return module(f"nn.{'AlphaDropout' if layer.alpha else 'Dropout'}{arguments}", layouts[0])
    if layer.alpha:
        return module(f"nn.FeatureAlphaDropout{arguments}", "first")
    return module(f"nn.Dropout{len(out) - 1}d{arguments}" if len(out) > 1 else f"nn.Dropout{arguments}", "first")


@kind("droppath")
def droppath(layer: Any, shapes: tuple[Shape, ...], layouts: list[str], out: Shape) -> Leaf:
    return module(f"DropPath({layer.rate!r})", layouts[0], "", ("DropPath",))
