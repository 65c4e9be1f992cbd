"""Read custom operators whose meaning their makers have published: those of MediaPipe and of TensorFlow's object detection."""

from __future__ import annotations

from struct import unpack

from cnncalc.layers.operator import Operator, Unknown
from cnncalc.readers.axes import format_dims
from cnncalc.readers.tflite.flexbuffer import whole_numbers
from cnncalc.readers.tflite.graph import Operation, Reader
from cnncalc.readers.tflite.operators.common import Handler
from cnncalc.readers.tflite.operators.windows import SAME, add_transposed

_PADDING_SAME = 1  # TfLitePadding of LiteRT's C API


def transposed_with_bias(r: Reader, step: Operation) -> None:
    """Read MediaPipe's transposed convolution with a bias. Its options are TfLiteTransposeConvParams: padding and strides."""
    x, w, b = step.required(0), step.required(1), step.input(2)
    raw = step.option("custom")
    if len(raw) < 12 or len(x.dims) != 4 or len(w.dims) != 4 or x.dims[0] != 1 or w.dims[3] != x.dims[3]:
        step.raise_invalid(f"filters of {format_dims(w.dims)} do not fit an input of {format_dims(x.dims)}")
    padding, stride_w, stride_h = unpack("<3i", raw[:12])
    strides, kernel = [stride_h, stride_w], list(w.dims[1:3])
    if min(strides) < 1:
        step.raise_invalid(f"its strides are {stride_h} and {stride_w}")
    to = [
        n * s if padding == _PADDING_SAME else (n - 1) * s + k
        for n, s, k in zip(x.dims[1:3], strides, kernel, strict=True)
    ]
    step.info.options["padding"] = SAME if padding == _PADDING_SAME else 1
    add_transposed(r, step, x, w, b, to, kernel, strides, w.dims[0])


def detections(r: Reader, step: Operation) -> None:
    """Read TFLite_Detection_PostProcess: boxes, classes, scores, and the number of detections."""
    found = whole_numbers(step.option("custom"), ("max_detections", "max_classes_per_detection", "use_regular_nms"))
    most = found.get("max_detections", 0)
    if not 1 <= most <= 10**6:
        step.raise_unsupported("its options do not state `max_detections`", "convert the model without this operator")
    most *= max(1, min(found.get("max_classes_per_detection", 1), 1000))
    active = [x for x in step.inputs if x is not None]
    learned = {f"buffer_{place}": x for place, x in enumerate(active) if x.is_learned}
    step.several = True
    names = (("boxes", (1, most, 4)), ("classes", (1, most)), ("scores", (1, most)), ("count", (1,)))
    for k, (name, dims) in enumerate(names[: len(step.info.outputs)]):
        facts = {"layer": Unknown} if k == 0 else {"layer": Operator, "views": None}
        value = r.add_operator(step, dims, active, part=name, name="detection", **facts)
        if k == 0:
            for constant in learned.values():
                r.count_buffers(value, constant)
        r.set_output(step, value, k)


HANDLERS: dict[str, Handler] = {
    "Convolution2DTransposeBias": transposed_with_bias, "TFLite_Detection_PostProcess": detections,
}  # fmt: skip
