"""Read Caffe's .prototxt files with Caffe's own defaults and size rules.

The rules are those of `src/caffe/layers/*.cpp` and `src/caffe/util/upgrade_proto.cpp` of BVLC's Caffe 1.0. A network for
training and testing is read as in phase TEST. Losses and accuracies are left out. The batch of the file is read as 1. Weights
are not read, and neither Caffe nor protobuf is needed.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable

from cnncalc.network import Network
from cnncalc.problem import Problem, Refused, Source
from cnncalc.readers import files
from cnncalc.readers.caffe import detection, elementwise, layers, recurrent, views, windows
from cnncalc.readers.caffe.blobs import Blob, Call, Graph
from cnncalc.readers.caffe.definition import FIRST, SECOND, Definition, State, definitions, phase_of
from cnncalc.readers.caffe.inputs import SOURCES, Declared, Inputs, declared_in_layer, declared_in_net
from cnncalc.readers.caffe.prototxt import Message, parse
from cnncalc.readers.options import ReaderOptions
from cnncalc.text import did_you_mean, plural, show

MOST_NAMED = 3  # of the layers that are left out
# fields that change no figure, in any message
IGNORED = frozenset({
    "weight_filler", "bias_filler", "filler", "scale_filler", "engine", "eps", "moving_average_fraction", "use_global_stats",
    "force_nd_im2col", "alpha", "beta", "k", "normalize_variance", "stable_prod_grad", "do_all_reduce", "debug_info",
    "variance", "clip", "step", "step_h", "step_w", "offset", "img_size", "img_h", "img_w", "num_classes", "share_location",
    "background_label_id", "nms_param", "code_type", "confidence_threshold", "save_output_param", "max_size", "base", "shift",
    "scale", "threshold",
})  # fmt: skip
OTHER_FILES = ("net", "train_net", "base_lr", "lr_policy", "solver_type", "max_iter", "snapshot_prefix")


def read(path: str, options: ReaderOptions) -> Network:
    """Read the network in a .prototxt file.

    Raises:
        Refused: The file has a mistake. The problem has its line.
        OSError: The file cannot be opened.
    """
    return read_text(files.text(path), options)


def read_text(source: Source, options: ReaderOptions) -> Network:
    """Read the network in the text of a .prototxt file.

    >>> text = '''input: "data" input_dim: 1 input_dim: 1 input_dim: 28 input_dim: 28
    ... layer { name: "conv1" type: "Convolution" bottom: "data" top: "conv1"
    ...         convolution_param { num_output: 20 kernel_size: 5 } }'''
    >>> net = read_text(Source("net.prototxt", text), ReaderOptions({}, {}))
    >>> [(node.name, str(node.output)) for node in net.nodes]
    [('data', '28x28x1'), ('conv1', '24x24x20')]

    Raises:
        Refused: The text has a mistake. The problem has its line.
    """
    return Reader(source, options).read()


class Reader:
    """Reads the layers of one file in order."""

    def __init__(self, source: Source, options: ReaderOptions) -> None:
        self.source = source
        self.options = options
        self.name = os.path.splitext(os.path.basename(source.path))[0]
        self.net: Message
        self.graph = Graph(())
        self.blobs: dict[str, Blob] = {}
        self.inputs: list[str] = []  # the names of all inputs that the file declares
        self.unread: dict[int, None] = {}  # nodes of blobs that no layer has read so far, in order
        self.left_out: list[Definition] = []
        self.foreign: set[str] = set()  # unknown fields that a warning names

    def read(self) -> Network:
        self.net = parse(self.source)
        try:
            self._check_kind()
            return self._read(definitions(self.net))
        except Problem as problem:
            raise Refused([problem], self.graph.builder.partial(name=show(self.name), spec=self.source.path)) from None

    def _check_kind(self) -> None:
        if self.net.has("layer") or self.net.has("layers"):
            return
        if any(name in self.net.fields for name in OTHER_FILES):
            file = self.net.string("net") or self.net.string("train_net")
            text = "this is a solver, which states how a network is trained"
            help = (
                f"read the network that it names, `{show(file)}`" if file else "read the file with the network's layers"
            )
            raise Problem("bad-file", text, help, where=self.net.where)
        if "item" in self.net.fields:
            raise Problem(
                "bad-file", "this is a list of labels", "read the file with the network's layers", where=self.net.where
            )
        raise Problem("no-layers", "the file has no layers", "write layers as `layer { ... }`", where=self.net.where)

    def _read(self, every: list[Definition]) -> Network:
        phase = phase_of(self.net, every, SOURCES, self.options.parameters)
        state = State(self.net, phase)
        present = [layer for layer in every if state.includes(layer)]
        sources = [layer for layer in present if _is_source(layer)]
        others = [layer for layer in present if not _is_source(layer)]
        self.left_out = [layer for layer in others if _is_left_out(layer.type)]
        computing = [layer for layer in others if not _is_left_out(layer.type)]
        self.graph = Graph([layer.name for layer in computing])
        declared = [*declared_in_net(self.net), *[one for layer in sources for one in declared_in_layer(layer)]]
        self.inputs = [one.name for one in declared]
        inputs = Inputs(self.graph, self.options, any(layer.type in recurrent.TIMED for layer in computing))
        self.blobs.update(inputs.add(declared, _read_first(computing, declared)))
        for layer in computing:
            self._layer(layer, inputs.batch)
        name = show(self.net.string("name") or self.name)
        outputs = list(self.unread)
        return self.graph.builder.finish(
            outputs, name=name, source=self._description(phase, every), spec=self.source.path, place=self.net.where
        )

    def _description(self, phase: str, every: Iterable[Definition]) -> str:
        text = "Caffe"
        if any(layer.message.has("include") or layer.message.has("exclude") for layer in every):
            text += f", phase {phase}"
        if self.left_out:
            names = ", ".join(show(layer.name or layer.type) for layer in self.left_out[:MOST_NAMED])
            more = len(self.left_out) - MOST_NAMED
            text += f"; without {names}" + (
                f" and {plural(more, 'other layer')} of training and testing" if more > 0 else ""
            )
        return text

    def _layer(self, layer: Definition, batch: int) -> None:
        handler = HANDLERS.get(layer.type)
        if handler is None:
            raise _unknown_type(layer)
        call = Call(self.graph, layer, [self._bottom(layer, name) for name in layer.bottoms], batch)
        try:
            results = handler(call)
        except Problem as problem:
            if problem.where is None:
                problem.where = layer.message.where
                problem.text = layer.title + problem.text
            raise
        call.finish()
        self._check_fields(call)
        if len(layer.tops) > len(results):
            text = f"has {plural(len(layer.tops), 'top blob')}, but makes {plural(len(results), 'blob')}"
            raise layer.problem(text, "name its outputs as `top`", field="top")
        for blob in call.inputs:
            self.unread.pop(blob.node, None)
        for name, blob in zip(layer.tops or [layer.name], results, strict=False):
            self.blobs[name] = blob
            self.unread[blob.node] = None

    def _bottom(self, layer: Definition, name: str) -> Blob:
        blob = self.blobs.get(name)
        if blob is not None:
            return blob
        text = f"reads the blob `{show(name)}`, which no layer above it makes"
        raise layer.problem(
            text,
            did_you_mean(name, [*self.blobs, *self.inputs]) or "check its name and the order of the layers",
            "unknown-name",
            "bottom",
        )

    def _check_fields(self, call: Call) -> None:
        for message in call.read:
            unread = message.check_misspellings(IGNORED) if call.layer.first_version is None else []
            for name in unread:
                if name not in self.foreign:
                    self.foreign.add(name)
                    text = f"the field `{show(name)}` is ignored, because BVLC's Caffe does not have it"
                    problem = message.problem(text, field=name, code="unsupported")
                    problem.level = "warning"
                    self.graph.builder.warnings.append(problem)


def _is_source(layer: Definition) -> bool:
    return layer.type in SOURCES


def _is_left_out(type: str) -> bool:
    return type.endswith("Loss") or type in LEFT_OUT


def _read_first(layers: Iterable[Definition], declared: Iterable[Declared]) -> set[str]:
    """Return the names of the inputs that a layer reads."""
    names = {one.name for one in declared}
    return {name for layer in layers for name in layer.bottoms if name in names}


def _unknown_type(layer: Definition) -> Problem:
    if layer.type == "Python":
        module = layer.message.message("python_param").string("module")
        text = f"runs the code of the Python module `{show(module)}`, which cnncalc does not execute"
        help = "remove the layer, or export the model as ONNX"
        return layer.problem(text, help, "unsupported", "type")
    known = [*HANDLERS, *SOURCES, *LEFT_OUT, "SoftmaxWithLoss"]
    help = did_you_mean(layer.type, known)
    older = did_you_mean(layer.type, [*SECOND, *FIRST]) if not help else ""
    text = "cnncalc does not know this type of layer"
    return layer.problem(
        text, help or older or "export the model as ONNX, or remove the layer", "unknown-layer", "type"
    )


# layers that only training and testing need, besides those whose type ends in `Loss`
LEFT_OUT = ("Accuracy", "SoftmaxWithLoss", "HDF5Output", "Silence", "DetectionEvaluate")
HANDLERS: dict[str, Callable[[Call], list[Blob]]] = {
    "Convolution": windows.convolution, "Deconvolution": windows.convolution, "Pooling": windows.pooling,
    "DepthwiseConvolution": windows.depthwise, "ConvolutionDepthwise": windows.depthwise, "LRN": windows.normalization,
    "Upsample": windows.unpooling, "Interp": windows.interpolation, "Padding": windows.padding,
    "Flatten": views.flatten, "Reshape": views.reshape, "Permute": views.permute, "Split": views.split,
    "Concat": views.concat, "Slice": views.slice_, "Crop": views.crop, "Tile": views.tile,
    "ShuffleChannel": views.channel_shuffle, "PixelShuffle": views.pixel_shuffle,
    **dict.fromkeys(elementwise.SIMPLE, elementwise.simple), "ReLU": elementwise.relu, "PReLU": elementwise.prelu,
    "Clip": elementwise.clip, "Threshold": elementwise.threshold, "Power": elementwise.power, "Exp": elementwise.exponential,
    "Dropout": elementwise.dropout, "Softmax": elementwise.softmax, "Eltwise": elementwise.eltwise, "Axpy": elementwise.axpy,
    "InnerProduct": layers.inner_product, "BatchNorm": layers.batch_norm, "BN": layers.whole_norm, "Scale": layers.scale,
    "Bias": layers.bias, "MVN": layers.mvn, "Normalize": layers.normalize, "Embed": layers.embed,
    "Reduction": layers.reduction, "ArgMax": layers.arg_max, "PriorBox": detection.prior_box,
    "DetectionOutput": detection.detection_output, "LSTM": recurrent.lstm, "RNN": recurrent.rnn,
}  # fmt: skip
