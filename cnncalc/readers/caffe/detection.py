"""Layers of detectors: the SSD fork and region poolings."""

from __future__ import annotations

from cnncalc.readers.caffe.blobs import Blob, Call, shape_text
from cnncalc.readers.caffe.windows import LARGEST


def prior_box(call: Call) -> list[Blob]:
    """`PriorBox`: coordinates and variances of the boxes at every position of a feature map. They do not depend on numbers."""
    (blob, _), param = call.take(2), call.param("prior_box_param")
    least, most = param.numbers("min_size"), param.numbers("max_size")
    ratios = {1.0}
    flip = param.flag("flip", True)
    for ratio in param.numbers("aspect_ratio"):
        ratios |= {ratio, 1 / ratio} if flip and ratio > 0 else {ratio}
    if not least or (most and len(most) != len(least)):
        text = f"has {len(least)} of `min_size` and {len(most)} of `max_size`"
        raise param.problem(text, "write `min_size`, and as many `max_size` or none", "min_size")
    if len(blob.dims) != 4:
        raise call.problem(f"needs a feature map, but gets {shape_text(blob.dims)}", code="needs-image")
    count = len({round(ratio, 6) for ratio in ratios}) * len(least) + len(most)
    return [
        call.operator("priorbox", (1, 2, blob.dims[2] * blob.dims[3] * count * 4), [blob], order=(1, 2), views=None)
    ]


def detection_output(call: Call) -> list[Blob]:
    """`DetectionOutput`: at most `keep_top_k` detections of 7 numbers."""
    param = call.param("detection_output_param")
    keep = param.integer("keep_top_k", 0, -1, LARGEST)
    if keep < 1:
        text = "the number of detections is open"
        raise param.problem(text, "write `keep_top_k: 200`", "keep_top_k", "missing-field")
    note = f"at most {keep:,} detections, which depend on the numbers"
    return [call.operator("detectionoutput", (1, 1, keep, 7), call.inputs, order=(2, 3), views=None, note=note)]
