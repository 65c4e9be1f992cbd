"""Read the model files of Ultralytics YOLO, from YOLOv3 to YOLO26, as the package ultralytics 8.4 builds them.

The facts are those of `ultralytics/nn/tasks.py` (`parse_model`) and `ultralytics/nn/modules`. Rows become blocks that are named
after their module and number, `C2f_2.m.0.cv1.conv`, and paths in them are those of the PyTorch modules. A detector's output is
what its branches compute: the mean of the distribution of each box and the sigmoid of each class, before boxes are moved to
their positions. ultralytics is not needed, and nothing is executed.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from cnncalc.layers.base import Layer
from cnncalc.layers.merge import Concat
from cnncalc.network import Network
from cnncalc.problem import Problem, Refused, Source
from cnncalc.readers import files
from cnncalc.readers.options import ReaderOptions
from cnncalc.readers.ultralytics import heads, modules
from cnncalc.readers.ultralytics.definition import Definition
from cnncalc.readers.ultralytics.heads import Head
from cnncalc.readers.ultralytics.parts import ACTIVATIONS
from cnncalc.readers.ultralytics.row import Row
from cnncalc.shape import Shape
from cnncalc.text import did_you_mean, quoted, show

IMAGE, CLASSIFIED_IMAGE = 640, 224  # sides of the images that Ultralytics trains with
Output = int | list[int]


def read(path: str, options: ReaderOptions) -> Network:
    """Read the network in a model file.

    Raises:
        Refused: The file has a mistake. The problem has its line.
        OSError: The file cannot be opened.
    """
    return read_text(files.text(path), options)


def read_text(source: Source, options: ReaderOptions) -> Network:
    """Read the network in the text of a model file.

    >>> text = "nc: 80\\nbackbone:\\n- [-1, 1, Conv, [64, 3, 2]]\\nhead:\\n- [-1, 1, nn.Upsample, [None, 2, nearest]]"
    >>> net = read_text(Source("net.yaml", text), ReaderOptions({}, {}))
    >>> [(node.name, str(node.output)) for node in net.nodes[:2]]
    [('input', '640x640x3'), ('Conv_0.conv', '320x320x64')]

    Raises:
        Refused: The text has a mistake. The problem has its line.
    """
    return Reader(source, options).read()


class Reader(Head):
    """Reads the rows of one file in order."""

    def __init__(self, source: Source, options: ReaderOptions) -> None:
        super().__init__()
        self.source = source
        self.options = options
        self.name = show(os.path.splitext(os.path.basename(source.path))[0])
        self.outputs: list[Output] = []

    def read(self) -> Network:
        try:
            return self._read(Definition(self.source, self.options.parameters))
        except Problem as problem:
            if problem.where is None and self.outputs:
                problem.where = self.row.where
                problem.text = f"row {self.row.index} ({show(self.row.module)}): {problem.text}"
            raise Refused([problem], self.builder.partial(name=self.name, spec=self.source.path)) from None

    def _read(self, definition: Definition) -> Network:
        self.classes, self.bins = definition.classes, definition.bins
        self.end_to_end, self.legacy = definition.end_to_end, True
        self.default = _activation(definition)
        self.row = definition.rows[0]
        first = self.builder.input("input", self._size(definition), self.row.where)
        for row in definition.rows:
            self.row = row
            self.outputs.append(self._row(row, first))
        last = self.outputs[-1]
        scale = definition.sizes.scale
        source = f"Ultralytics YOLO, scale {scale}" if scale else "Ultralytics YOLO"
        return self.builder.finish(
            last if isinstance(last, list) else [last], name=self.name, source=source, spec=self.source.path,
            warnings=tuple(definition.warnings), place=self.row.where,
        )  # fmt: skip

    def _size(self, definition: Definition) -> Shape:
        from cnncalc.readers.yaml.inputs import shape_from

        for name, text in self.options.inputs.items():
            if name not in ("", "input"):
                problem = Problem(
                    "unknown-input", f"the model has no input `{show(name)}`", "use the name `input`, or none"
                )
                raise Refused([problem])
            shape = shape_from(text)
            if len(shape) != 3:
                raise Refused([Problem("bad-argument", f"the input cannot be {shape}", "write `--input 640x640x3`")])
            return shape
        side = CLASSIFIED_IMAGE if definition.rows[-1].module == "Classify" else IMAGE
        return Shape((side, side, definition.channels))

    def _row(self, row: Row, first: int) -> Output:
        if row.module == "Concat":
            return self._concat(row, first)
        if row.module == "CBFuse":
            return self._fuse(row)
        head = HEADS.get(row.module)
        if head is not None:
            maps = [self._value(row, source, first) for source in row.sources]
            if row.module == "Detect" and len(row.args) > 1:
                head = heads.anchored
            return head(self, row, maps)
        if len(row.sources) != 1:
            if row.module not in MODULES and row.module != "CBLinear":
                raise _unknown(row)
            text = f"takes one layer, but `from` lists {len(row.sources)}"
            raise row.problem(text, "join them with a row `Concat`")
        value = self._value(row, row.sources[0], first)
        if row.module == "CBLinear":
            return modules.several_convs(self, row, row.path, value)
        if row.module == "Classify":
            return heads.classify(self, row, value)
        module = MODULES.get(row.module)
        if module is None:
            raise _unknown(row)
        if row.module in REPEATING or row.number == 1:
            return module(self, row, row.path, value)
        for number in range(row.number):
            value = module(self, row, f"{row.path}.{number}", value)
        return value

    def _value(self, row: Row, source: int, first: int) -> int:
        value = first if source < 0 else self.outputs[source]
        if isinstance(value, list):
            raise row.problem(f"reads layer {source}, which returns several values", "read it with `CBFuse`")
        return value

    def _concat(self, row: Row, first: int) -> int:
        if row.value(0, 1) not in (1, -3):
            raise row.problem("joins along another axis than the channels", "write `[1]`", "unsupported")
        return self.add(row.path, Concat(), *[self._value(row, source, first) for source in row.sources])

    def _fuse(self, row: Row) -> int:
        places = row.numbers(0, "places")
        *sources, last = row.sources
        if len(places) != len(sources):
            raise row.problem(
                f"has {len(places)} places for {len(sources)} layers", "write one for each layer but the last"
            )
        chosen = []
        for source, place in zip(sources, places, strict=True):
            values = self.outputs[source] if source >= 0 else 0
            if not isinstance(values, list) or place >= len(values):
                raise row.problem(f"layer {source} has no value {place}", "read layers of `CBLinear`", "unknown-name")
            chosen.append(values[place])
        return modules.fuse(self, row, chosen, self._value(row, last, 0))


def _activation(definition: Definition) -> Layer:
    written = definition.activation
    if written is None:
        return ACTIVATIONS["SiLU"]()
    name = str(written).removeprefix("torch.").removeprefix("nn.").partition("(")[0]
    kind = ACTIVATIONS.get(name)
    if kind is None:
        text = f"`{show(str(written))}` is not a supported activation"
        help = did_you_mean(name, ACTIVATIONS) or f"use one of {quoted([f'nn.{word}()' for word in ACTIVATIONS])}"
        raise Problem("unknown-layer", text, help, where=definition.place("activation"))
    return kind()


def _unknown(row: Row) -> Problem:
    known = [*MODULES, *HEADS, "Concat", "CBLinear", "CBFuse", "Classify"]
    if row.module in REFUSED:
        help = "install ultralytics, and read the model with `torch:ultralytics.nn.tasks:DetectionModel --arg cfg=FILE`"
        return row.problem(f"cnncalc does not read this module: {REFUSED[row.module]}", help, "unsupported")
    help = did_you_mean(row.module, known) or "use a module of Ultralytics' own models"
    return row.problem("cnncalc does not know this module", help, "unknown-layer")


# modules that repeat a part of themselves; others are repeated as a whole
REPEATING = (
    "BottleneckCSP", "C1", "C2", "C2f", "C3k2", "C3", "C3Ghost", "C3x", "C2fPSA", "C2fCIB", "C2PSA", "A2C2f",
)  # fmt: skip
HEADS: dict[str, Callable[[Head, Row, list[int]], list[int]]] = {
    "Detect": heads.detect, "Segment": heads.segment, "Pose": heads.pose, "OBB": heads.oriented, "v10Detect": heads.detect_v10,
}  # fmt: skip
MODULES: dict[str, modules.Module] = {
    "Conv": modules.conv, "DWConv": modules.depthwise, "ConvTranspose": modules.transposed, "Focus": modules.focus,
    "nn.ConvTranspose2d": modules.torch_transposed, "DWConvTranspose2d": modules.torch_transposed,
    "GhostConv": modules.ghost_conv, "Bottleneck": modules.bottleneck, "GhostBottleneck": modules.ghost_bottleneck,
    "BottleneckCSP": modules.csp_bottleneck, "C2": modules.c2, "C2f": modules.c2f, "C2fCIB": modules.c2f_cib, "C3": modules.c3,
    "C3x": modules.c3, "C3Ghost": modules.c3_ghost, "C3k2": modules.c3k2, "SPP": modules.spp, "SPPF": modules.sppf,
    "SPPELAN": modules.spp_elan, "RepNCSPELAN4": modules.elan, "ELAN1": modules.elan, "ADown": modules.down,
    "AConv": modules.averaged_conv, "SCDown": modules.separate_down, "ResNetLayer": modules.resnet, "PSA": modules.psa,
    "C2PSA": modules.c2psa, "C2fPSA": modules.c2f_psa, "A2C2f": modules.a2c2f, "nn.Upsample": modules.upsample,
    "nn.MaxPool2d": modules.pool, "nn.AvgPool2d": modules.pool, "nn.ZeroPad2d": modules.zero_pad,
    "nn.Identity": modules.identity, "nn.BatchNorm2d": modules.batch_norm,
}  # fmt: skip
_TEXT = "its weights depend on the words that it looks for"
_RTDETR = "RT-DETR is not supported"
_FOREIGN = "its layers are those of torchvision"
_NEW = "YOLO26 is supported for detection and classification"
REFUSED = {
    **dict.fromkeys(("WorldDetect", "YOLOEDetect", "YOLOESegment", "YOLOESegment26", "C2fAttn", "ImagePoolingAttn"), _TEXT),
    **dict.fromkeys(("RTDETRDecoder", "AIFI", "HGStem", "HGBlock", "RepC3"), _RTDETR),
    **dict.fromkeys(("TorchVision", "Index"), _FOREIGN),
    **dict.fromkeys(("Segment26", "Pose26", "OBB26", "Depth", "SemanticSegment"), _NEW),
    "C3TR": "its attention has two projections", "C1": "no model of Ultralytics uses it",
}  # fmt: skip
