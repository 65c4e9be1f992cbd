"""Caffe's rules for single layers, worked out by hand from its source or measured with it."""

from __future__ import annotations

import pytest

from cnncalc.analyses.totals import analyze
from cnncalc.network import Network
from cnncalc.problem import Problem, Refused, Source
from cnncalc.readers import ReaderOptions
from cnncalc.readers.caffe.reader import read_text


def network(text: str, *dims: int, **options: str) -> Network:
    """Return a network over an input `data` of these dimensions."""
    shape = " ".join(f"dim: {size}" for size in dims)
    head = f'input: "data" input_shape {{ {shape} }}\n' if dims else ""
    return read_text(Source("net.prototxt", head + text), ReaderOptions({}, {}, parameters=options))


def layer(type: str, fields: str = "", bottom: str = "data", top: str = "y", name: str = "y") -> str:
    """Return the text of a layer."""
    bottoms = " ".join(f'bottom: "{blob}"' for blob in bottom.split())
    tops = " ".join(f'top: "{blob}"' for blob in top.split())
    return f'layer {{ name: "{name}" type: "{type}" {bottoms} {tops} {fields} }}\n'


def problem(text: str, *dims: int) -> Problem:
    """Return the only problem of a network."""
    with pytest.raises(Refused) as caught:
        network(text, *dims)
    return caught.value.problems[0]


def last(net: Network) -> tuple[str, str, int]:
    """Return kind, shape and parameters of the last layer."""
    node = net.nodes[-1]
    assert node.layer is not None
    return node.kind, str(node.output), sum(int(count) for count in node.layer.weights(*net.shapes(node)).values())


IMAGE = (10, 3, 32, 24)


@pytest.mark.parametrize(
    ("type", "fields", "dims", "wanted"),
    [
        ("Convolution", "convolution_param { num_output: 8 kernel_size: 5 stride: 2 pad: 1 }", IMAGE, ("conv", "15x11x8", 608)),
        ("Convolution", "convolution_param { num_output: 8 kernel_h: 1 kernel_w: 3 pad_w: 1 stride_h: 2 }", IMAGE,
         ("conv", "16x24x8", 80)),
        ("Convolution", "convolution_param { num_output: 8 kernel_size: 3 kernel_size: 5 }", IMAGE, ("conv", "30x20x8", 368)),
        ("Convolution", "convolution_param { num_output: 6 kernel_size: [3] group: 3 bias_term: false }", IMAGE,
         ("conv", "30x22x6", 54)),
        ("Convolution", "convolution_param { num_output: 6 kernel_size: 3 dilation: 2 }", IMAGE, ("conv", "28x20x6", 168)),
        ("Convolution", "convolution_param { num_output: 6 kernel_size: 3 }", (2, 4, 9), ("conv", "7x6", 78)),
        ("Convolution", "convolution_param { num_output: 6 kernel_size: 3 }", (2, 4, 9, 8, 7), ("conv", "7x6x5x6", 654)),
        ("Deconvolution", "convolution_param { num_output: 6 kernel_size: 4 stride: 2 pad: 1 }", IMAGE,
         ("convtranspose", "64x48x6", 294)),
        ("DepthwiseConvolution", "convolution_param { num_output: 3 kernel_size: 3 }", IMAGE, ("conv", "30x22x3", 30)),
        # ceil((32 - 3)/2) + 1 = 16, ceil((24 - 3)/2) + 1 = 12
        ("Pooling", "pooling_param { kernel_size: 3 stride: 2 }", IMAGE, ("maxpool", "16x12x3", 0)),
        # ceil((4 + 2 - 2)/2) + 1 = 3, and the last window starts at 4 - 1 = 3, inside the input
        ("Pooling", "pooling_param { kernel_size: 2 stride: 2 pad: 1 pool: AVE }", (1, 3, 4, 4), ("avgpool", "3x3x3", 0)),
        # ceil((5 + 2 - 2)/2) + 1 = 4, but the last window would start at 6 >= 5 + 1
        ("Pooling", "pooling_param { kernel_size: 2 stride: 2 pad: 1 }", (1, 3, 5, 5), ("maxpool", "3x3x3", 0)),
        # without padding Caffe does not correct the last window: ceil((56 - 1)/2) + 1 = 29
        ("Pooling", "pooling_param { kernel_size: 1 stride: 2 }", (1, 3, 56, 56), ("maxpool", "29x29x3", 0)),
        ("Pooling", "pooling_param { kernel_size: 3 stride: 2 round_mode: FLOOR }", IMAGE, ("maxpool", "15x11x3", 0)),
        ("Pooling", "pooling_param { kernel_size: 3 stride: 2 pool: STOCHASTIC }", IMAGE, ("stochasticpool", "16x12x3", 0)),
        ("Pooling", "pooling_param { pool: AVE global_pooling: true }", IMAGE, ("adaptiveavgpool", "1x1x3", 0)),
        ("Pooling", "pooling_param { kernel_size: 3 pad: 2 }", IMAGE, ("maxpool", "34x26x3", 0)),
        ("InnerProduct", "inner_product_param { num_output: 7 }", IMAGE, ("fc", "7", 16_135)),
        ("InnerProduct", "inner_product_param { num_output: 7 axis: 2 bias_term: false }", (1, 5, 6), ("linear", "5x7", 42)),
        ("InnerProduct", "inner_product_param { num_output: 7 axis: -1 }", (1, 5, 6), ("linear", "5x7", 49)),
        ("LRN", "lrn_param { norm_region: WITHIN_CHANNEL local_size: 3 }", IMAGE, ("lrn", "32x24x3", 0)),
        ("PReLU", "", IMAGE, ("prelu", "32x24x3", 3)),
        ("PReLU", "prelu_param { channel_shared: true }", IMAGE, ("prelu", "32x24x3", 1)),
        ("ReLU", "relu_param { negative_slope: 0.1 }", IMAGE, ("leakyrelu", "32x24x3", 0)),
        ("Scale", "", IMAGE, ("scale", "32x24x3", 3)),
        ("Scale", "scale_param { bias_term: true }", IMAGE, ("scale", "32x24x3", 6)),
        ("Scale", "scale_param { num_axes: 0 }", IMAGE, ("scale", "32x24x3", 1)),
        ("Scale", "scale_param { num_axes: 2 }", IMAGE, ("scale", "32x24x3", 96)),
        ("Scale", "scale_param { num_axes: -1 bias_term: true }", IMAGE, ("scale", "32x24x3", 4608)),
        ("Bias", "", IMAGE, ("bias", "32x24x3", 3)),
        ("Normalize", "norm_param { channel_shared: false across_spatial: false }", IMAGE, ("normalize", "32x24x3", 3)),
        ("Embed", "embed_param { input_dim: 100 num_output: 8 }", (2, 5), ("embedding", "5x8", 808)),
        ("Embed", "embed_param { input_dim: 100 num_output: 8 bias_term: false }", (2, 5), ("embedding", "5x8", 800)),
        ("Flatten", "", IMAGE, ("flatten", "2304", 0)),
        ("Flatten", "flatten_param { axis: 2 }", IMAGE, ("reshape", "3x768", 0)),
        ("Reshape", "reshape_param { shape { dim: 0 dim: -1 } }", IMAGE, ("flatten", "2304", 0)),
        ("Reshape", "reshape_param { shape { dim: 10 dim: 3 dim: -1 } }", IMAGE, ("reshape", "3x768", 0)),
        ("Reshape", "reshape_param { shape { dim: -1 dim: 4 } axis: 2 num_axes: 1 }", IMAGE, ("reshape", "3x8x4x24", 0)),
        ("Permute", "permute_param { order: 0 order: 2 order: 3 order: 1 }", IMAGE, ("permute", "32x24x3", 0)),
        ("Tile", "tile_param { tiles: 4 }", IMAGE, ("tile", "32x24x12", 0)),
        ("ArgMax", "", IMAGE, ("argmax", "1x1", 0)),
        ("ArgMax", "argmax_param { axis: 1 }", IMAGE, ("argmax", "32x24x1", 0)),
        ("Reduction", "reduction_param { axis: 2 operation: MEAN }", IMAGE, ("mean", "3", 0)),
        ("Power", "power_param { power: 2 }", IMAGE, ("square", "32x24x3", 0)),
        ("Power", "power_param { scale: 0.5 shift: 3 }", IMAGE, ("power", "32x24x3", 0)),
        ("MVN", "", IMAGE, ("instancenorm", "32x24x3", 0)),
        ("Interp", "interp_param { zoom_factor: 8 }", IMAGE, ("resize", "249x185x3", 0)),
        ("Softmax", "softmax_param { axis: 2 }", (1, 7, 4), ("softmax", "7x4", 0)),
        ("Clip", "clip_param { min: 0 max: 6 }", IMAGE, ("relu6", "32x24x3", 0)),
        ("Swish", "", IMAGE, ("silu", "32x24x3", 0)),
        ("Dropout", "", IMAGE, ("dropout", "32x24x3", 0)),
        ("Split", "", IMAGE, ("identity", "32x24x3", 0)),
    ],
)  # fmt: skip
def test_single_layers(type: str, fields: str, dims: tuple[int, ...], wanted: tuple[str, str, int]) -> None:
    """Kind, shape and parameters."""
    assert last(network(layer(type, fields), *dims)) == wanted


def test_two_blobs() -> None:
    """Eltwise, Concat, Scale with a gate, Crop, and Slice."""
    two = layer("Convolution", "convolution_param { num_output: 3 kernel_size: 1 }", "data", "a", "a")
    for type, fields, kind, shape in (
        ("Eltwise", "", "add", "32x24x3"), ("Eltwise", "eltwise_param { operation: PROD }", "mul", "32x24x3"),
        ("Eltwise", "eltwise_param { operation: 2 }", "maximum", "32x24x3"),
        ("Eltwise", "eltwise_param { coeff: 1 coeff: -1 }", "sub", "32x24x3"), ("Concat", "", "concat", "32x24x6"),
        ("Concat", "concat_param { axis: 2 }", "concat", "64x24x3"),
        ("Concat", "concat_param { concat_dim: 3 }", "concat", "32x48x3"),
        ("Scale", "scale_param { axis: 0 }", "mul", "32x24x3"),
    ):  # fmt: skip
        assert last(network(two + layer(type, fields, "data a"), *IMAGE))[:2] == (kind, shape), (type, fields)
    gate = layer("Pooling", "pooling_param { pool: AVE global_pooling: true }", "data", "p", "p")
    gate += layer("Reshape", "reshape_param { shape { dim: 0 dim: -1 } }", "p", "g", "g")
    assert last(network(gate + layer("Scale", "scale_param { axis: 0 }", "data g"), *IMAGE))[:2] == ("mul", "32x24x3")
    assert last(network(gate + layer("Axpy", "", "p data data"), *IMAGE))[:2] == ("add", "32x24x3")
    small = layer("Pooling", "pooling_param { kernel_size: 4 stride: 4 }", "data", "s", "s")
    assert last(network(small + layer("Crop", "crop_param { offset: 5 }", "data s"), *IMAGE))[:2] == ("slice", "8x6x3")
    parts = network(layer("Slice", "slice_param { slice_point: 1 }", top="y z"), *IMAGE)
    assert [str(node.output) for node in parts.nodes[1:]] == ["32x24x1", "32x24x2"]
    assert parts.outputs == (1, 2)
    parts = network(layer("Slice", "slice_param { axis: 3 }", top="u v w"), *IMAGE)
    assert [node.name for node in parts.nodes[1:]] == ["y.slice", "y.slice_2", "y.slice_3"]
    assert {str(node.output) for node in parts.nodes[1:]} == {"32x8x3"}


def test_max_unpooling() -> None:
    """SegNet's pooling returns the places of the maxima."""
    text = layer("Pooling", "pooling_param { kernel_size: 2 stride: 2 }", top="p mask", name="p")
    net = network(text + layer("Upsample", "upsample_param { scale: 2 }", "p mask"), *IMAGE)
    assert last(net) == ("maxunpool", "32x24x3", 0)
    net = network(
        text + layer("Upsample", "upsample_param { scale: 2 upsample_w: 23 upsample_h: 31 }", "p mask"), *IMAGE
    )
    assert last(net) == ("maxunpool", "31x23x3", 0)


def test_detection_layers_of_ssd() -> None:
    """conv4_3 of SSD300: 4 boxes at each of 38x38 positions, each with 4 coordinates and 4 variances."""
    text = layer("Convolution", "convolution_param { num_output: 512 kernel_size: 1 stride: 8 }", top="c", name="c")
    box = "prior_box_param { min_size: 30 max_size: 60 aspect_ratio: 2 flip: true clip: false variance: 0.1 step: 8 }"
    net = network(text + layer("PriorBox", box, "c data", "p", "p"), 1, 3, 300, 300)
    assert last(net)[:2] == ("priorbox", f"2x{38 * 38 * 4 * 4}")
    # as in SSD: permute to positions first, flatten, and softmax over the classes of each box
    text += layer("Convolution", "convolution_param { num_output: 84 kernel_size: 3 pad: 1 }", "c", "conf", "conf")
    text += layer("Permute", "permute_param { order: 0 order: 2 order: 3 order: 1 }", "conf", "perm", "perm")
    text += layer("Flatten", "flatten_param { axis: 1 }", "perm", "flat", "flat")
    text += layer("Reshape", "reshape_param { shape { dim: 0 dim: -1 dim: 21 } }", "flat", "resh", "resh")
    text += layer("Softmax", "softmax_param { axis: 2 }", "resh", "soft", "soft")
    net = network(text, 1, 3, 300, 300)
    assert [str(node.output) for node in net.nodes[-4:]] == ["38x38x84", "121296", "5776x21", "5776x21"]
    text += layer("Flatten", "flatten_param { axis: 1 }", "soft", "sflat", "sflat") + layer(
        "PriorBox", box, "c data", "p", "p"
    )
    output = "detection_output_param { num_classes: 21 keep_top_k: 200 }"
    assert (
        last(network(text + layer("DetectionOutput", output, "flat sflat p", "out", "out"), 1, 3, 300, 300))[1]
        == "200x7"
    )


def test_recurrent_layers() -> None:
    """T x N x features: one bias per gate; RNN has a second product for its output."""
    text = 'input: "data" input: "cont" input_shape { dim: 20 dim: 4 dim: 8 } input_shape { dim: 20 dim: 4 }\n'
    for type, params in (("LSTM", 4 * 16 * (8 + 16 + 1)), ("RNN", 16 * (8 + 16 + 1) + 16 * 17)):
        net = network(text + layer(type, "recurrent_param { num_output: 16 }", "data cont"))
        assert analyze(net).totals.params == params
        assert str(net.nodes[-1].output) == "20x16"
        assert str(net.nodes[0].output) == "20x8"


def test_shared_and_frozen_parameters() -> None:
    """Blobs with one name are counted once, and a learning rate of 0 freezes."""
    conv = "convolution_param { num_output: 4 kernel_size: 3 pad: 1 }"
    both = 'param { name: "w" lr_mult: 0 } param { name: "b" }'
    text = layer("Convolution", f"{both} {conv}", "data", "a", "a") + layer(
        "Convolution", f"{both} {conv}", "data", "b", "b"
    )
    net = network(text, *IMAGE)
    assert analyze(net).totals.params == 112
    assert net.nodes[2].shared == 1
    assert net.nodes[1].frozen == net.nodes[2].frozen == {"weight"}
    one = layer("Convolution", f'param {{ name: "w" }} {conv}', "data", "a", "a")
    net = network(one + layer("Convolution", f'param {{ name: "w" }} {conv}', "data", "b", "b"), *IMAGE)
    assert analyze(net).totals.params == 112 + 4
    text = one + layer(
        "Convolution", 'param { name: "w" } convolution_param { num_output: 4 kernel_size: 1 }', "data", "b", "b"
    )
    assert problem(text, *IMAGE).code == "shares-differ"


def test_older_versions_are_the_same_network() -> None:
    """`layers` with types in capitals, and with a `layer` inside."""
    new = layer(
        "Convolution", "param { lr_mult: 0 } convolution_param { num_output: 8 kernel_size: 5 }", top="c", name="c"
    )
    new += layer("Pooling", "pooling_param { pool: AVE kernel_size: 2 stride: 2 }", "c", "p", "p")
    new += layer("Dropout", "dropout_param { dropout_ratio: 0.2 }", "p", "p", "d")
    second = """layers { name: "c" type: CONVOLUTION bottom: "data" top: "c" blobs_lr: 0 blobs_lr: 2
      convolution_param { num_output: 8 kernel_size: 5 } }
      layers { name: "p" type: POOLING bottom: "c" top: "p" pooling_param { pool: AVE kernel_size: 2 stride: 2 } }
      layers { name: "d" type: DROPOUT bottom: "p" top: "p" dropout_param { dropout_ratio: 0.2 } }"""
    first = """layers { layer { name: "c" type: "conv" num_output: 8 kernelsize: 5 blobs_lr: 0. } bottom: "data" top: "c" }
      layers { layer { name: "p" type: "pool" pool: AVE kernelsize: 2 stride: 2 } bottom: "c" top: "p" }
      layers { layer { name: "d" type: "dropout" dropout_ratio: 0.2 } bottom: "p" top: "p" }"""
    wanted = [(node.name, node.layer, node.frozen) for node in network(new, *IMAGE).nodes]
    assert [(node.name, node.layer, node.frozen) for node in network(second, *IMAGE).nodes] == wanted
    assert [(node.name, node.layer, node.frozen) for node in network(first, *IMAGE).nodes] == wanted
    padded = """layers { layer { name: "pad" type: "padding" pad: 2 } bottom: "data" top: "pad" }
      layers { layer { name: "c" type: "conv" num_output: 8 kernelsize: 5 } bottom: "pad" top: "c" }"""
    assert last(network(padded, *IMAGE))[1] == "32x24x8"


TRAIN_TEST = (
    layer(
        "Data",
        "include { phase: TRAIN } transform_param { crop_size: 20 mean_value: 1 mean_value: 2 mean_value: 3 }",
        "",
        "data label",
    )
    + layer(
        "Data",
        "include { phase: TEST } transform_param { crop_size: 24 mean_value: 1 mean_value: 2 mean_value: 3 }",
        "",
        "data label",
    )
    + layer("InnerProduct", "inner_product_param { num_output: 5 }", "data", "fc", "fc")
    + layer("Dropout", "include { phase: TRAIN }", "fc", "fc", "drop")
    + layer("Accuracy", "include { phase: TEST }", "fc label", "acc", "acc")
    + layer("SoftmaxWithLoss", "", "fc label", "loss", "loss")
)


def test_phases() -> None:
    """TEST unless TRAIN is asked for; losses and accuracies are left out, and the source says so."""
    net = network(TRAIN_TEST)
    assert [str(node.output) for node in net.nodes] == ["24x24x3", "5"]
    assert net.source == "Caffe, phase TEST; without acc, loss"
    assert net.outputs == (1,)
    net = network(TRAIN_TEST, phase="train")
    assert [str(node.output) for node in net.nodes] == ["20x20x3", "5", "5"]
    only_training = TRAIN_TEST.replace(
        "include { phase: TEST } transform", "include { phase: TRAIN stage: 'x' } transform"
    )
    assert [str(node.output) for node in network(only_training).nodes] == ["20x20x3", "5", "5"]
    with pytest.raises(Refused) as caught:
        network(TRAIN_TEST, phase="VAL")
    assert (
        str(caught.value.problems[0])
        == "`VAL` is not a phase [bad-argument] -> write `-p phase=TRAIN` or `-p phase=TEST`"
    )


def test_rules_of_levels_and_stages() -> None:
    """A layer with a stage is left out unless the file's state has it."""
    text = layer("ReLU", "include { stage: 'deploy' }") + layer("Sigmoid", "exclude { stage: 'deploy' }")
    assert last(network(text, *IMAGE))[0] == "sigmoid"
    assert last(network('state { stage: "deploy" }\n' + text, *IMAGE))[0] == "relu"
    text = layer("ReLU", "include { min_level: 1 }") + layer("Sigmoid", "include { max_level: 0 }")
    assert last(network(text, *IMAGE))[0] == "sigmoid"


def test_blocks_and_layers_of_the_same_name() -> None:
    """A layer whose name begins those of others gets its kind appended; duplicates get a number."""
    text = (
        layer("ReLU", "", "data", "a", "conv1")
        + layer("ReLU", "", "a", "b", "conv1/relu")
        + layer("ReLU", "", "b", "c", "conv1/relu")
    )
    assert [node.name for node in network(text, *IMAGE).nodes[1:]] == ["conv1.relu", "conv1.relu_2", "conv1.relu_3"]
