"""The layers of a network, whichever version of Caffe the file is for.

Three versions exist: `layer { type: "Convolution" }`, before that `layers { type: CONVOLUTION }`, and in the first files
`layers { layer { type: "conv" } }`. All become the same list. Layers for another phase are left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from cnncalc.problem import Problem
from cnncalc.readers.caffe.prototxt import Message
from cnncalc.text import did_you_mean, show

MOST_LAYERS = 100_000
TRAIN, TEST = "TRAIN", "TEST"
# type in the second version -> type
SECOND = {
    "ABSVAL": "AbsVal", "ACCURACY": "Accuracy", "ARGMAX": "ArgMax", "BNLL": "BNLL", "CONCAT": "Concat",
    "CONTRASTIVE_LOSS": "ContrastiveLoss", "CONVOLUTION": "Convolution", "DATA": "Data", "DECONVOLUTION": "Deconvolution",
    "DROPOUT": "Dropout", "DUMMY_DATA": "DummyData", "EUCLIDEAN_LOSS": "EuclideanLoss", "ELTWISE": "Eltwise", "EXP": "Exp",
    "FLATTEN": "Flatten", "HDF5_DATA": "HDF5Data", "HDF5_OUTPUT": "HDF5Output", "HINGE_LOSS": "HingeLoss",
    "IM2COL": "Im2col", "IMAGE_DATA": "ImageData", "INFOGAIN_LOSS": "InfogainLoss", "INNER_PRODUCT": "InnerProduct",
    "LRN": "LRN", "MEMORY_DATA": "MemoryData", "MULTINOMIAL_LOGISTIC_LOSS": "MultinomialLogisticLoss", "MVN": "MVN",
    "POOLING": "Pooling", "POWER": "Power", "RELU": "ReLU", "SIGMOID": "Sigmoid",
    "SIGMOID_CROSS_ENTROPY_LOSS": "SigmoidCrossEntropyLoss", "SILENCE": "Silence", "SLICE": "Slice", "SOFTMAX": "Softmax",
    "SOFTMAX_LOSS": "SoftmaxWithLoss", "SPLIT": "Split", "TANH": "TanH", "THRESHOLD": "Threshold",
    "WINDOW_DATA": "WindowData",
}  # fmt: skip
# type in the first version -> type
FIRST = {
    "accuracy": "Accuracy", "bnll": "BNLL", "concat": "Concat", "conv": "Convolution", "data": "Data", "dropout": "Dropout",
    "euclidean_loss": "EuclideanLoss", "flatten": "Flatten", "hdf5_data": "HDF5Data", "hdf5_output": "HDF5Output",
    "images": "ImageData", "im2col": "Im2col", "infogain_loss": "InfogainLoss", "innerproduct": "InnerProduct", "lrn": "LRN",
    "multinomial_logistic_loss": "MultinomialLogisticLoss", "padding": "Padding", "pool": "Pooling", "relu": "ReLU",
    "sigmoid": "Sigmoid", "softmax": "Softmax", "softmax_loss": "SoftmaxWithLoss", "split": "Split", "tanh": "TanH",
    "window_data": "WindowData",
}  # fmt: skip
# fields of the first version that have another name now
RENAMED = {"biasterm": "bias_term", "kernelsize": "kernel_size", "cropsize": "crop_size", "batchsize": "batch_size"}


class Parameter:
    """What a layer states about one of its blobs of parameters: a name to share it by, and whether it is trained."""

    __slots__ = ("frozen", "name")

    def __init__(self, name: str, frozen: bool) -> None:
        self.name = name
        self.frozen = frozen


class Definition:
    """One layer as written."""

    __slots__ = ("bottoms", "first_version", "message", "name", "parameters", "tops", "type")

    def __init__(self, message: Message, first_version: Message | None) -> None:
        inner = first_version or message
        self.message = message
        self.first_version = first_version
        self.name = inner.string("name")
        self.type = self._type(inner)
        message.title = inner.title = self.title
        self.bottoms = message.strings("bottom")
        self.tops = message.strings("top")
        self.parameters = self._parameters(inner)

    @property
    def title(self) -> str:
        """How errors about the layer begin."""
        type = f" ({show(self.type)})" if self.type else ""
        return f"layer `{show(self.name)}`{type}: " if self.name else f"a layer without a name{type}: "

    def _type(self, inner: Message) -> str:
        written = inner.string("type")
        if self.first_version is not None:
            return FIRST.get(written, written)
        return SECOND.get(written, written)

    def _parameters(self, inner: Message) -> list[Parameter]:
        stated = inner.fields.get("param", [])
        names, rates = [], []
        if any(isinstance(value, Message) for value in stated):
            for spec in inner.messages("param"):
                names.append(spec.string("name"))
                rates.append(spec.number("lr_mult", 1.0))
        else:  # the second version has a list of names and a list of rates
            names = inner.strings("param")
            rates = inner.numbers("blobs_lr")
        count = max(len(names), len(rates))
        names += [""] * (count - len(names))
        rates += [1.0] * (count - len(rates))
        return [Parameter(name, rate == 0) for name, rate in zip(names, rates, strict=True)]

    def param(self, name: str) -> Message:
        """Return the message with the layer's own fields, such as `convolution_param`.

        In the first version they are fields of the layer.
        """
        if self.first_version is None:
            return self.message.message(name)
        renamed = Message(self.first_version.text, self.first_version.offset, self.title)
        for field, values in self.first_version.fields.items():
            renamed.fields[RENAMED.get(field, field)] = values
        return renamed

    def problem(self, text: str, help: str = "", code: str = "bad-value", field: str = "") -> Problem:
        """Return a problem at the layer or at one of its fields."""
        return self.message.problem(text, help, field, code)


def definitions(net: Message) -> list[Definition]:
    """Return all layers of a file.

    Raises:
        Problem: A layer is malformed, or `too-large`.
    """
    found = []
    for message in (*net.messages("layers"), *net.messages("layer")):
        inner = message.messages("layer")
        found.append(Definition(message, inner[0] if inner else None))
        if len(found) > MOST_LAYERS:
            raise found[-1].problem(f"the file has more than {MOST_LAYERS:,} layers", code="too-large")
        if not found[-1].type:
            help = 'write `type: "Convolution"` or another type of layer'
            raise found[-1].problem("the layer has no type", help, "missing-field")
    return found


class State:
    """The phase, level and stages that decide which layers are part of the network."""

    def __init__(self, net: Message, phase: str) -> None:
        written = net.message("state")
        self.phase = phase
        self.level = written.integer("level", 0, -(2**31))
        self.stages = frozenset(written.strings("stage"))

    def includes(self, layer: Definition) -> bool:
        """Return whether the layer is part of the network, by Caffe's rules for `include` and `exclude`.

        Raises:
            Problem: `bad-value`.
        """
        include, exclude = layer.message.messages("include"), layer.message.messages("exclude")
        if include and exclude:
            raise layer.problem("`include` and `exclude` contradict each other", "remove one of them", field="exclude")
        if include:
            return any(self._meets(rule) for rule in include)
        return not any(self._meets(rule) for rule in exclude)

    def _meets(self, rule: Message) -> bool:
        if rule.has("phase") and rule.choice("phase", TEST, (TRAIN, TEST)) != self.phase:
            return False
        if not rule.integer("min_level", self.level, -(2**31)) <= self.level:
            return False
        if not rule.integer("max_level", self.level, -(2**31)) >= self.level:
            return False
        return set(rule.strings("stage")) <= self.stages and not set(rule.strings("not_stage")) & self.stages


def phase_of(net: Message, layers: Sequence[Definition], sources: Iterable[str], wanted: Mapping[str, str]) -> str:
    """Return the phase to read: the one that is asked for, else TEST unless only TRAIN has data.

    Raises:
        Problem: `bad-argument`.
    """
    for name, value in wanted.items():
        if name != "phase":
            text = f"a Caffe network has no parameter `{show(name)}`"
            raise Problem("bad-argument", text, did_you_mean(name, ["phase"]) or "write `-p phase=TRAIN`")
        if value.upper() not in (TRAIN, TEST):
            raise Problem(
                "bad-argument", f"`{show(value)}` is not a phase", "write `-p phase=TRAIN` or `-p phase=TEST`"
            )
        return value.upper()
    data = [layer for layer in layers if not layer.bottoms or layer.type in sources]
    if net.has("input") or not data:
        return TEST
    in_test, in_training = State(net, TEST), State(net, TRAIN)
    only_training = not any(map(in_test.includes, data)) and any(map(in_training.includes, data))
    return TRAIN if only_training else TEST
