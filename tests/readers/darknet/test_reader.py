"""Darknet's .cfg files: Darknet's own figures for published networks, its size rules, and refused files.

The files are written here, following the published architectures. The figures are Darknet's (tests/reference/darknet.json).
"""

from __future__ import annotations

import json
import random
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from cnncalc.analyses.totals import analyze
from cnncalc.network import Network
from cnncalc.problem import Refused, Source
from cnncalc.readers import ReaderOptions
from cnncalc.readers.darknet import reader
from tests.helpers import TESTS

REFERENCE = json.loads((TESTS / "reference" / "darknet.json").read_text())["records"]
Sections = list[tuple[str, dict[str, Any]]]


def cfg(net: dict[str, Any], sections: Sections) -> str:
    """Return the text of a file."""
    return "\n".join(
        f"[{word}]\n" + "".join(f"{name}={value}\n" for name, value in options.items())
        for word, options in [("net", net), *sections]
    )


def square(side: int) -> dict[str, Any]:
    """Return a colour image."""
    return {"width": side, "height": side, "channels": 3}


def conv(filters: int, size: int = 3, stride: int = 1, activation: str = "leaky", bn: int = 1, **more: Any) -> Any:
    """Return a convolution padded by half of its size."""
    fields = {"filters": filters, "size": size, "stride": stride, "pad": 1, "activation": activation, **more}
    return ("convolutional", {"batch_normalize": 1, **fields} if bn else fields)


def pool(size: int = 2, stride: int = 2, **more: Any) -> Any:
    """Return a max pooling."""
    return ("maxpool", {"size": size, "stride": stride, **more})


def route(*layers: int, **more: Any) -> Any:
    """Return a route."""
    return ("route", {"layers": ",".join(map(str, layers)), **more})


def head(**more: Any) -> Any:
    """Return the linear convolution before a detection head, and the head."""
    return [conv(255, 1, 1, "linear", 0), ("yolo", {"mask": "0,1,2", "classes": 80, "num": 9, **more})]


UP = ("upsample", {"stride": 2})


def darknet53() -> Sections:
    """Redmon & Farhadi 2018, table 1, without its classifier."""
    found: Sections = [conv(32)]
    for filters, repeats in ((64, 1), (128, 2), (256, 8), (512, 8), (1024, 4)):
        found.append(conv(filters, 3, 2))
        for _ in range(repeats):
            found += [conv(filters // 2, 1), conv(filters), ("shortcut", {"from": -3, "activation": "linear"})]
    return found


def yolov3() -> Sections:
    """Redmon & Farhadi 2018: three scales."""
    found = [*darknet53(), *[conv(512, 1), conv(1024)] * 3, *head()]
    found += [route(-4), conv(256, 1), UP, route(-1, 61), *[conv(256, 1), conv(512)] * 3, *head()]
    return [*found, route(-4), conv(128, 1), UP, route(-1, 36), *[conv(128, 1), conv(256)] * 3, *head()]


def darknet19() -> Sections:
    """Redmon & Farhadi 2016, table 6, without its classifier."""
    found: Sections = [conv(32), pool(), conv(64), pool(), conv(128), conv(64, 1), conv(128), pool()]
    found += [conv(256), conv(128, 1), conv(256), pool(), *[conv(512), conv(256, 1)] * 2, conv(512), pool()]
    return [*found, *[conv(1024), conv(512, 1)] * 2, conv(1024)]


def yolov2() -> Sections:
    """Redmon & Farhadi 2016: the passthrough layer."""
    region = ("region", {"classes": 80, "coords": 4, "num": 5})
    found = [*darknet19(), conv(1024), conv(1024), route(-9), conv(64, 1), ("reorg", {"stride": 2}), route(-1, -4)]
    return [*found, conv(1024), conv(425, 1, 1, "linear", 0), region]


def yolov3_tiny() -> Sections:
    """The small model of the YOLOv3 page."""
    found: Sections = []
    for filters in (16, 32, 64, 128, 256):
        found += [conv(filters), pool()]
    found += [conv(512), pool(2, 1), conv(1024), conv(256, 1), conv(512), *head()]
    return [*found, route(-4), conv(128, 1), UP, route(-1, 8), conv(256), *head()]


def yolov4_tiny() -> Sections:
    """Wang et al. 2020, Scaled-YOLOv4: cross-stage partial blocks made of routes with groups."""
    found: Sections = [conv(32, 3, 2), conv(64, 3, 2)]
    for filters in (64, 128, 256):
        half = filters // 2
        found += [conv(filters), route(-1, groups=2, group_id=1), conv(half), conv(half), route(-1, -2)]
        found += [conv(filters, 1), route(-6, -1), pool()]
    found += [conv(512), conv(256, 1), conv(512), *head()]
    return [*found, route(-4), conv(128, 1), UP, route(-1, 23), conv(256), *head()]


def resnet50() -> Sections:
    """He et al. 2015 as Darknet defines it: shortcuts add the channels that both sides have."""
    found: Sections = [conv(64, 7, 2), pool()]
    for filters, repeats, stride in ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2)):
        for block in range(repeats):
            found += [conv(filters, 1), conv(filters, 3, 1 if block else stride), conv(4 * filters, 1, 1, "linear")]
            found.append(("shortcut", {"from": -4, "activation": "leaky"}))
    return [
        *found,
        conv(1000, 1, 1, "linear", 0),
        ("avgpool", {}),
        ("softmax", {"groups": 1}),
        ("cost", {"type": "sse"}),
    ]


def full(output: int, activation: str = "relu") -> Any:
    """Return a fully connected layer."""
    return ("connected", {"output": output, "activation": activation})


DROP = ("dropout", {"probability": ".5"})
ENDS: Sections = [full(4096), DROP, full(4096), DROP, full(1000, "linear"), ("softmax", {}), ("cost", {"type": "sse"})]


def alexnet() -> Sections:
    """Krizhevsky et al. 2012."""
    third = [conv(filters, 3, 1, "relu", 0) for filters in (384, 384, 256)]
    first = conv(96, 11, 4, "relu", 0, pad=0)
    return [
        first,
        pool(3, 2, padding=0),
        conv(256, 5, 1, "relu", 0),
        pool(3, 2, padding=0),
        *third,
        pool(3, 2, padding=0),
        *ENDS,
    ]


def vgg16() -> Sections:
    """Simonyan & Zisserman 2014, configuration D, after Darknet's crop."""
    found: Sections = [("crop", {"crop_height": 224, "crop_width": 224})]
    for filters, repeats in ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)):
        found += [*[conv(filters, 3, 1, "relu", 0)] * repeats, pool()]
    return [*found, *ENDS]


MODELS: dict[str, tuple[dict[str, Any], Sections]] = {
    "alexnet": (square(227), alexnet()),
    "vgg-16": (square(256), vgg16()),
    "resnet50": (square(256), resnet50()),
    "darknet19": (square(224), [*darknet19(), conv(1000, 1, 1, "linear", 0), ("avgpool", {}), ("softmax", {})]),
    "darknet53": (square(256), [*darknet53(), ("avgpool", {}), conv(1000, 1, 1, "linear", 0), ("softmax", {})]),
    "yolov2": (square(416), yolov2()),
    "yolov3": (square(416), yolov3()),
    "yolov3-tiny": (square(416), yolov3_tiny()),
}


def network(text: str, **inputs: str) -> Network:
    """Return the network in a text."""
    return reader.read_text(
        Source("net.cfg", text), ReaderOptions({name or "": size for name, size in inputs.items()}, {})
    )


def made(net: dict[str, Any], *sections: Any) -> Network:
    """Return the network of some sections."""
    return network(cfg(net, list(sections)))


def totals(net: Network) -> tuple[int, int, int]:
    """Return parameters, multiply-adds and the numbers in the .weights file."""
    found = analyze(net).totals
    return found.params, found.macs, reader.numbers_in_weights_file(net)


def refused(text: str, **inputs: str) -> tuple[str, int, str]:
    """Return code, line and message of the only problem of a file."""
    with pytest.raises(Refused) as caught:
        network(text, **inputs)
    (problem,) = caught.value.problems
    assert problem.where is not None
    return problem.code, problem.where.line, f"{problem.text} -> {problem.help}"


@pytest.mark.parametrize("name", MODELS)
def test_published_networks(name: str) -> None:
    """Parameters, multiply-adds and the size of the .weights file are Darknet's."""
    record = REFERENCE[name]
    net = made(MODELS[name][0], *MODELS[name][1])
    assert totals(net) == (record["params"], record["macs"], record["floats_in_weights_file"])
    assert round(2 * record["macs"] / 1e9, 3) == pytest.approx(record["bflops"], abs=0.0015)  # printed bflops per layer
    assert f"{4 * record['floats_in_weights_file'] + 20:,} bytes" in net.source


@pytest.mark.parametrize("name", ["alexnet", "vgg-16", "resnet50"])
def test_every_layer(name: str) -> None:
    """The output of every section, and the parameters and multiply-adds of those that have any."""
    net = made(MODELS[name][0], *MODELS[name][1])
    rows = analyze(net).rows
    found: dict[int, tuple[list[int], int, int]] = {}
    for node, row in zip(net.nodes, rows, strict=True):
        if node.name != "input":
            index = int("".join(char for char in node.name.split(".")[0] if char.isdigit()))
            _, params, macs = found.get(index, ([], 0, 0))
            found[index] = ([node.output[-1], *([*node.output[:-1]] or [1, 1])], params + row.params, macs + row.macs)
    for index, layer in enumerate(REFERENCE[name]["layers"]):
        assert found[index] == (layer["out"], layer.get("params", 0), layer.get("macs", 0)), (index, layer)


def test_yolov4_tiny() -> None:
    """24,251,276 bytes is the size of the published yolov4-tiny.weights; 6.9 BFLOPs at 416x416."""
    net = made(square(416), *yolov4_tiny())
    params, macs, numbers = totals(net)
    assert (4 * numbers + 20, params, round(2 * macs / 1e9, 1)) == (24_251_276, 6_056_606, 6.9)
    assert [str(net.nodes[output].output) for output in net.outputs] == ["13x13x255", "26x26x255"]


IMAGE = {"width": 8, "height": 6, "channels": 4}


def last(*sections: Any, net: dict[str, Any] = IMAGE) -> tuple[str, int, int]:
    """Return shape of the last value, parameters and multiply-adds."""
    found = made(net, *sections)
    return str(found.nodes[-1].output), *totals(found)[:2]


def test_defaults_and_rules_of_size() -> None:
    """One cell, one filter, logistic; `pad` and `padding`; pooling pads by its size minus one, the larger half at the end."""
    plain = made(IMAGE, ("convolutional", {}))
    assert [(node.name, node.kind) for node in plain.nodes[1:]] == [
        ("conv0.conv", "conv"),
        ("conv0.logistic", "sigmoid"),
    ]
    assert last(("convolutional", {"filters": 2, "size": 5, "padding": 1}))[0] == "4x6x2"
    assert last(("convolutional", {"filters": 2, "size": 5, "padding": 1, "pad": 1}))[0] == "6x8x2"
    assert last(("convolutional", {"filters": 2, "size": 4, "pad": 1}))[0] == "7x9x2"
    assert last(("convolutional", {"filters": 2, "size": 3, "pad": 1, "stride_x": 2, "stride_y": 1}))[0] == "6x4x2"
    assert last(("convolutional", {"filters": 2, "size": 3, "pad": 1, "dilation": 2}))[0] == "6x8x2"
    assert last(("maxpool", {"size": 2, "stride": 1}))[0] == "6x8x4"
    assert last(("maxpool", {"size": 3, "stride": 2}))[0] == "3x4x4"
    assert last(("maxpool", {"size": 5, "stride": 1}))[0] == "6x8x4"
    assert last(("maxpool", {"stride": 2, "padding": 0}))[0] == "3x4x4"
    assert last(("maxpool", {}))[0] == "6x8x4"
    assert last(("max", {"size": 4, "stride": 1}))[0] == "6x8x4"
    assert last(("local_avgpool", {"size": 3, "stride": 2}))[0] == "3x4x4"
    assert last(("avgpool", {}))[0] == "1x1x4"
    window = made(IMAGE, ("maxpool", {"size": 2, "stride": 1})).nodes[1].layer
    assert window is not None
    assert window.nondefault_fields["pad"] == {"top": 0, "bottom": 1, "left": 0, "right": 1}


def test_grouped_shared_and_blurred_convolutions() -> None:
    """Groups divide the weights, a shared convolution is counted once, and antialiasing takes over the stride."""
    assert last(("convolutional", {"filters": 8, "size": 3, "groups": 4, "pad": 1})) == ("6x8x8", 9 * 8 + 8, 48 * 9 * 8)
    layer = conv(4, 3)
    shared = made(IMAGE, layer, ("convolutional", {**layer[1], "share_index": 0}))
    assert totals(shared) == (9 * 16 + 8, 2 * 48 * 9 * 16, 9 * 16 + 16)
    assert last(conv(4, 3, 2, antialiasing=1))[0] == "3x4x4"
    assert last(conv(4, 3, 2, antialiasing=2))[0] == "3x4x4"
    assert last(pool(2, 2, antialiasing=1))[0] == "3x4x4"


def test_routes_and_shortcuts() -> None:
    """Absolute and relative layers, groups, sums of unequal channels, weighted sums, every second cell of a larger value."""
    assert last(conv(6), conv(2), route(-1, 0))[0] == "6x8x8"
    assert last(conv(6), route(0, groups=2, group_id=1))[0] == "6x8x3"
    assert last(conv(6), conv(2), route(-1, -2, groups=2, group_id=0))[0] == "6x8x4"
    alone = made(IMAGE, conv(6), conv(2), route(0))
    assert (alone.nodes[-1].name, alone.nodes[-1].kind, str(alone.nodes[-1].output)) == ("route2", "identity", "6x8x6")
    for other in (2, 6, 9):
        assert last(conv(other), conv(6), ("shortcut", {"from": -2}))[0] == "6x8x6"
    assert last(conv(6), conv(6, 3, 2), ("shortcut", {"from": -2}))[0] == "3x4x6"
    plain = last(conv(6), conv(6), ("shortcut", {"from": "-2, 0"}))
    assert last(conv(6), conv(6), ("shortcut", {"from": "-2,0", "weights_type": "per_feature"}))[1] == plain[1] + 3
    assert last(conv(6), conv(6), ("shortcut", {"from": "-2,0", "weights_type": "per_channel"}))[1] == plain[1] + 18


def test_gates_and_moves() -> None:
    """scale_channels, sam, reorg in both directions, upsample, crop, lrn, batchnorm, local, activation, empty."""
    gate = [("avgpool", {}), conv(4, 1, 1, "logistic", 0)]
    assert last(conv(4), *gate, ("scale_channels", {"from": -3}))[0] == "6x8x4"
    assert last(conv(4), conv(1, 1), ("scale_channels", {"from": 0, "scale_wh": 1}))[0] == "6x8x4"
    assert last(conv(4), conv(4, 1), ("sam", {"from": -2, "activation": "leaky"}))[0] == "6x8x4"
    assert last(("reorg", {"stride": 2}))[0] == "3x4x16"
    assert last(("reorg", {"stride": 2, "reverse": 1}))[0] == "12x16x1"
    assert last(UP)[0] == "12x16x4"
    assert last(("crop", {"crop_height": 4, "crop_width": 5}))[0] == "4x5x4"
    assert last(("lrn", {}), ("batchnorm", {}), ("activation", {"activation": "mish"}), ("empty", {})) == (
        "6x8x4",
        8,
        0,
    )
    assert last(("local", {"size": 3, "pad": 1, "filters": 2})) == ("6x8x2", 48 * (9 * 4 * 2 + 2), 48 * 9 * 4 * 2)
    assert last(("local", {"size": 3, "filters": 2, "stride": 2}))[0] == "2x3x2"
    assert last(full(10), conv(3, 1, 1, "linear", 0)) == ("1x1x3", 192 * 10 + 10 + 33, 1920 + 30)


def test_heads_check_their_channels() -> None:
    """Darknet also stops if the filters do not fit classes and boxes."""
    assert refused(cfg(IMAGE, [conv(254, 1), ("yolo", {"mask": "0,1,2", "classes": 80})]))[0] == "sizes-differ"
    assert last(conv(267, 1), ("Gaussian_yolo", {"mask": "0,1,2", "classes": 80}))[0] == "6x8x267"
    detection = ("detection", {"classes": 20, "coords": 4, "side": 7, "num": 3})
    assert last(full(1715), detection)[0] == "1715"
    assert "= 1,715 numbers, but gets 1714" in refused(cfg(IMAGE, [full(1714), detection]))[2]


@pytest.mark.parametrize(("norm", "extra"), [(0, 0), (1, 1)])
def test_recurrent_sections(norm: int, extra: int) -> None:
    """One time step: the products of Darknet's layers, each with biases. Batch normalization adds a gain to each."""
    net: dict[str, Any] = {"inputs": 10}
    bn = {"batch_normalize": norm}
    rnn = last(("rnn", {"hidden": 6, "output": 4, **bn}), net=net)
    assert rnn == ("4", 60 + 36 + 24 + 16 + extra * 16, 60 + 36 + 24)
    lstm = last(("lstm", {"output": 6, **bn}), net=net)
    assert lstm == ("6", 4 * (60 + 36 + 12) + extra * 48, 4 * 96)
    gru = last(("gru", {"output": 6, **bn}), net=net)
    assert gru == ("6", 3 * (60 + 36 + 12) + extra * 36, 3 * 96)
    crnn = last(("crnn", {"hidden": 6, "output": 3, "size": 3, "pad": 1, **bn}))
    assert crnn == ("6x8x3", 9 * (24 + 36 + 18) + 15 + extra * 15, 48 * 9 * (24 + 36 + 18))
    cell = last(("conv_lstm", {"output": 3, "size": 3, "pad": 1, **bn}))
    assert cell == ("6x8x3", 4 * (9 * (12 + 9) + 6) + extra * 24, 48 * 4 * 9 * 21)
    peep = last(("conv_lstm", {"output": 3, "size": 1, "peephole": 1, **bn}))
    assert peep == ("6x8x3", 4 * (12 + 9 + 6) + 3 * (9 + 3) + extra * 33, 48 * (4 * 21 + 27))


def test_input_from_outside() -> None:
    """`--input 608x608x3` replaces the size in the file."""
    text = cfg(square(416), yolov3_tiny())
    assert str(network(text, **{"": "608x608x3"}).nodes[-1].output) == "38x38x255"
    assert refused(text, other="608x608x3")[0] == "unknown-input"
    with pytest.raises(Refused):
        network(text, **{"": "608x608"})


def test_names_are_blocks() -> None:
    """`--depth 1` shows the same list of layers as Darknet."""
    net = made(square(32), conv(8), pool(), ("shortcut", {"from": -1}))
    names = ["input", "conv0.conv", "conv0.batchnorm", "conv0.leaky", "maxpool1", "shortcut2"]
    assert [node.name for node in net.nodes] == names
    assert net.nodes[1].where is not None
    assert net.nodes[1].where.line == 6


def test_comments_after_a_number() -> None:
    """Darknet removes all blanks, and atoi stops after the last digit."""
    text = (
        "[net]\nwidth=288 # columns\nheight=288\t;rows\nchannels=3\n[convolutional]\nfilters=40\t#32\nsize=3\nstride=2\n"
        "pad=1\nactivation=linear\n[dropout]\nprobability=.25 # of all\n[route]\nlayers=-1,0 ###P6\n[contrastive]\n"
        "classes=1\ntemperature=1.0\nyolo_layer=-1\n[avgpool]\n"
    )
    net = reader.read_text(Source("net.cfg", text), ReaderOptions({}, {}))
    assert [(node.name, str(node.output)) for node in net.nodes[1:]] == [
        ("conv0", "144x144x40"),
        ("dropout1", "144x144x40"),
        ("route2", "144x144x80"),
        ("contrastive3", "144x144x80"),
        ("avgpool4", "1x1x80"),
    ]
    dropout = net.nodes[2].layer
    assert dropout is not None
    assert dropout.nondefault_fields == {"rate": 0.25}


NET = "[net]\nwidth=8\nheight=8\nchannels=3\n"
BAD = {
    # text: code, line, part of the message
    "": ("empty-file", 0, "no sections"),
    "# nothing\n": ("empty-file", 0, "no sections"),
    "width=8\n[net]\n": ("bad-file", 1, "before the first section"),
    "[convolutional]\nfilters=3\n": ("bad-file", 1, "start the file with `[net]`"),
    "[net]\nwidth=8\nheight=8\n[maxpool]\n": ("missing-field", 1, "`channels`"),
    NET: ("missing-field", 1, "has no layers after it"),
    NET + "[convolutional\nfilters=3\n": ("bad-file", 5, "is not a section"),
    NET + "[convolutional] # first\n": ("bad-file", 5, "is not a section"),
    NET + "[convolutional]\nfilters\n": ("bad-file", 6, "neither a section nor an option"),
    NET + "[convolutional]\nfilters=\n": ("bad-file", 6, "neither a section nor an option"),
    NET + "[convolutionl]\nfilters=3\n": ("unknown-layer", 5, "did you mean `convolutional`?"),
    NET + "[convolutional]\nfilters=3x\n": ("bad-value", 6, "darknet would read as 3"),
    NET + "[convolutional]\nfilters=# wide\n": ("bad-value", 6, "move the comment to its own line"),
    NET + "[convolutional]\nfilters=3x # wide\n": ("bad-value", 6, "darknet would read as 3"),
    NET + "[convolutional]\nfilters=1 2 # wide\n": ("bad-value", 6, "whole number"),
    NET + "[convolutional]\nactivation=leaky # fast\n": ("bad-value", 6, "reads it as part of the word"),
    NET + "[maxpool]\n[route]\nlayers=0 # one, two\n": ("bad-value", 7, "which darknet would read as 0"),
    NET + "[convolutional]\nfilters=abc\n": ("bad-value", 6, "darknet would read as 0"),
    NET + "[convolutional]\nfilters=3.5\n": ("bad-value", 6, "darknet would read as 3"),
    NET + "[convolutional]\nfilters=1 2\n": ("bad-value", 6, "whole number"),
    NET + "[convolutional]\nfilters=0\n": ("bad-value", 6, "at least 1"),
    NET + "[convolutional]\nfilters=-4\n": ("bad-value", 6, "at least 1"),
    NET + "[convolutional]\nfilters=9999999\n": ("bad-value", 6, "at most 1,000,000"),
    NET + "[convolutional]\nfilters=" + "9" * 5000: ("bad-value", 6, "whole number"),
    NET + "[convolutional]\nfilter=3\n": ("unknown-field", 6, "did you mean `filters`?"),
    NET + "[convolutional]\nfilters=3\nfilters=4\n": ("duplicate-key", 7, "on line 6"),
    NET + "[convolutional]\nactivation=leeky\n": ("bad-value", 6, "did you mean `leaky`?"),
    NET + "[convolutional]\nfilters=4\nsize=11\n": ("window-does-not-fit", 7, "11-wide window"),
    NET + "[convolutional]\nfilters=4\ngroups=3\n": ("groups-do-not-divide", 7, "4 filters"),
    NET + "[convolutional]\nsize=3\ndilation=2\n": ("bad-value", 7, "padded by 1"),
    NET + "[convolutional]\nshare_index=0\n": ("unknown-name", 6, "no layer above"),
    NET + "[maxpool]\n[convolutional]\nshare_index=0\n": ("bad-value", 7, "not a convolution"),
    NET + "[maxpool]\nmaxpool_depth=1\n": ("unknown-layer", 6, "not supported"),
    NET + "[route]\n": ("missing-field", 5, "needs `layers`"),
    NET + "[route]\nlayers=-1\n": ("unknown-name", 6, "no layer above"),
    NET + "[maxpool]\n[route]\nlayers=-1,5\n": ("unknown-name", 7, "layers above it are 0 to 0"),
    NET + "[maxpool]\n[route]\nlayers=-1 -1\n": ("bad-value", 7, "whole number"),
    NET + "[maxpool]\n[route]\nlayers=0,,0\n": ("bad-value", 7, "whole number"),
    NET + "[maxpool]\n[maxpool]\nsize=2\nstride=2\n[route]\nlayers=0,1\n": ("shapes-differ", 9, "8x8x3 and 4x4x3"),
    NET + "[maxpool]\n[route]\nlayers=0\ngroups=2\n": ("groups-do-not-divide", 8, "3 channels"),
    NET + "[maxpool]\n[maxpool]\nstride=3\n[shortcut]\nfrom=0\n": ("shapes-differ", 9, "adds 8x8x3 to 3x3x3"),
    NET + "[reorg]\nstride=3\n": ("groups-do-not-divide", 6, "8 = 3*2 + 2"),
    NET + "[dropout]\nprobability=2\n": ("bad-value", 6, "from 0 to 1"),
    NET + "[crop]\ncrop_height=9\ncrop_width=9\n": ("bad-value", 6, "crops the height to 9, but it is only 8"),
    NET + "[maxpool]\n[net]\nwidth=3\n": ("unknown-layer", 6, "not a Darknet layer"),
}  # fmt: skip


@pytest.mark.parametrize("text", BAD, ids=[f"{number}-{facts[0]}" for number, facts in enumerate(BAD.values())])
def test_refusals(text: str) -> None:
    """One problem, on its line, and never a network of another size."""
    code, line, words = BAD[text]
    with pytest.raises(Refused) as caught:
        network(text)
    (problem,) = caught.value.problems
    assert (problem.code, problem.where.line if problem.where else 0) == (code, line), problem
    assert words in f"{problem.text} -> {problem.help}"


def test_files(tmp_path: Path) -> None:
    """A file on disk; a file that is not text, missing or too large."""
    path = tmp_path / "tiny.cfg"
    path.write_text(cfg(square(416), yolov3_tiny()))
    net = reader.read(str(path), ReaderOptions({}, {}))
    assert net.name == "tiny"
    assert net.spec == str(path)
    assert len(net.outputs) == 2
    path.write_bytes(b"\xff\xfe\x00\x00")
    with pytest.raises(Refused, match="UTF-16"):
        reader.read(str(path), ReaderOptions({}, {}))
    path.write_bytes(b"#" * (16 * 2**20 + 1))
    with pytest.raises(Refused, match="too-large"):
        reader.read(str(path), ReaderOptions({}, {}))
    with pytest.raises(Refused, match="not-regular"):
        reader.read("/dev/zero", ReaderOptions({}, {}))
    with pytest.raises(FileNotFoundError):
        reader.read(str(tmp_path / "none.cfg"), ReaderOptions({}, {}))


@pytest.mark.heavy
def test_broken_files_are_refused_and_nothing_else() -> None:
    """A thousand files with removed, swapped or repeated lines or changed numbers give a network or Refused."""
    rng = random.Random(4)
    texts = [cfg(square(64), sections) for sections in (yolov3_tiny(), yolov2(), resnet50())]
    texts.append(cfg(IMAGE, [conv(4), ("crnn", {"output": 3}), ("conv_lstm", {"output": 3}), ("gru", {"output": 3})]))
    for _ in range(1000):
        lines = rng.choice(texts).split("\n")
        for _ in range(rng.randint(1, 4)):
            place = rng.randrange(len(lines))
            change = rng.randrange(5)
            if change == 0:
                del lines[place]
            elif change == 1:
                lines.insert(place, rng.choice(lines))
            elif change == 2:
                name = lines[place].partition("=")[0]
                lines[place] = (
                    f"{name}={rng.choice(['0', '-1', '-9', '7', '1000000', '4x', '', '1e9', '-1,-2', '999999999999'])}"
                )
            elif change == 3:
                lines[place] = lines[place][: rng.randrange(len(lines[place]) + 1)]
            else:
                lines[place] = lines[place].replace("=", rng.choice(["", "==", " = "]))
        with suppress(Refused):
            network("\n".join(lines))
